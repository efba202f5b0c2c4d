//! The TLS ClientHello, read from peeked bytes without consuming them (RFC 8446 §4.1.2, §5.1).
//!
//! The hello decides the next layer, the name of the made certificate and the offer to the server, all before a TLS
//! stack sees a byte. Nothing here answers: whoever asked replays the same bytes into the stack afterwards.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod ciphers;
mod host;
#[cfg(test)]
mod tests;

use bytes::{Buf, Bytes, BytesMut};

pub use ciphers::cipher_name;
pub use host::is_valid_host;

/// What the peeked bytes hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The beginning of a ClientHello; ask again with more bytes.
    NeedMore,
    /// Something that no more bytes can turn into TLS.
    NotTls,
    /// A whole ClientHello.
    Hello(ClientHello),
}

/// A ClientHello, all of its values as the client sent them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// The server name, only if it is a valid host name ([`is_valid_host`]), in the client's spelling (RFC 6066 §3).
    pub sni: Option<String>,
    /// The server name as it was sent, whatever its bytes; to be escaped wherever it is shown.
    pub raw_sni: Option<Bytes>,
    /// Offered application protocols in order of preference (RFC 7301 §3.1).
    pub alpn_protocols: Vec<Bytes>,
    /// Offered cipher suites in order of preference, GREASE values included.
    pub cipher_suites: Vec<u16>,
    /// Types and contents of all extensions in their order.
    pub extensions: Vec<(u16, Bytes)>,
    /// The `legacy_version` field, `0x0303` from every current client.
    pub legacy_version: u16,
    /// Contents of the `supported_versions` extension; empty if there is none (RFC 8446 §4.2.1).
    pub supported_versions: Vec<u16>,
    /// The handshake message: its four bytes of header and its body, without record headers.
    pub raw: Bytes,
}

impl ClientHello {
    /// The handshake message without its four bytes of header.
    pub fn body(&self) -> Bytes {
        let mut body = self.raw.clone();
        body.advance(body.len().min(HANDSHAKE_HEADER));
        body
    }
}

/// Why the bytes began like TLS but are no acceptable ClientHello; all of them deserve the alert `decode_error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// More than [`HELLO_LIMIT`] bytes of handshake message.
    #[error("ClientHello larger than {HELLO_LIMIT} bytes")]
    TooLarge,
    /// Spread over more than [`RECORD_LIMIT`] records.
    #[error("ClientHello in more than {RECORD_LIMIT} records")]
    TooManyRecords,
    /// A record of no bytes or of more than 16384 (RFC 8446 §5.1).
    #[error("TLS record of {0} bytes")]
    RecordLength(u16),
    /// A record of another kind or version between the parts of the hello.
    #[error("TLS record of type {0} inside the ClientHello")]
    UnexpectedRecord(u8),
    /// The first handshake message is another one.
    #[error("TLS handshake begins with message type {0} instead of a ClientHello")]
    NotClientHello(u8),
    /// An extension type stands twice (RFC 8446 §4.2).
    #[error("ClientHello with extension {0} twice")]
    DuplicateExtension(u16),
    /// A length inside the message does not fit its surroundings.
    #[error("malformed ClientHello: {0}")]
    Malformed(&'static str),
}

/// Most bytes of a handshake message that are looked at.
pub const HELLO_LIMIT: usize = 64 * 1024;

/// Most records that one ClientHello may be spread over.
pub const RECORD_LIMIT: usize = 16;

/// Most bytes that [`parse`] needs to see before it decides; a peek buffer need not be larger.
pub const PEEK_LIMIT: usize = HELLO_LIMIT + RECORD_LIMIT * RECORD_HEADER;

/// Tells whether a stream begins with a TLS handshake record; `None` if more bytes are needed to tell.
pub fn looks_like_tls(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [0x16, 0x03, 0x00..=0x03, ..] => Some(true),
        [] | [0x16] | [0x16, 0x03] => None,
        _ => Some(false),
    }
}

