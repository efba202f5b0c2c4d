//! HTTP flows.

use bytes::Bytes;
use midwire_wire::{FieldSpan, Fields};

use super::raw::{bad, dict, float, int, items, need, number, octets, opt, unexpected};
use super::{Kind, Pairs, Source};
use crate::value::Raw;
use crate::{
    Content, FlowInfo, HttpFlow, Number, Request, Response, WebSocketData, WebSocketMessage,
};

impl<'a> Source<'a> {
    pub(super) fn http(&self, info: FlowInfo, own: Pairs<'a>) -> Result<HttpFlow, Kind> {
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
}

/// What requests and responses have in common.
#[derive(Default)]
#[expect(clippy::option_option, reason = "a missing key is not null")]
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
