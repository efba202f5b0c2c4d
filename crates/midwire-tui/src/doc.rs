//! Text with roles, wrapped to a width: what flow details, help and the event log are made of.
//!
//! A document is built off the drawing thread; drawing a row of it costs the same whatever its length.

use std::ops::Range;

use midwire_views::{clean_line, clean_text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::text::{Pen, put_clean};
use crate::theme::{Role, Theme};

/// A finished document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doc {
    text: String,
    /// Ends of pieces with one role, in bytes of `text`.
    spans: Vec<(usize, Role)>,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    bytes: Range<usize>,
    /// Cells before the text.
    indent: u16,
    /// Paints the row to its end.
    fill: Option<Role>,
}

impl Doc {
    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The text of a row.
    #[cfg(test)]
    pub(crate) fn row(&self, at: usize) -> &str {
        let row = self.rows.get(at);
        row.and_then(|row| self.text.get(row.bytes.clone()))
            .unwrap_or_default()
    }

    /// Places where a text occurs, as byte ranges. Lower case in the text wanted stands for both cases.
    pub(crate) fn find(&self, wanted: &str) -> Vec<Range<usize>> {
        /// Matches that are kept; nobody steps through more.
        const MATCHES: usize = 100_000;
        if wanted.is_empty() {
            return Vec::new();
        }
        let folds = !wanted.chars().any(char::is_uppercase);
        // ASCII folding keeps the offsets.
        let lower;
        let text = if folds {
            lower = self.text.to_ascii_lowercase();
            &lower
        } else {
            &self.text
        };
        text.match_indices(wanted)
            .take(MATCHES)
            .map(|(at, found)| at..at + found.len())
            .collect()
    }

    /// The row in which a byte of the text is shown.
    pub(crate) fn row_at(&self, byte: usize) -> usize {
        let after = self.rows.partition_point(|row| row.bytes.start <= byte);
        after.saturating_sub(1)
    }

    /// Draws the rows from `first` on. `matches` are tinted.
    pub(crate) fn draw(
        &self,
        buf: &mut Buffer,
        area: Rect,
        first: usize,
        look: (&Theme, &[Range<usize>]),
    ) {
        let (theme, matches) = look;
        for (y, row) in self
            .rows
            .iter()
            .skip(first)
            .take(area.height.into())
            .enumerate()
        {
            let mut pen = Pen::new(area, y as u16);
            pen.skip(row.indent.into());
            if let Some(role) = row.fill {
                let mut line = Pen::new(area, y as u16);
                crate::text::fill(buf, &mut line, theme.style(role));
            }
            self.draw_row(buf, &mut pen, row, look);
            let _ = matches;
        }
    }

    fn draw_row(
        &self,
        buf: &mut Buffer,
        pen: &mut Pen,
        row: &Row,
        (theme, matches): (&Theme, &[Range<usize>]),
    ) {
        let mut at = row.bytes.start;
        let mut span = self.spans.partition_point(|(end, _)| *end <= at);
        let mut next = matches.partition_point(|found| found.end <= at);
        while at < row.bytes.end {
            let (span_end, role) = self
                .spans
                .get(span)
                .copied()
                .unwrap_or((row.bytes.end, Role::Text));
            let found = matches.get(next);
            let (end, lit) = match found {
                Some(found) if found.start <= at => (found.end, true),
                Some(found) => (found.start, false),
                None => (usize::MAX, false),
            };
            let end = end.min(span_end).min(row.bytes.end).max(at + 1);
            let style = theme.style(if lit { Role::Highlight } else { role });
            if let Some(piece) = self.text.get(at..end) {
                put_clean(buf, pen, piece, style);
            }
            at = end;
            if at >= span_end {
                span += 1;
            }
            if found.is_some_and(|found| at >= found.end) {
                next += 1;
            }
        }
    }
}

/// Builds a document line by line.
#[derive(Debug)]
pub(crate) struct Builder {
    doc: Doc,
    width: usize,
    /// Where the line in the making begins.
    start: usize,
    hang: usize,
    limit: usize,
    full: bool,
}

