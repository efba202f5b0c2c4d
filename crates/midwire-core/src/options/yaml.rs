//! The small part of YAML that config files need: one mapping of names to scalars and lists.

use std::{borrow::Cow, collections::HashMap, fmt::Write as _};

use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use super::value::Value;

/// One key of a config file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Line of the key, counted from 1.
    pub(super) line: usize,
    pub(super) value: Item,
}

/// What stands behind a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// Something an option can have.
    Plain(Value),
    /// Anything else, with the name of its type.
    Other(&'static str),
}

/// What is wrong with a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("Config error at line {line}: {problem}")]
    Syntax { line: usize, problem: String },
    #[error("Config error - no keys found.")]
    NoKeys,
}

/// Reads a document without recursion, so nesting costs nothing.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, Fault> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(&error, text))?;
        reader.take(event, span.start.line())?;
    }
    Ok(reader.entries)
}

fn syntax(error: &ScanError, text: &str) -> Fault {
    let line = error.marker().line();
    let source = text
        .lines()
        .nth(line.saturating_sub(1))
        .unwrap_or_default()
        .trim();
    let problem = match source {
        "" => error.info().to_owned(),
        source => format!("{} (in `{}`)", error.info(), shortened(source)),
    };
    Fault::Syntax { line, problem }
}

fn shortened(line: &str) -> String {
    const SHOWN: usize = 60;
    if line.chars().count() <= SHOWN {
        return line.to_owned();
    }
    line.chars().take(SHOWN).chain("...".chars()).collect()
}

#[derive(Default)]
struct Reader {
    depth: usize,
    seen_document: bool,
    /// The key whose value comes next.
    key: Option<(String, usize)>,
    list: Option<List>,
    anchors: HashMap<usize, Item>,
    entries: Vec<Entry>,
}

/// A list or mapping being read as the value of a key.
struct List {
    anchor: usize,
    items: Vec<String>,
    /// Set as soon as this cannot be a list of texts.
    other: Option<&'static str>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(_) if self.seen_document => {
                return Err(Fault::Syntax {
                    line,
                    problem: "a second document".to_owned(),
                });
            }
            Event::DocumentStart(_) => self.seen_document = true,
            Event::Scalar(text, style, anchor, tag) => {
                let item = scalar(text.clone(), style, tag.as_ref());
                if anchor != 0 {
                    self.anchors.insert(anchor, item.clone());
                }
                self.item(item, Some(text.into_owned()), line)?;
            }
            Event::Alias(anchor) => {
                let item = self.anchors.get(&anchor).cloned();
                self.item(item.unwrap_or(Item::Other("alias")), None, line)?;
            }
            Event::SequenceStart(anchor, _) => self.open(anchor, None, line)?,
            Event::MappingStart(anchor, _) => self.open(anchor, Some("mapping"), line)?,
            Event::SequenceEnd | Event::MappingEnd => self.close(line)?,
            _ => {}
        }
        Ok(())
    }

    fn open(
        &mut self,
        anchor: usize,
        other: Option<&'static str>,
        line: usize,
    ) -> Result<(), Fault> {
        self.depth += 1;
        match (self.depth, &mut self.list) {
            (1, _) if other.is_some() => {}
            (1, _) => return Err(Fault::NoKeys),
            (2, _) if self.key.is_none() => return Err(bad_key(line)),
            (2, list) => {
                *list = Some(List {
                    anchor,
                    items: Vec::new(),
                    other,
                });
            }
            (_, Some(list)) => list.other = list.other.or(Some("sequence of other things")),
            (_, None) => {}
        }
        Ok(())
    }

    fn close(&mut self, line: usize) -> Result<(), Fault> {
        self.depth = self.depth.saturating_sub(1);
        if self.depth != 1 {
            return Ok(());
        }
        let Some(list) = self.list.take() else {
            return Ok(());
        };
        let item = match list.other {
            Some(other) => Item::Other(other),
            None => Item::Plain(Value::Seq(list.items)),
        };
        if list.anchor != 0 {
            self.anchors.insert(list.anchor, item.clone());
        }
        self.item(item, None, line)
    }

    /// Handles something complete: a key, a value or an element, depending on where we are.
    fn item(&mut self, item: Item, text: Option<String>, line: usize) -> Result<(), Fault> {
        if let Some(list) = &mut self.list {
            match item {
                Item::Plain(Value::Str(text)) if self.depth == 2 => list.items.push(text),
                Item::Plain(value) => list.other = list.other.or(Some(list_of(&value))),
                Item::Other(_) => list.other = list.other.or(Some("sequence of other things")),
            }
            return Ok(());
        }
        match self.depth {
            0 if item == Item::Plain(Value::Null) => Ok(()),
            0 => Err(Fault::NoKeys),
            _ => {
                match (self.key.take(), text) {
                    (Some((key, line)), _) => self.entries.push(Entry {
                        key,
                        line,
                        value: item,
                    }),
                    (None, Some(key)) => {
                        if self.entries.iter().any(|entry| entry.key == key) {
                            let problem = format!("{key} is there twice");
                            return Err(Fault::Syntax { line, problem });
                        }
                        self.key = Some((key, line));
                    }
                    (None, None) => return Err(bad_key(line)),
                }
                Ok(())
            }
        }
    }
}

