//! States of version 21 as flows, read straight from the bytes of a record.
//!
//! Every key must be there and no other, as in the original. Order is free, of equal keys the last one counts.

use std::str;
use std::sync::Arc;

use bytes::Bytes;
use midwire_wire::dns::{Question, Record};
use midwire_wire::{FieldSpan, Fields};

use super::FORMAT_VERSION;
use super::ReadErrorKind as Kind;
use super::upgrade::Upgrader;
use crate::value::{Integer, MAX_DEPTH, ParseError, Raw, Tag};
use crate::{
    Address, Certificate, ClientConn, Connection, Content, Dns, DnsFlow, Flow, FlowError, FlowInfo,
    HttpFlow, Id, MessageFlow, Number, Replay, Request, Response, ServerConn, StreamMessage,
    Transport, Value, Via, WebSocketData, WebSocketMessage,
};

/// The flow of a record: `raw` points into `record`.
pub(super) fn flow(record: &Bytes, raw: Raw<'_>, upgrader: &mut Upgrader) -> Result<Flow, Kind> {
    if raw.tag != Tag::Dict {
        let value = raw.to_value(&Bytes::copy_from_slice, MAX_DEPTH)?;
        return Err(Kind::NotAFlow(value.python_repr(200)));
    }
    if is_current(raw)? {
        return Source(record).flow(raw, upgrader);
    }
    let state = raw.to_value(&|bytes| record.slice_ref(bytes), MAX_DEPTH)?;
    let mut upgraded = Vec::new();
    upgrader.upgrade(state)?.write(&mut upgraded);
    let upgraded = Bytes::from(upgraded);
    let (raw, _) = Raw::pop(&upgraded)?;
    Source(&upgraded).flow(raw, upgrader)
}

fn is_current(raw: Raw<'_>) -> Result<bool, Kind> {
    let mut current = false;
    for pair in raw.dict()? {
        let (key, value) = pair?;
        if key.data == b"version" {
            current = value.tag == Tag::Int && value.data == FORMAT_VERSION.to_string().as_bytes();
        }
    }
    Ok(current)
}

/// The bytes that all values of a record point into, so that content is shared, not copied.
struct Source<'a>(&'a Bytes);

type Pairs<'a> = Vec<(Raw<'a>, Raw<'a>)>;

impl<'a> Source<'a> {
    fn flow(&self, raw: Raw<'a>, upgrader: &mut Upgrader) -> Result<Flow, Kind> {
        let mut kind = None;
        let mut id = None;
        let mut error = None;
        let mut client_conn = None;
        let mut server_conn = None;
        let mut intercepted = None;
        let mut is_replay = None;
        let mut marked = None;
        let mut metadata = None;
        let mut comment = None;
        let mut timestamp_created = None;
        let mut backup = None;
        let mut own: Pairs<'a> = Vec::new();
        for pair in raw.dict()? {
            let (key, value) = pair?;
            match key.data {
                b"version" => {}
                b"type" => kind = Some(self.text(value, "type")?),
                b"id" => id = Some(Id::parse(value.text().map_err(bad("id"))?)),
                b"error" => error = Some(opt(value, |v| self.error(v))?),
                b"client_conn" => client_conn = Some(self.client(value)?),
                b"server_conn" => server_conn = Some(self.server(value)?),
                b"intercepted" => intercepted = Some(value.bool().map_err(bad("intercepted"))?),
                b"is_replay" => is_replay = Some(opt(value, replay)?),
                b"marked" => marked = Some(self.text(value, "marked")?),
                b"metadata" => metadata = Some(self.metadata(value)?),
                b"comment" => comment = Some(self.text(value, "comment")?),
                b"timestamp_created" => {
                    timestamp_created = Some(opt(value, |v| number(v, "timestamp_created"))?);
                }
                b"backup" => backup = Some(value),
                _ => own.push((key, value)),
            }
        }
        let client_conn = need(client_conn, "client_conn")?;
        // A state without a time, as old files may have, is as old as its client connection.
        let timestamp_created = need(timestamp_created, "timestamp_created")?
            .unwrap_or_else(|| client_conn.timestamp_start.unwrap_or_default().into());
        let info = FlowInfo {
            id: need(id, "id")?,
            error: need(error, "error")?,
            client_conn: Arc::new(client_conn),
            server_conn: Arc::new(need(server_conn, "server_conn")?),
            intercepted: need(intercepted, "intercepted")?,
            is_replay: need(is_replay, "is_replay")?,
            marked: need(marked, "marked")?,
            metadata: need(metadata, "metadata")?,
            comment: need(comment, "comment")?,
            timestamp_created,
            backup: backup.and_then(|raw| self.backup(raw, upgrader)),
            live: false,
        };
        match need(kind, "type")?.as_str() {
            "http" => Ok(Flow::Http(Box::new(self.http(info, own)?))),
            "tcp" => Ok(Flow::Tcp(self.messages(info, own)?)),
            "udp" => Ok(Flow::Udp(self.messages(info, own)?)),
            "dns" => Ok(Flow::Dns(Box::new(self.dns_flow(info, own)?))),
            other => Err(Kind::UnknownType(other.to_owned())),
        }
    }

