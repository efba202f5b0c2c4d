//! Content as a view shows it.

use std::borrow::Cow;

use bytes::Bytes;
use midwire_core::options::Size;
use midwire_flow::{FlowInfo, HttpFlow, HttpMessage};
use midwire_views::{Clean, MessageKind, Metadata, Rendered, Tag, highlight};

use super::{Printer, Settings};
use crate::style::{BLUE, GREEN, MAGENTA, RED, Style, YELLOW};

/// A message whose content is printed.
#[derive(Clone, Copy)]
pub(super) enum Message<'a> {
    /// Request or response of an exchange.
    Http(&'a HttpFlow, MessageKind),
    /// A WebSocket message.
    WebSocket(&'a HttpFlow, &'a Bytes),
    /// A piece of a stream or a datagram.
    Stream(&'a FlowInfo, &'a Bytes, MessageKind),
}

/// Content to show.
struct Shown {
    data: Bytes,
    /// There is more that is not shown.
    more: bool,
}

impl Printer<'_> {
    /// The content between blank lines. At level 3 no more than `content_view_lines_cutoff` lines of it.
    pub(super) fn body(&mut self, message: Message<'_>) {
        let (rendered, more) = self.render(message);
        if let Some(warning) = &rendered.warning {
            tracing::warn!("{warning}");
        }
        let mut text = rendered.text.as_str();
        let mut cut = false;
        if self.settings.detail == 3
            && let Some(end) = end_of_lines(text, self.settings.cutoff_lines)
        {
            cut = end < text.len();
            text = text.get(..end).unwrap_or(text);
        }
        if !text.is_empty() {
            self.page.line();
            self.indented(text, &rendered);
        }
        if cut {
            self.page.push("    ").paint("(cut off)", Style::DIM).line();
        } else if let Some(limit) = self.settings.size_limit.as_ref().filter(|_| more) {
            let what = format!("(cut: more than {limit} decoded)");
            self.page
                .push("    ")
                .paint(Clean::line(&what), Style::DIM)
                .line();
        }
        self.page.line();
    }

    fn render(&self, message: Message<'_>) -> (Rendered, bool) {
        let Some(shown) = content(message, self.settings) else {
            return (Rendered::missing(), false);
        };
        let facts = Facts::of(message);
        let meta = Metadata {
            protobuf_definitions: self.settings.protobuf_definitions.as_deref(),
            ..facts.metadata()
        };
        let rendered = self.views.render(&shown.data, &meta, &self.settings.view);
        (rendered, shown.more)
    }

    /// Lines of text with colours and an indent, without blanks around the whole.
    fn indented(&mut self, text: &str, rendered: &Rendered) {
        let mut at_start = true;
        for (tag, piece) in highlight(text.trim(), rendered.syntax) {
            for line in piece.split_inclusive('\n') {
                if std::mem::replace(&mut at_start, line.ends_with('\n')) {
                    self.page.push("    ");
                }
                let line = Clean::text(line.trim_end_matches('\n'));
                self.page.paint(line, style(tag));
                if at_start {
                    self.page.line();
                }
            }
        }
        self.page.line();
    }
}

fn style(tag: Tag) -> Style {
    match tag {
        Tag::Plain => Style::PLAIN,
        Tag::Name => Style::colour(YELLOW),
        Tag::String => Style::colour(GREEN),
        Tag::Number => Style::colour(BLUE),
        Tag::Boolean => Style::colour(MAGENTA),
        Tag::Comment => Style::DIM,
        Tag::Error => Style::colour(RED),
    }
}

/// Where the first `lines` lines end, if there are so many.
fn end_of_lines(text: &str, lines: usize) -> Option<usize> {
    text.match_indices('\n')
        .nth(lines.max(1) - 1)
        .map(|(at, _)| at + 1)
}

fn content(message: Message<'_>, settings: &Settings) -> Option<Shown> {
    let limit = settings.size_limit.as_ref().map_or(0, Size::as_usize);
    let prefix = match message {
        Message::Http(flow, MessageKind::Request) => flow.request.decoded_prefix(limit)?,
        Message::Http(flow, _) => flow.response.as_ref()?.decoded_prefix(limit)?,
        Message::WebSocket(_, data) | Message::Stream(_, data, _) => {
            return Some(Shown {
                data: data.slice(..data.len().min(limit)),
                more: data.len() > limit,
            });
        }
    };
    if prefix.error.is_none() {
        return Some(Shown {
            data: prefix.bytes.into(),
            more: prefix.more,
        });
    }
    // Content that is not what its coding says is shown as it came.
    let content = match message {
        Message::Http(flow, MessageKind::Request) => &flow.request.content,
        Message::Http(flow, _) => &flow.response.as_ref()?.content,
        Message::WebSocket(..) | Message::Stream(..) => return None,
    };
    let data = content.prefix(limit)?;
    Some(Shown {
        more: content.size().is_some_and(|size| size > data.len() as u64),
        data,
    })
}

/// What views are told about a message.
struct Facts<'a> {
    kind: MessageKind,
    info: &'a FlowInfo,
    content_type: Option<Cow<'a, str>>,
    grpc_encoding: Option<Cow<'a, str>>,
    path: Option<Cow<'a, str>>,
}

impl<'a> Facts<'a> {
    fn of(message: Message<'a>) -> Self {
        let (kind, flow) = match message {
            Message::Http(flow, kind) => (kind, flow),
            Message::WebSocket(flow, _) => (MessageKind::WebSocket, flow),
            Message::Stream(info, _, kind) => {
                return Self {
                    kind,
                    info,
                    content_type: None,
                    grpc_encoding: None,
                    path: None,
                };
            }
        };
        let fields = match kind {
            MessageKind::Request => Some(&flow.request.fields),
            MessageKind::Response => flow.response.as_ref().map(|response| &response.fields),
            _ => None,
        };
        let field = |name: &str| {
            fields
                .and_then(|fields| fields.get(name))
                .map(String::from_utf8_lossy)
        };
        Self {
            kind,
            info: &flow.info,
            content_type: field("content-type"),
            grpc_encoding: field("grpc-encoding"),
            path: Some(String::from_utf8_lossy(&flow.request.path)),
        }
    }

    fn metadata(&self) -> Metadata<'_> {
        let server = &self.info.server_conn;
        Metadata {
            content_type: self.content_type.as_deref(),
            message: self.kind,
            server_port: server.address.as_ref().map(|address| address.port),
            protobuf_definitions: None,
            path: self.path.as_deref(),
            alpn: self.info.client_conn.alpn.as_deref(),
            grpc_encoding: self.grpc_encoding.as_deref(),
        }
    }
}
