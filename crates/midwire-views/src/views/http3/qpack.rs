//! Decodes QPACK field sections without the dynamic table (RFC 9204 §4.5), which lies in another stream.

use super::tables::{CODE_LENGTHS, STATIC};
use crate::ViewError;
use crate::views::reader::Reader;

type FieldLine = (Vec<u8>, Vec<u8>);

/// Field lines of a section. What refers to the dynamic table is named `(dynamic N)`.
pub(super) fn decode(data: &[u8]) -> Result<Vec<FieldLine>, ViewError> {
    let mut reader = Reader::new(data);
    prefixed(&mut reader, 8)?;
    prefixed(&mut reader, 7)?;
    let mut lines = Vec::new();
    while let Some(first) = reader.rest().first().copied() {
        let line = match first {
            0x80.. => {
                let index = prefixed(&mut reader, 6)?.1;
                if first & 0x40 != 0 {
                    fixed(index)?
                } else {
                    (dynamic(index), b"(dynamic)".to_vec())
                }
            }
            0x40.. => {
                let index = prefixed(&mut reader, 4)?.1;
                let name = if first & 0x10 != 0 {
                    fixed(index)?.0
                } else {
                    dynamic(index)
                };
                (name, string(&mut reader, 7)?)
            }
            0x20.. => (string(&mut reader, 3)?, string(&mut reader, 7)?),
            0x10.. => (dynamic(prefixed(&mut reader, 4)?.1), b"(dynamic)".to_vec()),
            _ => (
                dynamic(prefixed(&mut reader, 3)?.1),
                string(&mut reader, 7)?,
            ),
        };
        lines.push(line);
    }
    Ok(lines)
}

fn fixed(index: u64) -> Result<FieldLine, ViewError> {
    let entry = usize::try_from(index)
        .ok()
        .and_then(|index| STATIC.get(index));
    let (name, value) = entry.ok_or(ViewError::Unknown {
        what: "entry of the static table",
        value: index,
    })?;
    Ok((name.as_bytes().to_vec(), value.as_bytes().to_vec()))
}

fn dynamic(index: u64) -> Vec<u8> {
    format!("(dynamic {index})").into_bytes()
}

/// The bits before an integer and the integer (RFC 7541 §5.1).
fn prefixed(reader: &mut Reader<'_>, bits: u32) -> Result<(u8, u64), ViewError> {
    let at = reader.at();
    let first = reader.u8("a number")?;
    let mask = (0xff_u32 >> (8 - bits)) as u8;
    let mut number = u64::from(first & mask);
    if first & mask < mask {
        return Ok((first & !mask, number));
    }
    for shift in (0..56).step_by(7) {
        let byte = reader.u8("a number")?;
        number += u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((first & !mask, number));
        }
    }
    Err(ViewError::Expected {
        expected: "a number of less than 62 bits",
        at,
    })
}

/// A string whose length has `bits` bits after the mark of the Huffman code (RFC 7541 §5.2).
fn string(reader: &mut Reader<'_>, bits: u32) -> Result<Vec<u8>, ViewError> {
    let (flags, len) = prefixed(reader, bits)?;
    let bytes = reader.bytes(usize::try_from(len).unwrap_or(usize::MAX), "a string")?;
    if flags & (1 << bits) == 0 {
        Ok(bytes.to_vec())
    } else {
        huffman(bytes)
    }
}

const LONGEST_CODE: usize = 30;
const END_OF_STRING: usize = 256;

/// Decodes the Huffman code (RFC 7541 §5.2).
fn huffman(data: &[u8]) -> Result<Vec<u8>, ViewError> {
    const BAD: ViewError = ViewError::NotApplicable("bad Huffman code");
    let mut symbols: Vec<usize> = (0..CODE_LENGTHS.len()).collect();
    symbols.sort_by_key(|symbol| CODE_LENGTHS.get(*symbol));
    // Number of codes of each length.
    let mut counts = [0_u32; LONGEST_CODE + 1];
    for length in CODE_LENGTHS {
        if let Some(count) = counts.get_mut(usize::from(length)) {
            *count += 1;
        }
    }
    let mut decoded = Vec::with_capacity(data.len() * 2);
    // Code so far, its length, the first code of that length, and the place of that code among the symbols.
    let (mut code, mut length, mut first, mut place) = (0_u32, 0_usize, 0_u32, 0_usize);
    let mut is_padding = true;
    for bit in data
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |n| byte >> n & 1))
    {
        code = code << 1 | u32::from(bit);
        first <<= 1;
        length += 1;
        is_padding &= bit == 1;
        let count = *counts.get(length).ok_or(BAD)?;
        if let Some(offset) = code.checked_sub(first).filter(|offset| *offset < count) {
            match symbols.get(place + offset as usize) {
                Some(&symbol) if symbol != END_OF_STRING => decoded.push(symbol as u8),
                _ => return Err(BAD),
            }
            (code, length, first, place, is_padding) = (0, 0, 0, 0, true);
            continue;
        }
        first += count;
        place += count as usize;
    }
    // The last byte is filled with the first bits of the end mark, all ones.
    if length > 7 || !is_padding {
        Err(BAD)
    } else {
        Ok(decoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huffman_codes_are_read() {
        let check = |data: &[u8], expected: Option<&[u8]>| {
            assert_eq!(huffman(data).ok().as_deref(), expected, "{data:?}");
        };
        // RFC 7541 Appendix C.4.1 and C.6.1.
        check(
            b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff",
            Some(b"www.example.com"),
        );
        check(b"\x64\x02", Some(b"302"));
        check(b"", Some(b""));
        check(b"\xff\xff\xff\xff", None);
        check(b"\x00", None);
    }

    #[test]
    fn every_kind_of_line_is_read() {
        let check = |data: &[u8], expected: &[(&str, &str)]| {
            let lines = decode(data).unwrap();
            let lines: Vec<_> = lines
                .iter()
                .map(|(n, v)| {
                    (
                        std::str::from_utf8(n).unwrap(),
                        std::str::from_utf8(v).unwrap(),
                    )
                })
                .collect();
            assert_eq!(lines, expected, "{data:?}");
        };
        check(b"\0\0\xd1", &[(":method", "GET")]);
        check(b"\0\0\xff\x23", &[("x-frame-options", "sameorigin")]);
        check(b"\0\0\x51\x02/x", &[(":path", "/x")]);
        check(b"\0\0\x21a\x01b", &[("a", "b")]);
        check(
            b"\0\0\x83\x41\x01b\x12\x01\x01c",
            &[
                ("(dynamic 3)", "(dynamic)"),
                ("(dynamic 1)", "b"),
                ("(dynamic 2)", "(dynamic)"),
                ("(dynamic 1)", "c"),
            ],
        );
        for data in [
            &b""[..],
            b"\0",
            b"\0\0\xff\xff\xff",
            b"\0\0\xff\x7f",
            b"\0\0\x51\x05a",
        ] {
            assert!(decode(data).is_err(), "{data:?}");
        }
    }
}
