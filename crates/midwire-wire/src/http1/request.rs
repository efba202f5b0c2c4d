//! Heads of requests (RFC 9112 §3).

use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};

use super::chars::{is_target, is_token};
use super::host::split_authority;
use super::section::Section;
use super::{Framing, Limits, Shown, Violation, framing};
use crate::{RequestHead, TargetForm, Version};

/// Empty lines that are skipped before a request line (RFC 9112 §2.2).
const SKIPPED: u8 = 8;

/// Decodes the heads of the requests on one connection, each when the body before it has been taken.
///
/// The buffer given to [`RequestDecoder::decode`] may only grow between two calls that return `Ok(None)`.
#[derive(Debug)]
pub struct RequestDecoder {
    limits: Limits,
    section: Section,
    line: Option<RequestLine>,
    empty_lines: u8,
}

impl RequestDecoder {
    /// A decoder at the start of a connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            section: Section::default(),
            line: None,
            empty_lines: 0,
        }
    }

    /// Takes the next head off the buffer, with the framing of the body behind it; `Ok(None)` means more bytes needed.
    ///
    /// Whether Host is there is a matter for [`super::check_host`], since it depends on the mode.
    pub fn decode(
        &mut self,
        buf: &mut BytesMut,
    ) -> Result<Option<(RequestHead, Framing)>, Violation> {
        if self.line.is_none() && !self.skip_empty_lines(buf)? {
            return Ok(None);
        }
        let limit = self.limits.size();
        let window = buf.get(..buf.len().min(limit)).unwrap_or_default();
        if self.line.is_none() {
            self.line = match self.section.line(window)? {
                Some(line) => Some(RequestLine::parse(window, line, &self.limits)?),
                None if buf.len() > limit => return Err(Violation::RequestLineSize { limit }),
                None => return Ok(None),
            };
        }
        if !self.section.fields(window, &self.limits)? {
            return if buf.len() > limit {
                Err(Violation::HeadSize { limit })
            } else {
                Ok(None)
            };
        }
        let Some(line) = self.line.take() else {
            return Ok(None);
        };
        self.empty_lines = 0;
        self.finish(&line, buf).map(Some)
    }

    /// True as long as no byte of a next request was seen; empty lines between requests do not count, as long as
    /// there are no more of them than are skipped.
    pub fn is_idle(&self, buf: &BytesMut) -> bool {
        const SKIPPED_BYTES: usize = 2 * SKIPPED as usize;
        self.line.is_none()
            && buf.len() <= SKIPPED_BYTES
            && buf.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
    }

    /// True when the first byte of a request line is there (RFC 9112 §2.2: empty lines before it are skipped).
    fn skip_empty_lines(&mut self, buf: &mut BytesMut) -> Result<bool, Violation> {
        loop {
            let skip = match buf.as_ref() {
                [] | [b'\r'] => return Ok(false),
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                [b'\r', ..] => return Err(Violation::BareCr),
                [first, ..] if is_token(*first) => return Ok(true),
                [first, ..] => return Err(Violation::Method(Shown::one(&[*first]))),
            };
            if self.empty_lines == SKIPPED {
                return Err(Violation::EmptyLines);
            }
            self.empty_lines += 1;
            buf.advance(skip);
        }
    }

    fn finish(
        &mut self,
        line: &RequestLine,
        buf: &mut BytesMut,
    ) -> Result<(RequestHead, Framing), Violation> {
        let notes = self.section.notes;
        let raw = self.section.take(buf);
        let head = RequestHead {
            method: method_of(&raw, line.method),
            target: raw.slice(line.target.clone()),
            form: line.form,
            version: line.version,
            fields: self.section.finish(raw),
        };
        let framing = framing::of_request(head.version, &head.fields, &notes, &self.limits)?;
        if self.limits.is_strict() && notes.host.count > 0 {
            let host = notes.host.value(head.fields.raw());
            if notes.host.count > 1 {
                return Err(Violation::Hosts);
            }
            if split_authority(host).is_none() {
                return Err(Violation::Host(Shown::one(host)));
            }
        }
        Ok((head, framing))
    }
}

