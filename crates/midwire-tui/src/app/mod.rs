//! The application: its state, and what events do to it. Drawing is in `draw`, commands are in `calls`.

mod calls;
mod draw;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use midwire_core::Kernel;
use midwire_core::commands::{Args, Cell, CommandError, CommandValue, declared, words};
use midwire_core::log::Level;
use midwire_flow::{Flow, Id};
use ratatui::layout::{Position, Rect};

use crate::edit::{self, AfterEdit, EditJob};
use crate::env::{Effect, Effects, Env, Handled, KeyChange, Nav, Outcome, Screen, Then};
use crate::event::Event;
use crate::glyphs::Glyphs;
use crate::keymap::{Context, Keymap};
use crate::overlay::Overlay;
use crate::palette::{self, Palette, Recent};
use crate::prompt::{Answer, CommandPrompt, Prompt};
use crate::screens::list::ListCursor;
use crate::screens::{self, Kind};
use crate::status::Numbers;
use crate::theme::{Depth, Theme};

/// Seconds for which a message stays.
const MESSAGE_SECONDS: f64 = 5.0;

/// Screens on top of each other, at most.
const STACK: usize = 50;

/// How panes are arranged (`console_layout`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panes {
    Single,
    Vertical,
    Horizontal,
}

impl Panes {
    fn of(env: &Env) -> Self {
        match env.options.console_layout.as_str() {
            "vertical" => Self::Vertical,
            "horizontal" => Self::Horizontal,
            _ => Self::Single,
        }
    }
}

/// A message in the status bar.
struct Message {
    level: Level,
    text: String,
    until: f64,
}

/// The state of the interface.
pub(crate) struct App {
    pub(crate) env: Env,
    depth: Depth,
    panes: [Vec<Box<dyn Screen>>; 2],
    active: usize,
    areas: [Rect; 2],
    overlay: Option<Overlay>,
    prompt: Option<Prompt>,
    palette: Option<Palette>,
    recent: Recent,
    message: Option<Message>,
    numbers: Numbers,
    focus: Option<Arc<Flow>>,
    /// Seconds since the epoch when the program began: what is younger came over the wire.
    started: f64,
    /// The screen must be drawn anew.
    pub(crate) dirty: bool,
    /// The filter that the list should show at the moment.
    wanted_filter: Option<String>,
    previewing: bool,
}

impl App {
    /// The interface at its start: the flow list, and the focused flow in the second pane.
    pub(crate) fn new(kernel: Arc<Kernel>, views: crate::Views, look: &(Depth, Glyphs)) -> Self {
        let (depth, glyphs) = *look;
        let options = kernel.options().load();
        let theme = Theme::new(
            &options.console_palette,
            depth,
            options.console_palette_transparent,
        );
        let now = midwire_flow::Number::now().as_f64();
        let env = Env {
            kernel,
            options,
            theme,
            glyphs,
            keymap: Keymap::defaults(),
            views,
            listeners: Arc::new(Vec::new),
            now,
        };
        let panes = [
            vec![screens::make(Kind::FlowList, &env)],
            vec![screens::make(Kind::FlowView, &env)],
        ];
        Self {
            env,
            depth,
            panes,
            active: 0,
            areas: [Rect::default(); 2],
            overlay: None,
            prompt: None,
            palette: None,
            recent: Recent::default(),
            message: None,
            numbers: Numbers::default(),
            focus: None,
            started: now,
            dirty: true,
            wanted_filter: None,
            previewing: false,
        }
    }

    /// Loads `keys.yaml` of the configuration folder, if there is one.
    pub(crate) fn load_keys(&mut self) {
        let folder = midwire_core::options::expand_home(&self.env.options.confdir);
        let path = folder.join("keys.yaml");
        if !path.exists() {
            return;
        }
        if let Err(error) = self.env.keymap.load(&path) {
            tracing::error!("Error reading {}: {error}", path.display());
        }
    }

