//! Content as `~b` sees it: with content codings removed, as far as they can be.

use bytes::Bytes;
use midwire_wire::Fields;

use crate::{Content, codec};

/// Largest decoded content that is searched, in bytes. What would be larger is searched as it was transferred.
pub(super) const DECODED_LIMIT: usize = 256 << 20;

/// The content without its codings; as transferred if they are unknown, broken or too large.
pub(super) fn decoded(content: &Content, fields: &Fields) -> Option<Bytes> {
    let raw = content.bytes()?;
    let Some(coding) = fields.get_folded("content-encoding") else {
        return Some(raw);
    };
    match codec::decode_all(&raw, &coding, DECODED_LIMIT) {
        Ok(decoded) => Some(decoded.into()),
        Err(_) => Some(raw),
    }
}
