//! Replacement templates of Python's `re.sub`.

use super::{Captures, Pattern, PatternError};

/// What takes the place of a match: literal bytes and groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(Vec<u8>),
    Group(usize),
}

impl Template {
    /// A template without escapes or groups: the bytes as they are.
    pub fn literal(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            parts: vec![Part::Literal(bytes.into())],
        }
    }

    pub(super) fn new(text: &[u8], pattern: &Pattern) -> Result<Self, PatternError> {
        let mut reader = Reader {
            text,
            position: 0,
            literal: Vec::new(),
            parts: Vec::new(),
            pattern,
        };
        while let Some(byte) = reader.next() {
            if byte == b'\\' {
                reader.escape()?;
            } else {
                reader.literal.push(byte);
            }
        }
        reader.flush();
        Ok(Self {
            parts: reader.parts,
        })
    }

    /// Appends the replacement of one match. Groups that took no part are empty.
    pub(super) fn expand(&self, subject: &[u8], captures: &Captures, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Literal(bytes) => out.extend_from_slice(bytes),
                Part::Group(number) => {
                    let found = captures.get(*number).and_then(|span| subject.get(span));
                    out.extend_from_slice(found.unwrap_or_default());
                }
            }
        }
    }
}

struct Reader<'a> {
    text: &'a [u8],
    position: usize,
    literal: Vec<u8>,
    parts: Vec<Part>,
    pattern: &'a Pattern,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.position += 1;
        Some(byte)
    }

    fn next_if(&mut self, accept: impl Fn(u8) -> bool) -> Option<u8> {
        let byte = self.peek().filter(|b| accept(*b))?;
        self.position += 1;
        Some(byte)
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.parts
                .push(Part::Literal(std::mem::take(&mut self.literal)));
        }
    }

    fn error(&self, what: impl Into<String>) -> PatternError {
        PatternError::Syntax {
            what: what.into(),
            position: self.position,
        }
    }

    fn escape(&mut self) -> Result<(), PatternError> {
        let Some(byte) = self.next() else {
            return Err(self.error("bad escape (end of pattern)"));
        };
        let literal = match byte {
            b'g' => return self.named(),
            b'1'..=b'9' => return self.digits(byte),
            b'0' => {
                self.octal();
                return Ok(());
            }
            b'a' => 0x07,
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0B,
            b'\\' => b'\\',
            letter if letter.is_ascii_alphabetic() => {
                return Err(self.error(format!("bad escape \\{}", char::from(letter))));
            }
            other => {
                self.literal.push(b'\\');
                other
            }
        };
        self.literal.push(literal);
        Ok(())
    }

    /// Up to two octal digits after `\0`.
    fn octal(&mut self) {
        let mut value = 0;
        for _ in 0..2 {
            if let Some(digit) = self.next_if(is_octal) {
                value = value * 8 + u32::from(digit - b'0');
            }
        }
        self.character(value);
    }

    /// `\1` to `\99`, or three octal digits that stand for a character.
    fn digits(&mut self, first: u8) -> Result<(), PatternError> {
        let mut value = u32::from(first - b'0');
        if let Some(second) = self.next_if(|b| b.is_ascii_digit()) {
            if is_octal(first)
                && is_octal(second)
                && let Some(third) = self.next_if(is_octal)
            {
                let octal = [first, second, third]
                    .iter()
                    .fold(0, |n, d| n * 8 + u32::from(d - b'0'));
                if octal > 0o377 {
                    return Err(self.error("octal escape value outside of range 0-0o377"));
                }
                self.character(octal);
                return Ok(());
            }
            value = value * 10 + u32::from(second - b'0');
        }
        self.group(value as usize)
    }

    fn named(&mut self) -> Result<(), PatternError> {
        if self.next_if(|b| b == b'<').is_none() {
            return Err(self.error("missing <"));
        }
        let rest = self.text.get(self.position..).unwrap_or_default();
        let Some(len) = memchr::memchr(b'>', rest) else {
            return Err(self.error("missing >, unterminated name"));
        };
        let name = String::from_utf8_lossy(rest.get(..len).unwrap_or_default()).into_owned();
        self.position += len + 1;
        if name.is_empty() {
            return Err(self.error("missing group name"));
        }
        if name.bytes().all(|b| b.is_ascii_digit()) {
            return self.group(name.parse().unwrap_or(usize::MAX));
        }
        match self.pattern.group_number(&name) {
            Some(number) => self.group(number),
            None => Err(self.error(format!("unknown group name '{name}'"))),
        }
    }

    fn group(&mut self, number: usize) -> Result<(), PatternError> {
        if number > self.pattern.group_count() {
            return Err(self.error(format!("invalid group reference {number}")));
        }
        self.flush();
        self.parts.push(Part::Group(number));
        Ok(())
    }

    /// A character by number: one byte, or UTF-8 in a template for text.
    fn character(&mut self, value: u32) {
        if self.pattern.inner.dialect == super::Dialect::Bytes {
            self.literal.push(value as u8);
        } else if let Some(c) = char::from_u32(value) {
            self.literal
                .extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

fn is_octal(byte: u8) -> bool {
    (b'0'..=b'7').contains(&byte)
}
