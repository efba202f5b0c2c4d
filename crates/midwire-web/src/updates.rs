//! `/updates`: mitmweb's stream of changes (web-api.md §4).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::http::{StatusCode, header};
use midwire_core::EventNotice;
use midwire_core::options::Changed;
use midwire_core::store::Change;
use midwire_flow::filter::Filter;
use midwire_flow::{Flow, Id};
use serde_json::{Map, Value as Json, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::app::{App, Server};
use crate::call::{Call, Problem, Reply};
use crate::{guard, json, routes};

/// Filters that a client may register.
const FILTERS: usize = 32;

/// A client that takes none of what is sent to it for this long is cut off.
pub(crate) const SEND_TIME: Duration = Duration::from_secs(30);

/// How often the listeners are looked at.
const STATE_TIME: Duration = Duration::from_secs(1);

/// Bytes of a message from a client, at most.
pub(crate) const MESSAGE_SIZE: usize = 256 * 1024;

/// The handshake; it gives the browser its XSRF token.
pub(crate) async fn updates(mut call: Call) -> Reply {
    let upgrade = upgrade(&mut call)?;
    let (_, cookie) = guard::xsrf_cookie(&call.headers);
    let app = Arc::clone(&call.app);
    // Before the answer goes out: the client may act as soon as it has it.
    let sources = Sources::of(&app);
    let mut response = upgrade.on_upgrade(move |socket| async move {
        let stop = app.kernel.shutdown().clone();
        let client = Client {
            app,
            socket,
            filters: BTreeMap::new(),
        };
        tokio::select! {
            () = client.run(sources) => {}
            () = stop.cancelled() => {}
        }
    });
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The upgrade of a request that asked for one.
pub(crate) fn upgrade(call: &mut Call) -> Result<axum::extract::ws::WebSocketUpgrade, Problem> {
    let upgrade = call.upgrade.take().ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "Can \"Upgrade\" only to \"WebSocket\".",
        )
    })?;
    Ok(upgrade
        .max_message_size(MESSAGE_SIZE)
        .max_frame_size(MESSAGE_SIZE))
}

/// Sends a message; false if the client is gone or takes nothing.
pub(crate) async fn send(socket: &mut WebSocket, message: Json) -> bool {
    let sent = socket.send(Message::Text(message.to_string().into()));
    matches!(tokio::time::timeout(SEND_TIME, sent).await, Ok(Ok(())))
}

struct Client {
    app: Arc<App>,
    socket: WebSocket,
    filters: BTreeMap<String, Filter>,
}

/// Where news come from.
struct Sources {
    flows: Receiver<Change>,
    events: Receiver<EventNotice>,
    options: Receiver<Changed>,
    servers: Vec<Server>,
}

impl Sources {
    fn of(app: &App) -> Self {
        Self {
            flows: app.kernel.store().subscribe(),
            events: app.kernel.events().subscribe(),
            options: app.options.subscribe(),
            servers: app.host.servers(),
        }
    }
}

/// The client is gone, or has to go.
struct Gone;

impl Client {
    async fn run(mut self, sources: Sources) {
        let _ = self.follow(sources).await;
    }

