//! One stream type for TCP, TLS and in-memory connections.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// Anything that bytes can be read from and written to.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection whose kind does not matter any more.
pub(crate) type Io = Box<dyn Stream>;

/// Asks for a connection to be reset instead of closed, so that the peer sees that a body which ends with the
/// connection is incomplete (RFC 9112 §8). Clones speak of the same connection.
#[derive(Clone, Default)]
pub(crate) struct Reset(Arc<AtomicBool>);

impl Reset {
    /// The connection is to end with a reset.
    pub(crate) fn wanted(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The TCP connection of a client, which can end with a reset.
pub(crate) struct Resettable {
    tcp: TcpStream,
    reset: Reset,
}

impl Resettable {
    /// Resets `tcp` when it is dropped after `reset` was wanted.
    pub(crate) fn new(tcp: TcpStream, reset: Reset) -> Self {
        Self { tcp, reset }
    }
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.reset.0.load(Ordering::Relaxed) {
            let _ = self.tcp.set_zero_linger();
        }
    }
}

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}

/// A peer took no byte for as long as it may.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("client read nothing for {0} s")]
pub(crate) struct Stalled(pub(crate) u64);

impl Stalled {
    /// Runs a write that ends when the peer takes something; without a limit it may take for ever.
    ///
    /// # Cancellation
    /// That of the write.
    pub(crate) async fn unless<T>(
        limit: Option<Duration>,
        write: impl Future<Output = T>,
    ) -> io::Result<T> {
        match limit {
            None => Ok(write.await),
            Some(limit) => tokio::time::timeout(limit, write)
                .await
                .map_err(|_| Self(limit.as_secs()).into()),
        }
    }
}

impl From<Stalled> for io::Error {
    fn from(stalled: Stalled) -> Self {
        Self::new(io::ErrorKind::TimedOut, stalled)
    }
}

/// A client's connection on which a write fails when the client takes no byte of it for too long. The connection
/// then ends with a reset, since the client would not read the rest either (security.md §3).
pub(crate) struct Patient<T> {
    io: T,
    limit: Option<Duration>,
    reset: Reset,
    /// Runs while a write waits.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<T> Patient<T> {
    /// Lets writes wait for `seconds`; 0 or less means without end.
    pub(crate) fn new(io: T, seconds: i64, reset: Reset) -> Self {
        Self {
            io,
            limit: seconds_limit(seconds),
            reset,
            alarm: None,
        }
    }

    fn waited<R>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if polled.is_ready() {
            self.alarm = None;
            return polled;
        }
        let Some(limit) = self.limit else {
            return polled;
        };
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(alarm.as_mut().poll(cx));
        self.reset.wanted();
        Poll::Ready(Err(Stalled(limit.as_secs()).into()))
    }
}

/// A limit of time from an option; 0 or less means none.
pub(crate) fn seconds_limit(seconds: i64) -> Option<Duration> {
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    Some(Duration::from_secs(seconds))
}

impl<T: AsyncRead + Unpin> AsyncRead for Patient<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Patient<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(cx, buf);
        self.waited(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_flush(cx);
        self.waited(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_shutdown(cx);
        self.waited(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.waited(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// A stream in front of which bytes that were read already are put back.
pub(crate) struct Rewound<T> {
    ahead: Bytes,
    io: T,
}

impl<T> Rewound<T> {
    /// Puts `ahead` in front of what `io` will give.
    pub(crate) fn new(ahead: Bytes, io: T) -> Self {
        Self { ahead, io }
    }
}

/// Puts bytes back in front of a stream; without any, the stream stays as it is.
pub(crate) fn rewind(ahead: Bytes, io: Io) -> Io {
    if ahead.is_empty() {
        io
    } else {
        Box::new(Rewound::new(ahead, io))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Rewound<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let n = self.ahead.len().min(buf.remaining());
        buf.put_slice(&self.ahead.split_to(n));
        if !self.ahead.has_remaining() {
            self.ahead = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Rewound<T> {
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
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_wanted_reset_is_seen_by_the_peer() {
        for wanted in [false, true] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let peer = TcpStream::connect(listener.local_addr().unwrap());
            let (mut peer, accepted) = (peer.await.unwrap(), listener.accept().await.unwrap().0);
            let reset = Reset::default();
            let connection = Resettable::new(accepted, reset.clone());
            if wanted {
                reset.wanted();
            }
            drop(connection);
            let mut byte = [0];
            assert_eq!(peer.read(&mut byte).await.is_err(), wanted);
        }
    }

    #[tokio::test]
    async fn bytes_put_back_are_read_first() {
        let (near, mut far) = tokio::io::duplex(64);
        tokio::io::AsyncWriteExt::write_all(&mut far, b" world")
            .await
            .unwrap();
        drop(far);
        let mut all = String::new();
        rewind(Bytes::from_static(b"hello"), Box::new(near))
            .read_to_string(&mut all)
            .await
            .unwrap();
        assert_eq!(all, "hello world");
    }
}
