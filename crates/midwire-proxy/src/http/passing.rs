//! Content on its way from one side to the other.

use std::time::Duration;

use bytes::Bytes;
use midwire_core::hooks::ContentNeed;
use midwire_flow::Content;
use midwire_wire::Fields;
use midwire_wire::http1::Framing;

use super::capture::Capture;
use super::filters::Filters;
use super::pace::Pace;
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
    pub(super) filters: Filters,
    /// How fast the sender has to be.
    pub(super) pace: Option<Pace>,
    /// The sender has sent all.
    over: bool,
    /// The receiver has got all.
    done: bool,
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
            filters: Filters::default(),
            pace: None,
            over: false,
            done: false,
        }
    }

    /// True if nothing more can be passed on.
    pub(super) fn is_over(&self) -> bool {
        self.done || self.given_up
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

    /// Writes what filters have given.
    ///
    /// # Cancellation
    /// Safe: another call goes on where this one stopped.
    async fn drain_filters(&mut self, to: &mut Outbound<'_>) -> Result<(), Fault> {
        let other = self.side.other();
        while let Some(piece) = self.filters.next().await? {
            self.take(&piece)?;
            to.data(piece)
                .await
                .map_err(|error| write_fault(error, other))?;
        }
        Ok(())
    }
}

/// Passes content on that was read before it was known that it streams.
///
/// # Cancellation
/// The message cannot be completed afterwards.
pub(super) async fn lead(
    ahead: &Content,
    to: &mut Outbound<'_>,
    tee: &mut Tee,
) -> Result<(), Fault> {
    let other = tee.side.other();
    if tee.filters.is_empty() {
        return send_content(to, ahead)
            .await
            .map_err(|error| write_fault(error, other));
    }
    let mut offset = 0;
    while let Some(piece) = piece(ahead, &mut offset).map_err(|error| write_fault(error, other))? {
        tee.filters.push(piece);
        tee.drain_filters(to).await?;
    }
    Ok(())
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
    let other = side.other();
    let failed = |error| write_fault(error, other);
    if tee.done {
        return Ok(());
    }
    to.settle().await.map_err(failed)?;
    tee.drain_filters(to).await?;
    while !tee.over {
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
                to.flush().await.map_err(failed)?;
                match &mut tee.pace {
                    Some(pace) => pace.wait(next).await?,
                    None => next.await,
                }
            }
        };
        match frame? {
            Some(Frame::Data(data)) => {
                if let Some(pace) = &mut tee.pace {
                    pace.count(data.len());
                }
                if tee.filters.is_empty() {
                    tee.take(&data)?;
                    to.data(data).await.map_err(failed)?;
                } else {
                    tee.filters.push(data);
                    tee.drain_filters(to).await?;
                }
            }
            Some(Frame::Trailers(fields)) => tee.trailers = Some(fields),
            None => tee.over = true,
        }
    }
    tee.filters.end();
    tee.drain_filters(to).await?;
    to.end(tee.trailers.as_ref()).await.map_err(failed)?;
    tee.done = true;
    Ok(())
}

/// Runs both directions together. When the response is complete, the rest of the request has `patience` to arrive,
/// so that keep-alive survives a quick answer; without a limit, the server itself ends what it does not want.
pub(super) async fn both<S, R, T>(
    send: S,
    receive: R,
    patience: Option<Duration>,
) -> (Result<(), Fault>, Result<T, Fault>)
where
    S: Future<Output = Result<(), Fault>>,
    R: Future<Output = Result<T, Fault>>,
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
    let mut offset = 0;
    while let Some(piece) = piece(content, &mut offset)? {
        to.data(piece).await?;
    }
    Ok(())
}

/// The next piece of content; `None` at its end.
fn piece(content: &Content, offset: &mut u64) -> std::io::Result<Option<Bytes>> {
    const PIECE: usize = 128 * 1024;
    let piece = match content {
        Content::Missing | Content::Passed { .. } => return Ok(None),
        Content::Memory(bytes) if *offset == 0 => bytes.clone(),
        Content::Memory(_) => return Ok(None),
        Content::Spilled(spill) if *offset < spill.len() => {
            let piece = spill.read(*offset, PIECE)?;
            if piece.is_empty() {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            piece
        }
        Content::Spilled(_) => return Ok(None),
    };
    *offset += piece.len() as u64;
    Ok((!piece.is_empty()).then_some(piece))
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
