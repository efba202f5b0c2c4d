//! The kernel: hooks, addon chain, options, commands, held flows and the log stream.

mod chain;
pub mod commands;
pub mod engine;
mod eventlog;
pub mod explain;
mod flows;
pub mod hooks;
mod kernel;
mod ledger;
pub mod log;
pub mod options;
mod parked;
pub mod script_views;
pub mod store;

pub use chain::{AsyncAddon, BoxFuture, Chain, Link};
pub use eventlog::{Event as LogEvent, EventLog, EventNotice};
pub use kernel::{ConnectionGuard, Kernel, ReplayCounts};
pub use ledger::{Ledger, LedgerRow, Missed};
pub use parked::Parked;
