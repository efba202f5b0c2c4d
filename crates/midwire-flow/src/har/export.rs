//! Flows as HAR entries.

use std::collections::HashSet;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use midwire_wire::Fields;
use serde_json::{Map, Value as Json, json};

use super::json::{self, float, line};
use super::{CREATOR, text_of};
use crate::access::cookies::SetCookie;
use crate::access::{DECODE_LIMIT, HttpMessage, Pairs};
use crate::{Content, Flow, HttpFlow, Id, Request, Response, Value, WebSocketData};

/// What an export wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Entries written.
    pub entries: usize,
    /// Flows left out since they are no HTTP flows.
    pub skipped: usize,
}

/// Writes a HAR file entry by entry, so that only one flow has to be in memory.
pub struct Exporter<W> {
    out: W,
    summary: Summary,
    /// Servers of earlier entries: the time to connect counts once.
    seen: HashSet<Id>,
}

/// Writes flows as a HAR file.
///
/// # Errors
/// Those of the output.
pub fn export<'a>(
    flows: impl IntoIterator<Item = &'a Flow>,
    out: impl Write,
) -> io::Result<Summary> {
    let mut exporter = Exporter::new(out)?;
    for flow in flows {
        exporter.add(flow)?;
    }
    Ok(exporter.finish()?.1)
}

/// Writes flows as a compressed HAR file (`.zhar`): zlib, level 9.
///
/// # Errors
/// Those of the output.
pub fn export_compressed<'a>(
    flows: impl IntoIterator<Item = &'a Flow>,
    out: impl Write,
) -> io::Result<Summary> {
    let mut out = flate2::write::ZlibEncoder::new(out, flate2::Compression::best());
    let summary = export(flows, &mut out)?;
    out.finish()?.flush()?;
    Ok(summary)
}

impl<W: Write> Exporter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// Those of the output.
    pub fn new(mut out: W) -> io::Result<Self> {
        let head = json!({
            "version": "1.2",
            "creator": {"name": CREATOR, "version": env!("CARGO_PKG_VERSION"), "comment": ""},
            "pages": [],
        });
        out.write_all(b"{\n    \"log\": {")?;
        if let Json::Object(head) = head {
            json::members(&head, 2, &mut out)?;
        }
        out.write_all(b",")?;
        line(2, &mut out)?;
        out.write_all(b"\"entries\": [")?;
        Ok(Self {
            out,
            summary: Summary::default(),
            seen: HashSet::new(),
        })
    }

    /// Writes the entry of a flow; one that is no HTTP flow is only counted.
    ///
    /// # Errors
    /// Those of the output.
    pub fn add(&mut self, flow: &Flow) -> io::Result<()> {
        let Flow::Http(flow) = flow else {
            self.summary.skipped += 1;
            return Ok(());
        };
        let entry = entry(flow, &mut self.seen);
        if self.summary.entries > 0 {
            self.out.write_all(b",")?;
        }
        self.summary.entries += 1;
        line(3, &mut self.out)?;
        // Many small writes become few.
        let mut text = Vec::with_capacity(4096);
        json::write(&entry, 3, &mut text)?;
        self.out.write_all(&text)
    }

    /// Ends the file; gives the output back and what was written.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<(W, Summary)> {
        if self.summary.entries > 0 {
            line(2, &mut self.out)?;
        }
        self.out.write_all(b"]\n    }\n}")?;
        self.out.flush()?;
        Ok((self.out, self.summary))
    }
}

fn entry(flow: &HttpFlow, seen: &mut HashSet<Id>) -> Json {
    let request = &flow.request;
    let timings = timings(flow, seen);
    let total: f64 = timings
        .iter()
        .map(|(_, ms)| *ms)
        .filter(|ms| *ms >= 0.0)
        .sum();
    let timings: Map<String, Json> = timings
        .into_iter()
        .map(|(name, ms)| (name.to_owned(), float(ms)))
        .collect();
    let mut entry = Map::new();
    let mut put = |key: &str, value: Json| entry.insert(key.to_owned(), value);
    put(
        "startedDateTime",
        date_time(request.timestamp_start.as_f64()).into(),
    );
    put("time", float(total));
    put("request", request_json(request));
    let response = match &flow.response {
        Some(response) => response_json(response),
        None => no_response(flow),
    };
    put("response", response);
    put("cache", json!({}));
    put("timings", timings.into());
    if let Some(peer) = &flow.info.server_conn.peername {
        put("serverIPAddress", peer.host.as_str().into());
    }
    if let Some(websocket) = &flow.websocket {
        put("_resourceType", "websocket".into());
        put("_webSocketMessages", messages(websocket));
    }
    entry.into()
}

