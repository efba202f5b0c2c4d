//! Re-indents JSON without changing what it says: numbers keep their text, objects their order and repeated names.

use crate::text::without_mark;
use crate::{MAX_DEPTH, Out, ViewError};

/// Re-indents a JSON text (RFC 8259; `NaN` and infinities are let through). Escapes of printable characters are
/// written as the characters.
///
/// # Errors
/// Anything that is not one JSON text, nesting beyond [`MAX_DEPTH`], output beyond the bound of `out`.
pub(crate) fn pretty(input: &[u8], unit: &str, out: &mut Out) -> Result<(), ViewError> {
    let input = without_mark(input);
    let text = std::str::from_utf8(input)?;
    Printer {
        text,
        at: 0,
        unit,
        out,
        open: Vec::new(),
    }
    .run()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Array,
    Object,
}

struct Printer<'a, 'o> {
    text: &'a str,
    at: usize,
    unit: &'a str,
    out: &'o mut Out,
    open: Vec<Open>,
}

impl Printer<'_, '_> {
    fn run(mut self) -> Result<(), ViewError> {
        loop {
            self.skip_blanks();
            // A value, or the start of a container that has a value.
            match self.peek() {
                Some(b'[') if self.enter(Open::Array, b']')? => continue,
                Some(b'{') if self.enter(Open::Object, b'}')? => {
                    self.name()?;
                    continue;
                }
                Some(b'[' | b'{') => {}
                Some(b'"') => self.string()?,
                _ => self.word()?,
            }
            // What follows a value: ends of containers, then a comma or the end.
            loop {
                self.skip_blanks();
                let Some(open) = self.open.last().copied() else {
                    return if self.at == self.text.len() {
                        Ok(())
                    } else {
                        Err(self.expected("the end"))
                    };
                };
                match (self.peek(), open) {
                    (Some(b','), _) => {
                        self.at += 1;
                        self.out.push(",")?;
                        self.line()?;
                        if open == Open::Object {
                            self.name()?;
                        }
                        break;
                    }
                    (Some(end @ b']'), Open::Array) | (Some(end @ b'}'), Open::Object) => {
                        self.at += 1;
                        self.open.pop();
                        self.line()?;
                        self.out.push_char(char::from(end))?;
                    }
                    (_, Open::Array) => return Err(self.expected("`,` or `]`")),
                    (_, Open::Object) => return Err(self.expected("`,` or `}`")),
                }
            }
        }
    }

    /// Opens a container; false if it was empty and is written already.
    fn enter(&mut self, kind: Open, end: u8) -> Result<bool, ViewError> {
        let start = self.peek().map_or('[', char::from);
        self.at += 1;
        self.skip_blanks();
        self.out.push_char(start)?;
        if self.peek() == Some(end) {
            self.at += 1;
            self.out.push_char(char::from(end))?;
            return Ok(false);
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(ViewError::TooDeep(MAX_DEPTH));
        }
        self.open.push(kind);
        self.line()?;
        Ok(true)
    }

