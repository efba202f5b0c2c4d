//! What is newer than the host's copy, written as partial states.

use midwire_flow::{
    Content, Dns, DnsFlow, Flow, FlowError, FlowInfo, HttpFlow, MessageFlow, Number, Request,
    Response, StreamMessage, WebSocketData, WebSocketMessage,
};
use midwire_wire::Fields;

use super::connection::{put_client, put_server};
use super::{INLINE_CONTENT, Streamed};
use crate::value::Writer;

/// How a flow is shown to the host.
pub(crate) struct View {
    /// How request and response pass; content that streams reads as missing.
    pub(crate) streamed: [Streamed; 2],
    /// As a file would have it: fields as pairs, content in place.
    whole: bool,
}

impl View {
    /// Parts of a flow that the host mirrors.
    pub(crate) fn of(streamed: [Streamed; 2]) -> Self {
        Self {
            streamed,
            whole: false,
        }
    }

    fn whole() -> Self {
        Self {
            streamed: [Streamed::No; 2],
            whole: true,
        }
    }
}

/// Largest content in a whole state, such as a backup; larger content is missing there.
const STATE_CONTENT: usize = 4 << 20;

/// Writes the pairs of `new` that differ from `old`; all of them without `old`.
pub(crate) fn put_flow(w: &mut Writer, old: Option<&Flow>, new: &Flow, view: &View) {
    let old_info = old.map(Flow::info);
    put_info(w, old_info, new.info(), view);
    match (new, old) {
        (Flow::Http(new), Some(Flow::Http(old))) => put_http(w, Some(old), new, view),
        (Flow::Http(new), _) => put_http(w, None, new, view),
        (Flow::Tcp(new) | Flow::Udp(new), Some(Flow::Tcp(old) | Flow::Udp(old))) => {
            put_messages(w, Some(old), new);
        }
        (Flow::Tcp(new) | Flow::Udp(new), _) => put_messages(w, None, new),
        (Flow::Dns(new), Some(Flow::Dns(old))) => put_dns_flow(w, Some(old), new),
        (Flow::Dns(new), _) => put_dns_flow(w, None, new),
    }
}

/// The whole state, as a backup or file has it.
pub(crate) fn put_state(w: &mut Writer, flow: &Flow) {
    w.dict(|w| {
        w.key("version");
        w.int(midwire_flow::file::FORMAT_VERSION);
        w.key("type");
        w.text(flow.kind());
        w.key("id");
        w.text(&flow.info().id.to_string());
        w.key("client_conn");
        put_client(w, &flow.info().client_conn);
        w.key("server_conn");
        put_server(w, &flow.info().server_conn);
        w.key("backup");
        w.null();
        put_flow(w, None, flow, &View::whole());
    });
}

/// Writes a pair if the value is newer.
fn pair<T: PartialEq + ?Sized>(
    w: &mut Writer,
    key: &str,
    old: Option<&T>,
    new: &T,
    put: impl FnOnce(&mut Writer, &T),
) {
    if old != Some(new) {
        w.key(key);
        put(w, new);
    }
}