    /// Takes an event and gives what is to be done outside.
    pub(crate) fn update(&mut self, event: Event) -> Effects {
        let mut out = Effects::new();
        self.refresh_options();
        match event {
            Event::Key(key) => self.key(&key, &mut out),
            Event::Paste(text) => self.paste(&text, &mut out),
            Event::Click(x, y) => self.click(x, y, &mut out),
            Event::Wheel { up } => {
                for _ in 0..3 {
                    self.nav(if up { Nav::Up } else { Nav::Down }, &mut out);
                }
            }
            Event::Drag => self.say(
                Level::Info,
                "Hold fn, shift, alt or ctrl to select text, or set console_mouse false.",
            ),
            Event::Resize | Event::Changed => {}
            Event::Tick => {
                self.tick();
                return out;
            }
            Event::Log(entry) => {
                let level = Level::parse(&self.env.options.console_eventlog_verbosity);
                if entry.level <= Level::Alert && Some(entry.level) <= level {
                    self.say(entry.level, &entry.message);
                }
            }
            Event::Call { name, args, reply } => {
                let outcome = self.call(&name, &args, &mut out);
                let _ = reply.send(outcome);
            }
            Event::Done { line, outcome } => self.done(&line, outcome, &mut out),
            Event::Rendered(job, doc) => {
                for screen in self.panes.iter_mut().flatten() {
                    screen.rendered(&job, &doc);
                }
            }
            Event::Analysed {
                line,
                partial,
                offers,
            } => {
                if let Some(Prompt::Command(prompt)) = &mut self.prompt {
                    prompt.analysed(line, (partial, offers), &mut out);
                }
            }
            Event::History(line) => {
                if let Some(Prompt::Command(prompt)) = &mut self.prompt {
                    prompt.set_from_history(line, &mut out);
                }
            }
            Event::Previewed => {
                self.previewing = false;
                if let Some(filter) = self.wanted_filter.take() {
                    out.push(Effect::Preview(Some(filter)));
                }
            }
            Event::Edited(job, result) => self.edited(&job, result, &mut out),
            Event::Ended => out.push(Effect::Quit),
        }
        self.dirty = true;
        self.settle(out)
    }

    /// Carries out the effects that are about the interface itself and leaves the others.
    fn settle(&mut self, mut effects: Effects) -> Effects {
        /// Effects that follow from one event; more would be a loop in a user's key bindings.
        const LIMIT: usize = 1000;
        let mut left = Effects::new();
        for _ in 0..LIMIT {
            if effects.is_empty() {
                break;
            }
            let mut more = Effects::new();
            for effect in effects {
                self.apply(effect, &mut more, &mut left);
            }
            effects = more;
        }
        left
    }

    fn apply(&mut self, effect: Effect, more: &mut Effects, left: &mut Effects) {
        match effect {
            Effect::Run(line) => {
                let mut words = words(&line).into_iter();
                let name = words.next().unwrap_or_default();
                self.run(name, words.collect(), more, left);
            }
            Effect::Call(name, words) => self.run(name, words, more, left),
            Effect::Push(kind) => self.push(kind),
            Effect::Say(level, text) => self.say(level, &text),
            Effect::Choose {
                title,
                choices,
                then,
            } => {
                if choices.is_empty() {
                    self.say(Level::Warn, "There is nothing to choose from.");
                } else {
                    self.overlay = Some(Overlay::Chooser {
                        title,
                        choices,
                        then,
                        cursor: ListCursor::default(),
                    });
                }
            }
            Effect::Table { title, rows } => {
                self.overlay = Some(Overlay::Table {
                    title,
                    rows,
                    cursor: ListCursor::default(),
                    shift: 0,
                });
            }
            Effect::Confirm { question, line } => {
                self.prompt = Some(Prompt::Confirm { question, line });
            }
            Effect::Ask { prompt, text, then } => {
                let line = crate::line_edit::LineEdit::new(text);
                self.prompt = Some(Prompt::Ask { prompt, line, then });
            }
            Effect::Command { text, cursor } => {
                self.overlay = None;
                self.prompt = Some(Prompt::Command(CommandPrompt::new(text, cursor, more)));
            }
            Effect::Keys(change) => match change {
                KeyChange::Bind {
                    key,
                    command,
                    contexts,
                } => self.env.keymap.add(&key, &command, &contexts, ""),
                KeyChange::Unbind { key, contexts } => self.env.keymap.remove(&key, &contexts),
            },
            Effect::Preview(filter) => {
                self.wanted_filter = filter;
                self.preview_next(left);
            }
            Effect::Change(id, part, data) => self.change(&id, &part, &data),
            other => left.push(other),
        }
    }

