//! Payloads: one value in the notation of Python's `marshal` module, version 2.
//!
//! CPython reads and writes it in C, which no other notation of its standard library matches, and version 2 has been
//! the same in every release of Python 3. Only plain data is written and accepted: nothing, truth values, numbers,
//! bytes, text, tuples, lists and dicts. Code and references are refused, so input is a tree of bounded depth.

use bytes::{Buf, Bytes};
use midwire_flow::{Id, Value};

/// How deep values may nest.
pub const MAX_DEPTH: usize = 64;

/// Digits of 15 bits that an integer may have: about 4,500 decimal digits.
const MAX_DIGITS: usize = 1000;

/// Writes values straight into a frame.
#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    /// `None`.
    pub fn null(&mut self) {
        self.0.push(b'N');
    }

    /// A truth value.
    pub fn bool(&mut self, value: bool) {
        self.0.push(if value { b'T' } else { b'F' });
    }

    /// An integer.
    pub fn int(&mut self, value: i64) {
        if let Ok(small) = i32::try_from(value) {
            self.0.push(b'i');
            self.0.extend_from_slice(&small.to_le_bytes());
            return;
        }
        let mut rest = value.unsigned_abs();
        let mut digits = Vec::with_capacity(5);
        while rest > 0 {
            digits.push((rest & 0x7fff) as u16);
            rest >>= 15;
        }
        self.digits(&digits, value < 0);
    }

    fn digits(&mut self, digits: &[u16], negative: bool) {
        self.0.push(b'l');
        let count = digits.len() as i32;
        let count = if negative { -count } else { count };
        self.0.extend_from_slice(&count.to_le_bytes());
        for digit in digits {
            self.0.extend_from_slice(&digit.to_le_bytes());
        }
    }

    /// A float.
    pub fn float(&mut self, value: f64) {
        self.0.push(b'g');
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes.
    pub fn bytes(&mut self, value: &[u8]) {
        self.0.push(b's');
        self.counted(value);
    }

    /// Bytes of known length that `put` appends.
    pub fn bytes_with(&mut self, length: usize, put: impl FnOnce(&mut Vec<u8>)) {
        self.0.push(b's');
        let at = self.0.len();
        self.0.extend_from_slice(&(length as u32).to_le_bytes());
        put(&mut self.0);
        // The length is what was really written, whatever was promised.
        let written = (self.0.len() - at - 4) as u32;
        for (to, from) in self.0.iter_mut().skip(at).zip(written.to_le_bytes()) {
            *to = from;
        }
    }

    /// A value inside of bytes, which the other side reads only if somebody looks at it.
    pub fn packed(&mut self, put: impl FnOnce(&mut Self)) {
        self.bytes_with(0, |out| {
            let mut inner = Self(std::mem::take(out));
            put(&mut inner);
            *out = inner.0;
        });
    }

    /// Text.
    pub fn text(&mut self, value: &str) {
        self.0.push(b'u');
        self.counted(value.as_bytes());
    }

    /// The name of a flow or connection as text.
    pub fn id(&mut self, id: &Id) {
        use std::io::Write as _;
        self.0.push(b'u');
        let at = self.0.len();
        self.0.extend_from_slice(&[0; 4]);
        // Writing into memory does not fail.
        let _ = write!(self.0, "{id}");
        let written = (self.0.len() - at - 4) as u32;
        for (to, from) in self.0.iter_mut().skip(at).zip(written.to_le_bytes()) {
            *to = from;
        }
    }

    /// The key of a pair; its value must follow.
    pub fn key(&mut self, key: &str) {
        // Interned, so that Python looks it up by address.
        self.0.push(b't');
        self.counted(key.as_bytes());
    }

    /// Begins a tuple; as many values must follow.
    pub fn tuple(&mut self, items: usize) {
        self.0.push(b'(');
        self.0.extend_from_slice(&(items as u32).to_le_bytes());
    }

    /// Begins a list; as many values must follow.
    pub fn list(&mut self, items: usize) {
        self.0.push(b'[');
        self.0.extend_from_slice(&(items as u32).to_le_bytes());
    }

    /// A dict whose pairs `put` writes.
    pub fn dict(&mut self, put: impl FnOnce(&mut Self)) {
        self.0.push(b'{');
        put(self);
        self.0.push(b'0');
    }

    /// A value, or `None`.
    pub fn opt<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => put(self, value),
            None => self.null(),
        }
    }

    /// A value of any kind. What nests deeper than [`MAX_DEPTH`] is written as `None`.
    pub fn value(&mut self, value: &Value) {
        self.nested(value, 0);
    }

    fn nested(&mut self, value: &Value, depth: usize) {
        if depth > MAX_DEPTH {
            return self.null();
        }
        match value {
            Value::Null => self.null(),
            Value::Bool(b) => self.bool(*b),
            Value::Int(n) => self.int(*n),
            Value::BigInt(digits) => self.big(digits),
            Value::Float(f) => self.float(*f),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::Text(text) => self.text(text),
            Value::List(items) => {
                self.list(items.len());
                for item in items {
                    self.nested(item, depth + 1);
                }
            }
            Value::Dict(pairs) => self.dict(|w| {
                for (key, value) in pairs {
                    w.nested(key, depth + 1);
                    w.nested(value, depth + 1);
                }
            }),
        }
    }

    fn big(&mut self, decimal: &str) {
        let (negative, decimal) = match decimal.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, decimal),
        };
        let mut digits: Vec<u16> = Vec::new();
        for byte in decimal.bytes().filter(u8::is_ascii_digit) {
            let mut carry = u32::from(byte - b'0');
            for digit in &mut digits {
                carry += u32::from(*digit) * 10;
                *digit = (carry & 0x7fff) as u16;
                carry >>= 15;
            }
            if carry > 0 {
                digits.push(carry as u16);
            }
            if digits.len() > MAX_DIGITS {
                return self.null();
            }
        }
        self.digits(&digits, negative);
    }

    fn counted(&mut self, bytes: &[u8]) {
        self.0
            .extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }
}