    /// A backup is an extra: one that cannot be used, e.g. of another version, does not spoil the flow.
    fn backup(&self, raw: Raw<'a>, upgrader: &mut Upgrader) -> Option<Box<Flow>> {
        if raw.tag != Tag::Dict {
            return None;
        }
        // A backup has none itself; refusing one keeps hostile files from nesting without end.
        if has_backup(raw) {
            return None;
        }
        flow(self.0, raw, upgrader).ok().map(Box::new)
    }

    fn http(&self, info: FlowInfo, own: Pairs<'a>) -> Result<HttpFlow, Kind> {
        let mut request = None;
        let mut response = None;
        let mut websocket = None;
        for (key, value) in own {
            match key.data {
                b"request" => request = Some(self.request(value)?),
                b"response" => response = Some(opt(value, |v| self.response(v))?),
                b"websocket" => websocket = Some(opt(value, |v| self.websocket(v))?),
                _ => return Err(unexpected(key)),
            }
        }
        Ok(HttpFlow {
            info,
            request: need(request, "request")?,
            response: need(response, "response")?,
            websocket: need(websocket, "websocket")?,
        })
    }

    fn messages(&self, info: FlowInfo, own: Pairs<'a>) -> Result<MessageFlow, Kind> {
        let mut messages = None;
        for (key, value) in own {
            match key.data {
                b"messages" => {
                    let list = value.list().map_err(bad("messages"))?;
                    let read: Result<Vec<_>, Kind> = list.map(|m| self.message(m?)).collect();
                    messages = Some(read?);
                }
                _ => return Err(unexpected(key)),
            }
        }
        Ok(MessageFlow {
            info,
            messages: need(messages, "messages")?,
        })
    }

    fn message(&self, raw: Raw<'a>) -> Result<StreamMessage, Kind> {
        let parts = items(raw, "messages")?;
        let [from_client, content, timestamp] = parts.as_slice() else {
            return Err(Kind::BadValue("messages".into()));
        };
        Ok(StreamMessage {
            from_client: from_client.bool().map_err(bad("messages"))?,
            content: self.bytes(*content, "messages")?,
            timestamp: number(*timestamp, "messages")?,
        })
    }

    fn dns_flow(&self, info: FlowInfo, own: Pairs<'a>) -> Result<DnsFlow, Kind> {
        let mut request = None;
        let mut response = None;
        for (key, value) in own {
            match key.data {
                b"request" => request = Some(self.dns(value)?),
                b"response" => response = Some(opt(value, |v| self.dns(v))?),
                _ => return Err(unexpected(key)),
            }
        }
        let (request, request_timestamp) = need(request, "request")?;
        let (response, response_timestamp) = need(response, "response")?.unzip();
        Ok(DnsFlow {
            info,
            request,
            request_timestamp,
            response,
            response_timestamp,
        })
    }

