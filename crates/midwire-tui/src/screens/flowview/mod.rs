//! One flow, full size (console.md §5, ui.md §4.1).

pub(crate) mod content;
pub(crate) mod detail;
mod job;
mod timing;

use std::ops::Range;
use std::sync::Arc;

use midwire_core::commands::{Args, CommandError, CommandValue};
use midwire_core::log::Level;
use midwire_flow::{Flow, Id};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub(crate) use job::Job;

use crate::doc::Doc;
use crate::env::{Effect, Effects, Env, Handled, Nav, Outcome, Screen, Then};
use crate::keymap::Context;
use crate::screens::flowlist::row::{Facts, State, started, zoned};
use crate::screens::list::Scroll;
use crate::text::{Pen, put, put_clean, put_right};
use crate::theme::Role;
use content::Mode;

/// A tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Request,
    Response,
    WebSocket,
    Stream,
    Detail,
    Timing,
}

impl Tab {
    /// The tabs of a flow.
    pub(crate) fn of(flow: &Flow) -> &'static [Self] {
        match flow {
            Flow::Http(http) if http.websocket.is_some() => &[
                Self::Request,
                Self::Response,
                Self::WebSocket,
                Self::Detail,
                Self::Timing,
            ],
            Flow::Http(_) | Flow::Dns(_) => {
                &[Self::Request, Self::Response, Self::Detail, Self::Timing]
            }
            Flow::Tcp(_) | Flow::Udp(_) => &[Self::Stream, Self::Detail, Self::Timing],
        }
    }

    /// What stands on it.
    fn title(self, flow: &Flow) -> String {
        let held = flow.info().intercepted;
        let responded = match flow {
            Flow::Http(http) => http.response.is_some(),
            Flow::Dns(dns) => dns.response.is_some(),
            _ => false,
        };
        let has_websocket = flow.as_http().is_some_and(|http| http.websocket.is_some());
        let (name, holds) = match self {
            Self::Request => ("Request", held && !responded),
            Self::Response => ("Response", held && responded && !has_websocket),
            Self::WebSocket => ("WebSocket Messages", held && has_websocket),
            Self::Stream if matches!(flow, Flow::Udp(_)) => ("UDP Stream", held),
            Self::Stream => ("TCP Stream", held),
            Self::Detail => ("Detail", false),
            Self::Timing => ("Timing", false),
        };
        if holds {
            format!("{name} intercepted")
        } else {
            name.to_owned()
        }
    }

    /// The key under which settings of this tab are kept with the flow.
    fn setting(self) -> &'static str {
        match self {
            Self::Request => "contentview.request",
            Self::Response => "contentview.response",
            Self::WebSocket => "contentview.websocket",
            _ => "contentview.stream",
        }
    }
}

/// The focused flow.
pub(crate) struct FlowView {
    flow: Option<Arc<Flow>>,
    facts: Facts,
    position: (usize, usize),
    tab: Tab,
    doc: Option<(Job, Arc<Doc>)>,
    /// The order that is being carried out.
    pending: Option<Job>,
    scroll: Scroll,
    wanted: String,
    matches: Vec<Range<usize>>,
    at_match: usize,
    tab_cells: Vec<(u16, u16)>,
}

impl FlowView {
    pub(crate) fn new(env: &Env) -> Self {
        let flow = env.kernel.store().focus();
        let held_response = flow.as_ref().is_some_and(|flow| match &**flow {
            Flow::Http(http) => http.info.intercepted && http.response.is_some(),
            _ => false,
        });
        Self {
            flow: None,
            facts: Facts::default(),
            position: (0, 0),
            tab: if held_response {
                Tab::Response
            } else {
                Tab::Request
            },
            doc: None,
            pending: None,
            scroll: Scroll::default(),
            wanted: String::new(),
            matches: Vec::new(),
            at_match: 0,
            tab_cells: Vec::new(),
        }
    }

    fn id(&self) -> Option<Id> {
        Some(self.flow.as_ref()?.info().id.clone())
    }

    /// Height of what stands above the document.
    const HEAD: u16 = 3;

    /// The tab that is shown: the chosen one, or the first if the flow has none such.
    fn tab(&self) -> Tab {
        let tabs = self
            .flow
            .as_ref()
            .map(|flow| Tab::of(flow))
            .unwrap_or_default();
        if tabs.contains(&self.tab) {
            return self.tab;
        }
        tabs.first().copied().unwrap_or(Tab::Request)
    }

