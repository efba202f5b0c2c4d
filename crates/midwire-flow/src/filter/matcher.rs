//! Evaluates a filter on a flow.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use midwire_wire::Fields;
use regex::bytes::RegexSet;

use super::Node;
use super::operator::{Field, Half, Plain};
use super::{content, dns, repr};
use crate::pattern::Pattern;
use crate::{Address, DnsFlow, Flow, FlowInfo, HttpFlow, MessageFlow, Replay};

pub(super) fn matches(node: &Node, flow: &Flow) -> bool {
    let kind = match flow {
        Flow::Http(flow) => Kind::Http(flow),
        Flow::Tcp(flow) => Kind::Tcp(flow),
        Flow::Udp(flow) => Kind::Udp(flow),
        Flow::Dns(flow) => Kind::Dns(flow),
    };
    Subject::new(flow.info(), kind).meets(node)
}

pub(super) fn matches_http(node: &Node, flow: &HttpFlow) -> bool {
    Subject::new(&flow.info, Kind::Http(flow)).meets(node)
}

pub(super) fn matches_tcp(node: &Node, flow: &MessageFlow) -> bool {
    Subject::new(&flow.info, Kind::Tcp(flow)).meets(node)
}

pub(super) fn matches_udp(node: &Node, flow: &MessageFlow) -> bool {
    Subject::new(&flow.info, Kind::Udp(flow)).meets(node)
}

pub(super) fn matches_dns(node: &Node, flow: &DnsFlow) -> bool {
    Subject::new(&flow.info, Kind::Dns(flow)).meets(node)
}