    /// Runs a command: those that concern only the interface at once, others outside.
    fn run(&mut self, name: String, words: Vec<String>, more: &mut Effects, left: &mut Effects) {
        let own = declared(&name).filter(|row| {
            row.name.starts_with("console.") && row.params.is_empty() && row.returns.is_empty()
        });
        let outcome = match name.as_str() {
            _ if own.is_some() && words.is_empty() => self.call(&name, &Args::default(), more),
            "console.command" => {
                let args = Args(vec![CommandValue::StrList(words)]);
                self.call(&name, &args, more)
            }
            "console.command.set" if words.len() == 1 => {
                let words = words.into_iter().map(CommandValue::Str).collect();
                self.call(&name, &Args(words), more)
            }
            "" => return,
            _ => {
                left.push(Effect::Call(name, words));
                return;
            }
        };
        self.done(&name, outcome, more);
    }

    /// Says what a command gave.
    fn done(&mut self, line: &str, outcome: Outcome, out: &mut Effects) {
        match outcome {
            Err(error) => {
                if let Some(clip) = crate::clipboard::fallback(line, &error) {
                    out.push(Effect::Run(clip));
                    return;
                }
                self.say(Level::Error, &error.to_string());
            }
            Ok(CommandValue::Null) => {}
            Ok(value) if line.starts_with(crate::clipboard::MARK) => {
                let text = crate::clipboard::text(value);
                self.say(
                    Level::Info,
                    &format!("Copied {} bytes by the terminal.", text.len()),
                );
                out.push(Effect::Copy(text));
            }
            Ok(CommandValue::Bool(value)) => self.say(Level::Info, &value.to_string()),
            Ok(CommandValue::Int(value)) => self.say(Level::Info, &value.to_string()),
            Ok(CommandValue::Bytes(value)) => self.say(Level::Info, &crate::text::line_of(&value)),
            Ok(CommandValue::Str(value)) => {
                if value.contains('\n') {
                    let rows = value.lines().map(|line| vec![line.to_owned()]).collect();
                    out.push(Effect::Table {
                        title: line.to_owned(),
                        rows,
                    });
                } else {
                    self.say(Level::Info, &value);
                }
            }
            Ok(CommandValue::Flows(flows)) => {
                self.say(Level::Info, &format!("{} flows", flows.len()));
            }
            Ok(CommandValue::StrList(list)) => {
                let rows = list.into_iter().map(|text| vec![text]).collect();
                out.push(Effect::Table {
                    title: line.to_owned(),
                    rows,
                });
            }
            Ok(CommandValue::Table(table)) => {
                let cell = |cell: Cell| match cell {
                    Cell::Str(text) => text,
                    Cell::Bytes(bytes) => crate::text::line_of(&bytes),
                };
                let rows = table
                    .into_iter()
                    .map(|row| row.into_iter().map(cell).collect())
                    .collect();
                out.push(Effect::Table {
                    title: line.to_owned(),
                    rows,
                });
            }
        }
    }

    pub(crate) fn say(&mut self, level: Level, text: &str) {
        let seconds = if level == Level::Error {
            2.0 * MESSAGE_SECONDS
        } else {
            MESSAGE_SECONDS
        };
        self.message = Some(Message {
            level,
            text: text.to_owned(),
            until: self.env.now + seconds,
        });
        self.dirty = true;
    }

    /// Takes over changed options.
    fn refresh_options(&mut self) {
        self.env.now = midwire_flow::Number::now().as_f64();
        let options = self.env.kernel.options().load();
        if Arc::ptr_eq(&options, &self.env.options) {
            return;
        }
        let transparent = options.console_palette_transparent;
        self.env.theme = Theme::new(&options.console_palette, self.depth, transparent);
        self.env.options = options;
        self.dirty = true;
    }

    fn tick(&mut self) {
        if self
            .message
            .as_ref()
            .is_some_and(|message| message.until <= self.env.now)
        {
            self.message = None;
            self.dirty = true;
        }
        let tops = self.panes.iter().filter_map(|stack| stack.last());
        self.dirty |= tops.into_iter().any(|screen| screen.ticks());
    }

    fn top(&mut self) -> Option<&mut Box<dyn Screen>> {
        self.panes.get_mut(self.active)?.last_mut()
    }

    pub(crate) fn context(&self) -> Context {
        let top = self.panes.get(self.active).and_then(|stack| stack.last());
        top.map_or(Context::Global, |screen| screen.context())
    }

