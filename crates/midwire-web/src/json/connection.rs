//! Connections of a flow.

use midwire_flow::{ClientConn, Connection, ServerConn};
use serde_json::{Map, Value as Json, json};

use super::certificate::certificate;
use super::{address, text};

/// The client's connection.
pub(crate) fn client(conn: &ClientConn) -> Json {
    let mut out = Map::new();
    common(conn, &mut out);
    Json::Object(out)
}

/// The server's connection.
pub(crate) fn server(conn: &ServerConn) -> Json {
    let mut out = Map::new();
    common(conn, &mut out);
    out.insert("address".to_owned(), address(conn.address.as_ref()));
    out.insert(
        "timestamp_tcp_setup".to_owned(),
        json!(conn.timestamp_tcp_setup),
    );
    if let Some(via) = &conn.via {
        let via = json!([via.scheme, [via.address.host, via.address.port]]);
        out.insert("via".to_owned(), via);
    }
    Json::Object(out)
}

fn common(conn: &Connection, out: &mut Map<String, Json>) {
    let alpn = conn.alpn.as_ref().map(|alpn| text(alpn));
    let pairs = [
        ("id", json!(conn.id.to_string())),
        ("peername", address(conn.peername.as_ref())),
        ("sockname", address(conn.sockname.as_ref())),
        ("tls_established", json!(conn.timestamp_tls_setup.is_some())),
        (
            "cert",
            conn.certificate_list
                .first()
                .map_or(Json::Null, certificate),
        ),
        ("sni", json!(conn.sni)),
        ("cipher", json!(conn.cipher)),
        ("alpn", json!(alpn)),
        ("tls_version", json!(conn.tls_version)),
        ("timestamp_start", json!(conn.timestamp_start)),
        ("timestamp_tls_setup", json!(conn.timestamp_tls_setup)),
        ("timestamp_end", json!(conn.timestamp_end)),
    ];
    out.extend(
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value)),
    );
}
