//! What a row of the list says about a flow, as clean text.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use midwire_core::Kernel;
use midwire_flow::access::human::{pretty_duration, pretty_size};
use midwire_flow::{
    Address, Content, DnsFlow, Flow, FlowInfo, HttpFlow, HttpMessage as _, MessageFlow,
};
use midwire_views::clean_line;
use midwire_wire::dns::{op_codes, response_codes, types};

use crate::text::line_of;
use crate::theme::Role;

/// The facts of a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) number: Option<u64>,
    pub(crate) time: String,
    pub(crate) proto: (&'static str, Role),
    pub(crate) method: (String, Role),
    pub(crate) host: String,
    /// Path and query.
    pub(crate) path: (String, String),
    /// Scheme and authority as they stand in a URL.
    pub(crate) origin: String,
    /// HTTP version if it is worth saying.
    pub(crate) version: String,
    pub(crate) status: (String, Role),
    pub(crate) kind: (String, Role),
    pub(crate) size: Option<u64>,
    pub(crate) took: Option<f64>,
    pub(crate) state: State,
    pub(crate) marked: String,
    pub(crate) replayed: bool,
    pub(crate) commented: bool,
    pub(crate) edited: bool,
    /// The text of the error.
    pub(crate) error: Option<String>,
}

/// What holds a flow up or ended it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Done,
    Running,
    /// Held with its request, or with its response.
    HeldRequest,
    HeldResponse,
    Failed,
}

/// Seconds since the epoch as local clock time.
pub(crate) fn clock(seconds: f64) -> String {
    zoned(seconds, "%H:%M:%S")
}

/// Seconds since the epoch in a form of `strftime`, local time.
pub(crate) fn zoned(seconds: f64, form: &str) -> String {
    let time = Timestamp::from_microsecond((seconds * 1e6) as i64);
    time.map_or_else(
        |_| "--".to_owned(),
        |time| time.to_zoned(TimeZone::system()).strftime(form).to_string(),
    )
}

impl Facts {
    /// The facts of a flow at this moment.
    pub(crate) fn of(kernel: &Kernel, flow: &Flow, show_host: bool, now: f64) -> Self {
        let info = flow.info();
        let mut facts = Self {
            number: kernel.store().number(&info.id),
            time: clock(started(flow)),
            marked: info.marked.clone(),
            replayed: info.is_replay.is_some(),
            commented: !info.comment.is_empty(),
            edited: info.backup.is_some(),
            error: info
                .error
                .as_ref()
                .map(|error| clean_line(&error.msg).into_owned()),
            ..Self::default()
        };
        match flow {
            Flow::Http(http) => facts.http(http, show_host),
            Flow::Tcp(stream) => facts.stream(stream, "tcp"),
            Flow::Udp(stream) => facts.stream(stream, "udp"),
            Flow::Dns(dns) => facts.dns(dns),
        }
        facts.outcome(flow, now);
        facts
    }

    fn http(&mut self, flow: &HttpFlow, show_host: bool) {
        let request = &flow.request;
        let method = line_of(&request.method);
        let is_connect = request.method.eq_ignore_ascii_case(b"CONNECT");
        self.proto = proto(flow);
        self.method = (method.clone(), method_role(&method));
        let host = if show_host {
            request.pretty_host()
        } else {
            Cow::Borrowed(request.host.as_str())
        };
        self.host = clean_line(&host).into_owned();
        let url = if show_host {
            request.pretty_url()
        } else {
            request.url()
        };
        let url = clean_line(&url).into_owned();
        let path_at = url.find("://").map_or(Some(0), |at| {
            url.get(at + 3..)
                .and_then(|rest| rest.find('/'))
                .map(|slash| at + 3 + slash)
        });
        let (origin, _) = url
            .split_at_checked(path_at.unwrap_or(url.len()))
            .unwrap_or((&url, ""));
        self.origin = if is_connect {
            url.clone()
        } else {
            origin.to_owned()
        };
        if !is_connect {
            let path = line_of(&request.path);
            self.path = match path.split_once('?') {
                Some((path, query)) => (path.to_owned(), format!("?{query}")),
                None => (path, String::new()),
            };
        }
        if !request.version.starts_with(b"HTTP/1") {
            self.version = line_of(&request.version);
        }
        let Some(response) = &flow.response else {
            return;
        };
        self.status = (response.status.to_string(), code_role(response.status));
        self.size = response.content.size();
        if let Some(websocket) = &flow.websocket {
            let count = websocket.messages.len();
            self.kind = (format!("{count} msg"), Role::ContentText);
            let bytes = websocket
                .messages
                .iter()
                .map(|message| message.content.len() as u64);
            self.size = Some(bytes.sum());
        } else {
            self.kind = kind_of(&response.content_type(), &response.content);
        }
        // A call that failed although HTTP says 200 must look failed.
        let trailers = response.trailers.as_ref();
        let grpc = trailers
            .and_then(|fields| fields.get("grpc-status"))
            .or_else(|| response.fields.get("grpc-status"));
        if let Some(code) = grpc.filter(|code| *code != b"0") {
            self.status = (format!("g{}", line_of(code)), Role::Code500);
        }
    }

