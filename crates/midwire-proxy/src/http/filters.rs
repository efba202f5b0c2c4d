//! Functions of addons that content passes through while it streams (events.md §5).

use std::collections::VecDeque;

use bytes::Bytes;
use midwire_core::BoxFuture;
use midwire_core::hooks::StreamFilter;

use crate::fault::Fault;

/// The functions of one message, in order. What they give is taken piece by piece; work that was begun goes on with
/// the next call, also after a caller was dropped.
#[derive(Default)]
pub(super) struct Filters {
    idle: Vec<Box<dyn StreamFilter>>,
    busy: Option<BoxFuture<'static, Outcome>>,
    ready: VecDeque<Bytes>,
    ended: bool,
}

type Outcome = (Vec<Box<dyn StreamFilter>>, Result<Vec<Bytes>, String>);

impl Filters {
    pub(super) fn new(filters: Vec<Box<dyn StreamFilter>>) -> Self {
        Self {
            idle: filters,
            ..Self::default()
        }
    }

    /// True if content passes as it is.
    pub(super) fn is_empty(&self) -> bool {
        self.idle.is_empty() && self.busy.is_none()
    }

    /// Hands a piece to the functions. All that came before has to be taken first.
    pub(super) fn push(&mut self, piece: Bytes) {
        let filters = std::mem::take(&mut self.idle);
        self.busy = Some(Box::pin(run(filters, Some(piece))));
    }

    /// Tells the functions that nothing follows; does nothing the second time.
    pub(super) fn end(&mut self) {
        if std::mem::replace(&mut self.ended, true) || self.idle.is_empty() {
            return;
        }
        let filters = std::mem::take(&mut self.idle);
        self.busy = Some(Box::pin(run(filters, None)));
    }

    /// The next piece that goes on; `None` when the functions have given all.
    ///
    /// # Cancellation
    /// Safe.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Ok(Some(piece));
            }
            let Some(busy) = &mut self.busy else {
                return Ok(None);
            };
            let (filters, pieces) = busy.await;
            self.busy = None;
            self.idle = filters;
            let pieces = pieces.map_err(Fault::Filter)?;
            self.ready
                .extend(pieces.into_iter().filter(|piece| !piece.is_empty()));
        }
    }
}

/// Runs a piece, or the end, through all functions.
async fn run(mut filters: Vec<Box<dyn StreamFilter>>, piece: Option<Bytes>) -> Outcome {
    let is_last = piece.is_none();
    let mut pieces: Vec<Bytes> = piece.into_iter().collect();
    for filter in &mut filters {
        let mut next = Vec::new();
        for piece in pieces {
            match filter.chunk(piece).await {
                Ok(more) => next.extend(more),
                Err(error) => return (filters, Err(error)),
            }
        }
        if is_last {
            match filter.end().await {
                Ok(more) => next.extend(more),
                Err(error) => return (filters, Err(error)),
            }
        }
        pieces = next;
    }
    (filters, Ok(pieces))
}
