//! The one function through which untrusted text passes on its way to a terminal.

use std::borrow::Cow;

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