fn put_info(w: &mut Writer, old: Option<&FlowInfo>, new: &FlowInfo, view: &View) {
    // The host begins a flow with what most flows have, so that does not cross.
    let blank = old.is_none() && !view.whole;
    let (no_text, no_metadata) = (String::new(), Vec::new());
    let before = old
        .map(|o| &o.error)
        .or(blank.then_some(const { &None::<FlowError> }));
    pair(w, "error", before, &new.error, |w, error| {
        w.opt(error.as_ref(), |w, error| {
            w.dict(|w| {
                w.key("msg");
                w.text(&error.msg);
                w.key("timestamp");
                w.float(error.timestamp);
            });
        });
    });
    pair(
        w,
        "intercepted",
        old.map(|o| &o.intercepted).or(blank.then_some(&false)),
        &new.intercepted,
        |w, b| w.bool(*b),
    );
    pair(
        w,
        "is_replay",
        old.map(|o| &o.is_replay).or(blank.then_some(&None)),
        &new.is_replay,
        |w, replay| {
            w.opt(replay.map(midwire_flow::Replay::as_str), Writer::text);
        },
    );
    let before = old.map(|o| &o.marked).or(blank.then_some(&no_text));
    pair(w, "marked", before, &new.marked, |w, t| w.text(t));
    pair(
        w,
        "comment",
        old.map(|o| &o.comment).or(blank.then_some(&no_text)),
        &new.comment,
        |w, t| w.text(t),
    );
    pair(
        w,
        "timestamp_created",
        old.map(|o| &o.timestamp_created),
        &new.timestamp_created,
        |w, n| number(w, *n),
    );
    pair(
        w,
        "metadata",
        old.map(|o| &o.metadata).or(blank.then_some(&no_metadata)),
        &new.metadata,
        |w, metadata| {
            w.dict(|w| {
                for (key, value) in metadata {
                    w.key(key);
                    w.value(value);
                }
            });
        },
    );
    let had_backup = old.map(|o| o.backup.is_some());
    if had_backup != Some(new.backup.is_some()) && (had_backup.is_some() || new.backup.is_some()) {
        w.key("backup");
        w.opt(new.backup.as_deref(), put_state);
    }
}

fn put_http(w: &mut Writer, old: Option<&HttpFlow>, new: &HttpFlow, view: &View) {
    if old.is_none_or(|old| !same_request(&old.request, &new.request)) {
        w.key("request");
        if old.is_none() && !view.whole {
            w.packed(|w| pack_request(w, &new.request, view));
        } else {
            w.dict(|w| put_request(w, old.map(|o| &o.request), &new.request, view));
        }
    }
    let before = old.and_then(|o| o.response.as_ref());
    match &new.response {
        None if old.map_or(view.whole, |o| o.response.is_some()) => {
            w.key("response");
            w.null();
        }
        Some(now) if before.is_none() && !view.whole => {
            w.key("response");
            w.packed(|w| pack_response(w, now, view));
        }
        Some(now) if before.is_none_or(|before| !same_response(before, now)) => {
            w.key("response");
            w.dict(|w| put_response(w, before, now, view));
        }
        _ => {}
    }
    let before = old.and_then(|o| o.websocket.as_ref());
    match &new.websocket {
        None if old.map_or(view.whole, |o| o.websocket.is_some()) => {
            w.key("websocket");
            w.null();
        }
        Some(now) if before.is_none_or(|before| !same_websocket(before, now)) => {
            w.key("websocket");
            w.dict(|w| put_websocket(w, before, now));
        }
        _ => {}
    }
}

fn same_request(old: &Request, new: &Request) -> bool {
    old.fields == new.fields
        && same_content(&old.content, &new.content)
        && old.path == new.path
        && old.host == new.host
        && old.port == new.port
        && old.method == new.method
        && old.scheme == new.scheme
        && old.authority == new.authority
        && old.version == new.version
        && old.trailers == new.trailers
        && old.timestamp_start == new.timestamp_start
        && old.timestamp_end == new.timestamp_end
}

fn same_response(old: &Response, new: &Response) -> bool {
    old.fields == new.fields
        && same_content(&old.content, &new.content)
        && old.status == new.status
        && old.reason == new.reason
        && old.version == new.version
        && old.trailers == new.trailers
        && old.timestamp_start == new.timestamp_start
        && old.timestamp_end == new.timestamp_end
}

/// Equal without looking at bytes that are shared.
pub(crate) fn same_content(old: &Content, new: &Content) -> bool {
    match (old, new) {
        (Content::Memory(a), Content::Memory(b)) => {
            a.len() == b.len() && (a.as_ptr() == b.as_ptr() || a == b)
        }
        (Content::Spilled(a), Content::Spilled(b)) => std::sync::Arc::ptr_eq(a, b),
        (Content::Missing | Content::Passed { .. }, Content::Missing | Content::Passed { .. }) => {
            true
        }
        _ => false,
    }
}

