//! Two peers between whom bytes go both ways: reading from one never waits for writing to the other, within bounds.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};

use crate::fault::Side;
use crate::io::Io;

/// Smallest and largest piece that is read at once.
const READ_MIN: usize = 4 * 1024;
const READ_MAX: usize = 64 * 1024;
/// Bytes waiting for one peer above which the other is not read.
const HIGH: usize = 64 * 1024;
/// How long the end of a conversation is waited for, so that a peer can see the last bytes before a reset.
const LINGER: Duration = Duration::from_millis(500);
/// How long a slow peer may take to read what is left for it at the end.
const DRAIN: Duration = Duration::from_secs(30);

/// Both peers.
pub(crate) struct Duplex {
    client: Peer,
    server: Peer,
    /// Who is asked first, so that none starves the other.
    first: Side,
}

/// One peer: what it has sent and what waits for it.
pub(crate) struct Peer {
    io: Io,
    /// Bytes that it has sent.
    pub(crate) input: BytesMut,
    /// Bytes that are to be written to it.
    pub(crate) output: BytesMut,
    read_size: usize,
    /// More may come from it.
    open: bool,
    dirty: bool,
    writing: Writing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    Open,
    /// To be closed after the last byte.
    Closing,
    Closed,
}

/// What has happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// Bytes came from this side.
    Data(Side),
    /// This side sends nothing more.
    End(Side),
    /// Its connection failed.
    Failed(Side, io::Error),
    /// Both have ended, and everything was written.
    Done,
}

impl Duplex {
    pub(crate) fn new(client: Io, server: Io) -> Self {
        Self {
            client: Peer::new(client),
            server: Peer::new(server),
            first: Side::Client,
        }
    }

    /// The peer on a side.
    pub(crate) fn peer(&mut self, side: Side) -> &mut Peer {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// True if nothing more can come from either side and everything was written.
    fn is_over(&self) -> bool {
        [&self.client, &self.server]
            .iter()
            .all(|peer| !peer.open && peer.is_idle())
    }

    /// Writes what waits and reads until something has happened.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn next(&mut self) -> Event {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        for side in [Side::Client, Side::Server] {
            if let Poll::Ready(Err(error)) = self.peer(side).poll_write(cx) {
                return Poll::Ready(Event::Failed(side, error));
            }
        }
        for side in [self.first, self.first.other()] {
            if self.peer(side.other()).output.len() >= HIGH {
                continue;
            }
            let peer = self.peer(side);
            if !peer.open {
                continue;
            }
            let event = match peer.poll_read(cx) {
                Poll::Pending => continue,
                Poll::Ready(Ok(0)) => {
                    peer.open = false;
                    Event::End(side)
                }
                Poll::Ready(Ok(_)) => Event::Data(side),
                Poll::Ready(Err(error)) => {
                    peer.open = false;
                    Event::Failed(side, error)
                }
            };
            self.first = side.other();
            return Poll::Ready(event);
        }
        if self.is_over() {
            return Poll::Ready(Event::Done);
        }
        Poll::Pending
    }

    /// Runs a future while what waits goes on being written.
    ///
    /// # Cancellation
    /// That of the future.
    pub(crate) async fn meanwhile<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            // A failure comes again with the next event.
            let _ = self.client.poll_write(cx);
            let _ = self.server.poll_write(cx);
            Poll::Pending
        })
        .await
    }

    /// Ends the conversation: what waits is written, both directions are closed, the rest is read for a moment.
    ///
    /// # Cancellation
    /// The connections are closed where they are.
    pub(crate) async fn finish(mut self) {
        self.client.close();
        self.server.close();
        let written = poll_fn(|cx| {
            let client = self.client.poll_write(cx);
            let server = self.server.poll_write(cx);
            match (client, server) {
                (Poll::Ready(_), Poll::Ready(_)) => Poll::Ready(()),
                _ => Poll::Pending,
            }
        });
        if tokio::time::timeout(DRAIN, written).await.is_err() {
            return;
        }
        let rest = async {
            while self.client.open || self.server.open {
                let event = self.next().await;
                match event {
                    Event::Data(side) => self.peer(side).input.clear(),
                    Event::End(_) | Event::Done => {}
                    Event::Failed(side, _) => self.peer(side).open = false,
                }
            }
        };
        let _ = tokio::time::timeout(LINGER, rest).await;
    }
}

impl Peer {
    fn new(io: Io) -> Self {
        Self {
            io,
            input: BytesMut::new(),
            output: BytesMut::new(),
            read_size: READ_MIN,
            open: true,
            dirty: false,
            writing: Writing::Open,
        }
    }

    /// Closes the direction to this peer after the last waiting byte.
    pub(crate) fn close(&mut self) {
        if self.writing == Writing::Open {
            self.writing = Writing::Closing;
        }
    }

    /// All bytes that it has sent.
    pub(crate) fn take(&mut self) -> Bytes {
        // A copy, since a recorded piece must not keep a whole read buffer alive.
        Bytes::copy_from_slice(&self.input.split())
    }

    fn is_idle(&self) -> bool {
        self.output.is_empty() && !self.dirty && self.writing != Writing::Closing
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.reserve(self.read_size);
        let n = {
            let read = pin!(self.io.read_buf(&mut self.input));
            ready!(read.poll(cx))?
        };
        if n >= self.read_size {
            self.read_size = (self.read_size * 2).min(READ_MAX);
        } else if n < self.read_size / 4 {
            self.read_size = (self.read_size / 2).max(READ_MIN);
        }
        Poll::Ready(Ok(n))
    }

    /// Ready when nothing waits any more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let n = ready!(Pin::new(&mut self.io).poll_write(cx, &self.output))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(n);
            self.dirty = true;
            if self.output.is_empty() && self.output.capacity() > READ_MAX {
                self.output = BytesMut::new();
            }
        }
        if self.dirty {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.dirty = false;
        }
        if self.writing == Writing::Closing {
            // A peer that has gone away needs no close.
            let _ = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
            self.writing = Writing::Closed;
        }
        Poll::Ready(Ok(()))
    }
}
