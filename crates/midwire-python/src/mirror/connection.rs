//! Connections as states, whole: they change a handful of times in their life.

use midwire_flow::{Address, Certificate, ClientConn, Connection, ServerConn, Value, Via};

use super::take::{Refused, boolean, bytes, list, opt, text};
use crate::value::Writer;

/// The state of a client connection.
pub(crate) fn put_client(w: &mut Writer, client: &ClientConn) {
    w.dict(|w| client_pairs(w, client));
}

/// A client connection as the host mirrors it: also whether it is open.
pub(crate) fn put_open_client(w: &mut Writer, client: &ClientConn) {
    w.dict(|w| {
        client_pairs(w, client);
        put_open(w, client);
    });
}

fn client_pairs(w: &mut Writer, client: &ClientConn) {
    put_connection(w, client);
    w.key("mitmcert");
    w.opt(client.mitmcert.as_ref(), put_certificate);
    w.key("proxy_mode");
    w.text(match client.proxy_mode.as_str() {
        "" => "regular",
        mode => mode,
    });
}

/// The state of a server connection.
pub(crate) fn put_server(w: &mut Writer, server: &ServerConn) {
    w.dict(|w| server_pairs(w, server));
}

/// A server connection as the host mirrors it: also whether it is open.
pub(crate) fn put_open_server(w: &mut Writer, server: &ServerConn) {
    w.dict(|w| {
        server_pairs(w, server);
        put_open(w, server);
    });
}

fn server_pairs(w: &mut Writer, server: &ServerConn) {
    put_connection(w, server);
    w.key("address");
    w.opt(server.address.as_ref(), put_address);
    w.key("timestamp_tcp_setup");
    w.opt(server.timestamp_tcp_setup, Writer::float);
    w.key("via");
    w.opt(server.via.as_ref(), |w, via| {
        w.tuple(2);
        w.text(&via.scheme);
        put_address(w, &via.address);
    });
}

/// Not part of a flow file: whether bytes can pass right now, as mitmproxy's `ConnectionState` has it.
fn put_open(w: &mut Writer, conn: &Connection) {
    w.key("state");
    let open =
        conn.timestamp_start.is_some() && conn.timestamp_end.is_none() && conn.error.is_none();
    w.int(if open { 3 } else { 0 });
}

fn put_connection(w: &mut Writer, conn: &Connection) {
    w.key("id");
    w.text(&conn.id.to_string());
    w.key("peername");
    w.opt(conn.peername.as_ref(), put_address);
    w.key("sockname");
    w.opt(conn.sockname.as_ref(), put_address);
    w.key("transport_protocol");
    w.text(conn.transport_protocol.as_str());
    w.key("error");
    w.opt(conn.error.as_deref(), Writer::text);
    w.key("tls");
    w.bool(conn.tls);
    w.key("certificate_list");
    w.list(conn.certificate_list.len());
    conn.certificate_list
        .iter()
        .for_each(|certificate| put_certificate(w, certificate));
    w.key("alpn");
    w.opt(conn.alpn.as_deref(), Writer::bytes);
    w.key("alpn_offers");
    w.list(conn.alpn_offers.len());
    conn.alpn_offers.iter().for_each(|offer| w.bytes(offer));
    w.key("cipher");
    w.opt(conn.cipher.as_deref(), Writer::text);
    w.key("cipher_list");
    w.list(conn.cipher_list.len());
    conn.cipher_list.iter().for_each(|cipher| w.text(cipher));
    w.key("tls_version");
    w.opt(conn.tls_version.as_deref(), Writer::text);
    w.key("sni");
    w.opt(conn.sni.as_deref(), Writer::text);
    w.key("timestamp_start");
    w.opt(conn.timestamp_start, Writer::float);
    w.key("timestamp_end");
    w.opt(conn.timestamp_end, Writer::float);
    w.key("timestamp_tls_setup");
    w.opt(conn.timestamp_tls_setup, Writer::float);
}

fn put_certificate(w: &mut Writer, certificate: &Certificate) {
    w.bytes(&certificate.to_pem());
}

fn put_address(w: &mut Writer, address: &Address) {
    if let Some((flow, scope)) = address.v6 {
        w.tuple(4);
        w.text(&address.host);
        w.int(i64::from(address.port));
        w.int(i64::from(flow));
        w.int(i64::from(scope));
    } else {
        w.tuple(2);
        w.text(&address.host);
        w.int(i64::from(address.port));
    }
}

