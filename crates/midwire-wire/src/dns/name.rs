//! Names: from the wire, with compression, and between their uncompressed bytes and text.
//!
//! Text of a name is its labels with dots between them, nothing for the root. Labels in the ASCII form of IDNA are
//! shown in Unicode if that leads back to the same bytes. What would be ambiguous is escaped as in RFC 1035 §5.1: `\.`
//! and `\\` inside a label, `\DDD` for bytes from 0x80 on. Control bytes stay: whoever shows a name escapes them.

use super::punycode;

/// Why bytes or a text are no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The message ends inside the name.
    #[error("name is cut")]
    Cut,
    /// A label of more than 63 bytes, or of one of the types that were never in use.
    #[error("name with a label of {0} bytes")]
    Label(usize),
    /// More than 255 bytes (RFC 1035 §2.3.4).
    #[error("name longer than 255 bytes")]
    TooLong,
    /// A pointer to itself or to what comes later.
    #[error("name with a compression pointer that does not point backwards")]
    Forward,
    /// More than 128 pointers.
    #[error("name with more than 128 compression pointers")]
    TooManyPointers,
    /// A pointer where none is allowed.
    #[error("name with a compression pointer outside a message")]
    Pointer,
    /// Bytes after the end of the name.
    #[error("bytes after the name")]
    Trailing,
    /// Two dots in a row, or one at the beginning or end.
    #[error("name with an empty label")]
    EmptyLabel,
    /// A label that has no form in ASCII.
    #[error("name with a label that cannot be encoded")]
    Encoding,
}

/// Reads a name at `at`; gives its uncompressed bytes and where reading goes on.
pub(super) fn read_name(message: &[u8], mut at: usize) -> Result<(Vec<u8>, usize), NameError> {
    let mut wire = Vec::new();
    let mut end = None;
    let mut pointers = 0;
    // Each pointer must lead before all that this name has read, so that no loop is possible.
    let mut segment = at;
    loop {
        let length = *message.get(at).ok_or(NameError::Cut)?;
        let next = at + 1;
        match length >> 6 {
            0 => {}
            3 => {
                let low = *message.get(next).ok_or(NameError::Cut)?;
                let target = usize::from(length & 0x3F) << 8 | usize::from(low);
                end.get_or_insert(next + 1);
                pointers += 1;
                if target >= segment {
                    return Err(NameError::Forward);
                }
                if pointers > POINTER_LIMIT {
                    return Err(NameError::TooManyPointers);
                }
                segment = target;
                at = target;
                continue;
            }
            _ => return Err(NameError::Label(usize::from(length))),
        }
        let after = next + usize::from(length);
        let label = message.get(at..after).ok_or(NameError::Cut)?;
        wire.extend_from_slice(label);
        if wire.len() > NAME_LIMIT {
            return Err(NameError::TooLong);
        }
        if length == 0 {
            return Ok((wire, end.unwrap_or(after)));
        }
        at = after;
    }
}

/// The text of a name given as uncompressed bytes, which must be all of `wire`.
pub fn wire_to_name(wire: &[u8]) -> Result<String, NameError> {
    let mut text = String::new();
    let mut rest = wire;
    if wire.len() > NAME_LIMIT {
        return Err(NameError::TooLong);
    }
    loop {
        let (length, after) = rest.split_first().ok_or(NameError::Cut)?;
        let length = usize::from(*length);
        match length {
            0 if after.is_empty() => return Ok(text),
            0 => return Err(NameError::Trailing),
            1..=LABEL_LIMIT => {}
            0xC0.. => return Err(NameError::Pointer),
            _ => return Err(NameError::Label(length)),
        }
        let (label, after) = after.split_at_checked(length).ok_or(NameError::Cut)?;
        if !text.is_empty() {
            text.push('.');
        }
        push_label(&mut text, label);
        rest = after;
    }
}

fn push_label(text: &mut String, label: &[u8]) {
    if let Some(unicode) = punycode::label_to_unicode(label) {
        text.push_str(&unicode);
        return;
    }
    let digit = |number: u8| char::from(b'0' + number);
    for byte in label {
        match byte {
            b'.' => text.push_str("\\."),
            b'\\' => text.push_str("\\\\"),
            0x80.. => text.extend([
                '\\',
                digit(byte / 100),
                digit(byte / 10 % 10),
                digit(byte % 10),
            ]),
            _ => text.push(char::from(*byte)),
        }
    }
}

/// The uncompressed bytes of a name given as text; the empty text is the root.
///
/// Labels with characters outside ASCII are put into lower case and encoded (RFC 3490 §4); they should be composed
/// (NFC) already. A backslash that begins no escape stands for itself.
pub fn name_to_wire(name: &str) -> Result<Vec<u8>, NameError> {
    let mut wire = Vec::with_capacity(name.len() + 2);
    let mut label = Label::default();
    let mut rest = name;
    while let Some(unit) = Unit::next(&mut rest) {
        match unit {
            Unit::Dot => std::mem::take(&mut label).finish(&mut wire)?,
            Unit::Byte(byte) => label.bytes.push(byte),
            Unit::Char(char) if char.is_ascii() => label.bytes.push(char as u8),
            Unit::Char(char) => {
                label.has_unicode = true;
                label.bytes.extend(char.encode_utf8(&mut [0; 4]).bytes());
            }
        }
    }
    if !name.is_empty() {
        label.finish(&mut wire)?;
    }
    wire.push(0);
    if wire.len() > NAME_LIMIT {
        return Err(NameError::TooLong);
    }
    Ok(wire)
}

#[derive(Default)]
struct Label {
    bytes: Vec<u8>,
    has_unicode: bool,
}

impl Label {
    fn finish(self, wire: &mut Vec<u8>) -> Result<(), NameError> {
        let bytes = if self.has_unicode {
            // Escaped bytes between characters make no sense unless they happen to be UTF-8 as well.
            let text = String::from_utf8(self.bytes).map_err(|_| NameError::Encoding)?;
            punycode::label_to_ascii(&text).ok_or(NameError::Encoding)?
        } else {
            self.bytes
        };
        match bytes.len() {
            0 => return Err(NameError::EmptyLabel),
            1..=LABEL_LIMIT => {}
            length => return Err(NameError::Label(length)),
        }
        wire.push(bytes.len() as u8);
        wire.extend(bytes);
        Ok(())
    }
}

/// What a text is made of.
enum Unit {
    Dot,
    Byte(u8),
    Char(char),
}

impl Unit {
    fn next(rest: &mut &str) -> Option<Self> {
        let mut chars = rest.chars();
        let first = chars.next()?;
        let after = chars.as_str();
        let (unit, after) = match first {
            '.' => (Self::Dot, after),
            '\\' => Self::escape(after),
            char => (Self::Char(char), after),
        };
        *rest = after;
        Some(unit)
    }

    fn escape(after: &str) -> (Self, &str) {
        let number = after
            .get(..3)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        if let (Some(Ok(byte)), Some(after)) = (number.map(str::parse), after.get(3..)) {
            return (Self::Byte(byte), after);
        }
        for (escaped, byte) in [(".", b'.'), ("\\", b'\\')] {
            if let Some(after) = after.strip_prefix(escaped) {
                return (Self::Byte(byte), after);
            }
        }
        (Self::Byte(b'\\'), after)
    }
}

const NAME_LIMIT: usize = 255;
const LABEL_LIMIT: usize = 63;
const POINTER_LIMIT: usize = 128;
