//! A flow as one row of the list.

use std::borrow::Cow;

use midwire_core::store::Stored;
use midwire_flow::{Content, Flow, HttpFlow, Number, Replay};
use midwire_wire::dns::{op_codes, response_codes};
use serde_json::{Value as Json, json};

use super::kind;
use crate::json::text;

/// Content that is read to find the name of an operation, at most.
const OPERATION_BODY: usize = 64 * 1024;

/// The row of a flow.
pub(crate) fn row(stored: &Stored) -> Json {
    let flow = &*stored.flow;
    let info = flow.info();
    let (duration, ttfb) = times(flow);
    let mut row = json!({
        "id": info.id.to_string(),
        "n": stored.number + 1,
        "type": flow.kind(),
        "proto": proto(flow),
        "method": method(flow),
        "scheme": scheme(flow),
        "host": host(flow),
        "port": port(flow),
        "path": path(flow),
        "url": url(flow),
        "status": status(flow),
        "status_text": status_text(flow),
        "kind": kind::of(flow),
        "size": size(flow),
        "request_size": request_size(flow),
        "started": info.timestamp_created.as_f64(),
        "duration": duration,
        "ttfb": ttfb,
        "marked": crate::json::mark(info),
        "comment": info.comment,
        "state": states(stored),
        "error": info.error.as_ref().map(|error| &error.msg),
        "timing": timing(flow),
        "operation": operation(flow),
        "client": info.client_conn.peername.as_ref().map_or_else(String::new, ToString::to_string),
        "server": info.server_conn.peername.as_ref().or(info.server_conn.address.as_ref()).map(ToString::to_string),
        "messages": messages(flow),
    });
    if let Some(code) = midwire_code(info.marked.as_str()) {
        row["mark"] = json!(code);
    }
    row
}

/// The name of a mark beside its picture, so that it can be set again.
fn midwire_code(marked: &str) -> Option<&str> {
    (!marked.is_empty()).then_some(marked)
}

/// What was spoken, in letters.
pub(crate) fn proto(flow: &Flow) -> &'static str {
    match flow {
        Flow::Http(http) => {
            let secure = http.request.scheme.eq_ignore_ascii_case(b"https");
            match (&http.websocket, &http.request.version[..]) {
                (Some(_), _) if secure => "WSS",
                (Some(_), _) => "WS",
                (None, b"HTTP/2.0" | b"HTTP/2") => "H2",
                (None, b"HTTP/3") => "H3",
                (None, _) if secure => "HTTPS",
                (None, _) => "HTTP",
            }
        }
        Flow::Tcp(_) => "TCP",
        Flow::Udp(udp) if udp.info.client_conn.tls => "QUIC",
        Flow::Udp(_) => "UDP",
        Flow::Dns(_) => "DNS",
    }
}

/// The method; of DNS the kind of query.
pub(crate) fn method(flow: &Flow) -> Cow<'_, str> {
    match flow {
        Flow::Http(http) => String::from_utf8_lossy(&http.request.method),
        Flow::Tcp(_) => Cow::Borrowed("TCP"),
        Flow::Udp(_) => Cow::Borrowed("UDP"),
        Flow::Dns(dns) => op_codes::to_str(u16::from(dns.request.op_code)),
    }
}

fn scheme(flow: &Flow) -> Cow<'_, str> {
    match flow {
        Flow::Http(http) => String::from_utf8_lossy(&http.request.scheme),
        other => Cow::Borrowed(other.kind()),
    }
}

/// The host as the client meant it.
pub(crate) fn host(flow: &Flow) -> Cow<'_, str> {
    let info = flow.info();
    match flow {
        Flow::Http(http) => http.request.pretty_host(),
        _ => match (&info.server_conn.sni, &info.server_conn.address) {
            (Some(name), _) => Cow::Borrowed(name),
            (None, Some(address)) => Cow::Borrowed(&address.host),
            (None, None) => Cow::Borrowed(""),
        },
    }
}

fn port(flow: &Flow) -> Option<u16> {
    match flow {
        Flow::Http(http) => Some(http.request.port),
        other => {
            let address = other.info().server_conn.address.as_ref()?;
            Some(address.port)
        }
    }
}

