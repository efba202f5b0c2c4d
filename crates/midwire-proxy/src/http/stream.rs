//! Content and replies of one exchange, whatever the protocol version.

use bytes::Bytes;
use midwire_wire::http1::{Framing, Violation};
use midwire_wire::{Fields, RequestHead, ResponseHead};

use super::h1;
use crate::fault::{Fault, Side};

/// A piece of a message after its head.
#[derive(Debug)]
pub(crate) enum Frame {
    /// Content.
    Data(Bytes),
    /// The trailer section, which ends the message.
    Trailers(Fields),
}

/// A request as a driver hands it to the exchange.
pub(crate) struct Incoming<'a> {
    pub(crate) head: RequestHead,
    pub(crate) framing: Framing,
    pub(crate) content: Inbound<'a>,
    pub(crate) reply: Outbound<'a>,
    /// When its first byte came, in seconds since the epoch.
    pub(crate) began: f64,
}

/// Content that comes from a peer. It is pulled: what nobody asks for is not read.
pub(crate) enum Inbound<'a> {
    /// From an HTTP/1 connection.
    H1(&'a mut h1::Source),
}

/// The way to a peer.
pub(crate) enum Outbound<'a> {
    /// To an HTTP/1 connection.
    H1(&'a mut h1::Sink),
}

impl Inbound<'_> {
    /// The next piece, `None` at the end.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn next(&mut self, side: Side) -> Result<Option<Frame>, Fault> {
        match self {
            Self::H1(source) => source.next().await.map_err(|fault| read_fault(fault, side)),
        }
    }

    /// Waits until the peer has gone away.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn gone(&mut self) {
        match self {
            Self::H1(source) => source.gone().await,
        }
    }

    /// True if all content is here already, so that reading it cannot wait.
    pub(crate) fn holds_all(&self, framing: Framing) -> bool {
        match self {
            Self::H1(source) => source.holds_all(framing),
        }
    }

    /// True if the message was read to its end.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::H1(source) => source.is_done(),
        }
    }
}

impl Outbound<'_> {
    /// Puts a response head into the buffer.
    pub(crate) fn response_head(&mut self, head: &ResponseHead, framing: Framing) {
        match self {
            Self::H1(sink) => sink.response_head(head, framing),
        }
    }

    /// Writes a piece of content, or buffers it when small.
    pub(crate) async fn data(&mut self, data: Bytes) -> std::io::Result<()> {
        match self {
            Self::H1(sink) => sink.data(data).await,
        }
    }

    /// Ends the message.
    pub(crate) async fn end(&mut self, trailers: Option<&Fields>) -> std::io::Result<()> {
        match self {
            Self::H1(sink) => sink.end(trailers).await,
        }
    }

    /// Writes what is buffered.
    pub(crate) async fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::H1(sink) => sink.flush().await,
        }
    }
}

/// Says what a failed read means for the exchange.
pub(crate) fn read_fault(fault: h1::ReadFault, side: Side) -> Fault {
    use h1::ReadFault;
    match (side, fault) {
        (Side::Client, ReadFault::Violation(violation)) if matches!(violation, Violation::Cut) => {
            Fault::ClientGone
        }
        (Side::Client, ReadFault::Violation(violation)) => Fault::BadRequest(violation),
        (Side::Client, _) => Fault::ClientGone,
        (Side::Server, ReadFault::Violation(violation)) if matches!(violation, Violation::Cut) => {
            Fault::ResponseCut(violation.to_string())
        }
        (Side::Server, ReadFault::Violation(violation)) => Fault::BadResponse(violation),
        (Side::Server, ReadFault::Closed) => Fault::NoResponse,
        (Side::Server, ReadFault::CutHead) => Fault::ResponseCut("head is incomplete".to_owned()),
        (Side::Server, ReadFault::Io(error)) => Fault::ServerIo(error),
    }
}
