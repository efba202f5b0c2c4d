//! The built program on loopback, with real clients and servers.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod origin;
mod program;

mod dump;
mod errors;
mod live;
mod scripts;
mod tls;