/// Reads a ClientHello from the beginning of a stream.
///
/// Bytes after the hello are left alone. The result is the same for every way in which the bytes arrive: a prefix of
/// an accepted hello gives [`Parsed::NeedMore`].
pub fn parse(bytes: &[u8]) -> Result<Parsed, HelloError> {
    match looks_like_tls(bytes) {
        None => return Ok(Parsed::NeedMore),
        Some(false) => return Ok(Parsed::NotTls),
        Some(true) => {}
    }
    match handshake_message(bytes)? {
        Some(raw) => parse_message(raw).map(Parsed::Hello),
        None => Ok(Parsed::NeedMore),
    }
}

/// Reads a ClientHello handshake message that is no longer, or never was, in records: four bytes of header and body.
pub fn parse_message(raw: Bytes) -> Result<ClientHello, HelloError> {
    if raw.len() > HELLO_LIMIT {
        return Err(HelloError::TooLarge);
    }
    let mut rest = raw.clone();
    let head = rest
        .try_get_u32()
        .map_err(|_| HelloError::Malformed("header"))?;
    let [kind, length @ ..] = head.to_be_bytes();
    if kind != CLIENT_HELLO {
        return Err(HelloError::NotClientHello(kind));
    }
    if u24(length) != rest.len() {
        return Err(HelloError::Malformed("message length"));
    }

    let legacy_version = number(&mut rest, "version")?;
    take(&mut rest, RANDOM, "random")?;
    vector8(&mut rest, "session id")?;
    let cipher_suites = numbers(vector16(&mut rest, "cipher suites")?, "cipher suites")?;
    vector8(&mut rest, "compression methods")?;
    let extensions = extensions(rest)?;

    let find = |wanted: u16| {
        let found = extensions.iter().find(|(kind, _)| *kind == wanted);
        found.map(|(_, content)| content.clone())
    };
    let raw_sni = find(SERVER_NAME).map(server_name).transpose()?.flatten();
    let alpn_protocols = find(ALPN).map(protocols).transpose()?;
    let supported_versions = find(SUPPORTED_VERSIONS).map(versions).transpose()?;
    let sni = raw_sni.as_deref().and_then(host::valid);
    Ok(ClientHello {
        sni,
        raw_sni,
        alpn_protocols: alpn_protocols.unwrap_or_default(),
        cipher_suites,
        extensions,
        legacy_version,
        supported_versions: supported_versions.unwrap_or_default(),
        raw,
    })
}

/// The first handshake message, its parts joined; `None` while bytes are missing.
///
/// Only record headers are looked at until the message is whole, so asking again for each new byte stays cheap.
fn handshake_message(mut bytes: &[u8]) -> Result<Option<Bytes>, HelloError> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut held = 0;
    let mut wanted = None;
    loop {
        if wanted.is_none() && held >= HANDSHAKE_HEADER {
            wanted = Some(message_length(&parts)?);
        }
        if let Some(wanted) = wanted.filter(|wanted| held >= *wanted) {
            return Ok(Some(join(&parts, wanted)));
        }
        let (kind, major, length) = match bytes {
            [] => return Ok(None),
            // A wrong type is told from its first byte, so that no waiting begins.
            [kind, ..] if *kind != HANDSHAKE => return Err(HelloError::UnexpectedRecord(*kind)),
            [kind, major, _, high, low, ..] => (*kind, *major, u16::from_be_bytes([*high, *low])),
            _ if parts.len() >= RECORD_LIMIT => return Err(HelloError::TooManyRecords),
            _ => return Ok(None),
        };
        if parts.len() >= RECORD_LIMIT {
            return Err(HelloError::TooManyRecords);
        }
        if major != 3 {
            return Err(HelloError::UnexpectedRecord(kind));
        }
        if length == 0 || length > RECORD_LENGTH_LIMIT {
            return Err(HelloError::RecordLength(length));
        }
        let content = bytes.get(RECORD_HEADER..).unwrap_or_default();
        let (part, rest) = content
            .split_at_checked(usize::from(length))
            .unwrap_or((content, &[]));
        parts.push(part);
        held += part.len();
        bytes = rest;
    }
}

