//! Every mode over loopback: what the server sees, what the client gets, and the order of the hooks (events.md §5).
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod hosts;
mod listeners;
mod orders;
mod reverse;
mod socks;
mod support;
mod tls;
mod upstream;
