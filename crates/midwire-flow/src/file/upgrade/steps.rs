//! The steps, each named after the version that it upgrades from.

#![expect(clippy::unnecessary_wraps, reason = "all steps have one form")]

use bytes::Bytes;

use super::state::{
    at, at_mut, dict, each_server, find, find_dict, list_of, need, put, put_default, rename,
    rename_or_null, take,
};
use super::{Kind, MAX_HANDSHAKES, Side, Upgrader};
use crate::Value;

pub(super) fn nothing(_: &mut Upgrader, _: &mut Value) -> Result<(), Kind> {
    Ok(())
}

pub(super) fn from_0_13(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    rename(at_mut(state, "request")?, "form_in", "first_line_format")?;
    http_version(at_mut(state, "request")?)?;
    if let Some(response) = find_dict(state, "response") {
        http_version(response)?;
        rename(response, "code", "status_code")?;
        rename(response, "content", "body")?;
    }
    let server = at_mut(state, "server_conn")?;
    take(server, "state");
    put(server, "via", Value::Null);
    Ok(())
}

/// Numbers such as 1 and 1 become `HTTP/1.1`.
fn http_version(message: &mut Value) -> Result<(), Kind> {
    let Value::List(numbers) = need(message, "httpversion")? else {
        return Err(Kind::BadValue("httpversion".into()));
    };
    let numbers: Vec<String> = numbers.iter().map(|n| n.python_repr(20)).collect();
    let version = format!("HTTP/{}", numbers.join("."));
    put(message, "http_version", Value::Bytes(version.into()));
    Ok(())
}

pub(super) fn from_0_15(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    for key in ["request", "response"] {
        if let Some(message) = find_dict(state, key)
            && let Some(body) = take(message, "body")
        {
            put(message, "content", body);
        }
    }
    if let Some(response) = find_dict(state, "response")
        && let Some(reason) = take(response, "msg")
    {
        put(response, "reason", reason);
    }
    take(at_mut(state, "request")?, "form_out");
    Ok(())
}

pub(super) fn from_0_16(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    put(at_mut(state, "server_conn")?, "peer_address", Value::Null);
    Ok(())
}

pub(super) fn from_0_17(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    text_values(state);
    rename_or_null(at_mut(state, "server_conn")?, "peer_address", "ip_address");
    put(state, "marked", false.into());
    Ok(())
}

/// Values that older files have as bytes and that are text since.
fn text_values(state: &mut Value) {
    let to_text = |value: Option<&mut Value>| {
        if let Some(value) = value
            && let Value::Bytes(bytes) = value
        {
            *value = Value::Text(String::from_utf8_lossy(bytes).into_owned());
        }
    };
    to_text(find(state, "type"));
    to_text(find(state, "id"));
    to_text(find_dict(state, "error").and_then(|error| find(error, "msg")));
}

pub(super) fn from_0_18(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    text_values(state);
    let request = at_mut(state, "request")?;
    take(request, "stickyauth");
    take(request, "stickycookie");
    let client = at_mut(state, "client_conn")?;
    for key in ["sni", "alpn_proto_negotiated", "cipher_name", "tls_version"] {
        put(client, key, Value::Null);
    }
    each_server(state, |server| {
        put(server, "alpn_proto_negotiated", Value::Null);
        Ok(())
    })?;
    put(state, "mode", "regular".into());
    put(state, "metadata", Value::Dict(Vec::new()));
    Ok(())
}

pub(super) fn from_1_0(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    text_values(state);
    // Addresses were dicts around the pair of host and port.
    let unwrap = |conn: &mut Value, key: &'static str| -> Result<(), Kind> {
        let address = at_mut(conn, key)?;
        if address.is_truthy() {
            *address = need(address, "address")?;
        }
        Ok(())
    };
    unwrap(at_mut(state, "client_conn")?, "address")?;
    each_server(state, |server| {
        unwrap(server, "address")?;
        unwrap(server, "source_address")?;
        unwrap(server, "ip_address")
    })
}

pub(super) fn from_2_0(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    put(at_mut(state, "client_conn")?, "mitmcert", Value::Null);
    each_server(state, |server| {
        put(server, "tls_version", Value::Null);
        Ok(())
    })
}

pub(super) fn from_4(upgrader: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    let client = at_mut(state, "client_conn")?;
    let id = upgrader.id(Side::Client, client, "address")?;
    put(client, "id", id.into());
    each_server(state, |server| {
        let id = upgrader.id(Side::Server, server, "source_address")?;
        put(server, "id", id.into());
        Ok(())
    })
}

pub(super) fn from_5(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    let rename_tls = |conn: &mut Value| {
        rename(conn, "ssl_established", "tls_established")?;
        rename(conn, "timestamp_ssl_setup", "timestamp_tls_setup")
    };
    rename_tls(at_mut(state, "client_conn")?)?;
    each_server(state, rename_tls)
}