    fn name(&mut self) -> Result<(), ViewError> {
        self.skip_blanks();
        if self.peek() != Some(b'"') {
            return Err(self.expected("a name in double quotes"));
        }
        self.string()?;
        self.skip_blanks();
        if self.peek() != Some(b':') {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        self.out.push(": ")
    }

    fn string(&mut self) -> Result<(), ViewError> {
        self.at += 1;
        self.out.push("\"")?;
        loop {
            let rest = self.text.get(self.at..).unwrap_or("");
            let Some(len) = rest
                .bytes()
                .position(|b| matches!(b, b'"' | b'\\' | 0..0x20))
            else {
                return Err(ViewError::Truncated("a string"));
            };
            self.out.push(rest.get(..len).unwrap_or(""))?;
            self.at += len;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return self.out.push("\"");
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(self.expected("no control character in a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), ViewError> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let len = match rest.as_bytes().get(1) {
            Some(b'/') => {
                self.at += 2;
                return self.out.push("/");
            }
            Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.expected("an escape of JSON")),
        };
        self.out.push(rest.get(..len).unwrap_or(""))?;
        self.at += len;
        Ok(())
    }

    fn unicode_escape(&mut self) -> Result<(), ViewError> {
        let unit = |at: usize| {
            let digits = self.text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
            digits
                .bytes()
                .all(|b| b.is_ascii_hexdigit())
                .then_some(())?;
            u16::from_str_radix(digits, 16).ok()
        };
        let Some(first) = unit(self.at) else {
            return Err(self.expected("four hex digits"));
        };
        let mut units = vec![first];
        if (0xd800..0xdc00).contains(&first) {
            units.extend(unit(self.at + 6));
        }
        let decoded = char::decode_utf16(units.iter().copied())
            .next()
            .and_then(Result::ok);
        // A lone surrogate and characters that act on a terminal stay escaped.
        let shown = decoded.filter(|c| {
            !c.is_control()
                && !matches!(c, '"' | '\\')
                && (*c == '.' || crate::clean_line(c.encode_utf8(&mut [0; 4])) != ".")
        });
        let len = if shown.is_some_and(|c| c.len_utf16() == 2) {
            12
        } else {
            6
        };
        let source = self.text.get(self.at..self.at + len).unwrap_or("");
        self.at += len;
        match shown {
            Some(c) => self.out.push_char(c),
            None => self.out.push(source),
        }
    }

    /// A number or a word.
    fn word(&mut self) -> Result<(), ViewError> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let len = rest
            .bytes()
            .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')));
        let word = rest.get(..len.unwrap_or(rest.len())).unwrap_or("");
        let is_word = matches!(
            word,
            "true" | "false" | "null" | "NaN" | "Infinity" | "-Infinity"
        ) || is_number(word);
        if !is_word {
            return Err(self.expected("a value"));
        }
        self.out.push(word)?;
        self.at += word.len();
        Ok(())
    }

    fn line(&mut self) -> Result<(), ViewError> {
        self.out.push("\n")?;
        self.out.indent(self.unit, self.open.len())
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expected(&self, expected: &'static str) -> ViewError {
        ViewError::Expected {
            expected,
            at: self.at,
        }
    }
}

/// RFC 8259 §6.
fn is_number(word: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (unsigned.get(..at).unwrap_or(""), unsigned.get(at + 1..)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(input: &[u8]) -> Result<String, ViewError> {
        let mut out = Out::for_input(input.len());
        pretty(input, "    ", &mut out)?;
        Ok(out.finish())
    }

    #[test]
    fn texts_are_indented_and_otherwise_kept() {
        let check = |input: &str, expected: &str| {
            assert_eq!(printed(input.as_bytes()).unwrap(), expected, "{input}");
        };
        check(
            r#"{"a":1,"b":[true,null,"é"],"c":{}}"#,
            "{\n    \"a\": 1,\n    \"b\": [\n        true,\n        null,\n        \"é\"\n    ],\n    \"c\": {}\n}",
        );
        check(
            "  [1,2,\n[],{},[[ ]]]  ",
            "[\n    1,\n    2,\n    [],\n    {},\n    [\n        []\n    ]\n]",
        );
        check(
            "{\"a\":1.0,\"a\":1E400}",
            "{\n    \"a\": 1.0,\n    \"a\": 1E400\n}",
        );
        check(
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        );
        check("-0", "-0");
        check(
            r#""\u00e9\ud83d\ude00\/\u0000\u001b\n\u2028\u0022\\""#,
            r#""é😀/\u0000\u001b\n\u2028\u0022\\""#,
        );
        check(r#""\ud83d\u0041\udc00""#, r#""\ud83dA\udc00""#);
        check("\u{feff}NaN", "NaN");
    }

    #[test]
    fn anything_else_is_refused() {
        for input in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "{a:1}",
            "01",
            "1.",
            "+1",
            "tru",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"a",
            "\"\n\"",
            "1 2",
            "]",
            "[1}",
            "\"\\",
            "\"\\u\"",
            "{\"a\":1,}",
        ] {
            assert!(printed(input.as_bytes()).is_err(), "{input}");
        }
        assert!(matches!(printed(b"\"\xff\""), Err(ViewError::NotUtf8(1))));
    }

    #[test]
    fn depth_and_output_are_bounded() {
        let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        assert!(printed(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(matches!(
            printed(nested(MAX_DEPTH + 1).as_bytes()),
            Err(ViewError::TooDeep(_))
        ));
        let wide = format!("{}{}1", "[".repeat(MAX_DEPTH), "1,".repeat(100_000));
        assert!(matches!(
            printed(wide.as_bytes()),
            Err(ViewError::TooLarge(_))
        ));
    }

    proptest! {
        #[test]
        fn printing_is_stable(input in r#"[\[\]{}",:0-9a-e\\u. \ntrufalsn-]{0,60}"#) {
            if let Ok(once) = printed(input.as_bytes()) {
                prop_assert_eq!(printed(once.as_bytes()).unwrap(), once);
            }
        }
    }
}
