//! JSON as Python writes it with an indent of four, in ASCII.

use std::io::{self, Write};

use serde_json::{Map, Number, Value as Json};

/// Deepest level that is written; HAR entries have less.
const MAX_DEPTH: usize = 32;

/// Writes a value; `level` is that of the line it begins on.
pub(super) fn write(value: &Json, level: usize, out: &mut dyn Write) -> io::Result<()> {
    match value {
        Json::Null => out.write_all(b"null"),
        Json::Bool(true) => out.write_all(b"true"),
        Json::Bool(false) => out.write_all(b"false"),
        Json::Number(number) => write!(out, "{number}"),
        Json::String(text) => string(text, out),
        Json::Array(items) if items.is_empty() || level > MAX_DEPTH => out.write_all(b"[]"),
        Json::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                out.write_all(if i == 0 { b"[" } else { b"," })?;
                line(level + 1, out)?;
                write(item, level + 1, out)?;
            }
            line(level, out)?;
            out.write_all(b"]")
        }
        Json::Object(map) if map.is_empty() || level > MAX_DEPTH => out.write_all(b"{}"),
        Json::Object(map) => {
            out.write_all(b"{")?;
            members(map, level + 1, out)?;
            line(level, out)?;
            out.write_all(b"}")
        }
    }
}

/// Writes the members of an object, each on its line, without the braces.
pub(super) fn members(
    map: &Map<String, Json>,
    level: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (i, (name, value)) in map.iter().enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        line(level, out)?;
        string(name, out)?;
        out.write_all(b": ")?;
        write(value, level, out)?;
    }
    Ok(())
}

/// Begins a line.
pub(super) fn line(level: usize, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"\n")?;
    for _ in 0..level {
        out.write_all(b"    ")?;
    }
    Ok(())
}

fn string(text: &str, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"\"")?;
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        if matches!(c, ' '..='~') && !matches!(c, '"' | '\\') {
            continue;
        }
        out.write_all(text.as_bytes().get(plain..at).unwrap_or_default())?;
        plain = at + c.len_utf8();
        match c {
            '"' => out.write_all(b"\\\"")?,
            '\\' => out.write_all(b"\\\\")?,
            '\n' => out.write_all(b"\\n")?,
            '\r' => out.write_all(b"\\r")?,
            '\t' => out.write_all(b"\\t")?,
            '\u{8}' => out.write_all(b"\\b")?,
            '\u{c}' => out.write_all(b"\\f")?,
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
    }
    out.write_all(text.as_bytes().get(plain..).unwrap_or_default())?;
    out.write_all(b"\"")
}

/// A number that JSON can hold: what is not finite becomes 0.
pub(super) fn float(value: f64) -> Json {
    Json::Number(Number::from_f64(value).unwrap_or_else(|| Number::from(0)))
}

/// Makes text of escaped halves of surrogate pairs that stand alone, which browsers write and strict readers refuse.
pub(super) fn without_lone_surrogates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let len = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.push('\u{fffd}');
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            (Some(_), _) => 6,
            // The character behind the backslash goes along, it may be another one.
            (None, _) => escape
                .char_indices()
                .nth(2)
                .map_or(escape.len(), |(at, _)| at),
        };
        let (kept, after) = escape.split_at_checked(len).unwrap_or((escape, ""));
        out.push_str(kept);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The number of an escape `\uXXXX` at the beginning.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}