    fn dns(&self, raw: Raw<'a>) -> Result<(Dns, Number), Kind> {
        let mut timestamp = None;
        let mut dns = Dns {
            id: 0,
            query: false,
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
        };
        let mut seen = 0_u16;
        for pair in dict(raw, "request")? {
            let (key, value) = pair?;
            let bit = match key.data {
                b"timestamp" => {
                    timestamp = Some(float(value, "timestamp")?);
                    continue;
                }
                b"id" => {
                    dns.id = int(value, "id")?;
                    0
                }
                b"query" => {
                    dns.query = value.bool().map_err(bad("query"))?;
                    1
                }
                b"op_code" => {
                    dns.op_code = int(value, "op_code")?;
                    2
                }
                b"authoritative_answer" => {
                    dns.authoritative_answer = value.bool().map_err(bad("authoritative_answer"))?;
                    3
                }
                b"truncation" => {
                    dns.truncation = value.bool().map_err(bad("truncation"))?;
                    4
                }
                b"recursion_desired" => {
                    dns.recursion_desired = value.bool().map_err(bad("recursion_desired"))?;
                    5
                }
                b"recursion_available" => {
                    dns.recursion_available = value.bool().map_err(bad("recursion_available"))?;
                    6
                }
                b"reserved" => {
                    dns.reserved = int(value, "reserved")?;
                    7
                }
                b"response_code" => {
                    dns.response_code = int(value, "response_code")?;
                    8
                }
                b"questions" => {
                    let list = value.list().map_err(bad("questions"))?;
                    dns.questions = list.map(|q| self.question(q?)).collect::<Result<_, _>>()?;
                    9
                }
                b"answers" => {
                    dns.answers = self.records(value, "answers")?;
                    10
                }
                b"authorities" => {
                    dns.authorities = self.records(value, "authorities")?;
                    11
                }
                b"additionals" => {
                    dns.additionals = self.records(value, "additionals")?;
                    12
                }
                _ => return Err(unexpected(key)),
            };
            seen |= 1 << bit;
        }
        const KEYS: [&str; 13] = [
            "id",
            "query",
            "op_code",
            "authoritative_answer",
            "truncation",
            "recursion_desired",
            "recursion_available",
            "reserved",
            "response_code",
            "questions",
            "answers",
            "authorities",
            "additionals",
        ];
        if let Some(key) = KEYS.get(seen.trailing_ones() as usize) {
            return Err(Kind::MissingKey(key));
        }
        Ok((dns, Number::Float(need(timestamp, "timestamp")?)))
    }

    fn question(&self, raw: Raw<'a>) -> Result<Question, Kind> {
        let mut name = None;
        let mut type_ = None;
        let mut class = None;
        for pair in dict(raw, "questions")? {
            let (key, value) = pair?;
            match key.data {
                b"name" => name = Some(self.text(value, "name")?),
                b"type" => type_ = Some(int(value, "type")?),
                b"class_" => class = Some(int(value, "class_")?),
                _ => return Err(unexpected(key)),
            }
        }
        Ok(Question {
            name: need(name, "name")?,
            type_: need(type_, "type")?,
            class: need(class, "class_")?,
        })
    }

    fn records(&self, raw: Raw<'a>, key: &'static str) -> Result<Vec<Record>, Kind> {
        let list = raw.list().map_err(bad(key))?;
        list.map(|record| self.record(record?)).collect()
    }

    fn record(&self, raw: Raw<'a>) -> Result<Record, Kind> {
        let mut name = None;
        let mut type_ = None;
        let mut class = None;
        let mut ttl = None;
        let mut data = None;
        for pair in dict(raw, "answers")? {
            let (key, value) = pair?;
            match key.data {
                b"name" => name = Some(self.text(value, "name")?),
                b"type" => type_ = Some(int(value, "type")?),
                b"class_" => class = Some(int(value, "class_")?),
                b"ttl" => ttl = Some(int(value, "ttl")?),
                b"data" => data = Some(self.bytes(value, "data")?),
                _ => return Err(unexpected(key)),
            }
        }
        Ok(Record {
            name: need(name, "name")?,
            type_: need(type_, "type")?,
            class: need(class, "class_")?,
            ttl: need(ttl, "ttl")?,
            data: need(data, "data")?,
        })
    }