/// Why bytes are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The bytes end inside the value.
    #[error("value is cut off")]
    Cut,
    /// Something follows the value.
    #[error("bytes after the value")]
    Trailing,
    /// Deeper than [`MAX_DEPTH`].
    #[error("value nested deeper than {MAX_DEPTH}")]
    Depth,
    /// Not plain data.
    #[error("value of type {0}")]
    Type(u8),
    /// A number that is none.
    #[error("malformed number")]
    Number,
}

/// Reads one value; tuples become lists, text that is not UTF-8 is mended.
pub fn decode(bytes: &Bytes) -> Result<Value, ValueError> {
    let mut rest = bytes.clone();
    let value = read(&mut rest, 0)?.ok_or(ValueError::Type(b'0'))?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(ValueError::Trailing)
    }
}

/// A value, or `None` for the mark that ends a dict.
fn read(rest: &mut Bytes, depth: usize) -> Result<Option<Value>, ValueError> {
    if depth > MAX_DEPTH {
        return Err(ValueError::Depth);
    }
    let tag = rest.try_get_u8().map_err(|_| ValueError::Cut)?;
    Ok(Some(match tag {
        b'0' => return Ok(None),
        b'N' => Value::Null,
        b'T' => Value::Bool(true),
        b'F' => Value::Bool(false),
        b'i' => Value::Int(i64::from(int(rest)?)),
        b'l' => long(rest)?,
        b'g' => Value::Float(rest.try_get_f64_le().map_err(|_| ValueError::Cut)?),
        b's' => Value::Bytes(counted(rest)?),
        b'u' | b't' => Value::Text(text(&counted(rest)?)),
        b'(' | b'[' => {
            let count = length(rest)?;
            // Each item has at least one byte, so a wrong count cannot ask for more than was sent.
            let mut items = Vec::with_capacity(count.min(rest.len()));
            for _ in 0..count {
                items.push(read(rest, depth + 1)?.ok_or(ValueError::Type(b'0'))?);
            }
            Value::List(items)
        }
        b'{' => {
            let mut pairs = Vec::new();
            while let Some(key) = read(rest, depth + 1)? {
                let value = read(rest, depth + 1)?.ok_or(ValueError::Type(b'0'))?;
                pairs.push((key, value));
            }
            Value::Dict(pairs)
        }
        other => return Err(ValueError::Type(other)),
    }))
}

