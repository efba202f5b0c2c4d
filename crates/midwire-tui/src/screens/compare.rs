//! Two flows beside each other: what differs in heads, fields and content (ui.md §4.6).

use std::sync::Arc;

use midwire_flow::{Flow, HttpFlow, HttpMessage as _};
use midwire_views::diff;
use midwire_wire::Fields;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::Value as Json;

use crate::doc::{Builder, Doc};
use crate::env::{Effects, Env, Handled, Nav, Screen};
use crate::keymap::Context;
use crate::screens::list::Scroll;
use crate::text::{cut_end, line_of};
use crate::theme::Role;

/// Decoded bytes of a content that are compared. It happens while the user waits, so it must be quick.
const CONTENT: usize = 1 << 20;

/// Cells of a value that are shown.
const VALUE: usize = 200;

/// Two flows of HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) left: Arc<Flow>,
    pub(crate) right: Arc<Flow>,
}

/// What is compared with a flow when only one is named: the one before to the same URL, or itself before it was edited.
pub(crate) fn before(env: &Env, flow: &Arc<Flow>) -> Option<Pair> {
    if let Some(backup) = &flow.info().backup {
        let left = Arc::new(Flow::clone(backup));
        let right = Arc::clone(flow);
        return Some(Pair { left, right });
    }
    let http = flow.as_http()?;
    let same = |other: &&Arc<Flow>| {
        other.as_http().is_some_and(|other| {
            (
                &other.request.method,
                &other.request.host,
                other.request.port,
            ) == (&http.request.method, &http.request.host, http.request.port)
                && other.request.path == http.request.path
        })
    };
    let all = env.kernel.store().all();
    let earlier = all.iter().rev();
    let mut earlier = earlier
        .skip_while(|other| other.info().id != flow.info().id)
        .skip(1);
    let left = Arc::clone(earlier.find(same)?);
    Some(Pair {
        left,
        right: Arc::clone(flow),
    })
}

/// The screen.
pub(crate) struct Compare {
    pair: Pair,
    doc: Doc,
    /// Rows of changes.
    changes: Vec<usize>,
    width: Option<u16>,
    scroll: Scroll,
}

impl Compare {
    pub(crate) fn new(pair: Pair) -> Self {
        Self {
            pair,
            doc: Doc::default(),
            changes: Vec::new(),
            width: None,
            scroll: Scroll::default(),
        }
    }

    fn build(&mut self, env: &Env, width: u16) {
        self.changes.clear();
        let mut builder = Builder::new(width);
        let Pair { left, right } = &self.pair;
        let name = |flow: &Flow| {
            let number = env.kernel.store().number(&flow.info().id);
            number.map_or(String::new(), |number| format!("#{number} "))
        };
        if let (Flow::Http(one), Flow::Http(other)) = (&**left, &**right) {
            let names = if left.info().id == right.info().id {
                ("original".to_owned(), "edited".to_owned())
            } else {
                (name(left), name(right))
            };
            for (sign, name, flow) in [("-", names.0, one), ("+", names.1, other)] {
                let url = flow.request.pretty_url();
                let line = format!("{sign} {name} {} {url}", line_of(&flow.request.method));
                builder.line(&line, Role::Title);
            }
            let mut writer = Writer {
                builder: &mut builder,
                changes: &mut self.changes,
            };
            writer.request(one, other);
            writer.response(one, other);
        } else {
            builder.line("Only HTTP flows can be compared.", Role::Warn);
        }
        self.doc = builder.build();
    }
}

struct Writer<'a> {
    builder: &'a mut Builder,
    changes: &'a mut Vec<usize>,
}