    fn error(&self, raw: Raw<'a>) -> Result<FlowError, Kind> {
        let mut msg = None;
        let mut timestamp = None;
        for pair in dict(raw, "error")? {
            let (key, value) = pair?;
            match key.data {
                b"msg" => msg = Some(self.text(value, "error.msg")?),
                b"timestamp" => timestamp = Some(float(value, "error.timestamp")?),
                _ => return Err(unexpected(key)),
            }
        }
        Ok(FlowError {
            msg: need(msg, "error.msg")?,
            timestamp: need(timestamp, "error.timestamp")?,
        })
    }

    fn metadata(&self, raw: Raw<'a>) -> Result<Vec<(String, Value)>, Kind> {
        let bytes = |bytes: &[u8]| self.0.slice_ref(bytes);
        let Value::Dict(pairs) = raw.to_value(&bytes, MAX_DEPTH - 1)? else {
            return Err(Kind::BadValue("metadata".into()));
        };
        Ok(pairs
            .into_iter()
            .map(|(key, value)| match key {
                Value::Text(text) => (text, value),
                key => match key.as_text() {
                    Some(text) => (text.to_owned(), value),
                    None => (key.python_repr(200), value),
                },
            })
            .collect())
    }

    fn client(&self, raw: Raw<'a>) -> Result<ClientConn, Kind> {
        let mut connection = Common::default();
        let mut mitmcert = None;
        let mut proxy_mode = None;
        for pair in dict(raw, "client_conn")? {
            let (key, value) = pair?;
            match key.data {
                b"mitmcert" => mitmcert = Some(opt(value, |v| self.certificate(v))?),
                b"proxy_mode" => proxy_mode = Some(self.text(value, "proxy_mode")?),
                _ => connection.read(self, key, value)?,
            }
        }
        Ok(ClientConn {
            connection: connection.finish()?,
            mitmcert: need(mitmcert, "mitmcert")?,
            proxy_mode: need(proxy_mode, "proxy_mode")?,
        })
    }

    fn server(&self, raw: Raw<'a>) -> Result<ServerConn, Kind> {
        let mut connection = Common::default();
        let mut address_ = None;
        let mut timestamp_tcp_setup = None;
        let mut via = None;
        for pair in dict(raw, "server_conn")? {
            let (key, value) = pair?;
            match key.data {
                b"address" => address_ = Some(opt(value, |v| self.address(v))?),
                b"timestamp_tcp_setup" => {
                    timestamp_tcp_setup = Some(opt(value, |v| float(v, "timestamp_tcp_setup"))?);
                }
                b"via" => via = Some(opt(value, |v| self.via(v))?),
                _ => connection.read(self, key, value)?,
            }
        }
        Ok(ServerConn {
            connection: connection.finish()?,
            address: need(address_, "address")?,
            timestamp_tcp_setup: need(timestamp_tcp_setup, "timestamp_tcp_setup")?,
            via: need(via, "via")?,
        })
    }

    fn via(&self, raw: Raw<'a>) -> Result<Via, Kind> {
        let parts = items(raw, "via")?;
        let [scheme, address] = parts.as_slice() else {
            return Err(Kind::BadValue("via".into()));
        };
        Ok(Via {
            scheme: self.text(*scheme, "via")?,
            address: self.address(*address)?,
        })
    }

    fn address(&self, raw: Raw<'a>) -> Result<Address, Kind> {
        let parts = items(raw, "address")?;
        let [host, port, v6 @ ..] = parts.as_slice() else {
            return Err(Kind::BadValue("address".into()));
        };
        let v6 = match v6 {
            [] => None,
            [flow] => Some((int(*flow, "address")?, 0)),
            [flow, scope, ..] => Some((int(*flow, "address")?, int(*scope, "address")?)),
        };
        Ok(Address {
            host: self.text(*host, "address")?,
            port: int(*port, "address")?,
            v6,
        })
    }

    fn certificate(&self, raw: Raw<'a>) -> Result<Certificate, Kind> {
        Ok(Certificate::from_pem(self.bytes(raw, "certificate_list")?))
    }