/// All values of a request that the host does not have, in the order of its `RequestData`.
fn pack_request(w: &mut Writer, new: &Request, view: &View) {
    w.tuple(12);
    w.bytes(&new.version);
    fields(w, &new.fields, view);
    content_value(w, &new.content, view, 0);
    w.opt(new.trailers.as_ref(), |w, t| fields(w, t, view));
    number(w, new.timestamp_start);
    w.opt(new.timestamp_end, number);
    w.text(&new.host);
    w.int(i64::from(new.port));
    w.bytes(&new.method);
    w.bytes(&new.scheme);
    w.bytes(&new.authority);
    w.bytes(&new.path);
}

/// All values of a response that the host does not have, in the order of its `ResponseData`.
fn pack_response(w: &mut Writer, new: &Response, view: &View) {
    w.tuple(8);
    w.bytes(&new.version);
    fields(w, &new.fields, view);
    content_value(w, &new.content, view, 1);
    w.opt(new.trailers.as_ref(), |w, t| fields(w, t, view));
    number(w, new.timestamp_start);
    w.opt(new.timestamp_end, number);
    w.int(i64::from(new.status));
    w.bytes(&new.reason);
}

fn put_request(w: &mut Writer, old: Option<&Request>, new: &Request, view: &View) {
    pair(
        w,
        "host",
        old.map(|o| o.host.as_str()),
        new.host.as_str(),
        Writer::text,
    );
    pair(w, "port", old.map(|o| &o.port), &new.port, |w, n| {
        w.int(i64::from(*n));
    });
    pair(
        w,
        "method",
        old.map(|o| &o.method[..]),
        &new.method[..],
        Writer::bytes,
    );
    pair(
        w,
        "scheme",
        old.map(|o| &o.scheme[..]),
        &new.scheme[..],
        Writer::bytes,
    );
    pair(
        w,
        "authority",
        old.map(|o| &o.authority[..]),
        &new.authority[..],
        Writer::bytes,
    );
    pair(
        w,
        "path",
        old.map(|o| &o.path[..]),
        &new.path[..],
        Writer::bytes,
    );
    pair(
        w,
        "http_version",
        old.map(|o| &o.version[..]),
        &new.version[..],
        Writer::bytes,
    );
    pair(w, "headers", old.map(|o| &o.fields), &new.fields, |w, f| {
        fields(w, f, view);
    });
    content(w, old.map(|o| &o.content), &new.content, view, 0);
    pair(
        w,
        "trailers",
        old.map(|o| &o.trailers),
        &new.trailers,
        |w, t| w.opt(t.as_ref(), |w, t| fields(w, t, view)),
    );
    pair(
        w,
        "timestamp_start",
        old.map(|o| &o.timestamp_start),
        &new.timestamp_start,
        |w, n| number(w, *n),
    );
    pair(
        w,
        "timestamp_end",
        old.map(|o| &o.timestamp_end),
        &new.timestamp_end,
        |w, n| w.opt(*n, number),
    );
}

fn put_response(w: &mut Writer, old: Option<&Response>, new: &Response, view: &View) {
    pair(
        w,
        "status_code",
        old.map(|o| &o.status),
        &new.status,
        |w, n| w.int(i64::from(*n)),
    );
    pair(
        w,
        "reason",
        old.map(|o| &o.reason[..]),
        &new.reason[..],
        Writer::bytes,
    );
    pair(
        w,
        "http_version",
        old.map(|o| &o.version[..]),
        &new.version[..],
        Writer::bytes,
    );
    pair(w, "headers", old.map(|o| &o.fields), &new.fields, |w, f| {
        fields(w, f, view);
    });
    content(w, old.map(|o| &o.content), &new.content, view, 1);
    pair(
        w,
        "trailers",
        old.map(|o| &o.trailers),
        &new.trailers,
        |w, t| w.opt(t.as_ref(), |w, t| fields(w, t, view)),
    );
    pair(
        w,
        "timestamp_start",
        old.map(|o| &o.timestamp_start),
        &new.timestamp_start,
        |w, n| number(w, *n),
    );
    pair(
        w,
        "timestamp_end",
        old.map(|o| &o.timestamp_end),
        &new.timestamp_end,
        |w, n| w.opt(*n, number),
    );
}

