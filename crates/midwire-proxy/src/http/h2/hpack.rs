//! Reading header blocks (RFC 7541), only to learn in which order their fields came.

use std::collections::VecDeque;
use std::sync::LazyLock;

use bytes::Bytes;

use super::hpack_tables::{HUFFMAN, STATIC};

/// Fields that are listed; the table is kept up beyond them.
const FIELDS_MAX: usize = 4096;
/// What an entry of the dynamic table counts beside its bytes (RFC 7541 §4.1).
const OVERHEAD: usize = 32;

/// A field line: name and value.
pub(super) type Line = (Bytes, Bytes);

/// Decoder of one direction of a connection.
pub(super) struct Decoder {
    table: VecDeque<Line>,
    size: usize,
    max: usize,
    /// What we allow the peer to set the size to.
    allowed: usize,
}

impl Decoder {
    pub(super) fn new(allowed: usize) -> Self {
        Self {
            table: VecDeque::new(),
            size: 0,
            max: allowed,
            allowed,
        }
    }

    /// The fields of a whole header block, pseudo-fields included; `None` if it is broken.
    pub(super) fn decode(&mut self, mut block: &[u8]) -> Option<Vec<Line>> {
        let mut lines = Vec::new();
        while let Some(first) = block.first().copied() {
            let line = match first {
                0x80.. => {
                    let index = integer(&mut block, 7)?;
                    self.entry(index)?
                }
                0x40..=0x7f => {
                    let line = self.literal(&mut block, 6)?;
                    self.insert(line.clone());
                    line
                }
                0x20..=0x3f => {
                    let size = integer(&mut block, 5)?;
                    if size > self.allowed {
                        return None;
                    }
                    self.max = size;
                    self.evict(0);
                    continue;
                }
                _ => self.literal(&mut block, 4)?,
            };
            if lines.len() < FIELDS_MAX {
                lines.push(line);
            }
        }
        Some(lines)
    }

    fn literal(&self, block: &mut &[u8], prefix: u32) -> Option<Line> {
        let name = match integer(block, prefix)? {
            0 => string(block)?,
            index => self.entry(index)?.0,
        };
        Some((name, string(block)?))
    }

    fn entry(&self, index: usize) -> Option<Line> {
        let at = index.checked_sub(1)?;
        match STATIC.get(at) {
            Some((name, value)) => Some((
                Bytes::from_static(name.as_bytes()),
                Bytes::from_static(value.as_bytes()),
            )),
            None => self.table.get(at - STATIC.len()).cloned(),
        }
    }

    fn insert(&mut self, line: Line) {
        let size = line.0.len() + line.1.len() + OVERHEAD;
        self.evict(size);
        if size <= self.max {
            self.size += size;
            self.table.push_front(line);
        }
    }

    fn evict(&mut self, room: usize) {
        while self.size + room > self.max {
            let Some((name, value)) = self.table.pop_back() else {
                return;
            };
            self.size -= name.len() + value.len() + OVERHEAD;
        }
    }
}

/// An integer with a prefix of some bits (RFC 7541 §5.1).
pub(super) fn integer(block: &mut &[u8], prefix: u32) -> Option<usize> {
    let (first, mut rest) = block.split_first()?;
    let low = (1usize << prefix) - 1;
    let mut value = usize::from(*first) & low;
    let mut shift = 0;
    if value == low {
        loop {
            let (byte, after) = rest.split_first()?;
            rest = after;
            value = value.checked_add(usize::from(byte & 0x7f) << shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            if shift > 21 {
                return None;
            }
        }
    }
    *block = rest;
    Some(value)
}

/// The bytes of a string as they are, and whether they are Huffman-coded (RFC 7541 §5.2).
pub(super) fn raw_string<'a>(block: &mut &'a [u8]) -> Option<(&'a [u8], bool)> {
    let coded = block.first()? & 0x80 != 0;
    let len = integer(block, 7)?;
    let (text, rest) = block.split_at_checked(len)?;
    *block = rest;
    Some((text, coded))
}

fn string(block: &mut &[u8]) -> Option<Bytes> {
    match raw_string(block)? {
        (text, false) => Some(Bytes::copy_from_slice(text)),
        (text, true) => unhuffman(text),
    }
}

/// For each code length: the first code, and the symbols with codes of this length in order.
static CODES: LazyLock<Vec<(u32, Vec<u8>)>> = LazyLock::new(|| {
    (0..=30u8)
        .map(|len| {
            let mut found: Vec<(u32, u8)> = (0..=255u8)
                .zip(HUFFMAN)
                .filter(|(_, (_, bits))| *bits == len)
                .map(|(symbol, (code, _))| (code, symbol))
                .collect();
            found.sort_unstable();
            let first = found.first().map_or(0, |(code, _)| *code);
            (first, found.into_iter().map(|(_, symbol)| symbol).collect())
        })
        .collect()
});

fn unhuffman(text: &[u8]) -> Option<Bytes> {
    let codes = &*CODES;
    let mut out = Vec::with_capacity(text.len() * 8 / 5);
    let (mut code, mut len) = (0u32, 0usize);
    for byte in text {
        for bit in (0..8).rev() {
            code = code << 1 | u32::from(byte >> bit & 1);
            len += 1;
            let (first, symbols) = codes.get(len)?;
            let at = code.checked_sub(*first).map(|at| at as usize);
            if let Some(symbol) = at.and_then(|at| symbols.get(at)) {
                out.push(*symbol);
                (code, len) = (0, 0);
            }
        }
    }
    // What is left is padding: fewer than eight ones.
    (len < 8 && code + 1 == 1 << len).then(|| Bytes::from(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    /// The requests of RFC 7541 Appendix C.4, which build on each other.
    #[test]
    fn examples_of_the_rfc() {
        let mut decoder = Decoder::new(4096);
        let mut check = |block: &str, expected: &[(&str, &str)]| {
            let lines = decoder.decode(&hex(block)).unwrap();
            let lines: Vec<(&str, &str)> = lines
                .iter()
                .map(|(n, v)| {
                    (
                        std::str::from_utf8(n).unwrap(),
                        std::str::from_utf8(v).unwrap(),
                    )
                })
                .collect();
            assert_eq!(lines, expected);
        };
        check(
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            &[
                (":method", "GET"),
                (":scheme", "http"),
                (":path", "/"),
                (":authority", "www.example.com"),
            ],
        );
        check(
            "828684be5886a8eb10649cbf",
            &[
                (":method", "GET"),
                (":scheme", "http"),
                (":path", "/"),
                (":authority", "www.example.com"),
                ("cache-control", "no-cache"),
            ],
        );
        check(
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
            &[
                (":method", "GET"),
                (":scheme", "https"),
                (":path", "/index.html"),
                (":authority", "www.example.com"),
                ("custom-key", "custom-value"),
            ],
        );
    }

    #[test]
    fn broken_blocks_are_none() {
        for block in ["80", "ff", "c0", "00", "3fe11f01", "0083ffffff00"] {
            assert!(Decoder::new(4096).decode(&hex(block)).is_none(), "{block}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic_and_in_bounds(blocks: Vec<Vec<u8>>) {
            let mut decoder = Decoder::new(4096);
            for block in blocks {
                decoder.decode(&block);
                proptest::prop_assert!(decoder.size <= 4096);
            }
        }
    }
}
