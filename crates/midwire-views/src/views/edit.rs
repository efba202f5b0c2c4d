//! Reads the YAML of an edited view.

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::{MAX_DEPTH, ViewError};

/// A value of an edited text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    /// A scalar with a tag such as `!binary`: tag without the mark, and text.
    Tagged(String, String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// The error for a tag that a view does not know.
pub(super) fn unknown_tag(tag: &str) -> ViewError {
    ViewError::Other(format!("unknown tag `!{tag}`"))
}

/// Reads all documents of a text.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, ViewError> {
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| ViewError::Other(error.to_string()))?;
        let node = match event {
            Event::Scalar(text, style, _, tag) => {
                scalar(&text, style, tag.map(|tag| tag.suffix.clone()))
            }
            Event::SequenceStart(..) => {
                push(&mut open, Open::List(Vec::new()))?;
                continue;
            }
            Event::MappingStart(..) => {
                push(&mut open, Open::Map(Vec::new(), None))?;
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Node::List(items),
                Some(Open::Map(entries, _)) => Node::Map(entries),
                None => continue,
            },
            Event::Alias(_) => return Err(ViewError::NotApplicable("aliases are not supported")),
            _ => continue,
        };
        match open.last_mut() {
            None => documents.push(node),
            Some(Open::List(items)) => items.push(node),
            Some(Open::Map(entries, key)) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
    }
    Ok(documents)
}

/// A list or map whose end is not reached.
enum Open {
    List(Vec<Node>),
    Map(Vec<(Node, Node)>, Option<Node>),
}

fn push(open: &mut Vec<Open>, node: Open) -> Result<(), ViewError> {
    if open.len() >= MAX_DEPTH {
        return Err(ViewError::TooDeep(MAX_DEPTH));
    }
    open.push(node);
    Ok(())
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<String>) -> Node {
    if let Some(tag) = tag {
        return Node::Tagged(tag, text.to_owned());
    }
    if style != ScalarStyle::Plain {
        return Node::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Node::Null,
        "true" | "True" | "TRUE" => Node::Bool(true),
        "false" | "False" | "FALSE" => Node::Bool(false),
        _ => integer(text)
            .map(Node::Integer)
            .or_else(|| float(text).map(Node::Float))
            .unwrap_or_else(|| Node::Text(text.to_owned())),
    }
}

/// An integer of the YAML core schema.
pub(super) fn integer(text: &str) -> Option<i128> {
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return i128::from_str_radix(digits, radix)
                .ok()
                .filter(|_| !digits.starts_with(['+', '-']));
        }
    }
    text.parse().ok()
}

/// A floating-point number of the YAML core schema.
pub(super) fn float(text: &str) -> Option<f64> {
    let (is_negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = match unsigned {
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" => f64::NAN,
        _ if unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            unsigned.parse().ok()?
        }
        _ => return None,
    };
    Some(if is_negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_get_their_types() {
        let check =
            |text: &str, expected: Node| assert_eq!(documents(text).unwrap(), [expected], "{text}");
        check("1", Node::Integer(1));
        check("0x1f", Node::Integer(31));
        check("-1.5", Node::Float(-1.5));
        check("'1'", Node::Text("1".into()));
        check("true", Node::Bool(true));
        check("~", Node::Null);
        check("abc", Node::Text("abc".into()));
        check(
            "!binary '00' # c",
            Node::Tagged("binary".into(), "00".into()),
        );
        check(
            "a:\n- 1\n- {}",
            Node::Map(vec![(
                Node::Text("a".into()),
                Node::List(vec![Node::Integer(1), Node::Map(vec![])]),
            )]),
        );
    }

    #[test]
    fn bad_texts_are_refused() {
        assert!(documents("[").is_err());
        assert!(documents("a: &x 1\nb: *x").is_err());
        assert!(documents(&"- ".repeat(MAX_DEPTH + 1)).is_err());
    }
}
