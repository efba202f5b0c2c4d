//! The sending half of a stream.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use midwire_flow::Request;
use midwire_wire::http1::Framing;
use midwire_wire::{Fields, ResponseHead};

use super::super::message;
use super::super::stream::Amount;
use super::convert::Names;
use super::{SharedWay, Way, convert, lock, upgrade};
use crate::fault::Fault;
use crate::io::Stalled;

/// Sends a message on a stream. A head waits for what follows it, so that one without content can end the stream.
pub(crate) struct Sink {
    way: SharedWay,
    names: Names,
    head: Option<Head>,
    /// Content that did not fit into the windows yet.
    rest: Bytes,
    /// The message opens a tunnel, so that the stream does not end with it.
    upgrade: bool,
    /// How long a client may take nothing of its content.
    patience: Option<Duration>,
}

enum Head {
    Request(Box<http::Request<()>>),
    Response(Box<http::Response<()>>),
}

/// Whether the stream ends with what is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Yes,
    No,
}

impl Sink {
    pub(super) fn new(way: SharedWay, names: Names) -> Self {
        Self {
            way,
            names,
            head: None,
            rest: Bytes::new(),
            upgrade: false,
            patience: None,
        }
    }

    /// Lets the peer take nothing of its content for at most this time.
    pub(super) fn with_patience(self, patience: Option<Duration>) -> Self {
        Self { patience, ..self }
    }

    /// The exchange is an extended CONNECT.
    pub(super) fn upgrade(&mut self) {
        self.upgrade = true;
    }

    /// True if a 101 can be sent: as success of an extended CONNECT.
    pub(crate) fn can_switch(&self) -> bool {
        self.upgrade
    }

    /// Holds the head of a request.
    pub(crate) fn request_head(
        &mut self,
        request: &Request,
        amount: Amount,
    ) -> io::Result<Framing> {
        let mut fields = request.fields.clone();
        let framing = message::frame_streams(&mut fields, amount);
        if self.upgrade {
            fields.remove(upgrade::KEY);
        }
        let mut head = convert::request(request, fields, self.names).map_err(io::Error::other)?;
        if self.upgrade {
            *head.method_mut() = http::Method::CONNECT;
            let protocol = h2::ext::Protocol::from_static(upgrade::WEBSOCKET);
            head.extensions_mut().insert(protocol);
        }
        self.head = Some(Head::Request(Box::new(head)));
        Ok(framing)
    }

    /// Holds a response head; one that HTTP/2 cannot carry resets the stream.
    pub(crate) fn response_head(&mut self, head: &ResponseHead) {
        let success = (self.upgrade && head.status == 101).then(|| upgrade::success(head));
        match convert::response(success.as_ref().unwrap_or(head), self.names) {
            Ok(head) => self.head = Some(Head::Response(Box::new(head))),
            Err(error) => {
                tracing::warn!("the response cannot be passed on: {error}");
                self.reset(Reason::INTERNAL_ERROR);
            }
        }
    }

    /// Sends a piece of content as the windows allow.
    ///
    /// # Cancellation
    /// Safe: the rest of the piece goes out with the next call.
    pub(crate) async fn data(&mut self, data: Bytes) -> io::Result<()> {
        self.drain().await?;
        self.rest = data;
        self.drain().await
    }

    /// Ends the message.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn end(&mut self, trailers: Option<&Fields>) -> io::Result<()> {
        let trailers = match trailers {
            Some(fields) if !fields.is_empty() => {
                Some(convert::header_map(fields, Names::Lowered).map_err(io::Error::other)?)
            }
            _ => None,
        };
        if matches!((&self.head, self.upgrade), (Some(Head::Request(_)), true)) {
            return self.drain().await;
        }
        if self.head.is_some() && self.rest.is_empty() && trailers.is_none() {
            return self.submit(Last::Yes);
        }
        self.drain().await?;
        let mut way = lock(&self.way);
        let Way::Open(stream) = &mut *way else {
            return Err(closed());
        };
        match trailers {
            Some(trailers) => stream.send_trailers(trailers),
            None => stream.send_data(Bytes::new(), true),
        }
        .map_err(io::Error::other)
    }

    /// Sends what waits.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.drain().await
    }

    /// Sends content that was begun but not finished.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn settle(&mut self) -> io::Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        self.drain().await
    }

    /// Resets the stream for the reason of a fault.
    pub(crate) fn abort(&mut self, fault: &Fault) {
        self.reset(match fault {
            Fault::ServerReset(code) => code.0,
            Fault::ClientGone | Fault::ClientStalled(_) | Fault::Killed => Reason::CANCEL,
            _ => Reason::INTERNAL_ERROR,
        });
    }

    fn reset(&mut self, reason: Reason) {
        self.head = None;
        self.rest = Bytes::new();
        match &mut *lock(&self.way) {
            Way::Respond(respond) => respond.send_reset(reason),
            Way::Open(stream) => stream.send_reset(reason),
            Way::Request(..) => {}
        }
    }

    async fn drain(&mut self) -> io::Result<()> {
        if self.head.is_some() {
            self.submit(Last::No)?;
        }
        while !self.rest.is_empty() {
            let wanted = self.rest.len();
            let room = poll_fn(|cx| match &mut *lock(&self.way) {
                Way::Open(stream) => {
                    stream.reserve_capacity(wanted);
                    stream.poll_capacity(cx)
                }
                _ => std::task::Poll::Ready(None),
            });
            let room = match Stalled::unless(self.patience, room).await? {
                Some(room) => room.map_err(io::Error::other)?,
                None => return Err(closed()),
            };
            let piece = self.rest.split_to(room.min(wanted));
            if let Way::Open(stream) = &mut *lock(&self.way) {
                stream.send_data(piece, false).map_err(io::Error::other)?;
            }
        }
        Ok(())
    }

    fn submit(&mut self, last: Last) -> io::Result<()> {
        let end = last == Last::Yes;
        let mut way = lock(&self.way);
        match (self.head.take(), &mut *way) {
            (Some(Head::Request(head)), Way::Request(sender, hand)) => {
                let (response, stream) =
                    sender.send_request(*head, end).map_err(io::Error::other)?;
                if let Some(hand) = hand.take() {
                    let _ = hand.send(response);
                }
                *way = Way::Open(stream);
                Ok(())
            }
            (Some(Head::Response(head)), Way::Respond(respond)) => {
                if head.status().is_informational() {
                    return respond.send_informational(*head).map_err(io::Error::other);
                }
                let stream = respond
                    .send_response(*head, end)
                    .map_err(io::Error::other)?;
                *way = Way::Open(stream);
                Ok(())
            }
            (None, _) => Ok(()),
            _ => Err(closed()),
        }
    }
}

fn closed() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}
