//! Binary content in hexadecimal.

use std::fmt::Write as _;

use crate::{ContentView, Metadata, Out, ViewError, looks_binary};

/// Bytes on one line of a dump.
const LINE_BYTES: usize = 16;
/// Bytes between wider gaps.
const GROUP_BYTES: usize = 4;
/// Width of the hexadecimal part of a full line.
const HEX_WIDTH: usize = 16 * 3 - 1 + 3;

/// Shows offset, bytes and characters, sixteen bytes a line.
pub(crate) struct HexDump;

impl ContentView for HexDump {
    fn name(&self) -> &'static str {
        "Hex Dump"
    }

    fn render_priority(&self, data: &[u8], _: &Metadata<'_>) -> f64 {
        if looks_binary(data) { 0.5 } else { 0.0 }
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        let mut out = Out::for_input(data.len());
        dump(data, &mut out)?;
        Ok(out.finish())
    }
}

/// Writes a dump; every line but the last ends with a line end.
pub(super) fn dump(data: &[u8], out: &mut Out) -> Result<(), ViewError> {
    let mut line = String::with_capacity(80);
    for (n, bytes) in data.chunks(LINE_BYTES).enumerate() {
        line.clear();
        for (n, byte) in bytes.iter().enumerate() {
            let gap = match n {
                0 => "",
                n if n % GROUP_BYTES == 0 => "  ",
                _ => " ",
            };
            let _ = write!(line, "{gap}{byte:02x}");
        }
        if n > 0 {
            out.push("\n")?;
        }
        out.push(&format!("{:04x}:   {line:HEX_WIDTH$}   ", n * LINE_BYTES))?;
        for byte in bytes {
            out.push_char(if (0x20..0x7f).contains(byte) {
                char::from(*byte)
            } else {
                '.'
            })?;
        }
    }
    Ok(())
}

/// Shows all bytes as one row of digits, which can be edited.
pub(crate) struct HexStream;

impl ContentView for HexStream {
    fn name(&self) -> &'static str {
        "Hex Stream"
    }

    fn render_priority(&self, data: &[u8], _: &Metadata<'_>) -> f64 {
        if looks_binary(data) { 0.4 } else { 0.0 }
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        Ok(to_hex(data))
    }

    fn is_interactive(&self) -> bool {
        true
    }

    fn reencode(&self, text: &str, _: &Metadata<'_>) -> Result<Vec<u8>, ViewError> {
        from_hex(text.trim())
    }
}

/// Lower-case digits without separators.
pub(super) fn to_hex(data: &[u8]) -> String {
    let mut text = String::with_capacity(data.len() * 2);
    for byte in data {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Bytes of pairs of digits; white space between pairs is skipped.
pub(super) fn from_hex(text: &str) -> Result<Vec<u8>, ViewError> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for (at, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        let digit = c.to_digit(16).ok_or(ViewError::Expected {
            expected: "a hex digit",
            at,
        })? as u8;
        match high.take() {
            None => high = Some(digit),
            Some(first) => bytes.push(first << 4 | digit),
        }
    }
    if high.is_some() {
        return Err(ViewError::Truncated("a pair of hex digits"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dump_has_the_usual_layout() {
        let data: Vec<u8> = (0..16)
            .chain(0x20..0x28)
            .chain([0xff, 0x7f, 0x80])
            .collect();
        let expected = "\
0000:   00 01 02 03  04 05 06 07  08 09 0a 0b  0c 0d 0e 0f   ................
0010:   20 21 22 23  24 25 26 27  ff 7f 80                    !\"#$%&'...";
        assert_eq!(
            HexDump.prettify(&data, &Metadata::default()).unwrap(),
            expected
        );
        assert_eq!(HexDump.prettify(b"", &Metadata::default()).unwrap(), "");
    }

    #[test]
    fn stream_round_trips() {
        let data: Vec<u8> = (0..=255).collect();
        let text = HexStream.prettify(&data, &Metadata::default()).unwrap();
        assert_eq!(
            HexStream
                .reencode(&format!("{text}\n"), &Metadata::default())
                .unwrap(),
            data
        );
        assert!(HexStream.reencode("abc", &Metadata::default()).is_err());
        assert!(HexStream.reencode("xy", &Metadata::default()).is_err());
        assert_eq!(
            HexStream.reencode("0 a\nFf", &Metadata::default()).unwrap(),
            [0x0a, 0xff]
        );
    }
}