    fn step_tab(&mut self, step: isize) {
        let tabs = self
            .flow
            .as_ref()
            .map(|flow| Tab::of(flow))
            .unwrap_or_default();
        let at = tabs
            .iter()
            .position(|tab| *tab == self.tab())
            .unwrap_or_default();
        let next = (at as isize + step).rem_euclid(tabs.len().max(1) as isize) as usize;
        if let Some(tab) = tabs.get(next) {
            self.choose(*tab);
        }
    }

    fn choose(&mut self, tab: Tab) {
        self.tab = tab;
        self.scroll.offset = 0;
    }

    fn view_name(&self, env: &Env) -> String {
        let default = &env.options.console_default_contentview;
        let chosen = self
            .id()
            .and_then(|id| env.kernel.store().setting(&id, self.tab().setting()));
        chosen.unwrap_or_else(|| default.clone())
    }

    fn order(&self, env: &Env, flow: &Arc<Flow>, width: u16) -> Job {
        let id = &flow.info().id;
        let full = env.kernel.store().setting(id, "fullcontents").as_deref() == Some("true");
        Job {
            flow: Arc::clone(flow),
            tab: self.tab(),
            mode: Mode {
                view: self.view_name(env),
                full,
                cutoff: usize::try_from(env.options.content_view_lines_cutoff).unwrap_or(512),
                protobuf: env.options.protobuf_definitions.clone(),
            },
            width,
            glyphs: env.glyphs,
            evicted: env.kernel.store().was_evicted(id),
        }
    }

    fn find(&mut self) {
        self.matches = self
            .doc
            .as_ref()
            .map(|(_, doc)| doc.find(&self.wanted))
            .unwrap_or_default();
        self.at_match = self.at_match.min(self.matches.len().saturating_sub(1));
    }

    /// Goes to a match before or after the present one.
    fn go_match(&mut self, step: isize, out: &mut Effects) {
        if self.wanted.is_empty() {
            out.push(Effect::Say(
                Level::Warn,
                "Nothing was searched for yet: / searches".to_owned(),
            ));
            return;
        }
        let count = self.matches.len();
        if count == 0 {
            let text = format!("no match for {:?} in the shown text", self.wanted);
            out.push(Effect::Say(Level::Warn, text));
            return;
        }
        self.at_match = (self.at_match as isize + step).rem_euclid(count as isize) as usize;
        if let (Some((_, doc)), Some(found)) = (&self.doc, self.matches.get(self.at_match)) {
            self.scroll.show(doc.row_at(found.start));
        }
        let text = format!("match {}/{count} in the shown text", self.at_match + 1);
        out.push(Effect::Say(Level::Info, text));
    }

    fn head(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        let (Some(flow), facts) = (&self.flow, &self.facts) else {
            return;
        };
        let style = |role: Role| env.theme.style(role);
        let mut pen = Pen::new(area, 0);
        put_clean(
            buf,
            &mut pen,
            &zoned(started(flow), "%Y-%m-%d %H:%M:%S "),
            style(Role::Dim),
        );
        put_clean(
            buf,
            &mut pen,
            &format!("{} ", facts.method.0),
            style(facts.method.1),
        );
        let mut url = facts.origin.clone();
        if !matches!(facts.proto.0, "tcp" | "udp") {
            url = format!("{url}{}{}", facts.path.0, facts.path.1);
        }
        put_clean(buf, &mut pen, &url, style(Role::UrlDomain));
        if !facts.version.is_empty() {
            put_clean(
                buf,
                &mut pen,
                &format!(" {}", facts.version),
                style(Role::Dim),
            );
        }
        let mut pen = Pen::new(area, 1);
        pen.skip(2);
        self.status_line(env, flow, &mut pen, buf);
        let mark = env.glyphs.marker(&facts.marked);
        put_right(buf, pen, &mark, style(Role::Mark));
    }

