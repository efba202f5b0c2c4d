//! Arranging and drawing: panes, status bar, prompt, boxes.

use std::sync::atomic::Ordering;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{App, Panes};
use crate::env::Effects;
use crate::text::{Pen, cut_end, fill, put, put_clean, put_right};
use crate::theme::Role;
use crate::{hints, status};

/// Below this size nothing sensible fits.
const SMALLEST: (u16, u16) = (30, 6);

/// Where everything is.
struct Places {
    panes: [Rect; 2],
    titles: [Rect; 2],
    divider: Option<Rect>,
    status: Rect,
    below: Rect,
}

impl App {
    /// Gets what will be drawn, for a window of this size.
    pub(crate) fn prepare(&mut self, size: Rect) -> Effects {
        let mut out = Effects::new();
        self.refresh_options();
        let store = self.env.kernel.store();
        let counts = store.counts();
        self.focus = store.focus();
        self.numbers = status::Numbers {
            focus: store.focus_row().map_or(0, |row| row + 1),
            shown: counts.shown,
            marked_only: store.is_marked_only(),
            client_replays: self.env.kernel.replays().client.load(Ordering::Relaxed),
            server_replays: self.env.kernel.replays().server.load(Ordering::Relaxed),
            evicted: counts.evicted,
        };
        if Panes::of(&self.env) == Panes::Single {
            self.active = 0;
        }
        let places = self.places(size);
        self.areas = places.panes;
        let env = &self.env;
        for (stack, area) in self.panes.iter_mut().zip(places.panes) {
            if let Some(screen) = stack.last_mut().filter(|_| area.height > 0) {
                screen.prepare(env, area, &mut out);
            }
        }
        self.settle(out)
    }

    fn places(&self, size: Rect) -> Places {
        let hints = self.env.options.console_quickhelp_visible && size.height >= 16;
        let below_rows = if hints {
            2
        } else {
            u16::from(size.height >= 3)
        };
        let below = Rect {
            y: size.bottom().saturating_sub(below_rows),
            height: below_rows,
            ..size
        };
        let status = Rect {
            y: below.y.saturating_sub(1),
            height: 1,
            ..size
        };
        let page = Rect {
            height: status.y.saturating_sub(size.y),
            ..size
        };
        let (first, second, divider) = match Panes::of(&self.env) {
            Panes::Single => (page, Rect::default(), None),
            Panes::Vertical => {
                let height = page.height / 2;
                let first = Rect { height, ..page };
                let second = Rect {
                    y: page.y + height,
                    height: page.height - height,
                    ..page
                };
                (first, second, None)
            }
            Panes::Horizontal => {
                let width = page.width / 2;
                let first = Rect { width, ..page };
                let second = Rect {
                    x: page.x + width + 1,
                    width: (page.width - width).saturating_sub(1),
                    ..page
                };
                (
                    first,
                    second,
                    Some(Rect {
                        x: page.x + width,
                        width: 1,
                        ..page
                    }),
                )
            }
        };
        let head = u16::from(self.env.options.console_layout_headers);
        let split = |area: Rect| {
            let rows = head.min(area.height);
            let title = Rect {
                height: rows,
                ..area
            };
            let rest = Rect {
                y: area.y + rows,
                height: area.height - rows,
                ..area
            };
            (title, rest)
        };
        let ((title, first), (other_title, second)) = (split(first), split(second));
        Places {
            panes: [first, second],
            titles: [title, other_title],
            divider,
            status,
            below,
        }
    }

    /// Draws what was prepared.
    pub(crate) fn draw(&mut self, frame: &mut Frame<'_>) {
        let size = frame.area();
        let buf = frame.buffer_mut();
        buf.set_style(size, self.env.theme.background());
        if size.width < SMALLEST.0 || size.height < SMALLEST.1 {
            let mut pen = Pen::new(size, 0);
            put_clean(
                buf,
                &mut pen,
                "window too small",
                self.env.theme.style(Role::Error),
            );
            self.dirty = false;
            return;
        }
        let places = self.places(size);
        for (at, (area, title)) in places.panes.into_iter().zip(places.titles).enumerate() {
            self.draw_pane(at, (area, title), buf);
        }
        if let Some(divider) = places.divider {
            for y in 0..divider.height {
                let mut pen = Pen::new(divider, y);
                put_clean(
                    buf,
                    &mut pen,
                    self.env.glyphs.bar,
                    self.env.theme.style(Role::Dim),
                );
            }
        }
        status::draw(&self.env, places.status, buf, &self.numbers);
        let mut cursor = self.draw_below(places.below, buf);
        if cursor.is_none() {
            let stack = self.panes.get(self.active);
            cursor = stack
                .and_then(|stack| stack.last())
                .and_then(|screen| screen.cursor());
        }
        let page = Rect {
            height: places.status.y,
            ..size
        };
        if let Some(overlay) = &mut self.overlay {
            overlay.draw(&self.env, page, buf);
        }
        if let Some(palette) = &mut self.palette {
            cursor = Some(palette.draw(&self.env, page, buf));
        }
        if let Some(cursor) = cursor {
            frame.set_cursor_position(cursor);
        }
        self.dirty = false;
    }

    fn draw_pane(&self, at: usize, (area, title): (Rect, Rect), buf: &mut Buffer) {
        let stack = self.panes.get(at);
        let Some(screen) = stack
            .and_then(|stack| stack.last())
            .filter(|_| area.height > 0)
        else {
            return;
        };
        if title.height > 0 {
            let active = at == self.active;
            let role = if active {
                Role::Heading
            } else {
                Role::HeadingInactive
            };
            let style = self.env.theme.style(role);
            let mut pen = Pen::new(title, 0);
            let (left, right) = screen.title(&self.env);
            let two = Panes::of(&self.env) != Panes::Single;
            let sign = if two && active { ">" } else { " " };
            put_clean(buf, &mut pen, sign, style);
            let room = pen.room().saturating_sub(crate::text::width(&right) + 2);
            let left = midwire_views::clean_line(&left).into_owned();
            put(
                buf,
                &mut pen,
                &cut_end(&left, room, self.env.glyphs.ellipsis),
                style,
            );
            let before = pen;
            fill(buf, &mut pen, style);
            put_right(buf, before, &format!("{right} "), style);
        }
        screen.draw(&self.env, area, buf);
    }

    /// Draws prompt, message or hints; gives the place of the cursor if something is typed there.
    fn draw_below(&self, area: Rect, buf: &mut Buffer) -> Option<ratatui::layout::Position> {
        if let Some(prompt) = &self.prompt {
            return Some(prompt.draw(&self.env, area, buf));
        }
        if let Some(message) = &self.message {
            let style = self
                .env
                .theme
                .style(crate::screens::eventlog::role(message.level));
            for (y, line) in message.text.lines().take(area.height.into()).enumerate() {
                let mut pen = Pen::new(area, y as u16);
                put(buf, &mut pen, line, style);
            }
            return None;
        }
        if self.env.options.console_quickhelp_visible && area.height > 0 {
            let about = (self.context(), self.focus.as_deref());
            hints::draw(&self.env, area, buf, about);
        }
        None
    }
}
