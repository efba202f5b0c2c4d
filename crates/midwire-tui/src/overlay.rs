//! Boxes over a screen: the chooser and the viewer of tables.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::env::{Env, Nav, Then};
use crate::keymap::Context;
use crate::screens::list::ListCursor;
use crate::text::{Pen, fill, left, put, put_clean, width};
use crate::theme::Role;

/// Shortcuts of choices by position; `q` leaves.
const SHORTCUTS: &str = "123456789abcdefghijklmnoprstuvwxyz";

/// An open box.
pub(crate) enum Overlay {
    Chooser {
        title: String,
        choices: Vec<String>,
        then: Then,
        cursor: ListCursor,
    },
    Table {
        title: String,
        rows: Vec<Vec<String>>,
        cursor: ListCursor,
        shift: usize,
    },
}

impl Overlay {
    pub(crate) fn context(&self) -> Context {
        match self {
            Self::Chooser { .. } => Context::Chooser,
            Self::Table { .. } => Context::DataViewer,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Chooser { choices, .. } => choices.len(),
            Self::Table { rows, .. } => rows.len(),
        }
    }

    fn cursor(&mut self) -> &mut ListCursor {
        match self {
            Self::Chooser { cursor, .. } | Self::Table { cursor, .. } => cursor,
        }
    }

    /// Moves; true if the present choice is taken.
    pub(crate) fn nav(&mut self, nav: Nav) -> bool {
        let len = self.len();
        if let Self::Table { shift, .. } = self {
            match nav {
                Nav::Left => *shift = shift.saturating_sub(8),
                Nav::Right => *shift += 8,
                _ => {}
            }
        }
        self.cursor().nav(nav, len);
        nav == Nav::Select && matches!(self, Self::Chooser { .. })
    }

    /// The choice that a shortcut means; takes the cursor there.
    pub(crate) fn shortcut(&mut self, key: &str) -> bool {
        let at = SHORTCUTS.find(key).filter(|_| key.chars().count() == 1);
        let (
            Self::Chooser {
                choices, cursor, ..
            },
            Some(at),
        ) = (self, at)
        else {
            return false;
        };
        let there = at < choices.len();
        if there {
            cursor.focus = at;
        }
        there
    }

    /// The present choice and what is to be done with it.
    pub(crate) fn chosen(&self) -> Option<(String, Then)> {
        match self {
            Self::Chooser {
                choices,
                then,
                cursor,
                ..
            } => Some((choices.get(cursor.focus)?.clone(), then.clone())),
            Self::Table { .. } => None,
        }
    }

    /// The place of the box in the screen; fits the cursor to it.
    fn place(&mut self, screen: Rect) -> Rect {
        let (len, title) = match self {
            Self::Chooser { choices, title, .. } => (choices.len(), width(title)),
            Self::Table { rows, title, .. } => (rows.len(), width(title)),
        };
        let widest = match self {
            Self::Chooser { choices, .. } => {
                choices
                    .iter()
                    .map(|choice| width(choice))
                    .max()
                    .unwrap_or_default()
                    + 4
            }
            Self::Table { .. } => usize::from(screen.width).saturating_sub(6),
        };
        let columns = (widest.max(title + 2) as u16 + 4).min(screen.width);
        let rows = (len as u16 + 2).min(screen.height);
        self.cursor().fit(len, rows.saturating_sub(2).into());
        Rect {
            x: screen.x + (screen.width - columns) / 2,
            y: screen.y + (screen.height - rows) / 2,
            width: columns,
            height: rows,
        }
    }

    /// Draws the box over a screen.
    pub(crate) fn draw(&mut self, env: &Env, screen: Rect, buf: &mut Buffer) {
        let area = self.place(screen);
        let title = match self {
            Self::Chooser { title, .. } | Self::Table { title, .. } => title,
        };
        let inner = frame(env, area, title, buf);
        match self {
            Self::Chooser {
                choices, cursor, ..
            } => choices_rows(env, inner, buf, (choices, *cursor)),
            Self::Table {
                rows,
                cursor,
                shift,
                ..
            } => table_rows(env, inner, buf, (rows, *cursor, *shift)),
        }
    }
}

/// Draws an empty box with a title and gives what is inside.
pub(crate) fn frame(env: &Env, area: Rect, title: &str, buf: &mut Buffer) -> Rect {
    let glyphs = &env.glyphs;
    let line_style = env.theme.style(Role::Heading);
    for y in 0..area.height {
        let mut pen = Pen::new(area, y);
        let edge = y == 0 || y + 1 == area.height;
        let inside = usize::from(area.width).saturating_sub(2);
        let line = if edge {
            glyphs.rule.repeat(inside)
        } else {
            " ".repeat(inside)
        };
        let corner = if edge { "+" } else { glyphs.bar };
        let corner = if glyphs.utf8 && edge {
            glyphs.rule
        } else {
            corner
        };
        put_clean(buf, &mut pen, corner, line_style);
        let style = if edge {
            line_style
        } else {
            env.theme.background()
        };
        let style = if edge {
            style
        } else {
            ratatui::style::Style::reset().patch(style)
        };
        put_clean(buf, &mut pen, &line, style);
        put_clean(buf, &mut pen, corner, line_style);
    }
    let mut pen = Pen::new(area, 0);
    pen.skip(2);
    put(buf, &mut pen, &format!(" {title} "), line_style);
    Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

fn choices_rows(
    env: &Env,
    area: Rect,
    buf: &mut Buffer,
    (choices, cursor): (&[String], ListCursor),
) {
    let window = choices
        .iter()
        .enumerate()
        .skip(cursor.offset)
        .take(area.height.into());
    for (y, (at, choice)) in window.enumerate() {
        let focused = at == cursor.focus;
        let style = |role: Role| env.theme.style(if focused { Role::Focus } else { role });
        let shortcut = SHORTCUTS.chars().nth(at).unwrap_or(' ');
        let mut pen = Pen::new(area, y as u16);
        put_clean(
            buf,
            &mut pen,
            if focused { ">" } else { " " },
            style(Role::Title),
        );
        put_clean(buf, &mut pen, &format!("{shortcut} "), style(Role::Key));
        put(buf, &mut pen, choice, style(Role::Text));
        fill(buf, &mut pen, style(Role::Text));
    }
}

fn table_rows(
    env: &Env,
    area: Rect,
    buf: &mut Buffer,
    (rows, cursor, shift): (&[Vec<String>], ListCursor, usize),
) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let cells = |column: usize| {
        let widths = rows
            .iter()
            .take(1000)
            .filter_map(|row| row.get(column))
            .map(|cell| width(cell));
        widths
            .max()
            .unwrap_or_default()
            .min(usize::from(area.width) * 2 / 3)
    };
    let widths: Vec<usize> = (0..columns).map(cells).collect();
    let window = rows
        .iter()
        .enumerate()
        .skip(cursor.offset)
        .take(area.height.into());
    for (y, (at, row)) in window.enumerate() {
        let focused = at == cursor.focus;
        let style = env
            .theme
            .style(if focused { Role::Focus } else { Role::Text });
        let line: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, cells)| {
                if columns == 1 {
                    cell.clone()
                } else {
                    left(cell, *cells)
                }
            })
            .collect();
        let line = line.join("  ");
        let skipped = crate::text::head(&line, shift).len();
        let mut pen = Pen::new(area, y as u16);
        put(
            buf,
            &mut pen,
            line.get(skipped..).unwrap_or_default(),
            style,
        );
        fill(buf, &mut pen, style);
    }
}
