//! HTTP/1.0 and HTTP/1.1 on the wire (RFC 9112): heads, bodies and their framing.
//!
//! Decoders take bytes from a buffer and give heads and body pieces; writers append bytes. What was seen is kept:
//! spelling, order, duplicates and raw bytes of fields, the form of the target, the reason phrase. What two readers
//! could take for two different messages is a [`Violation`], after which the connection is of no further use.
//!
//! A head is parsed in place, one line after the other as lines arrive, and copied once, so that a stored flow does
//! not hold on to the read buffer. Every byte is looked at a fixed number of times, however the input is split.

mod body;
mod chars;
mod chunk;
mod encode;
mod framing;
mod host;
mod request;
mod response;
mod rules;
mod section;
mod violation;

#[cfg(test)]
mod body_tests;
#[cfg(test)]
mod tests;

pub use body::{BodyDecoder, BodyEvent};
pub use encode::{
    CHUNK_END, write_chunk_header, write_last_chunk, write_request_head, write_response_head,
};
pub use host::parse_authority;
pub use request::RequestDecoder;
pub use response::{Expected, ResponseDecoder};
pub use rules::{check_host, expects_continue, persists};
pub use violation::{Shown, Violation};

/// How much a decoder forgives (option `validate_inbound_headers`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// Everything that has been used for request smuggling is refused.
    #[default]
    Strict,
    /// Odd fields pass as they came; what would make the end of a message ambiguous is refused even so.
    Lenient,
}

/// What a peer may send in one head, and the same again in one trailer section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head, start line and last empty line included; above 4 GiB counts as 4 GiB.
    pub header_size: usize,
    /// Number of field lines.
    pub header_count: usize,
    /// How much is forgiven.
    pub validation: Validation,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_size: 256 * 1024,
            header_count: 1000,
            validation: Validation::Strict,
        }
    }
}

impl Limits {
    /// The size limit as far as spans of 32 bits reach.
    fn size(&self) -> usize {
        self.header_size.min(u32::MAX as usize - 1)
    }

    fn is_strict(&self) -> bool {
        self.validation == Validation::Strict
    }
}

/// Where the body of a message ends (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// After this many bytes.
    Length(u64),
    /// With the last chunk and its trailer section.
    Chunked,
    /// With the connection; responses only.
    UntilClose,
}
