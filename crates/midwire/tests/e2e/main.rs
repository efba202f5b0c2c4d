//! The built program on loopback, with real clients and servers.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod origin;
mod program;

mod chromium;
mod clients;
mod curl;
mod dump;
mod errors;
mod guides;
mod live;
mod modify;
mod onboarding;
mod replay;
mod saving;
mod scripts;
mod setup;
mod tls;
#[cfg(target_os = "linux")]
mod transparent;
mod tui;
mod uploads;
