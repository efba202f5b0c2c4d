//! Values of flow files and metadata: what typed netstrings can hold (flowfile.md §1).

mod parse;
mod repr;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;

pub(crate) use parse::{Integer, MAX_LENGTH_DIGITS, Raw, Tag};
pub use parse::{MAX_DEPTH, ParseError};
pub(crate) use write::BackWriter;

/// A value that a flow file can hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// An integer of any size as decimal digits, since Python writes such.
    BigInt(String),
    /// A float.
    Float(f64),
    /// Bytes.
    Bytes(Bytes),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Pairs in the order of insertion.
    Dict(Vec<(Value, Value)>),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Bytes> for Value {
    fn from(value: Bytes) -> Self {
        Self::Bytes(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Self {
        Self::List(value)
    }
}

impl Value {
    /// The text of a text, or of bytes that are UTF-8: old files do not tell the two apart.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The number of an integer of 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The value of a text key in a dict; `None` if there is none or if this is no dict.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dict(pairs) => pairs
                .iter()
                .find(|(k, _)| k.as_text() == Some(key))
                .map(|(_, v)| v),
            _ => None,
        }
    }

    /// False for null, false, zero and what is empty, as in Python.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(b) => *b,
            Self::Int(n) => *n != 0,
            Self::BigInt(_) => true,
            Self::Float(f) => *f != 0.0,
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Dict(pairs) => !pairs.is_empty(),
        }
    }
}
