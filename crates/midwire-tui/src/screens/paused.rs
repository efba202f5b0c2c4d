//! Everything that is held: the list, and beside it the flow that the user decides about (ui.md §4.4).

use std::sync::Arc;

use midwire_core::commands::Args;
use midwire_core::log::Level;
use midwire_flow::Id;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::doc::Doc;
use crate::env::{Effect, Effects, Env, Handled, Nav, Outcome, Screen};
use crate::keymap::Context;
use crate::screens::flowlist::row::{Facts, State, started};
use crate::screens::flowview::{FlowView, Job};
use crate::screens::gather::Pace;
use crate::screens::list::ListCursor;
use crate::text::{Pen, cut_end, fill, left, put, put_clean};
use crate::theme::Role;

/// Cells from which on the flow stands beside the list.
const BESIDE: u16 = 90;

/// Seconds after which a held flow's age is tinted: its client may give up.
const OLD: f64 = 10.0;

/// A held flow.
struct Held {
    id: Id,
    facts: Facts,
    age: f64,
}

/// The list and the flow beside it.
pub(crate) struct Paused {
    list: Vec<Held>,
    cursor: ListCursor,
    view: FlowView,
    /// Flows that were held at the last look.
    parked: usize,
    pace: Pace,
    /// The present flow is not in the list of flows, so commands on the focused one would mean another.
    is_hidden: bool,
}

impl Paused {
    pub(crate) fn new(env: &Env) -> Self {
        Self {
            list: Vec::new(),
            cursor: ListCursor::default(),
            view: FlowView::new(env),
            parked: 0,
            pace: Pace::default(),
            is_hidden: false,
        }
    }

    fn look(&mut self, env: &Env) {
        let parked = env.kernel.parked().len();
        if parked != self.parked {
            self.parked = parked;
            self.pace.hurry();
        }
        if !self.pace.is_due() {
            return;
        }
        let focused = self.list.get(self.cursor.focus).map(|held| held.id.clone());
        self.list = self.pace.look(|| {
            let all = env.kernel.store().all();
            let held = all.iter().filter(|flow| flow.info().intercepted);
            held.map(|flow| Held {
                id: flow.info().id.clone(),
                facts: Facts::of(&env.kernel, flow, env.options.showhost, env.now),
                age: (env.now - started(flow)).max(0.0),
            })
            .collect()
        });
        // The cursor stays on its flow; if that went on, on the next one.
        let same = self
            .list
            .iter()
            .position(|held| Some(&held.id) == focused.as_ref());
        if let Some(same) = same {
            self.cursor.focus = same;
        }
    }

    fn focus(&mut self, env: &Env) {
        let Some(held) = self.list.get(self.cursor.focus) else {
            self.is_hidden = false;
            return;
        };
        self.is_hidden = !env.kernel.store().set_focus(&held.id);
    }

    fn areas(area: Rect) -> (Rect, Rect) {
        if area.width < BESIDE {
            return (area, Rect::default());
        }
        let width = (area.width / 2).min(70);
        let list = Rect { width, ..area };
        let view = Rect {
            x: area.x + width + 1,
            width: area.width - width - 1,
            ..area
        };
        (list, view)
    }
}

impl Screen for Paused {
    fn context(&self) -> Context {
        Context::Paused
    }

    fn title(&self, _: &Env) -> (String, String) {
        (
            format!("Paused {}", self.list.len()),
            "enter resumes  e edits  X kills  A resumes all".to_owned(),
        )
    }

    fn prepare(&mut self, env: &Env, area: Rect, out: &mut Effects) {
        self.look(env);
        let (list, view) = Self::areas(area);
        self.cursor.fit(self.list.len(), list.height.into());
        self.focus(env);
        if view.width > 0 && !self.list.is_empty() && !self.is_hidden {
            self.view.prepare(env, view, out);
        }
    }

