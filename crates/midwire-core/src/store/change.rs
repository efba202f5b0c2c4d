//! What observers of the store are told.

use midwire_flow::Id;

/// A change of the store. Rows are positions in the list of shown flows after (for what left it: before) the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A flow was added.
    Added {
        /// The flow.
        id: Id,
        /// Its row if it is shown.
        row: Option<usize>,
    },
    /// A flow was changed, which may have moved, shown or hidden it.
    Updated {
        /// The flow.
        id: Id,
        /// The row it had if it was shown.
        from: Option<usize>,
        /// The row it has if it is shown now.
        to: Option<usize>,
    },
    /// A flow was removed.
    Removed {
        /// The flow.
        id: Id,
        /// The row it had if it was shown.
        row: Option<usize>,
    },
    /// Much has changed: filter, order, or many flows at once. Load the window again.
    Refreshed,
    /// Another flow has the focus.
    Focused(Option<Id>),
}

/// Changes that wait for a reader. One that falls behind further is told so and loads its window again.
pub(super) const CHANGES_KEPT: usize = 1024;