/// The path; of DNS the name that is asked for.
pub(crate) fn path(flow: &Flow) -> Cow<'_, str> {
    match flow {
        Flow::Http(http) => String::from_utf8_lossy(&http.request.path),
        Flow::Dns(dns) => dns
            .request
            .questions
            .first()
            .map_or(Cow::Borrowed(""), |question| Cow::Borrowed(&question.name)),
        Flow::Tcp(_) | Flow::Udp(_) => Cow::Borrowed(""),
    }
}

fn url(flow: &Flow) -> String {
    match flow {
        Flow::Http(http) => http.request.pretty_url(),
        Flow::Dns(_) => format!("dns:{}", path(flow)),
        other => {
            let address = other.info().server_conn.address.as_ref();
            address.map_or_else(String::new, |address| {
                format!("{}://{address}", flow.kind())
            })
        }
    }
}

/// The status code, if there is a response.
pub(crate) fn status(flow: &Flow) -> Option<u16> {
    match flow {
        Flow::Http(http) => http.response.as_ref().map(|response| response.status),
        _ => None,
    }
}

/// A short word when something failed.
fn status_text(flow: &Flow) -> Cow<'static, str> {
    if let Some(error) = &flow.info().error {
        return Cow::Borrowed(error_word(&error.msg));
    }
    match flow {
        Flow::Http(http) => match grpc_status(http) {
            Some(code) if code != "0" => format!("grpc {code}").into(),
            _ => Cow::Borrowed(""),
        },
        Flow::Dns(dns) => match &dns.response {
            Some(response) if u16::from(response.response_code) != response_codes::NOERROR => {
                response_codes::to_str(u16::from(response.response_code))
            }
            _ => Cow::Borrowed(""),
        },
        _ => Cow::Borrowed(""),
    }
}

/// The status of a gRPC call, which stands in the trailers, or in the head if there is nothing else.
fn grpc_status(http: &HttpFlow) -> Option<String> {
    let response = http.response.as_ref()?;
    let mut fields = response.trailers.iter().chain([&response.fields]);
    let value = fields.find_map(|fields| fields.get("grpc-status"))?;
    let digits = value.len() <= 3 && value.iter().all(u8::is_ascii_digit);
    digits.then(|| text(value))
}

/// The error of a flow as one of a few words.
fn error_word(message: &str) -> &'static str {
    let message = message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if has(&["killed"]) {
        "killed"
    } else if has(&["timed out", "timeout", "time out"]) {
        "timeout"
    } else if has(&["refused"]) {
        "refused"
    } else if has(&[
        "name or service",
        "resolve",
        "lookup",
        "no such host",
        "nodename",
        "dns",
    ]) {
        "dns"
    } else if has(&["tls", "certificate", "handshake", "ssl"]) {
        "tls"
    } else if has(&[
        "reset",
        "closed",
        "disconnect",
        "broken pipe",
        "eof",
        "aborted",
    ]) {
        "reset"
    } else {
        "error"
    }
}

/// Bytes of the response's content on the wire; of conversations, of all messages.
pub(crate) fn size(flow: &Flow) -> Option<u64> {
    match flow {
        Flow::Http(http) => match &http.websocket {
            Some(data) => Some(total(data.messages.iter().map(|one| one.content.len()))),
            None => http
                .response
                .as_ref()
                .and_then(|response| response.content.size()),
        },
        Flow::Tcp(flow) | Flow::Udp(flow) => {
            Some(total(flow.messages.iter().map(|one| one.content.len())))
        }
        Flow::Dns(dns) => dns.response.as_ref().map(|response| response.size() as u64),
    }
}

fn total(sizes: impl Iterator<Item = usize>) -> u64 {
    sizes.map(|size| size as u64).sum()
}

/// Bytes of the request's content on the wire.
pub(crate) fn request_size(flow: &Flow) -> Option<u64> {
    match flow {
        Flow::Http(http) => http.request.content.size(),
        _ => None,
    }
}

