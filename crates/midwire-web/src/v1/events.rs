//! The event log, a page at a time.

use std::time::UNIX_EPOCH;

use midwire_core::LogEvent;
use midwire_core::log::Level;
use serde_json::{Value as Json, json};

use crate::call::{Call, Problem, Reply, json};

/// `GET /api/v1/events`.
pub(crate) async fn list(call: Call) -> Reply {
    let level = match call.arg("level") {
        None | Some("") => Level::Debug,
        Some(name) => Level::parse(name).ok_or_else(|| Problem::bad("there is no such level"))?,
    };
    let mut events = call.app.kernel.events().entries();
    events.retain(|event| event.entry.level <= level);
    let offset = call.number("offset")?.unwrap_or(0);
    let count = call.number("count")?.unwrap_or(1000);
    let page: Vec<Json> = events.iter().skip(offset).take(count).map(event).collect();
    Ok(json(&json!({ "total": events.len(), "events": page })))
}

/// An entry of the event log.
pub(crate) fn event(event: &LogEvent) -> Json {
    let time = event.entry.time.duration_since(UNIX_EPOCH);
    json!({
        "id": event.number,
        "level": event.entry.level.as_str(),
        "message": event.entry.message,
        "time": time.map_or(0.0, |time| time.as_secs_f64()),
        "client": event.entry.client,
    })
}
