//! One flow with everything about it but content.

use midwire_core::store::Stored;
use midwire_flow::{Content, Flow, HttpFlow, HttpMessage, Number, Value};
use midwire_wire::Fields;
use serde_json::{Value as Json, json};

use super::row::{self, promised};
use crate::call::{Call, Problem, Reply, blocking, json};
use crate::json::{self, fields, text};

/// Decoded bytes that are counted to tell the size of decoded content.
const COUNTED: usize = 16 << 20;

/// `GET /api/v1/flows/ID`.
pub(crate) async fn get(call: Call) -> Reply {
    let stored = stored(&call, 0)?;
    blocking(move || Ok(json(&detail(&stored)))).await?
}

/// `PUT /api/v1/flows/ID`: as mitmweb's.
pub(crate) async fn put(call: Call) -> Reply {
    crate::routes::edit::put(call).await?;
    Ok(json(&json!({})))
}

/// A flow with its number.
pub(crate) fn stored(call: &Call, at: usize) -> Result<Stored, Problem> {
    let stored = call.app.kernel.store().stored(&call.id(at));
    stored.ok_or_else(|| Problem::missing("Flow not found."))
}

fn detail(stored: &Stored) -> Json {
    let flow = &*stored.flow;
    let info = flow.info();
    let mut out = row::row(stored);
    let mut put = |name: &str, value: Json| out[name] = value;
    put("intercepted", json!(info.intercepted));
    put("modified", json!(flow.modified()));
    put("client_conn", json::client(&info.client_conn));
    put("server_conn", json::server(&info.server_conn));
    put("mode", json!(info.client_conn.proxy_mode));
    let sides = sides(flow, stored.evicted);
    for (name, value) in sides {
        put(name, value);
    }
    let dns = match flow {
        Flow::Dns(dns) => json!({
            "request": json::dns_message(&dns.request, Some(dns.request_timestamp)),
            "response": dns.response.as_ref().map(|response| json::dns_message(response, dns.response_timestamp)),
        }),
        _ => Json::Null,
    };
    put("dns", dns);
    put("websocket", flow.as_http().map_or(Json::Null, websocket));
    put("messages", messages(flow, stored.evicted));
    put(
        "error_time",
        json!(info.error.as_ref().map(|error| error.timestamp)),
    );
    let original = info.backup.as_deref().filter(|_| flow.modified());
    let original = original.map(|backup| {
        let sides = self::sides(backup, stored.evicted);
        Json::Object(
            sides
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    });
    put("original", json!(original));
    put("history", history(flow));
    put("trace", trace(flow));
    put("informational", json!([]));
    out
}

fn sides(flow: &Flow, evicted: bool) -> Vec<(&'static str, Json)> {
    let Flow::Http(http) = flow else {
        return vec![("request", Json::Null), ("response", Json::Null)];
    };
    let request = &http.request;
    let response = http.response.as_ref().map(|response| {
        json!({
            "status": response.status,
            "reason": text(&response.reason),
            "http_version": text(&response.version),
            "headers": fields(&response.fields),
            "trailers": response.trailers.as_ref().map(fields),
            "timestamp_start": response.timestamp_start.as_f64(),
            "timestamp_end": response.timestamp_end.map(Number::as_f64),
            "content": content(response, evicted, row::is_partial(http)),
        })
    });
    let is_cut = http.response.is_none()
        && http.info.error.is_some()
        && promised(&request.fields)
            .is_some_and(|length| request.content.size().unwrap_or(0) < length);
    let request = json!({
        "method": text(&request.method),
        "scheme": text(&request.scheme),
        "host": request.host,
        "port": request.port,
        "authority": text(&request.authority),
        "path": text(&request.path),
        "http_version": text(&request.version),
        "headers": fields(&request.fields),
        "trailers": request.trailers.as_ref().map(fields),
        "timestamp_start": request.timestamp_start.as_f64(),
        "timestamp_end": request.timestamp_end.map(Number::as_f64),
        "content": content(request, evicted, is_cut),
    });
    vec![("request", request), ("response", json!(response))]
}

/// What is known of content, without the content.
fn content(message: &impl HttpMessage, evicted: bool, partial: bool) -> Json {
    let raw = message.raw_content();
    let state = match raw {
        _ if partial && raw.is_present() => "partial",
        Content::Missing => "missing",
        Content::Passed { .. } if evicted => "evicted",
        Content::Passed { .. } => "streamed",
        Content::Memory(bytes) if bytes.is_empty() => "none",
        Content::Memory(_) => "memory",
        Content::Spilled(_) => "spilled",
    };
    let encoding = message.header().get_folded("content-encoding");
    let encoding = encoding.map(|value| text(&value)).unwrap_or_default();
    let (mut decoded, mut error) = (raw.size().filter(|_| raw.is_present()), None);
    if !encoding.is_empty()
        && let Some(prefix) = message.decoded_prefix(COUNTED)
    {
        // Content that is larger has no size that is known.
        decoded = (!prefix.more).then_some(prefix.bytes.len() as u64);
        error = prefix.error.map(|error| error.to_string());
    }
    json!({
        "state": state,
        "size": raw.size(),
        "decoded_size": decoded,
        "encoding": encoding,
        "content_type": message.content_type(),
        "expected": promised(message.header()).filter(|_| partial),
        "decode_error": error,
    })
}

fn websocket(http: &HttpFlow) -> Json {
    http.websocket.as_ref().map_or(Json::Null, |data| {
        json!({
            "closed_by_client": data.closed_by_client,
            "close_code": data.close_code,
            "close_reason": data.close_reason,
            "timestamp_end": data.timestamp_end,
        })
    })
}

fn messages(flow: &Flow, evicted: bool) -> Json {
    let Some(messages) = crate::shown::messages(flow) else {
        return Json::Null;
    };
    let size = |from_client: bool| {
        let way = messages.iter().filter(|(from, _, _)| *from == from_client);
        way.map(|(_, content, _)| content.len()).sum::<usize>()
    };
    let count = |from_client: bool| {
        messages
            .iter()
            .filter(|(from, _, _)| *from == from_client)
            .count()
    };
    json!({
        "count": messages.len(),
        "size": size(true) + size(false),
        "to_client": { "count": count(false), "size": size(false) },
        "to_server": { "count": count(true), "size": size(true) },
        "evicted": evicted,
    })
}

/// What happened to a flow, as far as the flow tells.
fn history(flow: &Flow) -> Json {
    let info = flow.info();
    let mut out = Vec::new();
    let mut add = |time: f64, who: &str, what: String| {
        out.push(json!({ "time": time, "who": who, "what": what }));
    };
    add(
        info.timestamp_created.as_f64(),
        "client",
        "the flow began".to_owned(),
    );
    if let Some(replay) = info.is_replay {
        add(
            info.timestamp_created.as_f64(),
            "replay",
            format!("the {} came from a replay", replay.as_str()),
        );
    }
    if flow.modified() {
        add(
            info.timestamp_created.as_f64(),
            "edit",
            "it differs from what was on the wire".to_owned(),
        );
    }
    if let Some(error) = &info.error {
        add(error.timestamp, "proxy", error.msg.clone());
    }
    Json::Array(out)
}

/// What addons noted about a flow: who held content back, which rule answered.
fn trace(flow: &Flow) -> Json {
    let shown = flow.info().metadata.iter().map(|(key, value)| {
        let value = match value {
            Value::Text(text) => text.clone(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            // May be a password.
            _ => "...".to_owned(),
        };
        json!(format!("{key}: {value}"))
    });
    Json::Array(shown.collect())
}

/// Field lines of a message, for comparison.
pub(crate) fn lines(fields: &Fields) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}
