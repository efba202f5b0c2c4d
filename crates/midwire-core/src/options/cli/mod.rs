//! The command line, derived from the option table.

mod flags;
mod help;
mod parse;
mod removed;
mod start;

#[cfg(test)]
mod tests;

pub use flags::{FlagDef, flags};
pub use help::help;
pub use parse::{CliError, parse};
pub use start::{Action, Invocation, StartError};