    fn request(&self, raw: Raw<'a>) -> Result<Request, Kind> {
        let mut message = Message::default();
        let mut host = None;
        let mut port = None;
        let mut method = None;
        let mut scheme = None;
        let mut authority = None;
        let mut path = None;
        for pair in dict(raw, "request")? {
            let (key, value) = pair?;
            match key.data {
                b"host" => host = Some(self.text(value, "host")?),
                b"port" => port = Some(int(value, "port")?),
                b"method" => method = Some(self.bytes(value, "method")?),
                b"scheme" => scheme = Some(self.bytes(value, "scheme")?),
                b"authority" => authority = Some(self.bytes(value, "authority")?),
                b"path" => path = Some(self.bytes(value, "path")?),
                _ => message.read(self, key, value)?,
            }
        }
        Ok(Request {
            host: need(host, "host")?,
            port: need(port, "port")?,
            method: need(method, "method")?,
            scheme: need(scheme, "scheme")?,
            authority: need(authority, "authority")?,
            path: need(path, "path")?,
            version: need(message.version, "http_version")?,
            fields: need(message.fields, "headers")?,
            content: need(message.content, "content")?,
            trailers: need(message.trailers, "trailers")?,
            timestamp_start: need(message.timestamp_start, "timestamp_start")?,
            timestamp_end: need(message.timestamp_end, "timestamp_end")?,
        })
    }

    fn response(&self, raw: Raw<'a>) -> Result<Response, Kind> {
        let mut message = Message::default();
        let mut status = None;
        let mut reason = None;
        for pair in dict(raw, "response")? {
            let (key, value) = pair?;
            match key.data {
                b"status_code" => status = Some(int(value, "status_code")?),
                b"reason" => reason = Some(self.bytes(value, "reason")?),
                _ => message.read(self, key, value)?,
            }
        }
        Ok(Response {
            version: need(message.version, "http_version")?,
            status: need(status, "status_code")?,
            reason: need(reason, "reason")?,
            fields: need(message.fields, "headers")?,
            content: need(message.content, "content")?,
            trailers: need(message.trailers, "trailers")?,
            timestamp_start: need(message.timestamp_start, "timestamp_start")?,
            timestamp_end: need(message.timestamp_end, "timestamp_end")?,
        })
    }

    fn websocket(&self, raw: Raw<'a>) -> Result<WebSocketData, Kind> {
        let mut messages = None;
        let mut closed_by_client = None;
        let mut close_code = None;
        let mut close_reason = None;
        let mut timestamp_end = None;
        for pair in dict(raw, "websocket")? {
            let (key, value) = pair?;
            match key.data {
                b"messages" => {
                    let list = value.list().map_err(bad("messages"))?;
                    let read: Result<Vec<_>, Kind> =
                        list.map(|m| self.websocket_message(m?)).collect();
                    messages = Some(read?);
                }
                b"closed_by_client" => {
                    closed_by_client =
                        Some(opt(value, |v| v.bool().map_err(bad("closed_by_client")))?);
                }
                b"close_code" => close_code = Some(opt(value, |v| int(v, "close_code"))?),
                b"close_reason" => {
                    close_reason = Some(opt(value, |v| self.text(v, "close_reason"))?);
                }
                b"timestamp_end" => {
                    timestamp_end = Some(opt(value, |v| float(v, "timestamp_end"))?);
                }
                _ => return Err(unexpected(key)),
            }
        }
        Ok(WebSocketData {
            messages: need(messages, "messages")?,
            closed_by_client: need(closed_by_client, "closed_by_client")?,
            close_code: need(close_code, "close_code")?,
            close_reason: need(close_reason, "close_reason")?,
            timestamp_end: need(timestamp_end, "timestamp_end")?,
        })
    }

