//! Native option values, their kinds, and sizes written as `5m`.

use std::fmt;

/// A value of an option as config files, scripts, the web API and commands exchange it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Unset; only for the optional kinds.
    Null,
    /// A switch.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Str(String),
    /// A list of texts.
    Seq(Vec<String>),
}

impl Value {
    /// The name of the type, as error messages show it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Str(_) => "str",
            Self::Seq(_) => "sequence of str",
        }
    }
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

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Str(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Str(value)
    }
}

impl From<Vec<String>> for Value {
    fn from(value: Vec<String>) -> Self {
        Self::Seq(value)
    }
}

/// What values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A number.
    Int,
    /// A number or nothing.
    OptInt,
    /// Text.
    Str,
    /// Text or nothing.
    OptStr,
    /// Any number of texts, in order.
    Seq,
    /// A size such as `256k`.
    Size,
    /// A size or nothing.
    OptSize,
}

impl Kind {
    /// The name shown in listings. Sizes are texts to everybody who sets them.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::OptInt => "optional int",
            Self::Str | Self::Size => "str",
            Self::OptStr | Self::OptSize => "optional str",
            Self::Seq => "sequence of str",
        }
    }

    /// Whether the option may be unset.
    pub fn is_optional(self) -> bool {
        matches!(self, Self::OptInt | Self::OptStr | Self::OptSize)
    }

    /// Whether `value` has this kind; sizes also take a plain number of bytes.
    pub fn accepts(self, value: &Value) -> bool {
        match value {
            Value::Null => self.is_optional(),
            Value::Bool(_) => self == Self::Bool,
            Value::Int(_) => matches!(self, Self::Int | Self::OptInt | Self::Size | Self::OptSize),
            Value::Str(_) => matches!(self, Self::Str | Self::OptStr | Self::Size | Self::OptSize),
            Value::Seq(_) => self == Self::Seq,
        }
    }
}

/// A number of bytes that remembers how it was written, such as `64k`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    bytes: u64,
    text: Box<str>,
}

impl Size {
    /// Reads a size, see [`parse_size`].
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = parse_size(text)?;
        Some(Self {
            bytes,
            text: text.into(),
        })
    }

    /// The size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The size in bytes, as large as this machine can address.
    pub fn as_usize(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }

    /// The size as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<u64> for Size {
    fn from(bytes: u64) -> Self {
        Self {
            bytes,
            text: bytes.to_string().into(),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads a number of bytes: digits, then nothing or one of `b k m g t` (powers of 1024).
pub fn parse_size(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'b' => (text.strip_suffix('b')?, 0),
        b'k' => (text.strip_suffix('k')?, 10),
        b'm' => (text.strip_suffix('m')?, 20),
        b'g' => (text.strip_suffix('g')?, 30),
        b't' => (text.strip_suffix('t')?, 40),
        _ => (text, 0),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Why a native value does not fit a field of [`Options`](super::Options).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The value has another type.
    Type,
    /// The text is not a size.
    Size,
}

/// A type that a field of [`Options`](super::Options) may have.
pub(super) trait Field: Sized {
    const KIND: Kind;
    fn to_value(&self) -> Value;
    fn from_value(value: Value) -> Result<Self, Misfit>;
}

impl Field for bool {
    const KIND: Kind = Kind::Bool;

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    fn from_value(value: Value) -> Result<Self, Misfit> {
        match value {
            Value::Bool(value) => Ok(value),
            _ => Err(Misfit::Type),
        }
    }
}

impl Field for i64 {
    const KIND: Kind = Kind::Int;

    fn to_value(&self) -> Value {
        Value::Int(*self)
    }

    fn from_value(value: Value) -> Result<Self, Misfit> {
        match value {
            Value::Int(value) => Ok(value),
            _ => Err(Misfit::Type),
        }
    }
}

impl Field for String {
    const KIND: Kind = Kind::Str;

    fn to_value(&self) -> Value {
        Value::Str(self.clone())
    }

    fn from_value(value: Value) -> Result<Self, Misfit> {
        match value {
            Value::Str(value) => Ok(value),
            _ => Err(Misfit::Type),
        }
    }
}

impl Field for Vec<String> {
    const KIND: Kind = Kind::Seq;

    fn to_value(&self) -> Value {
        Value::Seq(self.clone())
    }

    fn from_value(value: Value) -> Result<Self, Misfit> {
        match value {
            Value::Seq(value) => Ok(value),
            _ => Err(Misfit::Type),
        }
    }
}

impl Field for Size {
    const KIND: Kind = Kind::Size;

    fn to_value(&self) -> Value {
        Value::Str(self.text.to_string())
    }

    fn from_value(value: Value) -> Result<Self, Misfit> {
        match value {
            Value::Str(text) => Self::parse(&text).ok_or(Misfit::Size),
            Value::Int(bytes) => u64::try_from(bytes)
                .map(Self::from)
                .map_err(|_| Misfit::Size),
            _ => Err(Misfit::Type),
        }
    }
}

impl<T: Field> Field for Option<T> {
    const KIND: Kind = match T::KIND {
        Kind::Int => Kind::OptInt,
        Kind::Size => Kind::OptSize,
        _ => Kind::OptStr,
    };

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Field::to_value)
    }

    fn from_value(value: Value) -> Result<Self, Misfit> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_digits_and_one_suffix() {
        for (text, expected) in [
            ("0", Some(0)),
            ("17", Some(17)),
            ("3b", Some(3)),
            ("1k", Some(1024)),
            ("5m", Some(5 << 20)),
            ("2g", Some(2 << 30)),
            ("1t", Some(1 << 40)),
            ("", None),
            ("k", None),
            ("1K", None),
            ("1x", None),
            ("-1", None),
            ("+1", None),
            ("1 k", None),
            ("1kk", None),
            ("huge", None),
            ("1é", None),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("18446744073709551615k", None),
        ] {
            assert_eq!(parse_size(text), expected, "{text}");
        }
    }

    #[test]
    fn kinds_accept_their_values_only() {
        for (kind, value, accepted) in [
            (Kind::Bool, Value::Int(1), false),
            (Kind::Int, Value::Bool(true), false),
            (Kind::Int, Value::from("1"), false),
            (Kind::Int, Value::Null, false),
            (Kind::OptInt, Value::Null, true),
            (Kind::Str, Value::Null, false),
            (Kind::Seq, Value::from("a"), false),
            (Kind::Size, Value::Int(5), true),
            (Kind::OptSize, Value::from("5k"), true),
        ] {
            assert_eq!(kind.accepts(&value), accepted, "{kind:?} {value:?}");
        }
    }
}
