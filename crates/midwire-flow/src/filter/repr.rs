//! Values as Python prints them, for metadata lines and error messages.

use std::fmt::Write as _;

use crate::Value;

/// How deep lists and dicts are followed.
const NESTING_LIMIT: usize = 64;

/// Appends `str(value)`: text as it is, everything else as its `repr`.
pub(super) fn push_str(value: &Value, out: &mut String) {
    match value {
        Value::Text(text) => out.push_str(text),
        other => push_repr(other, out, 0),
    }
}

/// `repr` of a text.
pub(super) fn repr_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_text(text, &mut out);
    out
}

fn push_repr(value: &Value, out: &mut String, depth: usize) {
    if depth > NESTING_LIMIT {
        out.push_str("...");
        return;
    }
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(n) => {
            let _ = write!(out, "{n}");
        }
        Value::BigInt(digits) => out.push_str(digits),
        Value::Float(float) => push_float(*float, out),
        Value::Bytes(bytes) => push_bytes(bytes, out),
        Value::Text(text) => push_text(text, out),
        Value::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                push_repr(item, out, depth + 1);
            }
            out.push(']');
        }
        Value::Dict(pairs) => {
            out.push('{');
            for (i, (key, item)) in pairs.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                push_repr(key, out, depth + 1);
                out.push_str(": ");
                push_repr(item, out, depth + 1);
            }
            out.push('}');
        }
    }
}

/// Shortest digits that give the number back; with an exponent below 1e-4 and from 1e16 on.
fn push_float(float: f64, out: &mut String) {
    if float.is_nan() {
        return out.push_str("nan");
    }
    if float.is_infinite() {
        return out.push_str(if float > 0.0 { "inf" } else { "-inf" });
    }
    let size = float.abs();
    if size == 0.0 || (1e-4..1e16).contains(&size) {
        let _ = write!(out, "{float:?}");
        return;
    }
    let text = format!("{float:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => ('-', rest),
        None => ('+', exponent),
    };
    let _ = write!(out, "{digits}e{sign}{exponent:0>2}");
}

fn quote_of(has: impl Fn(char) -> bool) -> char {
    if has('\'') && !has('"') { '"' } else { '\'' }
}

fn push_text(text: &str, out: &mut String) {
    let quote = quote_of(|c| text.contains(c));
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str(r"\n"),
            '\r' => out.push_str(r"\r"),
            '\t' => out.push_str(r"\t"),
            '\\' => out.push_str(r"\\"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xFF => write!(out, r"\x{code:02x}"),
                    0x100..=0xFFFF => write!(out, r"\u{code:04x}"),
                    _ => write!(out, r"\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

fn push_bytes(bytes: &[u8], out: &mut String) {
    let quote = quote_of(|c| bytes.contains(&(c as u8)));
    out.push('b');
    out.push(quote);
    for byte in bytes {
        let c = char::from(*byte);
        match c {
            '\n' => out.push_str(r"\n"),
            '\r' => out.push_str(r"\r"),
            '\t' => out.push_str(r"\t"),
            '\\' => out.push_str(r"\\"),
            c if c == quote => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => {
                let _ = write!(out, r"\x{byte:02x}");
            }
        }
    }
    out.push(quote);
}

/// The standard library's idea of printable characters, white space apart, is near enough to Python's.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    // Marks count as printable when they stand on another character, as in Python always.
    !c.is_whitespace() && !format!("{:?}", format!("a{c}")).contains('\\')
}
