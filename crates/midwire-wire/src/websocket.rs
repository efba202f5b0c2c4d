//! WebSocket framing (RFC 6455) with permessage-deflate (RFC 7692).
//!
//! [`Decoder`] turns bytes into frames, [`Assembler`] frames into messages, [`MessageReader`] does both; and
//! [`MessageWriter`] turns messages into bytes with the fragments that they came in. Masking keys are passed in: this
//! module has no source of randomness.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod close;
mod deflate;
mod extension;
mod frame;
mod mask;
mod message;
#[cfg(test)]
mod tests;
mod utf8;
mod writer;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

pub use close::{Close, is_valid_close_code};
pub use deflate::{Deflater, InflateError, Inflater, Last};
pub use extension::{DeflateParameters, ExtensionError, Extensions, Sender, Takeover, negotiate};
pub use frame::{Decoder, Event, FrameHeader, Opcode, Reserved, encode_frame};
pub use mask::apply_mask;
pub use message::{Assembler, Item, Limits, Message, MessageKind, MessageReader};
pub use utf8::{NotUtf8, Utf8Validator};
pub use writer::{MessageWriter, fragment_lengths};

/// Which side sends the frames: clients must mask them, servers must not (RFC 6455 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Frames from a client.
    Client,
    /// Frames from a server.
    Server,
}

/// A fault of the peer, or a limit that it crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebSocketError {
    /// A reserved bit that no negotiated extension defines for this frame (RFC 6455 §5.2, RFC 7692 §6).
    #[error("WebSocket frame with an undefined reserved bit")]
    ReservedBit,
    /// An undefined opcode.
    #[error("WebSocket frame with undefined opcode {0}")]
    Opcode(u8),
    /// A client's frame without a mask (RFC 6455 §5.1).
    #[error("WebSocket frame from the client is not masked")]
    NotMasked,
    /// A server's frame with a mask (RFC 6455 §5.1).
    #[error("WebSocket frame from the server is masked")]
    Masked,
    /// A length not in its shortest form, or with its highest bit set (RFC 6455 §5.2).
    #[error("WebSocket frame with a malformed length")]
    Length,
    /// A control frame in fragments (RFC 6455 §5.5).
    #[error("fragmented WebSocket control frame")]
    FragmentedControl,
    /// A control frame of more than 125 bytes (RFC 6455 §5.5).
    #[error("WebSocket control frame of more than 125 bytes")]
    ControlTooLong,
    /// A continuation without a message to continue (RFC 6455 §5.4).
    #[error("WebSocket continuation frame without a message")]
    UnexpectedContinuation,
    /// A new message while another is not finished (RFC 6455 §5.4).
    #[error("WebSocket message begins inside another")]
    InterruptedMessage,
    /// A close frame of one byte (RFC 6455 §5.5.1).
    #[error("WebSocket close frame of one byte")]
    CloseLength,
    /// A close code that must not be sent (RFC 6455 §7.4).
    #[error("WebSocket close code {0} is not allowed")]
    CloseCode(u16),
    /// Text or a close reason that is not UTF-8 (RFC 6455 §8.1).
    #[error("WebSocket text is not valid UTF-8")]
    Utf8,
    /// Compressed content that is not (RFC 7692 §7.2.2).
    #[error("WebSocket message is not valid deflate data")]
    Deflate,
    /// A message above [`Limits::message_bytes`].
    #[error("WebSocket message larger than {0} bytes")]
    MessageTooLarge(usize),
    /// A message in more than [`Limits::fragments`].
    #[error("WebSocket message in more than {0} fragments")]
    TooManyFragments(usize),
}

impl WebSocketError {
    /// The close code that tells both peers (RFC 6455 §7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Self::Utf8 | Self::Deflate => 1007,
            Self::MessageTooLarge(_) | Self::TooManyFragments(_) => 1009,
            _ => 1002,
        }
    }
}

/// The value of `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (RFC 6455 §4.2.2).
pub fn accept_key(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}
