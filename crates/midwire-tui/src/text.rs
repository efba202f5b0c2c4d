//! Text on cells: widths as drawn, cutting, and the only way from a string to the screen.
//!
//! Whatever is written with [`put`] passes the cleaning function of the content views first, so traffic cannot move the
//! cursor, whoever forgets what about it.

use std::borrow::Cow;

use midwire_views::{clean_line, show_bytes};
use ratatui::buffer::Buffer;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr;

/// Cells that a clean text takes.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// A place to write to: a row of cells with an end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pen {
    pub(crate) x: u16,
    pub(crate) y: u16,
    /// First column that must not be written to.
    pub(crate) end: u16,
}

impl Pen {
    /// A pen for the whole of a row.
    pub(crate) fn new(area: ratatui::layout::Rect, row: u16) -> Self {
        Self {
            x: area.x,
            y: area.y.saturating_add(row),
            end: area.right(),
        }
    }

    /// Cells that are left.
    pub(crate) fn room(self) -> usize {
        usize::from(self.end.saturating_sub(self.x))
    }

    /// Moves on without writing.
    pub(crate) fn skip(&mut self, cells: usize) {
        self.x = self.x.saturating_add(cells as u16).min(self.end);
    }
}

/// Writes text of any origin, cut at the end of the pen's row, and moves the pen behind it.
pub(crate) fn put(buf: &mut Buffer, pen: &mut Pen, text: &str, style: Style) {
    put_clean(buf, pen, &clean_line(text), style);
}

/// As [`put`] for text that is clean already.
pub(crate) fn put_clean(buf: &mut Buffer, pen: &mut Pen, text: &str, style: Style) {
    let area = *buf.area();
    if pen.y < area.top() || pen.y >= area.bottom() || pen.x >= pen.end.min(area.right()) {
        return;
    }
    let (x, _) = buf.set_stringn(pen.x, pen.y, text, pen.room(), style);
    pen.x = x;
}

/// Fills the rest of the pen's row.
pub(crate) fn fill(buf: &mut Buffer, pen: &mut Pen, style: Style) {
    let blanks = " ".repeat(pen.room());
    put_clean(buf, pen, &blanks, style);
}

/// Writes a text that ends at the end of the pen's row, if there is room for it.
pub(crate) fn put_right(buf: &mut Buffer, pen: Pen, text: &str, style: Style) {
    let text = clean_line(text);
    let cells = width(&text);
    if cells < pen.room() {
        let mut at = pen;
        at.skip(pen.room() - cells);
        put_clean(buf, &mut at, &text, style);
    }
}

/// Bytes of the wire as clean text of one line.
pub(crate) fn line_of(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => clean_line(text).into_owned(),
        Err(_) => clean_line(&show_bytes(bytes)).into_owned(),
    }
}

/// The beginning of a clean text that fits into `cells`.
pub(crate) fn head(text: &str, cells: usize) -> &str {
    if text.is_ascii() {
        return text.get(..cells).unwrap_or(text);
    }
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += grapheme.width();
        if used > cells {
            return text.get(..at).unwrap_or(text);
        }
    }
    text
}

/// At most `limit` bytes of a text, cut between characters.
pub(crate) fn head_bytes(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

/// The end of a clean text that fits into `cells`.
pub(crate) fn tail(text: &str, cells: usize) -> &str {
    if text.is_ascii() {
        return text.get(text.len().saturating_sub(cells)..).unwrap_or(text);
    }
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += grapheme.width();
        if used > cells {
            return text.get(at + grapheme.len()..).unwrap_or(text);
        }
    }
    text
}

/// Cuts the end of a clean text, with `mark` in its place.
pub(crate) fn cut_end<'a>(text: &'a str, cells: usize, mark: &str) -> Cow<'a, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let kept = cells.saturating_sub(width(mark));
    Cow::Owned(format!("{}{mark}", head(text, kept)))
}

/// Cuts the start of a clean text, with `mark` in its place: of host names the right part says most.
pub(crate) fn cut_start<'a>(text: &'a str, cells: usize, mark: &str) -> Cow<'a, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let kept = cells.saturating_sub(width(mark));
    Cow::Owned(format!("{mark}{}", tail(text, kept)))
}

/// Cuts the middle of a clean text, with `mark` in its place.
pub(crate) fn cut_middle<'a>(text: &'a str, cells: usize, mark: &str) -> Cow<'a, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let kept = cells.saturating_sub(width(mark));
    let front = kept.div_ceil(2);
    Cow::Owned(format!(
        "{}{mark}{}",
        head(text, front),
        tail(text, kept - front)
    ))
}

/// A clean text on exactly `cells` cells, to the left.
pub(crate) fn left(text: &str, cells: usize) -> String {
    let text = head(text, cells);
    let pad = cells.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(pad))
}

/// A clean text on exactly `cells` cells, to the right.
pub(crate) fn right(text: &str, cells: usize) -> String {
    let text = head(text, cells);
    let pad = cells.saturating_sub(width(text));
    format!("{}{text}", " ".repeat(pad))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_count_cells() {
        assert_eq!(cut_end("abcdef", 4, "…"), "abc…");
        assert_eq!(cut_start("www.example.com", 9, "…"), "…mple.com");
        assert_eq!(cut_middle("abcdefgh", 5, "~"), "ab~gh");
        assert_eq!(cut_end("日本語", 4, "…"), "日…");
        assert_eq!(width("日本"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(left("日本", 3), "日 ");
        assert_eq!(right("7", 3), "  7");
    }
}