    fn websocket_message(&self, raw: Raw<'a>) -> Result<WebSocketMessage, Kind> {
        const KEY: &str = "websocket.messages";
        let parts = items(raw, KEY)?;
        let [opcode, from_client, content, timestamp, dropped, injected] = parts.as_slice() else {
            return Err(Kind::BadValue(KEY.into()));
        };
        Ok(WebSocketMessage {
            opcode: int(*opcode, KEY)?,
            from_client: from_client.bool().map_err(bad(KEY))?,
            content: self.bytes(*content, KEY)?,
            timestamp: number(*timestamp, KEY)?,
            dropped: dropped.bool().map_err(bad(KEY))?,
            injected: injected.bool().map_err(bad(KEY))?,
        })
    }

    /// Field lines, put into one small buffer so that they do not keep a large record alive.
    fn fields(&self, raw: Raw<'a>, key: &'static str) -> Result<Fields, Kind> {
        let mut lines = Vec::new();
        let mut size = 0_usize;
        for line in raw.list().map_err(bad(key))? {
            let mut parts = line?.list().map_err(bad(key))?;
            let (Some(name), Some(value), None) = (parts.next(), parts.next(), parts.next()) else {
                return Err(Kind::BadValue(key.into()));
            };
            let (name, value) = (octets(name?, key)?, octets(value?, key)?);
            size += name.len() + value.len() + 4;
            lines.push((name, value));
        }
        if u32::try_from(size).is_err() {
            let pairs = lines
                .into_iter()
                .map(|(n, v)| (self.0.slice_ref(n), self.0.slice_ref(v)));
            return Ok(Fields::from_pairs(pairs));
        }
        let mut section = Vec::with_capacity(size);
        let mut spans = Vec::with_capacity(lines.len());
        for (name, value) in lines {
            let name_start = section.len() as u32;
            section.extend_from_slice(name);
            let name_end = section.len() as u32;
            section.extend_from_slice(b": ");
            let value_start = section.len() as u32;
            section.extend_from_slice(value);
            spans.push(FieldSpan {
                name_start,
                name_end,
                value_start,
                value_end: section.len() as u32,
            });
            section.extend_from_slice(b"\r\n");
        }
        Ok(Fields::from_spans(section.into(), spans))
    }

    fn bytes(&self, raw: Raw<'a>, key: &'static str) -> Result<Bytes, Kind> {
        let octets = octets(raw, key)?;
        Ok(match octets {
            // What nearly every flow has needs no reference to its record.
            b"" => Bytes::new(),
            b"GET" => Bytes::from_static(b"GET"),
            b"POST" => Bytes::from_static(b"POST"),
            b"http" => Bytes::from_static(b"http"),
            b"https" => Bytes::from_static(b"https"),
            b"HTTP/1.1" => Bytes::from_static(b"HTTP/1.1"),
            b"HTTP/2.0" => Bytes::from_static(b"HTTP/2.0"),
            b"OK" => Bytes::from_static(b"OK"),
            b"h2" => Bytes::from_static(b"h2"),
            _ => self.0.slice_ref(octets),
        })
    }

    /// Text; also bytes, as the original takes them for hosts of old files.
    #[expect(clippy::unused_self, reason = "reads like its siblings")]
    fn text(&self, raw: Raw<'a>, key: &'static str) -> Result<String, Kind> {
        match raw.tag {
            Tag::Bytes => Ok(String::from_utf8_lossy(raw.data).into_owned()),
            _ => Ok(raw.text().map_err(bad(key))?.to_owned()),
        }
    }
}

/// What requests and responses have in common.
#[derive(Default)]
struct Message {
    version: Option<Bytes>,
    fields: Option<Fields>,
    content: Option<Content>,
    trailers: Option<Option<Fields>>,
    timestamp_start: Option<Number>,
    timestamp_end: Option<Option<Number>>,
}

impl Message {
    fn read<'a>(&mut self, source: &Source<'a>, key: Raw<'a>, value: Raw<'a>) -> Result<(), Kind> {
        match key.data {
            b"http_version" => self.version = Some(source.bytes(value, "http_version")?),
            b"headers" => self.fields = Some(source.fields(value, "headers")?),
            b"content" => {
                let content = opt(value, |v| source.bytes(v, "content"))?;
                self.content = Some(content.map_or(Content::Missing, Content::Memory));
            }
            b"trailers" => self.trailers = Some(opt(value, |v| source.fields(v, "trailers"))?),
            b"timestamp_start" => self.timestamp_start = Some(number(value, "timestamp_start")?),
            b"timestamp_end" => {
                self.timestamp_end = Some(opt(value, |v| number(v, "timestamp_end"))?);
            }
            _ => return Err(unexpected(key)),
        }
        Ok(())
    }
}

