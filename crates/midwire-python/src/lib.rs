//! Scripts: the process that runs the user's Python addons, and the protocol to it (docs/script-protocol.md).
//!
//! [`ScriptHost`] starts the interpreter and is a link of the addon chain. The Python side is in `python/`.

mod error;
mod files;
pub mod frame;
#[cfg(unix)]
mod host;
mod interpreter;
mod mirror;
mod package;
pub mod value;
#[cfg(unix)]
mod worker;

pub use error::ScriptError;
#[cfg(unix)]
pub use host::{Loader, ScriptHost};

#[cfg(not(unix))]
mod absent;
#[cfg(not(unix))]
pub use absent::{Loader, ScriptHost};
