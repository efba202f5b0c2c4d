//! The trace of a flow: what was decided about it, who changed it and what that took (option `explain`).
//!
//! Lines are recorded in the metadata of the flow, so that files, scripts and front ends have them. What the flow says
//! already by its other facts is not recorded; [`account`] puts both together.

use std::time::{Duration, Instant};

use midwire_flow::{ClientConn, DnsFlow, FlowInfo, HttpFlow, ServerConn, Value};
use midwire_wire::Fields;

use crate::hooks::{Event, Hook};

/// The metadata that holds the recorded lines, a list of texts.
pub const KEY: &str = "explain";

/// Lines that one flow keeps. An ordinary exchange has less than ten; long conversations could have any number.
const LINES_MAX: usize = 100;

/// Bytes of one line that are kept.
const LINE_MAX: usize = 400;

/// Names of fields that one line tells.
const NAMES_MAX: usize = 8;

/// Records a line. Beyond the hundredth they are left out.
pub fn note(info: &mut FlowInfo, line: &str) {
    let end = line.floor_char_boundary(LINE_MAX);
    let line = Value::from(line.get(..end).unwrap_or_default());
    let known = info.metadata.iter_mut().find(|(key, _)| key == KEY);
    match known {
        Some((_, Value::List(lines))) if lines.len() < LINES_MAX => lines.push(line),
        Some((_, Value::List(_))) => {}
        _ => info.set_meta(KEY, Value::List(vec![line])),
    }
}

/// What is known about the making of a flow, a line for each fact: of its connections, then what was recorded.
pub fn account(info: &FlowInfo) -> Vec<String> {
    let mut lines = vec![client(&info.client_conn)];
    lines.extend(server(&info.server_conn));
    for (key, part) in [
        ("buffered_request", "request"),
        ("buffered_response", "response"),
    ] {
        if let Some(Value::Text(who)) = info.meta(key) {
            lines.push(format!("content of the {part} was held back for {who}"));
        }
    }
    if let Some(Value::Text(reason)) = info.meta("not_captured") {
        lines.push(format!("not captured: {reason}"));
    }
    if let Some(Value::List(recorded)) = info.meta(KEY) {
        lines.extend(recorded.iter().filter_map(|line| match line {
            Value::Text(line) => Some(line.clone()),
            _ => None,
        }));
    }
    if let Some(error) = &info.error {
        lines.push(format!("failed: {}", error.msg));
    }
    lines
}

fn client(client: &ClientConn) -> String {
    let tls = match (&client.tls_version, &client.error) {
        (Some(version), _) => tls(version, client.sni.as_deref(), client.alpn.as_deref()),
        (None, Some(error)) => format!("TLS failed: {error}"),
        (None, None) => "no TLS".to_owned(),
    };
    format!("client: mode {}, {tls}", client.proxy_mode)
}

fn server(server: &ServerConn) -> Option<String> {
    let address = server.address.as_ref()?;
    let mut line = format!("server: {address}");
    if let Some(peer) = server.peername.as_ref().filter(|peer| *peer != address) {
        line = format!("{line} at {peer}");
    }
    if let Some(via) = &server.via {
        line = format!("{line} through {}", via.address);
    }
    match (&server.tls_version, &server.error) {
        (_, Some(error)) => line = format!("{line}, failed: {error}"),
        (Some(version), None) => {
            let alpn = server.alpn.as_deref();
            line = format!("{line}, {}", tls(version, server.sni.as_deref(), alpn));
        }
        (None, None) if server.timestamp_tcp_setup.is_none() => line += ", not connected",
        (None, None) => line += ", no TLS",
    }
    Some(line)
}

fn tls(version: &str, sni: Option<&str>, alpn: Option<&[u8]>) -> String {
    let mut text = version.to_owned();
    if let Some(sni) = sni {
        text = format!("{text} for {sni}");
    }
    match alpn {
        Some(alpn) if !alpn.is_empty() => text + &format!(", {}", String::from_utf8_lossy(alpn)),
        _ => text,
    }
}

/// A flow before one link of the chain has had it.
pub(crate) struct Before {
    began: Instant,
    state: State,
}

/// What can be compared. Fields and content are shared, so that it costs little.
enum State {
    Http(Box<HttpFlow>),
    Dns(Box<DnsFlow>),
    Other,
}

impl Before {
    /// `None` for events without a flow.
    pub(crate) fn of(event: &mut Event<'_>) -> Option<Self> {
        let state = match flow(event)? {
            Subject::Http(flow) => State::Http(Box::new(flow.clone())),
            Subject::Dns(flow) => State::Dns(Box::new(flow.clone())),
            Subject::Other(_) => State::Other,
        };
        let began = Instant::now();
        Some(Self { began, state })
    }

    /// Records what the link has changed, and what it took if it is one that others wait for.
    pub(crate) fn note(self, who: &str, is_slow: bool, event: &mut Event<'_>) {
        let took = self.began.elapsed();
        let hook = event.hook();
        let Some(subject) = flow(event) else {
            return;
        };
        let changes = match (&self.state, &subject) {
            (State::Http(before), Subject::Http(after)) => changes(before, after),
            (State::Dns(before), Subject::Dns(after)) => dns_changes(before, after),
            _ => Vec::new(),
        };
        if changes.is_empty() && !is_slow {
            return;
        }
        let info = match subject {
            Subject::Http(flow) => &mut flow.info,
            Subject::Dns(flow) => &mut flow.info,
            Subject::Other(info) => info,
        };
        note(info, &line(hook, (who, is_slow.then_some(took)), &changes));
    }
}

