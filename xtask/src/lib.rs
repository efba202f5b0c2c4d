//! Development tasks: set-up and tests, rules for files, pages and completions made from the program's tables.

pub mod cli;
pub mod generated;
pub mod reference;
pub mod setup;
pub mod tidy;
pub mod web;

use std::path::{Path, PathBuf};

/// The root of the checkout.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Prints a line to standard error; tasks have no other output of their own.
#[expect(
    clippy::print_stderr,
    reason = "a task talks to the person who called it"
)]
pub fn say(text: &str) {
    eprintln!("{text}");
}
