//! What a tab shows: a document that is built from a snapshot of the flow, off the drawing thread.

use std::sync::Arc;

use midwire_flow::access::human::pretty_size;
use midwire_flow::{Dns, DnsFlow, Flow, HttpFlow, HttpMessage, MessageFlow, StreamMessage};
use midwire_views::{MessageKind, Registry};
use midwire_wire::Fields;
use midwire_wire::dns::{op_codes, response_codes, types};

use super::content::{self, Message, Mode};
use super::{Tab, detail, timing};
use crate::doc::{Builder, Doc};
use crate::glyphs::Glyphs;
use crate::screens::flowlist::row::clock;
use crate::text::line_of;
use crate::theme::Role;

/// An order for a document.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) flow: Arc<Flow>,
    pub(crate) tab: Tab,
    pub(crate) mode: Mode,
    pub(crate) width: u16,
    pub(crate) glyphs: Glyphs,
    /// The content was dropped to save memory.
    pub(crate) evicted: bool,
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.flow, &other.flow)
            && self.tab == other.tab
            && self.mode == other.mode
            && self.width == other.width
    }
}

impl Job {
    /// Builds the document.
    pub(crate) fn build(&self, registry: &Registry) -> Doc {
        let mut builder = Builder::new(self.width);
        match (&*self.flow, self.tab) {
            (flow, Tab::Detail) => detail::add(&mut builder, flow, &self.glyphs),
            (flow, Tab::Timing) => timing::add(&mut builder, flow, &self.glyphs),
            (Flow::Http(flow), Tab::Request) => self.request(&mut builder, flow, registry),
            (Flow::Http(flow), Tab::Response) => self.response(&mut builder, flow, registry),
            (Flow::Http(flow), _) => self.websocket(&mut builder, flow, registry),
            (Flow::Tcp(flow), _) => self.stream(&mut builder, flow, registry, MessageKind::Tcp),
            (Flow::Udp(flow), _) => self.stream(&mut builder, flow, registry, MessageKind::Udp),
            (Flow::Dns(flow), tab) => dns(&mut builder, flow, tab),
        }
        builder.build()
    }

    fn request(&self, builder: &mut Builder, flow: &HttpFlow, registry: &Registry) {
        let request = &flow.request;
        fields(builder, &request.fields);
        let is_empty = request.content.size() == Some(0);
        if is_empty {
            let query = request.query();
            builder.blank();
            if query.is_empty() {
                builder.line("No request content", Role::Dim);
            } else {
                builder.bar("Query", &format!("[m:{}]", self.mode.view), Role::Heading);
                pairs(builder, &query);
            }
        } else {
            self.message(
                builder,
                request,
                Message::Http(flow, MessageKind::Request),
                registry,
            );
        }
        trailers(builder, request.trailers.as_ref());
    }

    fn response(&self, builder: &mut Builder, flow: &HttpFlow, registry: &Registry) {
        let Some(response) = &flow.response else {
            match &flow.info.error {
                Some(error) => builder.line(&error.msg, Role::Error),
                None => builder.line("No response", Role::Dim),
            };
            return;
        };
        fields(builder, &response.fields);
        if response.content.size() == Some(0) {
            builder.blank().line("No content", Role::Dim);
        } else {
            self.message(
                builder,
                response,
                Message::Http(flow, MessageKind::Response),
                registry,
            );
        }
        cut_off(builder, flow, response);
        trailers(builder, response.trailers.as_ref());
    }

    fn message(
        &self,
        builder: &mut Builder,
        head: &impl HttpMessage,
        message: Message<'_>,
        registry: &Registry,
    ) {
        builder.blank();
        if content::add(builder, message, registry, &self.mode).is_none() {
            content::missing(builder, head.raw_content(), self.evicted);
        }
    }

