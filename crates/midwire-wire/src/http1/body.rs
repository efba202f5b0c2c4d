//! Bodies (RFC 9112 §6 and §7).

use bytes::{Buf, Bytes, BytesMut};

use super::chunk::ChunkLine;
use super::section::Section;
use super::{Framing, Limits, Validation, Violation};
use crate::Fields;

/// A piece of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyEvent {
    /// Some content, never empty. Where a piece ends says nothing about chunks.
    Data(Bytes),
    /// The body is complete. Trailer fields that must not be in a trailer section are gone (RFC 9110 §6.5.1).
    End(Option<Fields>),
}

/// Decodes one body; make a new one for each message.
#[derive(Debug)]
pub struct BodyDecoder {
    state: State,
    limits: Limits,
    chunk: ChunkLine,
    trailers: Section,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// This many bytes to come.
    Counted(u64),
    UntilClose,
    ChunkLine,
    /// This many bytes of the chunk to come.
    ChunkData(u64),
    ChunkEnd,
    Trailers,
    Done,
}

impl BodyDecoder {
    /// A decoder for a body with this framing, at its first byte.
    pub fn new(framing: Framing, limits: Limits) -> Self {
        Self {
            state: match framing {
                Framing::None => State::Counted(0),
                Framing::Length(length) => State::Counted(length),
                Framing::Chunked => State::ChunkLine,
                Framing::UntilClose => State::UntilClose,
            },
            // Nobody needs odd trailers, and folded ones are never passed on.
            limits: Limits {
                validation: Validation::Strict,
                ..limits
            },
            chunk: ChunkLine::default(),
            trailers: Section::default(),
        }
    }

    /// Takes the next piece off the buffer; `Ok(None)` means more bytes needed, or nothing left after the end.
    ///
    /// Content comes as it arrives and is not copied. Bytes behind the end stay in the buffer.
    pub fn decode(&mut self, buf: &mut BytesMut) -> Result<Option<BodyEvent>, Violation> {
        loop {
            self.state = match self.state {
                State::Counted(0) => return Ok(self.end(None)),
                State::Counted(left) => {
                    let (data, left) = take(buf, left);
                    self.state = State::Counted(left);
                    return Ok(data);
                }
                State::UntilClose => return Ok(take(buf, u64::MAX).0),
                State::ChunkLine => match self.chunk.decode(buf)? {
                    Some(0) => State::Trailers,
                    Some(size) => State::ChunkData(size),
                    None => return Ok(None),
                },
                State::ChunkData(left) => {
                    let (data, left) = take(buf, left);
                    self.state = match left {
                        0 => State::ChunkEnd,
                        _ => State::ChunkData(left),
                    };
                    return Ok(data);
                }
                State::ChunkEnd => match buf.as_ref() {
                    [b'\r', b'\n', ..] => {
                        buf.advance(2);
                        State::ChunkLine
                    }
                    [] | [b'\r'] => return Ok(None),
                    _ => return Err(Violation::ChunkEnd),
                },
                State::Trailers => return self.trailers(buf),
                State::Done => return Ok(None),
            };
        }
    }

    /// The peer has closed the connection in good order: the end of the body, or a cut one.
    ///
    /// Call it when [`BodyDecoder::decode`] has nothing more to give.
    pub fn eof(&mut self) -> Result<Option<BodyEvent>, Violation> {
        match self.state {
            State::Counted(0) | State::UntilClose => Ok(self.end(None)),
            State::Done => Ok(None),
            _ => Err(Violation::Cut),
        }
    }

    /// True once [`BodyEvent::End`] was given.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "both callers return an event if there is one"
    )]
    fn end(&mut self, trailers: Option<Fields>) -> Option<BodyEvent> {
        self.state = State::Done;
        Some(BodyEvent::End(trailers))
    }

    fn trailers(&mut self, buf: &mut BytesMut) -> Result<Option<BodyEvent>, Violation> {
        let limit = self.limits.size();
        let window = buf.get(..buf.len().min(limit)).unwrap_or_default();
        let complete = self
            .trailers
            .fields(window, &self.limits)
            .map_err(|violation| match violation {
                Violation::HeadCount { limit } => Violation::TrailerCount { limit },
                other => other,
            })?;
        if !complete {
            return if buf.len() > limit {
                Err(Violation::TrailerSize { limit })
            } else {
                Ok(None)
            };
        }
        let raw = self.trailers.take(buf);
        let mut fields = self.trailers.finish(raw);
        if !fields.is_empty() {
            fields.retain(|name, _| !NOT_IN_TRAILERS.iter().any(|n| name.eq_ignore_ascii_case(n)));
        }
        Ok(self.end((!fields.is_empty()).then_some(fields)))
    }
}

/// Up to `left` bytes off the buffer, and how many are left then.
fn take(buf: &mut BytesMut, left: u64) -> (Option<BodyEvent>, u64) {
    let len = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
    if len == 0 {
        return (None, left);
    }
    let data = buf.split_to(len).freeze();
    (Some(BodyEvent::Data(data)), left - len as u64)
}

/// Fields of framing, routing, authentication and content handling: what they say must be known before the content.
const NOT_IN_TRAILERS: [&[u8]; 26] = [
    b"authorization",
    b"cache-control",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-range",
    b"content-type",
    b"cookie",
    b"expect",
    b"host",
    b"http2-settings",
    b"keep-alive",
    b"location",
    b"max-forwards",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"range",
    b"retry-after",
    b"set-cookie",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"vary",
    b"www-authenticate",
];