fn line(hook: Hook, (who, took): (&str, Option<Duration>), changes: &[String]) -> String {
    let took = took.map_or_else(String::new, |took| {
        format!(" took {:.1} ms", took.as_secs_f64() * 1000.0)
    });
    let join = if took.is_empty() { "" } else { "," };
    match changes {
        [] => format!("{}: {who}{took}", hook.name()),
        _ => format!("{}: {who}{took}{join} {}", hook.name(), changes.join(", ")),
    }
}

/// The flow of an event.
enum Subject<'a> {
    Http(&'a mut HttpFlow),
    Dns(&'a mut DnsFlow),
    Other(&'a mut FlowInfo),
}

fn flow<'a>(event: &'a mut Event<'_>) -> Option<Subject<'a>> {
    match event {
        Event::HttpConnect(flow)
        | Event::HttpConnectUpstream(flow)
        | Event::HttpConnected(flow)
        | Event::HttpConnectError(flow)
        | Event::Requestheaders(flow)
        | Event::Request(flow)
        | Event::Responseheaders(flow)
        | Event::Response(flow)
        | Event::Error(flow)
        | Event::WebsocketStart(flow)
        | Event::WebsocketMessage(flow)
        | Event::WebsocketEnd(flow) => Some(Subject::Http(flow)),
        Event::DnsRequest(flow) | Event::DnsResponse(flow) | Event::DnsError(flow) => {
            Some(Subject::Dns(flow))
        }
        Event::TcpStart(flow)
        | Event::TcpMessage(flow)
        | Event::TcpEnd(flow)
        | Event::TcpError(flow)
        | Event::UdpStart(flow)
        | Event::UdpMessage(flow)
        | Event::UdpEnd(flow)
        | Event::UdpError(flow) => Some(Subject::Other(&mut flow.info)),
        _ => None,
    }
}

fn changes(before: &HttpFlow, after: &HttpFlow) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |differs: bool, what: &str| {
        if differs {
            found.push(what.to_owned());
        }
    };
    let (old, new) = (&before.request, &after.request);
    check(old.method != new.method, "changed the method");
    let target = (&old.scheme, &old.host, old.port, &old.authority, &old.path);
    check(
        target != (&new.scheme, &new.host, new.port, &new.authority, &new.path),
        "changed the target",
    );
    check(old.content != new.content, "changed the request's content");
    check(
        old.trailers != new.trailers,
        "changed the request's trailers",
    );
    match (&before.response, &after.response) {
        (None, Some(set)) => {
            let text = format!("answered with {}", set.status);
            check(true, &text);
        }
        (Some(old), Some(new)) => {
            check(
                (old.status, &old.reason) != (new.status, &new.reason),
                "changed the status",
            );
            check(old.content != new.content, "changed the response's content");
            check(
                old.trailers != new.trailers,
                "changed the response's trailers",
            );
        }
        (Some(_), None) => check(true, "took the response away"),
        (None, None) => {}
    }
    check(
        !before.info.intercepted && after.info.intercepted,
        "held the flow",
    );
    check(
        before.info.error.is_none() && after.info.error.is_some(),
        "ended the flow",
    );
    found.extend(fields("request", &old.fields, &new.fields));
    if let (Some(old), Some(new)) = (&before.response, &after.response) {
        found.extend(fields("response", &old.fields, &new.fields));
    }
    found
}

fn dns_changes(before: &DnsFlow, after: &DnsFlow) -> Vec<String> {
    let mut found = Vec::new();
    if before.request != after.request {
        found.push("changed the query".to_owned());
    }
    match (&before.response, &after.response) {
        (None, Some(_)) => found.push("answered".to_owned()),
        (old, new) if old != new => found.push("changed the answer".to_owned()),
        _ => {}
    }
    found
}

/// The names of fields that differ.
fn fields(part: &str, old: &Fields, new: &Fields) -> Option<String> {
    if old == new {
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    for (name, _) in old.iter().chain(new.iter()) {
        let same = old.get_all(name).eq(new.get_all(name));
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        if !same && !names.contains(&name) && names.len() < NAMES_MAX {
            names.push(name);
        }
    }
    Some(match names.as_slice() {
        [] => format!("changed the order of {part} fields"),
        names => format!("changed {part} fields {}", names.join(" ")),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn info() -> FlowInfo {
        FlowInfo::new(Arc::default(), Arc::default())
    }

    #[test]
    fn lines_are_bounded() {
        let mut info = info();
        for n in 0..=LINES_MAX {
            note(&mut info, &format!("{n} {}", "é".repeat(LINE_MAX)));
        }
        let Some(Value::List(lines)) = info.meta(KEY) else {
            panic!("no list");
        };
        assert_eq!(lines.len(), LINES_MAX);
        let long = |line: &Value| matches!(line, Value::Text(text) if text.len() > LINE_MAX);
        assert!(!lines.iter().any(long));
    }

    #[test]
    fn metadata_of_others_under_the_name_is_no_trouble() {
        let mut info = info();
        info.set_meta(KEY, Value::Int(1));
        note(&mut info, "a");
        assert_eq!(account(&info).last().map(String::as_str), Some("a"));
    }

    #[test]
    fn fields_that_differ_are_named() {
        let old = Fields::from_pairs([("A", "1"), ("B", "2"), ("C", "3")]);
        let mut new = old.clone();
        assert_eq!(fields("request", &old, &new), None);
        new.set("b", "3");
        new.append("D", "4");
        let text = fields("request", &old, &new);
        assert_eq!(text.as_deref(), Some("changed request fields b d"));
        let turned = Fields::from_pairs([("B", "2"), ("A", "1"), ("C", "3")]);
        let text = fields("request", &old, &turned);
        assert_eq!(text.as_deref(), Some("changed the order of request fields"));
    }
}
