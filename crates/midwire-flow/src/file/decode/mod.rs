//! States of version 21 as flows, read straight from the bytes of a record.
//!
//! Every key must be there and no other, as in the original. Order is free, of equal keys the last one counts.

mod connection;
mod dns;
mod http;
mod raw;

use std::sync::Arc;

use bytes::Bytes;

use self::raw::{bad, dict, float, items, need, number, octets, opt, unexpected};
use super::FORMAT_VERSION;
use super::ReadErrorKind as Kind;
use super::upgrade::Upgrader;
use crate::value::{Integer, MAX_DEPTH, Raw, Tag};
use crate::{Flow, FlowError, FlowInfo, Id, MessageFlow, Passed, Replay, StreamMessage, Value};

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
            current = matches!(value.integer(), Ok(Integer::Small(FORMAT_VERSION)));
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
            passed: Passed::default(),
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
