//! The list of commands.

use midwire_core::commands::Signature;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::env::{Effect, Effects, Env, Nav, Screen};
use crate::keymap::Context;
use crate::screens::list::ListCursor;
use crate::text::{Pen, cut_end, fill, put, put_clean};
use crate::theme::Role;

/// All commands with the help of the focused one.
pub(crate) struct Commands {
    list: Vec<Signature>,
    cursor: ListCursor,
}

impl Commands {
    pub(crate) fn new(env: &Env) -> Self {
        Self {
            list: env.kernel.commands().signatures(),
            cursor: ListCursor::default(),
        }
    }
}

/// Rows of the help text.
const HELP: u16 = 3;

impl Screen for Commands {
    fn context(&self) -> Context {
        Context::Commands
    }

    fn title(&self, _: &Env) -> (String, String) {
        (
            format!("Commands {}", self.list.len()),
            "enter opens the prompt".to_owned(),
        )
    }

    fn prepare(&mut self, _: &Env, area: Rect, _: &mut Effects) {
        let height = area.height.saturating_sub(HELP).into();
        self.cursor.fit(self.list.len(), height);
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        let window = self.list.iter().enumerate().skip(self.cursor.offset);
        for (y, (at, signature)) in window.take(self.cursor.height).enumerate() {
            let focused = at == self.cursor.focus;
            let style = |role: Role| env.theme.style(if focused { Role::Focus } else { role });
            let mut pen = Pen::new(area, y as u16);
            put_clean(
                buf,
                &mut pen,
                if focused { "> " } else { "  " },
                style(Role::Title),
            );
            let line = signature.line();
            let (name, rest) = line.split_once(' ').unwrap_or((&line, ""));
            put(buf, &mut pen, name, style(Role::Key));
            put(buf, &mut pen, &format!(" {rest}"), style(Role::Dim));
            fill(buf, &mut pen, style(Role::Text));
        }
        let at = area.height.saturating_sub(HELP);
        let mut pen = Pen::new(area, at);
        fill(buf, &mut pen, env.theme.style(Role::HeadingInactive));
        if let Some(signature) = self.list.get(self.cursor.focus) {
            let mut pen = Pen::new(area, at + 1);
            let help = cut_end(
                &signature.help,
                usize::from(area.width) * 2,
                env.glyphs.ellipsis,
            );
            put(buf, &mut pen, &help, env.theme.style(Role::Text));
        }
    }

    fn nav(&mut self, _: &Env, nav: Nav, out: &mut Effects) {
        if nav == Nav::Select {
            if let Some(signature) = self.list.get(self.cursor.focus) {
                out.push(Effect::Command {
                    text: format!("{} ", signature.name),
                    cursor: None,
                });
            }
            return;
        }
        self.cursor.nav(nav, self.list.len());
    }

    fn click(&mut self, _: &Env, at: Position, _: &mut Effects) {
        let row = self.cursor.offset + usize::from(at.y);
        self.cursor.focus = row.min(self.list.len().saturating_sub(1));
    }
}
