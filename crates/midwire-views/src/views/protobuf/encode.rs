//! Turns an edited text back into a message.

use super::definitions::MessageType;
use super::wire::{push_varint, to_zigzag};
use crate::ViewError;
use crate::views::edit::{Node, documents, float, integer, unknown_tag};
use crate::views::hex::from_hex;

/// The message of a YAML document whose keys are field numbers, or names where a definition is known.
pub(super) fn message(text: &str, names: Option<MessageType<'_>>) -> Result<Vec<u8>, ViewError> {
    let documents = documents(text)?;
    let mut data = Vec::new();
    match documents.as_slice() {
        [] | [Node::Null] => {}
        [Node::Map(entries)] => fields(entries, names, &mut data)?,
        _ => return Err(ViewError::NotApplicable("expected one map of fields")),
    }
    Ok(data)
}

pub(super) fn fields(
    entries: &[(Node, Node)],
    names: Option<MessageType<'_>>,
    data: &mut Vec<u8>,
) -> Result<(), ViewError> {
    for (key, node) in entries {
        if let (Node::Text(name), Some(names)) = (key, names) {
            let field = names
                .field_named(name)
                .ok_or_else(|| ViewError::Other(format!("unknown field `{name}`")))?;
            field.encode(node, data)?;
            continue;
        }
        let number = match key {
            Node::Integer(number) => u64::try_from(*number)
                .ok()
                .filter(|n| (1..1 << 29).contains(n)),
            _ => None,
        };
        let number = number.ok_or_else(|| {
            ViewError::Other(format!("expected a field number instead of {key:?}"))
        })?;
        match node {
            Node::List(items) => items
                .iter()
                .try_for_each(|item| field(number, item, data))?,
            node => field(number, node, data)?,
        }
    }
    Ok(())
}

fn field(number: u64, node: &Node, data: &mut Vec<u8>) -> Result<(), ViewError> {
    match node {
        Node::Null => {}
        Node::Bool(value) => push_number(number, u64::from(*value), data),
        Node::Integer(value) => push_number(number, to_u64(*value)?, data),
        Node::Float(value) => push_fixed64(number, value.to_bits(), data),
        Node::Text(text) => push_bytes(number, text.as_bytes(), data),
        Node::Map(entries) => {
            let mut inner = Vec::new();
            fields(entries, None, &mut inner)?;
            push_bytes(number, &inner, data);
        }
        Node::List(_) => {
            return Err(ViewError::NotApplicable(
                "a list inside a list has no meaning in protobuf",
            ));
        }
        Node::Tagged(tag, text) => tagged(number, tag, text, data)?,
    }
    Ok(())
}

fn tagged(number: u64, tag: &str, text: &str, data: &mut Vec<u8>) -> Result<(), ViewError> {
    let bad = || ViewError::Other(format!("`{text}` is no value for `!{tag}`"));
    let whole = integer(text);
    match tag {
        "binary" => push_bytes(number, &from_hex(text)?, data),
        "varint" => push_number(number, to_u64(whole.ok_or_else(bad)?)?, data),
        "sint" => {
            let value = whole.and_then(|n| i64::try_from(n).ok()).ok_or_else(bad)?;
            push_number(number, to_zigzag(value), data);
        }
        "fixed32" => {
            let bits = match whole {
                Some(n) => u32::try_from(n)
                    .ok()
                    .or_else(|| i32::try_from(n).ok().map(i32::cast_unsigned)),
                None => float(text).map(|value| (value as f32).to_bits()),
            };
            push_fixed32(number, bits.ok_or_else(bad)?, data);
        }
        "fixed64" => {
            let bits = match whole {
                Some(n) => Some(to_u64(n)?),
                None => float(text).map(f64::to_bits),
            };
            push_fixed64(number, bits.ok_or_else(bad)?, data);
        }
        _ => return Err(unknown_tag(tag)),
    }
    Ok(())
}

/// A number of 64 bits, signed or not.
pub(super) fn to_u64(number: i128) -> Result<u64, ViewError> {
    let signed = || i64::try_from(number).ok().map(i64::cast_unsigned);
    u64::try_from(number)
        .ok()
        .or_else(signed)
        .ok_or(ViewError::NotApplicable("number beyond 64 bits"))
}

pub(super) fn push_number(field: u64, value: u64, data: &mut Vec<u8>) {
    push_varint(field << 3, data);
    push_varint(value, data);
}

pub(super) fn push_bytes(field: u64, bytes: &[u8], data: &mut Vec<u8>) {
    push_varint(field << 3 | 2, data);
    push_varint(bytes.len() as u64, data);
    data.extend(bytes);
}

pub(super) fn push_fixed32(field: u64, bits: u32, data: &mut Vec<u8>) {
    push_varint(field << 3 | 5, data);
    data.extend(bits.to_le_bytes());
}

pub(super) fn push_fixed64(field: u64, bits: u64, data: &mut Vec<u8>) {
    push_varint(field << 3 | 1, data);
    data.extend(bits.to_le_bytes());
}