fn bad_key(line: usize) -> Fault {
    Fault::Syntax {
        line,
        problem: "this is no option name".to_owned(),
    }
}

fn list_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "sequence of null",
        Value::Bool(_) => "sequence of bool",
        Value::Int(_) => "sequence of int",
        _ => "sequence of other things",
    }
}

fn scalar(
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Option<&Cow<'_, saphyr_parser::Tag>>,
) -> Item {
    match Scalar::parse_from_cow_and_metadata(text, style, tag) {
        Some(Scalar::Null) => Item::Plain(Value::Null),
        Some(Scalar::Boolean(value)) => Item::Plain(Value::Bool(value)),
        Some(Scalar::Integer(value)) => Item::Plain(Value::Int(value)),
        Some(Scalar::String(value)) => Item::Plain(Value::Str(value.into_owned())),
        Some(Scalar::FloatingPoint(_)) => Item::Other("float"),
        None => Item::Other("unusual value"),
    }
}

/// Writes a scalar so that it is read as the same text again.
pub(super) fn text(value: &str) -> String {
    if value.chars().any(char::is_control) || value.contains(['\u{2028}', '\u{2029}', '\u{feff}']) {
        return double_quoted(value);
    }
    if is_plain(value) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "''"))
}

fn is_plain(value: &str) -> bool {
    let Some(first) = value.chars().next() else {
        return false;
    };
    !"-?:,[]{}#&*!|>'\"%@`".contains(first)
        && value.trim() == value
        && !value.ends_with(':')
        && !value.contains(": ")
        && !value.contains(" #")
        && !value.starts_with("...")
        && matches!(Scalar::parse_from_cow(value.into()), Scalar::String(_))
}

fn double_quoted(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Writes one entry of a mapping, with the line end.
pub(super) fn entry(name: &str, value: &Value) -> String {
    let name = text(name);
    match value {
        Value::Null => format!("{name}:\n"),
        Value::Bool(value) => format!("{name}: {value}\n"),
        Value::Int(value) => format!("{name}: {value}\n"),
        Value::Str(value) => format!("{name}: {}\n", text(value)),
        Value::Seq(items) if items.is_empty() => format!("{name}: []\n"),
        Value::Seq(items) => {
            let mut out = format!("{name}:\n");
            for item in items {
                let _ = writeln!(out, "- {}", text(item));
            }
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str) -> Vec<(String, Value)> {
        parse(text)
            .unwrap()
            .into_iter()
            .map(|entry| match entry.value {
                Item::Plain(value) => (entry.key, value),
                Item::Other(other) => panic!("{other}"),
            })
            .collect()
    }

    #[test]
    fn scalars_and_lists() {
        let check = |text: &str, expected: Value| {
            assert_eq!(plain(text), [("a".to_owned(), expected)], "{text}");
        };
        check("a: true", Value::Bool(true));
        check("a: yes", Value::from("yes"));
        check("a: 12 # x", Value::Int(12));
        check("a:", Value::Null);
        check("a: ~", Value::Null);
        check("a: '12'", Value::from("12"));
        check("a: []", Value::Seq(vec![]));
        let list = Value::Seq(vec!["x".into(), "y z".into()]);
        check("a: [x, y z]", list.clone());
        check("a:\n- x\n- y z\n", list.clone());
        check("{a: [x, y z]}", list);
        assert_eq!(plain("# nothing\n"), []);
        assert_eq!(plain(""), []);
        let aliased = plain("a: &x [p]\nb: *x\n");
        assert_eq!(aliased[0].1, aliased[1].1);
    }

    #[test]
    fn faults_name_the_line() {
        let check = |text: &str, expected: &str| {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        };
        check("hello", "Config error - no keys found.");
        check("- a", "Config error - no keys found.");
        check("mode: [regular\n  nope: :\n", "Config error at line ");
        check("a: 1\na: 2\n", "Config error at line 2: ");
        check("a: 1\n---\nb: 2\n", "Config error at line 2: ");
        check("[x]: 1\n", "Config error at line 1: ");
    }

    #[test]
    fn nesting_is_harmless() {
        let deep = format!("a: {}", "[".repeat(100_000));
        assert!(parse(&deep).is_err());
        let entries = parse("a: {b: {c: [d]}}\ne: [[x]]\nf: 1.5").unwrap();
        assert!(entries.iter().all(|e| matches!(e.value, Item::Other(_))));
        assert_eq!(entries.len(), 3);
    }

    proptest! {
        #[test]
        fn any_text_parses_or_fails(text in ".*") {
            let _ = parse(&text);
        }

        #[test]
        fn written_texts_are_read_back(value in "(?s).*", items in proptest::collection::vec("(?s).*", 0..4)) {
            let out = entry("a", &Value::Str(value.clone())) + &entry("b", &Value::Seq(items.clone()));
            prop_assert_eq!(plain(&out), [
                ("a".to_owned(), Value::Str(value)),
                ("b".to_owned(), Value::Seq(items)),
            ]);
        }
    }
}
