//! The box that finds everything: key bindings and commands, options, flows (ui.md §4.12).

mod rank;

use midwire_core::options::Value;
use midwire_flow::{Flow, Id};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::env::{Effect, Effects, Env, Nav};
use crate::keymap::Context;
use crate::line_edit::LineEdit;
use crate::screens::Kind;
use crate::screens::list::ListCursor;
use crate::text::{Pen, cut_end, fill, left, put, put_clean, put_right};
use crate::theme::Role;

/// What is remembered of used items.
const RECENT: usize = 50;

/// Flows that are offered, and how many are looked at for them, the newest first.
const FLOWS: usize = 20;
const FLOWS_LOOKED_AT: usize = 50_000;

/// What an item does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Does {
    /// Run a command line.
    Run(String),
    /// Open the prompt with a text.
    Prompt(String),
    /// Show a flow.
    Show(Id),
}

/// Something that can be found.
#[derive(Clone, Debug)]
struct Item {
    kind: &'static str,
    title: String,
    detail: String,
    key: String,
    does: Does,
}

impl Item {
    /// By what it is remembered.
    fn id(&self) -> String {
        match &self.does {
            Does::Run(line) | Does::Prompt(line) => line.trim().to_owned(),
            Does::Show(id) => id.to_string(),
        }
    }
}

/// What was used, the last first.
#[derive(Debug, Default)]
pub(crate) struct Recent(Vec<String>);

impl Recent {
    fn used(&mut self, id: String) {
        self.0.retain(|known| *known != id);
        self.0.insert(0, id);
        self.0.truncate(RECENT);
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.0.iter().position(|known| known == id)
    }
}

/// The open box.
pub(crate) struct Palette {
    line: LineEdit,
    items: Vec<Item>,
    found: Vec<Item>,
    cursor: ListCursor,
    area: Rect,
}

/// What a key did to the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Closed,
}

impl Palette {
    /// The box for a screen: its keys come first.
    pub(crate) fn new(env: &Env, context: Context, recent: &Recent) -> Self {
        let mut items = bindings(env, context);
        items.extend(commands(env, &items));
        items.extend(options(env));
        let mut palette = Self {
            line: LineEdit::default(),
            items,
            found: Vec::new(),
            cursor: ListCursor::default(),
            area: Rect::default(),
        };
        palette.find(env, recent);
        palette
    }

    /// Finds what fits the line, the best first.
    fn find(&mut self, env: &Env, recent: &Recent) {
        self.cursor = ListCursor::default();
        let query = self.line.text().trim().to_lowercase();
        if let Some(number) = query.strip_prefix('#') {
            self.found = numbered(env, number);
            return;
        }
        let mut ranked: Vec<(i32, &Item)> = Vec::new();
        for item in &self.items {
            let used = recent.place(&item.id()).map_or(0, |at| 60 - at as i32);
            if let Some(rank) = rank::of(&query, &item.title, &item.detail) {
                ranked.push((rank + used, item));
            }
        }
        // Equal ranks stay in the order of the items.
        ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
        self.found = ranked.into_iter().map(|(_, item)| item.clone()).collect();
        if query.len() >= 2 {
            self.found.extend(flows(env, &query));
        }
    }

    /// Applies a key.
    pub(crate) fn key(
        &mut self,
        env: &Env,
        key: &str,
        (recent, out): (&mut Recent, &mut Effects),
    ) -> State {
        match key {
            "esc" | "ctrl c" | "ctrl p" => return State::Closed,
            "enter" => {
                self.take(env, recent, out);
                return State::Closed;
            }
            "up" | "down" | "page up" | "page down" => {
                if let Some(nav) = Nav::of_key(key) {
                    self.cursor.nav(nav, self.found.len());
                }
            }
            key => {
                let before = self.line.text().to_owned();
                self.line.key(key);
                if self.line.text() != before {
                    self.find(env, recent);
                }
            }
        }
        State::Open
    }

    /// Inserts pasted text.
    pub(crate) fn paste(&mut self, env: &Env, text: &str, recent: &Recent) {
        self.line.insert(text);
        self.find(env, recent);
    }

