//! The content of a message through a content view.

use std::borrow::Cow;

use bytes::Bytes;
use midwire_flow::access::DECODE_LIMIT;
use midwire_flow::access::human::pretty_size;
use midwire_flow::{Content, FlowInfo, HttpFlow, HttpMessage as _};
use midwire_views::{MessageKind, Metadata, Registry, Rendered, highlight};

use crate::doc::Builder;
use crate::theme::Role;

/// Decoded bytes that are formatted at once; the rest when asked for.
pub(crate) const PREFIX: usize = 256 << 10;

/// Content up to this size is formatted whole if its beginning alone does not make sense to the view.
const WHOLE: usize = 8 << 20;

/// A message whose content is shown.
#[derive(Clone, Copy)]
pub(crate) enum Message<'a> {
    /// Request or response of an exchange.
    Http(&'a HttpFlow, MessageKind),
    /// A WebSocket message.
    WebSocket(&'a HttpFlow, &'a Bytes),
    /// A piece of a stream or a datagram.
    Stream(&'a FlowInfo, &'a Bytes, MessageKind),
}

/// How content is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    /// Name of the content view.
    pub(crate) view: String,
    /// All of it.
    pub(crate) full: bool,
    /// Lines after which the rest is left out.
    pub(crate) cutoff: usize,
    /// File that names protobuf fields.
    pub(crate) protobuf: Option<String>,
}

/// Content that was read.
struct Read {
    data: Bytes,
    more: bool,
    /// Why it could not be decoded.
    lie: Option<String>,
}

impl<'a> Message<'a> {
    fn content(self) -> Option<&'a Content> {
        match self {
            Self::Http(flow, MessageKind::Request) => Some(&flow.request.content),
            Self::Http(flow, _) => Some(&flow.response.as_ref()?.content),
            Self::WebSocket(..) | Self::Stream(..) => None,
        }
    }

    fn read(self, limit: usize) -> Option<Read> {
        let prefix = match self {
            Self::Http(flow, MessageKind::Request) => flow.request.decoded_prefix(limit)?,
            Self::Http(flow, _) => flow.response.as_ref()?.decoded_prefix(limit)?,
            Self::WebSocket(_, data) | Self::Stream(_, data, _) => {
                return Some(Read {
                    data: data.slice(..data.len().min(limit)),
                    more: data.len() > limit,
                    lie: None,
                });
            }
        };
        let Some(error) = prefix.error else {
            return Some(Read {
                data: prefix.bytes.into(),
                more: prefix.more,
                lie: None,
            });
        };
        let content = self.content()?;
        let data = content.prefix(limit)?;
        Some(Read {
            more: content.size().is_some_and(|size| size > data.len() as u64),
            data,
            lie: Some(error.to_string()),
        })
    }

    /// The whole content, decoded as far as that is possible.
    pub(crate) fn whole(self) -> Option<Bytes> {
        self.read(DECODE_LIMIT).map(|read| read.data)
    }

    /// Name of the view that shows the message.
    pub(crate) fn view_name(self, registry: &Registry, mode: &Mode) -> Option<String> {
        let (rendered, _) = self.shown(registry, mode)?;
        Some(rendered.view_name)
    }

    /// Runs `with` with what views are told about the message.
    pub(crate) fn with_metadata<T>(
        self,
        protobuf: Option<&str>,
        with: impl FnOnce(&Metadata<'_>) -> T,
    ) -> T {
        let (kind, info, flow) = match self {
            Self::Http(flow, kind) => (kind, &flow.info, Some(flow)),
            Self::WebSocket(flow, _) => (MessageKind::WebSocket, &flow.info, Some(flow)),
            Self::Stream(info, _, kind) => (kind, info, None),
        };
        let fields = flow.and_then(|flow| match kind {
            MessageKind::Request => Some(&flow.request.fields),
            MessageKind::Response => flow.response.as_ref().map(|response| &response.fields),
            _ => None,
        });
        let field = |name: &str| -> Option<Cow<'_, str>> {
            fields
                .and_then(|fields| fields.get(name))
                .map(String::from_utf8_lossy)
        };
        let content_type = field("content-type");
        let grpc_encoding = field("grpc-encoding");
        let path = flow.map(|flow| String::from_utf8_lossy(&flow.request.path));
        with(&Metadata {
            content_type: content_type.as_deref(),
            message: kind,
            server_port: info
                .server_conn
                .address
                .as_ref()
                .map(|address| address.port),
            protobuf_definitions: protobuf,
            path: path.as_deref(),
            alpn: info.client_conn.alpn.as_deref(),
            grpc_encoding: grpc_encoding.as_deref(),
        })
    }

    fn render(self, registry: &Registry, mode: &Mode, limit: usize) -> Option<(Rendered, Read)> {
        let read = self.read(limit)?;
        let rendered = self.with_metadata(mode.protobuf.as_deref(), |meta| {
            registry.render(&read.data, meta, &mode.view)
        });
        Some((rendered, read))
    }

    /// Content as text by a view: what is shown, and what was read for it.
    fn shown(self, registry: &Registry, mode: &Mode) -> Option<(Rendered, Read)> {
        if mode.full {
            return self.render(registry, mode, DECODE_LIMIT);
        }
        let first = self.render(registry, mode, PREFIX)?;
        // A beginning of JSON is no JSON: what is not very large is read whole then.
        if first.1.more && first.0.failure.is_some() {
            let whole = self.render(registry, mode, WHOLE)?;
            if !whole.1.more {
                return Some(whole);
            }
        }
        Some(first)
    }
}