/// Writes changed keys into a client connection.
pub(crate) fn take_client(client: &mut ClientConn, changes: &Value) -> Result<(), Refused> {
    for (key, value) in pairs(changes, "client_conn")? {
        match key.as_text().unwrap_or_default() {
            "mitmcert" => {
                client.mitmcert = opt(value, |v| bytes(v, "mitmcert").map(Certificate::from_pem))?;
            }
            "proxy_mode" => client.proxy_mode = text(value, "proxy_mode")?,
            key => take_connection(client, key, value)?,
        }
    }
    Ok(())
}

/// Writes changed keys into a server connection.
pub(crate) fn take_server(server: &mut ServerConn, changes: &Value) -> Result<(), Refused> {
    for (key, value) in pairs(changes, "server_conn")? {
        match key.as_text().unwrap_or_default() {
            "address" => server.address = opt(value, |v| address(v, "address"))?,
            "timestamp_tcp_setup" => server.timestamp_tcp_setup = time(value),
            "via" => server.via = opt(value, via)?,
            key => take_connection(server, key, value)?,
        }
    }
    Ok(())
}

fn take_connection(conn: &mut Connection, key: &str, value: &Value) -> Result<(), Refused> {
    match key {
        "peername" => conn.peername = opt(value, |v| address(v, "peername"))?,
        "sockname" => conn.sockname = opt(value, |v| address(v, "sockname"))?,
        "error" => conn.error = opt(value, |v| text(v, "error"))?,
        "tls" => conn.tls = boolean(value, "tls")?,
        "certificate_list" => {
            conn.certificate_list = list(value, "certificate_list")?
                .iter()
                .map(|v| bytes(v, "certificate_list").map(Certificate::from_pem))
                .collect::<Result<_, _>>()?;
        }
        "alpn" => conn.alpn = opt(value, |v| bytes(v, "alpn"))?,
        "alpn_offers" => {
            conn.alpn_offers = list(value, "alpn_offers")?
                .iter()
                .map(|v| bytes(v, "alpn_offers"))
                .collect::<Result<_, _>>()?;
        }
        "cipher" => conn.cipher = opt(value, |v| text(v, "cipher"))?,
        "cipher_list" => {
            conn.cipher_list = list(value, "cipher_list")?
                .iter()
                .map(|v| text(v, "cipher_list"))
                .collect::<Result<_, _>>()?;
        }
        "tls_version" => conn.tls_version = opt(value, |v| text(v, "tls_version"))?,
        "sni" => conn.sni = opt(value, |v| text(v, "sni"))?,
        "timestamp_start" => conn.timestamp_start = time(value),
        "timestamp_end" => conn.timestamp_end = time(value),
        "timestamp_tls_setup" => conn.timestamp_tls_setup = time(value),
        "id" => conn.id = midwire_flow::Id::parse(&text(value, "id")?),
        // What a script invents beside these stays its own.
        _ => {}
    }
    Ok(())
}

fn pairs<'a>(value: &'a Value, what: &'static str) -> Result<&'a [(Value, Value)], Refused> {
    match value {
        Value::Dict(pairs) => Ok(pairs),
        _ => Err(Refused(what)),
    }
}

fn time(value: &Value) -> Option<f64> {
    match value {
        Value::Float(f) => Some(*f),
        Value::Int(n) => Some(*n as f64),
        _ => None,
    }
}

/// `(host, port)`, of an IPv6 socket also with flow information and scope.
pub(crate) fn address(value: &Value, what: &'static str) -> Result<Address, Refused> {
    let [host, port, rest @ ..] = list(value, what)? else {
        return Err(Refused(what));
    };
    let port = port.as_i64().and_then(|port| u16::try_from(port).ok());
    let mut address = Address::new(text(host, what)?, port.ok_or(Refused(what))?);
    if let [Value::Int(flow), Value::Int(scope)] = rest {
        address.v6 = Some((*flow as u32, *scope as u32));
    }
    Ok(address)
}

fn via(value: &Value) -> Result<Via, Refused> {
    let [scheme, at] = list(value, "via")? else {
        return Err(Refused("via"));
    };
    Ok(Via {
        scheme: text(scheme, "via")?,
        address: address(at, "via")?,
    })
}
