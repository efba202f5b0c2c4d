//! DNS over TCP: a length of two bytes before each message (RFC 1035 §4.2.2).

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Why a stream of messages cannot go on, or a message cannot enter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A message of no bytes.
    #[error("DNS message of length zero")]
    Empty,
    /// A message of more than 65535 bytes.
    #[error("DNS message of {0} bytes is too long for TCP")]
    TooLong(usize),
}

/// Takes the next whole message from a stream; `Ok(None)` means that more bytes are needed, never more than 65537.
pub fn next_framed(buf: &mut BytesMut) -> Result<Option<Bytes>, FramingError> {
    let Some([high, low]) = buf.first_chunk() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if length == 0 {
        return Err(FramingError::Empty);
    }
    if buf.len() < PREFIX + length {
        return Ok(None);
    }
    buf.advance(PREFIX);
    Ok(Some(buf.split_to(length).freeze()))
}

/// Puts the length before a message.
pub fn encode_framed(message: &[u8]) -> Result<Vec<u8>, FramingError> {
    let length = u16::try_from(message.len()).map_err(|_| FramingError::TooLong(message.len()))?;
    if length == 0 {
        return Err(FramingError::Empty);
    }
    let mut out = Vec::with_capacity(PREFIX + message.len());
    out.put_u16(length);
    out.put_slice(message);
    Ok(out)
}

const PREFIX: usize = 2;
