//! Messages of a conversation, a page at a time.

use axum::http::StatusCode;
use bytes::Bytes;
use midwire_core::engine::{EngineRequest, Injection, InjectionKind};
use midwire_flow::Flow;
use serde_json::{Value as Json, json};

use super::content::render;
use super::detail::stored;
use crate::call::{Call, Problem, Reply, blocking, json};
use crate::routes::content::attachment;
use crate::routes::edit::base64;
use crate::shown::{self, Shown};

/// Messages of one page, at most.
const PAGE: usize = 1000;

/// Bytes of a message that make its preview.
const PREVIEW: usize = 200;

/// `GET /api/v1/flows/ID/messages`.
pub(crate) async fn list(call: Call) -> Reply {
    let stored = stored(&call, 0)?;
    let offset = call.number("offset")?.unwrap_or(0);
    let count = call.number("count")?.unwrap_or(100).min(PAGE);
    blocking(move || {
        let flow = &*stored.flow;
        let messages = shown::messages(flow).ok_or_else(none)?;
        let page = messages.iter().enumerate().skip(offset).take(count);
        let page: Vec<Json> = page
            .map(|(n, (from_client, content, time))| {
                let preview = content.slice(..content.len().min(PREVIEW));
                let (opcode, injected, dropped) = kind(flow, n);
                json!({
                    "n": n,
                    "from_client": from_client,
                    "time": time,
                    "opcode": opcode,
                    "size": content.len(),
                    "preview": midwire_views::clean_line(&String::from_utf8_lossy(&preview)),
                    "injected": injected,
                    "dropped": dropped,
                })
            })
            .collect();
        Ok(json(
            &json!({ "total": messages.len(), "evicted": stored.evicted, "messages": page }),
        ))
    })
    .await?
}

fn none() -> Problem {
    Problem::bad("This flow has no messages.")
}

fn kind(flow: &Flow, n: usize) -> (Option<&'static str>, bool, bool) {
    let data = flow.as_http().and_then(|http| http.websocket.as_ref());
    match data.and_then(|data| data.messages.get(n)) {
        None => (None, false, false),
        Some(message) => {
            let opcode = match message.opcode {
                1 => "text",
                8 => "close",
                9 => "ping",
                10 => "pong",
                _ => "binary",
            };
            (Some(opcode), message.injected, message.dropped)
        }
    }
}

fn content(call: &Call) -> Result<(midwire_core::store::Stored, Bytes), Problem> {
    let stored = stored(call, 0)?;
    let n: usize = call
        .part(1)
        .parse()
        .map_err(|_| Problem::missing("there is no such message"))?;
    let messages = shown::messages(&stored.flow).ok_or_else(none)?;
    let found = messages.into_iter().nth(n);
    let (_, content, _) = found.ok_or_else(|| Problem::missing("there is no such message"))?;
    Ok((stored, content))
}

/// `GET /api/v1/flows/ID/messages/N/view`.
pub(crate) async fn view(call: Call) -> Reply {
    let (stored, content) = content(&call)?;
    blocking(move || {
        let limit = shown::options(&call.app).content_view_size_limit.as_usize();
        render(&call, &Shown::message(&stored.flow, &content, limit))
    })
    .await?
}

/// `GET /api/v1/flows/ID/messages/N/content`.
pub(crate) async fn bytes(call: Call) -> Reply {
    let (_, content) = content(&call)?;
    Ok(attachment(content, "message"))
}

/// `POST /api/v1/flows/ID/messages`: sends a message into a running conversation.
pub(crate) async fn inject(call: Call) -> Reply {
    let flow = call.flow(0)?;
    let body = call.json()?;
    let (content, is_text) = match (&body["text"], &body["base64"]) {
        (Json::String(text), _) => (Bytes::copy_from_slice(text.as_bytes()), true),
        (_, Json::String(text)) => (base64(text)?, false),
        _ => return Err(Problem::bad("a message needs text or base64")),
    };
    let kind = match &*flow {
        Flow::Http(http) if http.websocket.is_some() && is_text => InjectionKind::WebSocketText,
        Flow::Http(http) if http.websocket.is_some() => InjectionKind::WebSocketBinary,
        Flow::Tcp(_) => InjectionKind::Tcp,
        Flow::Udp(_) => InjectionKind::Udp,
        _ => return Err(none()),
    };
    let message = Injection {
        kind,
        to_client: body["to_client"].as_bool().unwrap_or(false),
        content,
    };
    let id = flow.info().id.clone();
    let ask = |reply| EngineRequest::Inject {
        flow: id,
        message,
        reply,
    };
    let outcome = call.app.kernel.engine().ask(ask).await;
    outcome.map_err(|reason| Problem::new(StatusCode::CONFLICT, reason.to_string()))?;
    Ok(json(&json!({})))
}
