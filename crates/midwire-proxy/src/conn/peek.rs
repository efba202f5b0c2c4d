//! Looking at the first bytes of both sides without losing them.

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;

use crate::io::{Io, rewind};

/// Bytes that are looked at before a protocol must be decided on.
const PEEK_MAX: usize = 80 * 1024;

/// A connection whose first bytes are being looked at.
pub(crate) struct Peek {
    io: Io,
    seen: BytesMut,
    pub(crate) eof: bool,
}

impl Peek {
    pub(crate) fn new(io: Io) -> Self {
        Self {
            io,
            seen: BytesMut::new(),
            eof: false,
        }
    }

    /// Bytes seen so far.
    pub(crate) fn seen(&self) -> &[u8] {
        &self.seen
    }

    /// True if nothing more may be looked at.
    pub(crate) fn is_full(&self) -> bool {
        self.eof || self.seen.len() >= PEEK_MAX
    }

    /// Waits for more bytes, or the end.
    ///
    /// # Cancellation
    /// Safe: bytes that were read stay.
    pub(crate) async fn more(&mut self) {
        self.seen.reserve(4096);
        if !matches!(self.io.read_buf(&mut self.seen).await, Ok(n) if n > 0) {
            self.eof = true;
        }
    }

    /// The connection with its bytes put back.
    pub(crate) fn into_io(self) -> Io {
        let seen: Bytes = self.seen.freeze();
        rewind(seen, self.io)
    }
}
