//! Identifiers of flows and connections.

use std::fmt;
use std::sync::Arc;

/// Names a flow or a connection.
///
/// Ours are random UUIDs (RFC 9562 §5.4); files may hold any text, which is kept.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(Repr);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Uuid(u128),
    Text(Arc<str>),
}

impl Id {
    /// A new random identifier.
    pub fn random() -> Self {
        let mut bytes = [0_u8; 16];
        if getrandom::fill(&mut bytes).is_err() {
            // Without a source of randomness ids only need to differ within this process.
            static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
            let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            bytes[8..].copy_from_slice(&next.to_be_bytes());
        }
        let n = u128::from_be_bytes(bytes);
        let n = (n & !(0xf << 76)) | (0x4 << 76);
        let n = (n & !(0x3 << 62)) | (0x2 << 62);
        Self(Repr::Uuid(n))
    }

    /// Reads an identifier; what is not a lower-case UUID is kept as text.
    pub fn parse(text: &str) -> Self {
        match parse_uuid(text) {
            Some(n) => Self(Repr::Uuid(n)),
            None => Self(Repr::Text(text.into())),
        }
    }
}

fn parse_uuid(text: &str) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut n: u128 = 0;
    for (i, b) in text.bytes().enumerate() {
        if matches!(i, 8 | 13 | 18 | 23) {
            if b != b'-' {
                return None;
            }
            continue;
        }
        let digit = match b {
            b'0'..=b'9' => b - b'0',
            b'a'..=b'f' => b - b'a' + 10,
            _ => return None,
        };
        n = (n << 4) | u128::from(digit);
    }
    Some(n)
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Text(text) => f.write_str(text),
            Repr::Uuid(n) => write!(
                f,
                "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                n >> 96,
                (n >> 80) & 0xffff,
                (n >> 64) & 0xffff,
                (n >> 48) & 0xffff,
                n & 0xffff_ffff_ffff
            ),
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_as_they_were_written() {
        let id = Id::random();
        let text = id.to_string();
        assert_eq!(&text[14..15], "4");
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"));
        assert_eq!(Id::parse(&text), id);
        assert_eq!(Id::parse("s").to_string(), "s");
        assert_eq!(
            Id::parse(&text.to_uppercase()).to_string(),
            text.to_uppercase()
        );
    }
}
