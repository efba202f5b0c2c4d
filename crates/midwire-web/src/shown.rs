//! Content of messages in content views.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use midwire_core::options::Options;
use midwire_flow::{Content, Flow, HttpFlow, HttpMessage};
use midwire_views::{MessageKind, Metadata, Registry, Rendered};

/// Bytes of content that is shown, and what views have to know about them.
pub(crate) struct Shown {
    pub(crate) bytes: Option<Bytes>,
    /// There is more content than `bytes`.
    pub(crate) more: bool,
    /// Why the codings could not be removed.
    pub(crate) decode_error: Option<String>,
    kind: MessageKind,
    content_type: Option<String>,
    path: Option<String>,
    alpn: Option<Bytes>,
    grpc_encoding: Option<String>,
    port: Option<u16>,
}

/// Which half of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

impl Side {
    /// `request` or `response`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "request" => Some(Self::Request),
            "response" => Some(Self::Response),
            _ => None,
        }
    }
}

/// A message of an HTTP flow; `None` without a response.
pub(crate) fn message(http: &HttpFlow, side: Side) -> Option<&dyn Message> {
    match side {
        Side::Request => Some(&http.request),
        Side::Response => http
            .response
            .as_ref()
            .map(|response| response as &dyn Message),
    }
}

/// What is needed of requests and responses alike.
pub(crate) trait Message {
    fn content(&self) -> &Content;
    fn field(&self, name: &str) -> Option<String>;
    /// Content without its codings, or as it is if that fails, with the reason.
    fn decoded(&self, limit: usize) -> (Option<Bytes>, bool, Option<String>);
}

impl<M: HttpMessage> Message for M {
    fn content(&self) -> &Content {
        self.raw_content()
    }

    fn field(&self, name: &str) -> Option<String> {
        let value = self.header().get_folded(name)?;
        Some(String::from_utf8_lossy(&value).into_owned())
    }

    fn decoded(&self, limit: usize) -> (Option<Bytes>, bool, Option<String>) {
        match self.decoded_prefix(limit) {
            None => (None, false, None),
            Some(prefix) => match prefix.error {
                // What came before the fault is worth more than the coded bytes.
                Some(error) if prefix.bytes.is_empty() => {
                    let raw = self.raw_content().prefix(limit);
                    let more = self.raw_content().size().unwrap_or(0) > limit as u64;
                    (raw, more, Some(error.to_string()))
                }
                error => (
                    Some(prefix.bytes.into()),
                    prefix.more,
                    error.map(|error| error.to_string()),
                ),
            },
        }
    }
}

impl Shown {
    /// A message of an HTTP flow, at most `limit` decoded bytes.
    pub(crate) fn http(http: &HttpFlow, side: Side, limit: usize) -> Option<Self> {
        let message = message(http, side)?;
        let (bytes, more, decode_error) = message.decoded(limit);
        let (kind, alpn) = match side {
            Side::Request => (MessageKind::Request, &http.info.client_conn.alpn),
            Side::Response => (MessageKind::Response, &http.info.server_conn.alpn),
        };
        Some(Self {
            bytes,
            more,
            decode_error,
            kind,
            content_type: message.field("content-type"),
            path: Some(String::from_utf8_lossy(&http.request.path).into_owned()),
            alpn: alpn.clone(),
            grpc_encoding: message.field("grpc-encoding"),
            port: Some(http.request.port),
        })
    }

    /// One message of a conversation.
    pub(crate) fn message(flow: &Flow, content: &Bytes, limit: usize) -> Self {
        let (kind, path) = match flow {
            Flow::Http(http) => (
                MessageKind::WebSocket,
                Some(String::from_utf8_lossy(&http.request.path).into_owned()),
            ),
            Flow::Tcp(_) => (MessageKind::Tcp, None),
            Flow::Udp(_) => (MessageKind::Udp, None),
            Flow::Dns(_) => (MessageKind::Dns, None),
        };
        let more = content.len() > limit;
        Self {
            bytes: Some(content.slice(..content.len().min(limit))),
            more,
            decode_error: None,
            kind,
            content_type: None,
            path,
            alpn: flow.info().client_conn.alpn.clone(),
            grpc_encoding: None,
            port: flow
                .info()
                .server_conn
                .address
                .as_ref()
                .map(|address| address.port),
        }
    }

    /// A DNS message, packed.
    pub(crate) fn dns(flow: &Flow, side: Side) -> Option<Self> {
        let Flow::Dns(dns) = flow else {
            return None;
        };
        let message = match side {
            Side::Request => &dns.request,
            Side::Response => dns.response.as_ref()?,
        };
        let bytes = message.pack().unwrap_or_default();
        let len = bytes.len();
        Some(Self::message(flow, &bytes.into(), len))
    }

    /// The content in a view.
    pub(crate) fn render(&self, views: &Registry, options: &Options, name: &str) -> Rendered {
        let Some(bytes) = &self.bytes else {
            return Rendered::missing();
        };
        let meta = Metadata {
            content_type: self.content_type.as_deref(),
            message: self.kind,
            server_port: self.port,
            protobuf_definitions: options.protobuf_definitions.as_deref(),
            path: self.path.as_deref(),
            alpn: self.alpn.as_deref(),
            grpc_encoding: self.grpc_encoding.as_deref(),
        };
        views.render(bytes, &meta, name)
    }
}

/// The messages of a conversation: direction, content and time.
pub(crate) fn messages(flow: &Flow) -> Option<Vec<(bool, Bytes, f64)>> {
    match flow {
        Flow::Http(http) => {
            let data = http.websocket.as_ref()?;
            let messages = data.messages.iter();
            Some(
                messages
                    .map(|one| (one.from_client, one.content.clone(), one.timestamp.as_f64()))
                    .collect(),
            )
        }
        Flow::Tcp(flow) | Flow::Udp(flow) => {
            let messages = flow.messages.iter();
            Some(
                messages
                    .map(|one| (one.from_client, one.content.clone(), one.timestamp.as_f64()))
                    .collect(),
            )
        }
        Flow::Dns(_) => None,
    }
}

/// A text without what follows its first lines; true if something was cut.
pub(crate) fn cut_lines(text: &str, lines: usize) -> (Cow<'_, str>, bool) {
    let mut ends = text.match_indices('\n').map(|(at, _)| at);
    match lines.checked_sub(1).map(|before| ends.nth(before)) {
        None => (Cow::Borrowed(""), !text.is_empty()),
        Some(Some(end)) if end + 1 < text.len() => {
            (Cow::Borrowed(text.get(..=end).unwrap_or(text)), true)
        }
        Some(_) => (Cow::Borrowed(text), false),
    }
}

/// A copy of the handle to a flow's options that views read.
pub(crate) fn options(app: &crate::app::App) -> Arc<Options> {
    app.kernel.options().load()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_after_lines() {
        for (text, lines, expected) in [
            ("a\nb\nc", 2, ("a\nb\n", true)),
            ("a\nb\n", 2, ("a\nb\n", false)),
            ("a", 1, ("a", false)),
            ("a\nb", 0, ("", true)),
            ("", 0, ("", false)),
        ] {
            let (got, cut) = cut_lines(text, lines);
            assert_eq!((got.as_ref(), cut), expected, "{text:?} {lines}");
        }
    }
}