    fn push(&mut self, kind: Kind) {
        self.overlay = None;
        // The flow is shown already, beside.
        if matches!(kind, Kind::FlowView) && Panes::of(&self.env) != Panes::Single {
            let other = 1 - self.active;
            let shows = |stack: &Vec<Box<dyn Screen>>| {
                stack
                    .last()
                    .is_some_and(|screen| screen.context() == Context::FlowView)
            };
            if self.panes.get(other).is_some_and(shows) {
                self.active = other;
                return;
            }
        }
        let screen = screens::make(kind, &self.env);
        if let Some(stack) = self.panes.get_mut(self.active) {
            // The same screen twice helps nobody.
            let same = stack
                .last()
                .is_some_and(|top| top.context() == screen.context());
            if same && screen.context() != Context::GridEditor {
                stack.pop();
            }
            if stack.len() < STACK {
                stack.push(screen);
            }
        }
    }

    fn pop(&mut self, out: &mut Effects) {
        if self.overlay.take().is_some() {
            return;
        }
        let Some(stack) = self.panes.get_mut(self.active) else {
            return;
        };
        if stack.len() > 1 {
            if let Some(mut screen) = stack.pop() {
                screen.leave(&self.env, out);
            }
            return;
        }
        if self.active == 1 {
            self.active = 0;
            return;
        }
        if self.would_lose() {
            self.prompt = Some(Prompt::Quit);
        } else {
            out.push(Effect::Quit);
        }
    }

    /// True if flows came over the wire that no file has, or wait for the user.
    fn would_lose(&self) -> bool {
        if !self.env.kernel.parked().is_empty() {
            return true;
        }
        let saves = self
            .env
            .options
            .save_stream_file
            .as_deref()
            .is_some_and(|path| !path.is_empty());
        let came = |flow: &Arc<Flow>| flow.info().timestamp_created.as_f64() >= self.started;
        !saves && self.env.kernel.store().all().iter().any(came)
    }

    fn key(&mut self, key: &str, out: &mut Effects) {
        if key == "ctrl z" {
            out.push(Effect::Suspend);
            return;
        }
        if let Some(prompt) = &mut self.prompt {
            let answer = prompt.key(key, out);
            self.answered(answer, out);
            return;
        }
        self.message = None;
        if let Some(palette) = &mut self.palette {
            if palette.key(&self.env, key, (&mut self.recent, out)) == palette::State::Closed {
                self.palette = None;
            }
            return;
        }
        let context = if let Some(overlay) = &mut self.overlay {
            if overlay.shortcut(key) {
                self.chosen(out);
                return;
            }
            overlay.context()
        } else {
            let env = &self.env;
            let top = self
                .panes
                .get_mut(self.active)
                .and_then(|stack| stack.last_mut());
            let Some(screen) = top else {
                return;
            };
            if screen.key(env, key, out) == Handled::Yes || screen.takes_text() {
                return;
            }
            screen.context()
        };
        let binding = if self.overlay.is_some() {
            let keymap = &self.env.keymap;
            let navigates = |name: &str| name.starts_with("console.nav.");
            keymap
                .find(context, key)
                .or_else(|| keymap.find(Context::CommonKey, key))
                .or_else(|| {
                    keymap
                        .find(Context::Global, key)
                        .filter(|b| navigates(&b.command))
                })
        } else {
            self.env.keymap.lookup(context, key)
        };
        if let Some(binding) = binding {
            out.push(Effect::Run(binding.command.clone()));
            return;
        }
        if let Some(nav) = Nav::of_key(key) {
            self.nav(nav, out);
        } else if key == "ctrl c" {
            self.prompt = Some(Prompt::Quit);
        }
    }

    fn nav(&mut self, nav: Nav, out: &mut Effects) {
        if let Some(overlay) = &mut self.overlay {
            if overlay.nav(nav) {
                self.chosen(out);
            }
            return;
        }
        let env = &self.env;
        if let Some(screen) = self
            .panes
            .get_mut(self.active)
            .and_then(|stack| stack.last_mut())
        {
            screen.nav(env, nav, out);
        }
    }

    fn chosen(&mut self, out: &mut Effects) {
        let Some((choice, then)) = self.overlay.take().and_then(|overlay| overlay.chosen()) else {
            return;
        };
        self.then(&choice, then, out);
    }

