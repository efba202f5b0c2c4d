//! The one function through which untrusted text passes on its way to a terminal.

use std::borrow::Cow;
use std::fmt;

use crate::text::{escape_bytes, show_bytes};

/// Combining marks kept on one character; more would spill over neighbouring cells.
const MAX_MARKS: usize = 8;

/// Text of several lines made safe for a terminal: line feeds and tabs stay, every other character that could move
/// the cursor, reorder or hide text becomes `.`.
///
/// The zero-width joiners U+200C and U+200D stay between two characters beyond ASCII, where scripts and emoji need
/// them. A carriage return before a line feed is dropped with no trace.
pub fn clean_text(text: &str) -> Cow<'_, str> {
    clean(text, Place::Body)
}

/// Text of one line made safe for a terminal: as [`clean_text`], and line feeds, tabs and all invisible characters
/// become `.` as well.
pub fn clean_line(text: &str) -> Cow<'_, str> {
    clean(text, Place::Line)
}

/// Text that has passed the cleaning, so that it may go to a terminal.
///
/// What prints flows or the log takes nothing else. Words of the program itself, which are there when it is built,
/// count as clean; everything else gets here through one of the functions below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clean<'a>(Cow<'a, str>);

impl<'a> Clean<'a> {
    /// One line, see [`clean_line`].
    pub fn line(text: &'a str) -> Self {
        Self(clean_line(text))
    }

    /// Text of several lines, see [`clean_text`].
    pub fn text(text: &'a str) -> Self {
        Self(clean_text(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without white space at its end.
    pub fn trim_end(&self) -> Clean<'_> {
        Clean(Cow::Borrowed(self.0.trim_end()))
    }

    /// The same, independent of what it was made from.
    pub fn into_owned(self) -> Clean<'static> {
        Clean(Cow::Owned(self.0.into_owned()))
    }
}

impl Clean<'static> {
    /// Bytes on one line, what is not UTF-8 as `\xNN`.
    pub fn bytes(data: &[u8]) -> Self {
        Self(Cow::Owned(clean_line(&show_bytes(data)).into_owned()))
    }

    /// Bytes as printable ASCII, everything else escaped, see [`escape_bytes`].
    pub fn escaped(data: &[u8]) -> Self {
        Self(Cow::Owned(escape_bytes(data)))
    }

    /// Blanks.
    pub fn blanks(count: usize) -> Self {
        Self(Cow::Owned(" ".repeat(count)))
    }
}

impl From<&'static str> for Clean<'static> {
    /// Words of the program.
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<u16> for Clean<'static> {
    fn from(number: u16) -> Self {
        Self(Cow::Owned(number.to_string()))
    }
}

impl<'a> From<&'a Clean<'_>> for Clean<'a> {
    fn from(text: &'a Clean<'_>) -> Self {
        Clean(Cow::Borrowed(&text.0))
    }
}

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Body,
    Line,
}

fn clean(text: &str, place: Place) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|b| (0x20..0x7f).contains(&b) || (place == Place::Body && matches!(b, b'\n' | b'\t')))
    {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    let mut before = '\0';
    let mut marks = 0;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if place == Place::Body && c == '\r' && next == Some('\n') {
            continue;
        }
        if marks > MAX_MARKS {
            continue;
        }
        let joins = matches!(c, '\u{200c}' | '\u{200d}')
            && place == Place::Body
            && !before.is_ascii()
            && !is_dangerous(before)
            && next.is_some_and(|n| !n.is_ascii() && !is_dangerous(n));
        let keeps = place == Place::Body && matches!(c, '\n' | '\t');
        cleaned.push(if is_dangerous(c) && !joins && !keeps {
            '.'
        } else {
            c
        });
        before = c;
    }
    Cow::Owned(cleaned)
}

/// True for characters that act on a terminal or deceive its reader.
fn is_dangerous(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f'
        | '\x7f'..='\u{9f}'
        | '\u{61c}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}' | '\u{feff}'
        | '\u{2028}' | '\u{2029}'
        | '\u{e0000}'..='\u{e007f}')
}

/// True for the combining marks that stack on one character (the main blocks of them).
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}'
        | '\u{483}'..='\u{489}'
        | '\u{591}'..='\u{5bd}'
        | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}'
        | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_dangerous_class_becomes_a_dot() {
        let check = |input: &str, body: &str, line: &str| {
            assert_eq!(clean_text(input), body, "body {input:?}");
            assert_eq!(clean_line(input), line, "line {input:?}");
        };
        check("plain ~", "plain ~", "plain ~");
        check("a\tb\nc", "a\tb\nc", "a.b.c");
        check("a\r\nb\rc", "a\nb.c", "a..b.c");
        check("\x00\x1b[31m\x07\x7f", "..[31m..", "..[31m..");
        check("\u{80}\u{85}\u{9b}\u{9f}\u{a0}", "....\u{a0}", "....\u{a0}");
        check("\u{61c}\u{200e}\u{200f}", "...", "...");
        check("\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}", ".....", ".....");
        check("\u{2066}\u{2067}\u{2068}\u{2069}", "....", "....");
        check("a\u{200b}\u{2060}\u{feff}b", "a...b", "a...b");
        check("a\u{200d}b", "a.b", "a.b");
        check(
            "\u{1f468}\u{200d}\u{1f469}",
            "\u{1f468}\u{200d}\u{1f469}",
            "\u{1f468}.\u{1f469}",
        );
        check("\u{200d}\u{1f469}", ".\u{1f469}", ".\u{1f469}");
        check("a\u{2028}\u{2029}b", "a..b", "a..b");
        check("\u{e0001}\u{e0041}\u{e007f}", "...", "...");
        check("日本 é \u{1f600}", "日本 é \u{1f600}", "日本 é \u{1f600}");
    }

    #[test]
    fn combining_marks_are_limited() {
        let text = format!("a{}b", "\u{301}".repeat(40));
        assert_eq!(clean_text(&text), format!("a{}b", "\u{301}".repeat(8)));
    }

    #[test]
    fn clean_text_is_not_copied() {
        assert!(matches!(clean_text("a\nb"), Cow::Borrowed(_)));
        assert!(matches!(clean_line("a b"), Cow::Borrowed(_)));
    }

    #[test]
    fn clean_text_comes_only_from_cleaning() {
        assert_eq!(Clean::line("a\x1b[2J\n").to_string(), "a.[2J.");
        assert_eq!(Clean::text("a\x1b\n").as_str(), "a.\n");
        assert_eq!(Clean::bytes(b"\xff\x07\n").as_str(), "\\xff..");
        assert_eq!(Clean::escaped(b"\x07\n").as_str(), "\\x07\\n");
        assert_eq!(Clean::from(404).as_str(), "404");
        assert_eq!(Clean::text(" a\n").trim_end().as_str(), " a");
        assert_eq!(format!("[{:>3}]", Clean::line("a")), "[  a]");
    }

    proptest! {
        #[test]
        fn nothing_dangerous_is_left(text in any::<String>()) {
            prop_assert!(!clean_line(&text).chars().any(is_dangerous));
            let body = clean_text(&text).into_owned();
            let allowed = ['\n', '\t', '\u{200c}', '\u{200d}'];
            let is_clean = body.chars().all(|c| !is_dangerous(c) || allowed.contains(&c));
            prop_assert!(is_clean);
            prop_assert_eq!(clean_text(&body).into_owned(), body);
        }
    }
}