    fn websocket(&self, builder: &mut Builder, flow: &HttpFlow, registry: &Registry) {
        let Some(websocket) = &flow.websocket else {
            return;
        };
        let count = |from_client: bool| {
            let messages = websocket
                .messages
                .iter()
                .filter(|m| m.from_client == from_client);
            let (mut number, mut bytes) = (0_usize, 0_u64);
            for message in messages {
                number += 1;
                bytes += message.content.len() as u64;
            }
            format!("{number} ({})", pretty_size(bytes))
        };
        let totals = format!(
            "{} messages   client {} {}   server {} {}",
            websocket.messages.len(),
            self.glyphs.from_client,
            count(true),
            self.glyphs.to_client,
            count(false)
        );
        builder.bar(&totals, &format!("[m:{}]", self.mode.view), Role::Heading);
        for (at, message) in websocket.messages.iter().enumerate() {
            let kind = match message.opcode {
                1 => "text",
                2 => "binary",
                9 => "ping",
                10 => "pong",
                8 => "close",
                _ => "other",
            };
            let mut notes = String::from(kind);
            if message.injected {
                notes.push_str(", injected");
            }
            if message.dropped {
                notes.push_str(", dropped");
            }
            let head = Head {
                number: at + 1,
                from_client: message.from_client,
                size: message.content.len(),
                time: message.timestamp.as_f64(),
                notes: &notes,
            };
            if self.enough(builder, at, websocket.messages.len()) {
                return;
            }
            head.add(builder, &self.glyphs);
            let shown = Message::WebSocket(flow, &message.content);
            content::add_plain(builder, shown, registry, &self.mode);
        }
        if websocket.timestamp_end.is_some() {
            let who = match websocket.closed_by_client {
                Some(true) => "client",
                Some(false) => "server",
                None => "peer",
            };
            let code = websocket.close_code.map(close_name).unwrap_or_default();
            let reason = websocket.close_reason.clone().unwrap_or_default();
            builder.blank();
            builder.line(&format!("Closed by {who} {code} {reason}"), Role::Dim);
        }
    }

    fn stream(
        &self,
        builder: &mut Builder,
        flow: &MessageFlow,
        registry: &Registry,
        kind: MessageKind,
    ) {
        if flow.messages.is_empty() {
            builder.line("No messages", Role::Dim);
            return;
        }
        let bytes = |from_client: bool| {
            let messages = flow
                .messages
                .iter()
                .filter(|m: &&StreamMessage| m.from_client == from_client);
            pretty_size(messages.map(|message| message.content.len() as u64).sum())
        };
        let totals = format!(
            "{} messages   client {} {}   server {} {}",
            flow.messages.len(),
            self.glyphs.from_client,
            bytes(true),
            self.glyphs.to_client,
            bytes(false)
        );
        builder.bar(&totals, &format!("[m:{}]", self.mode.view), Role::Heading);
        for (at, message) in flow.messages.iter().enumerate() {
            if self.enough(builder, at, flow.messages.len()) {
                return;
            }
            let head = Head {
                number: at + 1,
                from_client: message.from_client,
                size: message.content.len(),
                time: message.timestamp.as_f64(),
                notes: "",
            };
            head.add(builder, &self.glyphs);
            let shown = Message::Stream(&flow.info, &message.content, kind);
            content::add_plain(builder, shown, registry, &self.mode);
        }
    }

    /// True, after a note, if no further messages are to be shown.
    fn enough(&self, builder: &mut Builder, shown: usize, of: usize) -> bool {
        /// Messages that are shown even if they have many lines.
        const AT_LEAST: usize = 20;
        if self.mode.full || shown < AT_LEAST || builder.rows() < self.mode.cutoff.max(1) {
            return false;
        }
        let note = format!("first {shown} of {of} messages - f: all");
        builder.line(&note, Role::Highlight);
        true
    }
}

/// The line above a message of a conversation.
struct Head<'a> {
    number: usize,
    from_client: bool,
    size: usize,
    time: f64,
    notes: &'a str,
}

impl Head<'_> {
    fn add(&self, builder: &mut Builder, glyphs: &Glyphs) {
        let (arrow, word, role) = if self.from_client {
            (glyphs.from_client, "client", Role::FromClient)
        } else {
            (glyphs.to_client, "server", Role::ToClient)
        };
        builder.add(&format!("{arrow} {word} "), role);
        let facts = format!(
            "#{} {} {} {}",
            self.number,
            clock(self.time),
            pretty_size(self.size as u64),
            self.notes
        );
        builder.add(facts.trim_end(), Role::Dim).end();
    }
}

fn close_name(code: i64) -> String {
    let name = match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1005 => "no status",
        1006 => "abnormal closure",
        1007 => "invalid data",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "extension required",
        1011 => "internal error",
        _ => "",
    };
    format!("{code} {name}")
}

