//! `GET /api/v1/flows/ID/events`: what a streamed response is made of: SSE, NDJSON, gRPC.

use midwire_flow::{Flow, HttpFlow};
use serde_json::{Value as Json, json};

use super::detail::stored;
use super::{kind, row};
use crate::call::{Call, Problem, Reply, blocking, json};
use crate::shown::{self, Side};

/// Decoded bytes that are read.
const BODY: usize = 16 << 20;

/// Events of one page, at most.
const PAGE: usize = 1000;

/// Bytes of the data of one event that are given.
const DATA: usize = 64 * 1024;

/// Bytes of text that is put together.
const TEXT: usize = 4 << 20;

struct Event {
    id: Option<String>,
    name: String,
    data: Vec<u8>,
}

pub(crate) async fn list(call: Call) -> Reply {
    let stored = stored(&call, 0)?;
    let offset = call.number("offset")?.unwrap_or(0);
    let count = call.number("count")?.unwrap_or(100).min(PAGE);
    blocking(move || {
        let none = || Problem::bad("this flow has no stream of events");
        let Flow::Http(http) = &*stored.flow else {
            return Err(none());
        };
        let word = kind::of(&stored.flow);
        let message = shown::message(http, Side::Response).ok_or_else(none)?;
        let (body, more, error) = message.decoded(BODY);
        let body = body.unwrap_or_default();
        let events = match word {
            "sse" => sse(&body),
            "ndjson" => ndjson(&body),
            "grpc" => grpc(&body),
            _ if looks_like_ndjson(&body) => ndjson(&body),
            _ => return Err(none()),
        };
        let answer = Answer::of(&events);
        let page = events.iter().enumerate().skip(offset).take(count);
        let page: Vec<Json> = page.map(|(n, event)| shown(n, event)).collect();
        Ok(json(&json!({
            "kind": if matches!(word, "sse" | "grpc") { word } else { "ndjson" },
            "total": events.len(),
            "events": page,
            "text": answer.text,
            "summary": summary(http, &stored.flow, &answer),
            "truncated": more,
            "error": error,
        })))
    })
    .await?
}

fn shown(n: usize, event: &Event) -> Json {
    let data = event
        .data
        .get(..event.data.len().min(DATA))
        .unwrap_or_default();
    json!({
        "n": n,
        "id": event.id,
        "event": event.name,
        "data": String::from_utf8_lossy(data),
        "size": event.data.len(),
    })
}

fn summary(http: &HttpFlow, flow: &Flow, answer: &Answer) -> Json {
    let (duration, ttfb) = row::times(flow);
    let response = http.response.as_ref();
    let status = response.and_then(|response| {
        let mut fields = response.trailers.iter().chain([&response.fields]);
        fields
            .find_map(|fields| fields.get("grpc-status"))
            .map(crate::json::text)
    });
    json!({
        "duration": duration,
        "first": ttfb,
        "usage": answer.usage,
        "finish": answer.finish,
        "model": answer.model,
        "tools": answer.tools,
        "grpc_status": status,
    })
}

/// Server-sent events (the HTML standard, section 9.2.6). Comments are events of their own name.
fn sse(body: &[u8]) -> Vec<Event> {
    let text = String::from_utf8_lossy(body);
    let text = text
        .trim_start_matches('\u{feff}')
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let mut events = Vec::new();
    let mut id = None;
    let (mut name, mut data): (String, Option<String>) = (String::new(), None);
    for line in text.split('\n') {
        if line.is_empty() {
            if let Some(data) = data.take() {
                let name = std::mem::take(&mut name);
                events.push(Event {
                    id: id.clone(),
                    name: if name.is_empty() {
                        "message".to_owned()
                    } else {
                        name
                    },
                    data: data.into_bytes(),
                });
            }
            name.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => events.push(Event {
                id: None,
                name: "comment".to_owned(),
                data: value.as_bytes().to_vec(),
            }),
            "event" => value.clone_into(&mut name),
            "id" => id = Some(value.to_owned()),
            "data" => match &mut data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => data = Some(value.to_owned()),
            },
            _ => {}
        }
    }
    events
}

fn looks_like_ndjson(body: &[u8]) -> bool {
    let mut lines = body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty());
    let is_object =
        |line: &[u8]| serde_json::from_slice::<Json>(line).is_ok_and(|line| line.is_object());
    matches!((lines.next(), lines.next()), (Some(one), Some(other)) if is_object(one) && is_object(other))
}

fn ndjson(body: &[u8]) -> Vec<Event> {
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines
        .filter(|line| !line.is_empty())
        .map(|line| Event {
            id: None,
            name: "line".to_owned(),
            data: line.to_vec(),
        })
        .collect()
}