    fn ticks(&self) -> bool {
        true
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        let (list, view) = Self::areas(area);
        if self.list.is_empty() {
            let mut pen = Pen::new(area, 1.min(area.height.saturating_sub(1)));
            pen.skip(2);
            let text = "Nothing is held. i sets a filter for what is intercepted.";
            put_clean(buf, &mut pen, text, env.theme.style(Role::Dim));
            return;
        }
        let window = self.list.iter().enumerate().skip(self.cursor.offset);
        for (y, (at, held)) in window.take(list.height.into()).enumerate() {
            let focused = at == self.cursor.focus;
            let style = |role: Role| env.theme.style(if focused { Role::Focus } else { role });
            let mut pen = Pen::new(list, y as u16);
            let sign = if focused { ">" } else { " " };
            put_clean(buf, &mut pen, sign, style(Role::Title));
            let number = held.facts.number.map_or(String::new(), |n| format!("#{n}"));
            put_clean(buf, &mut pen, &left(&number, 6), style(Role::Dim));
            let side = if held.facts.state == State::HeldResponse {
                "response"
            } else {
                "request"
            };
            put_clean(buf, &mut pen, &left(side, 9), style(Role::Intercept));
            let role = if held.age >= OLD {
                Role::Warn
            } else {
                Role::Dim
            };
            let age = midwire_flow::access::human::pretty_duration(held.age.floor());
            put_clean(buf, &mut pen, &left(&age, 7), style(role));
            let facts = &held.facts;
            let text = format!("{} {}{}", facts.method.0, facts.host, facts.path.0);
            let text = cut_end(&text, pen.room(), env.glyphs.ellipsis);
            put(buf, &mut pen, &text, style(Role::Text));
            fill(buf, &mut pen, style(Role::Text));
        }
        if view.width == 0 {
            return;
        }
        for y in 0..area.height {
            let bar = Rect {
                x: view.x - 1,
                width: 1,
                ..area
            };
            let mut pen = Pen::new(bar, y);
            put_clean(buf, &mut pen, env.glyphs.bar, env.theme.style(Role::Dim));
        }
        if self.is_hidden {
            let mut pen = Pen::new(view, 0);
            put_clean(buf, &mut pen, HIDDEN, env.theme.style(Role::Warn));
        } else {
            self.view.draw(env, view, buf);
        }
    }

    fn key(&mut self, env: &Env, key: &str, out: &mut Effects) -> Handled {
        self.pace.hurry();
        let binding = env.keymap.find(Context::Paused, key);
        let is_about_it = binding.is_some_and(|binding| binding.command.contains("@focus"));
        if is_about_it && self.list.is_empty() {
            out.push(Effect::Say(Level::Info, "Nothing is held.".to_owned()));
            return Handled::Yes;
        }
        if is_about_it && self.is_hidden {
            out.push(Effect::Say(Level::Warn, HIDDEN.to_owned()));
            return Handled::Yes;
        }
        Handled::No
    }

    fn nav(&mut self, env: &Env, nav: Nav, out: &mut Effects) {
        if matches!(nav, Nav::Next | Nav::Left | Nav::Right) {
            self.view.nav(env, nav, out);
            return;
        }
        self.cursor.nav(nav, self.list.len());
        self.focus(env);
    }

    fn click(&mut self, env: &Env, at: Position, _: &mut Effects) {
        let row = self.cursor.offset + usize::from(at.y);
        if row < self.list.len() {
            self.cursor.focus = row;
            self.focus(env);
        }
    }

    fn call(&mut self, env: &Env, name: &str, args: &Args, out: &mut Effects) -> Option<Outcome> {
        if name.starts_with("console.flowview.") {
            return self.view.call(env, name, args, out);
        }
        None
    }

    fn rendered(&mut self, job: &Job, doc: &Arc<Doc>) {
        self.view.rendered(job, doc);
    }
}

/// What is said about a flow that a filter hides.
const HIDDEN: &str = "The filter of the list hides this flow; f changes it.";
