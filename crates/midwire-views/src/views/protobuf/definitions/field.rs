//! Values of fields whose type is known.

use super::super::wire::{Value, parse, push_varint, to_zigzag, varints, zigzag};
use super::super::{binary, encode, message};
use super::MessageType;
use super::schema::{Enum, FieldDefinition, Message, Schema};
use crate::views::edit::Node;
use crate::views::hex::from_hex;
use crate::yaml::Yaml;
use crate::{MAX_DEPTH, ViewError};

/// A field with the scope in which its type is looked up.
pub(in super::super) struct Field<'a> {
    schema: &'a Schema,
    scope: &'a str,
    pub(in super::super) name: String,
    pub(in super::super) is_repeated: bool,
    number: u64,
    kind: &'a str,
    map: Option<(&'a str, &'a str)>,
}

/// What the type of a field means on the wire.
#[derive(Clone, Copy)]
enum Kind<'a> {
    Int,
    Uint,
    Sint,
    Bool,
    Fixed32,
    Sfixed32,
    Float,
    Fixed64,
    Sfixed64,
    Double,
    Text,
    Bytes,
    Enum(&'a Enum),
    Message(MessageType<'a>),
}

impl<'a> Field<'a> {
    pub(super) fn new(
        schema: &'a Schema,
        message: &'a Message,
        field: &'a FieldDefinition,
    ) -> Self {
        Self {
            schema,
            scope: &message.name,
            name: field.name.clone(),
            is_repeated: field.is_repeated,
            number: u64::from(field.number),
            kind: &field.kind,
            map: field
                .map
                .as_ref()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        }
    }

    fn kind(&self, name: &str) -> Option<Kind<'a>> {
        Some(match name {
            "int32" | "int64" => Kind::Int,
            "uint32" | "uint64" => Kind::Uint,
            "sint32" | "sint64" => Kind::Sint,
            "bool" => Kind::Bool,
            "fixed32" => Kind::Fixed32,
            "sfixed32" => Kind::Sfixed32,
            "float" => Kind::Float,
            "fixed64" => Kind::Fixed64,
            "sfixed64" => Kind::Sfixed64,
            "double" => Kind::Double,
            "string" => Kind::Text,
            "bytes" => Kind::Bytes,
            name => {
                let find_enum = |schema: &'a Schema, full: &str| {
                    schema.enums.iter().find(|found| found.name == full)
                };
                if let Some(found) = self.schema.resolve(self.scope, name, find_enum) {
                    return Some(Kind::Enum(found));
                }
                let message =
                    self.schema
                        .resolve(self.scope, name, |schema: &'a Schema, full: &str| {
                            schema.message(full)
                        })?;
                Kind::Message(MessageType {
                    schema: self.schema,
                    message,
                })
            }
        })
    }

    /// Nodes of a value; several for packed numbers, `None` if the value does not fit the type.
    pub(in super::super) fn decode(&self, value: &Value<'_>, depth: usize) -> Option<Vec<Yaml>> {
        if let Some((key, entry)) = self.map {
            return self
                .decode_entry(value, (key, entry), depth)
                .map(|pair| vec![Yaml::Map(vec![pair])]);
        }
        let kind = self.kind(self.kind)?;
        if let (Value::Bytes(bytes), Some(width), true) =
            (value, kind.packed_width(), self.is_repeated)
        {
            return unpack(bytes, width)?
                .iter()
                .map(|value| kind.node(value, depth))
                .collect();
        }
        kind.node(value, depth).map(|node| vec![node])
    }

    fn decode_entry(
        &self,
        value: &Value<'_>,
        (key, entry): (&str, &str),
        depth: usize,
    ) -> Option<(Yaml, Yaml)> {
        let fields = parse(value.bytes()?, depth + 1).ok()?;
        let find = |wanted: u32, kind: &str| {
            let value = fields.iter().rev().find(|(number, _)| *number == wanted);
            match value {
                Some((_, value)) => self.kind(kind)?.node(value, depth + 1),
                None => Some(Yaml::literal("null")),
            }
        };
        Some((find(1, key)?, find(2, entry)?))
    }

    /// True for maps, whose entries are joined when they are shown.
    pub(in super::super) fn is_map(&self) -> bool {
        self.map.is_some()
    }

    /// Appends the field with the value of an edited text.
    pub(in super::super) fn encode(
        &self,
        node: &Node,
        data: &mut Vec<u8>,
    ) -> Result<(), ViewError> {
        let unknown =
            |kind: &str| ViewError::Other(format!("unknown type `{kind}` in the definitions"));
        if let (Some((key, value)), Node::Map(entries)) = (self.map, node) {
            let (key_kind, value_kind) = (
                self.kind(key).ok_or_else(|| unknown(key))?,
                self.kind(value).ok_or_else(|| unknown(value))?,
            );
            for (key, value) in entries {
                let mut entry = Vec::new();
                key_kind.encode(1, key, &mut entry)?;
                value_kind.encode(2, value, &mut entry)?;
                encode::push_bytes(self.number, &entry, data);
            }
            return Ok(());
        }
        let kind = self.kind(self.kind).ok_or_else(|| unknown(self.kind))?;
        match node {
            Node::List(items) if kind.packed_width().is_some() => {
                let mut packed = Vec::new();
                for item in items {
                    packed.extend(kind.bare(item)?);
                }
                encode::push_bytes(self.number, &packed, data);
                Ok(())
            }
            Node::List(items) => items
                .iter()
                .try_for_each(|item| kind.encode(self.number, item, data)),
            node => kind.encode(self.number, node, data),
        }
    }
}

