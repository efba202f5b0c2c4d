//! Writes YAML (1.2 core schema) in the shapes the views use.

use std::fmt::Write as _;

use crate::{Out, ViewError};

/// A node to be written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Yaml {
    /// Already YAML on one line, e.g. a number, `null`, or a tagged scalar with a comment.
    Literal(String),
    /// Text, quoted where YAML asks for it.
    Text(String),
    /// A list.
    List(Vec<Yaml>),
    /// A map in its order.
    Map(Vec<(Yaml, Yaml)>),
}

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Text with line ends is double-quoted; dates are quoted.
    Form,
    /// Text with line ends is a block.
    Data,
}

impl Yaml {
    /// A text node.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A node that is written as it is.
    pub(crate) fn literal(text: impl std::fmt::Display) -> Self {
        Self::Literal(format!("{text}"))
    }
}

/// Writes a document; it ends with a line end unless the map or list at the root is empty. Nodes must not nest
/// deeper than [`crate::MAX_DEPTH`]; their makers see to that.
pub(crate) fn write(root: &Yaml, dialect: Dialect, out: &mut Out) -> Result<(), ViewError> {
    let mut writer = Writer { out, dialect };
    writer.node(root, 0, Position::Start)?;
    writer.out.push("\n")
}

/// Groups pairs by name in order of first appearance; a name that repeats gets a list.
pub(crate) fn multi_map(pairs: impl IntoIterator<Item = (String, String)>) -> Yaml {
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<(String, Vec<Yaml>)> = Vec::new();
    for (name, value) in pairs {
        let at = *places.entry(name.clone()).or_insert(groups.len());
        match groups.get_mut(at) {
            Some((_, values)) => values.push(Yaml::Text(value)),
            None => groups.push((name, vec![Yaml::Text(value)])),
        }
    }
    let entries = groups.into_iter().map(|(name, mut values)| {
        let value = if values.len() == 1 {
            values.pop()
        } else {
            None
        };
        (Yaml::Text(name), value.unwrap_or(Yaml::List(values)))
    });
    Yaml::Map(entries.collect())
}

/// What stands before a node on its line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Nothing but indentation and list dashes.
    Start,
    /// A key and its colon.
    Value,
}

struct Writer<'a> {
    out: &'a mut Out,
    dialect: Dialect,
}

impl Writer<'_> {
    fn node(&mut self, node: &Yaml, indent: usize, position: Position) -> Result<(), ViewError> {
        match node {
            Yaml::Literal(text) => {
                self.gap(position)?;
                self.out.push(text)
            }
            Yaml::Text(text) => {
                self.gap(position)?;
                self.text(text, indent)
            }
            Yaml::List(items) if items.is_empty() => {
                self.gap(position)?;
                self.out.push("[]")
            }
            Yaml::Map(entries) if entries.is_empty() => {
                self.gap(position)?;
                self.out.push("{}")
            }
            Yaml::List(items) => self.list(items, indent, position),
            Yaml::Map(entries) => self.map(entries, indent, position),
        }
    }

    fn list(&mut self, items: &[Yaml], indent: usize, position: Position) -> Result<(), ViewError> {
        // The dashes of a list below a key stand under the key.
        let indent = if position == Position::Value {
            indent.saturating_sub(1)
        } else {
            indent
        };
        for (n, item) in items.iter().enumerate() {
            if n > 0 || position == Position::Value {
                self.line(indent)?;
            }
            self.out.push("- ")?;
            self.node(item, indent + 1, Position::Start)?;
        }
        Ok(())
    }

    fn map(
        &mut self,
        entries: &[(Yaml, Yaml)],
        indent: usize,
        position: Position,
    ) -> Result<(), ViewError> {
        for (n, (key, value)) in entries.iter().enumerate() {
            if n > 0 || position == Position::Value {
                self.line(indent)?;
            }
            match key {
                Yaml::Literal(text) => self.out.push(text)?,
                Yaml::Text(text) => self.out.push(&scalar(text, self.dialect))?,
                Yaml::List(_) | Yaml::Map(_) => {
                    self.out.push("? ")?;
                    self.node(key, indent + 1, Position::Start)?;
                    self.line(indent)?;
                }
            }
            self.out.push(":")?;
            self.node(value, indent + 1, Position::Value)?;
        }
        Ok(())
    }

    fn text(&mut self, text: &str, indent: usize) -> Result<(), ViewError> {
        let is_block = self.dialect == Dialect::Data
            && text.contains('\n')
            && text
                .chars()
                .all(|c| matches!(c, '\n' | '\t') || is_printable(c));
        if !is_block {
            return self.out.push(&scalar(text, self.dialect));
        }
        self.out.push("|")?;
        if text.starts_with([' ', '\n', '\t']) {
            self.out.push("2")?;
        }
        let body = text.strip_suffix('\n');
        match body {
            None => self.out.push("-")?,
            Some(body) if body.is_empty() || body.ends_with('\n') => self.out.push("+")?,
            Some(_) => {}
        }
        for line in body.unwrap_or(text).split('\n') {
            if line.is_empty() {
                self.out.push("\n")?;
                continue;
            }
            self.line(indent.max(1))?;
            self.out.push(line)?;
        }
        Ok(())
    }

    fn gap(&mut self, position: Position) -> Result<(), ViewError> {
        match position {
            Position::Start => Ok(()),
            Position::Value => self.out.push(" "),
        }
    }

    fn line(&mut self, indent: usize) -> Result<(), ViewError> {
        self.out.push("\n")?;
        self.out.indent("  ", indent)
    }
}