    fn status_line(&self, env: &Env, flow: &Flow, pen: &mut Pen, buf: &mut Buffer) {
        let (facts, glyphs) = (&self.facts, &env.glyphs);
        let style = |role: Role| env.theme.style(role);
        match facts.state {
            State::HeldRequest => put_clean(buf, pen, "# held: request  ", style(Role::Intercept)),
            State::HeldResponse => {
                put_clean(buf, pen, "# held: response  ", style(Role::Intercept));
            }
            _ => {}
        }
        let reason = match flow {
            Flow::Http(http) => http.response.as_ref().map(|response| {
                let reason = crate::text::line_of(&response.reason);
                if reason.is_empty() {
                    midwire_flow::access::status::reason(response.status).to_owned()
                } else {
                    reason
                }
            }),
            _ => None,
        };
        if let (Some(reason), Flow::Http(http)) = (reason, flow) {
            let status = http
                .response
                .as_ref()
                .map(|response| response.status)
                .unwrap_or_default();
            let text = format!("{} {status} {reason} ", glyphs.returned);
            put(
                buf,
                pen,
                &text,
                style(crate::screens::flowlist::row::code_role(status)),
            );
            put_clean(buf, pen, &format!("{} ", facts.kind.0), style(facts.kind.1));
        } else if !facts.status.0.is_empty() && facts.error.is_none() {
            let text = format!("{} {} ", glyphs.returned, facts.status.0);
            put(buf, pen, &text, style(facts.status.1));
        }
        if let Flow::Dns(_) = flow {
            put_clean(buf, pen, &format!("{} ", facts.path.0), style(Role::String));
        }
        put_clean(buf, pen, &facts.size_text(), style(Role::Text));
        put_clean(buf, pen, " ", style(Role::Text));
        put_clean(buf, pen, &facts.took_text(), style(Role::Text));
        if let Some(error) = &facts.error {
            put(buf, pen, &format!(" ! {error}"), style(Role::Error));
        }
    }

    fn tabs(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        let Some(flow) = &self.flow else {
            return;
        };
        let mut pen = Pen::new(area, 2);
        for tab in Tab::of(flow) {
            let shown = *tab == self.tab();
            let role = if shown {
                Role::Focus
            } else {
                Role::HeadingInactive
            };
            // The chosen tab is told by brackets as well.
            let title = tab.title(flow);
            let text = if shown {
                format!("[{title}]")
            } else {
                format!(" {title} ")
            };
            put_clean(buf, &mut pen, &text, env.theme.style(role));
            put_clean(buf, &mut pen, " ", env.theme.style(Role::Text));
        }
        let mut right = String::new();
        if !self.wanted.is_empty() {
            let at = if self.matches.is_empty() {
                0
            } else {
                self.at_match + 1
            };
            right = format!("/{} {at}/{}  ", self.wanted, self.matches.len());
        }
        if let Some((_, doc)) = &self.doc
            && doc.len() > self.scroll.height
        {
            let last = doc.len().saturating_sub(self.scroll.height).max(1);
            right.push_str(&format!("{}%", self.scroll.offset * 100 / last));
        }
        put_right(buf, pen, &right, env.theme.style(Role::Dim));
    }
}

impl Screen for FlowView {
    fn context(&self) -> Context {
        Context::FlowView
    }

    fn title(&self, _: &Env) -> (String, String) {
        let (row, shown) = self.position;
        let number = self
            .facts
            .number
            .map(|number| format!(" #{number}"))
            .unwrap_or_default();
        (format!("Flow Details{number}"), format!("{row} of {shown}"))
    }