fn int(rest: &mut Bytes) -> Result<i32, ValueError> {
    rest.try_get_i32_le().map_err(|_| ValueError::Cut)
}

fn length(rest: &mut Bytes) -> Result<usize, ValueError> {
    usize::try_from(int(rest)?).map_err(|_| ValueError::Number)
}

fn counted(rest: &mut Bytes) -> Result<Bytes, ValueError> {
    let length = length(rest)?;
    if length > rest.len() {
        return Err(ValueError::Cut);
    }
    Ok(rest.split_to(length))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn long(rest: &mut Bytes) -> Result<Value, ValueError> {
    let count = int(rest)?;
    let negative = count < 0;
    let count = count.unsigned_abs() as usize;
    if count > MAX_DIGITS {
        return Err(ValueError::Number);
    }
    let mut digits = Vec::with_capacity(count);
    for _ in 0..count {
        let digit = rest.try_get_u16_le().map_err(|_| ValueError::Cut)?;
        if digit > 0x7fff {
            return Err(ValueError::Number);
        }
        digits.push(digit);
    }
    let small = digits.iter().rev().try_fold(0_i64, |n, digit| {
        n.checked_mul(1 << 15)?.checked_add(i64::from(*digit))
    });
    Ok(match small {
        Some(n) => Value::Int(if negative { -n } else { n }),
        None => Value::BigInt(decimal(&digits, negative)),
    })
}

fn decimal(digits: &[u16], negative: bool) -> String {
    // Nine decimal digits to an element, least first.
    let mut parts: Vec<u32> = Vec::new();
    for digit in digits.iter().rev() {
        let mut carry = u64::from(*digit);
        for part in &mut parts {
            carry += u64::from(*part) << 15;
            *part = (carry % 1_000_000_000) as u32;
            carry /= 1_000_000_000;
        }
        if carry > 0 {
            parts.push(carry as u32);
        }
    }
    let mut text = String::from(if negative { "-" } else { "" });
    let mut parts = parts.iter().rev();
    text.push_str(&parts.next().map_or_else(|| "0".to_owned(), u32::to_string));
    for part in parts {
        use std::fmt::Write as _;
        let _ = write!(text, "{part:09}");
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>()
                .prop_filter("a big integer", |n| *n != i64::MIN)
                .prop_map(Value::Int),
            "-?[1-9][0-9]{19,60}".prop_map(Value::BigInt),
            any::<i32>().prop_map(|n| Value::Float(f64::from(n) / 8.0)),
            ".{0,20}".prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..20).prop_map(|b| Value::Bytes(b.into())),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
                proptest::collection::vec((".{0,5}".prop_map(Value::Text), inner), 0..5)
                    .prop_map(Value::Dict),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_read_back(value in any_value()) {
            let mut writer = Writer::default();
            writer.value(&value);
            prop_assert_eq!(decode(&writer.0.into()), Ok(value));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode(&bytes.into());
        }
    }

    #[test]
    fn what_is_no_plain_data_is_refused() {
        let check = |bytes: &[u8], expected| {
            assert_eq!(decode(&Bytes::copy_from_slice(bytes)), Err(expected));
        };
        check(b"", ValueError::Cut);
        check(b"NN", ValueError::Trailing);
        check(b"c", ValueError::Type(b'c'));
        check(b"0", ValueError::Type(b'0'));
        check(b"s\xff\xff\xff\x7f", ValueError::Cut);
        check(b"s\xff\xff\xff\xff", ValueError::Number);
        check(b"[\xff\xff\xff\x7f", ValueError::Cut);
        check(b"l\x00\x00\x00\x7f", ValueError::Number);
        check(&b"[\x01\x00\x00\x00".repeat(70), ValueError::Depth);
    }
}