    async fn follow(&mut self, sources: Sources) -> Result<(), Gone> {
        let Sources {
            mut flows,
            mut events,
            mut options,
            mut servers,
        } = sources;
        let mut tick = tokio::time::interval(STATE_TIME);
        loop {
            tokio::select! {
                change = flows.recv() => match change {
                    Ok(change) => self.flow(change).await?,
                    Err(RecvError::Lagged(_)) => {
                        flows = flows.resubscribe();
                        self.send("flows/reset", Json::Null).await?;
                    }
                    Err(RecvError::Closed) => return Ok(()),
                },
                notice = events.recv() => match notice {
                    Ok(EventNotice::Added(event)) => {
                        self.send("events/add", routes::misc::event(&event)).await?;
                    }
                    Ok(EventNotice::Cleared) | Err(RecvError::Lagged(_)) => {
                        self.send("events/reset", Json::Null).await?;
                    }
                    Err(RecvError::Closed) => return Ok(()),
                },
                changed = options.recv() => match changed {
                    Ok(changed) => self.options(&changed).await?,
                    Err(RecvError::Lagged(_)) => {
                        self.options(&self.app.kernel.options().all_changed()).await?;
                    }
                    Err(RecvError::Closed) => return Ok(()),
                },
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => self.said(message).await?,
                    _ => return Ok(()),
                },
                _ = tick.tick() => {
                    let now = self.app.host.servers();
                    if now != servers {
                        let payload = json!({ "servers": routes::misc::servers(&now) });
                        self.send("state/update", payload).await?;
                        servers = now;
                    }
                }
            }
        }
    }

    async fn send(&mut self, kind: &str, payload: Json) -> Result<(), Gone> {
        let mut message = json!({ "type": kind });
        if !payload.is_null() {
            message["payload"] = payload;
        }
        if send(&mut self.socket, message).await {
            Ok(())
        } else {
            Err(Gone)
        }
    }

    async fn flow(&mut self, change: Change) -> Result<(), Gone> {
        let (id, kind) = match change {
            Change::Added { id, row: Some(_) }
            | Change::Updated {
                id,
                from: None,
                to: Some(_),
            } => (id, "flows/add"),
            Change::Updated {
                id,
                from: Some(_),
                to: Some(_),
            } => (id, "flows/update"),
            Change::Updated {
                id,
                from: Some(_),
                to: None,
            }
            | Change::Removed { id, row: Some(_) } => {
                return self.send("flows/remove", json!(id.to_string())).await;
            }
            Change::Refreshed => return self.send("flows/reset", Json::Null).await,
            Change::Added { .. }
            | Change::Updated { .. }
            | Change::Removed { .. }
            | Change::Focused(_) => return Ok(()),
        };
        match self.app.kernel.store().get(&id) {
            // Gone already; its removal comes next.
            None => Ok(()),
            Some(flow) => {
                let payload = self.payload(flow).await?;
                self.send(kind, payload).await
            }
        }
    }

    async fn payload(&mut self, flow: Arc<Flow>) -> Result<Json, Gone> {
        let filters = self.filters.clone();
        let work = move || {
            let matching = filters
                .iter()
                .map(|(name, filter)| (name.clone(), json!(filter.matches(&flow))));
            let matching = Json::Object(matching.collect::<Map<_, _>>());
            json!({ "flow": json::flow(&flow), "matching_filters": matching })
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Gone)
    }

    async fn options(&mut self, changed: &Changed) -> Result<(), Gone> {
        let payload = json::options(self.app.kernel.options(), |name| changed.contains(name));
        self.send("options/update", payload).await
    }

    async fn said(&mut self, message: Message) -> Result<(), Gone> {
        let text = match message {
            Message::Text(text) => text.to_string(),
            Message::Binary(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Message::Close(_) => return Err(Gone),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        let parsed: Result<Json, _> = serde_json::from_str(&text);
        let outcome = match &parsed {
            Ok(message) if message["type"] == "flows/updateFilter" => {
                self.update_filter(&message["payload"]).await?
            }
            Ok(message) => {
                let kind = message["type"].as_str().unwrap_or("?");
                Err(format!("Unsupported command: {kind}"))
            }
            Err(error) => Err(format!("Malformed JSON: {error}")),
        };
        let Err(complaint) = outcome else {
            return Ok(());
        };
        tracing::error!("Error processing message from the web interface: {complaint}");
        let close = CloseFrame {
            code: 1011,
            reason: "Internal server error.".into(),
        };
        let _ = self.socket.send(Message::Close(Some(close))).await;
        Err(Gone)
    }

    async fn update_filter(&mut self, payload: &Json) -> Result<Result<(), String>, Gone> {
        let (Some(name), Some(expression)) = (payload["name"].as_str(), payload["expr"].as_str())
        else {
            return Ok(Err("flows/updateFilter needs name and expr".to_owned()));
        };
        let name = name.to_owned();
        let ids = if expression.is_empty() {
            self.filters.remove(&name);
            Json::Null
        } else {
            // What cannot be read matches nothing; the page marks the place itself.
            match Filter::parse(expression) {
                Ok(_) if self.filters.len() >= FILTERS && !self.filters.contains_key(&name) => {
                    return Ok(Err(format!("more than {FILTERS} filters")));
                }
                Ok(filter) => {
                    self.filters.insert(name.clone(), filter.clone());
                    self.matching(filter).await?
                }
                Err(_) => {
                    self.filters.remove(&name);
                    Json::Null
                }
            }
        };
        let payload = json!({ "name": name, "matching_flow_ids": ids });
        self.send("flows/filterUpdate", payload).await?;
        Ok(Ok(()))
    }

    async fn matching(&mut self, filter: Filter) -> Result<Json, Gone> {
        let flows = self.app.kernel.store().rows(0, usize::MAX);
        let work = move || {
            let ids = flows
                .iter()
                .filter(|flow| filter.matches(flow))
                .map(|flow| flow.info().id.clone());
            ids.map(|id: Id| json!(id.to_string())).collect()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Gone)
    }
}