/// Fields with their values below each other.
fn fields(builder: &mut Builder, fields: &Fields) {
    let longest = fields
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or_default();
    let column = longest.min(builder.width() / 3);
    for (name, value) in fields.iter() {
        let name = line_of(name) + ":";
        let pad = (column + 2)
            .saturating_sub(crate::text::width(&name))
            .max(1);
        builder
            .add(&name, Role::Header)
            .add_clean(&" ".repeat(pad), Role::Text)
            .hang()
            .add(&line_of(value), Role::Text)
            .end();
    }
}

fn pairs(builder: &mut Builder, pairs: &[(Vec<u8>, Vec<u8>)]) {
    let longest = pairs
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or_default();
    let column = longest.min(builder.width() / 3);
    for (name, value) in pairs {
        let name = line_of(name) + ":";
        let pad = (column + 2)
            .saturating_sub(crate::text::width(&name))
            .max(1);
        builder
            .add(&name, Role::Name)
            .add_clean(&" ".repeat(pad), Role::Text)
            .hang()
            .add(&line_of(value), Role::String)
            .end();
    }
}

fn trailers(builder: &mut Builder, trailers: Option<&Fields>) {
    let Some(trailers) = trailers.filter(|fields| !fields.is_empty()) else {
        return;
    };
    builder.blank().bar("Trailers", "", Role::Heading);
    fields(builder, trailers);
}

/// Says so if less came than was promised.
fn cut_off(builder: &mut Builder, flow: &HttpFlow, response: &midwire_flow::Response) {
    let Some(error) = &flow.info.error else {
        return;
    };
    let promised: Option<u64> = response
        .fields
        .get("content-length")
        .and_then(|value| std::str::from_utf8(value).ok())
        .and_then(|value| value.trim().parse().ok());
    let came = response.content.size().unwrap_or_default();
    let what = match promised {
        Some(promised) if promised > came => format!("cut off: {came} of {promised} bytes came. "),
        _ => String::new(),
    };
    builder
        .blank()
        .line(&format!("{what}{}", error.msg), Role::Error);
}

fn dns(builder: &mut Builder, flow: &DnsFlow, tab: Tab) {
    let message = match tab {
        Tab::Request => Some(&flow.request),
        _ => flow.response.as_ref(),
    };
    let Some(message) = message else {
        match &flow.info.error {
            Some(error) => builder.line(&error.msg, Role::Error),
            None => builder.line("No response", Role::Dim),
        };
        return;
    };
    dns_message(builder, message);
}

fn dns_message(builder: &mut Builder, message: &Dns) {
    let mut flags = Vec::new();
    for (set, name) in [
        (message.recursion_desired, "recursion desired"),
        (message.recursion_available, "recursion available"),
        (message.authoritative_answer, "authoritative"),
        (message.truncation, "truncated"),
    ] {
        if set {
            flags.push(name);
        }
    }
    let mut line = |name: &str, value: &str| {
        builder
            .add(&format!("{name:<10}"), Role::Header)
            .add(value, Role::Text)
            .end();
    };
    line("id", &message.id.to_string());
    line("operation", &op_codes::to_str(message.op_code.into()));
    if !message.query {
        line(
            "result",
            &response_codes::to_str(message.response_code.into()),
        );
    }
    line("flags", &flags.join(", "));
    builder.blank().line("Question", Role::Title);
    for question in &message.questions {
        let kind = types::to_str(question.type_);
        builder
            .add("  ", Role::Text)
            .add(&question.name, Role::UrlDomain)
            .add(&format!(" {kind}"), Role::SchemeDns)
            .end();
    }
    for (title, records) in [
        ("Answer", &message.answers),
        ("Authority", &message.authorities),
        ("Additional", &message.additionals),
    ] {
        if records.is_empty() {
            continue;
        }
        builder.blank().line(title, Role::Title);
        for record in records {
            builder
                .add("  ", Role::Text)
                .add(&record.name, Role::UrlDomain)
                .add(
                    &format!(" {} ", types::to_str(record.type_)),
                    Role::SchemeDns,
                )
                .add(&format!("{}s ", record.ttl), Role::Dim)
                .add(&record.to_string(), Role::String)
                .end();
        }
    }
}
