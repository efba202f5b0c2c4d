//! The options: values, defaults, help; changed with checks in place.

use midwire_core::commands::{Args, CommandError, CommandValue};
use midwire_core::log::Level;
use midwire_core::options::{Definition, Kind as OptionKind, Value};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::env::{Effect, Effects, Env, Handled, Nav, Outcome, Screen, Then};
use crate::keymap::Context;
use crate::line_edit::LineEdit;
use crate::screens::Kind;
use crate::screens::grid::{Spec, Target, window_of};
use crate::screens::list::ListCursor;
use crate::text::{Pen, cut_end, fill, left, put, put_clean};
use crate::theme::Role;

/// All options of the program.
#[derive(Default)]
pub(crate) struct OptionScreen {
    list: Vec<(Definition, Value)>,
    cursor: ListCursor,
    editing: Option<LineEdit>,
    changed_only: bool,
    area: Rect,
}

/// Rows of the help text with the line above it.
const HELP: u16 = 5;

/// Cells of the column of names.
const NAMES: usize = 36;

/// A value as one line.
fn show(value: &Value) -> String {
    match value {
        Value::Null => "unset".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Str(value) => value.clone(),
        Value::Seq(values) => values.join("  "),
    }
}

impl OptionScreen {
    fn names_width(area: Rect) -> usize {
        NAMES.min(usize::from(area.width) / 2)
    }

    fn focused(&self) -> Option<&(Definition, Value)> {
        self.list.get(self.cursor.focus)
    }

    fn select(&mut self, env: &Env, out: &mut Effects) {
        let Some((definition, value)) = self.focused() else {
            return;
        };
        let name = definition.name.clone();
        if !definition.choices.is_empty() && definition.kind != OptionKind::Seq {
            out.push(Effect::Choose {
                title: name.clone(),
                choices: definition.choices.clone(),
                then: Then::Option(name),
            });
            return;
        }
        match value {
            Value::Bool(_) => {
                if let Err(error) = env.kernel.options().toggle(&name) {
                    out.push(Effect::Say(Level::Error, error.to_string()));
                }
            }
            Value::Seq(values) => out.push(Effect::Push(Kind::Grid(Box::new(Spec {
                title: format!("Edit {name}"),
                columns: vec![name.clone()],
                rows: values
                    .iter()
                    .map(|value| vec![value.as_bytes().to_vec()])
                    .collect(),
                target: Target::Option(name),
            })))),
            Value::Null => self.editing = Some(LineEdit::default()),
            value => self.editing = Some(LineEdit::new(show(value))),
        }
    }

    fn accept(&mut self, env: &Env, out: &mut Effects) {
        let (Some(line), Some((definition, _))) = (self.editing.take(), self.focused()) else {
            return;
        };
        if let Err(error) = set(env, definition, line.text()) {
            out.push(Effect::Say(Level::Error, error));
        }
    }
}

/// Sets an option from a text that the user typed. An empty one unsets what may be unset.
pub(crate) fn set(env: &Env, definition: &Definition, text: &str) -> Result<(), String> {
    let options = env.kernel.options();
    let done = if text.is_empty() && definition.kind.is_optional() {
        options.update([(definition.name.clone(), Value::Null)])
    } else {
        options.set(&[format!("{}={text}", definition.name)])
    };
    done.map(|_| ()).map_err(|error| error.to_string())
}

impl Screen for OptionScreen {
    fn context(&self) -> Context {
        Context::Options
    }

    fn title(&self, _: &Env) -> (String, String) {
        let what = if self.changed_only { "changed " } else { "" };
        (
            format!("Options {what}{}", self.list.len()),
            "c only changed   S save   L load".to_owned(),
        )
    }

