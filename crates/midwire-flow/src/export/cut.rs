//! Values of flows by attribute path (commands.md §5).

use std::fmt::Write as _;

use bytes::Bytes;
use midwire_wire::Fields;

use super::{python, raw};
use crate::access::{DECODE_LIMIT, HttpMessage, Pairs, text_pairs};
use crate::{
    Address, Certificate, ClientConn, Connection, Flow, FlowInfo, HttpFlow, Number, Replay,
    Request, Response, ServerConn,
};

/// A value cut out of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// Bytes as they were.
    Bytes(Bytes),
}

impl Cell {
    /// The value as bytes: text as UTF-8.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            Self::Bytes(bytes) => bytes.clone(),
        }
    }

    /// The value as text: bytes as a Python literal.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => python::bytes(bytes),
        }
    }
}

/// Why a cut specification cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    /// Names with a leading underscore are closed.
    #[error("Can't access internal attribute {0}")]
    Internal(String),
    /// `header[` without its end.
    #[error("Invalid header spec: {0}")]
    HeaderSpec(String),
}

/// The value at a dotted path, e.g. `request.header[host]`; empty text for what is not there.
///
/// # Errors
/// Closed names and malformed header specifications.
pub fn cut(flow: &Flow, spec: &str) -> Result<Cell, CutError> {
    if let Flow::Http(http) = flow
        && http.websocket.is_some()
        && matches!(spec, "request.content" | "response.content")
    {
        return Ok(Cell::Bytes(raw::websocket_messages(http).into()));
    }
    let path: Vec<&str> = spec.split('.').collect();
    if let Some(closed) = path.iter().find(|part| part.starts_with('_')) {
        return Err(CutError::Internal((*closed).to_owned()));
    }
    if let Some((last, before)) = path.split_last()
        && let Some(name) = last.strip_prefix("header[")
    {
        let Some(name) = name.strip_suffix(']') else {
            return Err(CutError::HeaderSpec((*last).to_owned()));
        };
        return Ok(header_field(flow, before, name));
    }
    Ok(attribute(flow, &path).into_cell())
}

/// What an attribute holds.
enum Found {
    Nothing,
    Text(String),
    Bytes(Bytes),
    Bool(bool),
    Number(Number),
}

impl Found {
    fn into_cell(self) -> Cell {
        Cell::Text(match self {
            Self::Nothing => String::new(),
            Self::Text(text) => text,
            Self::Bytes(bytes) => return Cell::Bytes(bytes),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) if number.as_f64() == 0.0 => String::new(),
            Self::Number(Number::Int(number)) => number.to_string(),
            Self::Number(Number::Float(number)) => python::float(number),
        })
    }
}

