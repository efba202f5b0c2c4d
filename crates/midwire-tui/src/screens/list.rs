//! A cursor in a list that is longer than its window.

use crate::env::Nav;

/// The focused item and the window around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListCursor {
    pub(crate) focus: usize,
    pub(crate) offset: usize,
    pub(crate) height: usize,
}

impl ListCursor {
    /// Fits the window to a list of `len` items and `height` rows.
    pub(crate) fn fit(&mut self, len: usize, height: usize) {
        self.height = height;
        self.focus = self.focus.min(len.saturating_sub(1));
        if self.focus < self.offset {
            self.offset = self.focus;
        }
        if self.focus >= self.offset + height.max(1) {
            self.offset = self.focus + 1 - height.max(1);
        }
        self.offset = self.offset.min(len.saturating_sub(height.max(1)));
    }

    /// Moves; false if the movement is none of a list.
    pub(crate) fn nav(&mut self, nav: Nav, len: usize) -> bool {
        let last = len.saturating_sub(1);
        match (nav, nav.step(self.height)) {
            (Nav::Start, _) => self.focus = 0,
            (Nav::End, _) => self.focus = last,
            (_, Some(step)) => self.focus = self.focus.saturating_add_signed(step).min(last),
            _ => return false,
        }
        true
    }
}

/// A window over text that has no cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scroll {
    pub(crate) offset: usize,
    pub(crate) height: usize,
}

impl Scroll {
    pub(crate) fn fit(&mut self, len: usize, height: usize) {
        self.height = height;
        self.offset = self.offset.min(len.saturating_sub(height.max(1)));
    }

    /// Scrolls; false if the movement does not scroll.
    pub(crate) fn nav(&mut self, nav: Nav, len: usize) -> bool {
        let last = len.saturating_sub(self.height.max(1));
        match (nav, nav.step(self.height)) {
            (Nav::Start, _) => self.offset = 0,
            (Nav::End, _) => self.offset = last,
            (_, Some(step)) => self.offset = self.offset.saturating_add_signed(step).min(last),
            _ => return false,
        }
        true
    }

    /// Brings a row into the window.
    pub(crate) fn show(&mut self, row: usize) {
        if row < self.offset || row >= self.offset + self.height.max(1) {
            self.offset = row.saturating_sub(self.height / 3);
        }
    }
}
