use super::{Facts, fact, shorten, size};
use crate::ViewError;
use crate::views::reader::Reader;
use crate::yaml::Yaml;

/// Version, size, background colour and comments of a GIF (GIF89a §18 to §24).
pub(super) fn gif(data: &[u8]) -> Result<Facts, ViewError> {
    let mut reader = Reader::new(data);
    let version = crate::show_bytes(reader.bytes(6, "the signature")?);
    let [w0, w1, h0, h1, flags, background, _] = reader.array("the screen descriptor")?;
    let mut facts = vec![
        fact("Format", "Compuserve GIF"),
        fact("Version", version),
        size(u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1])),
        fact("background", background),
    ];
    let _ = reader.bytes(color_table_bytes(flags), "the colours");
    while let Some((kind, text)) = gif_block(&mut reader) {
        if kind == COMMENT {
            facts.push(fact("comment", shorten(&crate::show_bytes(&text))));
        }
    }
    Ok(facts)
}

fn color_table_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        0
    } else {
        3 << ((flags & 7) + 1)
    }
}

/// Label of a comment extension.
const COMMENT: u8 = 0xfe;

/// Takes a block and gives its label and data; images have label 0. `None` at the end of what can be read.
fn gif_block(reader: &mut Reader<'_>) -> Option<(u8, Vec<u8>)> {
    match reader.u8("a block").ok()? {
        0x21 => {
            let label = reader.u8("a label").ok()?;
            Some((label, sub_blocks(reader)?))
        }
        0x2c => {
            let [.., flags] = reader.array::<9>("an image").ok()?;
            reader
                .bytes(color_table_bytes(flags) + 1, "an image")
                .ok()?;
            Some((0, sub_blocks(reader)?))
        }
        _ => None,
    }
}

fn sub_blocks(reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let mut joined = Vec::new();
    loop {
        let len = usize::from(reader.u8("a block").ok()?);
        if len == 0 {
            return Some(joined);
        }
        joined.extend(reader.bytes(len, "a block").ok()?);
    }
}

/// Entries of an icon file: size, depth, and whether an entry is a PNG.
pub(super) fn ico(data: &[u8]) -> Result<Yaml, ViewError> {
    let mut reader = Reader::new(data);
    reader.u32("the head")?;
    let count = u16::from_le_bytes(reader.array("the head")?);
    let mut entries = vec![
        (Yaml::text("Format"), Yaml::text("ICO")),
        (
            Yaml::text("Number of images"),
            Yaml::text(count.to_string()),
        ),
    ];
    for n in 1..=count {
        let Ok(entry) = reader.array::<16>("an entry") else {
            break;
        };
        let [
            width,
            height,
            _,
            _,
            _,
            _,
            depth0,
            depth1,
            _,
            _,
            _,
            _,
            at0,
            at1,
            at2,
            at3,
        ] = entry;
        let side = |side: u8| if side == 0 { 256 } else { u16::from(side) };
        let start = u32::from_le_bytes([at0, at1, at2, at3]) as usize;
        let is_png = data
            .get(start..)
            .is_some_and(|image| image.starts_with(b"\x89PNG"));
        let image = vec![
            (
                Yaml::text("Size"),
                Yaml::text(format!("{} x {}", side(width), side(height))),
            ),
            (
                Yaml::text("Bits per pixel"),
                Yaml::literal(u16::from_le_bytes([depth0, depth1])),
            ),
            (Yaml::text("PNG"), Yaml::literal(is_png)),
        ];
        entries.push((Yaml::text(format!("Image {n}")), Yaml::Map(image)));
    }
    Ok(Yaml::Map(entries))
}

/// Size of a WebP picture (RFC 9649 §2.5 to §2.7).
pub(super) fn webp(data: &[u8]) -> Facts {
    let chunk = data.get(12..16);
    let found = match (chunk, data.get(20..30)) {
        (Some(b"VP8X"), Some(&[_, _, _, _, w0, w1, w2, h0, h1, h2])) => Some((
            u32::from_le_bytes([w0, w1, w2, 0]) + 1,
            u32::from_le_bytes([h0, h1, h2, 0]) + 1,
        )),
        (Some(b"VP8 "), Some(&[_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1])) => Some((
            u32::from_le_bytes([w0, w1 & 0x3f, 0, 0]),
            u32::from_le_bytes([h0, h1 & 0x3f, 0, 0]),
        )),
        (Some(b"VP8L"), Some(&[0x2f, b0, b1, b2, b3, ..])) => {
            let bits = u32::from_le_bytes([b0, b1, b2, b3]);
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        _ => None,
    };
    found
        .map(|(width, height)| size(width, height))
        .into_iter()
        .collect()
}

/// Size of a bitmap of Windows.
pub(super) fn bmp(data: &[u8]) -> Facts {
    let found = match data.get(14..26) {
        Some(&[12, 0, 0, 0, w0, w1, h0, h1, ..]) => Some((
            i32::from(u16::from_le_bytes([w0, w1])),
            i32::from(u16::from_le_bytes([h0, h1])),
        )),
        Some(&[_, _, _, _, w0, w1, w2, w3, h0, h1, h2, h3]) => Some((
            i32::from_le_bytes([w0, w1, w2, w3]),
            i32::from_le_bytes([h0, h1, h2, h3]),
        )),
        _ => None,
    };
    // A negative height means that the top line comes first.
    found
        .map(|(width, height)| size(width, height.unsigned_abs()))
        .into_iter()
        .collect()
}