/// Bytes that a document may have; beyond it a note stands instead of text.
const LIMIT: usize = 256 << 20;

/// Cells from one tab stop to the next.
const TAB: usize = 8;

impl Builder {
    /// An empty document for this many columns.
    pub(crate) fn new(width: u16) -> Self {
        Self {
            doc: Doc::default(),
            width: usize::from(width).max(4),
            start: 0,
            hang: 0,
            limit: LIMIT,
            full: false,
        }
    }

    /// Columns of the document.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> usize {
        self.doc.rows.len()
    }

    /// Adds text of one line, of any origin, to the line in the making.
    pub(crate) fn add(&mut self, text: &str, role: Role) -> &mut Self {
        self.add_clean(&clean_line(text), role)
    }

    /// As [`Builder::add`] for text that is clean already and has no line end.
    pub(crate) fn add_clean(&mut self, text: &str, role: Role) -> &mut Self {
        if self.doc.text.len() + text.len() > self.limit {
            self.full = true;
            return self;
        }
        if text.contains('\t') {
            for piece in text.split_inclusive('\t') {
                let (words, tab) = match piece.strip_suffix('\t') {
                    Some(words) => (words, true),
                    None => (piece, false),
                };
                self.doc.text.push_str(words);
                if tab {
                    let line = self.doc.text.get(self.start..).unwrap_or_default();
                    let column = crate::text::width(line);
                    let blanks = TAB - column % TAB;
                    self.doc.text.extend(std::iter::repeat_n(' ', blanks));
                }
            }
        } else {
            self.doc.text.push_str(text);
        }
        let end = self.doc.text.len();
        match self.doc.spans.last_mut() {
            Some((last, same)) if *same == role => *last = end,
            _ => self.doc.spans.push((end, role)),
        }
        self
    }

    /// Indents what is wrapped of the line in the making by as many cells as it has now.
    pub(crate) fn hang(&mut self) -> &mut Self {
        let line = self.doc.text.get(self.start..).unwrap_or_default();
        let cells = crate::text::width(line);
        // A hanging part that leaves no room would make a column of single letters.
        self.hang = if cells * 3 <= self.width * 2 {
            cells
        } else {
            2
        };
        self
    }

    /// Ends the line.
    pub(crate) fn end(&mut self) -> &mut Self {
        self.finish(None)
    }

    /// Ends the line and paints its row to the end.
    pub(crate) fn end_filled(&mut self, role: Role) -> &mut Self {
        self.finish(Some(role))
    }

    /// An empty line.
    pub(crate) fn blank(&mut self) -> &mut Self {
        self.end()
    }

    /// A whole line.
    pub(crate) fn line(&mut self, text: &str, role: Role) -> &mut Self {
        self.add(text, role).end()
    }

    /// A bar over the whole width with texts on both ends.
    pub(crate) fn bar(&mut self, left: &str, right: &str, role: Role) -> &mut Self {
        let right = clean_line(right);
        let room = self.width.saturating_sub(crate::text::width(&right) + 1);
        let left = clean_line(left);
        let left = crate::text::left(&left, room);
        self.add_clean(&left, role)
            .add_clean(" ", role)
            .add_clean(&right, role);
        self.end_filled(role)
    }

    /// Text of any number of lines that has roles already; gives false once the document is full.
    pub(crate) fn pieces<'a>(&mut self, pieces: impl IntoIterator<Item = (Role, &'a str)>) -> bool {
        for (role, piece) in pieces {
            for part in piece.split_inclusive('\n') {
                let text = part.strip_suffix('\n').unwrap_or(part);
                self.add_clean(text, role);
                if text.len() < part.len() {
                    self.end();
                }
            }
        }
        if self.doc.text.len() > self.start {
            self.end();
        }
        !self.full
    }

    /// Plain text of any origin and number of lines.
    pub(crate) fn paragraphs(&mut self, text: &str, role: Role) -> &mut Self {
        for line in clean_text(text).lines() {
            let mut used = 0;
            for word in line.split_inclusive(' ') {
                let cells = crate::text::width(word.trim_end());
                if used > 0 && used + cells > self.width {
                    self.end();
                    used = 0;
                }
                self.add_clean(word, role);
                used += crate::text::width(word);
            }
            self.end();
        }
        self
    }

    /// The document.
    pub(crate) fn build(mut self) -> Doc {
        if self.doc.text.len() > self.start {
            self.end();
        }
        self.doc
    }

    fn finish(&mut self, fill: Option<Role>) -> &mut Self {
        let (start, end) = (self.start, self.doc.text.len());
        let line = self.doc.text.get(start..end).unwrap_or_default();
        let hang = std::mem::take(&mut self.hang);
        let mut rows = Vec::new();
        wrap(line, self.width, hang, |bytes, indent| {
            rows.push(Row {
                bytes: start + bytes.start..start + bytes.end,
                indent: indent as u16,
                fill,
            });
        });
        self.doc.rows.append(&mut rows);
        self.start = end;
        self
    }
}

