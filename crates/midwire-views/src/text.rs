//! Bytes as text.

use std::fmt::Write as _;

/// Bytes looked at to tell text from binary.
const SNIFFED_BYTES: usize = 100;

/// Content as text: UTF-8 as it is, every other byte as `\xNN`.
pub fn show_bytes(data: &[u8]) -> String {
    let mut text = String::with_capacity(data.len());
    for chunk in data.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Content without the byte order mark of UTF-8, which editors put before text.
pub(crate) fn without_mark(data: &[u8]) -> &[u8] {
    data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data)
}

/// Bytes as a single line of printable ASCII: backslash, tab, line end and everything else escaped.
pub fn escape_bytes(data: &[u8]) -> String {
    let mut text = String::with_capacity(data.len());
    for &byte in data {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            0x20..=0x7e => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

/// Bytes on one line: UTF-8 without control characters as it is, anything else escaped as a whole.
pub(crate) fn printable(data: &[u8]) -> String {
    match std::str::from_utf8(data) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => escape_bytes(data),
    }
}

/// True when more than 30 % of the first 100 bytes are no text. Printable ASCII, white space and whole UTF-8
/// characters that are no controls count as text.
pub fn looks_binary(data: &[u8]) -> bool {
    let head = data.get(..SNIFFED_BYTES).unwrap_or(data);
    // A character cut by the end of the sample is looked at whole.
    let end = (head.len()..head.len() + 4).find(|&n| data.get(n).is_none_or(|b| b & 0xc0 != 0x80));
    let head = end.and_then(|n| data.get(..n)).unwrap_or(head);
    if head.is_empty() {
        return false;
    }
    let mut text_bytes = 0;
    for chunk in head.utf8_chunks() {
        text_bytes += chunk
            .valid()
            .chars()
            .filter(|c| is_text(*c))
            .map(char::len_utf8)
            .sum::<usize>();
    }
    (head.len() - text_bytes) * 10 > head.len() * 3
}

fn is_text(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\x0b' | '\x0c')
        || !(c.is_control() || matches!(c, '\u{2028}' | '\u{200b}'))
}

/// Parameters of a field value such as `form-data; name="a"`, quoted strings unquoted (RFC 9110 §5.6.6).
pub(crate) fn parameters(value: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = value.find(';').and_then(|n| value.get(n..)).unwrap_or("");
    while let Some(after) = rest.strip_prefix(';') {
        let (name, tail) = match after.find(['=', ';']) {
            Some(n) => after.split_at(n),
            None => (after, ""),
        };
        let (text, tail) = match tail.strip_prefix('=') {
            Some(tail) => parameter_value(tail.trim_start()),
            None => (String::new(), tail),
        };
        let name = name.trim();
        if !name.is_empty() {
            found.push((name.to_owned(), text));
        }
        rest = tail.find(';').and_then(|n| tail.get(n..)).unwrap_or("");
    }
    found
}

/// Value at the start of `text`, and what follows it.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (value, tail) = text.split_at(end);
        return (value.trim().to_owned(), tail);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, quoted.get(at + 1..).unwrap_or("")),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown() {
        assert_eq!(show_bytes(b"a\xff\xc3\xa9\n"), "a\\xffé\n");
        assert_eq!(
            escape_bytes(b"a\\\t\r\n\x00\xc3\xa9'\""),
            "a\\\\\\t\\r\\n\\x00\\xc3\\xa9'\""
        );
    }

    #[test]
    fn binary_is_told_from_text() {
        let check = |data: &[u8], expected| assert_eq!(looks_binary(data), expected, "{data:?}");
        check(b"", false);
        check(b"a\n\t\r\x0b\x0c", false);
        check(b"a\x00", true);
        check(b"\xe9", true);
        check(&[vec![b'a'; 70], vec![0xff; 30]].concat(), false);
        check(&[vec![b'a'; 69], vec![0xff; 31]].concat(), true);
        check("日本語".repeat(60).as_bytes(), false);
        check(
            &[vec![b'a'; 99], "日".into(), vec![0xff; 500]].concat(),
            false,
        );
    }

    #[test]
    fn parameters_end_where_they_end() {
        let check = |value, expected: &[(&str, &str)]| {
            let found = parameters(value);
            let found: Vec<_> = found
                .iter()
                .map(|(a, b)| (a.as_str(), b.as_str()))
                .collect();
            assert_eq!(found, expected, "{value}");
        };
        check("a", &[]);
        check("a;", &[]);
        check("a; b", &[("b", "")]);
        check(
            "a; b=c ;d = \"e;\\\"f\"; g=",
            &[("b", "c"), ("d", "e;\"f"), ("g", "")],
        );
        check("a; b=\"open", &[("b", "open")]);
    }
}
