//! Backslash escapes in arguments of the types `str` and `bytes`, as Python writes them.

use std::{iter::Peekable, str::Chars};

/// An escape that stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EscapeError {
    /// `\x` without two hexadecimal digits.
    #[error("incomplete \\x escape")]
    Hex,
    /// A number that is no character.
    #[error("\\{0} is no character")]
    NoCharacter(String),
    /// A character by name.
    #[error("characters cannot be given by name: \\N{{{0}}}")]
    Name(String),
    /// A backslash at the end of bytes.
    #[error("backslash at the end")]
    Trailing,
}

/// Expands the escapes of a text; what is none stays as it is.
pub fn unescape(text: &str) -> Result<String, EscapeError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        // What is no escape keeps its backslash.
        let (c, used) = character(after)?.unwrap_or(('\\', 0));
        out.push(c);
        rest = after.get(used..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(out)
}

/// The character that an escape stands for, and the length of the escape after its backslash.
fn character(after: &str) -> Result<Option<(char, usize)>, EscapeError> {
    let Some(kind) = after.chars().next() else {
        return Ok(None);
    };
    if let Some(c) = simple(kind) {
        return Ok(Some((c, 1)));
    }
    let rest = after.get(1..).unwrap_or_default();
    match kind {
        '0'..='7' => {
            let length = after.bytes().take(3).take_while(|b| is_octal(*b)).count();
            let digits = after.get(..length).unwrap_or_default();
            Ok(number(digits, 8)?.map(|c| (c, length)))
        }
        // Two characters must follow for this to be an escape, and both must be digits.
        'x' if rest.chars().nth(1).is_some() => {
            let digits = hex(rest, 2).ok_or(EscapeError::Hex)?;
            Ok(number(digits, 16)?.map(|c| (c, 3)))
        }
        'u' => wide(rest, 4),
        'U' => wide(rest, 8),
        'N' => match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((name, _)) => Err(EscapeError::Name(name.to_owned())),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

fn wide(rest: &str, length: usize) -> Result<Option<(char, usize)>, EscapeError> {
    let Some(digits) = hex(rest, length) else {
        return Ok(None);
    };
    Ok(number(digits, 16)?.map(|c| (c, length + 1)))
}

fn hex(text: &str, length: usize) -> Option<&str> {
    let digits = text.get(..length)?;
    digits
        .bytes()
        .all(|b| b.is_ascii_hexdigit())
        .then_some(digits)
}

fn number(digits: &str, radix: u32) -> Result<Option<char>, EscapeError> {
    let number = u32::from_str_radix(digits, radix).ok();
    match number.and_then(char::from_u32) {
        Some(c) => Ok(Some(c)),
        None => Err(EscapeError::NoCharacter(digits.to_owned())),
    }
}

fn is_octal(byte: u8) -> bool {
    (b'0'..=b'7').contains(&byte)
}

fn simple(kind: char) -> Option<char> {
    Some(match kind {
        '\\' | '\'' | '"' => kind,
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        _ => return None,
    })
}

/// Expands the escapes of bytes; text becomes UTF-8, octal numbers count modulo 256.
pub fn unescape_bytes(text: &str) -> Result<Vec<u8>, EscapeError> {
    let mut out = Vec::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            push(&mut out, c);
            continue;
        }
        let kind = chars.next().ok_or(EscapeError::Trailing)?;
        if let Some(c) = simple(kind) {
            push(&mut out, c);
            continue;
        }
        match kind {
            '\n' => {}
            '0'..='7' => out.push(octal(kind, &mut chars)),
            'x' => {
                let high = chars.next().and_then(|c| c.to_digit(16));
                let low = chars.next().and_then(|c| c.to_digit(16));
                let (Some(high), Some(low)) = (high, low) else {
                    return Err(EscapeError::Hex);
                };
                out.push((high * 16 + low) as u8);
            }
            other => {
                out.push(b'\\');
                push(&mut out, other);
            }
        }
    }
    Ok(out)
}

fn octal(first: char, chars: &mut Peekable<Chars<'_>>) -> u8 {
    let mut number = first.to_digit(8).unwrap_or_default();
    for _ in 0..2 {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else {
            break;
        };
        number = number * 8 + digit;
        chars.next();
    }
    (number & 0xff) as u8
}

fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts() {
        let check = |text: &str, expected: &str| {
            assert_eq!(unescape(text).as_deref(), Ok(expected), "{text}");
        };
        check("plain", "plain");
        check(r"\x41\u00e9\n\q\101\8", "A\u{e9}\n\\qA\\8");
        check(r"\U0001F600", "\u{1f600}");
        check(r"\u12", r"\u12");
        check(r"\N{DASH", r"\N{DASH");
        check("a\\", "a\\");
        check(r#"\\\'\""#, "\\'\"");
        check(r"\\x41", r"\x41");
        check(r"\a\b\f\r\t\v\0", "\x07\x08\x0c\r\t\x0b\0");
        check(r"\777", "\u{1ff}");
        check(r"\é", "\\é");
        assert_eq!(unescape(r"\xZZ"), Err(EscapeError::Hex));
        assert_eq!(unescape(r"\x4é"), Err(EscapeError::Hex));
        assert!(unescape(r"\U00110000").is_err());
        assert!(unescape(r"\N{BULLET}").is_err());
    }

    #[test]
    fn bytes() {
        let check = |text: &str, expected: &[u8]| {
            assert_eq!(unescape_bytes(text).as_deref(), Ok(expected), "{text}");
        };
        check(r"\xff\n", b"\xff\n");
        check("é", b"\xc3\xa9");
        check(r"\400", b"\0");
        check(r"\u1234\q", br"\u1234\q");
        check("a\\\nb", b"ab");
        assert_eq!(unescape_bytes(r"\x1"), Err(EscapeError::Hex));
        assert_eq!(unescape_bytes("a\\"), Err(EscapeError::Trailing));
    }

    proptest! {
        #[test]
        fn any_text_is_expanded_or_refused(text in "[\\\\xuUN0-9a-f{}é\n]{0,20}") {
            let _ = unescape(&text);
            let _ = unescape_bytes(&text);
        }
    }
}