/// Length-prefixed messages: a flag, four bytes of length, the message. One that is cut is given as far as it came.
fn grpc(body: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut rest = body;
    while let Some((head, after)) = rest.split_first_chunk::<5>() {
        let [flag, length @ ..] = *head;
        let length = u32::from_be_bytes(length) as usize;
        let (message, after) = after.split_at_checked(length).unwrap_or((after, &[]));
        events.push(Event {
            id: None,
            name: if flag & 1 == 1 {
                "compressed message"
            } else {
                "message"
            }
            .to_owned(),
            data: message.to_vec(),
        });
        rest = after;
    }
    events
}

/// What the pieces of a streamed answer give together.
#[derive(Default)]
struct Answer {
    text: Option<String>,
    usage: Option<Json>,
    finish: Option<String>,
    model: Option<String>,
    tools: Vec<Json>,
}

impl Answer {
    fn of(events: &[Event]) -> Self {
        let mut answer = Self::default();
        for event in events {
            if let Ok(event) = serde_json::from_slice::<Json>(&event.data) {
                answer.add(&event);
            }
        }
        answer
    }

    fn add(&mut self, event: &Json) {
        let choice = &event["choices"][0];
        let pieces = [
            &choice["delta"]["content"],
            &choice["text"],
            &event["delta"]["text"],
            &event["response"],
            &event["message"]["content"],
        ];
        for piece in pieces.into_iter().filter_map(Json::as_str) {
            let text = self.text.get_or_insert_default();
            if text.len() + piece.len() <= TEXT {
                text.push_str(piece);
            }
        }
        if event["type"] == "response.output_text.delta"
            && let Some(piece) = event["delta"].as_str()
        {
            self.text.get_or_insert_default().push_str(piece);
        }
        for call in choice["delta"]["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
        {
            self.tool(call);
        }
        for usage in [&event["usage"], &event["message"]["usage"]] {
            if usage.is_object() {
                self.usage = Some(usage.clone());
            }
        }
        let finish = [
            &choice["finish_reason"],
            &event["delta"]["stop_reason"],
            &event["done_reason"],
        ];
        if let Some(finish) = finish.into_iter().find_map(Json::as_str) {
            self.finish = Some(finish.to_owned());
        }
        if let Some(model) = event["model"]
            .as_str()
            .or(event["message"]["model"].as_str())
        {
            self.model = Some(model.to_owned());
        }
    }

    /// Pieces of one call have one index; their arguments are joined.
    fn tool(&mut self, call: &Json) {
        let index = &call["index"];
        let piece = call["function"]["arguments"].as_str().unwrap_or_default();
        if let Some(known) = self.tools.iter_mut().find(|known| known["index"] == *index) {
            let before = known["arguments"].as_str().unwrap_or_default();
            if before.len() + piece.len() <= TEXT {
                known["arguments"] = json!(format!("{before}{piece}"));
            }
        } else if self.tools.len() < 100 {
            let name = &call["function"]["name"];
            self.tools
                .push(json!({ "index": index, "name": name, "arguments": piece }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_sent_events_are_read() {
        let events = sse(b"\xef\xbb\xbf: hi\nid: 7\nevent: a\ndata: x\ndata: y\n\ndata:z\r\n\r\nretry: 5\n\ndata: cut");
        let got: Vec<_> = events
            .iter()
            .map(|one| {
                (
                    one.id.as_deref(),
                    one.name.as_str(),
                    std::str::from_utf8(&one.data).unwrap(),
                )
            })
            .collect();
        assert_eq!(
            got,
            [
                (None, "comment", "hi"),
                (Some("7"), "a", "x\ny"),
                (Some("7"), "message", "z")
            ]
        );
    }

    #[test]
    fn grpc_messages_are_read_as_far_as_they_came() {
        let events = grpc(b"\0\0\0\0\x02ab\x01\0\0\0\x05xy");
        let got: Vec<_> = events
            .iter()
            .map(|one| (one.name.as_str(), &one.data[..]))
            .collect();
        assert_eq!(
            got,
            [("message", &b"ab"[..]), ("compressed message", &b"xy"[..])]
        );
        assert!(grpc(b"\0\0").is_empty());
    }

    #[test]
    fn answers_are_put_together() {
        let events = sse(
            b"data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}],\"model\":\"m\"}\n\n\
              data: {\"choices\":[{\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}],\"usage\":{\"total\":3}}\n\n\
              data: [DONE]\n\n",
        );
        let answer = Answer::of(&events);
        assert_eq!(answer.text.as_deref(), Some("Hello"));
        assert_eq!(
            (answer.finish.as_deref(), answer.model.as_deref()),
            (Some("stop"), Some("m"))
        );
        assert!(answer.usage.is_some());
        assert_eq!(
            Answer::of(&ndjson(b"{\"response\":\"a\"}\n{\"response\":\"b\"}"))
                .text
                .as_deref(),
            Some("ab")
        );
        assert!(looks_like_ndjson(b"{}\n{}\n") && !looks_like_ndjson(b"{}"));
    }
}