    fn stream(&mut self, flow: &MessageFlow, proto: &'static str) {
        let role = if proto == "tcp" {
            Role::SchemeTcp
        } else {
            Role::SchemeUdp
        };
        self.proto = (proto, role);
        self.method = (proto.to_ascii_uppercase(), role);
        let address = |address: Option<&Address>| {
            address.map_or_else(
                || "?".to_owned(),
                |a| clean_line(&a.to_string()).into_owned(),
            )
        };
        let info = &flow.info;
        let server = info
            .server_conn
            .address
            .as_ref()
            .or(info.server_conn.peername.as_ref());
        self.host = address(server);
        let client = address(info.client_conn.peername.as_ref());
        self.origin = format!("{client} <-> {}", self.host);
        self.path = (format!("from {client}"), String::new());
        self.kind = (format!("{} msg", flow.messages.len()), Role::ContentOther);
        self.size = Some(
            flow.messages
                .iter()
                .map(|message| message.content.len() as u64)
                .sum(),
        );
        let last = flow
            .messages
            .last()
            .map(|message| message.timestamp.as_f64());
        self.took = last.map(|last| (last - info.timestamp_created.as_f64()).max(0.0));
    }

    fn dns(&mut self, flow: &DnsFlow) {
        self.proto = ("dns", Role::SchemeDns);
        let op = op_codes::to_str(flow.request.op_code.into()).into_owned();
        let question = flow.request.questions.first();
        let kind = question.map_or("?".into(), |question| types::to_str(question.type_));
        self.method = (
            format!("{} {}", clean_line(&op), clean_line(&kind)),
            Role::SchemeDns,
        );
        self.host = question.map_or_else(String::new, |q| clean_line(&q.name).into_owned());
        self.origin.clone_from(&self.host);
        let Some(response) = &flow.response else {
            return;
        };
        let code = response_codes::to_str(response.response_code.into());
        let role = if response.response_code == 0 {
            Role::Code200
        } else {
            Role::Code400
        };
        let answers: Vec<String> = response
            .answers
            .iter()
            .take(8)
            .map(|answer| clean_line(&answer.to_string()).into_owned())
            .collect();
        let answer = if answers.is_empty() {
            clean_line(&code).into_owned()
        } else {
            answers.join(", ")
        };
        self.path = (format!(" = {answer}"), String::new());
        self.status = (
            if response.response_code == 0 {
                "ok".to_owned()
            } else {
                clean_line(&code).into_owned()
            },
            role,
        );
        self.size = Some(response.size() as u64);
        let end = flow.response_timestamp.map(midwire_flow::Number::as_f64);
        self.took = end.map(|end| (end - flow.request_timestamp.as_f64()).max(0.0));
    }