fn messages(flow: &Flow) -> Option<usize> {
    match flow {
        Flow::Http(http) => http.websocket.as_ref().map(|data| data.messages.len()),
        Flow::Tcp(flow) | Flow::Udp(flow) => Some(flow.messages.len()),
        Flow::Dns(_) => None,
    }
}

/// Seconds until the flow was over, and until its response began.
pub(crate) fn times(flow: &Flow) -> (Option<f64>, Option<f64>) {
    let since = |start: f64, end: Option<f64>| end.map(|end| (end - start).max(0.0));
    match flow {
        Flow::Http(http) => {
            let start = http.request.timestamp_start.as_f64();
            let response = http.response.as_ref();
            let mut end = response.and_then(|response| response.timestamp_end.map(Number::as_f64));
            if let Some(data) = &http.websocket {
                end = data.timestamp_end;
            }
            let failed = http.info.error.as_ref().map(|error| error.timestamp);
            let first = response.map(|response| response.timestamp_start.as_f64());
            (since(start, end.or(failed)), since(start, first))
        }
        Flow::Tcp(found) | Flow::Udp(found) => {
            let start = found.info.timestamp_created.as_f64();
            let end = found.info.server_conn.timestamp_end;
            let last = found.messages.last().map(|one| one.timestamp.as_f64());
            (since(start, end.or(last)), None)
        }
        Flow::Dns(dns) => {
            let start = dns.request_timestamp.as_f64();
            let end = dns.response_timestamp.map(Number::as_f64);
            (since(start, end), since(start, end))
        }
    }
}

/// Begin and end of each phase. A connection that was used before has no phase of its own here.
fn timing(flow: &Flow) -> Json {
    let info = flow.info();
    let created = info.timestamp_created.as_f64();
    let Flow::Http(http) = flow else {
        let (duration, _) = times(flow);
        let receive = duration.map(|duration| json!([created, created + duration]));
        return json!({ "start": created, "connect": null, "tls": null, "send": null, "wait": null, "receive": receive });
    };
    let start = http.request.timestamp_start.as_f64();
    let server = &info.server_conn;
    // Opened for an earlier flow: it began before this one.
    let is_ours = server.timestamp_start.is_some_and(|opened| opened >= start);
    let phase = |from: Option<f64>, to: Option<f64>| match (from, to) {
        (Some(from), Some(to)) if to >= from => json!([from, to]),
        _ => Json::Null,
    };
    let connect = phase(
        server.timestamp_start.filter(|_| is_ours),
        server.timestamp_tcp_setup,
    );
    let tls = phase(
        server.timestamp_tcp_setup.filter(|_| is_ours),
        server.timestamp_tls_setup,
    );
    let sent = http.request.timestamp_end.map(Number::as_f64);
    let first = http
        .response
        .as_ref()
        .map(|response| response.timestamp_start.as_f64());
    let last = http
        .response
        .as_ref()
        .and_then(|response| response.timestamp_end.map(Number::as_f64));
    json!({
        "start": start,
        "connect": connect,
        "tls": tls,
        "send": phase(Some(start), sent),
        "wait": phase(sent, first),
        "receive": phase(first, last),
    })
}

/// What is to be known of a flow at a glance.
pub(crate) fn states(stored: &Stored) -> Vec<&'static str> {
    let flow = &*stored.flow;
    let info = flow.info();
    let answered = match flow {
        Flow::Http(http) => http.response.is_some(),
        Flow::Dns(dns) => dns.response.is_some(),
        _ => false,
    };
    let http = flow.as_http();
    let paused = |when: bool| info.intercepted && when;
    let mocked = info.is_replay == Some(Replay::Response)
        || (answered
            && http.is_some()
            && info.client_conn.timestamp_start.is_some()
            && info.server_conn.timestamp_start.is_none());
    let grpc_failed = http.is_some_and(|http| grpc_status(http).is_some_and(|code| code != "0"));
    [
        ("paused_request", paused(!answered)),
        ("paused_response", paused(answered)),
        ("replayed", info.is_replay == Some(Replay::Request)),
        ("edited", is_edited(flow)),
        ("mocked", mocked),
        ("error", info.error.is_some() || grpc_failed),
        ("live", info.live),
        ("partial", http.is_some_and(is_partial)),
        ("evicted", stored.evicted),
    ]
    .into_iter()
    .filter_map(|(name, applies)| applies.then_some(name))
    .collect()
}

