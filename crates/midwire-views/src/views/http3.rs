//! Frames of HTTP/3 streams.

mod qpack;
mod tables;

use super::NEVER;
use super::hex::dump;
use super::reader::Reader;
use crate::{ContentView, MessageKind, Metadata, Out, ViewError, escape_bytes};

/// Shows the frames in a chunk of an HTTP/3 stream (RFC 9114 §7.2).
pub(crate) struct Http3;

impl ContentView for Http3 {
    fn name(&self) -> &'static str {
        "HTTP/3 Frames"
    }

    fn render_priority(&self, _: &[u8], meta: &Metadata<'_>) -> f64 {
        let is_h3 = meta
            .alpn
            .is_some_and(|alpn| alpn == b"h3" || alpn.starts_with(b"h3-"));
        if is_h3 && meta.message == MessageKind::Tcp {
            2.0
        } else {
            NEVER
        }
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        let mut out = Out::for_input(data.len());
        let mut reader = Reader::new(without_stream_type(data));
        while !reader.is_empty() {
            if !out.as_str().is_empty() {
                out.push("\n\n")?;
            }
            frame(&mut reader, &mut out)?;
        }
        Ok(out.finish())
    }
}

/// Drops the type of a control stream: it begins with the type and a SETTINGS frame (RFC 9114 §6.2.1), which could
/// otherwise only be the DATA frame that begins a message, where HEADERS must come first.
fn without_stream_type(data: &[u8]) -> &[u8] {
    let Some(rest) = data
        .strip_prefix(b"\0")
        .filter(|rest| rest.starts_with(b"\x04"))
    else {
        return data;
    };
    let mut reader = Reader::new(rest);
    while !reader.is_empty() {
        let is_whole = varint(&mut reader).is_ok()
            && varint(&mut reader).is_ok_and(|len| {
                reader
                    .bytes(usize::try_from(len).unwrap_or(usize::MAX), "")
                    .is_ok()
            });
        if !is_whole {
            return data;
        }
    }
    rest
}

fn frame(reader: &mut Reader<'_>, out: &mut Out) -> Result<(), ViewError> {
    let kind = varint(reader)?;
    let len = varint(reader)?;
    let name = match kind {
        0x00 => "DATA".to_owned(),
        0x01 => "HEADERS".to_owned(),
        0x03 => "CANCEL_PUSH".to_owned(),
        0x04 => "SETTINGS".to_owned(),
        0x05 => "PUSH_PROMISE".to_owned(),
        0x07 => "GOAWAY".to_owned(),
        0x0d => "MAX_PUSH_ID".to_owned(),
        kind => format!("{kind:#x}"),
    };
    out.push(&format!("{name} Frame"))?;
    let rest = reader.rest();
    let body = usize::try_from(len).ok().and_then(|len| rest.get(..len));
    let Some(body) = body else {
        // The frame goes on in the next chunk of the stream.
        reader.bytes(rest.len(), "a frame")?;
        out.push(&format!(" (first {} of {len} bytes)\n", rest.len()))?;
        return dump(rest, out);
    };
    reader.bytes(body.len(), "a frame")?;
    let mut text = Out::for_input(body.len());
    let read = match kind {
        0x01 => headers(body, &mut text),
        0x04 => settings(body, &mut text),
        _ => Ok(()),
    };
    if let Err(error) = &read {
        out.push(&format!(" (error: {error})"))?;
    }
    if read.is_ok() && matches!(kind, 0x01 | 0x04) {
        return out.push(&text.finish());
    }
    out.push("\n")?;
    dump(body, out)
}

fn headers(body: &[u8], out: &mut Out) -> Result<(), ViewError> {
    for (name, value) in qpack::decode(body)? {
        out.push(&format!(
            "\n{}: {}",
            escape_bytes(&name),
            escape_bytes(&value)
        ))?;
    }
    Ok(())
}

fn settings(body: &[u8], out: &mut Out) -> Result<(), ViewError> {
    let mut reader = Reader::new(body);
    while !reader.is_empty() {
        let id = varint(&mut reader)?;
        let value = varint(&mut reader)?;
        let name = match id {
            0x01 => "QPACK_MAX_TABLE_CAPACITY".to_owned(),
            0x06 => "MAX_FIELD_SECTION_SIZE".to_owned(),
            0x07 => "QPACK_BLOCKED_STREAMS".to_owned(),
            0x08 => "ENABLE_CONNECT_PROTOCOL".to_owned(),
            0x21 => "DUMMY".to_owned(),
            0x33 => "H3_DATAGRAM".to_owned(),
            0x2b60_3742 => "ENABLE_WEBTRANSPORT".to_owned(),
            id => format!("{id:#x}"),
        };
        out.push(&format!("\n{name}: {value:#x}"))?;
    }
    Ok(())
}

/// A number of one, two, four or eight bytes (RFC 9000 §16).
fn varint(reader: &mut Reader<'_>) -> Result<u64, ViewError> {
    let first = reader.u8("a number")?;
    let rest = reader.bytes((1 << (first >> 6)) - 1, "a number")?;
    Ok(rest.iter().fold(u64::from(first & 0x3f), |number, byte| {
        number << 8 | u64::from(*byte)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &[u8], expected: &str) {
        assert_eq!(
            Http3.prettify(data, &Metadata::default()).unwrap(),
            expected,
            "{data:?}"
        );
    }

    const HEADERS: &[u8] = b"\x01\x18\0\0\xd1Q\x02/x.\xf2\xb1-BOO\x04\xffval_P\x82\x1cd";
    const SHOWN: &str =
        "HEADERS Frame\n:method: GET\n:path: /x\nx-custom: \\xffval\nuser-agent: abc";

    #[test]
    fn frames_are_shown() {
        check(HEADERS, SHOWN);
        check(
            &[HEADERS, b"\0\x03abc"].concat(),
            &format!(
                "{SHOWN}\n\nDATA Frame\n0000:   61 62 63                                             abc"
            ),
        );
        check(
            b"\x04\x0a\x01\x40\x64\x06\x44\x00\x07\x05\x21\x01",
            "SETTINGS Frame\nQPACK_MAX_TABLE_CAPACITY: 0x64\nMAX_FIELD_SECTION_SIZE: 0x400\nQPACK_BLOCKED_STREAMS: 0x5\nDUMMY: 0x1",
        );
        check(
            b"\0\x04\x03\x01\x40\x64",
            "SETTINGS Frame\nQPACK_MAX_TABLE_CAPACITY: 0x64",
        );
        check(b"", "");
    }

    #[test]
    fn unfinished_and_broken_frames_are_shown() {
        check(
            b"\0\x03ab",
            "DATA Frame (first 2 of 3 bytes)\n0000:   61 62                                                ab",
        );
        check(
            b"\x01\x03\xff\xff\xff",
            "HEADERS Frame (error: input ends inside a number)\n0000:   ff ff ff                                             ...",
        );
        assert!(Http3.prettify(b"\x40", &Metadata::default()).is_err());
    }
}
