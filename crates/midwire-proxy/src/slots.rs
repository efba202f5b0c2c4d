//! How many connections one client may have to one address at a time.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use midwire_flow::Address;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Simultaneous connections of one client to one address (events.md §3). More wait for one to end.
const CONNECTIONS_MAX: usize = 5;

/// Counts the connections of one client. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Slots(Arc<Mutex<HashMap<Address, Arc<Semaphore>>>>);

/// The right to one connection, until it is dropped.
pub(crate) struct Slot(
    #[expect(dead_code, reason = "it counts by being held")] Option<OwnedSemaphorePermit>,
);

impl Slots {
    /// True if one more connection would not have to wait.
    pub(crate) fn has_room(&self, address: &Address) -> bool {
        self.semaphore(address).available_permits() > 0
    }

    /// Waits for the right to one more connection.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn take(&self, address: &Address) -> Slot {
        Slot(self.semaphore(address).acquire_owned().await.ok())
    }

    fn semaphore(&self, address: &Address) -> Arc<Semaphore> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Addresses without connections are forgotten, so that the table stays as small as what it counts.
        slots.retain(|other, semaphore| {
            other == address
                || Arc::strong_count(semaphore) > 1
                || semaphore.available_permits() < CONNECTIONS_MAX
        });
        let new = || Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Arc::clone(slots.entry(address.clone()).or_insert_with(new))
    }
}

/// A connection that takes up a slot for as long as it is open.
pub(crate) struct Slotted<T> {
    io: T,
    _slot: Slot,
}

impl<T> Slotted<T> {
    pub(crate) fn new(io: T, slot: Slot) -> Self {
        Self { io, _slot: slot }
    }

    pub(crate) fn get_ref(&self) -> &T {
        &self.io
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Slotted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Slotted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_sixth_connection_to_one_address_waits() {
        let slots = Slots::default();
        let address = Address::new("h", 1);
        let mut held = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            assert!(slots.has_room(&address));
            held.push(slots.take(&address).await);
        }
        assert!(!slots.has_room(&address));
        assert!(slots.has_room(&Address::new("h", 2)));
        let sixth = slots.take(&address);
        let mut sixth = std::pin::pin!(sixth);
        tokio::select! {
            biased;
            _ = &mut sixth => panic!("there is no room"),
            () = std::future::ready(()) => {}
        }
        held.pop();
        sixth.await;
    }

    #[tokio::test]
    async fn addresses_without_connections_are_forgotten() {
        let slots = Slots::default();
        for port in 0..100 {
            drop(slots.take(&Address::new("h", port)).await);
        }
        assert_eq!(slots.0.lock().unwrap().len(), 1);
    }
}
