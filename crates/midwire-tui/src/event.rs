//! Everything that can happen to the interface.

use std::sync::Arc;

use midwire_core::commands::{Args, PartialLine};
use midwire_core::log::LogEntry;
use tokio::sync::oneshot;

use crate::doc::Doc;
use crate::edit::EditJob;
use crate::env::Outcome;
use crate::screens::flowview::Job;

/// An event of the application loop.
pub(crate) enum Event {
    /// A key by its name.
    Key(String),
    /// Pasted text.
    Paste(String),
    /// The left button was pressed at a column and row.
    Click(u16, u16),
    /// The wheel was turned.
    Wheel { up: bool },
    /// The mouse was dragged.
    Drag,
    /// The window has another size.
    Resize,
    /// Flows or the log have changed.
    Changed,
    /// A line of the log that people should see.
    Log(Arc<LogEntry>),
    /// Time went by.
    Tick,
    /// A command of ours was called.
    Call {
        name: String,
        args: Args,
        reply: oneshot::Sender<Outcome>,
    },
    /// A command that the user ran is done.
    Done { line: String, outcome: Outcome },
    /// A document is built.
    Rendered(Box<Job>, Arc<Doc>),
    /// An unfinished command line was understood.
    Analysed {
        line: String,
        partial: PartialLine,
        offers: Vec<String>,
    },
    /// A line of the history.
    History(String),
    /// A filter was applied for a look.
    Previewed,
    /// The user came back from an external program.
    Edited(Box<EditJob>, Result<Vec<u8>, String>),
    /// The program ends.
    Ended,
}
