//! Lines of a head or trailer section, parsed one by one as they arrive.

use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr3;

use super::chars::{is_blank, is_token};
use super::{Limits, Shown, Violation};
use crate::{FieldSpan, Fields};

/// Progress within the section at the front of a buffer that only grows.
///
/// The first `scanned` bytes hold no line end that was not seen, and all lines before `line` are parsed, so bytes
/// that arrive one by one cost no more than bytes that arrive together.
#[derive(Debug, Default)]
pub(super) struct Section {
    line: usize,
    scanned: usize,
    spans: Vec<FieldSpan>,
    /// Line ends inside folded values, to be overwritten by spaces.
    folds: Vec<Range<usize>>,
    pub(super) notes: Notes,
}

/// Lines that the framing and the host of a message depend on, noted on the way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Notes {
    pub(super) host: Note,
    pub(super) length: Note,
    pub(super) coding: Note,
}

/// How often a field was seen, and where first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Note {
    pub(super) count: usize,
    value: (u32, u32),
}

impl Note {
    /// The value of the first line, out of the bytes that the section was read from.
    pub(super) fn value<'a>(&self, raw: &'a [u8]) -> &'a [u8] {
        raw.get(self.value.0 as usize..self.value.1 as usize)
            .unwrap_or_default()
    }
}

impl Section {
    /// The next complete line without its end, which is CRLF or a bare LF.
    pub(super) fn line(&mut self, window: &[u8]) -> Result<Option<Range<usize>>, Violation> {
        let rest = window.get(self.scanned..).unwrap_or_default();
        let Some(hit) = memchr3(b'\n', b'\r', 0, rest) else {
            self.scanned = window.len();
            return Ok(None);
        };
        let at = self.scanned + hit;
        let next = match rest.get(hit..) {
            Some([b'\n', ..]) => at + 1,
            Some([b'\r', b'\n', ..]) => at + 2,
            Some([b'\r']) => {
                self.scanned = at;
                return Ok(None);
            }
            Some([b'\r', ..]) => return Err(Violation::BareCr),
            _ => return Err(Violation::Nul),
        };
        let line = self.line..at;
        self.line = next;
        self.scanned = next;
        Ok(Some(line))
    }

    /// Parses the field lines that are there; true once the empty line has come.
    pub(super) fn fields(&mut self, window: &[u8], limits: &Limits) -> Result<bool, Violation> {
        while let Some(line) = self.line(window)? {
            if line.is_empty() {
                return Ok(true);
            }
            if self.spans.len() >= limits.header_count {
                return Err(Violation::HeadCount {
                    limit: limits.header_count,
                });
            }
            self.field(window, line, limits)?;
        }
        Ok(false)
    }

    /// Takes the bytes of the finished section off the buffer, with one copy.
    pub(super) fn take(&mut self, buf: &mut BytesMut) -> Bytes {
        let mut raw = buf.get(..self.line).unwrap_or_default().to_vec();
        buf.advance(raw.len());
        for fold in self.folds.drain(..) {
            if let Some(gap) = raw.get_mut(fold) {
                gap.fill(b' ');
            }
        }
        Bytes::from(raw)
    }

    /// The field lines within the bytes that were taken; ready for the next section afterwards.
    pub(super) fn finish(&mut self, raw: Bytes) -> Fields {
        let fields = Fields::from_spans(raw, self.spans.iter().copied());
        self.spans.clear();
        // A peer that once had hundreds of fields must not hold that memory while its connection idles.
        self.spans.shrink_to(128);
        self.line = 0;
        self.scanned = 0;
        self.notes = Notes::default();
        fields
    }

