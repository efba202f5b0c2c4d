//! Data of HTTPS and SVCB records (RFC 9460 §2.2).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, BufMut, Bytes};

use super::name::read_name;
use super::{NameError, name_to_wire, wire_to_name};

/// The data of an HTTPS or SVCB record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsRecord {
    /// Lower is better; 0 means an alias.
    pub priority: u16,
    /// The host that serves; empty for the record's own name.
    pub target_name: String,
    /// Keys and values in their order, each key once.
    pub params: Vec<(u16, Bytes)>,
}

/// Why data is none of an HTTPS record, or a value cannot enter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SvcbError {
    /// The data ends too early.
    #[error("HTTPS record data is cut")]
    Cut,
    /// The target name.
    #[error("target of the HTTPS record: {0}")]
    Name(NameError),
    /// A value of more than 65535 bytes, or a protocol of more than 255.
    #[error("value too long for an HTTPS record")]
    TooLong,
    /// The configuration is not base64.
    #[error("encrypted client hello configuration is not base64")]
    Base64,
}

impl HttpsRecord {
    /// Reads the data of a record. Of a key that stands twice the later value counts.
    pub fn unpack(data: &[u8]) -> Result<Self, SvcbError> {
        let mut rest = data;
        let priority = rest.try_get_u16().map_err(|_| SvcbError::Cut)?;
        // A pointer has nothing to point at: not even at itself.
        let (name, end) = read_name(rest, 0).map_err(SvcbError::Name)?;
        let target_name = wire_to_name(&name).map_err(SvcbError::Name)?;
        rest = rest.get(end..).ok_or(SvcbError::Cut)?;

        let mut record = Self {
            priority,
            target_name,
            params: Vec::new(),
        };
        while !rest.is_empty() {
            let key = rest.try_get_u16().map_err(|_| SvcbError::Cut)?;
            let length = rest.try_get_u16().map_err(|_| SvcbError::Cut)?;
            let (value, after) = rest
                .split_at_checked(usize::from(length))
                .ok_or(SvcbError::Cut)?;
            record.set(key, Bytes::copy_from_slice(value));
            rest = after;
        }
        Ok(record)
    }

    /// Writes the data of a record.
    pub fn pack(&self) -> Result<Bytes, SvcbError> {
        let mut out = Vec::new();
        out.put_u16(self.priority);
        out.extend(name_to_wire(&self.target_name).map_err(SvcbError::Name)?);
        for (key, value) in &self.params {
            out.put_u16(*key);
            out.put_u16(u16::try_from(value.len()).map_err(|_| SvcbError::TooLong)?);
            out.put_slice(value);
        }
        Ok(out.into())
    }

    /// The value of a key.
    pub fn param(&self, key: u16) -> Option<&Bytes> {
        self.params
            .iter()
            .find(|(other, _)| *other == key)
            .map(|(_, value)| value)
    }

    /// Sets the value of a key: in its place, or as the last.
    pub fn set(&mut self, key: u16, value: Bytes) {
        match self.params.iter_mut().find(|(other, _)| *other == key) {
            Some((_, old)) => *old = value,
            None => self.params.push((key, value)),
        }
    }

    /// Removes a key.
    pub fn remove(&mut self, key: u16) {
        self.params.retain(|(other, _)| *other != key);
    }

    /// The offered application protocols (RFC 9460 §7.1); the last one may be cut.
    pub fn alpn(&self) -> Option<Vec<Bytes>> {
        let mut rest = self.param(ALPN)?.clone();
        let mut protocols = Vec::new();
        while let Ok(length) = rest.try_get_u8() {
            protocols.push(rest.split_to(rest.len().min(usize::from(length))));
        }
        Some(protocols)
    }

    /// Sets or removes the offered application protocols, each at most 255 bytes.
    pub fn set_alpn(&mut self, protocols: Option<&[Bytes]>) -> Result<(), SvcbError> {
        let Some(protocols) = protocols else {
            self.remove(ALPN);
            return Ok(());
        };
        let mut value = Vec::new();
        for protocol in protocols {
            value.put_u8(u8::try_from(protocol.len()).map_err(|_| SvcbError::TooLong)?);
            value.put_slice(protocol);
        }
        self.set(ALPN, value.into());
        Ok(())
    }

    /// The configuration for encrypted client hellos in base64 (RFC 9848 §3).
    pub fn ech(&self) -> Option<String> {
        self.param(ECH).map(|value| STANDARD.encode(value))
    }

    /// Sets the configuration for encrypted client hellos from base64, or removes it.
    pub fn set_ech(&mut self, base64: Option<&str>) -> Result<(), SvcbError> {
        match base64 {
            Some(base64) => {
                let value = STANDARD.decode(base64).map_err(|_| SvcbError::Base64)?;
                self.set(ECH, value.into());
            }
            None => self.remove(ECH),
        }
        Ok(())
    }
}

/// The name of a key, with underscores as in mitmproxy; `None` for keys that it does not name.
pub fn parameter_name(key: u16) -> Option<&'static str> {
    match key {
        0 => Some("mandatory"),
        ALPN => Some("alpn"),
        2 => Some("no_default_alpn"),
        3 => Some("port"),
        4 => Some("ipv4hint"),
        ECH => Some("ech"),
        6 => Some("ipv6hint"),
        _ => None,
    }
}

/// The form that users of mitmproxy know: a Python dictionary of strings.
impl fmt::Display for HttpsRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            priority,
            target_name,
            params,
        } = self;
        write!(
            f,
            "{{'target_name': {}, 'priority': {priority}",
            quoted(target_name)
        )?;
        for (key, value) in params {
            match parameter_name(*key) {
                Some(name) => write!(f, ", '{name}'")?,
                None => write!(f, ", {key}")?,
            }
            write!(f, ": {}", quoted(&escaped(value)))?;
        }
        f.write_str("}")
    }
}

/// Bytes as printable ASCII with Python's escapes.
fn escaped(value: &[u8]) -> String {
    let mut out = String::new();
    for byte in value {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => out.extend(hex_escape(u32::from(*byte))),
        }
    }
    out
}

/// A number below 256 as `\xNN`.
fn hex_escape(number: u32) -> [char; 4] {
    let digit = |number: u32| char::from_digit(number & 0xF, 16).unwrap_or('0');
    ['\\', 'x', digit(number >> 4), digit(number)]
}

/// A text as Python writes it: in single quotes, or in double quotes if only that avoids escapes.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if char == quote => {
                out.push('\\');
                out.push(char);
            }
            _ if char.is_control() => out.extend(hex_escape(u32::from(char))),
            _ => out.push(char),
        }
    }
    out.push(quote);
    out
}

const ALPN: u16 = 1;
const ECH: u16 = 5;
