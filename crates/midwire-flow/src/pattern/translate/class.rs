//! Character classes.

use super::{Dialect, Local, PatternError, Translator};

/// A member of a class.
enum Member {
    Character(char),
    /// `\d` and the like.
    Set(char),
}

impl Translator {
    /// The class after `[`.
    pub(super) fn class(&mut self, local: Local) -> Result<(), PatternError> {
        let start = self.position;
        self.out.push('[');
        if self.next_if('^') {
            self.out.push('^');
        }
        let first = self.position;
        loop {
            let Some(c) = self.next() else {
                self.position = start;
                return Err(self.error("unterminated character set"));
            };
            if c == ']' && self.position != first + 1 {
                break;
            }
            let low = self.member(c)?;
            if self.peek() != Some('-') || self.input.get(self.position + 1) == Some(&']') {
                self.write_member(&low, local);
                continue;
            }
            self.position += 1;
            let Some(c) = self.next() else {
                self.position = start;
                return Err(self.error("unterminated character set"));
            };
            match (low, self.member(c)?) {
                (Member::Character(low), Member::Character(high)) if low <= high => {
                    self.literal(low);
                    self.out.push('-');
                    self.literal(high);
                }
                _ => return Err(self.error("bad character range")),
            }
        }
        self.out.push(']');
        Ok(())
    }

    fn member(&mut self, c: char) -> Result<Member, PatternError> {
        if c != '\\' {
            return Ok(Member::Character(c));
        }
        let Some(c) = self.next() else {
            return Err(self.error("bad escape (end of pattern)"));
        };
        Ok(match c {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => Member::Set(c),
            'b' => Member::Character('\x08'),
            '0'..='7' => {
                let mut value = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    self.position += 1;
                    value = value * 8 + digit;
                }
                Member::Character(self.octal_in_range(value)?)
            }
            other => Member::Character(self.escaped_character(other)?),
        })
    }

    fn write_member(&mut self, member: &Member, local: Local) {
        match member {
            Member::Character(c) => self.literal(*c),
            Member::Set(set) => {
                let text = self.set(*set, local);
                self.out.push_str(&text);
            }
        }
    }

    /// A set such as `\w` as a class of its own, which also nests. Python counts letters and numbers of all kinds as
    /// word characters, but no marks, and the information separators as white space.
    pub(super) fn set(&self, set: char, local: Local) -> String {
        let ascii = local.ascii || self.dialect == Dialect::Bytes;
        let members = match (set.to_ascii_lowercase(), ascii) {
            ('d', true) => "0-9",
            ('d', false) => r"\p{Nd}",
            ('s', true) => r"\x09-\x0D\x20",
            ('s', false) => r"\s\x1C-\x1F",
            (_, true) => "0-9A-Za-z_",
            (_, false) => r"\p{L}\p{N}_",
        };
        if set.is_ascii_uppercase() {
            format!("[^{members}]")
        } else {
            format!("[{members}]")
        }
    }
}
