//! Content views: turn the bytes of a message into text a person can read.
//!
//! A [`Registry`] holds the views and picks the best one; [`Registry::render`] never fails: a view that cannot read
//! its input falls back to the text as it is and says why. Every view is bounded in depth ([`MAX_DEPTH`]) and in
//! output ([`Out`]), and all text passes [`clean_text`] before it leaves this crate.

mod clean;
pub mod diff;
pub mod highlight;
mod json;
mod metadata;
mod out;
mod registry;
mod text;
mod view;
mod views;
mod yaml;

pub use clean::{Clean, clean_line, clean_text};
pub use highlight::{Syntax, Tag, highlight};
pub use metadata::{MessageKind, Metadata};
pub use out::Out;
pub use registry::{Registry, Rendered};
pub use text::{escape_bytes, looks_binary, show_bytes};
pub use view::{ContentView, ViewError};

/// Deepest nesting that is shown; deeper input is shown as raw text.
pub const MAX_DEPTH: usize = 256;
