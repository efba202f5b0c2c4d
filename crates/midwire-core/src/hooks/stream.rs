//! Functions of addons that content passes through while it streams (events.md §5).

use bytes::Bytes;

use crate::chain::BoxFuture;

/// Changes the content of one message piece by piece.
pub trait StreamFilter: Send {
    /// What goes on in place of this piece: any number of pieces, which keep their borders where the protocol has
    /// such. Empty pieces are to be left out by the caller.
    ///
    /// # Errors
    /// One line. The message cannot be completed and is to be cut off.
    ///
    /// # Cancellation
    /// Safe; the message is over then.
    fn chunk(&mut self, chunk: Bytes) -> BoxFuture<'_, Result<Vec<Bytes>, String>>;

    /// What is still to come after the last piece. Called once.
    ///
    /// # Errors
    /// As with [`StreamFilter::chunk`].
    fn end(&mut self) -> BoxFuture<'_, Result<Vec<Bytes>, String>>;
}
