//! The commands of the interface (`console.*`).

use std::path::Path;
use std::sync::Arc;

use midwire_core::commands::{Args, CommandError, CommandValue, quote};
use midwire_core::options::Value;
use midwire_flow::{Flow, Id};

use super::{App, Panes};
use crate::edit::{self, AfterEdit, EditJob, Part};
use crate::env::{Effect, Effects, KeyChange, Nav, Outcome, Then};
use crate::keymap::Context;
use crate::palette::Palette;
use crate::screens::Kind;
use crate::screens::compare::{self, Pair};

#[expect(clippy::unnecessary_wraps, reason = "the last expression of commands")]
fn nothing() -> Outcome {
    Ok(CommandValue::Null)
}

/// Names of the arrangements of panes.
pub(crate) const LAYOUTS: [&str; 3] = ["single", "vertical", "horizontal"];

impl App {
    /// Runs a command of ours.
    pub(super) fn call(&mut self, name: &str, args: &Args, out: &mut Effects) -> Outcome {
        if let Some(nav) = name.strip_prefix("console.nav.").and_then(Nav::parse) {
            self.nav(nav, out);
            return nothing();
        }
        // The screen on top goes first.
        let env = &self.env;
        let stack = self.panes.get_mut(self.active);
        if let Some(screen) = stack.and_then(|stack| stack.last_mut())
            && let Some(outcome) = screen.call(env, name, args, out)
        {
            return outcome;
        }
        match name {
            "console.palette" => {
                let context = self.context();
                self.palette = Some(Palette::new(&self.env, context, &self.recent));
            }
            "console.view.commands" => out.push(Effect::Push(Kind::Commands)),
            "console.view.compare" => self.compare(args, out)?,
            "console.view.connect" => out.push(Effect::Push(Kind::Connect)),
            "console.view.eventlog" => out.push(Effect::Push(Kind::EventLog)),
            "console.view.help" => out.push(Effect::Push(Kind::Help(self.context()))),
            "console.view.keybindings" => out.push(Effect::Push(Kind::KeyBindings)),
            "console.view.options" => out.push(Effect::Push(Kind::Options)),
            "console.view.flow" => self.view_flow(args, out)?,
            "console.view.paused" => out.push(Effect::Push(Kind::Paused)),
            "console.view.stats" => out.push(Effect::Push(Kind::Stats)),
            "console.view.tree" => out.push(Effect::Push(Kind::Tree)),
            "console.view.pop" => self.pop(out),
            "console.exit" => out.push(Effect::Quit),
            "console.panes.next" | "console.panes.prev" => {
                if Panes::of(&self.env) != Panes::Single {
                    self.active = 1 - self.active;
                }
            }
            "console.layout.cycle" => self.cycle_layout()?,
            "console.command" => open_prompt(args, out)?,
            "console.command.set" => self.open_set(args.str(0)?, out)?,
            "console.command.confirm" => confirm(args, out)?,
            "console.choose" => choose(args, out)?,
            "console.edit.focus.options" => {
                let flow = self.focused()?;
                return edit::options(&self.env, &flow).map(CommandValue::StrList);
            }
            "console.edit.focus" => {
                let flow = self.focused()?;
                edit::start(&self.env, &flow, args.str(0)?, out)?;
            }
            "console.bodyview" => self.body_view(args, out)?,
            "console.flowview.mode" | "console.flowview.mode.set" => {
                return Self::refuse("Not viewing a flow.");
            }
            "console.key.bind" => bind(args, out)?,
            "console.key.unbind" => out.push(Effect::Keys(KeyChange::Unbind {
                contexts: contexts(args.list(0)?)?,
                key: args.str(1)?.to_owned(),
            })),
            "console.keymap.load" => {
                let path = args.str(0)?;
                let loaded = self.env.keymap.load(Path::new(path));
                loaded.map_err(|error| {
                    CommandError::failed(format!("Could not load key bindings - {error}"))
                })?;
            }
            _ if name.starts_with("console.grideditor.") => {
                return Self::refuse("Not in a grideditor.");
            }
            _ if name.strip_suffix(".focus").is_some() => {
                return Self::refuse("There is nothing focused here.");
            }
            _ => return Err(CommandError::Unknown(name.to_owned())),
        }
        nothing()
    }

    fn focused(&self) -> Result<Arc<Flow>, CommandError> {
        let none = || CommandError::failed("No flow selected.");
        self.env.kernel.store().focus().ok_or_else(none)
    }

    fn view_flow(&self, args: &Args, out: &mut Effects) -> Result<(), CommandError> {
        let id = Id::parse(args.flow(0)?);
        self.env.kernel.store().set_focus(&id);
        out.push(Effect::Push(Kind::FlowView));
        Ok(())
    }