/// Cuts a line into rows; all but the first are indented.
fn wrap(line: &str, width: usize, hang: usize, mut row: impl FnMut(Range<usize>, usize)) {
    let mut from = 0;
    let mut room = width;
    let mut indent = 0;
    if line.is_ascii() {
        while line.len() - from > room {
            row(from..from + room, indent);
            from += room;
            (room, indent) = (width - hang.min(width - 1), hang);
        }
        row(from..line.len(), indent);
        return;
    }
    let mut used = 0;
    for (at, grapheme) in line.grapheme_indices(true) {
        let cells = grapheme.width();
        if used + cells > room && at > from {
            row(from..at, indent);
            from = at;
            used = 0;
            (room, indent) = (width - hang.min(width - 1), hang);
        }
        used += cells;
    }
    row(from..line.len(), indent);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(doc: &Doc) -> Vec<&str> {
        (0..doc.len()).map(|at| doc.row(at)).collect()
    }

    #[test]
    fn lines_are_wrapped_by_cells() {
        let mut builder = Builder::new(6);
        builder.line("abcdefgh", Role::Text);
        builder.line("日本語日本", Role::Text);
        builder.blank();
        builder
            .add("k: ", Role::Name)
            .hang()
            .add("12345", Role::Text)
            .end();
        let doc = builder.build();
        assert_eq!(
            rows(&doc),
            ["abcdef", "gh", "日本語", "日本", "", "k: 123", "45"]
        );
        assert_eq!(doc.rows[6].indent, 3);
    }

    #[test]
    fn tabs_are_expanded_and_controls_replaced() {
        let mut builder = Builder::new(40);
        builder.pieces([(Role::Text, "a\tb\n"), (Role::Name, "c")]);
        builder.paragraphs("x\x1b[2Jy\r\nz", Role::Text);
        let doc = builder.build();
        assert_eq!(rows(&doc), ["a       b", "c", "x.[2Jy", "z"]);
    }

    #[test]
    fn matches_are_found_in_both_cases() {
        let mut builder = Builder::new(4);
        builder.line("Hello hello", Role::Text);
        let doc = builder.build();
        assert_eq!(doc.find("hello"), [0..5, 6..11]);
        assert_eq!(doc.find("Hello").len(), 1);
        assert_eq!(doc.row_at(6), 1);
        assert!(doc.find("").is_empty());
    }

    #[test]
    fn a_line_of_a_megabyte_is_quick() {
        let mut builder = Builder::new(80);
        let long = "x".repeat(1 << 20);
        builder.line(&long, Role::Text);
        let long = "é".repeat(1 << 19);
        builder.line(&long, Role::Text);
        let doc = builder.build();
        assert_eq!(doc.len(), (1 << 20) / 80 + 1 + (1 << 19) / 80 + 1);
    }
}