impl<T: Into<Found>> From<Option<T>> for Found {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

impl From<String> for Found {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Found {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&Bytes> for Found {
    fn from(value: &Bytes) -> Self {
        Self::Bytes(value.clone())
    }
}

impl From<bool> for Found {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Number> for Found {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<f64> for Found {
    fn from(value: f64) -> Self {
        Self::Number(Number::Float(value))
    }
}

impl From<i64> for Found {
    fn from(value: i64) -> Self {
        Self::Number(Number::Int(value))
    }
}

fn header_field(flow: &Flow, path: &[&str], name: &str) -> Cell {
    let http = flow.as_http();
    let fields = match path {
        ["request"] => http.map(|flow| &flow.request.fields),
        ["response"] => http
            .and_then(|flow| flow.response.as_ref())
            .map(|r| &r.fields),
        _ => None,
    };
    let value = fields.and_then(|fields| fields.get_folded(name));
    let text = value.map_or_else(String::new, |v| String::from_utf8_lossy(&v).into_owned());
    Cell::Text(text)
}

fn attribute(flow: &Flow, path: &[&str]) -> Found {
    let Some((first, rest)) = path.split_first() else {
        return Found::Nothing;
    };
    match (*first, flow) {
        ("client_conn", _) => client_conn(&flow.info().client_conn, rest),
        ("server_conn", _) => server_conn(&flow.info().server_conn, rest),
        ("type", _) => flow.kind().into(),
        ("request", Flow::Http(http)) => request(&http.request, rest),
        ("response", Flow::Http(http)) => http
            .response
            .as_ref()
            .map_or(Found::Nothing, |r| response(r, rest)),
        ("websocket", Flow::Http(http)) => websocket(http, rest),
        ("timestamp_start", Flow::Http(http)) => http.request.timestamp_start.into(),
        ("timestamp_start", Flow::Dns(dns)) => dns.request_timestamp.into(),
        ("timestamp_start", _) => flow.info().client_conn.timestamp_start.into(),
        ("request", Flow::Dns(dns)) if rest == ["timestamp"] => dns.request_timestamp.into(),
        ("response", Flow::Dns(dns)) if rest == ["timestamp"] => dns.response_timestamp.into(),
        _ => info(flow.info(), path),
    }
}

fn info(info: &FlowInfo, path: &[&str]) -> Found {
    match path {
        ["id"] => info.id.to_string().into(),
        ["intercepted"] => info.intercepted.into(),
        ["marked"] => info.marked.as_str().into(),
        ["comment"] => info.comment.as_str().into(),
        ["live"] => info.live.into(),
        ["timestamp_created"] => info.timestamp_created.into(),
        ["mode"] => info.client_conn.proxy_mode.as_str().into(),
        ["is_replay"] => info.is_replay.map(Replay::as_str).into(),
        ["error"] | ["error", "msg"] => info.error.as_ref().map(|e| e.msg.as_str()).into(),
        ["error", "timestamp"] => info.error.as_ref().map(|e| e.timestamp).into(),
        _ => Found::Nothing,
    }
}

fn request(request: &Request, path: &[&str]) -> Found {
    match path {
        ["method"] => text(&request.method).to_uppercase().into(),
        ["scheme"] => text(&request.scheme).into(),
        ["authority"] => text(&request.authority).into(),
        ["host"] => request.host.as_str().into(),
        ["port"] => i64::from(request.port).into(),
        ["path"] => text(&request.path).into(),
        ["url"] => request.url().into(),
        ["pretty_url"] => request.pretty_url().into(),
        ["pretty_host"] => request.pretty_host().as_ref().into(),
        ["host_header"] => request.host_header().as_deref().into(),
        ["first_line_format"] => if request.method.eq_ignore_ascii_case(b"CONNECT") {
            "authority"
        } else if request.authority.is_empty() {
            "relative"
        } else {
            "absolute"
        }
        .into(),
        ["query"] => view(&request.query()),
        ["cookies"] => view(&request.cookies()),
        ["urlencoded_form"] => view(&request.urlencoded_form(DECODE_LIMIT)),
        ["path_components"] => tuple(&request.path_components()),
        ["timestamp_start"] => request.timestamp_start.into(),
        ["timestamp_end"] => request.timestamp_end.into(),
        ["trailers"] => request.trailers.as_ref().map(fields).into(),
        [name] => message(request, &request.version, name),
        _ => Found::Nothing,
    }
}

fn response(response: &Response, path: &[&str]) -> Found {
    match path {
        ["status_code"] => i64::from(response.status).into(),
        // Reason phrases are ISO-8859-1 (RFC 9112 §4).
        ["reason"] => response
            .reason
            .iter()
            .map(|b| char::from(*b))
            .collect::<String>()
            .into(),
        ["timestamp_start"] => response.timestamp_start.into(),
        ["timestamp_end"] => response.timestamp_end.into(),
        ["trailers"] => response.trailers.as_ref().map(fields).into(),
        [name] => message(response, &response.version, name),
        _ => Found::Nothing,
    }
}

fn message(message: &impl HttpMessage, version: &[u8], name: &str) -> Found {
    match name {
        "http_version" => text(version).into(),
        "is_http10" => (version == b"HTTP/1.0").into(),
        "is_http11" => (version == b"HTTP/1.1").into(),
        "is_http2" => (version == b"HTTP/2.0").into(),
        "is_http3" => (version == b"HTTP/3").into(),
        "headers" => fields(message.header()).into(),
        "text" => message.text_lossy(DECODE_LIMIT).into(),
        "content" => message.decoded_or_raw(DECODE_LIMIT).as_ref().into(),
        "raw_content" => message.raw_content().bytes().as_ref().into(),
        _ => Found::Nothing,
    }
}

fn websocket(flow: &HttpFlow, path: &[&str]) -> Found {
    let Some(ws) = &flow.websocket else {
        return Found::Nothing;
    };
    match path {
        ["close_code"] => ws.close_code.into(),
        ["close_reason"] => ws.close_reason.as_deref().into(),
        ["closed_by_client"] => ws.closed_by_client.into(),
        ["timestamp_end"] => ws.timestamp_end.into(),
        _ => Found::Nothing,
    }
}

fn client_conn(conn: &ClientConn, path: &[&str]) -> Found {
    match path {
        ["address", rest @ ..] => address(conn.peername.as_ref(), rest),
        ["mitmcert"] => pem(conn.mitmcert.as_ref()),
        _ => connection(conn, path),
    }
}

fn server_conn(conn: &ServerConn, path: &[&str]) -> Found {
    match path {
        ["address", rest @ ..] => address(conn.address.as_ref(), rest),
        ["ip_address", rest @ ..] => address(conn.peername.as_ref(), rest),
        ["timestamp_tcp_setup"] => conn.timestamp_tcp_setup.into(),
        _ => connection(conn, path),
    }
}

fn connection(conn: &Connection, path: &[&str]) -> Found {
    match path {
        ["id"] => conn.id.to_string().into(),
        ["peername", rest @ ..] => address(conn.peername.as_ref(), rest),
        ["sockname", rest @ ..] => address(conn.sockname.as_ref(), rest),
        ["transport_protocol"] => conn.transport_protocol.as_str().into(),
        ["error"] => conn.error.as_deref().into(),
        ["tls"] => conn.tls.into(),
        ["tls_established"] => conn.timestamp_tls_setup.is_some().into(),
        ["tls_version"] => conn.tls_version.as_deref().into(),
        ["sni"] => conn.sni.as_deref().into(),
        ["alpn"] => conn.alpn.as_ref().into(),
        ["cipher"] => conn.cipher.as_deref().into(),
        ["certificate_list"] => pem(conn.certificate_list.first()),
        ["timestamp_start"] => conn.timestamp_start.into(),
        ["timestamp_end"] => conn.timestamp_end.into(),
        ["timestamp_tls_setup"] => conn.timestamp_tls_setup.into(),
        _ => Found::Nothing,
    }
}

fn address(address: Option<&Address>, path: &[&str]) -> Found {
    let Some(address) = address else {
        return Found::Nothing;
    };
    match path {
        [] => format!("({}, {})", python::string(&address.host), address.port).into(),
        ["host"] => address.host.as_str().into(),
        ["port"] => address.port.to_string().into(),
        _ => Found::Nothing,
    }
}

fn pem(certificate: Option<&Certificate>) -> Found {
    certificate.map(|c| text(&c.to_pem())).into()
}

fn fields(fields: &Fields) -> String {
    let lines: Vec<String> = fields
        .iter()
        .map(|(n, v)| format!("({}, {})", python::bytes(n), python::bytes(v)))
        .collect();
    format!("Headers[{}]", lines.join(", "))
}

fn view(pairs: &Pairs) -> Found {
    if pairs.is_empty() {
        return Found::Nothing;
    }
    let pairs: Vec<String> = text_pairs(pairs)
        .iter()
        .map(|(n, v)| format!("({}, {})", python::string(n), python::string(v)))
        .collect();
    format!("MultiDictView[{}]", pairs.join(", ")).into()
}

fn tuple(items: &[Vec<u8>]) -> Found {
    let mut out = String::from("(");
    for item in items {
        let _ = write!(out, "{}, ", python::string(&text(item)));
    }
    match items {
        [] => return Found::Nothing,
        // A tuple of one keeps its comma.
        [_] => out.truncate(out.len() - 1),
        _ => out.truncate(out.len() - 2),
    }
    out.push(')');
    out.into()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
