//! Small routes: events, state, help.

use std::path::Path;

use axum::http::{HeaderValue, header};
use midwire_core::LogEvent;
use midwire_core::log::Level;
use serde_json::{Map, Value as Json, json};

use crate::app::{App, Server};
use crate::call::{Call, Problem, Reply, done, json, typed};

/// `GET /filter-help`.
pub(crate) async fn filter_help(_: Call) -> Reply {
    Ok(json(&json!({ "commands": midwire_flow::filter::help() })))
}

/// `GET /events`.
pub(crate) async fn events(call: Call) -> Reply {
    let events = call.app.kernel.events().entries();
    Ok(json(&events.iter().map(event).collect()))
}

/// An entry of the event log.
pub(crate) fn event(event: &LogEvent) -> Json {
    json!({
        "id": event.number.to_string(),
        "message": event.entry.message,
        "level": match event.entry.level {
            Level::Error => "error",
            level => level.as_str(),
        },
    })
}

/// `POST /clear`.
pub(crate) async fn clear(call: Call) -> Reply {
    call.app.kernel.store().clear();
    call.app.kernel.events().clear();
    Ok(done())
}

/// `GET /state`.
pub(crate) async fn state(call: Call) -> Reply {
    Ok(json(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "contentViews": view_names(&call.app),
        "servers": servers(&call.app.host.servers()),
        "platform": std::env::consts::OS,
        "localModeUnavailable": "local capture is not part of this version of midwire",
    })))
}

/// Names of content views, as lists show them.
pub(crate) fn view_names(app: &App) -> Vec<String> {
    let mut names = app.host.views().names();
    names.retain(|name| name != "query");
    names
}

/// Listeners by specification.
pub(crate) fn servers(servers: &[Server]) -> Json {
    let servers = servers
        .iter()
        .map(|server| (server.spec.clone(), self::server(server)));
    Json::Object(servers.collect::<Map<_, _>>())
}

/// A listener.
pub(crate) fn server(server: &Server) -> Json {
    let addresses = server
        .addresses
        .iter()
        .map(|address| json!([address.ip().to_string(), address.port()]));
    json!({
        "type": server.kind,
        "description": server.description,
        "full_spec": server.spec,
        "is_running": !server.addresses.is_empty(),
        "last_exception": server.error,
        "listen_addrs": addresses.collect::<Vec<_>>(),
    })
}

/// `GET /processes`: there is no local capture, so there is nothing to choose from.
pub(crate) async fn processes(_: Call) -> Reply {
    Ok(json(&json!([])))
}

/// `GET /executable-icon`: one transparent pixel, since no program here has an icon.
pub(crate) async fn icon(call: Call) -> Reply {
    if call
        .arg("path")
        .is_none_or(|path| Path::new(path).as_os_str().is_empty())
    {
        return Err(Problem::bad("Missing 'path' parameter."));
    }
    let mut response = typed("image/png", PIXEL);
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("max-age=604800"),
    );
    Ok(response)
}

const PIXEL: &[u8] = include_bytes!("pixel.png");