    fn take(&self, env: &Env, recent: &mut Recent, out: &mut Effects) {
        let Some(item) = self.found.get(self.cursor.focus) else {
            return;
        };
        recent.used(item.id());
        match &item.does {
            Does::Run(line) => out.push(Effect::Run(line.clone())),
            Does::Prompt(text) => out.push(Effect::Command {
                text: text.clone(),
                cursor: None,
            }),
            Does::Show(id) => {
                env.kernel.store().set_focus(id);
                out.push(Effect::Push(Kind::FlowView));
            }
        }
    }

    /// Draws the box over a screen and gives the place of the cursor.
    pub(crate) fn draw(&mut self, env: &Env, screen: Rect, buf: &mut Buffer) -> Position {
        let columns = screen
            .width
            .saturating_sub(4)
            .clamp(1, 90)
            .min(screen.width);
        let rows = screen.height.clamp(1, 20);
        self.area = Rect {
            x: screen.x + (screen.width - columns) / 2,
            y: screen.y + (screen.height - rows) / 3,
            width: columns,
            height: rows,
        };
        let title = format!("Palette: {} found", self.found.len());
        let inner = crate::overlay::frame(env, self.area, &title, buf);
        let mut pen = Pen::new(inner, 0);
        put_clean(buf, &mut pen, "> ", env.theme.style(Role::Key));
        let start = pen.x;
        let (text, at) = crate::screens::grid::window_of(&self.line, pen.room());
        put(buf, &mut pen, &text, env.theme.style(Role::Text));
        if self.line.text().is_empty() {
            let hint = "command, option, #number, host or path";
            put_clean(buf, &mut pen, hint, env.theme.style(Role::Dim));
        }
        let list = Rect {
            y: inner.y + 1,
            height: inner.height.saturating_sub(1),
            ..inner
        };
        self.cursor.fit(self.found.len(), list.height.into());
        let window = self.found.iter().enumerate().skip(self.cursor.offset);
        for (y, (at, item)) in window.take(list.height.into()).enumerate() {
            let line = Rect {
                y: list.y + y as u16,
                height: 1,
                ..list
            };
            draw_item(env, line, buf, (item, at == self.cursor.focus));
        }
        Position::new(start + at as u16, inner.y)
    }
}

fn draw_item(env: &Env, area: Rect, buf: &mut Buffer, (item, focused): (&Item, bool)) {
    let style = |role: Role| env.theme.style(if focused { Role::Focus } else { role });
    let mut pen = Pen::new(area, 0);
    let sign = if focused { "> " } else { "  " };
    put_clean(buf, &mut pen, sign, style(Role::Title));
    put_clean(buf, &mut pen, &left(item.kind, 8), style(Role::Dim));
    let key = crate::text::width(&item.key);
    let room = pen.room().saturating_sub(key + 1);
    let title = midwire_views::clean_line(&item.title);
    let title = cut_end(&title, room, env.glyphs.ellipsis);
    put(buf, &mut pen, &title, style(Role::Text));
    let room = room.saturating_sub(crate::text::width(&title) + 2);
    let detail = midwire_views::clean_line(&item.detail);
    let detail = cut_end(&detail, room, env.glyphs.ellipsis);
    put_clean(buf, &mut pen, "  ", style(Role::Dim));
    put(buf, &mut pen, &detail, style(Role::Dim));
    let before = pen;
    fill(buf, &mut pen, style(Role::Text));
    put_right(buf, before, &item.key, style(Role::Key));
}

/// The keys of a screen, then those of all.
fn bindings(env: &Env, context: Context) -> Vec<Item> {
    let own = env.keymap.of(context);
    let mut items: Vec<Item> = Vec::new();
    for binding in own.chain(env.keymap.of(Context::Global)) {
        let command = binding.command.trim();
        let known = items.iter().any(|item| item.detail == command);
        if known || command.starts_with("console.nav.") || command == "console.palette" {
            continue;
        }
        let title = if binding.help.is_empty() {
            command
        } else {
            &binding.help
        };
        items.push(Item {
            kind: "key",
            title: title.to_owned(),
            detail: command.to_owned(),
            key: binding.key.clone(),
            does: Does::Run(binding.command.clone()),
        });
    }
    items
}

