//! The cursor that all tokenizers share.

use super::Tag;

/// Walks over a text and collects tagged pieces as byte ranges.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// End and tag of each piece.
    pieces: Vec<(Tag, usize)>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            pieces: Vec::new(),
        }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// What was taken so far.
    pub(super) fn taken(&self) -> &'a str {
        self.text.get(..self.at).unwrap_or("")
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes `len` bytes, rounded up to a whole character and at least one, with a tag.
    pub(super) fn take(&mut self, len: usize, tag: Tag) {
        let mut end = (self.at + len.max(1)).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        self.at = end;
        match self.pieces.last_mut() {
            Some((last, last_end)) if *last == tag => *last_end = end,
            _ => self.pieces.push((tag, end)),
        }
    }

    /// Takes the longest run of characters that `accept` wants.
    pub(super) fn take_while(&mut self, tag: Tag, accept: impl Fn(char) -> bool) {
        let len = self
            .rest()
            .find(|c| !accept(c))
            .unwrap_or(self.rest().len());
        if len > 0 {
            self.take(len, tag);
        }
    }

    /// Takes up to and including `end`, or all of the rest.
    pub(super) fn take_through(&mut self, end: &str, tag: Tag) {
        let len = self
            .rest()
            .find(end)
            .map_or(self.rest().len(), |n| n + end.len());
        self.take(len, tag);
    }

    /// Length of a quoted string at the cursor: to the same quote, a backslash protects the next character. Strings
    /// in single or double quotes end at the end of the line at the latest.
    pub(super) fn quoted_len(&self, quote: char) -> usize {
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => {
                    chars.next();
                }
                '\n' if quote != '`' => return at,
                c if c == quote => return at + 1,
                _ => {}
            }
        }
        self.rest().len()
    }

    /// The pieces; white space after a tagged piece belongs to it.
    pub(super) fn finish(self) -> Vec<(Tag, &'a str)> {
        let mut start = 0;
        let mut joined: Vec<(Tag, usize, usize)> = Vec::new();
        for (tag, end) in self.pieces {
            let piece = self.text.get(start..end).unwrap_or("");
            let is_blank = tag == Tag::Plain && piece.chars().all(char::is_whitespace);
            match joined.last_mut() {
                Some((last, _, last_end)) if is_blank || *last == tag => *last_end = end,
                _ => joined.push((tag, start, end)),
            }
            start = end;
        }
        joined
            .into_iter()
            .filter_map(|(tag, start, end)| Some((tag, self.text.get(start..end)?)))
            .collect()
    }
}
