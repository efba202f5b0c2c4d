//! Changes of scripts, written into flows. They are checked like input from the network.

use std::sync::Arc;

use bytes::Bytes;
use midwire_flow::{
    ClientConn, Content, Dns, DnsFlow, Flow, FlowError, FlowInfo, HttpFlow, Id, MessageFlow,
    Number, Replay, Request, Response, ServerConn, StreamMessage, Value, WebSocketData,
    WebSocketMessage,
};
use midwire_wire::dns::{Question, Record};
use midwire_wire::{FieldSpan, Fields};

use super::connection::{take_client, take_server};
use crate::files::Files;

/// A change that cannot be made: which value is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot use the value of {0} that the script has set")]
pub(crate) struct Refused(pub(crate) &'static str);

/// Writes changes into a flow. After an error the flow has some of them.
pub(crate) fn take_flow(flow: &mut Flow, changes: &Value, files: &Files) -> Result<(), Refused> {
    for (key, value) in pairs(changes, "flow")? {
        let key = key.as_text().unwrap_or_default();
        match (&mut *flow, key) {
            (Flow::Http(http), "request") => match replaced(value) {
                Some(state) => {
                    let mut request = blank_request();
                    take_request(&mut request, state, files)?;
                    http.request = request;
                }
                None => take_request(&mut http.request, value, files)?,
            },
            (Flow::Http(http), "response") => match replaced(value) {
                Some(Value::Null) => http.response = None,
                Some(state) => {
                    let mut response = blank_response();
                    take_response(&mut response, state, files)?;
                    http.response = Some(response);
                }
                None => {
                    let response = http.response.get_or_insert_with(blank_response);
                    take_response(response, value, files)?;
                }
            },
            (Flow::Http(http), "websocket") => match replaced(value) {
                Some(Value::Null) => http.websocket = None,
                Some(state) => {
                    let mut websocket = WebSocketData::default();
                    take_websocket(&mut websocket, state)?;
                    http.websocket = Some(websocket);
                }
                None => take_websocket(http.websocket.get_or_insert_default(), value)?,
            },
            (Flow::Tcp(flow) | Flow::Udp(flow), "messages") => {
                take_messages(&mut flow.messages, value, message)?;
            }
            (Flow::Dns(dns), "request") => {
                (dns.request, dns.request_timestamp) = take_dns(replaced(value).unwrap_or(value))?;
            }
            (Flow::Dns(dns), "response") => {
                let response = opt(replaced(value).unwrap_or(value), take_dns)?;
                (dns.response, dns.response_timestamp) = response.unzip();
            }
            (flow, key) => take_info(flow.info_mut(), key, value, files)?,
        }
    }
    Ok(())
}

/// A flow that a script has made: `state` is whole.
pub(crate) fn new_flow(state: &Value, files: &Files) -> Result<Flow, Refused> {
    let mut info = FlowInfo::new(Arc::default(), Arc::default());
    info.live = false;
    let mut flow = match state.get("type").and_then(Value::as_text).unwrap_or("http") {
        "http" => Flow::Http(Box::new(HttpFlow {
            info,
            request: blank_request(),
            response: None,
            websocket: None,
        })),
        "tcp" => Flow::Tcp(MessageFlow {
            info,
            messages: Vec::new(),
        }),
        "udp" => Flow::Udp(MessageFlow {
            info,
            messages: Vec::new(),
        }),
        "dns" => Flow::Dns(Box::new(DnsFlow {
            info,
            request: blank_dns(),
            request_timestamp: Number::now(),
            response: None,
            response_timestamp: None,
        })),
        _ => return Err(Refused("type")),
    };
    let Value::Dict(pairs) = state else {
        return Err(Refused("flow"));
    };
    // A whole state says what is not there with `None`; for a new flow that is how things are anyway.
    let present = pairs.iter().filter(|(_, value)| *value != Value::Null);
    take_flow(&mut flow, &Value::Dict(present.cloned().collect()), files)?;
    Ok(flow)
}

fn take_info(info: &mut FlowInfo, key: &str, value: &Value, files: &Files) -> Result<(), Refused> {
    match key {
        "id" => info.id = Id::parse(&text(value, "id")?),
        "error" => info.error = opt(replaced(value).unwrap_or(value), error)?,
        "intercepted" => info.intercepted = boolean(value, "intercepted")?,
        "is_replay" => {
            info.is_replay = match value.as_text() {
                Some("request") => Some(Replay::Request),
                Some("response") => Some(Replay::Response),
                _ => None,
            }
        }
        "marked" => info.marked = text(value, "marked")?,
        "comment" => info.comment = text(value, "comment")?,
        "timestamp_created" => info.timestamp_created = number(value, "timestamp_created")?,
        "metadata" => {
            info.metadata = pairs(value, "metadata")?
                .iter()
                .map(|(key, value)| match key.as_text() {
                    Some(key) => Ok((key.to_owned(), value.clone())),
                    None => Err(Refused("metadata")),
                })
                .collect::<Result<_, _>>()?;
        }
        "backup" => {
            let backup = opt(replaced(value).unwrap_or(value), |state| {
                new_flow(state, files)
            })?;
            info.backup = backup.map(Box::new);
        }
        "client_conn" => match replaced(value) {
            Some(state) => {
                let mut client = ClientConn::default();
                take_client(&mut client, state)?;
                info.client_conn = Arc::new(client);
            }
            None => take_client(Arc::make_mut(&mut info.client_conn), value)?,
        },
        "server_conn" => match replaced(value) {
            Some(state) => {
                let mut server = ServerConn::default();
                take_server(&mut server, state)?;
                info.server_conn = Arc::new(server);
            }
            None => take_server(Arc::make_mut(&mut info.server_conn), value)?,
        },
        _ => {}
    }
    Ok(())
}

fn error(value: &Value) -> Result<FlowError, Refused> {
    let msg = text(value.get("msg").unwrap_or(&Value::Null), "error")?;
    let mut error = FlowError::new(msg);
    if let Some(Value::Float(timestamp)) = value.get("timestamp") {
        error.timestamp = *timestamp;
    }
    Ok(error)
}

fn blank_request() -> Request {
    Request {
        host: String::new(),
        port: 0,
        method: Bytes::new(),
        scheme: Bytes::new(),
        authority: Bytes::new(),
        path: Bytes::new(),
        version: Bytes::from_static(b"HTTP/1.1"),
        fields: Fields::new(),
        content: Content::Missing,
        trailers: None,
        timestamp_start: Number::now(),
        timestamp_end: None,
    }
}

fn blank_response() -> Response {
    Response {
        version: Bytes::from_static(b"HTTP/1.1"),
        status: 200,
        reason: Bytes::new(),
        fields: Fields::new(),
        content: Content::Missing,
        trailers: None,
        timestamp_start: Number::now(),
        timestamp_end: None,
    }
}

fn take_request(request: &mut Request, changes: &Value, files: &Files) -> Result<(), Refused> {
    for (key, value) in pairs(changes, "request")? {
        match key.as_text().unwrap_or_default() {
            "host" => request.host = line(value, "request.host")?,
            "port" => {
                let port = value.as_i64().and_then(|port| u16::try_from(port).ok());
                request.port = port.ok_or(Refused("request.port"))?;
            }
            "method" => request.method = word(value, "request.method")?,
            "scheme" => request.scheme = word(value, "request.scheme")?,
            "authority" => request.authority = word(value, "request.authority")?,
            "path" => request.path = word(value, "request.path")?,
            "http_version" => request.version = word(value, "request.http_version")?,
            "headers" => request.fields = fields(value, "request.headers")?,
            "content" => request.content = content(value, files, "request.content")?,
            "trailers" => request.trailers = opt(value, |v| fields(v, "request.trailers"))?,
            "timestamp_start" => {
                request.timestamp_start = number(value, "request.timestamp_start")?;
            }
            "timestamp_end" => {
                request.timestamp_end = opt(value, |v| number(v, "request.timestamp_end"))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn take_response(response: &mut Response, changes: &Value, files: &Files) -> Result<(), Refused> {
    for (key, value) in pairs(changes, "response")? {
        match key.as_text().unwrap_or_default() {
            "status_code" => {
                let status = value.as_i64().and_then(|status| u16::try_from(status).ok());
                response.status = status.ok_or(Refused("response.status_code"))?;
            }
            "reason" => response.reason = phrase(value, "response.reason")?,
            "http_version" => response.version = word(value, "response.http_version")?,
            "headers" => response.fields = fields(value, "response.headers")?,
            "content" => response.content = content(value, files, "response.content")?,
            "trailers" => response.trailers = opt(value, |v| fields(v, "response.trailers"))?,
            "timestamp_start" => {
                response.timestamp_start = number(value, "response.timestamp_start")?;
            }
            "timestamp_end" => {
                response.timestamp_end = opt(value, |v| number(v, "response.timestamp_end"))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn take_websocket(websocket: &mut WebSocketData, changes: &Value) -> Result<(), Refused> {
    for (key, value) in pairs(changes, "websocket")? {
        match key.as_text().unwrap_or_default() {
            "messages" => take_messages(&mut websocket.messages, value, websocket_message)?,
            "closed_by_client" => {
                websocket.closed_by_client = opt(value, |v| boolean(v, "closed_by_client"))?;
            }
            "close_code" => websocket.close_code = value.as_i64(),
            "close_reason" => websocket.close_reason = opt(value, |v| text(v, "close_reason"))?,
            "timestamp_end" => {
                websocket.timestamp_end =
                    opt(value, |v| number(v, "timestamp_end"))?.map(Number::as_f64);
            }
            _ => {}
        }
    }
    Ok(())
}

/// What can be changed of a message that stays in its place.
trait Edit {
    fn edit(&mut self, key: &str, value: &Value) -> Result<(), Refused>;
}

impl Edit for WebSocketMessage {
    fn edit(&mut self, key: &str, value: &Value) -> Result<(), Refused> {
        match key {
            "content" => self.content = bytes(value, "content of a message")?,
            "dropped" => self.dropped = boolean(value, "dropped")?,
            "injected" => self.injected = boolean(value, "injected")?,
            "from_client" => self.from_client = boolean(value, "from_client")?,
            "timestamp" => self.timestamp = number(value, "timestamp of a message")?,
            "type" => self.opcode = opcode(value)?,
            _ => {}
        }
        Ok(())
    }
}

impl Edit for StreamMessage {
    fn edit(&mut self, key: &str, value: &Value) -> Result<(), Refused> {
        match key {
            "content" => self.content = bytes(value, "content of a message")?,
            "from_client" => self.from_client = boolean(value, "from_client")?,
            "timestamp" => self.timestamp = number(value, "timestamp of a message")?,
            _ => {}
        }
        Ok(())
    }
}

fn take_messages<T: Edit>(
    messages: &mut Vec<T>,
    value: &Value,
    read: fn(&Value) -> Result<T, Refused>,
) -> Result<(), Refused> {
    if let Value::Dict(edits) = value {
        for (at, changes) in edits {
            let at = at.as_i64().and_then(|at| usize::try_from(at).ok());
            let message = at
                .and_then(|at| messages.get_mut(at))
                .ok_or(Refused("messages"))?;
            for (key, value) in pairs(changes, "messages")? {
                message.edit(key.as_text().unwrap_or_default(), value)?;
            }
        }
        return Ok(());
    }
    let all = list(replaced(value).unwrap_or(value), "messages")?;
    *messages = all.iter().map(read).collect::<Result<_, _>>()?;
    Ok(())
}

fn message(value: &Value) -> Result<StreamMessage, Refused> {
    let [from_client, content, timestamp] = list(value, "messages")? else {
        return Err(Refused("messages"));
    };
    Ok(StreamMessage {
        from_client: boolean(from_client, "messages")?,
        content: bytes(content, "messages")?,
        timestamp: number(timestamp, "messages")?,
    })
}

fn websocket_message(value: &Value) -> Result<WebSocketMessage, Refused> {
    let [kind, from_client, content, timestamp, dropped, injected] = list(value, "messages")?
    else {
        return Err(Refused("messages"));
    };
    Ok(WebSocketMessage {
        opcode: opcode(kind)?,
        from_client: boolean(from_client, "messages")?,
        content: bytes(content, "messages")?,
        timestamp: number(timestamp, "messages")?,
        dropped: boolean(dropped, "messages")?,
        injected: boolean(injected, "messages")?,
    })
}

fn opcode(value: &Value) -> Result<u8, Refused> {
    match value {
        Value::Int(1) => Ok(1),
        Value::Int(2) => Ok(2),
        _ => Err(Refused("type of a WebSocket message")),
    }
}

fn blank_dns() -> Dns {
    Dns {
        id: 0,
        query: true,
        op_code: 0,
        authoritative_answer: false,
        truncation: false,
        recursion_desired: false,
        recursion_available: false,
        reserved: 0,
        response_code: 0,
        questions: Vec::new(),
        answers: Vec::new(),
        authorities: Vec::new(),
        additionals: Vec::new(),
    }
}

fn take_dns(state: &Value) -> Result<(Dns, Number), Refused> {
    let mut dns = blank_dns();
    let mut timestamp = Number::now();
    for (key, value) in pairs(state, "DNS message")? {
        match key.as_text().unwrap_or_default() {
            "timestamp" => timestamp = opt(value, |v| number(v, "timestamp"))?.unwrap_or(timestamp),
            "id" => dns.id = int(value, "id")?,
            "query" => dns.query = boolean(value, "query")?,
            "op_code" => dns.op_code = int(value, "op_code")?,
            "authoritative_answer" => {
                dns.authoritative_answer = boolean(value, "authoritative_answer")?;
            }
            "truncation" => dns.truncation = boolean(value, "truncation")?,
            "recursion_desired" => dns.recursion_desired = boolean(value, "recursion_desired")?,
            "recursion_available" => {
                dns.recursion_available = boolean(value, "recursion_available")?;
            }
            "reserved" => dns.reserved = int(value, "reserved")?,
            "response_code" => dns.response_code = int(value, "response_code")?,
            "questions" => {
                let questions = list(value, "questions")?.iter().map(|q| {
                    Ok(Question {
                        name: text(member(q, "name")?, "name")?,
                        type_: int(member(q, "type")?, "type")?,
                        class: int(member(q, "class_")?, "class_")?,
                    })
                });
                dns.questions = questions.collect::<Result<_, _>>()?;
            }
            "answers" => dns.answers = records(value)?,
            "authorities" => dns.authorities = records(value)?,
            "additionals" => dns.additionals = records(value)?,
            _ => {}
        }
    }
    Ok((dns, timestamp))
}

fn records(value: &Value) -> Result<Vec<Record>, Refused> {
    let records = list(value, "records")?.iter().map(|r| {
        Ok(Record {
            name: text(member(r, "name")?, "name")?,
            type_: int(member(r, "type")?, "type")?,
            class: int(member(r, "class_")?, "class_")?,
            ttl: int(member(r, "ttl")?, "ttl")?,
            data: bytes(member(r, "data")?, "data")?,
        })
    });
    records.collect()
}

fn member<'a>(value: &'a Value, key: &'static str) -> Result<&'a Value, Refused> {
    value.get(key).ok_or(Refused(key))
}

/// `("=", state)` means that the object was replaced.
fn replaced(value: &Value) -> Option<&Value> {
    match value {
        Value::List(items) => match items.as_slice() {
            [Value::Text(mark), state] if mark == "=" => Some(state),
            _ => None,
        },
        _ => None,
    }
}

/// Bytes, nothing, or `("@", number)` of a file.
fn content(value: &Value, files: &Files, what: &'static str) -> Result<Content, Refused> {
    match value {
        Value::Null => Ok(Content::Missing),
        Value::Bytes(bytes) => Ok(Content::Memory(bytes.clone())),
        Value::List(items) => match items.as_slice() {
            [Value::Text(mark), Value::Int(number)] if mark == "@" => files
                .take(*number)
                .map(Content::Memory)
                .map_err(|_| Refused(what)),
            _ => Err(Refused(what)),
        },
        _ => Err(Refused(what)),
    }
}

/// Pairs, or a raw block of lines that each end with CR LF.
fn fields(value: &Value, what: &'static str) -> Result<Fields, Refused> {
    if let Value::Bytes(block) = value {
        return block_fields(block, what);
    }
    let mut fields = Fields::new();
    for item in list(value, what)? {
        let [name, value] = list(item, what)? else {
            return Err(Refused(what));
        };
        let (name, value) = (bytes(name, what)?, bytes(value, what)?);
        if name.is_empty()
            || breaks_line(&name)
            || name.contains(&b':') && !name.starts_with(b":")
            || breaks_line(&value)
        {
            return Err(Refused(what));
        }
        fields.append(name, value);
    }
    Ok(fields)
}

/// Lines as the host writes them: `name: value`, where a name may begin with a colon.
fn block_fields(block: &Bytes, what: &'static str) -> Result<Fields, Refused> {
    let refused = || Refused(what);
    // A copy, since the frame that it came in may be large and fields live as long as their flow.
    let raw = Bytes::copy_from_slice(block);
    let mut spans = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        let rest = raw.get(at..).ok_or_else(refused)?;
        let length = rest.windows(2).position(|pair| pair == b"\r\n");
        let line = length
            .and_then(|length| rest.get(..length))
            .ok_or_else(refused)?;
        let colon = line
            .iter()
            .skip(1)
            .position(|b| *b == b':')
            .ok_or_else(refused)?
            + 1;
        if breaks_line(line) || line.starts_with(b":") && colon == 1 {
            return Err(Refused(what));
        }
        let value = line.get(colon + 1..).unwrap_or_default();
        let blank = |b: &u8| matches!(b, b' ' | b'\t');
        let before = value.iter().take_while(|b| blank(b)).count();
        let after = value.iter().rev().take_while(|b| blank(b)).count();
        let name_end = at + colon;
        let value_start = name_end + 1 + before;
        let span = |offset: usize| u32::try_from(offset).map_err(|_| Refused(what));
        spans.push(FieldSpan {
            name_start: span(at)?,
            name_end: span(name_end)?,
            value_start: span(value_start)?,
            value_end: span((name_end + 1 + value.len() - after).max(value_start))?,
        });
        at += line.len() + 2;
    }
    Ok(Fields::from_spans(raw, spans))
}

/// What would end a line or, in C programs behind us, a text.
fn breaks_line(bytes: &[u8]) -> bool {
    bytes.iter().any(|b| matches!(b, b'\r' | b'\n' | 0))
}

/// Bytes without line ends.
fn phrase(value: &Value, what: &'static str) -> Result<Bytes, Refused> {
    bytes(value, what).and_then(|bytes| {
        if breaks_line(&bytes) {
            Err(Refused(what))
        } else {
            Ok(bytes)
        }
    })
}

/// Bytes without line ends and blanks.
fn word(value: &Value, what: &'static str) -> Result<Bytes, Refused> {
    phrase(value, what).and_then(|bytes| {
        if bytes.contains(&b' ') {
            Err(Refused(what))
        } else {
            Ok(bytes)
        }
    })
}

fn line(value: &Value, what: &'static str) -> Result<String, Refused> {
    text(value, what).and_then(|text| {
        if breaks_line(text.as_bytes()) {
            Err(Refused(what))
        } else {
            Ok(text)
        }
    })
}

pub(crate) fn bytes(value: &Value, what: &'static str) -> Result<Bytes, Refused> {
    match value {
        Value::Bytes(bytes) => Ok(bytes.clone()),
        Value::Text(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        _ => Err(Refused(what)),
    }
}

pub(crate) fn text(value: &Value, what: &'static str) -> Result<String, Refused> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Bytes(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        _ => Err(Refused(what)),
    }
}

pub(crate) fn boolean(value: &Value, what: &'static str) -> Result<bool, Refused> {
    match value {
        Value::Bool(b) => Ok(*b),
        Value::Int(n) => Ok(*n != 0),
        _ => Err(Refused(what)),
    }
}

pub(crate) fn list<'a>(value: &'a Value, what: &'static str) -> Result<&'a [Value], Refused> {
    match value {
        Value::List(items) => Ok(items),
        _ => Err(Refused(what)),
    }
}

pub(crate) fn opt<T>(
    value: &Value,
    read: impl FnOnce(&Value) -> Result<T, Refused>,
) -> Result<Option<T>, Refused> {
    match value {
        Value::Null => Ok(None),
        value => read(value).map(Some),
    }
}

fn int<T: TryFrom<i64>>(value: &Value, what: &'static str) -> Result<T, Refused> {
    value
        .as_i64()
        .and_then(|n| T::try_from(n).ok())
        .ok_or(Refused(what))
}

fn number(value: &Value, what: &'static str) -> Result<Number, Refused> {
    match value {
        Value::Int(n) => Ok(Number::Int(*n)),
        Value::Float(f) => Ok(Number::Float(*f)),
        _ => Err(Refused(what)),
    }
}

fn pairs<'a>(value: &'a Value, what: &'static str) -> Result<&'a [(Value, Value)], Refused> {
    match value {
        Value::Dict(pairs) => Ok(pairs),
        _ => Err(Refused(what)),
    }
}
