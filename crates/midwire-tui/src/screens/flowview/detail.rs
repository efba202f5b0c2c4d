//! The Detail tab: comment, metadata, connections, certificate, times (console.md §5).

use midwire_flow::{Address, Certificate, Connection, Flow};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::doc::Builder;
use crate::glyphs::Glyphs;
use crate::screens::flowlist::row::zoned;
use crate::text::line_of;
use crate::theme::Role;

/// Adds all sections that have something to say.
pub(super) fn add(builder: &mut Builder, flow: &Flow, glyphs: &Glyphs) {
    let info = flow.info();
    if !info.comment.is_empty() {
        builder.line("Comment:", Role::Title);
        for line in info.comment.lines() {
            builder.line(&format!("    {line}"), Role::Text);
        }
        builder.blank();
    }
    let metadata: Vec<Pair> = info
        .metadata
        .iter()
        .map(|(key, value)| (key.clone(), show_value(value)))
        .collect();
    section(builder, "Metadata:", &metadata);
    let server = &info.server_conn;
    if server.address.is_some() || server.timestamp_start.is_some() {
        let mut rows = vec![("Address".to_owned(), address(server.address.as_ref()))];
        if let Some(peer) = &server.peername {
            rows.push(("Resolved Address".to_owned(), address(Some(peer))));
        }
        if let Some(via) = &server.via {
            rows.push(("Via".to_owned(), format!("{} {}", via.scheme, via.address)));
        }
        rows.extend(protocol(server, response_version(flow)));
        section(builder, "Server Connection:", &rows);
        if let Some(certificate) = server.certificate_list.first() {
            section(builder, "Server Certificate:", &describe(certificate));
        }
    }
    let client = &info.client_conn;
    let mut rows = vec![("Address".to_owned(), address(client.peername.as_ref()))];
    rows.extend(protocol(client, request_version(flow)));
    section(builder, "Client Connection:", &rows);
    times(builder, flow, glyphs);
}

type Pair = (String, String);

fn section(builder: &mut Builder, title: &str, rows: &[Pair]) {
    if rows.is_empty() {
        return;
    }
    let column = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or_default();
    builder.line(title, Role::Title);
    for (name, value) in rows {
        let name = format!("{name}:");
        let mut lines = value.lines();
        builder
            .add(
                &format!("    {name:<width$}", width = column + 2),
                Role::Header,
            )
            .hang()
            .add(lines.next().unwrap_or_default(), Role::Text)
            .end();
        for line in lines {
            let pad = " ".repeat(column + 6);
            builder
                .add(&pad, Role::Text)
                .hang()
                .add(line, Role::Text)
                .end();
        }
    }
    builder.blank();
}

fn address(address: Option<&Address>) -> String {
    address.map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

fn protocol(connection: &Connection, version: Option<String>) -> Vec<Pair> {
    let mut rows = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            rows.push((name.to_owned(), value));
        }
    };
    add("HTTP Version", version);
    add("TLS Version", connection.tls_version.clone());
    add("Server Name Indication", connection.sni.clone());
    add("Cipher Name", connection.cipher.clone());
    add("ALPN", connection.alpn.as_deref().map(line_of));
    add("Error", connection.error.clone());
    rows
}

fn request_version(flow: &Flow) -> Option<String> {
    Some(line_of(&flow.as_http()?.request.version))
}

fn response_version(flow: &Flow) -> Option<String> {
    Some(line_of(&flow.as_http()?.response.as_ref()?.version))
}

fn show_value(value: &midwire_flow::Value) -> String {
    use midwire_flow::Value;
    match value {
        Value::Text(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Bytes(bytes) => line_of(bytes),
        other => format!("{other:?}"),
    }
}

/// The facts of a certificate. One that cannot be read says so.
fn describe(certificate: &Certificate) -> Vec<Pair> {
    let unreadable = || vec![("Certificate".to_owned(), "cannot be read".to_owned())];
    let Some(der) = certificate.to_der() else {
        return unreadable();
    };
    let Ok((_, parsed)) = X509Certificate::from_der(&der) else {
        return unreadable();
    };
    let key = match parsed.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA, {} bits", key.key_size()),
        Ok(PublicKey::EC(point)) => format!("EC, {} bits", point.key_size()),
        Ok(PublicKey::DSA(_)) => "DSA".to_owned(),
        _ => match parsed
            .public_key()
            .algorithm
            .algorithm
            .to_id_string()
            .as_str()
        {
            "1.3.101.112" => "Ed25519".to_owned(),
            "1.3.101.113" => "Ed448".to_owned(),
            other => other.to_owned(),
        },
    };
    let date = |seconds: i64| zoned(seconds as f64, "%Y-%m-%d %H:%M:%S");
    let names: Vec<String> = parsed
        .subject_alternative_name()
        .ok()
        .flatten()
        .map(|extension| {
            extension
                .value
                .general_names
                .iter()
                .filter_map(general_name)
                .collect()
        })
        .unwrap_or_default();
    let mut rows = vec![
        ("Type".to_owned(), key),
        ("SHA256 digest".to_owned(), digest(&der)),
        (
            "Valid from".to_owned(),
            date(parsed.validity().not_before.timestamp()),
        ),
        (
            "Valid to".to_owned(),
            date(parsed.validity().not_after.timestamp()),
        ),
        (
            "Serial".to_owned(),
            parsed.tbs_certificate.serial.to_string(),
        ),
        (
            "Subject".to_owned(),
            name_lines(&parsed.subject().to_string()),
        ),
        (
            "Issuer".to_owned(),
            name_lines(&parsed.issuer().to_string()),
        ),
    ];
    if !names.is_empty() {
        rows.push(("Alt names".to_owned(), names.join(", ")));
    }
    rows
}

