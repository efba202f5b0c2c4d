//! What a backslash means outside of classes, and the characters it can name anywhere.

use std::fmt::Write as _;

use super::{Dialect, Item, Local, PatternError, Translator};

impl Translator {
    /// The item after a backslash.
    pub(super) fn escape(&mut self, local: Local) -> Result<Item, PatternError> {
        let Some(c) = self.next() else {
            return Err(self.error("bad escape (end of pattern)"));
        };
        match c {
            'A' => Ok(self.fixed(r"\A")),
            'Z' => Ok(self.fixed(r"\z")),
            'b' => Ok(self.boundary(local, r"\b")),
            'B' => Ok(self.boundary(local, r"\B")),
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
                let set = self.set(c, local);
                self.out.push_str(&set);
                Ok(Item::Atom)
            }
            '1'..='9' => self.reference_or_octal(c),
            other => {
                let value = self.escaped_character(other)?;
                self.literal(value);
                Ok(Item::Atom)
            }
        }
    }

    fn fixed(&mut self, text: &str) -> Item {
        self.out.push_str(text);
        Item::Fixed
    }

    fn boundary(&mut self, local: Local, text: &str) -> Item {
        if self.dialect == Dialect::Bytes || !local.ascii {
            return self.fixed(text);
        }
        // `regex` could say it with `(?-u:\b)`, `fancy-regex` cannot; the ASCII flag in text patterns is rare.
        self.needs_fancy = true;
        const WORD: &str = "[0-9A-Za-z_]";
        let text = if text == r"\b" {
            format!("(?:(?<={WORD})(?!{WORD})|(?<!{WORD})(?={WORD}))")
        } else {
            format!("(?:(?<={WORD})(?={WORD})|(?<!{WORD})(?!{WORD}))")
        };
        self.fixed(&text)
    }

    /// `\1` to `\99` refer to groups, unless three octal digits name a character.
    fn reference_or_octal(&mut self, first: char) -> Result<Item, PatternError> {
        let start = self.position;
        let mut number = first.to_digit(10).unwrap_or(0);
        if let Some(second) = self.peek().filter(char::is_ascii_digit) {
            self.position += 1;
            let third = self.peek();
            if let (Some(a), Some(b), Some(c)) = (
                first.to_digit(8),
                second.to_digit(8),
                third.and_then(|c| c.to_digit(8)),
            ) {
                self.position += 1;
                let value = self.octal_in_range(a * 64 + b * 8 + c)?;
                self.literal(value);
                return Ok(Item::Atom);
            }
            number = number * 10 + second.to_digit(10).unwrap_or(0);
        }
        let number = number as usize;
        if number > self.groups {
            self.position = start;
            return Err(self.error(format!("invalid group reference {number}")));
        }
        self.reference(number)
    }

    pub(super) fn reference(&mut self, number: usize) -> Result<Item, PatternError> {
        if self.open_groups.contains(&number) {
            return Err(self.error("cannot refer to an open group"));
        }
        self.needs_fancy = true;
        // The parentheses keep a digit that follows apart.
        let _ = write!(self.out, r"(?:\{number})");
        Ok(Item::Atom)
    }

    /// The character that an escape names, inside and outside of classes.
    pub(super) fn escaped_character(&mut self, c: char) -> Result<char, PatternError> {
        Ok(match c {
            'a' => '\x07',
            'f' => '\x0C',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0B',
            'x' => self.hexadecimal(2)?,
            'u' if self.dialect == Dialect::Text => self.hexadecimal(4)?,
            'U' if self.dialect == Dialect::Text => self.hexadecimal(8)?,
            'N' if self.dialect == Dialect::Text => {
                return Err(PatternError::Unsupported(r"naming characters with \N{...}"));
            }
            '0' => {
                let mut value = 0;
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    self.position += 1;
                    value = value * 8 + digit;
                }
                self.octal_in_range(value)?
            }
            other if other.is_ascii_alphanumeric() => {
                return Err(self.error(format!("bad escape \\{other}")));
            }
            other => other,
        })
    }

    pub(super) fn octal_in_range(&self, value: u32) -> Result<char, PatternError> {
        match u8::try_from(value) {
            Ok(byte) => Ok(char::from(byte)),
            Err(_) => Err(self.error("octal escape value outside of range 0-0o377")),
        }
    }

    fn hexadecimal(&mut self, digits: usize) -> Result<char, PatternError> {
        let mut value = 0_u32;
        for _ in 0..digits {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else {
                return Err(self.error("incomplete escape"));
            };
            self.position += 1;
            value = (value << 4) | digit;
        }
        match char::from_u32(value) {
            Some(c) => Ok(c),
            None if (0xD800..0xE000).contains(&value) => {
                Err(PatternError::Unsupported("a surrogate character"))
            }
            None => Err(self.error("bad escape: no such character")),
        }
    }
}