pub(super) fn from_6(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    put(at_mut(state, "client_conn")?, "tls_extensions", Value::Null);
    Ok(())
}

pub(super) fn from_7(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    for key in ["request", "response"] {
        if let Some(message) = find_dict(state, key) {
            put(message, "trailers", Value::Null);
        }
    }
    Ok(())
}

pub(super) fn from_8(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    let mut is_replay = Value::Null;
    for key in ["response", "request"] {
        let Some(message) = find_dict(state, key) else {
            continue;
        };
        if take(message, "is_replay").is_some_and(|flag| flag.is_truthy()) {
            is_replay = key.into();
        }
        if key == "request" {
            take(message, "first_line_format");
            put(message, "authority", Bytes::new().into());
        }
    }
    put(state, "is_replay", is_replay);
    Ok(())
}

pub(super) fn from_9(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    let connection = |conn: &mut Value, certificate: &str| -> Result<(), Kind> {
        let certificate = take(conn, certificate).unwrap_or(Value::Null);
        put(conn, "certificate_list", list_of(certificate));
        put(conn, "state", 0.into());
        put(conn, "error", Value::Null);
        let tls = at(conn, "tls_established")?.clone();
        put(conn, "tls", tls);
        let alpn = at(conn, "alpn_proto_negotiated")?.clone();
        put(conn, "alpn_offers", list_of(alpn));
        let cipher = at(conn, "cipher_name")?.clone();
        put(conn, "cipher_list", list_of(cipher));
        Ok(())
    };
    let client = at_mut(state, "client_conn")?;
    put(client, "sockname", vec!["".into(), 0.into()].into());
    connection(client, "clientcert")?;
    each_server(state, |server| {
        put(server, "cipher_name", Value::Null);
        put(server, "via2", Value::Null);
        connection(server, "cert")
    })
}

pub(super) fn from_10(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    let connection = |conn: &mut Value| -> Result<(), Kind> {
        let sni = at_mut(conn, "sni")?;
        if let Value::Bytes(bytes) = sni {
            *sni = escaped(bytes, u8::is_ascii).into();
        }
        rename(conn, "alpn_proto_negotiated", "alpn")?;
        for key in ["alpn_offers", "cipher_list"] {
            let list = at_mut(conn, key)?;
            if !list.is_truthy() {
                *list = Value::List(Vec::new());
            }
        }
        Ok(())
    };
    connection(at_mut(state, "client_conn")?)?;
    each_server(state, connection)
}

/// Bytes as text, those that `plain` refuses as `\xNN`.
fn escaped(bytes: &[u8], plain: impl Fn(&u8) -> bool) -> String {
    bytes
        .iter()
        .map(|byte| {
            if plain(byte) {
                char::from(*byte).to_string()
            } else {
                format!("\\x{byte:02x}")
            }
        })
        .collect()
}

/// WebSocket messages had flows of their own, which named the flow of the handshake.
pub(super) fn from_11(upgrader: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    let metadata = at(state, "metadata")?;
    let handshake = metadata.get("websocket_handshake").cloned();
    if metadata.get("websocket").is_some() {
        let id = at(state, "id")?.as_text().unwrap_or_default().to_owned();
        if upgrader.handshakes.len() >= MAX_HANDSHAKES {
            upgrader.handshakes.pop_front();
        }
        upgrader.handshakes.retain(|(known, _)| *known != id);
        upgrader.handshakes.push_back((id, state.clone()));
    }
    let Some(handshake) = handshake else {
        put(state, "websocket", Value::Null);
        return Ok(());
    };
    let position = upgrader
        .handshakes
        .iter()
        .position(|(id, _)| Some(id.as_str()) == handshake.as_text());
    let mut merged = match position.and_then(|index| upgrader.handshakes.remove(index)) {
        Some((_, flow)) => flow,
        None => unknown_handshake(state)?,
    };
    let note = "These messages come from a WebSocket flow of an old file; this flow may also appear without them.";
    put(at_mut(&mut merged, "metadata")?, "duplicated", note.into());
    let end = merged
        .get("server_conn")
        .and_then(|conn| conn.get("timestamp_end"))
        .cloned()
        .unwrap_or(Value::Null);
    let by_client = need(state, "close_sender")?.as_text() == Some("client");
    let websocket = [
        ("messages", need(state, "messages")?),
        ("closed_by_client", by_client.into()),
        ("close_code", need(state, "close_code")?),
        ("close_reason", need(state, "close_reason")?),
        ("timestamp_end", end),
    ];
    put(&mut merged, "websocket", dict(websocket));
    *state = merged;
    Ok(())
}