    /// Two flows, or one and what is before it.
    fn compare(&self, args: &Args, out: &mut Effects) -> Result<(), CommandError> {
        let store = self.env.kernel.store();
        let flows = args.flows(0)?.iter().map(|id| store.get(&Id::parse(id)));
        let pair = match flows.collect::<Vec<_>>().as_slice() {
            [Some(flow)] => {
                let none = || CommandError::failed("no flow before it has the same URL");
                compare::before(&self.env, flow).ok_or_else(none)?
            }
            [Some(left), Some(right)] => Pair {
                left: Arc::clone(left),
                right: Arc::clone(right),
            },
            _ => return Err(CommandError::failed("name one flow or two")),
        };
        out.push(Effect::Push(Kind::Compare(pair)));
        Ok(())
    }

    fn cycle_layout(&mut self) -> Result<(), CommandError> {
        let now = &self.env.options.console_layout;
        let at = LAYOUTS
            .iter()
            .position(|layout| layout == now)
            .unwrap_or_default();
        let next = LAYOUTS
            .get((at + 1) % LAYOUTS.len())
            .copied()
            .unwrap_or("single");
        let change = [("console_layout", Value::from(next))];
        self.env
            .kernel
            .options()
            .update(change)
            .map_err(CommandError::failed)?;
        if next == "single" {
            self.active = 0;
        }
        Ok(())
    }

    /// `set NAME 'value'` with the cursor inside the quotes.
    fn open_set(&self, name: &str, out: &mut Effects) -> Result<(), CommandError> {
        let options = self.env.kernel.options();
        let unknown = || CommandError::failed(format!("No such option: {name}"));
        let definition = options.definition(name).ok_or_else(unknown)?;
        let value = match options.value(name).unwrap_or(definition.default) {
            Value::Null => String::new(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Str(value) => value,
            Value::Seq(values) => values.join(" "),
        };
        // The lexer has no escapes, so the quote is the one that the value does not have.
        let mark = if value.contains('\'') { '"' } else { '\'' };
        let text = format!("set {name} {mark}{value}{mark}");
        let cursor = Some(text.len() - 1);
        out.push(Effect::Command { text, cursor });
        Ok(())
    }

    fn body_view(&self, args: &Args, out: &mut Effects) -> Result<(), CommandError> {
        let (id, part) = (Id::parse(args.flow(0)?), args.str(1)?);
        let gone = || CommandError::failed("the flow is not there any more");
        let flow = self.env.kernel.store().get(&id).ok_or_else(gone)?;
        let body = match part {
            "request" => Part::RequestBody,
            "response" => Part::ResponseBody,
            _ => {
                let text = format!("Part must be either request or response, not {part}.");
                return Err(CommandError::failed(text));
            }
        };
        let content =
            edit::message(&flow, &body).and_then(crate::screens::flowview::content::Message::whole);
        let data = content.filter(|data| !data.is_empty());
        let data = data.ok_or_else(|| CommandError::failed("No content to view."))?;
        out.push(Effect::Edit(Box::new(EditJob {
            data: data.to_vec(),
            suffix: edit::suffix(&flow, &body),
            then: AfterEdit::View,
        })));
        Ok(())
    }
}

/// The words quoted again, and a blank; with an empty word at the end the cursor goes between its quotes.
fn open_prompt(args: &Args, out: &mut Effects) -> Result<(), CommandError> {
    let words = args.list(0)?;
    let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
    let mut text = quoted.join(" ");
    let ends_empty = words.last().is_some_and(String::is_empty);
    let cursor = ends_empty.then(|| text.len() - 1);
    if !text.is_empty() && !ends_empty {
        text.push(' ');
    }
    out.push(Effect::Command { text, cursor });
    Ok(())
}

fn confirm(args: &Args, out: &mut Effects) -> Result<(), CommandError> {
    let words: Vec<String> = args.list(2)?.iter().map(|word| quote(word)).collect();
    out.push(Effect::Confirm {
        question: args.str(0)?.to_owned(),
        line: format!("{} {}", args.str(1)?, words.join(" ")),
    });
    Ok(())
}

fn choose(args: &Args, out: &mut Effects) -> Result<(), CommandError> {
    out.push(Effect::Choose {
        title: args.str(0)?.to_owned(),
        choices: args.list(1)?.to_vec(),
        then: Then::Run {
            command: args.str(2)?.to_owned(),
            args: args.list(3)?.to_vec(),
        },
    });
    Ok(())
}

fn bind(args: &Args, out: &mut Effects) -> Result<(), CommandError> {
    let words: Vec<String> = args.list(3)?.iter().map(|word| quote(word)).collect();
    let command = format!("{} {}", args.str(2)?, words.join(" "));
    out.push(Effect::Keys(KeyChange::Bind {
        contexts: contexts(args.list(0)?)?,
        key: args.str(1)?.to_owned(),
        command: command.trim_end().to_owned(),
    }));
    Ok(())
}

fn contexts(names: &[String]) -> Result<Vec<Context>, CommandError> {
    let context = |name: &String| {
        let unknown = || CommandError::failed(format!("Unsupported context: {name}"));
        Context::parse(name).ok_or_else(unknown)
    };
    names.iter().map(context).collect()
}
