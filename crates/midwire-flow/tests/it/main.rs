//! Tests of the public interface, some of them against mitmproxy itself.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

mod mitmproxy;