/// Adds the bar and the content of a message; gives the lines that were added.
pub(crate) fn add(
    builder: &mut Builder,
    message: Message<'_>,
    registry: &Registry,
    mode: &Mode,
) -> Option<()> {
    let (rendered, read) = message.shown(registry, mode)?;
    let mut left = if rendered.view_name.is_empty() {
        rendered.description.clone()
    } else {
        format!("{} {}", rendered.view_name, rendered.description)
    };
    if let Some(failure) = &rendered.failure {
        left.push_str(&format!(" ({failure})"));
    }
    if let Some(lie) = &read.lie {
        left.push_str(&format!("  not decoded: {lie}"));
    }
    builder.bar(left.trim(), &format!("[m:{}]", mode.view), Role::Heading);
    body(builder, &rendered, mode, read.more, message);
    Some(())
}

/// Adds the text of content without a bar.
pub(crate) fn add_plain(
    builder: &mut Builder,
    message: Message<'_>,
    registry: &Registry,
    mode: &Mode,
) {
    if let Some((rendered, read)) = message.shown(registry, mode) {
        body(builder, &rendered, mode, read.more, message);
    }
}

fn body(builder: &mut Builder, rendered: &Rendered, mode: &Mode, more: bool, message: Message<'_>) {
    let mut text = rendered.text.as_str();
    let mut note = None;
    if !mode.full {
        let end = text
            .match_indices('\n')
            .nth(mode.cutoff.max(1) - 1)
            .map(|(at, _)| at);
        if let Some(end) = end.filter(|end| end + 1 < text.len()) {
            text = text.get(..end).unwrap_or(text);
            note = Some(format!(
                "Stopped displaying data after {} lines. Press f to load all data.",
                mode.cutoff
            ));
        }
        if text.len() > 2 * PREFIX {
            text = crate::text::head_bytes(text, 2 * PREFIX);
            note = Some(String::new());
        }
        if more || note.as_deref() == Some("") {
            let size = message.content().and_then(Content::size).map(pretty_size);
            let of = size.map(|size| format!(" of {size}")).unwrap_or_default();
            note = Some(format!("first {}{of} - f: all", pretty_size(PREFIX as u64)));
        }
    }
    let pieces = highlight(text, rendered.syntax);
    let pieces = pieces
        .into_iter()
        .map(|(tag, piece)| (Role::from(tag), piece));
    if !builder.pieces(pieces) {
        note = Some("The rest does not fit on a screen; w or b save it to a file.".to_owned());
    }
    if let Some(note) = note {
        builder.line(&note, Role::Highlight);
    }
}

/// What is said where there is no content to show.
pub(crate) fn missing(builder: &mut Builder, content: &Content, evicted: bool) {
    match content {
        Content::Passed { size } => builder.line(
            &format!("[content not kept] {} went through without a copy", pretty_size(*size)),
            Role::Error,
        ),
        _ if evicted => builder.line(
            "[content dropped to save memory] view_memory_limit and view_disk_limit set how much is kept",
            Role::Error,
        ),
        _ => builder.line("[content missing]", Role::Error),
    };
}
