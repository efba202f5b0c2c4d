//! The wire format (protobuf.dev, "Encoding").

use crate::views::reader::Reader;
use crate::{MAX_DEPTH, ViewError};

/// A value as its wire type says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Group(Vec<(u32, Value<'a>)>),
    Fixed32(u32),
}

impl<'a> Value<'a> {
    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Reads the fields of a message; groups are nested, byte fields are not looked into. `depth` is how deep the
/// message itself lies.
pub(super) fn parse(data: &[u8], depth: usize) -> Result<Vec<(u32, Value<'_>)>, ViewError> {
    let mut reader = Reader::new(data);
    // Open groups with their numbers; the first stands for the message.
    let mut open: Vec<(u32, Vec<(u32, Value<'_>)>)> = vec![(0, Vec::new())];
    while !reader.is_empty() {
        let at = reader.at();
        let tag = varint(&mut reader)?;
        let number = u32::try_from(tag >> 3)
            .ok()
            .filter(|n| (1..1 << 29).contains(n));
        let number = number.ok_or(ViewError::Expected {
            expected: "a field number",
            at,
        })?;
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut reader)?),
            1 => Value::Fixed64(u64::from_le_bytes(reader.array("a field")?)),
            2 => {
                let len = usize::try_from(varint(&mut reader)?).unwrap_or(usize::MAX);
                Value::Bytes(reader.bytes(len, "a field")?)
            }
            3 => {
                if open.len() + depth > MAX_DEPTH {
                    return Err(ViewError::TooDeep(MAX_DEPTH));
                }
                open.push((number, Vec::new()));
                continue;
            }
            4 => match open.pop_if(|(start, _)| *start == number) {
                Some((_, fields)) => Value::Group(fields),
                None => {
                    return Err(ViewError::Expected {
                        expected: "the start of this group before its end",
                        at,
                    });
                }
            },
            5 => Value::Fixed32(u32::from_le_bytes(reader.array("a field")?)),
            kind => {
                return Err(ViewError::Unknown {
                    what: "wire type",
                    value: kind,
                });
            }
        };
        if let Some((_, fields)) = open.last_mut() {
            fields.push((number, value));
        }
    }
    match open.pop() {
        Some((0, fields)) if open.is_empty() => Ok(fields),
        _ => Err(ViewError::Truncated("a group")),
    }
}

/// All of the bytes as numbers, one after the other.
pub(super) fn varints(data: &[u8]) -> Option<Vec<u64>> {
    let mut reader = Reader::new(data);
    let mut numbers = Vec::new();
    while !reader.is_empty() {
        numbers.push(varint(&mut reader).ok()?);
    }
    Some(numbers)
}

fn varint(reader: &mut Reader<'_>) -> Result<u64, ViewError> {
    let at = reader.at();
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = reader.u8("a number")?;
        if shift == 63 && byte > 1 {
            break;
        }
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(ViewError::Expected {
        expected: "a number of at most 64 bits",
        at,
    })
}

/// The signed number of the zigzag encoding (`sint32`, `sint64`).
pub(super) fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Zigzag encoding of a signed number.
pub(super) fn to_zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

pub(super) fn push_varint(mut number: u64, data: &mut Vec<u8>) {
    while number >= 0x80 {
        data.push(number as u8 | 0x80);
        number >>= 7;
    }
    data.push(number as u8);
}
