//! Options: what they are, their values, and every way of setting them.

pub mod cli;
mod config;
mod error;
mod paths;
mod print;
mod save;
mod scripted;
mod set;
mod spec;
mod store;
mod table;
mod typed;
mod validate;
mod value;
pub(crate) mod wrap;
mod yaml;

pub use config::{ConfigError, ConfigProblem, Loaded};
pub use error::OptionError;
pub use paths::expand_home;
pub use scripted::Definition;
pub use spec::{Flag, Meta, OptionSpec, Tool, Tools};
pub use store::{Changed, ListenerId, OptionStore, Pending, Registered};
pub use table::{Options, SPECS};
pub use typed::spec;
pub use value::{Kind, Misfit, Size, Value, parse_size};