/// What both kinds of connections have in common.
#[derive(Default)]
struct Common {
    peername: Option<Option<Address>>,
    sockname: Option<Option<Address>>,
    id: Option<Id>,
    transport_protocol: Option<Transport>,
    error: Option<Option<String>>,
    tls: Option<bool>,
    certificate_list: Option<Vec<Certificate>>,
    alpn: Option<Option<Bytes>>,
    alpn_offers: Option<Vec<Bytes>>,
    cipher: Option<Option<String>>,
    cipher_list: Option<Vec<String>>,
    tls_version: Option<Option<String>>,
    sni: Option<Option<String>>,
    timestamp_start: Option<Option<f64>>,
    timestamp_end: Option<Option<f64>>,
    timestamp_tls_setup: Option<Option<f64>>,
}

impl Common {
    fn read<'a>(&mut self, source: &Source<'a>, key: Raw<'a>, value: Raw<'a>) -> Result<(), Kind> {
        match key.data {
            b"peername" => self.peername = Some(opt(value, |v| source.address(v))?),
            b"sockname" => self.sockname = Some(opt(value, |v| source.address(v))?),
            b"id" => self.id = Some(Id::parse(value.text().map_err(bad("id"))?)),
            b"transport_protocol" => {
                self.transport_protocol = Some(match value.data {
                    b"tcp" => Transport::Tcp,
                    b"udp" => Transport::Udp,
                    _ => return Err(Kind::BadValue("transport_protocol".into())),
                });
            }
            b"error" => self.error = Some(opt(value, |v| source.text(v, "error"))?),
            b"tls" => self.tls = Some(value.bool().map_err(bad("tls"))?),
            b"certificate_list" => {
                self.certificate_list = Some(collect(value, "certificate_list", |v| {
                    source.certificate(v)
                })?);
            }
            b"alpn" => self.alpn = Some(opt(value, |v| source.bytes(v, "alpn"))?),
            b"alpn_offers" => {
                self.alpn_offers = Some(collect(value, "alpn_offers", |v| {
                    source.bytes(v, "alpn_offers")
                })?);
            }
            b"cipher" => self.cipher = Some(opt(value, |v| source.text(v, "cipher"))?),
            b"cipher_list" => {
                self.cipher_list = Some(collect(value, "cipher_list", |v| {
                    source.text(v, "cipher_list")
                })?);
            }
            b"tls_version" => {
                self.tls_version = Some(opt(value, |v| source.text(v, "tls_version"))?);
            }
            b"sni" => self.sni = Some(opt(value, |v| source.text(v, "sni"))?),
            b"timestamp_start" => {
                self.timestamp_start = Some(opt(value, |v| float(v, "timestamp_start"))?);
            }
            b"timestamp_end" => {
                self.timestamp_end = Some(opt(value, |v| float(v, "timestamp_end"))?);
            }
            b"timestamp_tls_setup" => {
                self.timestamp_tls_setup = Some(opt(value, |v| float(v, "timestamp_tls_setup"))?);
            }
            _ => return Err(unexpected(key)),
        }
        Ok(())
    }

    fn finish(self) -> Result<Connection, Kind> {
        Ok(Connection {
            id: need(self.id, "id")?,
            peername: need(self.peername, "peername")?,
            sockname: need(self.sockname, "sockname")?,
            transport_protocol: need(self.transport_protocol, "transport_protocol")?,
            error: need(self.error, "error")?,
            tls: need(self.tls, "tls")?,
            certificate_list: need(self.certificate_list, "certificate_list")?,
            alpn: need(self.alpn, "alpn")?,
            alpn_offers: need(self.alpn_offers, "alpn_offers")?,
            cipher: need(self.cipher, "cipher")?,
            cipher_list: need(self.cipher_list, "cipher_list")?,
            tls_version: need(self.tls_version, "tls_version")?,
            sni: need(self.sni, "sni")?,
            timestamp_start: need(self.timestamp_start, "timestamp_start")?,
            timestamp_end: need(self.timestamp_end, "timestamp_end")?,
            timestamp_tls_setup: need(self.timestamp_tls_setup, "timestamp_tls_setup")?,
        })
    }
}