    /// State, error and time of the flow.
    fn outcome(&mut self, flow: &Flow, now: f64) {
        let info = flow.info();
        let responded = match flow {
            Flow::Http(http) => http.response.is_some(),
            Flow::Dns(dns) => dns.response.is_some(),
            Flow::Tcp(_) | Flow::Udp(_) => true,
        };
        if self.took.is_none() {
            self.took = took(flow);
        }
        if info.intercepted {
            self.state = if responded {
                State::HeldResponse
            } else {
                State::HeldRequest
            };
            return;
        }
        if let Some(error) = &info.error {
            self.state = State::Failed;
            self.status = (error_word(&error.msg).to_owned(), Role::Error);
            return;
        }
        if !responded {
            self.state = if info.live {
                State::Running
            } else {
                State::Done
            };
            let waited = now - started(flow);
            if info.live {
                self.status = ("...".to_owned(), Role::Dim);
                self.took = (waited > 0.0 && waited < 1e7).then_some(waited);
            } else {
                self.status = ("-".to_owned(), Role::Dim);
            }
        } else if info.live && !is_complete(flow) {
            self.state = State::Running;
        }
    }

    /// Size for people, empty if there is none.
    pub(crate) fn size_text(&self) -> String {
        self.size.map(pretty_size).unwrap_or_default()
    }

    /// Duration for people, empty if there is none.
    pub(crate) fn took_text(&self) -> String {
        self.took.map(pretty_duration).unwrap_or_default()
    }
}

/// When a flow began, in seconds since the epoch.
pub(crate) fn started(flow: &Flow) -> f64 {
    match flow {
        Flow::Http(http) => http.request.timestamp_start.as_f64(),
        Flow::Dns(dns) => dns.request_timestamp.as_f64(),
        Flow::Tcp(stream) | Flow::Udp(stream) => stream.info.timestamp_created.as_f64(),
    }
}

fn is_complete(flow: &Flow) -> bool {
    match flow {
        Flow::Http(http) => {
            http.websocket.is_none()
                && http
                    .response
                    .as_ref()
                    .is_some_and(|response| response.timestamp_end.is_some())
        }
        _ => false,
    }
}

/// True if the flow ended with an error or its response tells one.
pub(crate) fn is_failed(flow: &Flow) -> bool {
    let told = match flow {
        Flow::Http(http) => http.response.as_ref().is_some_and(|r| r.status >= 400),
        Flow::Dns(dns) => dns.response.as_ref().is_some_and(|r| r.response_code != 0),
        Flow::Tcp(_) | Flow::Udp(_) => false,
    };
    told || flow.info().error.is_some()
}

/// Bytes that came for the client.
pub(crate) fn size(flow: &Flow) -> Option<u64> {
    let sum = |messages: &[midwire_flow::StreamMessage]| {
        messages
            .iter()
            .map(|message| message.content.len() as u64)
            .sum()
    };
    match flow {
        Flow::Http(http) => http.response.as_ref()?.content.size(),
        Flow::Tcp(stream) | Flow::Udp(stream) => Some(sum(&stream.messages)),
        Flow::Dns(dns) => Some(dns.response.as_ref()?.size() as u64),
    }
}

/// Seconds from the beginning of a flow to its end, once it has one.
pub(crate) fn took(flow: &Flow) -> Option<f64> {
    let start = started(flow);
    let info: &FlowInfo = flow.info();
    let end = match flow {
        Flow::Http(http) => match (&http.websocket, &http.response) {
            (Some(websocket), _) => websocket.timestamp_end.or_else(|| {
                websocket
                    .messages
                    .last()
                    .map(|message| message.timestamp.as_f64())
            }),
            (None, Some(response)) => response.timestamp_end.map(midwire_flow::Number::as_f64),
            (None, None) => None,
        },
        _ => None,
    };
    let end = end.or_else(|| info.error.as_ref().map(|error| error.timestamp))?;
    Some((end - start).max(0.0))
}

fn proto(flow: &HttpFlow) -> (&'static str, Role) {
    let tls = flow.request.scheme.eq_ignore_ascii_case(b"https");
    match (flow.websocket.is_some(), &flow.request.version[..], tls) {
        (true, _, true) => ("wss", Role::SchemeWs),
        (true, _, false) => ("ws", Role::SchemeWs),
        (_, b"HTTP/2.0" | b"HTTP/2", _) => ("h2", Role::SchemeHttps),
        (_, b"HTTP/3", _) => ("h3", Role::SchemeHttps),
        (_, _, true) => ("https", Role::SchemeHttps),
        _ => ("http", Role::SchemeHttp),
    }
}

