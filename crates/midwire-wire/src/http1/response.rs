//! Heads of responses (RFC 9112 §4).

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::section::Section;
use super::{Framing, Limits, Shown, Violation, framing};
use crate::{ResponseHead, Version};

/// What kind of request a response answers, as far as the framing of the response depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// HEAD: the response has no body whatever its fields say.
    Head,
    /// CONNECT: behind a 2xx head the tunnel begins.
    Connect,
    /// Any other method.
    Other,
}

/// Decodes the heads of the responses on one connection.
///
/// The buffer given to [`ResponseDecoder::decode`] may only grow between two calls that return `Ok(None)`.
#[derive(Debug)]
pub struct ResponseDecoder {
    limits: Limits,
    section: Section,
    line: Option<StatusLine>,
}

impl ResponseDecoder {
    /// A decoder at the start of a connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            section: Section::default(),
            line: None,
        }
    }

    /// Takes the next head off the buffer, with the framing of the body behind it; `Ok(None)` means more bytes needed.
    ///
    /// Interim (1xx) heads come one by one and have no body, 101 included. Content-Length is taken out of 1xx and
    /// 204 heads, where it must not be (RFC 9110 §8.6).
    pub fn decode(
        &mut self,
        buf: &mut BytesMut,
        request: Expected,
    ) -> Result<Option<(ResponseHead, Framing)>, Violation> {
        let limit = self.limits.size();
        let too_large = buf.len() > limit;
        let window = buf.get(..buf.len().min(limit)).unwrap_or_default();
        if self.line.is_none() {
            if !may_be_status_line(window) {
                return Err(bad_line(window));
            }
            self.line = match self.section.line(window)? {
                Some(line) => Some(StatusLine::parse(window, line)?),
                None if too_large => return Err(Violation::HeadSize { limit }),
                None => return Ok(None),
            };
        }
        if !self.section.fields(window, &self.limits)? {
            return if too_large {
                Err(Violation::HeadSize { limit })
            } else {
                Ok(None)
            };
        }
        let Some(line) = self.line.take() else {
            return Ok(None);
        };
        self.finish(line, buf, request).map(Some)
    }

    fn finish(
        &mut self,
        line: StatusLine,
        buf: &mut BytesMut,
        request: Expected,
    ) -> Result<(ResponseHead, Framing), Violation> {
        let notes = self.section.notes;
        let raw = self.section.take(buf);
        let mut head = ResponseHead {
            version: line.version,
            status: line.status,
            reason: reason_of(&raw, line.reason),
            fields: self.section.finish(raw),
        };
        let about = (line.version, line.status, request);
        let framing = framing::of_response(about, &head.fields, &notes, &self.limits)?;
        if notes.length.count > 0 && (line.status < 200 || line.status == 204) {
            head.fields.remove("content-length");
        }
        Ok((head, framing))
    }
}

#[derive(Debug)]
struct StatusLine {
    version: Version,
    status: u16,
    /// Where the reason phrase stands in the head.
    reason: Range<usize>,
}

impl StatusLine {
    fn parse(window: &[u8], line: Range<usize>) -> Result<Self, Violation> {
        let line = window.get(line).unwrap_or_default();
        let (version, rest) = match line {
            [
                b'H',
                b'T',
                b'T',
                b'P',
                b'/',
                b'1',
                b'.',
                b'1',
                b' ',
                rest @ ..,
            ] => (Version::Http11, rest),
            [
                b'H',
                b'T',
                b'T',
                b'P',
                b'/',
                b'1',
                b'.',
                b'0',
                b' ',
                rest @ ..,
            ] => (Version::Http10, rest),
            _ => return Err(bad_line(line)),
        };
        let [a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = rest else {
            return Err(bad_line(line));
        };
        if !matches!(rest, [] | [b' ', ..]) {
            return Err(bad_line(line));
        }
        let digit = |byte: &u8| u16::from(byte - b'0');
        Ok(Self {
            version,
            status: digit(a) * 100 + digit(b) * 10 + digit(c),
            reason: line.len().min(REASON)..line.len(),
        })
    }
}

/// Where a reason phrase begins, behind `HTTP/1.1 200 `.
const REASON: usize = 13;

/// False for bytes that no status line begins with, so that a peer of another protocol is noticed at once.
fn may_be_status_line(bytes: &[u8]) -> bool {
    bytes.iter().zip(b"HTTP/1.").all(|(a, b)| a == b)
}

fn bad_line(bytes: &[u8]) -> Violation {
    Violation::StatusLine(Shown::one(bytes))
}

/// The reason phrase; those of every day are not tied to the head, which saves counting references.
fn reason_of(raw: &Bytes, at: Range<usize>) -> Bytes {
    const COMMON: [&[u8]; 6] = [
        b"OK",
        b"Not Modified",
        b"Not Found",
        b"Found",
        b"No Content",
        b"Created",
    ];
    let reason = raw.get(at.clone()).unwrap_or_default();
    match COMMON.iter().find(|common| **common == reason) {
        Some(common) => Bytes::from_static(common),
        None => raw.slice(at),
    }
}
