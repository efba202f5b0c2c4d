//! Writing typed netstrings, from their end to their beginning.
//!
//! Each length stands in front of its data. A buffer that grows towards its front knows the data when it comes to
//! the length; and dict pairs, which files have in reverse, can be put in the order of insertion.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use super::Value;
use super::parse::MAX_DEPTH;
use crate::Spill;

/// A buffer that grows towards its front.
#[derive(Default)]
pub(crate) struct BackWriter {
    /// Bytes from `start` on are written.
    buf: Vec<u8>,
    start: usize,
    /// Content that stays in its file, with the number of bytes of `buf` behind it; the last in the output first.
    spills: Vec<(usize, Arc<Spill>)>,
    spilled: u64,
}

impl BackWriter {
    /// With room for this many bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            buf: vec![0; capacity],
            start: capacity,
            ..Self::default()
        }
    }

    /// Bytes written so far, with those that stay in files.
    pub(crate) fn size(&self) -> u64 {
        self.in_memory() as u64 + self.spilled
    }

    fn in_memory(&self) -> usize {
        self.buf.len() - self.start
    }

    fn put(&mut self, bytes: &[u8]) {
        if bytes.len() > self.start {
            self.grow(bytes.len());
        }
        let start = self.start - bytes.len();
        self.buf[start..self.start].copy_from_slice(bytes);
        self.start = start;
    }

    fn grow(&mut self, room: usize) {
        let used = self.in_memory();
        let mut buf = vec![0; (used + room).max(256) * 2];
        let start = buf.len() - used;
        buf[start..].copy_from_slice(&self.buf[self.start..]);
        self.buf = buf;
        self.start = start;
    }

    fn scalar(&mut self, data: &[u8], tag: u8) {
        self.put(&[tag]);
        let mark = self.size();
        self.put(data);
        self.length_since(mark);
    }

    fn length_since(&mut self, mark: u64) {
        let len = self.size() - mark;
        self.put(b":");
        self.put(itoa::Buffer::new().format(len).as_bytes());
    }

    pub(crate) fn null(&mut self) {
        self.put(b"0:~");
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.put(if value { b"4:true!" } else { b"5:false!" });
    }

    pub(crate) fn int(&mut self, value: i64) {
        self.scalar(itoa::Buffer::new().format(value).as_bytes(), b'#');
    }

    pub(crate) fn float(&mut self, value: f64) {
        if let Some(text) = plain_float(value, &mut ryu::Buffer::new()) {
            self.scalar(text.as_bytes(), b'^');
        } else {
            self.scalar(float_text(value).as_bytes(), b'^');
        }
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.scalar(value, b',');
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.scalar(value.as_bytes(), b';');
    }

    /// Bytes that stay in their file until the output is written.
    pub(crate) fn spill(&mut self, spill: &Arc<Spill>) {
        self.put(b",");
        self.spills.push((self.in_memory(), Arc::clone(spill)));
        self.spilled += spill.len();
        self.put(b":");
        self.put(itoa::Buffer::new().format(spill.len()).as_bytes());
    }

    /// A list; `items` puts the last element first.
    pub(crate) fn list(&mut self, items: impl FnOnce(&mut Self)) {
        self.put(b"]");
        let mark = self.size();
        items(self);
        self.length_since(mark);
    }

    /// A dict; `pairs` puts the pairs in the order of insertion.
    pub(crate) fn dict(&mut self, pairs: impl FnOnce(&mut Self)) {
        self.put(b"}");
        let mark = self.size();
        pairs(self);
        self.length_since(mark);
    }

    /// A pair of a dict.
    pub(crate) fn pair(&mut self, key: &str, value: impl FnOnce(&mut Self)) {
        value(self);
        self.text(key);
    }

    /// Null, or a value.
    pub(crate) fn opt<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.null(),
            Some(value) => write(self, value),
        }
    }

    /// A value with at most `depth` levels. Deeper ones become null, since no reader would take them.
    pub(crate) fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null => self.null(),
            Value::Bool(b) => self.bool(*b),
            Value::Int(n) => self.int(*n),
            Value::BigInt(digits) => self.scalar(digits.as_bytes(), b'#'),
            Value::Float(f) => self.float(*f),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::Text(text) => self.text(text),
            Value::List(_) | Value::Dict(_) if depth == 0 => self.null(),
            Value::List(items) => self.list(|w| {
                for item in items.iter().rev() {
                    w.value(item, depth - 1);
                }
            }),
            Value::Dict(pairs) => self.dict(|w| {
                for (key, value) in pairs {
                    w.value(value, depth - 1);
                    w.value(key, depth - 1);
                }
            }),
        }
    }

    /// The bytes, if none of them stay in a file.
    pub(crate) fn contiguous(&self) -> Option<&[u8]> {
        self.spills.is_empty().then(|| &self.buf[self.start..])
    }

    /// Writes everything: with one call if nothing stays in a file.
    pub(crate) fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut from = self.start;
        for (behind, spill) in self.spills.iter().rev() {
            let to = self.buf.len() - behind;
            out.write_all(&self.buf[from..to])?;
            spill.copy_to(out)?;
            from = to;
        }
        out.write_all(&self.buf[from..])
    }
}

impl Value {
    /// Appends the typed netstring. Levels below [`MAX_DEPTH`] become null.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut writer = BackWriter::with_capacity(256);
        writer.value(self, MAX_DEPTH);
        out.extend_from_slice(writer.contiguous().unwrap_or_default());
    }
}

/// The text of floats that Python writes without an exponent, which are nearly all.
fn plain_float(value: f64, buf: &mut ryu::Buffer) -> Option<&str> {
    let size = value.abs();
    if size == 0.0 || (1e-4..1e16).contains(&size) {
        Some(buf.format_finite(value))
    } else {
        None
    }
}

/// The shortest text that reads back as the same float, in Python's form: `1.0`, `1e+16`, `1e-05`, `inf`, `nan`.
pub(crate) fn float_text(value: f64) -> String {
    if let Some(text) = plain_float(value, &mut ryu::Buffer::new()) {
        return text.to_owned();
    }
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let text = format!("{value:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    let mut out = String::with_capacity(text.len() + 2);
    // Writing to a string cannot fail.
    let _ = write!(out, "{mantissa}e{sign}{digits:0>2}");
    out
}
