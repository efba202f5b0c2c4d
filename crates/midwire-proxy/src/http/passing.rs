//! Content on its way from one side to the other.

use std::time::Duration;

use bytes::Bytes;
use midwire_core::hooks::{ContentNeed, StreamFilter};
use midwire_flow::Content;
use midwire_wire::Fields;
use midwire_wire::http1::Framing;

use super::capture::Capture;
use super::stream::{Frame, Inbound, Outbound, write_fault};
use crate::fault::{Fault, Side};

/// What is kept of content while it passes.
pub(super) struct Tee {
    pub(super) capture: Capture,
    pub(super) trailers: Option<Fields>,
    pub(super) limit: Option<u64>,
    /// Who sends the content.
    side: Side,
    /// The receiver does not want the rest.
    pub(super) given_up: bool,
    /// Copies larger than this are given up (`stream_large_bodies` without `store_streamed_bodies`).
    pub(super) keep: Option<u64>,
    /// Functions of addons that the content passes through.
    pub(super) filters: Vec<Box<dyn StreamFilter>>,
}

impl Tee {
    pub(super) fn new(need: ContentNeed, limit: Option<u64>, side: Side) -> Self {
        let capture = if need >= ContentNeed::Copy {
            Capture::copy()
        } else {
            Capture::count()
        };
        Self {
            capture,
            trailers: None,
            limit,
            side,
            given_up: false,
            keep: None,
            filters: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, data: &Bytes) -> Result<(), Fault> {
        self.capture.take(data);
        if self.keep.is_some_and(|keep| self.capture.size() > keep) {
            self.capture.give_up();
        }
        check_size(&self.capture, self.limit, self.side)
    }

    /// The framing of content as it goes on: what filters make of it has no length that could be known.
    pub(super) fn framing(&self, framing: Framing) -> Framing {
        match framing {
            Framing::Length(_) if !self.filters.is_empty() => Framing::Chunked,
            framing => framing,
        }
    }

    /// What goes on in place of a piece of content, or after the last one.
    ///
    /// # Cancellation
    /// The message cannot be completed afterwards.
    async fn filtered(&mut self, piece: Option<Bytes>) -> Result<Vec<Bytes>, Fault> {
        let is_last = piece.is_none();
        let mut pieces: Vec<Bytes> = piece.into_iter().collect();
        for filter in &mut self.filters {
            let mut next = Vec::new();
            for piece in pieces {
                next.extend(filter.chunk(piece).await.map_err(Fault::Filter)?);
            }
            if is_last {
                next.extend(filter.end().await.map_err(Fault::Filter)?);
            }
            pieces = next;
        }
        pieces.retain(|piece| !piece.is_empty());
        Ok(pieces)
    }
}

/// Passes content on as it arrives. Small pieces that are there together go out together.
///
/// # Cancellation
/// Safe: another call goes on where this one stopped.
pub(super) async fn pump(
    from: &mut Inbound<'_>,
    to: &mut Outbound<'_>,
    tee: &mut Tee,
) -> Result<(), Fault> {
    let side = tee.side;
    let other = match side {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    };
    to.settle()
        .await
        .map_err(|error| write_fault(error, other))?;
    loop {
        let frame = {
            let next = from.next(side);
            let mut next = std::pin::pin!(next);
            let ready = tokio::select! {
                biased;
                frame = &mut next => Some(frame),
                () = std::future::ready(()) => None,
            };
            if let Some(frame) = ready {
                frame
            } else {
                // Nothing more is here right now: what is buffered must not wait for it.
                to.flush()
                    .await
                    .map_err(|error| write_fault(error, other))?;
                next.await
            }
        };
        match frame? {
            Some(Frame::Data(data)) => pass(to, tee, Some(data)).await?,
            Some(Frame::Trailers(fields)) => tee.trailers = Some(fields),
            None => break,
        }
    }
    if !tee.filters.is_empty() {
        pass(to, tee, None).await?;
    }
    to.end(tee.trailers.as_ref())
        .await
        .map_err(|error| write_fault(error, other))
}

/// Passes one piece on, or what filters still have after the last one.
async fn pass(to: &mut Outbound<'_>, tee: &mut Tee, piece: Option<Bytes>) -> Result<(), Fault> {
    let other = match tee.side {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    };
    if let Some(data) = &piece
        && tee.filters.is_empty()
    {
        tee.take(data)?;
        let data = data.clone();
        return to
            .data(data)
            .await
            .map_err(|error| write_fault(error, other));
    }
    for piece in tee.filtered(piece).await? {
        tee.take(&piece)?;
        to.data(piece)
            .await
            .map_err(|error| write_fault(error, other))?;
    }
    Ok(())
}

/// Sends what was read before it was clear that the content passes live. It goes the way of what follows.
pub(super) async fn send_begun(
    to: &mut Outbound<'_>,
    begun: &Content,
    tee: &mut Tee,
) -> Result<(), Fault> {
    if tee.filters.is_empty() {
        let other = match tee.side {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        };
        return send_content(to, begun)
            .await
            .map_err(|error| write_fault(error, other));
    }
    let mut offset = 0;
    while let Some(piece) = piece_at(begun, offset)? {
        offset += piece.len() as u64;
        pass(to, tee, Some(piece)).await?;
    }
    Ok(())
}

/// The content from here on, as far as one piece goes.
fn piece_at(content: &Content, offset: u64) -> Result<Option<Bytes>, Fault> {
    let piece = match content {
        Content::Missing | Content::Passed { .. } => return Ok(None),
        Content::Memory(bytes) if offset == 0 => bytes.clone(),
        Content::Memory(_) => return Ok(None),
        Content::Spilled(spill) if offset >= spill.len() => return Ok(None),
        Content::Spilled(spill) => spill.read(offset, PIECE).map_err(Fault::ServerIo)?,
    };
    Ok(Some(piece).filter(|piece| !piece.is_empty()))
}

/// Bytes that are read of a file at once.
const PIECE: usize = 128 * 1024;

/// Runs both directions together. When the response is complete, the rest of the request has `patience` to arrive,
/// so that keep-alive survives a quick answer; without a limit, the server itself ends what it does not want.
pub(super) async fn both<S, R>(
    send: S,
    receive: R,
    patience: Option<Duration>,
) -> (Result<(), Fault>, Result<(), Fault>)
where
    S: Future<Output = Result<(), Fault>>,
    R: Future<Output = Result<(), Fault>>,
{
    let mut send = std::pin::pin!(send);
    let mut receive = std::pin::pin!(receive);
    tokio::select! {
        biased;
        received = &mut receive => {
            let sent = match patience {
                _ if received.is_err() => Err(given_up()),
                None => send.await,
                Some(limit) => tokio::time::timeout(limit, send).await.unwrap_or_else(|_| Err(given_up())),
            };
            (sent, received)
        }
        sent = &mut send => (sent, receive.await),
    }
}

pub(super) fn given_up() -> Fault {
    Fault::ResponseCut("answered before the request was complete".to_owned())
}

/// Sends content that is all here; large content is read from its file in pieces.
pub(super) async fn send_content(to: &mut Outbound<'_>, content: &Content) -> std::io::Result<()> {
    match content {
        Content::Missing | Content::Passed { .. } => Ok(()),
        Content::Memory(bytes) if bytes.is_empty() => Ok(()),
        Content::Memory(bytes) => to.data(bytes.clone()).await,
        Content::Spilled(spill) => {
            let mut offset = 0;
            while offset < spill.len() {
                let piece = spill.read(offset, PIECE)?;
                if piece.is_empty() {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                offset += piece.len() as u64;
                to.data(piece).await?;
            }
            Ok(())
        }
    }
}

pub(super) fn check_length(framing: Framing, limit: Option<u64>, side: Side) -> Result<(), Fault> {
    match (framing, limit) {
        (Framing::Length(len), Some(limit)) if len > limit => Err(Fault::TooLarge { side }),
        _ => Ok(()),
    }
}

pub(super) fn check_size(capture: &Capture, limit: Option<u64>, side: Side) -> Result<(), Fault> {
    if limit.is_some_and(|limit| capture.size() > limit) {
        Err(Fault::TooLarge { side })
    } else {
        Ok(())
    }
}
