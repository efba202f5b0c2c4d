//! Flows as mitmweb's clients know them. Content never travels in them, only its size and digest.

use midwire_core::commands::{DEFAULT_MARKER, character};
use midwire_flow::{Content, Flow, FlowInfo, Number, Request, Response, WebSocketData};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::{client, dns_message, fields, server, text};

/// A flow. Reads content for its digest: call it where that may take its time.
pub(crate) fn flow(flow: &Flow) -> Json {
    let info = flow.info();
    let mut out = Map::new();
    let mut put = |name: &str, value: Json| out.insert(name.to_owned(), value);
    put("id", json!(info.id.to_string()));
    put("intercepted", json!(info.intercepted));
    put(
        "is_replay",
        json!(info.is_replay.map(midwire_flow::Replay::as_str)),
    );
    put("type", json!(flow.kind()));
    put("modified", json!(flow.modified()));
    put("marked", json!(mark(info)));
    put("comment", json!(info.comment));
    put("timestamp_created", json!(info.timestamp_created.as_f64()));
    put("client_conn", client(&info.client_conn));
    put("server_conn", server(&info.server_conn));
    if let Some(error) = &info.error {
        let error = json!({ "msg": error.msg, "timestamp": error.timestamp });
        put("error", error);
    }
    match flow {
        Flow::Http(http) => {
            put("request", request(&http.request));
            if let Some(found) = &http.response {
                put("response", response(found));
            }
            if let Some(data) = &http.websocket {
                put("websocket", websocket(data));
            }
        }
        Flow::Tcp(_) | Flow::Udp(_) => {
            put("messages_meta", messages_meta(flow));
        }
        Flow::Dns(dns) => {
            let asked = Some(dns.request_timestamp);
            put("request", dns_message(&dns.request, asked));
            if let Some(found) = &dns.response {
                put("response", dns_message(found, dns.response_timestamp));
            }
        }
    }
    Json::Object(out)
}

/// A mark as it is shown: a picture, a letter, or a red circle for what is neither.
pub(crate) fn mark(info: &FlowInfo) -> String {
    const UNKNOWN: &str = "🔴";
    match info.marked.as_str() {
        "" => String::new(),
        DEFAULT_MARKER => UNKNOWN.to_owned(),
        letter if letter.len() == 1 => letter.to_owned(),
        code => character(code).unwrap_or(UNKNOWN).to_owned(),
    }
}

fn request(request: &Request) -> Json {
    let (length, hash) = measure(&request.content);
    let mut out = json!({
        "method": text(&request.method),
        "scheme": text(&request.scheme),
        "host": request.host,
        "port": request.port,
        "path": text(&request.path),
        "http_version": text(&request.version),
        "headers": fields(&request.fields),
        "contentLength": length,
        "contentHash": hash,
        "timestamp_start": request.timestamp_start.as_f64(),
        "timestamp_end": request.timestamp_end.map(Number::as_f64),
        "pretty_host": request.pretty_host(),
    });
    if let Some(trailers) = &request.trailers {
        out["trailers"] = fields(trailers);
    }
    out
}

fn response(response: &Response) -> Json {
    let (length, hash) = measure(&response.content);
    let mut out = json!({
        "http_version": text(&response.version),
        "status_code": response.status,
        "reason": text(&response.reason),
        "headers": fields(&response.fields),
        "contentLength": length,
        "contentHash": hash,
        "timestamp_start": response.timestamp_start.as_f64(),
        "timestamp_end": response.timestamp_end.map(Number::as_f64),
    });
    if let Some(trailers) = &response.trailers {
        out["trailers"] = fields(trailers);
    }
    out
}

/// Size and digest of content as transferred; null if it is not there.
fn measure(content: &Content) -> (Option<u64>, Option<String>) {
    if !content.is_present() {
        return (None, None);
    }
    let digest = match content {
        Content::Spilled(spill) => {
            let mut hasher = Sha256::new();
            let copied = spill.copy_to(&mut HashWriter(&mut hasher));
            copied.ok().map(|()| hasher.finalize())
        }
        content => content.bytes().map(|bytes| Sha256::digest(&bytes)),
    };
    (
        content.size(),
        digest.map(|digest| crate::auth::hex(&digest)),
    )
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn websocket(data: &WebSocketData) -> Json {
    let size: usize = data
        .messages
        .iter()
        .map(|message| message.content.len())
        .sum();
    let last = data
        .messages
        .last()
        .map(|message| message.timestamp.as_f64());
    json!({
        "messages_meta": { "contentLength": size, "count": data.messages.len(), "timestamp_last": last },
        "closed_by_client": data.closed_by_client,
        "close_code": data.close_code,
        "close_reason": data.close_reason,
        "timestamp_end": data.timestamp_end,
    })
}

/// Numbers about the messages of a TCP or UDP flow; null for others.
fn messages_meta(flow: &Flow) -> Json {
    let (Flow::Tcp(found) | Flow::Udp(found)) = flow else {
        return Json::Null;
    };
    let size: usize = found
        .messages
        .iter()
        .map(|message| message.content.len())
        .sum();
    let last = found
        .messages
        .last()
        .map(|message| message.timestamp.as_f64());
    json!({ "contentLength": size, "count": found.messages.len(), "timestamp_last": last })
}
