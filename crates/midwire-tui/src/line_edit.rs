//! A line of text that is being edited (keys of console.md §8).

use unicode_segmentation::UnicodeSegmentation as _;

use crate::key;

/// Characters that a line may have. More is a file, not a line.
const LIMIT: usize = 64 * 1024;

/// Text and cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineEdit {
    text: String,
    /// Byte offset, always between two characters.
    cursor: usize,
}

impl LineEdit {
    /// A line with the cursor at its end.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let cursor = text.len();
        Self { text, cursor }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Puts the cursor at a byte offset, or at the nearest place before it that is between characters.
    pub(crate) fn set_cursor(&mut self, at: usize) {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        self.cursor = at;
    }

    pub(crate) fn set(&mut self, text: impl Into<String>) {
        self.text = text.into();
        self.cursor = self.text.len();
    }

    /// Inserts text, line ends as blanks.
    pub(crate) fn insert(&mut self, text: &str) {
        let room = LIMIT.saturating_sub(self.text.len());
        for c in text.chars().take(room) {
            let c = if matches!(c, '\n' | '\r' | '\t') {
                ' '
            } else {
                c
            };
            self.text.insert(self.cursor, c);
            self.cursor += c.len_utf8();
        }
    }

    /// Applies a key; false if it is no editing key.
    pub(crate) fn key(&mut self, name: &str) -> bool {
        match name {
            "left" | "ctrl b" => self.cursor = self.before(),
            "right" | "ctrl f" => self.cursor = self.after(),
            "home" | "ctrl a" => self.cursor = 0,
            "end" | "ctrl e" => self.cursor = self.text.len(),
            "meta b" | "ctrl left" => self.cursor = self.word_before(),
            "meta f" | "ctrl right" => self.cursor = self.word_after(),
            "backspace" | "ctrl h" => self.remove(self.before(), self.cursor),
            "delete" | "ctrl d" => self.remove(self.cursor, self.after()),
            "ctrl w" => self.remove(self.word_before(), self.cursor),
            "ctrl u" => self.remove(0, self.cursor),
            "ctrl k" => self.remove(self.cursor, self.text.len()),
            name => match key::typed(name) {
                Some(c) => self.insert(c.encode_utf8(&mut [0; 4])),
                None => return false,
            },
        }
        true
    }

    fn head(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or_default()
    }

    fn rest(&self) -> &str {
        self.text.get(self.cursor..).unwrap_or_default()
    }

    fn before(&self) -> usize {
        let last = self.head().grapheme_indices(true).next_back();
        last.map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        let first = self.rest().graphemes(true).next();
        self.cursor + first.map_or(0, str::len)
    }

    fn word_before(&self) -> usize {
        let trimmed = self.head().trim_end();
        trimmed.rfind(char::is_whitespace).map_or(0, |at| {
            let blank = trimmed.get(at..).and_then(|rest| rest.chars().next());
            at + blank.map_or(0, char::len_utf8)
        })
    }

    fn word_after(&self) -> usize {
        let rest = self.rest();
        let start = rest.len() - rest.trim_start().len();
        let word = rest.trim_start();
        self.cursor + start + word.find(char::is_whitespace).unwrap_or(word.len())
    }

    fn remove(&mut self, from: usize, to: usize) {
        if from < to && to <= self.text.len() {
            self.text.replace_range(from..to, "");
            self.cursor = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editing_keys() {
        let mut line = LineEdit::new("set a 'x'");
        for (key, text, cursor) in [
            ("left", "set a 'x'", 8),
            ("y", "set a 'xy'", 9),
            ("meta b", "set a 'xy'", 6),
            ("ctrl w", "set 'xy'", 4),
            ("ctrl a", "set 'xy'", 0),
            ("meta f", "set 'xy'", 3),
            ("delete", "set'xy'", 3),
            ("ctrl e", "set'xy'", 7),
            ("backspace", "set'xy", 6),
            ("é", "set'xyé", 8),
            ("ctrl b", "set'xyé", 6),
            ("ctrl f", "set'xyé", 8),
        ] {
            assert!(line.key(key), "{key}");
            assert_eq!((line.text(), line.cursor()), (text, cursor), "{key}");
        }
        assert!(!line.key("f1"));
        line.insert("a\nb");
        assert_eq!(line.text(), "set'xyéa b");
    }

    #[test]
    fn a_line_has_a_limit() {
        let mut line = LineEdit::default();
        line.insert(&"x".repeat(LIMIT + 10));
        line.key("y");
        assert_eq!(line.text().len(), LIMIT);
    }
}
