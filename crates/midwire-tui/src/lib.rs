//! The terminal interface.
//!
//! One loop over one event enum ([`event`]), a stack of screens ([`screens`], one module each), state, input and drawing
//! apart: `App::update` takes an event and gives effects, `App::prepare` gets the window of what is shown, `App::draw`
//! paints it. It runs on a thread of its own; formatting of content and commands run elsewhere.

#![expect(
    clippy::format_push_string,
    reason = "the texts have a few words; writing into them would gain nothing and cost clarity"
)]

mod app;
mod clipboard;
mod console;
mod doc;
mod edit;
mod env;
mod event;
mod external;
mod glyphs;
mod hints;
mod input;
mod key;
mod keymap;
mod line_edit;
mod overlay;
mod palette;
mod prompt;
mod runner;
mod screens;
mod status;
mod terminal;
mod text;
mod theme;

use std::sync::Arc;

use midwire_core::Kernel;
use midwire_views::Registry;

pub use console::{Console, Listener, Listeners};

/// Gives the content views as they are now, with those of scripts. It is called off the drawing thread as a rule.
pub type Views = Arc<dyn Fn(&Kernel) -> Registry + Send + Sync>;

/// Why the interface does not run.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// Standard output is a pipe or a file.
    #[error("standard output is no terminal; `midwire dump` prints flows without one")]
    NoTerminal,
    /// The terminal refused something.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] std::io::Error),
    /// The interface's thread died, which is our bug.
    #[error("the terminal interface ended unexpectedly")]
    Died,
}
