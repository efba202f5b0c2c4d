//! Charsets by the names that messages use.

use encoding_rs::Encoding;

/// A way to write text as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8; a byte order mark at the beginning is not part of the text.
    Utf8,
    /// Each byte is the character of that number. Unlike on the web, 0x80 to 0x9F are control characters.
    Latin1,
    /// Bytes below 0x80 only.
    Ascii,
    /// UTF-16 or UTF-32.
    Wide(Wide),
    /// One of the encodings of the web.
    Web(&'static Encoding),
}

/// UTF-16 and UTF-32. A byte order mark stays in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wide {
    /// UTF-16, written with a mark, little-endian.
    Utf16,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// UTF-32, written with a mark, little-endian.
    Utf32,
    /// UTF-32, little-endian.
    Utf32Le,
    /// UTF-32, big-endian.
    Utf32Be,
}

impl Charset {
    /// Finds a charset by name; case, quotes and the kind of separator do not matter.
    pub fn for_label(label: &str) -> Option<Self> {
        let label = label.trim_matches(|c: char| c.is_ascii_whitespace() || "\"'/".contains(c));
        let plain: String = label
            .chars()
            .filter(|c| !matches!(c, '-' | '_' | ' '))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        Some(match plain.as_str() {
            "utf8" | "utf8sig" | "u8" | "utf" => Self::Utf8,
            "latin1" | "iso88591" | "l1" | "latin" | "88591" | "cp819" => Self::Latin1,
            "ascii" | "usascii" | "646" | "ansix3.41968" => Self::Ascii,
            "utf16" | "u16" => Self::Wide(Wide::Utf16),
            "utf16le" => Self::Wide(Wide::Utf16Le),
            "utf16be" => Self::Wide(Wide::Utf16Be),
            "utf32" | "u32" => Self::Wide(Wide::Utf32),
            "utf32le" => Self::Wide(Wide::Utf32Le),
            "utf32be" => Self::Wide(Wide::Utf32Be),
            "cp932" => Self::Web(encoding_rs::SHIFT_JIS),
            "cp936" => Self::Web(encoding_rs::GB18030),
            "cp949" => Self::Web(encoding_rs::EUC_KR),
            "cp950" => Self::Web(encoding_rs::BIG5),
            _ => Self::Web(web_encoding(label)?),
        })
    }

    /// Decodes bytes; `None` if they are not valid.
    pub fn decode(self, data: &[u8]) -> Option<String> {
        match self {
            Self::Utf8 => {
                let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
                std::str::from_utf8(data).ok().map(str::to_owned)
            }
            Self::Latin1 => Some(data.iter().map(|b| char::from(*b)).collect()),
            Self::Ascii if data.is_ascii() => Self::Latin1.decode(data),
            Self::Ascii => None,
            Self::Wide(wide) => wide.decode(data),
            Self::Web(encoding) => encoding
                .decode_without_bom_handling_and_without_replacement(data)
                .map(std::borrow::Cow::into_owned),
        }
    }

    /// Encodes text; `None` if there is a character that the charset lacks.
    pub fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Utf8 => Some(text.as_bytes().to_vec()),
            Self::Latin1 => text
                .chars()
                .map(|c| u8::try_from(u32::from(c)).ok())
                .collect(),
            Self::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
            Self::Wide(wide) => Some(wide.encode(text)),
            Self::Web(encoding) => {
                let (bytes, used, replaced) = encoding.encode(text);
                (used == encoding && !replaced).then(|| bytes.into_owned())
            }
        }
    }
}

fn web_encoding(label: &str) -> Option<&'static Encoding> {
    let found = Encoding::for_label(label.as_bytes())
        .or_else(|| Encoding::for_label(label.replace('_', "-").as_bytes()))?;
    // The web's name for encodings that must not be used.
    (found != encoding_rs::REPLACEMENT).then_some(found)
}

impl Wide {
    fn decode(self, data: &[u8]) -> Option<String> {
        match self {
            Self::Utf16 | Self::Utf16Le => utf16(data, u16::from_le_bytes),
            Self::Utf16Be => utf16(data, u16::from_be_bytes),
            Self::Utf32 | Self::Utf32Le => utf32(data, u32::from_le_bytes),
            Self::Utf32Be => utf32(data, u32::from_be_bytes),
        }
    }

    fn encode(self, text: &str) -> Vec<u8> {
        let mark = match self {
            Self::Utf16 | Self::Utf32 => "\u{feff}",
            _ => "",
        };
        let chars = mark.chars().chain(text.chars());
        match self {
            Self::Utf16 | Self::Utf16Le => units(chars).flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => units(chars).flat_map(u16::to_be_bytes).collect(),
            Self::Utf32 | Self::Utf32Le => chars.flat_map(|c| u32::from(c).to_le_bytes()).collect(),
            Self::Utf32Be => chars.flat_map(|c| u32::from(c).to_be_bytes()).collect(),
        }
    }
}

fn units(chars: impl Iterator<Item = char>) -> impl Iterator<Item = u16> {
    chars.flat_map(|c| {
        let mut buf = [0; 2];
        let len = c.encode_utf16(&mut buf).len();
        buf.into_iter().take(len)
    })
}

fn utf16(data: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = data.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .collect::<Result<_, _>>()
        .ok()
}

fn utf32(data: &[u8], unit: fn([u8; 4]) -> u32) -> Option<String> {
    let (quads, rest) = data.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    quads
        .iter()
        .map(|quad| char::from_u32(unit(*quad)))
        .collect()
}
