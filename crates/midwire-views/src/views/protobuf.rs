//! Protocol Buffers without a schema, or with names from a `.proto` file.

mod definitions;
mod encode;
mod grpc;
mod wire;

pub(crate) use grpc::Grpc;

use std::collections::BTreeMap;

use definitions::{Definitions, MessageType};
use wire::{Value, parse};

use super::hex::to_hex;
use crate::yaml::{Dialect, Yaml, scalar, write};
use crate::{ContentView, MAX_DEPTH, Metadata, Out, Syntax, ViewError};

/// Shows a protobuf message as YAML, with other readings of a number as a comment.
pub(crate) struct Protobuf;

impl ContentView for Protobuf {
    fn name(&self) -> &'static str {
        "Protobuf"
    }

    fn syntax(&self) -> Syntax {
        Syntax::Yaml
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        // An empty body is an empty message.
        let _ = data;
        if meta.is_media_type(&["application/x-protobuf", "application/x-protobuffer"]) {
            super::FITS
        } else {
            super::NEVER
        }
    }

    fn prettify(&self, data: &[u8], meta: &Metadata<'_>) -> Result<String, ViewError> {
        let definitions = Definitions::load(meta)?;
        show(data, definitions.for_body(meta))
    }

    fn is_interactive(&self) -> bool {
        true
    }

    fn reencode(&self, text: &str, meta: &Metadata<'_>) -> Result<Vec<u8>, ViewError> {
        let definitions = Definitions::load(meta)?;
        encode::message(text, definitions.for_body(meta))
    }
}

/// One message as a YAML document.
fn show(data: &[u8], names: Option<MessageType<'_>>) -> Result<String, ViewError> {
    if data.is_empty() {
        return Ok("{}  # empty protobuf message".to_owned());
    }
    let fields = parse(data, 0)?;
    let mut out = Out::for_input(data.len());
    write(&message(&fields, names, 0), Dialect::Data, &mut out)?;
    Ok(out.finish())
}

/// Fields by number; a number that repeats gets a list.
fn message(fields: &[(u32, Value<'_>)], names: Option<MessageType<'_>>, depth: usize) -> Yaml {
    let mut groups: BTreeMap<u32, Vec<&Value<'_>>> = BTreeMap::new();
    for (number, value) in fields {
        groups.entry(*number).or_default().push(value);
    }
    let entries = groups.into_iter().map(|(number, values)| {
        if let Some((name, node)) = names.and_then(|names| named(number, &values, names, depth)) {
            return (Yaml::Text(name), node);
        }
        let mut nodes = guess(&values, depth);
        let node = if nodes.len() == 1 { nodes.pop() } else { None };
        (Yaml::literal(number), node.unwrap_or(Yaml::List(nodes)))
    });
    Yaml::Map(entries.collect())
}

/// Name and node of a field that has a definition which fits its bytes.
fn named(
    number: u32,
    values: &[&Value<'_>],
    names: MessageType<'_>,
    depth: usize,
) -> Option<(String, Yaml)> {
    let field = names.field(number)?;
    let mut nodes = Vec::new();
    for value in values {
        nodes.extend(field.decode(value, depth)?);
    }
    if field.is_map() {
        let entries = nodes.into_iter().filter_map(|node| {
            if let Yaml::Map(entries) = node {
                Some(entries)
            } else {
                None
            }
        });
        return Some((field.name.clone(), Yaml::Map(entries.flatten().collect())));
    }
    // The last of repeated values counts for a single field, but showing all of them hides nothing.
    let node = if field.is_repeated || nodes.len() > 1 {
        None
    } else {
        nodes.pop()
    };
    Some((field.name.clone(), node.unwrap_or(Yaml::List(nodes))))
}

/// Nodes of a field without a definition. All values of a field have one type, so the reading must fit all of them.
fn guess(values: &[&Value<'_>], depth: usize) -> Vec<Yaml> {
    let bytes: Vec<&[u8]> = values.iter().filter_map(|value| value.bytes()).collect();
    let has_varint = values.iter().any(|value| matches!(value, Value::Varint(_)));
    let packed = has_varint && bytes.iter().all(|bytes| wire::varints(bytes).is_some());
    let reading = Reading::of(&bytes, depth);
    let mut nodes = Vec::new();
    for value in values {
        match value {
            Value::Varint(number) => nodes.push(varint(*number)),
            Value::Fixed32(number) => nodes.push(fixed32(*number)),
            Value::Fixed64(number) => nodes.push(fixed64(*number)),
            Value::Group(fields) => nodes.push(message(fields, None, depth + 1)),
            Value::Bytes(bytes) if packed => nodes.extend(
                wire::varints(bytes)
                    .unwrap_or_default()
                    .into_iter()
                    .map(varint),
            ),
            Value::Bytes(bytes) => nodes.push(reading.node(bytes, depth)),
        }
    }
    nodes
}

/// How bytes of unknown meaning are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Text,
    Message,
    Binary,
}

impl Reading {
    fn of(all: &[&[u8]], depth: usize) -> Self {
        // Text that begins with a line end is more often a message whose first field is text.
        let is_text = all.iter().all(|bytes| is_text(bytes));
        let begins_like_message = all.iter().any(|bytes| bytes.starts_with(b"\n"));
        if is_text && !begins_like_message {
            return Self::Text;
        }
        let is_message = depth < MAX_DEPTH
            && all.iter().any(|bytes| !bytes.is_empty())
            && all.iter().all(|bytes| parse(bytes, depth + 1).is_ok());
        if is_message {
            return Self::Message;
        }
        if is_text { Self::Text } else { Self::Binary }
    }

    fn node(self, bytes: &[u8], depth: usize) -> Yaml {
        match self {
            Self::Text => text_or_binary(bytes),
            Self::Message => match parse(bytes, depth + 1) {
                Ok(fields) => message(&fields, None, depth + 1),
                Err(_) => binary(bytes),
            },
            Self::Binary => binary(bytes),
        }
    }
}

fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        text.chars()
            .all(|c| matches!(c, '\n' | '\r' | '\t') || !c.is_control())
    })
}

