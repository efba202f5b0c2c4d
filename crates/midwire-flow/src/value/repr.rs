//! Values as Python writes them in messages.

use std::fmt::Write as _;

use super::Value;
use super::write::float_text;

impl Value {
    /// The value as Python's `repr` shows it, cut after about `limit` bytes. For messages only.
    pub fn python_repr(&self, limit: usize) -> String {
        let mut out = String::new();
        self.repr_into(&mut out, limit);
        if out.len() > limit {
            let end = out.floor_char_boundary(limit);
            out.truncate(end);
            out.push_str("...");
        }
        out
    }

    fn repr_into(&self, out: &mut String, limit: usize) {
        if out.len() > limit {
            return;
        }
        match self {
            Self::Null => out.push_str("None"),
            Self::Bool(true) => out.push_str("True"),
            Self::Bool(false) => out.push_str("False"),
            Self::Int(n) => out.push_str(itoa::Buffer::new().format(*n)),
            Self::BigInt(digits) => out.push_str(digits),
            Self::Float(f) => out.push_str(&float_text(*f)),
            Self::Bytes(bytes) => {
                let bytes = bytes.get(..limit).unwrap_or(bytes);
                let quote = quote_for(bytes.contains(&b'\''), bytes.contains(&b'"'));
                out.push('b');
                out.push(quote);
                for byte in bytes {
                    push_char(out, char::from(*byte), quote, *byte >= 0x7f);
                }
                out.push(quote);
            }
            Self::Text(text) => {
                let quote = quote_for(text.contains('\''), text.contains('"'));
                out.push(quote);
                for c in text.chars().take(limit) {
                    push_char(out, c, quote, (0x7f..0xa0).contains(&u32::from(c)));
                }
                out.push(quote);
            }
            Self::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if out.len() > limit {
                        return;
                    }
                    if i > 0 {
                        out.push_str(", ");
                    }
                    item.repr_into(out, limit);
                }
                out.push(']');
            }
            Self::Dict(pairs) => {
                out.push('{');
                for (i, (key, value)) in pairs.iter().enumerate() {
                    if out.len() > limit {
                        return;
                    }
                    if i > 0 {
                        out.push_str(", ");
                    }
                    key.repr_into(out, limit);
                    out.push_str(": ");
                    value.repr_into(out, limit);
                }
                out.push('}');
            }
        }
    }
}

fn quote_for(has_single: bool, has_double: bool) -> char {
    if has_single && !has_double { '"' } else { '\'' }
}

/// `escape` asks for a hexadecimal escape of characters that are no controls of ASCII.
fn push_char(out: &mut String, c: char, quote: char, escape: bool) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\\' => out.push_str("\\\\"),
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        // Writing to a string cannot fail.
        c if escape || c < ' ' => drop(write!(out, "\\x{:02x}", u32::from(c))),
        c => out.push(c),
    }
}
