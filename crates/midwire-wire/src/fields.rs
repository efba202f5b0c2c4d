//! Header and trailer sections as they were seen: an ordered list of field lines.
//!
//! A section that came from the wire keeps its bytes. Lines are spans into that one buffer until somebody edits
//! them, so that reading, copying and forwarding a section costs no allocation per field, and what nobody edited
//! is written as it came in (RFC 9110 §5, RFC 9112 §5).

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;

/// An ordered list of field lines with access by case-insensitive name.
///
/// Names keep their spelling, lines their order, duplicates stay apart, values are raw bytes.
#[derive(Clone, Default)]
pub struct Fields {
    /// What the spans of seen lines point into.
    raw: Bytes,
    lines: Vec<Line>,
}

/// Where a field line stands in the raw section. Offsets are bytes from the start of the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpan {
    /// First byte of the name.
    pub name_start: u32,
    /// One past the last byte of the name.
    pub name_end: u32,
    /// First byte of the value, optional white space removed.
    pub value_start: u32,
    /// One past the last byte of the value, optional white space removed.
    pub value_end: u32,
}

impl FieldSpan {
    /// Where the written line ends; without a value, behind the colon.
    fn written_end(&self) -> u32 {
        self.value_end.max(self.name_end.saturating_add(1))
    }
}

#[derive(Clone)]
enum Line {
    Seen(FieldSpan),
    Made(Box<(Bytes, Bytes)>),
}

impl Fields {
    /// An empty section.
    pub fn new() -> Self {
        Self::default()
    }

    /// A section over bytes that a decoder has already cut into lines.
    ///
    /// Spans outside `raw` read as empty, so a wrong span cannot panic.
    pub fn from_spans(raw: Bytes, spans: impl IntoIterator<Item = FieldSpan>) -> Self {
        Self {
            raw,
            lines: spans.into_iter().map(Line::Seen).collect(),
        }
    }

    /// A section made of names and values, in this order.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Bytes>,
        V: Into<Bytes>,
    {
        let lines = pairs
            .into_iter()
            .map(|(n, v)| Line::Made(Box::new((n.into(), v.into()))))
            .collect();
        Self {
            raw: Bytes::new(),
            lines,
        }
    }

    /// Number of field lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// True without any field line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// All lines as (name, value), in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + ExactSizeIterator {
        self.lines.iter().map(|line| self.split(line))
    }

    /// The value of the first line with this name.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        let name = name.as_ref();
        self.iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    }

    /// The values of all lines with this name, in order.
    pub fn get_all<'a>(
        &'a self,
        name: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> impl Iterator<Item = &'a [u8]> {
        let name = name.as_ref();
        self.iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    }

    /// All values of this name joined by `, ` (RFC 9110 §5.3).
    pub fn get_folded(&self, name: impl AsRef<[u8]>) -> Option<Cow<'_, [u8]>> {
        let name = name.as_ref();
        let mut values = self
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v);
        let first = values.next()?;
        let Some(second) = values.next() else {
            return Some(Cow::Borrowed(first));
        };
        let mut folded = first.to_vec();
        for value in std::iter::once(second).chain(values) {
            folded.extend_from_slice(b", ");
            folded.extend_from_slice(value);
        }
        Some(Cow::Owned(folded))
    }

    /// True if there is a line with this name.
    pub fn contains(&self, name: impl AsRef<[u8]>) -> bool {
        self.get(name).is_some()
    }

    /// True if a comma-separated list field has this member, compared without case (`Connection`, `Upgrade`).
    pub fn has_token(&self, name: impl AsRef<[u8]>, token: impl AsRef<[u8]>) -> bool {
        let (name, token) = (name.as_ref(), token.as_ref());
        self.iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .flat_map(|(_, v)| v.split(|b| *b == b','))
            .any(|member| member.trim_ascii().eq_ignore_ascii_case(token))
    }

    /// Adds a line at the end.
    pub fn append(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.lines
            .push(Line::Made(Box::new((name.into(), value.into()))));
    }

    /// Puts a line in front of the line at `index`, or at the end when there is none.
    pub fn insert(&mut self, index: usize, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        let index = index.min(self.lines.len());
        self.lines
            .insert(index, Line::Made(Box::new((name.into(), value.into()))));
    }

    /// Makes this the only value of the name.
    ///
    /// The first line with the name keeps its place and spelling, further ones go; without any, a line is appended.
    pub fn set(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.set_all(name, [value]);
    }

    /// Makes these the values of the name.
    ///
    /// Lines with the name keep their places and spellings; surplus lines go, surplus values are appended.
    pub fn set_all<V: Into<Bytes>>(
        &mut self,
        name: impl Into<Bytes>,
        values: impl IntoIterator<Item = V>,
    ) {
        let name = name.into();
        let mut values = values.into_iter();
        let mut lines = Vec::with_capacity(self.lines.len() + 1);
        for line in std::mem::take(&mut self.lines) {
            if !self.split(&line).0.eq_ignore_ascii_case(&name) {
                lines.push(line);
            } else if let Some(value) = values.next() {
                let spelling = self.name_of(&line);
                lines.push(Line::Made(Box::new((spelling, value.into()))));
            }
        }
        lines.extend(values.map(|value| Line::Made(Box::new((name.clone(), value.into())))));
        self.lines = lines;
    }

    /// Removes all lines with this name; true if there was one.
    pub fn remove(&mut self, name: impl AsRef<[u8]>) -> bool {
        let name = name.as_ref();
        let before = self.lines.len();
        self.retain(|n, _| !n.eq_ignore_ascii_case(name));
        before != self.lines.len()
    }

    /// Keeps only the lines for which `keep(name, value)` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.retain(|line| {
            let (name, value) = self.split(line);
            keep(name, value)
        });
        self.lines = lines;
    }

    /// Removes all lines.
    pub fn clear(&mut self) {
        self.lines.clear();
    }

    /// Writes `name: value` and CRLF for each line; a line that nobody edited is written with the white space it had
    /// between its colon and its value.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        // Lines that follow each other in the section, as most do, are copied in one go.
        let mut run: Range<u32> = 0..0;
        for line in &self.lines {
            let next = match line {
                Line::Seen(span) => span.name_start..span.written_end(),
                Line::Made(_) => 0..0,
            };
            if run.end > 0
                && next.start == run.end.saturating_add(2)
                && self.slice(run.end, next.start) == b"\r\n"
            {
                run.end = next.end;
                continue;
            }
            self.write_run(&run, out);
            run = next;
            if let Line::Made(pair) = line {
                out.extend_from_slice(&pair.0);
                out.extend_from_slice(b": ");
                out.extend_from_slice(&pair.1);
                out.extend_from_slice(b"\r\n");
            }
        }
        self.write_run(&run, out);
    }

    fn write_run(&self, run: &Range<u32>, out: &mut Vec<u8>) {
        if run.end > 0 {
            out.extend_from_slice(self.slice(run.start, run.end));
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Number of bytes that [`Fields::write_to`] adds, at most.
    pub fn encoded_len(&self) -> usize {
        let len = |line: &Line| match line {
            Line::Seen(span) => span.written_end().saturating_sub(span.name_start) as usize + 2,
            Line::Made(pair) => pair.0.len() + pair.1.len() + 4,
        };
        self.lines.iter().map(len).sum()
    }

    /// What the spans of unedited lines point into.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    fn split<'a>(&'a self, line: &'a Line) -> (&'a [u8], &'a [u8]) {
        match line {
            Line::Seen(s) => (
                self.slice(s.name_start, s.name_end),
                self.slice(s.value_start, s.value_end),
            ),
            Line::Made(pair) => (&pair.0, &pair.1),
        }
    }

    fn name_of(&self, line: &Line) -> Bytes {
        match line {
            Line::Seen(s) => Bytes::copy_from_slice(self.slice(s.name_start, s.name_end)),
            Line::Made(pair) => pair.0.clone(),
        }
    }

    fn slice(&self, start: u32, end: u32) -> &[u8] {
        self.raw
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }
}