/// Commands, except those that a key runs just so.
fn commands(env: &Env, known: &[Item]) -> Vec<Item> {
    let signatures = env.kernel.commands().signatures().into_iter();
    let new = signatures.filter(|signature| {
        let is_known = known.iter().any(|item| item.detail == signature.name);
        !is_known && !signature.name.starts_with("console.nav.")
    });
    new.map(|signature| {
        let takes_words = signature.line().trim() != signature.name && !signature.params.is_empty();
        let does = if takes_words {
            Does::Prompt(format!("{} ", signature.name))
        } else {
            Does::Run(signature.name.clone())
        };
        Item {
            kind: "command",
            title: signature.name,
            detail: signature.help,
            key: String::new(),
            does,
        }
    })
    .collect()
}

/// Options with their values.
fn options(env: &Env) -> Vec<Item> {
    let store = env.kernel.options();
    let items = store.definitions().into_iter().map(|definition| {
        let name = definition.name;
        let value = store.value(&name).unwrap_or(definition.default);
        let (does, value) = match value {
            Value::Bool(value) => (
                format!("set {name} toggle"),
                format!("= {value}, enter toggles"),
            ),
            Value::Null => (format!("console.command.set {name}"), "unset".to_owned()),
            Value::Int(value) => (format!("console.command.set {name}"), format!("= {value}")),
            Value::Str(value) => (format!("console.command.set {name}"), format!("= {value}")),
            Value::Seq(values) => (
                format!("console.command.set {name}"),
                format!("= {}", values.join("  ")),
            ),
        };
        Item {
            kind: "option",
            title: name,
            detail: value,
            key: String::new(),
            does: Does::Run(does),
        }
    });
    items.collect()
}

/// The flow of a number.
fn numbered(env: &Env, number: &str) -> Vec<Item> {
    let Ok(number) = number.trim().parse::<u64>() else {
        return Vec::new();
    };
    let store = env.kernel.store();
    let all = store.all();
    let found = all
        .iter()
        .find(|flow| store.number(&flow.info().id) == Some(number));
    found.map(|flow| item_of(env, flow)).into_iter().collect()
}

/// Flows in whose host or path the query occurs, the newest first.
fn flows(env: &Env, query: &str) -> Vec<Item> {
    let all = env.kernel.store().all();
    let newest = all.iter().rev().take(FLOWS_LOOKED_AT);
    let fits = |flow: &&std::sync::Arc<Flow>| {
        let (host, path) = place(flow);
        rank::contains(host.as_bytes(), query.as_bytes()) || rank::contains(path, query.as_bytes())
    };
    newest
        .filter(fits)
        .take(FLOWS)
        .map(|flow| item_of(env, flow))
        .collect()
}

/// Host and path.
fn place(flow: &Flow) -> (&str, &[u8]) {
    let address = flow.info().server_conn.address.as_ref();
    match flow {
        Flow::Http(http) => (&http.request.host, &http.request.path),
        Flow::Dns(dns) => {
            let question = dns.request.questions.first();
            (question.map_or("", |question| &question.name), b"")
        }
        Flow::Tcp(_) | Flow::Udp(_) => (address.map_or("", |address| &address.host), b""),
    }
}

fn item_of(env: &Env, flow: &Flow) -> Item {
    let facts =
        crate::screens::flowlist::row::Facts::of(&env.kernel, flow, env.options.showhost, env.now);
    let number = facts.number.map_or(String::new(), |n| format!("#{n} "));
    Item {
        kind: "flow",
        title: format!(
            "{number}{} {}{}{}",
            facts.method.0, facts.host, facts.path.0, facts.path.1
        ),
        detail: facts.status.0,
        key: String::new(),
        does: Does::Show(flow.info().id.clone()),
    }
}
