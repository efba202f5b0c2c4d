//! Scripts in a real interpreter, hooks called as the engine calls them.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, too, may fail a test"
)]

mod examples;
mod faults;
mod flows;
mod helper;
mod life;