/// The raw block, which the host parses only if a script looks at it.
fn fields(w: &mut Writer, fields: &Fields, view: &View) {
    if !view.whole {
        return w.bytes_with(fields.encoded_len(), |out| fields.write_to(out));
    }
    w.tuple(fields.len());
    for (name, value) in fields.iter() {
        w.tuple(2);
        w.bytes(name);
        w.bytes(value);
    }
}

/// Bytes, `None`, or the size of content that crosses when it is read.
fn content(w: &mut Writer, old: Option<&Content>, new: &Content, view: &View, part: usize) {
    if old.is_some_and(|old| same_content(old, new)) {
        return;
    }
    w.key("content");
    content_value(w, new, view, part);
}

fn content_value(w: &mut Writer, new: &Content, view: &View, part: usize) {
    let inline = if view.whole {
        STATE_CONTENT
    } else {
        INLINE_CONTENT
    };
    let streams = view.streamed.get(part).is_some_and(|s| *s != Streamed::No);
    match new {
        _ if streams => w.null(),
        Content::Missing | Content::Passed { .. } => w.null(),
        Content::Memory(bytes) if bytes.len() <= inline => w.bytes(bytes),
        large if !view.whole => w.int(large.size().unwrap_or_default() as i64),
        large if large.size().is_some_and(|size| size <= inline as u64) => {
            w.opt(large.bytes().as_deref(), Writer::bytes);
        }
        _ => w.null(),
    }
}

fn same_websocket(old: &WebSocketData, new: &WebSocketData) -> bool {
    old.messages.len() == new.messages.len()
        && old.messages.last() == new.messages.last()
        && old.closed_by_client == new.closed_by_client
        && old.close_code == new.close_code
        && old.close_reason == new.close_reason
        && old.timestamp_end == new.timestamp_end
}

fn put_websocket(w: &mut Writer, old: Option<&WebSocketData>, new: &WebSocketData) {
    appended(
        w,
        old.map(|o| &o.messages[..]),
        &new.messages,
        |w, m: &WebSocketMessage| {
            w.tuple(6);
            w.int(i64::from(m.opcode));
            w.bool(m.from_client);
            w.bytes(&m.content);
            number(w, m.timestamp);
            w.bool(m.dropped);
            w.bool(m.injected);
        },
    );
    pair(
        w,
        "closed_by_client",
        old.map(|o| &o.closed_by_client),
        &new.closed_by_client,
        |w, b| {
            w.opt(*b, Writer::bool);
        },
    );
    pair(
        w,
        "close_code",
        old.map(|o| &o.close_code),
        &new.close_code,
        |w, n| w.opt(*n, Writer::int),
    );
    pair(
        w,
        "close_reason",
        old.map(|o| &o.close_reason),
        &new.close_reason,
        |w, t| {
            w.opt(t.as_deref(), Writer::text);
        },
    );
    pair(
        w,
        "timestamp_end",
        old.map(|o| &o.timestamp_end),
        &new.timestamp_end,
        |w, n| {
            w.opt(*n, Writer::float);
        },
    );
}

fn put_messages(w: &mut Writer, old: Option<&MessageFlow>, new: &MessageFlow) {
    appended(
        w,
        old.map(|o| &o.messages[..]),
        &new.messages,
        |w, m: &StreamMessage| {
            w.tuple(3);
            w.bool(m.from_client);
            w.bytes(&m.content);
            number(w, m.timestamp);
        },
    );
}

/// Messages only grow, and only the last one changes: `messages` is a list of all of them, `+messages` of new ones.
fn appended<T: PartialEq>(
    w: &mut Writer,
    old: Option<&[T]>,
    new: &[T],
    put: impl Fn(&mut Writer, &T),
) {
    let known = match old {
        Some(old) if old.len() <= new.len() && old.last() == new.get(old.len().wrapping_sub(1)) => {
            if old.len() == new.len() {
                return;
            }
            w.key("+messages");
            old.len()
        }
        _ => {
            w.key("messages");
            0
        }
    };
    w.list(new.len() - known);
    new.iter().skip(known).for_each(|message| put(w, message));
}