/// A text as a scalar on one line: plain, or quoted where it would be read as something else.
pub(crate) fn scalar(text: &str, dialect: Dialect) -> String {
    if text.chars().any(|c| !is_printable(c)) {
        return double_quoted(text);
    }
    if !needs_quotes(text, dialect) {
        return text.to_owned();
    }
    if text.contains('\'') {
        double_quoted(text)
    } else {
        format!("'{text}'")
    }
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\0' => quoted.push_str("\\0"),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\x0b' => quoted.push_str("\\v"),
            '\x0c' => quoted.push_str("\\f"),
            '\r' => quoted.push_str("\\r"),
            '\x1b' => quoted.push_str("\\e"),
            c if is_printable(c) => quoted.push(c),
            c => {
                let n = u32::from(c);
                let _ = match n {
                    ..0x100 => write!(quoted, "\\x{n:02X}"),
                    0x100..0x1_0000 => write!(quoted, "\\u{n:04X}"),
                    _ => write!(quoted, "\\U{n:08X}"),
                };
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Characters that stand in YAML as they are. Those that a terminal must not get are escaped, so that a reader sees
/// which one it was.
fn is_printable(c: char) -> bool {
    !c.is_control() && crate::clean_line(c.encode_utf8(&mut [0; 4])) != "." || c == '.'
}

fn needs_quotes(text: &str, dialect: Dialect) -> bool {
    let Some(first) = text.chars().next() else {
        return true;
    };
    let blank_at = |n: usize| text.as_bytes().get(n).is_none_or(|b| *b == b' ');
    text.starts_with(' ')
        || text.ends_with([' ', ':'])
        || "#,[]{}&*!|>'\"%@`".contains(first)
        || (matches!(first, '-' | '?' | ':') && blank_at(1))
        || ((text.starts_with("---") || text.starts_with("...")) && blank_at(3))
        || text.contains(": ")
        || text.contains(" #")
        || is_typed(text, dialect)
}

/// True for plain text that YAML readers take for something else than text.
fn is_typed(text: &str, dialect: Dialect) -> bool {
    const WORDS: [&str; 16] = [
        "~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE", ".nan",
        ".NaN", ".NAN", "=", "<<", ".",
    ];
    if WORDS.contains(&text) {
        return text != ".";
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    match dialect {
        Dialect::Form => {
            is_number(&unsigned.replace('_', "")) && !unsigned.starts_with('_') || is_date(text)
        }
        Dialect::Data => is_number(unsigned),
    }
}

fn is_number(text: &str) -> bool {
    let radix = |prefix, digits: &str| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| digits.contains(c)))
    };
    if radix("0x", "0123456789abcdefABCDEF") || radix("0o", "01234567") || radix("0b", "01") {
        return true;
    }
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at).unwrap_or(""), text.get(at + 1..)),
        None => (text, None),
    };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_mantissa = (digits(whole) && (fraction.is_empty() || digits(fraction)))
        || (whole.is_empty() && digits(fraction));
    is_mantissa && exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e)))
}

