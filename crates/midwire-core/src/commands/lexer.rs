//! Cutting a command line into words, and quoting words so that they survive it.

use std::ops::Range;

/// A piece of a command line: a word with its quotes, or a run of blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Where it stands in the line, in bytes.
    pub range: Range<usize>,
    /// Whether it is a run of blanks.
    pub is_blank: bool,
}

/// Cuts a line into tokens that cover it entirely.
///
/// Quotes group; a missing closing quote ends at the end of the line. Backslashes mean nothing here,
/// the types `str` and `bytes` handle them.
pub fn tokens(line: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(rest) = line.get(start..)
        && let Some(first) = rest.chars().next()
    {
        let length = match first {
            '"' | '\'' => quoted_length(rest, first),
            c if is_blank(c) => run_length(rest, is_blank),
            _ => run_length(rest, |c| !is_blank(c) && !is_quote(c)),
        };
        tokens.push(Token {
            range: start..start + length,
            is_blank: is_blank(first),
        });
        start += length;
    }
    tokens
}

/// The words of a line, without their quotes. Words may stand together: `a"b"c` is three.
pub fn words(line: &str) -> Vec<String> {
    tokens(line)
        .into_iter()
        .filter(|token| !token.is_blank)
        .filter_map(|token| line.get(token.range))
        .map(|word| unquote(word).to_owned())
        .collect()
}

/// Removes one pair of equal quotes around a word.
pub fn unquote(word: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| word.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(word)
}

/// Quotes a text where that is needed to make it one word.
///
/// A text with both kinds of quotes needs the escape `\x22`, which the types `str` and `bytes` undo.
pub fn quote(text: &str) -> String {
    if !text.is_empty() && !text.contains(|c| is_quote(c) || is_blank(c)) {
        return text.to_owned();
    }
    if !text.contains('"') {
        return format!("\"{text}\"");
    }
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    format!("\"{}\"", text.replace('"', "\\x22"))
}

fn quoted_length(rest: &str, quote: char) -> usize {
    rest.char_indices()
        .skip(1)
        .find(|(_, c)| *c == quote)
        .map_or(rest.len(), |(at, _)| at + 1)
}

fn run_length(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !belongs(c)).unwrap_or(rest.len())
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::commands::escape::unescape;

    #[test]
    fn lines_and_their_words() {
        let check = |line: &str, expected: &[&str]| assert_eq!(words(line), expected, "{line}");
        check("", &[]);
        check(" \t\r\n", &[]);
        check("a b", &["a", "b"]);
        check("a\"b\"c", &["a", "b", "c"]);
        check("\"a\\\"b\"", &["a\\", "b", "\""]);
        check("\"a b", &["\"a b"]);
        check("'", &["'"]);
        check("\"\" ''", &["", ""]);
        check("'\"'", &["\""]);
        check("a\u{a0}b\u{b}c", &["a\u{a0}b\u{b}c"]);
    }

    #[test]
    fn quoting() {
        let check = |text: &str, expected: &str| assert_eq!(quote(text), expected);
        check("a\\b", "a\\b");
        check("", "\"\"");
        check("a b", "\"a b\"");
        check("a\"b", "'a\"b'");
        check("a'b", "\"a'b\"");
        check("a'\"b", "\"a'\\x22b\"");
    }

    proptest! {
        #[test]
        fn tokens_cover_the_line(line in "(?s).*") {
            let mut end = 0;
            for token in tokens(&line) {
                prop_assert_eq!(token.range.start, end);
                end = token.range.end;
            }
            prop_assert_eq!(end, line.len());
        }

        #[test]
        fn quoted_texts_are_one_word(texts in proptest::collection::vec("[a-c\"' \t\\\\é]{0,8}", 1..5)) {
            let line: Vec<String> = texts.iter().map(|text| quote(text)).collect();
            let words = words(&line.join(" "));
            prop_assert_eq!(words.len(), texts.len());
            for (word, text) in words.iter().zip(&texts) {
                if text.contains('"') && text.contains('\'') {
                    if !text.contains('\\') {
                        prop_assert_eq!(&unescape(word).unwrap(), text);
                    }
                } else {
                    prop_assert_eq!(word, text);
                }
            }
        }
    }
}
