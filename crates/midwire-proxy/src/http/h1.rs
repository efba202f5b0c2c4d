//! HTTP/1 driver: a socket with the pure codec, for both roles (RFC 9112).

use std::io;

use bytes::{Bytes, BytesMut};
use midwire_wire::http1::{
    self, BodyDecoder, BodyEvent, Expected, Framing, Limits, RequestDecoder, ResponseDecoder,
    Violation,
};
use midwire_wire::{Fields, RequestHead, ResponseHead};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::stream::Frame;
use crate::io::Io;

/// Size of the first read of a connection; enough for most heads.
const READ_MIN: usize = 8 * 1024;
/// Size of reads once a peer has shown that it fills smaller ones.
const READ_MAX: usize = 128 * 1024;
/// Content up to this size is copied behind the head so that both go out in one write.
const COALESCE: usize = 16 * 1024;
/// Bytes of pipelined requests that are taken while an exchange runs.
const PIPELINE_MAX: usize = 64 * 1024;

/// What can go wrong while reading a message.
#[derive(Debug)]
pub(crate) enum ReadFault {
    /// The socket failed.
    Io(io::Error),
    /// The peer broke a rule.
    Violation(Violation),
    /// The peer closed before a message began.
    Closed,
    /// The peer closed inside a head.
    CutHead,
}