fn need<T>(value: Option<T>, key: &'static str) -> Result<T, Kind> {
    value.ok_or(Kind::MissingKey(key))
}

fn bad(key: &'static str) -> impl Fn(ParseError) -> Kind {
    move |error| match error {
        ParseError::Literal => Kind::BadValue(key.into()),
        other => Kind::Malformed(other),
    }
}

fn unexpected(key: Raw<'_>) -> Kind {
    Kind::UnexpectedKey(
        String::from_utf8_lossy(key.data)
            .chars()
            .take(100)
            .collect(),
    )
}

fn opt<'a, T>(
    raw: Raw<'a>,
    read: impl FnOnce(Raw<'a>) -> Result<T, Kind>,
) -> Result<Option<T>, Kind> {
    if raw.is_null() {
        return Ok(None);
    }
    read(raw).map(Some)
}

fn dict<'a>(
    raw: Raw<'a>,
    key: &'static str,
) -> Result<impl Iterator<Item = Result<(Raw<'a>, Raw<'a>), ParseError>>, Kind> {
    raw.dict().map_err(bad(key))
}

/// The elements of a list with a handful of elements.
fn items<'a>(raw: Raw<'a>, key: &'static str) -> Result<Vec<Raw<'a>>, Kind> {
    /// More than any list of fixed form has.
    const MAX_ITEMS: usize = 8;
    let list = raw.list().map_err(bad(key))?;
    list.take(MAX_ITEMS)
        .map(|item| item.map_err(Kind::from))
        .collect()
}

fn collect<'a, T>(
    raw: Raw<'a>,
    key: &'static str,
    read: impl Fn(Raw<'a>) -> Result<T, Kind>,
) -> Result<Vec<T>, Kind> {
    raw.list()
        .map_err(bad(key))?
        .map(|item| read(item?))
        .collect()
}

fn octets<'a>(raw: Raw<'a>, key: &'static str) -> Result<&'a [u8], Kind> {
    match raw.tag {
        // Text is taken too, as the original takes it for the fields of old files.
        Tag::Bytes | Tag::Text => Ok(raw.data),
        _ => Err(Kind::BadValue(key.into())),
    }
}

fn int<T: TryFrom<i64>>(raw: Raw<'_>, key: &'static str) -> Result<T, Kind> {
    match raw.integer().map_err(bad(key))? {
        Integer::Small(n) => T::try_from(n).map_err(|_| Kind::BadValue(key.into())),
        Integer::Big(_) => Err(Kind::BadValue(key.into())),
    }
}

fn number(raw: Raw<'_>, key: &'static str) -> Result<Number, Kind> {
    if raw.tag == Tag::Float {
        return Ok(Number::Float(raw.float().map_err(bad(key))?));
    }
    match raw.integer().map_err(bad(key))? {
        Integer::Small(n) => Ok(Number::Int(n)),
        Integer::Big(_) => Err(Kind::BadValue(key.into())),
    }
}

/// A number that is a float from now on, as the original makes it.
fn float(raw: Raw<'_>, key: &'static str) -> Result<f64, Kind> {
    number(raw, key).map(Number::as_f64)
}

fn replay(raw: Raw<'_>) -> Result<Replay, Kind> {
    match raw.data {
        b"request" => Ok(Replay::Request),
        b"response" => Ok(Replay::Response),
        _ => Err(Kind::BadValue("is_replay".into())),
    }
}

fn has_backup(raw: Raw<'_>) -> bool {
    raw.dict().is_ok_and(|mut pairs| {
        pairs.any(|pair| pair.is_ok_and(|(key, value)| key.data == b"backup" && !value.is_null()))
    })
}
