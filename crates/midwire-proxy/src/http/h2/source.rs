//! The receiving half of a stream.

use std::future::poll_fn;
use std::task::Poll;

use h2::RecvStream;
use h2::client::ResponseFuture;
use midwire_wire::http1::{Expected, Framing};
use midwire_wire::{Fields, ResponseHead};
use tokio::sync::oneshot;

use super::super::stream::Frame;
use super::order::Orders;
use super::{SharedWay, Tunnel, Way, convert, lock, upgrade};

/// Receives the content of a stream, and in the client role its response head.
pub(crate) struct Source {
    way: SharedWay,
    head: Head,
    content: Option<RecvStream>,
    /// Bytes that were handed out and not yet given back to the peer's window.
    owed: usize,
    done: bool,
    orders: Orders,
    stream: u32,
    /// A response with success opens a tunnel.
    upgrade: bool,
}

enum Head {
    /// The request is not sent yet.
    Unsent(oneshot::Receiver<ResponseFuture>),
    Awaited(ResponseFuture),
    Done,
}

impl Source {
    /// The content of a request.
    pub(super) fn request(way: SharedWay, content: RecvStream, orders: Orders) -> Self {
        Self {
            way,
            head: Head::Done,
            done: content.is_end_stream(),
            orders,
            stream: content.stream_id().as_u32(),
            content: Some(content),
            owed: 0,
            upgrade: false,
        }
    }

    /// A response that is to come.
    pub(super) fn response(
        way: SharedWay,
        sent: oneshot::Receiver<ResponseFuture>,
        orders: Orders,
    ) -> Self {
        Self {
            way,
            head: Head::Unsent(sent),
            content: None,
            owed: 0,
            done: false,
            orders,
            stream: 0,
            upgrade: false,
        }
    }

    /// The request is an extended CONNECT: what follows belongs to the tunnel.
    pub(super) fn upgrade(&mut self) {
        self.upgrade = true;
        self.done |= matches!(self.head, Head::Done);
    }

    /// The stream as a connection.
    pub(crate) fn into_tunnel(self) -> Tunnel {
        Tunnel::new(self.way, self.content)
    }

    /// The next response head, interim ones too.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn response_head(
        &mut self,
        request: Expected,
    ) -> Result<(ResponseHead, Framing), Option<h2::Error>> {
        if let Head::Unsent(sent) = &mut self.head {
            let waiting = sent.await.map_err(|_| None)?;
            self.stream = waiting.stream_id().as_u32();
            self.head = Head::Awaited(waiting);
        }
        let Head::Awaited(waiting) = &mut self.head else {
            return Err(None);
        };
        let response = poll_fn(|cx| {
            if let Poll::Ready(Some(interim)) = waiting.poll_informational(cx) {
                return Poll::Ready(interim.map(Err));
            }
            std::pin::Pin::new(&mut *waiting).poll(cx).map_ok(Ok)
        })
        .await
        .map_err(Some)?;
        let response = match response {
            Ok(response) => response,
            Err(interim) => {
                return Ok((
                    convert::response_head(&interim, (&self.orders, self.stream)),
                    Framing::None,
                ));
            }
        };
        self.head = Head::Done;
        let mut head = convert::response_head(&response, (&self.orders, self.stream));
        let content = response.into_body();
        if self.upgrade && (200..300).contains(&head.status) {
            upgrade::accepted(&mut head);
            self.done = true;
            self.content = Some(content);
            return Ok((head, Framing::None));
        }
        let bodyless = request == Expected::Head || matches!(head.status, 204 | 304);
        let framing = if bodyless || content.is_end_stream() {
            self.done = true;
            Framing::None
        } else {
            framing(&head.fields)
        };
        self.content = Some(content);
        Ok((head, framing))
    }

    /// The next piece of content. What was handed out before counts as passed on, so the peer may send as much again.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Frame>, h2::Error> {
        let Some(content) = self.content.as_mut().filter(|_| !self.done) else {
            return Ok(None);
        };
        if self.owed > 0 {
            let owed = std::mem::take(&mut self.owed);
            content.flow_control().release_capacity(owed)?;
        }
        loop {
            match content.data().await {
                // A padded or empty frame carries nothing.
                Some(Ok(data)) if data.is_empty() => {}
                Some(Ok(data)) => {
                    self.owed = data.len();
                    return Ok(Some(Frame::Data(data)));
                }
                Some(Err(error)) => return Err(error),
                None => break,
            }
        }
        let trailers = content.trailers().await?;
        self.done = true;
        Ok(trailers.map(|map| Frame::Trailers(convert::fields(&map, (&self.orders, self.stream)))))
    }

    /// True if all content was handed out.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Waits until the peer has reset the stream or the connection is gone.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn gone(&mut self) {
        poll_fn(|cx| match &mut *lock(&self.way) {
            Way::Respond(respond) => respond.poll_reset(cx).map(drop),
            Way::Open(stream) => stream.poll_reset(cx).map(drop),
            Way::Request(..) => Poll::Pending,
        })
        .await;
    }
}

/// How the content of a message ends that did not end with its head.
pub(super) fn framing(fields: &Fields) -> Framing {
    let length = fields
        .get("content-length")
        .and_then(|value| std::str::from_utf8(value).ok())
        .and_then(|text| text.parse().ok());
    match length {
        Some(length) => Framing::Length(length),
        None => Framing::Chunked,
    }
}
