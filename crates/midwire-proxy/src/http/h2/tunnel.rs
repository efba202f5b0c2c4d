//! A stream as a connection: what follows an extended CONNECT (RFC 8441 §4).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use h2::{Reason, RecvStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{SharedWay, Way, lock};

/// Bytes that are handed to the stream at once.
const PIECE: usize = 64 * 1024;

/// Both directions of a stream. Closing the writing direction ends it; dropped before that, the stream is reset.
pub(crate) struct Tunnel {
    way: SharedWay,
    content: Option<RecvStream>,
    ahead: Bytes,
    closed: bool,
}

impl Tunnel {
    pub(super) fn new(way: SharedWay, content: Option<RecvStream>) -> Self {
        Self {
            way,
            content,
            ahead: Bytes::new(),
            closed: false,
        }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { content, ahead, .. } = &mut *self;
        let Some(content) = content else {
            return Poll::Ready(Ok(()));
        };
        while ahead.is_empty() {
            *ahead = match ready!(content.poll_data(cx)) {
                Some(data) => data.map_err(failed)?,
                None => return Poll::Ready(Ok(())),
            };
        }
        let n = ahead.len().min(buf.remaining());
        buf.put_slice(ahead.get(..n).unwrap_or_default());
        ahead.advance(n);
        // What was taken may be sent again.
        content.flow_control().release_capacity(n).map_err(failed)?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wanted = buf.len().min(PIECE);
        if wanted == 0 {
            return Poll::Ready(Ok(0));
        }
        let mut way = lock(&self.way);
        let Way::Open(stream) = &mut *way else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        stream.reserve_capacity(wanted);
        loop {
            let room = match ready!(stream.poll_capacity(cx)) {
                Some(room) => room.map_err(failed)?.min(wanted),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            };
            if room == 0 {
                continue;
            }
            let piece = Bytes::copy_from_slice(buf.get(..room).unwrap_or_default());
            stream.send_data(piece, false).map_err(failed)?;
            return Poll::Ready(Ok(room));
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if std::mem::replace(&mut self.closed, true) {
            return Poll::Ready(Ok(()));
        }
        let mut way = lock(&self.way);
        let Way::Open(stream) = &mut *way else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        Poll::Ready(stream.send_data(Bytes::new(), true).map_err(failed))
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        if let Way::Open(stream) = &mut *lock(&self.way) {
            stream.send_reset(Reason::CANCEL);
        }
    }
}

fn failed(error: h2::Error) -> io::Error {
    io::Error::other(error)
}
