//! Heads and chunks as bytes.

use crate::{Fields, RequestHead, ResponseHead, Version};

/// What follows the data of each chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// Appends a request head: method, target and fields as they are, the version as 1.0 or 1.1.
pub fn write_request_head(head: &RequestHead, out: &mut Vec<u8>) {
    out.reserve(head.method.len() + head.target.len() + head.fields.encoded_len() + 14);
    out.extend_from_slice(&head.method);
    out.push(b' ');
    out.extend_from_slice(&head.target);
    out.push(b' ');
    out.extend_from_slice(version(head.version));
    out.extend_from_slice(b"\r\n");
    head.fields.write_to(out);
    out.extend_from_slice(b"\r\n");
}

/// Appends a response head: status, reason phrase and fields as they are, the version as 1.0 or 1.1.
pub fn write_response_head(head: &ResponseHead, out: &mut Vec<u8>) {
    out.reserve(head.reason.len() + head.fields.encoded_len() + 17);
    out.extend_from_slice(version(head.version));
    out.push(b' ');
    let digit = |unit: u16| b'0' + (head.status / unit % 10) as u8;
    out.extend_from_slice(&[digit(100), digit(10), digit(1), b' ']);
    out.extend_from_slice(&head.reason);
    out.extend_from_slice(b"\r\n");
    head.fields.write_to(out);
    out.extend_from_slice(b"\r\n");
}

/// Appends the line in front of a chunk's data. A chunk of length 0 ends the body: see [`write_last_chunk`].
pub fn write_chunk_header(len: usize, out: &mut Vec<u8>) {
    let mut line = [0; 18];
    let mut rest = len;
    let mut used = 0;
    for byte in line.iter_mut().rev().skip(2) {
        *byte = b"0123456789abcdef"[rest & 15];
        rest >>= 4;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    let [.., cr, lf] = &mut line;
    (*cr, *lf) = (b'\r', b'\n');
    out.extend_from_slice(line.get(16 - used..).unwrap_or_default());
}

/// Appends the last chunk and the trailer section, which ends the body.
pub fn write_last_chunk(trailers: Option<&Fields>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    if let Some(trailers) = trailers {
        trailers.write_to(out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Messages of HTTP/2 and 3 go out as 1.1 here.
fn version(version: Version) -> &'static [u8] {
    match version {
        Version::Http10 => b"HTTP/1.0",
        Version::Http11 | Version::Http2 | Version::Http3 => b"HTTP/1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_headers_are_lower_case_hex() {
        for len in [
            0,
            1,
            9,
            10,
            15,
            16,
            255,
            4096,
            65536,
            0xdead_beef,
            usize::MAX,
        ] {
            let mut out = b"x".to_vec();
            write_chunk_header(len, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("x{len:x}\r\n"));
        }
    }

    #[test]
    fn the_last_chunk_carries_trailers() {
        let mut out = Vec::new();
        write_last_chunk(None, &mut out);
        assert_eq!(out, b"0\r\n\r\n");
        out.clear();
        write_last_chunk(Some(&Fields::from_pairs([("X-Sum", "9")])), &mut out);
        assert_eq!(out, b"0\r\nX-Sum: 9\r\n\r\n");
    }
}
