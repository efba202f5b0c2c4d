//! Characters to words, quoted texts and operator names.

/// Why a piece of the expression could not be read, and where.
pub(super) struct Trouble {
    pub(super) position: usize,
    pub(super) reason: String,
}

impl Trouble {
    pub(super) fn new(position: usize, reason: impl Into<String>) -> Self {
        Self {
            position,
            reason: reason.into(),
        }
    }
}

/// Reads an expression from left to right.
pub(super) struct Lexer<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Goes back to a position that [`Lexer::position`] gave.
    pub(super) fn rewind(&mut self, position: usize) {
        self.position = position;
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.position += c.len_utf8();
        Some(c)
    }

    pub(super) fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.position += wanted.len_utf8();
        }
        found
    }

    /// Only these four separate; other white space is part of words.
    pub(super) fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start_matches(is_blank).len();
    }

    /// The characters up to one that cannot be part of a bare word; may be none.
    pub(super) fn word(&mut self) -> &'a str {
        self.take_while(is_word)
    }

    pub(super) fn digits(&mut self) -> &'a str {
        self.take_while(|c| c.is_ascii_digit())
    }

    /// All visible ASCII characters that come next: an operator name and what is glued to it.
    pub(super) fn name(&mut self) -> &'a str {
        self.take_while(|c| c.is_ascii_graphic())
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.len() - rest.trim_start_matches(accept).len();
        self.position += len;
        rest.get(..len).unwrap_or_default()
    }

    /// A bare word, or a quoted text with its quotes and backslashes taken off; `None` if neither comes.
    pub(super) fn argument(&mut self) -> Result<Option<String>, Trouble> {
        if matches!(self.peek(), Some('"' | '\'')) {
            return self.quoted().map(Some);
        }
        let word = self.word();
        Ok((!word.is_empty()).then(|| word.to_owned()))
    }

    fn quoted(&mut self) -> Result<String, Trouble> {
        let start = self.position;
        let unclosed = || Trouble::new(start, "the closing quote is missing");
        let quote = self.bump().ok_or_else(unclosed)?;
        let mut out = String::new();
        loop {
            let at = self.position;
            let mut c = self.bump().ok_or_else(unclosed)?;
            if c == quote {
                return Ok(out);
            }
            let escaped = c == '\\';
            if escaped {
                c = self.bump().ok_or_else(unclosed)?;
            }
            if c == '\n' || c == '\r' {
                return Err(Trouble::new(
                    at,
                    r"a line break within quotes is written \n or \r",
                ));
            }
            out.push(match c {
                'n' if escaped => '\n',
                '0' if escaped => '\0',
                't' if escaped => '\t',
                'f' if escaped => '\x0C',
                'r' if escaped => '\r',
                other => other,
            });
        }
    }
}

pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// True for characters of bare words.
pub(super) fn is_word(c: char) -> bool {
    !is_blank(c) && !matches!(c, '(' | ')' | '~' | '\'' | '"')
}