/// Stands in for a handshake that the file does not have.
fn unknown_handshake(state: &mut Value) -> Result<Value, Kind> {
    let bytes = |text: &'static str| Value::Bytes(Bytes::from_static(text.as_bytes()));
    let request = dict([
        ("authority", bytes("")),
        ("content", Value::Null),
        ("headers", Value::List(Vec::new())),
        ("host", "unknown".into()),
        ("http_version", bytes("HTTP/1.1")),
        ("method", bytes("GET")),
        ("path", bytes("/")),
        ("port", 80.into()),
        ("scheme", bytes("http")),
        ("timestamp_end", 0.into()),
        ("timestamp_start", 0.into()),
        ("trailers", Value::Null),
    ]);
    let mut flow = dict([
        ("metadata", Value::Dict(Vec::new())),
        ("request", request),
        ("response", Value::Null),
        ("type", "http".into()),
    ]);
    for key in [
        "client_conn",
        "error",
        "id",
        "intercepted",
        "is_replay",
        "marked",
        "server_conn",
    ] {
        let value = need(state, key)?;
        put(&mut flow, key, value);
    }
    Ok(flow)
}

pub(super) fn from_12(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    let marked = at_mut(state, "marked")?;
    *marked = if marked.is_truthy() { ":default:" } else { "" }.into();
    Ok(())
}

pub(super) fn from_13(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    put(state, "comment", "".into());
    let Some(response) = state.get("response").filter(|r| r.is_truthy()) else {
        return Ok(());
    };
    if *at(response, "timestamp_start")? != Value::Null {
        return Ok(());
    }
    let start = at(at(state, "request")?, "timestamp_end")?.clone();
    let end = match &start {
        Value::Int(n) => Value::Int(n.saturating_add(1)),
        Value::Float(f) => Value::Float(f + 1.0),
        _ => return Err(Kind::BadValue("timestamp_end".into())),
    };
    let response = at_mut(state, "response")?;
    put(response, "timestamp_start", start);
    put(response, "timestamp_end", end);
    Ok(())
}

pub(super) fn from_14(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    let Some(websocket) = find_dict(state, "websocket") else {
        return Ok(());
    };
    let Value::List(messages) = at_mut(websocket, "messages")? else {
        return Err(Kind::BadValue("messages".into()));
    };
    for message in messages {
        if let Value::List(parts) = message {
            parts.push(false.into());
        }
    }
    Ok(())
}

pub(super) fn from_15(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    let first = match state.get("request") {
        Some(request) => request,
        None => at(state, "client_conn")?,
    };
    let created = at(first, "timestamp_start")?.clone();
    put(state, "timestamp_created", created);
    Ok(())
}

pub(super) fn from_16(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    take(state, "mode");
    Ok(())
}

pub(super) fn from_17(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    put(
        at_mut(state, "client_conn")?,
        "proxy_mode",
        "regular".into(),
    );
    Ok(())
}

pub(super) fn from_18(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    let client = at_mut(state, "client_conn")?;
    rename_or_null(client, "address", "peername");
    if client
        .get("timestamp_start")
        .is_none_or(|t| *t == Value::Null)
    {
        put(client, "timestamp_start", 0.0.into());
    }
    take(client, "tls_extensions");

    let server = at_mut(state, "server_conn")?;
    rename_or_null(server, "ip_address", "peername");
    rename_or_null(server, "source_address", "sockname");
    rename_or_null(server, "via2", "via");

    for key in ["client_conn", "server_conn"] {
        let conn = at_mut(state, key)?;
        take(conn, "tls_established");
        rename_or_null(conn, "cipher_name", "cipher");
        put_default(conn, "transport_protocol", "tcp".into());
        for key in ["peername", "sockname", "address"] {
            if let Some(Value::List(parts)) = find(conn, key)
                && let Some(host) = parts.first_mut()
                && let Value::Bytes(bytes) = host
            {
                *host = match std::str::from_utf8(bytes) {
                    Ok(text) => text.into(),
                    Err(_) => escaped(bytes, u8::is_ascii).into(),
                };
            }
        }
    }

    let server = at_mut(state, "server_conn")?;
    if server.get("sni") == Some(&Value::Bool(true)) {
        let host = match server.get("address") {
            Some(Value::List(parts)) => parts.first().cloned().unwrap_or(Value::Null),
            _ => Value::Null,
        };
        put(server, "sni", host);
    }
    // Only HTTP flows have one, and version 21 knows no other key than its own.
    if state.get("type").and_then(Value::as_text) != Some("http")
        && state.get("websocket") == Some(&Value::Null)
    {
        take(state, "websocket");
    }
    Ok(())
}

pub(super) fn from_19(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    for key in ["client_conn", "server_conn"] {
        take(at_mut(state, key)?, "state");
    }
    Ok(())
}

pub(super) fn from_20(_: &mut Upgrader, state: &mut Value) -> Result<(), Kind> {
    for key in ["client_conn", "server_conn"] {
        let version = at_mut(at_mut(state, key)?, "tls_version")?;
        if version.as_text() == Some("QUIC") {
            *version = "QUICv1".into();
        }
    }
    Ok(())
}