/// Where the parts of a request line stand in the head.
#[derive(Debug)]
struct RequestLine {
    /// Length of the method, which stands in front.
    method: usize,
    target: Range<usize>,
    form: TargetForm,
    version: Version,
}

impl RequestLine {
    fn parse(window: &[u8], line: Range<usize>, limits: &Limits) -> Result<Self, Violation> {
        let line = window.get(line).unwrap_or_default();
        let bad_line = || Violation::RequestLine(Shown::one(line));
        let (method, rest) = split_run(line, is_token);
        let Some((b' ', rest)) = rest.split_first() else {
            let part = line.split(|b| *b == b' ').next().unwrap_or_default();
            return Err(Violation::Method(Shown::one(part)));
        };
        let end = memchr::memchr(b' ', rest).ok_or_else(bad_line)?;
        let (target, rest) = rest.split_at_checked(end).ok_or_else(bad_line)?;
        if !is_target(target) {
            return Err(Violation::Target(Shown::one(target)));
        }
        let version = rest.get(1..).unwrap_or_default();
        if target.is_empty() || version.contains(&b' ') {
            return Err(bad_line());
        }
        let version = match parse_version(version) {
            Some((1, 0)) => Version::Http10,
            Some((1, _)) => Version::Http11,
            Some(_) => return Err(Violation::Version(Shown::one(version))),
            None => return Err(bad_line()),
        };
        let start = method.len() + 1;
        Ok(Self {
            method: method.len(),
            form: form_of(method, target, limits)?,
            target: start..start + target.len(),
            version,
        })
    }
}

fn split_run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !belongs(*byte));
    bytes
        .split_at_checked(end.unwrap_or(bytes.len()))
        .unwrap_or_default()
}

/// The digits of `HTTP/x.y`.
pub(super) fn parse_version(bytes: &[u8]) -> Option<(u8, u8)> {
    match bytes {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Some((major - b'0', minor - b'0'))
        }
        _ => None,
    }
}

/// The form of a target that its method allows (RFC 9112 §3.2).
fn form_of(method: &[u8], target: &[u8], limits: &Limits) -> Result<TargetForm, Violation> {
    let bad = || Violation::Target(Shown::one(target));
    if method == b"CONNECT" {
        let (_, port) = split_authority(target).ok_or_else(bad)?;
        return port.map(|_| TargetForm::Authority).ok_or_else(bad);
    }
    match target {
        [b'/', ..] => return Ok(TargetForm::Origin),
        b"*" if method == b"OPTIONS" => return Ok(TargetForm::Asterisk),
        _ => {}
    }
    let authority = absolute_authority(target).ok_or_else(bad)?;
    if limits.is_strict() && split_authority(authority).is_none() {
        return Err(Violation::TargetHost(Shown::one(target)));
    }
    Ok(TargetForm::Absolute)
}

/// The authority in `scheme://authority` and anything behind it; not empty.
fn absolute_authority(target: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = split_run(target, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')
    });
    let (authority, _) = split_run(rest.strip_prefix(b"://")?, |b| {
        !matches!(b, b'/' | b'?' | b'#')
    });
    let valid = scheme.first().is_some_and(u8::is_ascii_alphabetic) && !authority.is_empty();
    valid.then_some(authority)
}

/// The method; those of every day are not tied to the head, which saves counting references.
fn method_of(raw: &Bytes, len: usize) -> Bytes {
    const COMMON: [&[u8]; 7] = [
        b"GET", b"POST", b"PUT", b"HEAD", b"CONNECT", b"OPTIONS", b"DELETE",
    ];
    let method = raw.get(..len).unwrap_or_default();
    match COMMON.iter().find(|common| **common == method) {
        Some(common) => Bytes::from_static(common),
        None => raw.slice(..len),
    }
}