/// SHA-256 in hexadecimal.
pub(crate) fn digest(der: &[u8]) -> String {
    use sha2::Digest as _;
    let mut out = String::with_capacity(64);
    for byte in sha2::Sha256::digest(der) {
        let _ = std::fmt::Write::write_fmt(&mut out, format_args!("{byte:02x}"));
    }
    out
}

fn name_lines(name: &str) -> String {
    name.split(", ").collect::<Vec<_>>().join("\n")
}

fn general_name(name: &GeneralName<'_>) -> Option<String> {
    Some(match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) | GeneralName::RFC822Name(name) => {
            (*name).to_owned()
        }
        GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
            Ok(v4) => std::net::Ipv4Addr::from(v4).to_string(),
            Err(_) => std::net::Ipv6Addr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string(),
        },
        _ => return None,
    })
}

/// All times that are known, sorted; open ends as `active` or a dash.
fn times(builder: &mut Builder, flow: &Flow, glyphs: &Glyphs) {
    let info = flow.info();
    let (client, server) = (&info.client_conn, &info.server_conn);
    let live = info.live;
    let mut known: Vec<(f64, &str)> = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut add = |name: &'static str, time: Option<f64>, is_open: bool| match time {
        Some(time) => known.push((time, name)),
        None if is_open => open.push(name),
        None => {}
    };
    add("Client conn. established", client.timestamp_start, false);
    add(
        "Client conn. TLS handshake",
        client.timestamp_tls_setup,
        client.tls,
    );
    add(
        "Client conn. closed",
        client.timestamp_end,
        client.timestamp_start.is_some(),
    );
    add("Server conn. initiated", server.timestamp_start, false);
    add(
        "Server conn. TCP handshake",
        server.timestamp_tcp_setup,
        server.timestamp_start.is_some(),
    );
    add(
        "Server conn. TLS handshake",
        server.timestamp_tls_setup,
        server.tls,
    );
    add(
        "Server conn. closed",
        server.timestamp_end,
        server.timestamp_start.is_some(),
    );
    match flow {
        Flow::Http(http) => {
            add(
                "First request byte",
                Some(http.request.timestamp_start.as_f64()),
                false,
            );
            add(
                "Request complete",
                http.request.timestamp_end.map(midwire_flow::Number::as_f64),
                true,
            );
            if let Some(response) = &http.response {
                add(
                    "First response byte",
                    Some(response.timestamp_start.as_f64()),
                    false,
                );
                add(
                    "Response complete",
                    response.timestamp_end.map(midwire_flow::Number::as_f64),
                    true,
                );
            }
        }
        Flow::Dns(dns) => {
            add(
                "Request complete",
                Some(dns.request_timestamp.as_f64()),
                false,
            );
            add(
                "Response complete",
                dns.response_timestamp.map(midwire_flow::Number::as_f64),
                true,
            );
        }
        Flow::Tcp(stream) | Flow::Udp(stream) => {
            let first = stream
                .messages
                .first()
                .map(|message| message.timestamp.as_f64());
            add("First message", first, false);
        }
    }
    known.sort_by(|a, b| a.0.total_cmp(&b.0));
    let start = known.first().map_or(0.0, |(time, _)| *time);
    let mut rows: Vec<Pair> = known
        .into_iter()
        .map(|(time, name)| {
            let since = time - start;
            (
                name.to_owned(),
                format!("{}  +{since:.3}s", zoned(time, "%Y-%m-%d %H:%M:%S.%3f")),
            )
        })
        .collect();
    let word = if live { "active" } else { glyphs.dash };
    rows.extend(
        open.into_iter()
            .map(|name| (name.to_owned(), word.to_owned())),
    );
    section(builder, "Timing:", &rows);
}
