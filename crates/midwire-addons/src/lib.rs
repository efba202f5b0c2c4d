//! The bundled addons, a file each. Everything the program does with traffic beyond passing it on is here.

mod condition;
mod dumper;
mod errorcheck;
mod keepserving;
mod output;
mod readfile;
mod save;
mod show;
mod style;
mod termlog;

use std::sync::Arc;

use midwire_core::options::Tool;
use midwire_core::{Kernel, Link};

pub use dumper::Dumper;
pub use errorcheck::ErrorCheck;
pub use keepserving::{Busy, KeepServing};
pub use output::{Colour, Output};
pub use readfile::{ReadFile, replay};
pub use save::Save;
pub use termlog::TermLog;

/// The addons of a program in their order, which scripts can see (events.md §9).
pub fn default_links(kernel: &Arc<Kernel>, tool: Tool) -> Vec<Link> {
    let weak = || Arc::downgrade(kernel);
    let output = Output::stdout();
    let mut links = Vec::new();
    if tool != Tool::Console {
        links.push(Link::Sync(Arc::new(TermLog::new(&weak(), output.clone()))));
    }
    links.push(Link::Sync(Arc::new(Save::new(weak()))));
    if tool == Tool::Dump {
        links.push(Link::Sync(Arc::new(Dumper::new(output))));
    }
    links.push(Link::Sync(Arc::new(ReadFile::new(weak()))));
    if tool == Tool::Dump {
        links.push(Link::Sync(Arc::new(KeepServing::new(weak(), Vec::new()))));
    }
    links.push(Link::Sync(Arc::new(ErrorCheck::new(kernel))));
    links
}
