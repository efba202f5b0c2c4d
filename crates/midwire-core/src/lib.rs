//! The kernel: hooks, addon chain, options, commands, held flows and the log stream.

mod chain;
pub mod commands;
pub mod hooks;
mod kernel;
pub mod log;
pub mod options;
mod parked;

pub use chain::{AsyncAddon, BoxFuture, Chain, Link};
pub use kernel::{ConnectionGuard, Kernel};
pub use parked::Parked;