    /// Does what was planned with a text that the user gave.
    fn then(&mut self, text: &str, then: Then, out: &mut Effects) {
        match then {
            Then::Run { command, args } => {
                let words = args
                    .iter()
                    .map(|word| word.replace("{choice}", text))
                    .collect();
                out.push(Effect::Call(command, words));
            }
            Then::Search => {
                let env = &self.env;
                if let Some(screen) = self
                    .panes
                    .get_mut(self.active)
                    .and_then(|stack| stack.last_mut())
                {
                    screen.search(env, text, out);
                }
            }
            Then::Set { flow, part } => {
                let mut failure = None;
                let changed = self.env.kernel.edit_flow(&flow, |flow| {
                    failure = edit::set_line(flow, &part, text).err();
                });
                self.changed(changed, failure);
            }
            Then::Option(name) => {
                let definition = self.env.kernel.options().definition(&name);
                if let Some(definition) = definition
                    && let Err(error) = screens::options::set(&self.env, &definition, text)
                {
                    self.say(Level::Error, &error);
                }
            }
        }
    }

    fn changed(&mut self, flow: Option<Arc<Flow>>, failure: Option<String>) {
        match (flow, failure) {
            (_, Some(failure)) => self.say(Level::Error, &failure),
            (None, None) => self.say(Level::Error, "the flow is not there any more"),
            (Some(flow), None) => self.env.kernel.updated(&[flow]),
        }
    }

    fn change(&mut self, id: &Id, part: &edit::Part, data: &[u8]) {
        let mut failure = None;
        let env = &self.env;
        let changed = env.kernel.edit_flow(id, |flow| {
            failure = edit::set_content(env, flow, part, data.to_vec()).err();
        });
        self.changed(changed, failure);
    }

    fn edited(&mut self, job: &EditJob, result: Result<Vec<u8>, String>, out: &mut Effects) {
        let data = match result {
            Ok(data) => data,
            Err(problem) => {
                self.say(Level::Error, &problem);
                return;
            }
        };
        match &job.then {
            AfterEdit::View => {}
            AfterEdit::Change(id, part) if data != job.data => {
                out.push(Effect::Change(id.clone(), part.clone(), data));
            }
            AfterEdit::Change(..) => self.say(Level::Info, "nothing was changed"),
            AfterEdit::Cell => {
                let env = &self.env;
                if let Some(screen) = self
                    .panes
                    .get_mut(self.active)
                    .and_then(|stack| stack.last_mut())
                {
                    screen.edited(env, data, out);
                }
            }
        }
    }

    fn answered(&mut self, answer: Answer, out: &mut Effects) {
        if answer == Answer::Open {
            return;
        }
        let previewed = match self.prompt.take() {
            Some(Prompt::Command(prompt)) => prompt.is_previewing(),
            _ => false,
        };
        match answer {
            Answer::Run(line) => {
                self.message = None;
                out.push(Effect::Run(line));
                // The command says itself what is shown from now on.
                self.wanted_filter = None;
            }
            Answer::Text(text, then) => self.then(&text, then, out),
            Answer::Quit => out.push(Effect::Quit),
            _ if previewed => {
                let filter = self.env.options.view_filter.clone().unwrap_or_default();
                out.push(Effect::Preview(Some(filter)));
            }
            _ => {}
        }
    }

    /// Applies the wanted filter if no other is being applied.
    fn preview_next(&mut self, left: &mut Effects) {
        if self.previewing {
            return;
        }
        if let Some(filter) = self.wanted_filter.take() {
            self.previewing = true;
            left.push(Effect::Preview(Some(filter)));
        }
    }

    fn paste(&mut self, text: &str, out: &mut Effects) {
        if let Some(prompt) = &mut self.prompt {
            prompt.paste(text, out);
        } else if let Some(palette) = &mut self.palette {
            palette.paste(&self.env, text, &self.recent);
        } else if let Some(screen) = self.top() {
            screen.paste(text);
        }
    }

    fn click(&mut self, x: u16, y: u16, out: &mut Effects) {
        if self.prompt.is_some() {
            return;
        }
        if self.overlay.take().is_some() || self.palette.take().is_some() {
            return;
        }
        let at = Position::new(x, y);
        let Some(pane) = self.areas.iter().position(|area| area.contains(at)) else {
            return;
        };
        self.active = pane;
        let area = self.areas.get(pane).copied().unwrap_or_default();
        let within = Position::new(x - area.x, y - area.y);
        let env = &self.env;
        if let Some(screen) = self.panes.get_mut(pane).and_then(|stack| stack.last_mut()) {
            screen.click(env, within, out);
        }
    }

    /// An error as commands give it.
    fn refuse(text: &str) -> Outcome {
        Err(CommandError::failed(text))
    }
}