/// True if a user or script changed the flow. That a replay brought another response is no edit.
fn is_edited(flow: &Flow) -> bool {
    let info = flow.info();
    let Some(backup) = &info.backup else {
        return false;
    };
    match (flow, &**backup) {
        (Flow::Http(now), Flow::Http(before)) if info.is_replay == Some(Replay::Request) => {
            let (now, before) = (&now.request, &before.request);
            (&now.method, &now.path, &now.host, &now.fields, &now.content)
                != (
                    &before.method,
                    &before.path,
                    &before.host,
                    &before.fields,
                    &before.content,
                )
        }
        _ => flow.modified(),
    }
}

/// True if the response ended before it was whole.
pub(crate) fn is_partial(http: &HttpFlow) -> bool {
    let Some(response) = &http.response else {
        return false;
    };
    let size = response.content.size().unwrap_or_default();
    http.info.error.is_some() && promised(&response.fields).map_or(size > 0, |length| size < length)
}

/// Bytes that Content-Length promises.
pub(crate) fn promised(fields: &midwire_wire::Fields) -> Option<u64> {
    let length = fields.get("content-length")?;
    std::str::from_utf8(length).ok()?.trim().parse().ok()
}

/// The name of what was called: a gRPC method, a GraphQL operation, a JSON-RPC method, a SOAP action.
fn operation(flow: &Flow) -> Option<String> {
    let http = flow.as_http()?;
    let fields = &http.request.fields;
    let media = fields.get("content-type").map(text).unwrap_or_default();
    if media.starts_with("application/grpc") {
        let path = path(flow);
        return path
            .rsplit('/')
            .next()
            .filter(|name| !name.is_empty())
            .map(str::to_owned);
    }
    if let Some(action) = fields.get("soapaction") {
        return Some(text(action).trim_matches('"').to_owned());
    }
    let is_small = http
        .request
        .content
        .size()
        .is_some_and(|size| size <= OPERATION_BODY as u64);
    if !(is_small && media.contains("json")) {
        return None;
    }
    let Content::Memory(body) = &http.request.content else {
        return None;
    };
    // Only what can have a name is parsed, since every row in the window comes here.
    let has = |word: &str| body.windows(word.len()).any(|part| part == word.as_bytes());
    if !(has("\"query\"") || has("\"operationName\"") || has("\"jsonrpc\"")) {
        return None;
    }
    let body: Json = serde_json::from_slice(body).ok()?;
    let name = if body.get("jsonrpc").is_some() {
        body.get("method")
    } else {
        body.get("operationName")
    };
    if let Some(name) = name.and_then(Json::as_str).filter(|name| !name.is_empty()) {
        return Some(name.to_owned());
    }
    graphql_name(body.get("query")?.as_str()?)
}

/// The name after the first `query`, `mutation` or `subscription`.
fn graphql_name(query: &str) -> Option<String> {
    let mut words = query.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.find(|word| matches!(*word, "query" | "mutation" | "subscription"))?;
    words
        .next()
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_short_words() {
        for (message, word) in [
            ("Connection killed.", "killed"),
            ("connect to a: connection refused", "refused"),
            ("connection reset by peer", "reset"),
            ("server closed the connection", "reset"),
            ("cannot resolve a.example", "dns"),
            ("certificate verify failed", "tls"),
            ("server_connect_timeout: timed out", "timeout"),
            ("something", "error"),
        ] {
            assert_eq!(error_word(message), word, "{message}");
        }
    }

    #[test]
    fn graphql_operations_have_names() {
        assert_eq!(
            graphql_name("query Viewer { a }").as_deref(),
            Some("Viewer")
        );
        assert_eq!(
            graphql_name("mutation add($a: Int) { a }").as_deref(),
            Some("add")
        );
        assert_eq!(graphql_name("{ a }"), None);
        assert_eq!(graphql_name("query { a }"), None);
    }
}
