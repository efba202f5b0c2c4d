//! `/api/v1/updates`: each connection has a view of its own, and gets the rows of its window when they change.
//!
//! Nothing is queued for a client: changes only make the view stale, and at most thirty times a second what is stale
//! is sent as it is then. A client that reads slowly gets fewer, not older states.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use midwire_core::EventNotice;
use midwire_core::options::Changed;
use midwire_core::store::{Cancel, Change, List, Stored, Synced};
use midwire_flow::Id;
use serde_json::{Map, Value as Json, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::events::event;
use super::query::{Column, Condition, judge};
use super::row::row;
use super::search;
use crate::app::{App, Server};
use crate::call::{Call, Problem, Reply};
use crate::updates::{send, upgrade};

/// Thirty pushes a second.
const TICK: Duration = Duration::from_millis(33);

/// How often the listeners are looked at.
const STATE_TIME: Duration = Duration::from_secs(1);

/// Rows of a window, at most.
const ROWS: usize = 500;

/// Log entries of one push, at most; a client that wants more asks for them.
const EVENTS: usize = 200;

/// The handshake.
pub(crate) async fn updates(mut call: Call) -> Reply {
    let upgrade = upgrade(&mut call)?;
    let app = Arc::clone(&call.app);
    // Before the answer goes out: the client may act as soon as it has it.
    let sources = Sources {
        flows: app.kernel.store().subscribe(),
        events: app.kernel.events().subscribe(),
        options: app.options.subscribe(),
    };
    Ok(upgrade.on_upgrade(move |socket| async move {
        let stop = app.kernel.shutdown().clone();
        tokio::select! {
            _ = Client::new(app, socket).run(sources) => {}
            () = stop.cancelled() => {}
        }
    }))
}

struct Sources {
    flows: Receiver<Change>,
    events: Receiver<EventNotice>,
    options: Receiver<Changed>,
}

/// What work beside the connection brings.
enum Done {
    View {
        seq: Json,
        list: List,
        highlight: Condition,
    },
    Search(Json),
}

/// The client is gone.
struct Gone;

struct Client {
    app: Arc<App>,
    socket: WebSocket,
    list: Option<List>,
    highlight: Condition,
    seq: Json,
    window: (usize, usize),
    /// Numbers of the rows that were sent last, and the counts with them.
    sent: Vec<u64>,
    counts: (usize, usize, usize),
    watched: Option<(Id, Option<u64>)>,
    viewing: Cancel,
    searching: Cancel,
    done: (mpsc::Sender<Done>, mpsc::Receiver<Done>),
    stale: Stale,
    events: Vec<Json>,
    options: Option<Changed>,
    servers: Vec<Server>,
    dropped: u64,
}

/// What has to be sent with the next push.
#[derive(Default)]
struct Stale {
    /// The store was changed.
    flows: bool,
    /// View or window are others.
    rows: bool,
    state: bool,
}

impl Client {
    fn new(app: Arc<App>, socket: WebSocket) -> Self {
        let servers = app.host.servers();
        Self {
            app,
            socket,
            list: None,
            highlight: Condition::All,
            seq: json!(0),
            window: (0, 0),
            sent: Vec::new(),
            counts: (usize::MAX, 0, 0),
            watched: None,
            viewing: Cancel::default(),
            searching: Cancel::default(),
            done: mpsc::channel(8),
            stale: Stale::default(),
            events: Vec::new(),
            options: None,
            servers,
            dropped: 0,
        }
    }

    async fn run(mut self, mut sources: Sources) -> Result<(), Gone> {
        self.view(&json!({ "seq": 0 })).await?;
        let mut push = tokio::time::interval(TICK);
        push.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut state = tokio::time::interval(STATE_TIME);
        loop {
            tokio::select! {
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => self.said(message).await?,
                    _ => return Err(Gone),
                },
                done = self.done.1.recv() => self.done(done).await?,
                change = sources.flows.recv() => {
                    self.stale.flows = true;
                    if matches!(change, Err(RecvError::Closed)) {
                        return Ok(());
                    }
                    // The view asks the store itself; the notices behind this one say no more.
                    sources.flows = sources.flows.resubscribe();
                }
                notice = sources.events.recv() => self.noticed(notice)?,
                changed = sources.options.recv() => self.set(changed)?,
                _ = push.tick(), if self.is_stale() => self.push().await?,
                _ = state.tick() => self.look_at_servers(),
            }
        }
    }

    fn is_stale(&self) -> bool {
        let stale = &self.stale;
        stale.flows
            || stale.rows
            || stale.state
            || !self.events.is_empty()
            || self.options.is_some()
    }

    async fn send(&mut self, message: Json) -> Result<(), Gone> {
        if send(&mut self.socket, message).await {
            Ok(())
        } else {
            Err(Gone)
        }
    }

    fn noticed(&mut self, notice: Result<EventNotice, RecvError>) -> Result<(), Gone> {
        match notice {
            Ok(EventNotice::Added(new)) => {
                if self.events.len() == EVENTS {
                    self.events.remove(0);
                    self.dropped += 1;
                }
                self.events.push(event(&new));
            }
            Ok(EventNotice::Cleared) => self.stale.state = true,
            Err(RecvError::Lagged(lost)) => self.dropped += lost,
            Err(RecvError::Closed) => return Err(Gone),
        }
        Ok(())
    }

    fn set(&mut self, changed: Result<Changed, RecvError>) -> Result<(), Gone> {
        let changed = match changed {
            Ok(changed) => changed,
            Err(RecvError::Lagged(_)) => self.app.kernel.options().all_changed(),
            Err(RecvError::Closed) => return Err(Gone),
        };
        let before = self.options.take().unwrap_or_default();
        let names = before.names().chain(changed.names()).map(str::to_owned);
        self.options = Some(names.collect());
        self.stale.state = true;
        Ok(())
    }

    fn look_at_servers(&mut self) {
        let now = self.app.host.servers();
        if now != self.servers {
            self.servers = now;
            self.stale.state = true;
        }
    }

    async fn said(&mut self, message: Message) -> Result<(), Gone> {
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => return Err(Gone),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        let Ok(message) = serde_json::from_str::<Json>(&text) else {
            return self.complain("a message is not JSON").await;
        };
        match message["type"].as_str() {
            Some("view") => self.view(&message).await,
            Some("window") => {
                let number = |name: &str| message[name].as_u64().unwrap_or(0) as usize;
                self.window = (number("offset"), number("count").min(ROWS));
                self.stale.rows = true;
                Ok(())
            }
            Some("locate") => self.locate(&message).await,
            Some("watch") => {
                let id = message["id"].as_str().map(Id::parse);
                let store = self.app.kernel.store();
                self.watched = id.map(|id| {
                    let number = store.stored(&id).map(|stored| stored.number);
                    (id, number)
                });
                Ok(())
            }
            Some("search") => self.search(&message).await,
            Some("search_stop") => {
                self.searching.cancel();
                Ok(())
            }
            _ => self.complain("a message has no type that is known").await,
        }
    }

    async fn complain(&mut self, text: &str) -> Result<(), Gone> {
        self.send(json!({ "type": "error", "error": text })).await
    }

    /// Starts to make another view; what was started before ends.
    async fn view(&mut self, message: &Json) -> Result<(), Gone> {
        self.viewing.cancel();
        let seq = message["seq"].clone();
        let text = |name: &str| message[name].as_str().unwrap_or_default();
        let plain = message["plain"].as_bool().unwrap_or(false).into();
        let made = Condition::parse(text("filter"), plain).and_then(|filter| {
            let highlight = match text("highlight") {
                "" => None,
                highlight => Some(Condition::parse(highlight, plain)?),
            };
            Ok((filter, highlight, Column::parse(text("sort"))?))
        });
        let (filter, highlight, column) = match made {
            Ok(made) => made,
            Err(problem) => return self.refuse(&seq, &problem).await,
        };
        let reversed = message["reverse"].as_bool().unwrap_or(false);
        let cancel = Cancel::default();
        self.viewing = cancel.clone();
        let (store, done) = (self.app.kernel.store().clone(), self.done.0.clone());
        let highlight = highlight.unwrap_or(Condition::Words(vec![]));
        tokio::task::spawn_blocking(move || {
            if let Some(list) = store.list(judge(filter, column), reversed, &cancel)
                && !cancel.is_cancelled()
            {
                let view = Done::View {
                    seq,
                    list,
                    highlight,
                };
                let _ = done.blocking_send(view);
            }
        });
        Ok(())
    }

    async fn refuse(&mut self, seq: &Json, problem: &Problem) -> Result<(), Gone> {
        let mut message = json!({ "type": "view_error", "seq": seq, "error": problem.text });
        if let Some(position) = problem.position {
            message["position"] = json!(position);
        }
        self.send(message).await
    }

    async fn done(&mut self, done: Option<Done>) -> Result<(), Gone> {
        match done {
            Some(Done::View {
                seq,
                list,
                highlight,
            }) => {
                self.list = Some(list);
                self.highlight = highlight;
                self.seq = seq;
                self.stale.rows = true;
                // Somebody types: no waiting for the next tick.
                self.push().await
            }
            Some(Done::Search(message)) => self.send(message).await,
            None => Err(Gone),
        }
    }

    /// Sends what is stale as it is now.
    async fn push(&mut self) -> Result<(), Gone> {
        let stale = std::mem::take(&mut self.stale);
        if !self.events.is_empty() {
            let events = std::mem::take(&mut self.events);
            self.send(json!({ "type": "events", "events": events }))
                .await?;
        }
        if let Some(changed) = self.options.take() {
            let store = self.app.kernel.options();
            let values = changed.names().filter_map(|name| {
                let value = store.value(name)?;
                Some((name.to_owned(), crate::json::shown(name, &value)))
            });
            let values = values.collect::<Map<_, _>>();
            self.send(json!({ "type": "options", "changed": values }))
                .await?;
        }
        if stale.state {
            self.send(json!({ "type": "state" })).await?;
        }
        if stale.flows || stale.rows {
            self.push_rows(stale.rows).await?;
        }
        Ok(())
    }

    async fn push_rows(&mut self, is_other: bool) -> Result<(), Gone> {
        let Some(mut list) = self.list.take() else {
            return Ok(());
        };
        let (offset, count) = self.window;
        // Filters of bodies may read files, so they run beside the network threads.
        let work = move || {
            let synced = list.sync();
            let window = list.window(offset, count);
            (list, synced, window)
        };
        let (list, synced, window) = tokio::task::spawn_blocking(work).await.map_err(|_| Gone)?;
        let counts = (list.total(), list.len(), self.app.kernel.parked().len());
        self.list = Some(list);
        self.tell_watched(&synced).await?;
        let numbers: Vec<u64> = window.iter().map(|stored| stored.number).collect();
        let in_window = synced.changed.iter().any(|number| numbers.contains(number));
        if is_other || in_window || numbers != self.sent {
            self.sent = numbers;
            self.counts = counts;
            return self.send_rows(window).await;
        }
        if counts != self.counts {
            self.counts = counts;
            let (total, shown, paused) = counts;
            let message =
                json!({ "type": "count", "total": total, "shown": shown, "paused": paused });
            return self.send(message).await;
        }
        Ok(())
    }

    async fn send_rows(&mut self, window: Vec<Stored>) -> Result<(), Gone> {
        let highlight = self.highlight.clone();
        let work = move || {
            let rows = window.iter().map(|stored| {
                let mut row = row(stored);
                let is_on = !matches!(&highlight, Condition::Words(words) if words.is_empty());
                if is_on && highlight.matches(&stored.flow) {
                    row["highlight"] = json!(true);
                }
                row
            });
            rows.collect::<Vec<Json>>()
        };
        let rows = tokio::task::spawn_blocking(work).await.map_err(|_| Gone)?;
        let (total, shown, paused) = self.counts;
        let message = json!({
            "type": "rows",
            "seq": self.seq,
            "total": total,
            "shown": shown,
            "paused": paused,
            "offset": self.window.0,
            "rows": rows,
            "dropped": self.dropped,
        });
        self.send(message).await
    }

    async fn tell_watched(&mut self, synced: &Synced) -> Result<(), Gone> {
        let Some((id, number)) = &self.watched else {
            return Ok(());
        };
        let is_in = |numbers: &[u64]| number.is_some_and(|number| numbers.contains(&number));
        let id = id.to_string();
        if is_in(&synced.removed) {
            self.watched = None;
            self.send(json!({ "type": "gone", "id": id })).await
        } else if is_in(&synced.changed) {
            self.send(json!({ "type": "flow", "id": id })).await
        } else {
            Ok(())
        }
    }

    async fn locate(&mut self, message: &Json) -> Result<(), Gone> {
        let id = message["id"].as_str().unwrap_or_default().to_owned();
        let stored = self.app.kernel.store().stored(&Id::parse(&id));
        let mut answer = json!({ "type": "located", "id": id, "offset": null });
        if let (Some(list), Some(stored)) = (&self.list, stored) {
            match list.row(stored.number) {
                Some(row) => answer["offset"] = json!(row),
                None => answer["near"] = json!(list.near(stored.number)),
            }
        }
        self.send(answer).await
    }

    /// Starts to look through bodies; what was started before ends.
    async fn search(&mut self, message: &Json) -> Result<(), Gone> {
        self.searching.cancel();
        let wanted = match search::Wanted::parse(message) {
            Ok(wanted) => wanted,
            Err(problem) => {
                let seq = &message["seq"];
                let answer = json!({ "type": "search", "seq": seq, "hits": [], "done": true, "error": problem.text });
                return self.send(answer).await;
            }
        };
        let cancel = Cancel::default();
        self.searching = cancel.clone();
        let flows = self.list.as_ref().map(|list| list.window(0, usize::MAX));
        let done = self.done.0.clone();
        tokio::task::spawn_blocking(move || {
            let found = |message| done.blocking_send(Done::Search(message)).is_ok();
            search::run(&wanted, &flows.unwrap_or_default(), &cancel, found);
        });
        Ok(())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.viewing.cancel();
        self.searching.cancel();
    }
}