    fn prepare(&mut self, env: &Env, area: Rect, out: &mut Effects) {
        let store = env.kernel.store();
        let before = self.id();
        self.flow = store.focus();
        if before.is_some() && self.id() != before {
            self.scroll.offset = 0;
            self.at_match = 0;
        }
        self.position = (
            store.focus_row().map_or(0, |row| row + 1),
            store.counts().shown,
        );
        let height = area.height.saturating_sub(Self::HEAD).into();
        let Some(flow) = self.flow.clone() else {
            self.doc = None;
            return;
        };
        self.facts = Facts::of(&env.kernel, &flow, env.options.showhost, env.now);
        let job = self.order(env, &flow, area.width);
        let has = self.doc.as_ref().is_some_and(|(done, _)| *done == job);
        // One order at a time: of a flow that changes all the while only the latest state is built.
        if !has && self.pending.is_none() {
            self.pending = Some(job.clone());
            out.push(Effect::Render(Box::new(job)));
        }
        let same_flow =
            |done: &Job| done.flow.info().id == flow.info().id && done.tab == self.tab();
        if self.doc.as_ref().is_some_and(|(done, _)| !same_flow(done)) {
            self.doc = None;
            self.matches.clear();
        }
        let len = self.doc.as_ref().map_or(0, |(_, doc)| doc.len());
        if len > 0 {
            self.scroll.fit(len, height);
        }
        self.scroll.height = height;
        self.tab_cells.clear();
        let mut x = 0;
        for tab in Tab::of(&flow) {
            let cells = crate::text::width(&tab.title(&flow)) as u16 + 3;
            self.tab_cells.push((x, x + cells));
            x += cells;
        }
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        if self.flow.is_none() {
            let mut pen = Pen::new(area, 1);
            put_clean(
                buf,
                &mut pen,
                "  No flow is focused.",
                env.theme.style(Role::Dim),
            );
            return;
        }
        self.head(env, area, buf);
        self.tabs(env, area, buf);
        let below = Rect {
            y: area.y + Self::HEAD.min(area.height),
            height: area.height.saturating_sub(Self::HEAD),
            ..area
        };
        if let Some((_, doc)) = &self.doc {
            let look = (&env.theme, self.matches.as_slice());
            doc.draw(buf, below, self.scroll.offset, look);
        } else {
            let mut pen = Pen::new(below, 0);
            put_clean(buf, &mut pen, "formatting", env.theme.style(Role::Dim));
        }
    }

    fn key(&mut self, _: &Env, key: &str, out: &mut Effects) -> Handled {
        match key {
            "/" => out.push(Effect::Ask {
                prompt: "search: ".to_owned(),
                text: String::new(),
                then: Then::Search,
            }),
            "n" => self.go_match(1, out),
            "N" => self.go_match(-1, out),
            _ => return Handled::No,
        }
        Handled::Yes
    }

    fn nav(&mut self, _: &Env, nav: Nav, _: &mut Effects) {
        match nav {
            Nav::Left => self.step_tab(-1),
            Nav::Right | Nav::Next => self.step_tab(1),
            _ => {
                let len = self.doc.as_ref().map_or(0, |(_, doc)| doc.len());
                self.scroll.nav(nav, len);
            }
        }
    }

    fn click(&mut self, _: &Env, at: Position, _: &mut Effects) {
        if at.y != 2 {
            return;
        }
        let tab = self
            .tab_cells
            .iter()
            .position(|(from, to)| (*from..*to).contains(&at.x));
        let tabs = self
            .flow
            .as_ref()
            .map(|flow| Tab::of(flow))
            .unwrap_or_default();
        if let Some(tab) = tab.and_then(|at| tabs.get(at)) {
            self.choose(*tab);
        }
    }

    fn call(&mut self, env: &Env, name: &str, args: &Args, _: &mut Effects) -> Option<Outcome> {
        match name {
            "console.flowview.mode" => Some(Ok(CommandValue::Str(self.view_name(env)))),
            "console.flowview.mode.set" => Some(self.set_mode(env, args)),
            _ => None,
        }
    }

    fn rendered(&mut self, job: &Job, doc: &Arc<Doc>) {
        if self.pending.as_ref() != Some(job) {
            return;
        }
        self.pending = None;
        self.doc = Some((job.clone(), Arc::clone(doc)));
        self.find();
    }

    fn search(&mut self, _: &Env, wanted: &str, out: &mut Effects) {
        wanted.clone_into(&mut self.wanted);
        self.at_match = 0;
        self.find();
        if wanted.is_empty() {
            return;
        }
        // The first match that is not above the window.
        if let Some((_, doc)) = &self.doc {
            let below = |found: &Range<usize>| doc.row_at(found.start) >= self.scroll.offset;
            self.at_match = self.matches.iter().position(below).unwrap_or_default();
        }
        self.go_match(0, out);
    }
}

impl FlowView {
    fn set_mode(&self, env: &Env, args: &Args) -> Outcome {
        let Some(id) = self.id() else {
            return Err(CommandError::failed("Not viewing a flow."));
        };
        let mode = args.str(0)?;
        env.kernel
            .store()
            .set_setting(&id, self.tab().setting(), mode);
        Ok(CommandValue::Null)
    }
}