    fn field(
        &mut self,
        window: &[u8],
        line: Range<usize>,
        limits: &Limits,
    ) -> Result<(), Violation> {
        let bytes = window.get(line.clone()).unwrap_or_default();
        let token = bytes
            .iter()
            .position(|byte| !is_token(*byte))
            .unwrap_or(bytes.len());
        let colon = match bytes.get(token) {
            Some(b':') if token > 0 => token,
            Some(b' ' | b'\t') if token == 0 => return self.fold(window, line, limits),
            _ => odd_name(bytes, limits)?,
        };
        let (name, rest) = bytes.split_at_checked(colon).unwrap_or_default();
        let (lead, value_len) = value_within(rest.get(1..).unwrap_or_default());
        let value_start = line.start + colon + 1 + lead;
        let span = FieldSpan {
            name_start: line.start as u32,
            name_end: (line.start + colon) as u32,
            value_start: value_start as u32,
            value_end: (value_start + value_len) as u32,
        };
        if let Some(note) = self.notes.of(name) {
            note.count += 1;
            if note.count == 1 {
                note.value = (span.value_start, span.value_end);
            }
        }
        self.spans.push(span);
        Ok(())
    }

    /// Joins a folded line to the value before it. Only the lenient decoder does, and not for fields of framing.
    #[cold]
    fn fold(
        &mut self,
        window: &[u8],
        line: Range<usize>,
        limits: &Limits,
    ) -> Result<(), Violation> {
        let Some(last) = self.spans.last_mut() else {
            return Err(Violation::LeadingBlank);
        };
        let name = window
            .get(last.name_start as usize..last.name_end as usize)
            .unwrap_or_default();
        if GUARDED.iter().any(|n| name.eq_ignore_ascii_case(n)) {
            return Err(Violation::FramingFold(Shown::one(name)));
        }
        if limits.is_strict() {
            return Err(Violation::Fold(Shown::one(name)));
        }
        let (lead, len) = value_within(window.get(line.clone()).unwrap_or_default());
        if len == 0 {
            return Ok(());
        }
        let start = line.start + lead;
        if last.value_start == last.value_end {
            last.value_start = start as u32;
        } else {
            // All between the parts, white space and line ends, becomes spaces.
            self.folds.push(last.value_end as usize..start);
        }
        last.value_end = (start + len) as u32;
        Ok(())
    }
}

impl Notes {
    fn of(&mut self, name: &[u8]) -> Option<&mut Note> {
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => Some(&mut self.host),
            14 if name.eq_ignore_ascii_case(b"content-length") => Some(&mut self.length),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => Some(&mut self.coding),
            _ => None,
        }
    }
}

/// Where the value stands in what follows the colon, and its length, without optional white space.
fn value_within(rest: &[u8]) -> (usize, usize) {
    let lead = rest.iter().take_while(|byte| is_blank(**byte)).count();
    let value = rest.get(lead..).unwrap_or_default();
    let tail = value
        .iter()
        .rev()
        .take_while(|byte| is_blank(**byte))
        .count();
    (lead, value.len() - tail)
}

/// The place of the colon in a line whose name is not a token, if it may pass.
#[cold]
fn odd_name(line: &[u8], limits: &Limits) -> Result<usize, Violation> {
    let Some(colon) = memchr::memchr(b':', line) else {
        return Err(Violation::NoColon(Shown::one(line)));
    };
    let name = line.get(..colon).unwrap_or_default();
    if name.last().is_some_and(|byte| is_blank(*byte)) {
        return Err(Violation::BlankBeforeColon(Shown::one(name)));
    }
    // An empty name, control bytes, and what a forgiving reader could take for a field of framing never pass.
    let bare: Vec<u8> = name.iter().copied().filter(|b| is_token(*b)).collect();
    let hidden = GUARDED.iter().any(|n| bare.eq_ignore_ascii_case(n));
    if bare.is_empty() || hidden || name.iter().any(u8::is_ascii_control) {
        return Err(Violation::MisleadingName(Shown::one(name)));
    }
    if limits.is_strict() {
        return Err(Violation::FieldName(Shown::one(name)));
    }
    Ok(colon)
}

/// Fields whose value two readers must not read differently.
const GUARDED: [&[u8]; 4] = [
    b"content-length",
    b"transfer-encoding",
    b"host",
    b"connection",
];