impl Writer<'_> {
    fn request(&mut self, one: &HttpFlow, other: &HttpFlow) {
        self.bar("Request");
        self.text("method", (&one.request.method, &other.request.method));
        let urls = (one.request.pretty_url(), other.request.pretty_url());
        self.text("url", (urls.0.as_bytes(), urls.1.as_bytes()));
        self.text("version", (&one.request.version, &other.request.version));
        self.fields(&one.request.fields, &other.request.fields);
        let contents = (
            one.request.decoded(CONTENT).ok().flatten(),
            other.request.decoded(CONTENT).ok().flatten(),
        );
        self.content(&diff::body(contents.0, contents.1));
    }

    fn response(&mut self, one: &HttpFlow, other: &HttpFlow) {
        self.bar("Response");
        let status = |flow: &HttpFlow| {
            let response = flow.response.as_ref();
            response.map_or_else(
                || "none".to_owned(),
                |response| format!("{} {}", response.status, line_of(&response.reason)),
            )
        };
        self.text("status", (status(one).as_bytes(), status(other).as_bytes()));
        let none = Fields::new();
        let fields = |flow: &HttpFlow| flow.response.as_ref().map(|r| r.fields.clone());
        let (left, right) = (fields(one), fields(other));
        self.fields(
            left.as_ref().unwrap_or(&none),
            right.as_ref().unwrap_or(&none),
        );
        let content = |flow: &HttpFlow| flow.response.as_ref()?.decoded(CONTENT).ok().flatten();
        self.content(&diff::body(content(one), content(other)));
    }

    fn bar(&mut self, title: &str) {
        self.builder.blank();
        self.builder.bar(title, "", Role::Heading);
    }

    fn text(&mut self, name: &str, (left, right): (&[u8], &[u8])) {
        if left != right {
            self.change("changed", name, (&line_of(left), &line_of(right)));
        }
    }

    fn fields(&mut self, left: &Fields, right: &Fields) {
        let list = |fields: &Fields| -> Vec<(String, String)> {
            let pair = |(name, value): (&[u8], &[u8])| (line_of(name), line_of(value));
            fields
                .iter()
                .map(|(name, value)| pair((name, value)))
                .collect()
        };
        let found = diff::headers(&list(left), &list(right));
        let found = found.as_array().map(Vec::as_slice).unwrap_or_default();
        let is_same = |one: &&Json| one.get("op").and_then(Json::as_str) == Some("same");
        let equal = found.iter().filter(is_same).count();
        let text = format!("headers: {equal} equal, {} differ", found.len() - equal);
        self.builder.line(&text, Role::Dim);
        for one in found.iter().filter(|one| !is_same(one)) {
            let word = |key: &str| one.get(key).and_then(Json::as_str).unwrap_or_default();
            self.change(word("op"), word("name"), (word("left"), word("right")));
        }
    }

    fn content(&mut self, found: &Json) {
        let word = |key: &str| found.get(key).and_then(Json::as_str).unwrap_or_default();
        let equal = found
            .get("equal")
            .and_then(Json::as_u64)
            .unwrap_or_default();
        let changes = found.get("changes").and_then(Json::as_array);
        let changes = changes.map(Vec::as_slice).unwrap_or_default();
        let unit = match word("kind") {
            "json" => "values",
            "lines" => "lines",
            _ => "bytes",
        };
        let text = format!("content: {equal} {unit} equal, {} differ", changes.len());
        self.builder.line(&text, Role::Dim);
        for one in changes {
            let place = one.get("path").and_then(Json::as_str);
            let line = one.get("line").map(|line| format!("line {line}"));
            let place = place.map(str::to_owned).or(line).unwrap_or_default();
            let value = |key: &str| match one.get(key) {
                None | Some(Json::Null) => String::new(),
                Some(Json::String(text)) if unit != "values" => text.clone(),
                Some(value) => value.to_string(),
            };
            let op = one.get("op").and_then(Json::as_str).unwrap_or_default();
            self.change(op, &place, (&value("left"), &value("right")));
        }
        if found.get("truncated") == Some(&Json::Bool(true)) && unit != "bytes" {
            self.builder.line("more differs than is shown", Role::Warn);
        }
    }

    fn change(&mut self, op: &str, name: &str, (left, right): (&str, &str)) {
        self.changes.push(self.builder.rows());
        let short = |text: &str| {
            let clean = midwire_views::clean_line(crate::text::head_bytes(text, 4 * VALUE));
            cut_end(&clean, VALUE, "...").into_owned()
        };
        let sign = match op {
            "added" => "+ ",
            "removed" => "- ",
            _ => "~ ",
        };
        self.builder.add_clean(sign, Role::Title).hang();
        self.builder
            .add(name, Role::Name)
            .add_clean("  ", Role::Text);
        if op != "added" {
            self.builder.add_clean(&short(left), Role::FromClient);
        }
        if op == "changed" {
            self.builder.add_clean("  ->  ", Role::Dim);
        }
        if op != "removed" {
            self.builder.add_clean(&short(right), Role::ToClient);
        }
        self.builder.end();
    }
}

impl Screen for Compare {
    fn context(&self) -> Context {
        Context::Compare
    }

    fn title(&self, _: &Env) -> (String, String) {
        (
            format!("Compare: {} differ", self.changes.len()),
            "n: next  N: before".to_owned(),
        )
    }

    fn prepare(&mut self, env: &Env, area: Rect, _: &mut Effects) {
        if self.width != Some(area.width) {
            self.build(env, area.width);
            self.width = Some(area.width);
        }
        self.scroll.fit(self.doc.len(), area.height.into());
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        self.doc
            .draw(buf, area, self.scroll.offset, (&env.theme, &[]));
    }

    fn key(&mut self, _: &Env, key: &str, _: &mut Effects) -> Handled {
        let at = self.scroll.offset;
        let to = match key {
            "n" => self.changes.iter().find(|row| **row > at),
            "N" => self.changes.iter().rev().find(|row| **row < at),
            _ => return Handled::No,
        };
        self.scroll.offset = to.copied().unwrap_or(at);
        Handled::Yes
    }

    fn nav(&mut self, _: &Env, nav: Nav, _: &mut Effects) {
        self.scroll.nav(nav, self.doc.len());
    }
}