impl PartialEq for Fields {
    /// Equal lines in equal order; names are compared with their case.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Fields {}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(
                self.iter()
                    .map(|(n, v)| (Bytes::copy_from_slice(n), Bytes::copy_from_slice(v))),
            )
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Fields {
        let raw = Bytes::from_static(b"Host:x\r\nX-A:  one \r\nx-a: two\r\n");
        let spans = [(0, 4, 5, 6), (8, 11, 14, 17), (20, 23, 25, 28)];
        Fields::from_spans(
            raw,
            spans.map(|(name_start, name_end, value_start, value_end)| FieldSpan {
                name_start,
                name_end,
                value_start,
                value_end,
            }),
        )
    }

    fn written(fields: &Fields) -> String {
        let mut out = Vec::new();
        fields.write_to(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_are_found_without_case_and_kept_with_it() {
        let f = seen();
        assert_eq!(f.get("X-a"), Some(&b"one"[..]));
        assert_eq!(f.get_folded("x-A").unwrap().as_ref(), b"one, two");
        assert_eq!(f.get_all("x-a").count(), 2);
        assert_eq!(written(&f), "Host:x\r\nX-A:  one\r\nx-a: two\r\n");
    }

    #[test]
    fn set_keeps_place_and_spelling_of_the_first_line() {
        let mut f = seen();
        f.set("x-A", "new");
        assert_eq!(written(&f), "Host:x\r\nX-A: new\r\n");
        f.set_all("x-a", ["1", "2"]);
        assert_eq!(written(&f), "Host:x\r\nX-A: 1\r\nx-a: 2\r\n");
        assert!(f.remove("HOST"));
        assert!(!f.remove("host"));
        f.insert(0, "First", "1");
        assert_eq!(written(&f), "First: 1\r\nX-A: 1\r\nx-a: 2\r\n");
    }

    #[test]
    fn list_members_are_tokens() {
        let f = Fields::from_pairs([
            ("Connection", "close, Keep-Alive"),
            ("connection", "upgrade"),
        ]);
        assert!(f.has_token("connection", "keep-alive"));
        assert!(f.has_token("Connection", "Upgrade"));
        assert!(!f.has_token("connection", "keep"));
    }

    #[test]
    fn edited_lines_stand_between_unedited_ones() {
        let mut f = seen();
        f.insert(1, "A", "1");
        f.append("B", "2");
        assert_eq!(
            written(&f),
            "Host:x\r\nA: 1\r\nX-A:  one\r\nx-a: two\r\nB: 2\r\n"
        );
        assert_eq!(f.encoded_len(), written(&f).len());
        f.remove("x-a");
        assert_eq!(written(&f), "Host:x\r\nA: 1\r\nB: 2\r\n");
    }

    #[test]
    fn an_empty_value_is_written_with_its_colon() {
        let raw = Bytes::from_static(b"X:\r\n");
        let f = Fields::from_spans(
            raw,
            [FieldSpan {
                name_start: 0,
                name_end: 1,
                value_start: 2,
                value_end: 2,
            }],
        );
        assert_eq!(written(&f), "X:\r\n");
    }
}
