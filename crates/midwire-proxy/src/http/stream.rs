//! Content and replies of one exchange, whatever the protocol version.

use bytes::Bytes;
use midwire_flow::{Request, Response};
use midwire_wire::http1::{Expected, Framing, Violation};
use midwire_wire::{Fields, RequestHead, ResponseHead};

use super::message::{self, Pseudo};
use super::{h1, h2};
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
    /// Scheme and authority, where they are not part of the target (HTTP/2 and 3).
    pub(crate) pseudo: Option<Pseudo>,
    pub(crate) framing: Framing,
    pub(crate) content: Inbound<'a>,
    pub(crate) reply: Outbound<'a>,
    /// When its first byte came, in seconds since the epoch.
    pub(crate) began: f64,
}

/// How much content follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    /// None can follow: the fields stay as they are.
    None,
    /// All of it is here: this many bytes, and a trailer section or none.
    Whole { len: u64, trailers: bool },
    /// It is passed on as it arrives, in this framing.
    Live(Framing),
}

/// Content that comes from a peer. It is pulled: what nobody asks for is not read.
pub(crate) enum Inbound<'a> {
    /// From an HTTP/1 connection.
    H1(&'a mut h1::Source),
    /// From a stream of an HTTP/2 connection.
    H2(&'a mut h2::Source),
    /// From nowhere: a replay has its content already.
    Nothing,
}

/// The way to a peer.
pub(crate) enum Outbound<'a> {
    /// To an HTTP/1 connection.
    H1(&'a mut h1::Sink),
    /// To a stream of an HTTP/2 connection.
    H2(&'a mut h2::Sink),
    /// To nobody: the response of a replay is only recorded.
    Nobody,
}

impl Inbound<'_> {
    /// The next response head, interim ones too.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn response_head(
        &mut self,
        request: Expected,
    ) -> Result<(ResponseHead, Framing), Fault> {
        match self {
            Self::H1(source) => source
                .response_head(request)
                .await
                .map_err(|fault| read_fault(fault, Side::Server)),
            Self::H2(source) => source.response_head(request).await.map_err(|error| {
                error.map_or(Fault::NoResponse, |error| h2::fault(&error, Side::Server))
            }),
            Self::Nothing => Err(Fault::NoResponse),
        }
    }

    /// The next piece, `None` at the end.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn next(&mut self, side: Side) -> Result<Option<Frame>, Fault> {
        match self {
            Self::H1(source) => source.next().await.map_err(|fault| read_fault(fault, side)),
            Self::H2(source) => source.next().await.map_err(|error| h2::fault(&error, side)),
            Self::Nothing => Ok(None),
        }
    }

    /// Waits until the peer has gone away.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn gone(&mut self) {
        match self {
            Self::H1(source) => source.gone().await,
            Self::H2(source) => source.gone().await,
            Self::Nothing => std::future::pending().await,
        }
    }

    /// True if all content is here already, so that reading it cannot wait.
    pub(crate) fn holds_all(&self, framing: Framing) -> bool {
        match self {
            Self::H1(source) => source.holds_all(framing),
            Self::H2(source) => source.is_done(),
            Self::Nothing => true,
        }
    }

    /// True if the message was read to its end.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::H1(source) => source.is_done(),
            Self::H2(source) => source.is_done(),
            Self::Nothing => true,
        }
    }

    /// True if a peer that has answered in full still takes the rest of a request until it says otherwise.
    pub(crate) fn outlives_response(&self) -> bool {
        matches!(self, Self::H2(_))
    }
}