impl From<io::Error> for ReadFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Violation> for ReadFault {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

/// The reading half of an HTTP/1 connection.
pub(crate) struct Source {
    io: ReadHalf<Io>,
    buf: BytesMut,
    read_size: usize,
    limits: Limits,
    requests: RequestDecoder,
    responses: ResponseDecoder,
    body: BodyDecoder,
    eof: bool,
}

/// The writing half of an HTTP/1 connection.
pub(crate) struct Sink {
    io: WriteHalf<Io>,
    /// Written first, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    /// A large piece of content that follows `out`.
    piece: Bytes,
    /// The piece is a chunk, whose end is still to come.
    in_chunk: bool,
    framing: Framing,
    /// The peer is a proxy that forwards requests, so their targets have to name the server.
    pub(crate) to_proxy: bool,
}

/// Splits a connection into its halves.
pub(crate) fn split(io: Io, limits: Limits) -> (Source, Sink) {
    let (reader, writer) = tokio::io::split(io);
    let source = Source {
        io: reader,
        buf: BytesMut::new(),
        read_size: READ_MIN,
        limits,
        requests: RequestDecoder::new(limits),
        responses: ResponseDecoder::new(limits),
        body: BodyDecoder::new(Framing::None, limits),
        eof: false,
    };
    (
        source,
        Sink {
            io: writer,
            out: Vec::new(),
            sent: 0,
            piece: Bytes::new(),
            in_chunk: false,
            framing: Framing::None,
            to_proxy: false,
        },
    )
}

/// Joins the halves again; bytes that were read ahead come back with them.
pub(crate) fn unsplit(source: Source, sink: Sink) -> (Io, Bytes) {
    (source.io.unsplit(sink.io), source.buf.freeze())
}

impl Source {
    /// Waits for the first byte of a message; false if the peer closed instead.
    ///
    /// # Cancellation
    /// Safe: bytes that were read stay in the buffer.
    pub(crate) async fn ready(&mut self) -> io::Result<bool> {
        while self.requests.is_idle(&self.buf) {
            if self.fill().await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads the head of the next request and prepares for its content.
    ///
    /// # Cancellation
    /// Safe: bytes that were read stay in the buffer.
    pub(crate) async fn request_head(&mut self) -> Result<(RequestHead, Framing), ReadFault> {
        loop {
            if let Some((head, framing)) = self.requests.decode(&mut self.buf)? {
                self.body = BodyDecoder::new(framing, self.limits);
                return Ok((head, framing));
            }
            let fresh = self.requests.is_idle(&self.buf);
            if self.fill().await? == 0 {
                return Err(if fresh {
                    ReadFault::Closed
                } else {
                    ReadFault::CutHead
                });
            }
        }
    }

    /// Reads the next response head, interim ones too, and prepares for its content.
    ///
    /// # Cancellation
    /// Safe: bytes that were read stay in the buffer.
    pub(crate) async fn response_head(
        &mut self,
        request: Expected,
    ) -> Result<(ResponseHead, Framing), ReadFault> {
        loop {
            if let Some((head, framing)) = self.responses.decode(&mut self.buf, request)? {
                self.body = BodyDecoder::new(framing, self.limits);
                return Ok((head, framing));
            }
            let fresh = self.buf.is_empty();
            if self.fill().await? == 0 {
                return Err(if fresh {
                    ReadFault::Closed
                } else {
                    ReadFault::CutHead
                });
            }
        }
    }

    /// The next piece of content, `None` at its end. Nothing is read before it is asked for.
    ///
    /// # Cancellation
    /// Safe: bytes that were read stay in the buffer.
    pub(crate) async fn next(&mut self) -> Result<Option<Frame>, ReadFault> {
        loop {
            if self.body.is_done() {
                return Ok(None);
            }
            let event = match self.body.decode(&mut self.buf)? {
                Some(event) => event,
                None if self.fill().await? > 0 => continue,
                None => match self.body.eof()? {
                    Some(event) => event,
                    None => return Ok(None),
                },
            };
            match event {
                BodyEvent::Data(data) => return Ok(Some(Frame::Data(data))),
                BodyEvent::End(Some(trailers)) => return Ok(Some(Frame::Trailers(trailers))),
                BodyEvent::End(None) => return Ok(None),
            }
        }
    }

    /// True if the content of the current message was read to its end.
    pub(crate) fn is_done(&self) -> bool {
        self.body.is_done()
    }

    /// True if bytes were read that belong to no message yet.
    pub(crate) fn has_surplus(&self) -> bool {
        !self.buf.is_empty()
    }

    /// True if the whole content of the current message (of known length) is in the buffer already.
    pub(crate) fn holds_all(&self, framing: Framing) -> bool {
        match framing {
            Framing::None => true,
            Framing::Length(n) => self.buf.len() as u64 >= n,
            Framing::Chunked | Framing::UntilClose => false,
        }
    }

    /// Waits until the peer has closed; pipelined bytes are kept.
    ///
    /// # Cancellation
    /// Safe: bytes that were read stay in the buffer.
    pub(crate) async fn gone(&mut self) {
        loop {
            if self.buf.len() >= PIPELINE_MAX {
                return std::future::pending().await;
            }
            match self.fill().await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// Reads and throws away until the peer closes.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn drain(&mut self) {
        loop {
            self.buf.clear();
            if !matches!(self.fill().await, Ok(n) if n > 0) {
                return;
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        if self.eof {
            return Ok(0);
        }
        self.buf.reserve(self.read_size);
        let n = self.io.read_buf(&mut self.buf).await?;
        if n == 0 {
            self.eof = true;
        } else if n >= self.read_size {
            self.read_size = (self.read_size * 2).min(READ_MAX);
        }
        Ok(n)
    }

    /// Gives memory back while nothing is expected.
    pub(crate) fn rest(&mut self) {
        if self.buf.is_empty() {
            self.buf = BytesMut::new();
            self.read_size = READ_MIN;
        }
    }
}

impl Sink {
    /// Puts a request head into the buffer; its content follows with this framing.
    pub(crate) fn request_head(&mut self, head: &RequestHead, framing: Framing) {
        http1::write_request_head(head, &mut self.out);
        self.framing = framing;
    }

    /// Puts a response head into the buffer; its content follows with this framing.
    pub(crate) fn response_head(&mut self, head: &ResponseHead, framing: Framing) {
        http1::write_response_head(head, &mut self.out);
        self.framing = framing;
    }

    /// Writes a piece of content, small ones only into the buffer.
    ///
    /// # Cancellation
    /// Safe: what was not written yet goes out before anything that follows.
    pub(crate) async fn data(&mut self, data: Bytes) -> io::Result<()> {
        self.settle().await?;
        if data.is_empty() {
            return Ok(());
        }
        let chunked = self.framing == Framing::Chunked;
        if chunked {
            http1::write_chunk_header(data.len(), &mut self.out);
        }
        if self.out.len() + data.len() <= COALESCE {
            self.out.extend_from_slice(&data);
            if chunked {
                self.out.extend_from_slice(http1::CHUNK_END);
            }
            return Ok(());
        }
        self.piece = data;
        self.in_chunk = chunked;
        self.drain().await
    }

    /// Ends the content and flushes.
    ///
    /// # Cancellation
    /// Safe when nothing of the content waits to be written; else the end is missing.
    pub(crate) async fn end(&mut self, trailers: Option<&Fields>) -> io::Result<()> {
        self.settle().await?;
        if self.framing == Framing::Chunked {
            http1::write_last_chunk(trailers, &mut self.out);
        }
        self.framing = Framing::None;
        self.flush().await
    }

    /// Writes what is in the buffer.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.drain().await?;
        self.flush_out().await?;
        self.io.flush().await
    }

    /// Writes content that was begun but not finished.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn settle(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        self.drain().await
    }

    /// Flushes and closes the writing direction.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.io.shutdown().await
    }

    /// Writes until the large piece is gone; the end of its chunk may stay in the buffer.
    async fn drain(&mut self) -> io::Result<()> {
        use bytes::Buf as _;
        while !self.piece.is_empty() {
            let ahead = self.out.get(self.sent..).unwrap_or_default();
            let ahead_len = ahead.len();
            let mut both = bytes::Buf::chain(ahead, &self.piece[..]);
            let before = both.remaining();
            // At most one write per turn, so that what was written is always counted.
            if self.io.write_buf(&mut both).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            let written = before - both.remaining();
            let of_ahead = written.min(ahead_len);
            self.sent += of_ahead;
            self.piece.advance(written - of_ahead);
            if self.sent == self.out.len() {
                self.out.clear();
                self.sent = 0;
            }
        }
        if std::mem::take(&mut self.in_chunk) {
            self.out.extend_from_slice(http1::CHUNK_END);
        }
        Ok(())
    }

    async fn flush_out(&mut self) -> io::Result<()> {
        while let Some(rest) = self.out.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let n = self.io.write(rest).await?;
            if n == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.sent += n;
        }
        self.out.clear();
        self.sent = 0;
        Ok(())
    }

    /// Gives memory back while nothing is to be written.
    pub(crate) fn rest(&mut self) {
        if self.out.is_empty() && self.out.capacity() > READ_MIN {
            self.out = Vec::new();
        }
    }
}