fn text_or_binary(bytes: &[u8]) -> Yaml {
    std::str::from_utf8(bytes).map_or_else(|_| binary(bytes), Yaml::text)
}

fn binary(bytes: &[u8]) -> Yaml {
    Yaml::Literal(format!("!binary {}", scalar(&to_hex(bytes), Dialect::Data)))
}

fn varint(number: u64) -> Yaml {
    let signed = number.cast_signed();
    if signed < 0 {
        return readings(
            "",
            &[("u64", number.to_string()), ("i64", signed.to_string())],
        );
    }
    Yaml::Literal(format!("{number}  # !sint: {}", wire::zigzag(number)))
}

fn fixed32(number: u32) -> Yaml {
    let float = f32::from_bits(number);
    let mut found = vec![("u32", number.to_string())];
    // Tiny numbers are no floats that anybody sends, but integers.
    if float.abs() >= 1e-7 {
        found.push(("f32", decimal(float.to_string())));
    }
    if number.cast_signed() < 0 {
        found.push(("i32", number.cast_signed().to_string()));
    }
    readings("!fixed32 ", &found)
}

fn fixed64(number: u64) -> Yaml {
    let float = f64::from_bits(number);
    let mut found = vec![("u64", number.to_string())];
    if float.abs() >= 1e-7 {
        found.push(("f64", decimal(float.to_string())));
    }
    if number.cast_signed() < 0 {
        found.push(("i64", number.cast_signed().to_string()));
    }
    readings("!fixed64 ", &found)
}

fn decimal(text: String) -> String {
    match text.as_str() {
        "inf" => ".inf".to_owned(),
        "-inf" => "-.inf".to_owned(),
        _ if text.contains('.') => text,
        _ => text + ".0",
    }
}

/// The shortest reading, and the others as a comment.
fn readings(tag: &str, found: &[(&str, String)]) -> Yaml {
    let best = found
        .iter()
        .enumerate()
        .min_by_key(|(_, (_, text))| text.len())
        .map_or(0, |(n, _)| n);
    let others: Vec<_> = found
        .iter()
        .enumerate()
        .filter(|(n, _)| *n != best)
        .map(|(_, (name, text))| format!("{name}: {text}"))
        .collect();
    let text = found.get(best).map_or("", |(_, text)| text.as_str());
    if others.is_empty() {
        return Yaml::Literal(format!("{tag}{text}"));
    }
    Yaml::Literal(format!("{tag}{text}  # {}", others.join(", ")))
}

#[cfg(test)]
mod tests;
