//! Protocols as pure codecs: bytes go in, events and bytes come out. No runtime, no clock, no sockets.
//!
//! Everything here treats its input as hostile: nothing panics on any byte string and nothing is allocated by a
//! number that a peer chose without a limit.

pub mod client_hello;
pub mod dns;
mod fields;
pub mod http1;
mod message;
pub mod socks5;
pub mod websocket;

pub use fields::{FieldSpan, Fields};
pub use message::{RequestHead, ResponseHead, TargetForm, Version};