/// A flow and what was worked out about it so far.
struct Subject<'a> {
    info: &'a FlowInfo,
    kind: Kind<'a>,
    url: OnceCell<Option<Cow<'a, str>>>,
    request_content: OnceCell<Option<Bytes>>,
    response_content: OnceCell<Option<Bytes>>,
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    Http(&'a HttpFlow),
    Tcp(&'a MessageFlow),
    Udp(&'a MessageFlow),
    Dns(&'a DnsFlow),
}

impl<'a> Subject<'a> {
    fn new(info: &'a FlowInfo, kind: Kind<'a>) -> Self {
        Self {
            info,
            kind,
            url: OnceCell::new(),
            request_content: OnceCell::new(),
            response_content: OnceCell::new(),
        }
    }

    fn meets(&self, node: &Node) -> bool {
        match node {
            Node::And(nodes) => nodes.iter().all(|node| self.meets(node)),
            Node::Or(nodes) => nodes.iter().any(|node| self.meets(node)),
            Node::Not(node) => !self.meets(node),
            Node::Plain(plain) => self.plain(*plain),
            Node::Match(field, pattern) => self.field(*field, pattern),
            Node::Status(code) => {
                let response = self.http().and_then(|flow| flow.response.as_ref());
                response.is_some_and(|response| u64::from(response.status) == *code)
            }
        }
    }

    fn http(&self) -> Option<&'a HttpFlow> {
        match self.kind {
            Kind::Http(flow) => Some(flow),
            _ => None,
        }
    }

    /// Whether there is a response, for flows that can have one.
    fn answered(&self) -> Option<bool> {
        match self.kind {
            Kind::Http(flow) => Some(flow.response.is_some()),
            Kind::Dns(flow) => Some(flow.response.is_some()),
            Kind::Tcp(_) | Kind::Udp(_) => None,
        }
    }

    fn plain(&self, plain: Plain) -> bool {
        match plain {
            Plain::All => true,
            Plain::Asset => self.is_asset(),
            Plain::Dns => matches!(self.kind, Kind::Dns(_)),
            Plain::Http => matches!(self.kind, Kind::Http(_)),
            Plain::Tcp => matches!(self.kind, Kind::Tcp(_)),
            Plain::Udp => matches!(self.kind, Kind::Udp(_)),
            Plain::WebSocket => self.http().is_some_and(|flow| flow.websocket.is_some()),
            Plain::Error => self.info.error.is_some(),
            Plain::Marked => !self.info.marked.is_empty(),
            Plain::Replayed => self.info.is_replay.is_some(),
            Plain::ReplayedRequest => self.info.is_replay == Some(Replay::Request),
            Plain::ReplayedResponse => self.info.is_replay == Some(Replay::Response),
            Plain::Answered => self.answered() == Some(true),
            Plain::Unanswered => self.answered() == Some(false),
        }
    }

    fn is_asset(&self) -> bool {
        let response = self.http().and_then(|flow| flow.response.as_ref());
        let content_type = response.and_then(|r| r.fields.get_folded("content-type"));
        let (Some(content_type), Some(assets)) = (content_type, ASSETS.as_ref()) else {
            return false;
        };
        assets.is_match(&content_type)
    }

    fn field(&self, field: Field, pattern: &Pattern) -> bool {
        match field {
            Field::Url => self
                .url()
                .is_some_and(|url| pattern.is_match(url.as_bytes())),
            Field::Content(half) => self.content(half, pattern),
            Field::Comment => pattern.is_match(&self.info.comment),
            Field::Marker => pattern.is_match(&self.info.marked),
            Field::Metadata => pattern.is_match(self.metadata()),
            Field::Source => address(self.info.client_conn.peername.as_ref(), pattern),
            Field::Destination => address(self.info.server_conn.address.as_ref(), pattern),
            Field::Domain => self.http().is_some_and(|flow| {
                pattern.is_match(&flow.request.host)
                    || pattern.is_match(flow.request.pretty_host().as_bytes())
            }),
            Field::Method => self
                .http()
                .is_some_and(|flow| pattern.is_match(&flow.request.method)),
            Field::Header(half) => {
                self.fields(half, |fields| pattern.is_match(header_block(fields)))
            }
            Field::ContentType(half) => self.fields(half, |fields| {
                fields
                    .get_all("content-type")
                    .any(|value| pattern.is_match(value))
            }),
        }
    }

    fn url(&self) -> Option<&str> {
        let url = self.url.get_or_init(|| match self.kind {
            Kind::Http(flow) => Some(Cow::Owned(flow.request.pretty_url())),
            Kind::Dns(flow) => {
                let question = flow.request.questions.first();
                question.map(|question| Cow::Borrowed(question.name.as_str()))
            }
            Kind::Tcp(_) | Kind::Udp(_) => None,
        });
        url.as_deref()
    }

    /// True if the test holds for the header section of one of the halves.
    fn fields(&self, half: Half, test: impl Fn(&Fields) -> bool) -> bool {
        let Some(flow) = self.http() else {
            return false;
        };
        (half.has_request() && test(&flow.request.fields))
            || (half.has_response()
                && flow
                    .response
                    .as_ref()
                    .is_some_and(|response| test(&response.fields)))
    }

    fn content(&self, half: Half, pattern: &Pattern) -> bool {
        match self.kind {
            Kind::Http(flow) => self.http_content(flow, half, pattern),
            Kind::Tcp(flow) | Kind::Udp(flow) => flow
                .messages
                .iter()
                .any(|m| wanted(half, m.from_client) && pattern.is_match(&m.content)),
            Kind::Dns(flow) => {
                (half.has_request() && pattern.is_match(dns::text(&flow.request)))
                    || (half.has_response()
                        && flow
                            .response
                            .as_ref()
                            .is_some_and(|response| pattern.is_match(dns::text(response))))
            }
        }
    }

    fn http_content(&self, flow: &HttpFlow, half: Half, pattern: &Pattern) -> bool {
        if half.has_request() {
            let request = &flow.request;
            let content = self
                .request_content
                .get_or_init(|| content::decoded(&request.content, &request.fields));
            if content.as_ref().is_some_and(|c| pattern.is_match(c)) {
                return true;
            }
        }
        if half.has_response()
            && let Some(response) = &flow.response
        {
            let content = self
                .response_content
                .get_or_init(|| content::decoded(&response.content, &response.fields));
            if content.as_ref().is_some_and(|c| pattern.is_match(c)) {
                return true;
            }
        }
        flow.websocket.as_ref().is_some_and(|websocket| {
            websocket
                .messages
                .iter()
                .any(|m| wanted(half, m.from_client) && pattern.is_match(&m.content))
        })
    }

    /// Lines `KEY: VALUE`, values as Python prints them.
    fn metadata(&self) -> String {
        let mut out = String::new();
        for (i, (key, value)) in self.info.metadata.iter().enumerate() {
            if i > 0 {
                out.push('\n');
            }
            out.push_str(key);
            out.push_str(": ");
            repr::push_str(value, &mut out);
        }
        out
    }
}

fn wanted(half: Half, from_client: bool) -> bool {
    match half {
        Half::Both => true,
        Half::Request => from_client,
        Half::Response => !from_client,
    }
}

/// Searches `host:port`, without brackets around IPv6 addresses as mitmproxy has it.
fn address(address: Option<&Address>, pattern: &Pattern) -> bool {
    address.is_some_and(|address| {
        let mut text = String::with_capacity(address.host.len() + 6);
        let _ = write!(text, "{}:{}", address.host, address.port);
        pattern.is_match(text)
    })
}

/// Lines `Name: value` and CRLF, whatever white space they came with.
fn header_block(fields: &Fields) -> Vec<u8> {
    let mut out = Vec::with_capacity(fields.encoded_len());
    for (name, value) in fields.iter() {
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Media types of what pages pull in. Case counts, and they may stand anywhere in the value.
static ASSETS: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        "text/javascript",
        "application/x-javascript",
        "application/javascript",
        "text/css",
        "image/",
        "font/",
        "application/font",
    ])
    .ok()
});