    fn prepare(&mut self, env: &Env, area: Rect, _: &mut Effects) {
        self.area = area;
        if self.editing.is_none() {
            let focused = self
                .focused()
                .map(|(definition, _)| definition.name.clone());
            self.list = env
                .kernel
                .options()
                .definitions()
                .into_iter()
                .filter_map(|definition| {
                    let value = env.kernel.options().value(&definition.name)?;
                    (!self.changed_only || value != definition.default)
                        .then_some((definition, value))
                })
                .collect();
            let at = self
                .list
                .iter()
                .position(|(definition, _)| Some(&definition.name) == focused.as_ref());
            self.cursor.focus = at.unwrap_or(self.cursor.focus);
        }
        self.cursor
            .fit(self.list.len(), area.height.saturating_sub(HELP).into());
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        let names = Self::names_width(area);
        let window = self.list.iter().enumerate().skip(self.cursor.offset);
        for (y, (at, (definition, value))) in window.take(self.cursor.height).enumerate() {
            let focused = at == self.cursor.focus;
            let style = |role: Role| env.theme.style(if focused { Role::Focus } else { role });
            let changed = *value != definition.default;
            let mut pen = Pen::new(area, y as u16);
            let cursor = if focused { ">" } else { " " };
            put_clean(buf, &mut pen, cursor, style(Role::Title));
            put_clean(
                buf,
                &mut pen,
                if changed { "* " } else { "  " },
                style(Role::OptionActive),
            );
            put(
                buf,
                &mut pen,
                &format!("{} ", left(&definition.name, names.saturating_sub(1))),
                style(Role::OptionText),
            );
            if let (Some(line), true) = (&self.editing, focused) {
                let room = pen.room();
                let text = left(&window_of(line, room).0, room);
                put_clean(buf, &mut pen, &text, env.theme.style(Role::FieldEdit));
                continue;
            }
            let role = match (value, changed) {
                (Value::Null, _) => Role::Dim,
                (_, true) => Role::OptionActive,
                _ => Role::Text,
            };
            let text = midwire_views::clean_line(&show(value)).into_owned();
            let text = cut_end(&text, pen.room(), env.glyphs.ellipsis).into_owned();
            put_clean(buf, &mut pen, &text, style(role));
            fill(buf, &mut pen, style(Role::Text));
        }
        let top = area.height.saturating_sub(HELP);
        fill(
            buf,
            &mut Pen::new(area, top),
            env.theme.style(Role::HeadingInactive),
        );
        let Some((definition, _)) = self.focused() else {
            return;
        };
        let mut builder = crate::doc::Builder::new(area.width);
        let kind = definition.kind.name();
        let default = show(&definition.default);
        let facts = if default.is_empty() {
            kind.to_owned()
        } else {
            format!("{kind}, default {default}")
        };
        builder
            .add(&format!("{} ", definition.name), Role::Key)
            .add(&facts, Role::Dim)
            .end();
        builder.paragraphs(&definition.help, Role::Text);
        let below = Rect {
            y: area.y + (top + 1).min(area.height),
            height: HELP.saturating_sub(1).min(area.height),
            ..area
        };
        builder.build().draw(buf, below, 0, (&env.theme, &[]));
    }

    fn cursor(&self) -> Option<Position> {
        let line = self.editing.as_ref()?;
        let names = Self::names_width(self.area) + 3;
        let room = usize::from(self.area.width).saturating_sub(names);
        let y = self.cursor.focus.checked_sub(self.cursor.offset)?;
        let x = names + window_of(line, room).1;
        Some(Position::new(
            self.area.x + x as u16,
            self.area.y + y as u16,
        ))
    }

    fn takes_text(&self) -> bool {
        self.editing.is_some()
    }

    fn paste(&mut self, text: &str) {
        if let Some(line) = &mut self.editing {
            line.insert(text);
        }
    }

    fn key(&mut self, env: &Env, key: &str, out: &mut Effects) -> Handled {
        match (&mut self.editing, key) {
            (Some(_), "enter") => self.accept(env, out),
            (Some(_), "esc") => self.editing = None,
            (Some(line), key) => {
                line.key(key);
            }
            (None, "c") => self.changed_only = !self.changed_only,
            (None, _) => return Handled::No,
        }
        Handled::Yes
    }

    fn nav(&mut self, env: &Env, nav: Nav, out: &mut Effects) {
        if nav == Nav::Select {
            self.select(env, out);
            return;
        }
        self.cursor.nav(nav, self.list.len());
    }

    fn click(&mut self, _: &Env, at: Position, _: &mut Effects) {
        let row = self.cursor.offset + usize::from(at.y);
        self.cursor.focus = row.min(self.list.len().saturating_sub(1));
    }

    fn call(&mut self, env: &Env, name: &str, _: &Args, _: &mut Effects) -> Option<Outcome> {
        if name != "console.options.reset.focus" {
            return None;
        }
        let name = self
            .focused()
            .map(|(definition, _)| definition.name.clone())?;
        let done = env.kernel.options().reset_one(&name);
        Some(
            done.map(|_| CommandValue::Null)
                .map_err(CommandError::failed),
        )
    }
}