/// Width of a number in a packed list.
#[derive(Clone, Copy)]
enum Width {
    Varint,
    Four,
    Eight,
}

fn unpack(bytes: &[u8], width: Width) -> Option<Vec<Value<'static>>> {
    match width {
        Width::Varint => {
            varints(bytes).map(|numbers| numbers.into_iter().map(Value::Varint).collect())
        }
        Width::Four if bytes.len().is_multiple_of(4) => Some(
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|bits| Value::Fixed32(u32::from_le_bytes(*bits)))
                .collect(),
        ),
        Width::Eight if bytes.len().is_multiple_of(8) => Some(
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|bits| Value::Fixed64(u64::from_le_bytes(*bits)))
                .collect(),
        ),
        _ => None,
    }
}

impl Kind<'_> {
    fn packed_width(self) -> Option<Width> {
        match self {
            Self::Text | Self::Bytes | Self::Message(_) => None,
            Self::Fixed32 | Self::Sfixed32 | Self::Float => Some(Width::Four),
            Self::Fixed64 | Self::Sfixed64 | Self::Double => Some(Width::Eight),
            _ => Some(Width::Varint),
        }
    }

    fn node(self, value: &Value<'_>, depth: usize) -> Option<Yaml> {
        Some(match (self, value) {
            (Self::Int, Value::Varint(n)) => Yaml::literal(n.cast_signed()),
            (Self::Uint, Value::Varint(n)) => Yaml::literal(n),
            (Self::Sint, Value::Varint(n)) => Yaml::literal(zigzag(*n)),
            (Self::Bool, Value::Varint(n)) => Yaml::literal(*n != 0),
            (Self::Enum(found), Value::Varint(n)) => {
                let name = found
                    .values
                    .iter()
                    .find(|(_, number)| *number == n.cast_signed());
                name.map_or_else(
                    || Yaml::literal(n.cast_signed()),
                    |(name, _)| Yaml::text(name.as_str()),
                )
            }
            (Self::Fixed32, Value::Fixed32(n)) => Yaml::literal(n),
            (Self::Sfixed32, Value::Fixed32(n)) => Yaml::literal(n.cast_signed()),
            (Self::Float, Value::Fixed32(n)) => {
                Yaml::Literal(crate::views::float32(f32::from_bits(*n)))
            }
            (Self::Fixed64, Value::Fixed64(n)) => Yaml::literal(n),
            (Self::Sfixed64, Value::Fixed64(n)) => Yaml::literal(n.cast_signed()),
            (Self::Double, Value::Fixed64(n)) => {
                Yaml::Literal(crate::views::float(f64::from_bits(*n)))
            }
            (Self::Text, Value::Bytes(bytes)) => Yaml::text(std::str::from_utf8(bytes).ok()?),
            (Self::Bytes, Value::Bytes(bytes)) => binary(bytes),
            (Self::Message(inner), Value::Bytes(bytes)) if depth < MAX_DEPTH => {
                message(&parse(bytes, depth + 1).ok()?, Some(inner), depth + 1)
            }
            (Self::Message(inner), Value::Group(fields)) => message(fields, Some(inner), depth + 1),
            _ => return None,
        })
    }

    fn encode(self, number: u64, node: &Node, data: &mut Vec<u8>) -> Result<(), ViewError> {
        if matches!(node, Node::Null) {
            return Ok(());
        }
        let bare = self.bare(node)?;
        match self.packed_width() {
            None => encode::push_bytes(number, &bare, data),
            Some(width) => {
                let wire_type = match width {
                    Width::Varint => 0,
                    Width::Four => 5,
                    Width::Eight => 1,
                };
                push_varint(number << 3 | wire_type, data);
                data.extend(bare);
            }
        }
        Ok(())
    }

    /// The value without its field number.
    fn bare(self, node: &Node) -> Result<Vec<u8>, ViewError> {
        let mut data = Vec::new();
        let bad = || ViewError::Other(format!("value {node:?} does not fit the type of its field"));
        match (self, node) {
            (Self::Int | Self::Uint | Self::Enum(_), Node::Integer(n)) => {
                push_varint(encode::to_u64(*n)?, &mut data);
            }
            (Self::Sint, Node::Integer(n)) => {
                push_varint(to_zigzag(i64::try_from(*n).map_err(|_| bad())?), &mut data);
            }
            (Self::Bool, Node::Bool(value)) => data.push(u8::from(*value)),
            (Self::Enum(found), Node::Text(name)) => {
                let value = found
                    .values
                    .iter()
                    .find(|(known, _)| known == name)
                    .ok_or_else(bad)?;
                push_varint(value.1.cast_unsigned(), &mut data);
            }
            (Self::Fixed32, Node::Integer(n)) => {
                data.extend(u32::try_from(*n).map_err(|_| bad())?.to_le_bytes());
            }
            (Self::Sfixed32, Node::Integer(n)) => {
                data.extend(i32::try_from(*n).map_err(|_| bad())?.to_le_bytes());
            }
            (Self::Fixed64 | Self::Sfixed64, Node::Integer(n)) => {
                data.extend(encode::to_u64(*n)?.to_le_bytes());
            }
            (Self::Float, Node::Float(value)) => data.extend((*value as f32).to_le_bytes()),
            (Self::Float, Node::Integer(value)) => data.extend((*value as f32).to_le_bytes()),
            (Self::Double, Node::Float(value)) => data.extend(value.to_le_bytes()),
            (Self::Double, Node::Integer(value)) => data.extend((*value as f64).to_le_bytes()),
            (Self::Text, Node::Text(text)) => data.extend(text.bytes()),
            (Self::Bytes, Node::Tagged(tag, text)) if tag == "binary" => {
                data.extend(from_hex(text)?);
            }
            (Self::Bytes, Node::Text(text)) => data.extend(text.bytes()),
            (Self::Message(inner), Node::Map(entries)) => {
                encode::fields(entries, Some(inner), &mut data)?;
            }
            _ => return Err(bad()),
        }
        Ok(data)
    }
}
