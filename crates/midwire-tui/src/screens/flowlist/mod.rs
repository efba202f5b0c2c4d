//! The list of flows: a window on the store's view, never a copy of all flows.

mod draw;
pub(crate) mod row;

use midwire_flow::Id;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::env::{Effect, Effects, Env, Handled, Nav, Screen};
use crate::keymap::Context;
use crate::screens::Kind;
use crate::screens::connect::Connect;
use row::Facts;

/// How the list is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Layout {
    /// Columns with titles.
    #[default]
    Table,
    /// One line without titles, for narrow terminals.
    Narrow,
    /// mitmproxy's two lines.
    List,
}

/// Columns from which on the table fits.
const TABLE_COLUMNS: u16 = 100;

impl Layout {
    fn of(option: &str, columns: u16) -> Self {
        match option {
            "table" => Self::Table,
            "list" => Self::List,
            _ if columns < TABLE_COLUMNS => Self::Narrow,
            _ => Self::Table,
        }
    }

    /// Lines of one flow.
    fn lines(self) -> usize {
        if self == Self::List { 2 } else { 1 }
    }

    /// Lines of titles.
    fn head(self) -> u16 {
        u16::from(self == Self::Table)
    }
}

/// The list and its window.
#[derive(Default)]
pub(crate) struct FlowList {
    offset: usize,
    /// Row of the window in which the focused flow stands, and which flow that was.
    anchor: usize,
    focused: Option<Id>,
    focus_row: Option<usize>,
    layout: Layout,
    /// Flows that fit the window.
    page: usize,
    rows: Vec<Facts>,
    shown: usize,
    total: usize,
    /// Flows below the window that came since the end was last seen.
    new_below: usize,
    seen: usize,
    /// A file is being read.
    reading: bool,
    /// What is shown while there is no flow at all.
    connect: Connect,
}

impl FlowList {
    /// Moves the window so that the focused flow stays where it is, or comes into it.
    fn place(&mut self, env: &Env) {
        let store = env.kernel.store();
        let focus = store.focus().map(|flow| flow.info().id.clone());
        let row = store.focus_row();
        self.focus_row = row;
        let Some(row) = row else {
            self.offset = self.offset.min(self.shown.saturating_sub(self.page));
            self.focused = focus;
            return;
        };
        if focus == self.focused {
            self.offset = row.saturating_sub(self.anchor);
        }
        self.focused = focus;
        if row < self.offset {
            self.offset = row;
        }
        if row >= self.offset + self.page {
            self.offset = row + 1 - self.page;
        }
        self.offset = self.offset.min(self.shown.saturating_sub(self.page));
        self.anchor = row - self.offset;
    }

    fn count_new(&mut self) {
        let end = self.offset + self.page;
        if end >= self.shown || self.shown < self.seen || self.seen == 0 {
            self.seen = self.shown;
        }
        self.new_below = self.shown - self.seen;
    }
}

impl Screen for FlowList {
    fn context(&self) -> Context {
        Context::FlowList
    }

    fn title(&self, env: &Env) -> (String, String) {
        let (shown, total) = (self.shown, self.total);
        let mut left = if shown == total {
            format!("Flows {total}")
        } else {
            format!("Flows {shown} of {total}")
        };
        if self.reading {
            left.push_str("  reading");
        }
        if let Some(filter) = env
            .options
            .view_filter
            .as_deref()
            .filter(|text| !text.is_empty())
        {
            left.push_str(&format!("   f {filter}"));
        }
        let mut right = String::new();
        if self.new_below > 0 {
            right = format!("{} new below  ", self.new_below);
        }
        if env.options.console_focus_follow {
            right.push_str("follow");
        }
        if let Some(filter) = env
            .options
            .intercept
            .as_deref()
            .filter(|text| !text.is_empty())
        {
            let off = if env.options.intercept_active {
                ""
            } else {
                " (off)"
            };
            right.push_str(&format!("  i {filter}{off}"));
        }
        let held = env.kernel.parked().len();
        if held > 0 {
            right.push_str(&format!("  {held} held"));
        }
        (left, right)
    }

    fn prepare(&mut self, env: &Env, area: Rect, out: &mut Effects) {
        self.layout = Layout::of(&env.options.console_flowlist_layout, area.width);
        let lines = usize::from(area.height.saturating_sub(self.layout.head()));
        self.page = (lines / self.layout.lines()).max(1);
        self.reading = env
            .kernel
            .reading()
            .load(std::sync::atomic::Ordering::Relaxed)
            > 0;
        let counts = env.kernel.store().counts();
        (self.shown, self.total) = (counts.shown, counts.total);
        if self.total == 0 {
            self.connect.prepare(env, draw::below_head(area), out);
        }
        self.place(env);
        self.count_new();
        let flows = env.kernel.store().rows(self.offset, self.page);
        self.rows = flows
            .iter()
            .map(|flow| Facts::of(&env.kernel, flow, env.options.showhost, env.now))
            .collect();
    }

    fn ticks(&self) -> bool {
        let connects = self.total == 0 && self.connect.ticks();
        connects || self.reading || self.rows.iter().any(|row| row.state == row::State::Running)
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        if self.rows.is_empty() {
            if self.total == 0 {
                draw::start(env, area, buf);
                self.connect.draw(env, draw::below_head(area), buf);
            } else {
                draw::nothing_fits(env, area, buf, self.total);
            }
            return;
        }
        let focus = self.focus_row.and_then(|row| row.checked_sub(self.offset));
        draw::rows(env, area, buf, self.layout, (&self.rows, focus));
    }

    fn nav(&mut self, env: &Env, nav: Nav, out: &mut Effects) {
        if self.total == 0 {
            self.connect.nav(env, nav, out);
            return;
        }
        let store = env.kernel.store();
        match (nav, nav.step(self.page)) {
            (Nav::Start, _) => store.focus_go(0),
            (Nav::End, _) => store.focus_go(-1),
            (Nav::Select, _) if store.focus().is_some() => out.push(Effect::Push(Kind::FlowView)),
            (Nav::Next, _) => out.push(Effect::Run("console.panes.next".to_owned())),
            (_, Some(step)) => {
                let row = store.focus_row().unwrap_or_default();
                store.focus_go(row.saturating_add_signed(step) as i64);
            }
            _ => {}
        }
    }

    fn key(&mut self, _: &Env, _: &str, _: &mut Effects) -> Handled {
        Handled::No
    }

    fn click(&mut self, env: &Env, at: Position, out: &mut Effects) {
        let Some(line) = at.y.checked_sub(self.layout.head()) else {
            return;
        };
        let row = usize::from(line) / self.layout.lines();
        if row < self.rows.len() {
            env.kernel.store().focus_go((self.offset + row) as i64);
            out.push(Effect::Push(Kind::FlowView));
        }
    }
}