fn put_dns_flow(w: &mut Writer, old: Option<&DnsFlow>, new: &DnsFlow) {
    if old.is_none_or(|old| old.request != new.request) {
        w.key("request");
        put_dns(w, &new.request, new.request_timestamp);
    }
    if old.is_none_or(|old| old.response != new.response) {
        w.key("response");
        let timestamp = new.response_timestamp.unwrap_or(new.request_timestamp);
        w.opt(new.response.as_ref(), |w, dns| put_dns(w, dns, timestamp));
    }
}

fn put_dns(w: &mut Writer, dns: &Dns, timestamp: Number) {
    w.dict(|w| {
        w.key("timestamp");
        w.float(timestamp.as_f64());
        w.key("id");
        w.int(i64::from(dns.id));
        w.key("query");
        w.bool(dns.query);
        w.key("op_code");
        w.int(i64::from(dns.op_code));
        w.key("authoritative_answer");
        w.bool(dns.authoritative_answer);
        w.key("truncation");
        w.bool(dns.truncation);
        w.key("recursion_desired");
        w.bool(dns.recursion_desired);
        w.key("recursion_available");
        w.bool(dns.recursion_available);
        w.key("reserved");
        w.int(i64::from(dns.reserved));
        w.key("response_code");
        w.int(i64::from(dns.response_code));
        w.key("questions");
        w.list(dns.questions.len());
        for question in &dns.questions {
            w.dict(|w| {
                w.key("name");
                w.text(&question.name);
                w.key("type");
                w.int(i64::from(question.type_));
                w.key("class_");
                w.int(i64::from(question.class));
            });
        }
        for (key, records) in [
            ("answers", &dns.answers),
            ("authorities", &dns.authorities),
            ("additionals", &dns.additionals),
        ] {
            w.key(key);
            w.list(records.len());
            for record in records {
                w.dict(|w| {
                    w.key("name");
                    w.text(&record.name);
                    w.key("type");
                    w.int(i64::from(record.type_));
                    w.key("class_");
                    w.int(i64::from(record.class));
                    w.key("ttl");
                    w.int(i64::from(record.ttl));
                    w.key("data");
                    w.bytes(&record.data);
                });
            }
        }
    });
}

fn number(w: &mut Writer, number: Number) {
    match number {
        Number::Int(n) => w.int(n),
        Number::Float(f) => w.float(f),
    }
}

/// Brings the host's copy up to date with the flow, after [`put_flow`] was sent. Parts that are equal are not touched,
/// so a long conversation costs what is new in it.
pub(crate) fn follow(known: &mut Flow, now: &Flow) {
    match (known, now) {
        (Flow::Http(known), Flow::Http(now)) => {
            known.info = now.info.clone();
            if !same_request(&known.request, &now.request) {
                known.request = now.request.clone();
            }
            match (&mut known.response, &now.response) {
                (Some(known), Some(now)) if same_response(known, now) => {}
                (known, now) => known.clone_from(now),
            }
            match (&mut known.websocket, &now.websocket) {
                (Some(known), Some(now)) => {
                    catch_up(&mut known.messages, &now.messages);
                    let messages = std::mem::take(&mut known.messages);
                    *known = WebSocketData {
                        messages,
                        close_reason: now.close_reason.clone(),
                        ..*now
                    };
                }
                (known, now) => known.clone_from(now),
            }
        }
        (Flow::Tcp(known), Flow::Tcp(now)) | (Flow::Udp(known), Flow::Udp(now)) => {
            known.info = now.info.clone();
            catch_up(&mut known.messages, &now.messages);
        }
        (known, now) => known.clone_from(now),
    }
}

fn catch_up<T: Clone + PartialEq>(known: &mut Vec<T>, now: &[T]) {
    let same = known.len() <= now.len() && known.last() == now.get(known.len().wrapping_sub(1));
    if !same {
        known.clear();
    }
    let len = known.len();
    known.extend(now.iter().skip(len).cloned());
}