impl Outbound<'_> {
    /// Puts the head of a request into the buffer.
    ///
    /// # Errors
    /// The protocol of the server cannot carry it.
    pub(crate) fn request_head(
        &mut self,
        request: &Request,
        amount: Amount,
    ) -> std::io::Result<Framing> {
        match self {
            Self::H1(sink) => {
                let mut head = message::forward_request(request);
                if sink.to_proxy {
                    message::make_absolute(&mut head, request);
                }
                let framing = message::frame(&mut head.fields, amount);
                sink.request_head(&head, framing);
                Ok(framing)
            }
            Self::H2(sink) => sink.request_head(request, amount),
            Self::Nobody => Ok(Framing::None),
        }
    }

    /// Puts the head of a final response into the buffer.
    pub(crate) fn response(&mut self, response: &Response, amount: Amount) -> Framing {
        let mut head = message::reply(response);
        match self {
            Self::H1(sink) => {
                message::speak_http1(&mut head);
                let framing = message::frame(&mut head.fields, amount);
                let is_whole = matches!(amount, Amount::Whole { .. });
                if is_whole && framing == Framing::None && !head.fields.contains("content-length") {
                    head.fields.append("Content-Length", "0");
                }
                sink.response_head(&head, framing);
                framing
            }
            Self::H2(sink) => {
                let framing = message::frame_streams(&mut head.fields, amount);
                sink.response_head(&head);
                framing
            }
            Self::Nobody => Framing::None,
        }
    }

    /// Puts a response head into the buffer as it is.
    pub(crate) fn response_head(&mut self, head: &ResponseHead, framing: Framing) {
        match self {
            Self::H1(sink) if head.version.is_http1() => sink.response_head(head, framing),
            Self::H1(sink) => {
                let mut head = head.clone();
                message::speak_http1(&mut head);
                sink.response_head(&head, framing);
            }
            Self::H2(sink) => sink.response_head(head),
            Self::Nobody => {}
        }
    }

    /// Writes a piece of content, or buffers it when small.
    ///
    /// # Cancellation
    /// Safe: what was not written yet goes out before anything that follows.
    pub(crate) async fn data(&mut self, data: Bytes) -> std::io::Result<()> {
        match self {
            Self::H1(sink) => sink.data(data).await,
            Self::H2(sink) => sink.data(data).await,
            Self::Nobody => Ok(()),
        }
    }

    /// Ends the message.
    pub(crate) async fn end(&mut self, trailers: Option<&Fields>) -> std::io::Result<()> {
        match self {
            Self::H1(sink) => sink.end(trailers).await,
            Self::H2(sink) => sink.end(trailers).await,
            Self::Nobody => Ok(()),
        }
    }

    /// Writes what is buffered.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::H1(sink) => sink.flush().await,
            Self::H2(sink) => sink.flush().await,
            Self::Nobody => Ok(()),
        }
    }

    /// Writes content that was begun but not finished, and nothing else.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn settle(&mut self) -> std::io::Result<()> {
        match self {
            Self::H1(sink) => sink.settle().await,
            Self::H2(sink) => sink.settle().await,
            Self::Nobody => Ok(()),
        }
    }

    /// True if both sides can go on with another protocol.
    pub(crate) fn can_switch(&self) -> bool {
        match self {
            Self::H1(_) | Self::Nobody => true,
            Self::H2(sink) => sink.can_switch(),
        }
    }

    /// Says why no complete message follows, where the protocol can say so.
    pub(crate) fn abort(&mut self, fault: &Fault) {
        match self {
            Self::H1(_) | Self::Nobody => {}
            Self::H2(sink) => sink.abort(fault),
        }
    }
}

/// Says what a failed write means for the exchange.
pub(crate) fn write_fault(error: std::io::Error, side: Side) -> Fault {
    if side == Side::Client {
        let stalled = error.get_ref().and_then(|inner| inner.downcast_ref());
        return stalled.map_or(Fault::ClientGone, |stalled| Fault::ClientStalled(*stalled));
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(error) => h2::fault(error, side),
        None => Fault::ServerIo(error),
    }
}

/// Says what a failed read means for the exchange.
pub(crate) fn read_fault(fault: h1::ReadFault, side: Side) -> Fault {
    use h1::ReadFault;
    match (side, fault) {
        (Side::Client, ReadFault::Violation(Violation::Cut)) => Fault::ClientGone,
        (Side::Client, ReadFault::Violation(violation)) => Fault::BadRequest(violation),
        (Side::Client, _) => Fault::ClientGone,
        (Side::Server, ReadFault::Violation(violation @ Violation::Cut)) => {
            Fault::ResponseCut(violation.to_string())
        }
        (Side::Server, ReadFault::Violation(violation)) => Fault::BadResponse(violation),
        (Side::Server, ReadFault::Closed) => Fault::NoResponse,
        (Side::Server, ReadFault::CutHead) => Fault::ResponseCut("head is incomplete".to_owned()),
        (Side::Server, ReadFault::Io(error)) => Fault::ServerIo(error),
    }
}