fn method_role(method: &str) -> Role {
    match method {
        "GET" => Role::MethodGet,
        "POST" => Role::MethodPost,
        "DELETE" => Role::MethodDelete,
        "HEAD" => Role::MethodHead,
        "PUT" | "PATCH" => Role::MethodPut,
        _ => Role::MethodOther,
    }
}

/// The role of a status code.
pub(crate) fn code_role(status: u16) -> Role {
    match status {
        200..300 => Role::Code200,
        300..400 => Role::Code300,
        400..500 => Role::Code400,
        500..600 => Role::Code500,
        _ => Role::CodeOther,
    }
}

/// A short word for a media type.
fn kind_of(content_type: &str, content: &Content) -> (String, Role) {
    let media = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match content {
        Content::Missing => return ("missing".to_owned(), Role::ContentNone),
        _ if content.size() == Some(0) && media.is_empty() => {
            return ("-".to_owned(), Role::ContentNone);
        }
        _ => {}
    }
    let (top, sub) = media.split_once('/').unwrap_or((&media, ""));
    let word = match sub.rsplit_once('+') {
        Some((_, suffix)) => suffix,
        None => sub.trim_start_matches("x-"),
    };
    let word = match word {
        "javascript" | "ecmascript" => "js",
        "event-stream" => "sse",
        "www-form-urlencoded" => "form",
        "form-data" => "multi",
        "octet-stream" => "bytes",
        "plain" => "text",
        "jpeg" => "jpg",
        "svg" => "svg",
        "" => {
            if top.is_empty() {
                "-"
            } else {
                top
            }
        }
        other => other,
    };
    let role = match (top, word) {
        (_, "json" | "xml" | "protobuf" | "grpc" | "msgpack" | "form" | "sse") => Role::ContentData,
        (_, "js" | "css" | "wasm") => Role::ContentScript,
        ("image" | "video" | "audio" | "font", _) => Role::ContentMedia,
        ("text", _) => Role::ContentText,
        _ => Role::ContentOther,
    };
    (clean_line(word).into_owned(), role)
}

/// A short word for an error.
pub(crate) fn error_word(message: &str) -> &'static str {
    let message = message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if has(&["killed"]) {
        "killed"
    } else if has(&["refused", "errno 111"]) {
        "refused"
    } else if has(&["reset"]) {
        "reset"
    } else if has(&["timed out", "timeout", "time out"]) {
        "timeout"
    } else if has(&[
        "name or service",
        "resolve",
        "dns",
        "getaddrinfo",
        "no address",
    ]) {
        "dns"
    } else if has(&["tls", "certificate", "handshake", "ssl"]) {
        "tls"
    } else if has(&["closed", "disconnected", "eof", "cut", "incomplete"]) {
        "cut off"
    } else {
        "error"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_have_short_words() {
        let some = Content::Memory("x".into());
        for (media, word) in [
            ("application/json; charset=utf-8", "json"),
            ("text/html", "html"),
            ("application/vnd.api+json", "json"),
            ("application/x-www-form-urlencoded", "form"),
            ("text/event-stream", "sse"),
            ("image/svg+xml", "xml"),
            ("", "-"),
            ("\x1b[2J/x\x07", "x."),
        ] {
            assert_eq!(kind_of(media, &some).0, word, "{media}");
        }
        assert_eq!(kind_of("text/html", &Content::Missing).0, "missing");
    }

    #[test]
    fn errors_have_short_words() {
        for (message, word) in [
            ("Connection killed.", "killed"),
            (
                "cannot connect: Connection refused (os error 111)",
                "refused",
            ),
            ("server closed connection", "cut off"),
            ("certificate has expired", "tls"),
            ("what else", "error"),
        ] {
            assert_eq!(error_word(message), word);
        }
    }
}