/// True for text that begins like `2001-01-01` and holds nothing but a date and a time.
fn is_date(text: &str) -> bool {
    let Some((date, time)) = text.split_at_checked(10) else {
        return false;
    };
    let is_day = date.bytes().enumerate().all(|(n, b)| {
        if n == 4 || n == 7 {
            b == b'-'
        } else {
            b.is_ascii_digit()
        }
    });
    is_day
        && time.bytes().all(|b| {
            b.is_ascii_digit() || matches!(b, b'T' | b't' | b' ' | b':' | b'.' | b'Z' | b'+' | b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(node: &Yaml, dialect: Dialect) -> String {
        let mut out = Out::for_input(0);
        write(node, dialect, &mut out).unwrap();
        out.finish()
    }

    #[test]
    fn text_is_quoted_where_needed() {
        let check = |text: &str, form: &str, data: &str| {
            assert_eq!(scalar(text, Dialect::Form), form, "form {text:?}");
            assert_eq!(scalar(text, Dialect::Data), data, "data {text:?}");
        };
        for plain in [
            "abc", "a\"b", "a'b", "\\", "yes", "a:b", ":a", "a#", "-a", "--", "a]", "a,b", "?a",
            "1:20", "1e", "0x", "0o8", "on", "1 2", "=b", "é", "it's", "x .", ".",
        ] {
            check(plain, plain, plain);
        }
        for quoted in [
            "", "true", "Null", "~", " a", "a ", "a: b", "a:", "#a", "a #b", "-", "- a", "---",
            "--- a", "...", "[a", "{", "}", ",a", "?", "? a", "%a", "@a", "`a", "!a", "&a", "*a",
            "|", ">", "=", "<<", "0", "-1", "+1", "1.5", "1.", ".5", "1e5", "1e-5", "0x1f", "0o7",
            "012", "08", ".inf", "-.inf", ".nan", "0.0", "-0", "\"q\"",
        ] {
            let expected = format!("'{quoted}'");
            check(quoted, &expected, &expected);
        }
        check("1_000", "'1_000'", "1_000");
        check("2001-01-01", "'2001-01-01'", "2001-01-01");
        check(
            "2001-01-01 10:00:00",
            "'2001-01-01 10:00:00'",
            "2001-01-01 10:00:00",
        );
        check("'q'", "\"'q'\"", "\"'q'\"");
        check(
            "\ta\x00\x7f\u{feff}",
            "\"\\ta\\0\\x7F\\uFEFF\"",
            "\"\\ta\\0\\x7F\\uFEFF\"",
        );
        check("a\nb", "\"a\\nb\"", "\"a\\nb\"");
        check("\u{e0041}", "\"\\U000E0041\"", "\"\\U000E0041\"");
    }

    #[test]
    fn nesting_follows_the_block_style() {
        use Yaml::{List, Map};
        let n = |n: i32| Yaml::literal(n);
        let t = |t: &str| Yaml::text(t);
        let inner = Map(vec![
            (t("j"), n(1)),
            (t("k"), List(vec![Map(vec![(t("l"), n(1))])])),
        ]);
        let node = Map(vec![
            (t("e"), Map(vec![])),
            (t("f"), List(vec![])),
            (
                t("g"),
                Map(vec![(
                    t("i"),
                    List(vec![n(1), List(vec![n(2), List(vec![n(3)])]), inner]),
                )]),
            ),
            (List(vec![n(1), n(2)]), n(3)),
        ]);
        let expected = "e: {}\nf: []\ng:\n  i:\n  - 1\n  - - 2\n    - - 3\n  - j: 1\n    k:\n    - l: 1\n? - 1\n  - 2\n: 3\n";
        assert_eq!(written(&node, Dialect::Data), expected);
    }

    #[test]
    fn blocks_keep_their_line_ends() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                written(
                    &Yaml::Map(vec![(Yaml::text("n"), Yaml::text(text))]),
                    Dialect::Data
                ),
                expected
            );
        };
        check("a\nb", "n: |-\n  a\n  b\n");
        check("a\n", "n: |\n  a\n");
        check(" a\nb\n\n", "n: |2+\n   a\n  b\n\n");
        check("a\r\nb", "n: \"a\\r\\nb\"\n");
    }
}