/// The length of the handshake message, header included, from its first four bytes.
fn message_length(parts: &[&[u8]]) -> Result<usize, HelloError> {
    let mut header = parts.iter().flat_map(|part| part.iter().copied());
    let mut next = || header.next().unwrap_or_default();
    let kind = next();
    if kind != CLIENT_HELLO {
        return Err(HelloError::NotClientHello(kind));
    }
    let length = u24([next(), next(), next()]) + HANDSHAKE_HEADER;
    if length > HELLO_LIMIT {
        return Err(HelloError::TooLarge);
    }
    Ok(length)
}

fn join(parts: &[&[u8]], wanted: usize) -> Bytes {
    let mut message = BytesMut::with_capacity(wanted);
    for part in parts {
        let missing = wanted - message.len();
        message.extend_from_slice(part.get(..missing).unwrap_or(part));
    }
    message.freeze()
}

/// The extensions block; an old client may leave it out.
fn extensions(mut rest: Bytes) -> Result<Vec<(u16, Bytes)>, HelloError> {
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    let mut block = vector16(&mut rest, "extensions")?;
    if !rest.is_empty() {
        return Err(HelloError::Malformed("bytes after the extensions"));
    }
    let mut found = Vec::new();
    while !block.is_empty() {
        let kind = number(&mut block, "extension type")?;
        found.push((kind, vector16(&mut block, "extension")?));
    }
    let mut kinds: Vec<u16> = found.iter().map(|(kind, _)| *kind).collect();
    kinds.sort_unstable();
    let twice = kinds.array_windows().find(|[a, b]| a == b);
    twice.map_or(Ok(found), |[kind, _]| {
        Err(HelloError::DuplicateExtension(*kind))
    })
}

/// The first name of type `host_name` (RFC 6066 §3). An empty extension counts as none: some clients send that.
fn server_name(mut content: Bytes) -> Result<Option<Bytes>, HelloError> {
    if content.is_empty() {
        return Ok(None);
    }
    let mut list = vector16(&mut content, "server name")?;
    let mut first = None;
    while !list.is_empty() {
        let kind = byte(&mut list, "server name")?;
        let name = vector16(&mut list, "server name")?;
        if kind == HOST_NAME && first.is_none() {
            first = Some(name);
        }
    }
    Ok(first)
}

fn protocols(mut content: Bytes) -> Result<Vec<Bytes>, HelloError> {
    let mut list = vector16(&mut content, "protocol list")?;
    let mut found = Vec::new();
    while !list.is_empty() {
        found.push(vector8(&mut list, "protocol name")?);
    }
    Ok(found)
}

fn versions(mut content: Bytes) -> Result<Vec<u16>, HelloError> {
    numbers(
        vector8(&mut content, "supported versions")?,
        "supported versions",
    )
}

fn byte(from: &mut Bytes, what: &'static str) -> Result<u8, HelloError> {
    from.try_get_u8().map_err(|_| HelloError::Malformed(what))
}

fn number(from: &mut Bytes, what: &'static str) -> Result<u16, HelloError> {
    from.try_get_u16().map_err(|_| HelloError::Malformed(what))
}

fn numbers(mut from: Bytes, what: &'static str) -> Result<Vec<u16>, HelloError> {
    let mut found = Vec::with_capacity(from.len() / 2);
    while !from.is_empty() {
        found.push(number(&mut from, what)?);
    }
    Ok(found)
}

fn vector8(from: &mut Bytes, what: &'static str) -> Result<Bytes, HelloError> {
    let length = byte(from, what)?;
    take(from, usize::from(length), what)
}

fn vector16(from: &mut Bytes, what: &'static str) -> Result<Bytes, HelloError> {
    let length = number(from, what)?;
    take(from, usize::from(length), what)
}

fn take(from: &mut Bytes, length: usize, what: &'static str) -> Result<Bytes, HelloError> {
    if length > from.len() {
        return Err(HelloError::Malformed(what));
    }
    Ok(from.split_to(length))
}

fn u24([high, middle, low]: [u8; 3]) -> usize {
    usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
}

const RECORD_HEADER: usize = 5;
const HANDSHAKE_HEADER: usize = 4;
const RECORD_LENGTH_LIMIT: u16 = 1 << 14;
const RANDOM: usize = 32;
const HANDSHAKE: u8 = 0x16;
const CLIENT_HELLO: u8 = 1;
const HOST_NAME: u8 = 0;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