/// Durations in milliseconds, -1 for those that are unknown.
fn timings(flow: &HttpFlow, seen: &mut HashSet<Id>) -> [(&'static str, f64); 5] {
    let server = &flow.info.server_conn;
    let between = |from: f64, to: f64| 1000.0 * (to - from);
    let (mut connect, mut ssl) = (-1.0, -1.0);
    if let (Some(start), Some(tcp)) = (server.timestamp_start, server.timestamp_tcp_setup)
        && seen.insert(server.id.clone())
    {
        connect = between(start, tcp);
        ssl = server
            .timestamp_tls_setup
            .map_or(-1.0, |tls| between(tcp, tls));
    }
    let request = &flow.request;
    let request_end = request.timestamp_end.map(crate::Number::as_f64);
    let send = request_end.map_or(0.0, |end| between(request.timestamp_start.as_f64(), end));
    let (mut wait, mut receive) = (0.0, 0.0);
    if let Some(response) = &flow.response {
        let start = response.timestamp_start.as_f64();
        wait = request_end.map_or(0.0, |end| between(end, start));
        receive = response
            .timestamp_end
            .map_or(0.0, |end| between(start, end.as_f64()));
    }
    [
        ("connect", connect),
        ("ssl", ssl),
        ("send", send),
        ("receive", receive),
        ("wait", wait),
    ]
}

/// The time in UTC, with microseconds unless they are zero.
fn date_time(seconds: f64) -> String {
    // Rounded as Python does it, the fraction apart.
    let micros = (seconds.fract() * 1e6).round_ties_even() as i64;
    let whole = (seconds.trunc() as i64).saturating_mul(1_000_000);
    let time = jiff::Timestamp::from_microsecond(whole.saturating_add(micros)).unwrap_or_default();
    let format = if time.subsec_microsecond() == 0 {
        "%Y-%m-%dT%H:%M:%S+00:00"
    } else {
        "%Y-%m-%dT%H:%M:%S.%6f+00:00"
    };
    time.strftime(format).to_string()
}

fn request_json(request: &Request) -> Json {
    let is_connect = request.method.eq_ignore_ascii_case(b"CONNECT");
    let url = if is_connect {
        format!("https://{}/", request.pretty_url())
    } else {
        request.pretty_url()
    };
    let mut out = Map::new();
    let mut put = |key: &str, value: Json| out.insert(key.to_owned(), value);
    put("method", text(&request.method).into());
    put("url", url.into());
    put("httpVersion", text(&request.version).into());
    put("cookies", pairs(&request.cookies()));
    put("headers", headers(&request.fields));
    put("queryString", pairs(&request.query()));
    put("headersSize", headers_size(&request.fields).into());
    put("bodySize", request.content.size().unwrap_or(0).into());
    let has_form = [&b"POST"[..], b"PUT", b"PATCH"].contains(&&request.method[..]);
    // Other methods seldom have content, but what is there is not lost.
    if has_form || request.content.size().is_some_and(|size| size > 0) {
        put("postData", post_data(request));
    }
    out.into()
}

fn post_data(request: &Request) -> Json {
    let content_type = request.content_type();
    let content = decoded(request).unwrap_or_default();
    let mut out = Map::new();
    out.insert(
        "mimeType".into(),
        folded(&request.fields, "content-type").into(),
    );
    put_text(&mut out, &content, &content_type);
    out.insert(
        "params".into(),
        pairs(&request.urlencoded_form(DECODE_LIMIT)),
    );
    out.into()
}

fn response_json(response: &Response) -> Json {
    let raw = response.content.size().unwrap_or(0);
    let content = decoded(response);
    let size = content.as_ref().map_or(0, |content| content.len() as i64);
    let compression = match response.content {
        // Nothing is known of content that was passed on.
        Content::Passed { .. } => 0,
        _ => size - i64::try_from(raw).unwrap_or(i64::MAX),
    };
    let mut body = Map::new();
    body.insert("size".into(), raw.into());
    body.insert("compression".into(), compression.into());
    body.insert(
        "mimeType".into(),
        folded(&response.fields, "content-type").into(),
    );
    put_text(
        &mut body,
        &content.unwrap_or_default(),
        &response.content_type(),
    );
    json!({
        "status": response.status,
        "statusText": text(&response.reason),
        "httpVersion": text(&response.version),
        "cookies": response.cookies().iter().map(cookie).collect::<Vec<_>>(),
        "headers": headers(&response.fields),
        "content": body,
        "redirectURL": folded(&response.fields, "location"),
        "headersSize": headers_size(&response.fields),
        "bodySize": raw,
    })
}

fn no_response(flow: &HttpFlow) -> Json {
    json!({
        "status": 0,
        "statusText": "",
        "httpVersion": "",
        "headers": [],
        "cookies": [],
        "content": {},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
        "_transferSize": 0,
        "_error": flow.info.error.as_ref().map(|error| error.msg.as_str()),
    })
}

/// Content without its codings, as it is if they cannot be removed.
fn decoded(message: &impl HttpMessage) -> Option<Bytes> {
    message.decoded_or_raw(DECODE_LIMIT)
}

/// Puts content as `text`, in base64 unless it is text.
fn put_text(out: &mut Map<String, Json>, content: &[u8], content_type: &str) {
    if let Some(text) = text_of(content, content_type) {
        out.insert("text".into(), text.into());
    } else {
        out.insert("text".into(), BASE64.encode(content).into());
        out.insert("encoding".into(), "base64".into());
    }
}

fn messages(websocket: &WebSocketData) -> Json {
    websocket
        .messages
        .iter()
        .map(|message| {
            let data = match std::str::from_utf8(&message.content) {
                Ok(text) if message.opcode == 1 => text.to_owned(),
                _ if message.opcode == 1 => text(&message.content),
                _ => BASE64.encode(&message.content),
            };
            json!({
                "type": if message.from_client { "send" } else { "receive" },
                "time": match message.timestamp {
                    crate::Number::Int(n) => n.into(),
                    crate::Number::Float(f) => float(f),
                },
                "opcode": message.opcode,
                "data": data,
            })
        })
        .collect()
}

fn cookie(cookie: &SetCookie) -> Json {
    let attribute = |name: &str| cookie.attributes.get(name);
    let value = |name: &str, default: &str| match attribute(name) {
        None => Json::from(default),
        Some(None) => Json::Null,
        Some(Some(value)) => text(value).into(),
    };
    let mut out = Map::new();
    let mut put = |key: &str, value: Json| out.insert(key.to_owned(), value);
    put("name", text(&cookie.name).into());
    put(
        "value",
        cookie
            .value
            .as_deref()
            .map_or(Json::Null, |v| text(v).into()),
    );
    put("path", value("path", "/"));
    put("domain", value("domain", ""));
    put("httpOnly", attribute("httponly").is_some().into());
    put("secure", attribute("secure").is_some().into());
    if attribute("samesite").is_some() {
        put("sameSite", value("samesite", ""));
    }
    out.into()
}

fn pairs(pairs: &Pairs) -> Json {
    pairs
        .iter()
        .map(|(name, value)| json!({"name": text(name), "value": text(value)}))
        .collect()
}

fn headers(fields: &Fields) -> Json {
    fields
        .iter()
        .map(|(name, value)| json!({"name": text(name), "value": text(value)}))
        .collect()
}

fn folded(fields: &Fields, name: &str) -> String {
    fields
        .get_folded(name)
        .map_or_else(String::new, |value| text(&value))
}

/// UTF-8, or each byte as the character of its number, so that JSON can hold any bytes.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// The length of the header section as the original's object shows itself, which is what it writes here.
fn headers_size(fields: &Fields) -> usize {
    let shown = |bytes: &[u8]| {
        Value::Bytes(Bytes::copy_from_slice(bytes))
            .python_repr(usize::MAX)
            .len()
    };
    let lines: usize = fields
        .iter()
        .map(|(name, value)| shown(name) + shown(value) + "(, )".len())
        .sum();
    let separators = fields.len().saturating_sub(1) * ", ".len();
    "Headers[]".len() + lines + separators
}
