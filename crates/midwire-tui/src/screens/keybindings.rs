//! The list of key bindings, to look at and to change.

use midwire_core::commands::{Args, CommandError, CommandValue};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::env::{Effect, Effects, Env, KeyChange, Nav, Outcome, Screen};
use crate::keymap::{Binding, Context};
use crate::screens::list::ListCursor;
use crate::text::{Pen, cut_end, fill, left, put, put_clean};
use crate::theme::Role;

/// All bindings, those of one key next to each other.
#[derive(Default)]
pub(crate) struct KeyBindings {
    list: Vec<Binding>,
    cursor: ListCursor,
}

const HELP: u16 = 2;

impl KeyBindings {
    fn focused(&self) -> Result<&Binding, CommandError> {
        let none = || CommandError::failed("No key binding is focused.");
        self.list.get(self.cursor.focus).ok_or_else(none)
    }

    fn contexts(binding: &Binding) -> String {
        let names: Vec<&str> = binding
            .contexts
            .iter()
            .map(|context| context.as_str())
            .collect();
        names.join(",")
    }

    fn change(&self, name: &str, out: &mut Effects) -> Outcome {
        let binding = self.focused()?;
        match name {
            "unbind" => out.push(Effect::Keys(KeyChange::Unbind {
                key: binding.key.clone(),
                contexts: binding.contexts.clone(),
            })),
            "execute" => out.push(Effect::Run(binding.command.clone())),
            _ => {
                let text = format!(
                    "console.key.bind {} {} {}",
                    Self::contexts(binding),
                    midwire_core::commands::quote(&binding.key),
                    binding.command
                );
                out.push(Effect::Command { text, cursor: None });
            }
        }
        Ok(CommandValue::Null)
    }
}

impl Screen for KeyBindings {
    fn context(&self) -> Context {
        Context::KeyBindings
    }

    fn title(&self, _: &Env) -> (String, String) {
        (format!("Key Bindings {}", self.list.len()), String::new())
    }

    fn prepare(&mut self, env: &Env, area: Rect, _: &mut Effects) {
        self.list = env.keymap.bindings().to_vec();
        self.list.sort_by_key(|binding| {
            (
                binding.contexts.first().copied(),
                binding.key.chars().count(),
                binding.key.clone(),
            )
        });
        self.cursor
            .fit(self.list.len(), area.height.saturating_sub(HELP).into());
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        let window = self.list.iter().enumerate().skip(self.cursor.offset);
        let contexts = (usize::from(area.width) / 4).clamp(8, 22);
        for (y, (at, binding)) in window.take(self.cursor.height).enumerate() {
            let focused = at == self.cursor.focus;
            let style = |role: Role| env.theme.style(if focused { Role::Focus } else { role });
            let mut pen = Pen::new(area, y as u16);
            put_clean(
                buf,
                &mut pen,
                if focused { "> " } else { "  " },
                style(Role::Title),
            );
            put(buf, &mut pen, &left(&binding.key, 12), style(Role::Key));
            let names = Self::contexts(binding);
            let names = cut_end(&names, contexts - 1, env.glyphs.ellipsis);
            put(buf, &mut pen, &left(&names, contexts), style(Role::Dim));
            put(buf, &mut pen, binding.command.trim(), style(Role::Text));
            fill(buf, &mut pen, style(Role::Text));
        }
        let mut pen = Pen::new(area, area.height.saturating_sub(HELP));
        fill(buf, &mut pen, env.theme.style(Role::HeadingInactive));
        if let Some(binding) = self.list.get(self.cursor.focus) {
            let mut pen = Pen::new(area, area.height.saturating_sub(1));
            let help = format!("{}  {}", binding.help.trim(), Self::contexts(binding));
            put(buf, &mut pen, &help, env.theme.style(Role::Text));
        }
    }

    fn nav(&mut self, _: &Env, nav: Nav, _: &mut Effects) {
        self.cursor.nav(nav, self.list.len());
    }

    fn click(&mut self, _: &Env, at: Position, _: &mut Effects) {
        let row = self.cursor.offset + usize::from(at.y);
        self.cursor.focus = row.min(self.list.len().saturating_sub(1));
    }

    fn call(&mut self, _: &Env, name: &str, _: &Args, out: &mut Effects) -> Option<Outcome> {
        let name = name.strip_prefix("console.key.")?.strip_suffix(".focus")?;
        Some(self.change(name, out))
    }
}
