//! Content as `~b` sees it: with content codings removed, as far as they can be.

use bytes::Bytes;
use midwire_wire::Fields;

use crate::Content;

/// Largest decoded content that is searched, in bytes. What would be larger is searched as it was transferred.
pub(super) const DECODED_LIMIT: usize = 256 << 20;

/// The content without its codings; as transferred if they are unknown, broken or too large.
pub(super) fn decoded(content: &Content, fields: &Fields) -> Option<Bytes> {
    let raw = content.bytes()?;
    let Some(coding) = fields.get_folded("content-encoding") else {
        return Some(raw);
    };
    let coding = String::from_utf8_lossy(&coding);
    match decode_all(&raw, &coding, DECODED_LIMIT) {
        Some(decoded) => Some(decoded.into()),
        None => Some(raw),
    }
}

/// Stands in for the crate's codings.
fn decode_all(data: &[u8], content_encoding: &str, limit: usize) -> Option<Vec<u8>> {
    let mut data = std::borrow::Cow::Borrowed(data);
    for coding in content_encoding.rsplit(',') {
        data = inflate(&data, coding.trim(), limit)?.into();
    }
    Some(data.into_owned())
}

fn inflate(data: &[u8], coding: &str, limit: usize) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut out = Vec::new();
    let cap = limit as u64 + 1;
    let read =
        |reader: &mut dyn std::io::Read, out: &mut Vec<u8>| reader.take(cap).read_to_end(out);
    match coding.to_ascii_lowercase().as_str() {
        "identity" => return Some(data.to_vec()),
        "gzip" => read(&mut flate2::read::MultiGzDecoder::new(data), &mut out).ok()?,
        "deflate" => read(&mut flate2::read::ZlibDecoder::new(data), &mut out)
            .or_else(|_| {
                out.clear();
                read(&mut flate2::read::DeflateDecoder::new(data), &mut out)
            })
            .ok()?,
        _ => return None,
    };
    (out.len() <= limit).then_some(out)
}
