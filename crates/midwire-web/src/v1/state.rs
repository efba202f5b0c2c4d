//! `GET /api/v1/state`: everything that is always visible.

use std::sync::atomic::Ordering;

use axum::http::HeaderValue;
use axum::http::header;
use midwire_core::options::expand_home;
use serde_json::{Value as Json, json};

use crate::app::App;
use crate::call::{Call, Problem, Reply, blocking, json, typed};
use crate::json::{authority, shown};
use crate::routes::misc::{server, view_names};

/// Options that weaken something, or change what clients and servers see, when they are not at their default.
const WEAKENING: &[&str] = &[
    "add_upstream_certs_to_client_chain",
    "anticache",
    "anticomp",
    "http2",
    "http3",
    "rawtcp",
    "ssl_insecure",
    "stickyauth",
    "stickycookie",
    "stream_large_bodies",
    "tls_version_client_min",
    "tls_version_server_min",
    "upstream_cert",
    "validate_inbound_headers",
];

pub(crate) async fn get(call: Call) -> Reply {
    blocking(move || Ok(json(&state(&call.app)))).await?
}

fn state(app: &App) -> Json {
    let kernel = &app.kernel;
    let options = kernel.options().load();
    let counts = kernel.store().counts();
    let servers: Vec<Json> = app
        .host
        .servers()
        .iter()
        .map(|one| {
            let mut shown = server(one);
            shown["spec"] = json!(one.spec);
            shown["error"] = json!(one.error);
            shown
        })
        .collect();
    let weakening = WEAKENING
        .iter()
        .filter(|name| kernel.options().has_changed(name));
    let weakening = weakening.filter_map(|name| {
        let value = kernel.options().value(name)?;
        Some(json!({ "option": name, "value": shown(name, &value) }))
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "platform": std::env::consts::OS,
        "servers": servers,
        "ca": ca(app),
        "total": counts.total,
        "paused": kernel.parked().len(),
        "view_filter": options.view_filter,
        "intercept": options.intercept,
        "intercept_active": options.intercept_active,
        "memory": { "used": counts.memory, "disk": counts.disk, "evicted": counts.evicted, "allowed": options.view_memory_limit.bytes() },
        "recording": options.save_stream_file,
        "reading": kernel.reading().load(Ordering::SeqCst) > 0,
        "replay": {
            "client": kernel.replays().client.load(Ordering::SeqCst),
            "server": kernel.replays().server.load(Ordering::SeqCst),
        },
        "connections": kernel.connections(),
        "scripts": options.scripts,
        "weakening": weakening.collect::<Vec<_>>(),
        "content_views": view_names(app),
        "throttle": null,
        "onboarding_host": options.onboarding_host,
        "columns": options.web_columns,
        "theme": options.web_theme,
        "debug": options.web_debug,
    })
}

/// Files of our authority: by the word in the path, name in confdir, media type.
const FILES: [(&str, &str, &str); 3] = [
    ("pem", "mitmproxy-ca-cert.pem", "application/x-pem-file"),
    ("p12", "mitmproxy-ca-cert.p12", "application/x-pkcs12"),
    ("cer", "mitmproxy-ca-cert.cer", "application/x-x509-ca-cert"),
];

fn ca(app: &App) -> Json {
    let folder = expand_home(&app.kernel.options().load().confdir);
    let pem = std::fs::read(folder.join("mitmproxy-ca-cert.pem"));
    let Some(mut ca) = pem.ok().and_then(|pem| authority(&pem)) else {
        return Json::Null;
    };
    ca["download"] =
        json!({ "pem": "/api/v1/ca/pem", "p12": "/api/v1/ca/p12", "cer": "/api/v1/ca/cer" });
    ca
}

/// `GET /api/v1/ca/KIND`: the certificate of our authority, never its key.
pub(crate) async fn certificate(call: Call) -> Reply {
    let none = || Problem::missing("there is no such file");
    let wanted = FILES.into_iter().find(|(kind, _, _)| *kind == call.part(0));
    let (_, name, media) = wanted.ok_or_else(none)?;
    let folder = expand_home(&call.app.kernel.options().load().confdir);
    let bytes = blocking(move || std::fs::read(folder.join(name))).await?;
    let mut response = typed(media, bytes.map_err(|_| none())?);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename={name}")) {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
