//! Between the heads of the wire and the messages of flows.

use base64::Engine as _;
use bytes::Bytes;
use midwire_flow::{Address, Content, Number, Request, Response};
use midwire_wire::http1::{Expected, Framing};
use midwire_wire::{RequestHead, ResponseHead, TargetForm, Version};

use super::stream::Amount;
use crate::fault::Fault;

/// Where the requests of a connection go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Each request names its own, by an absolute-form target or its Host field.
    Named,
    /// All go to one place: inside a tunnel, or a reverse proxy.
    Fixed { host: String, port: u16, tls: bool },
}

/// Control data of HTTP/2 and 3 that HTTP/1 has in its target (RFC 9113 §8.3.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Pseudo {
    pub(crate) scheme: Bytes,
    pub(crate) authority: Bytes,
}

/// Makes the request of a flow from its head and pseudo-fields.
pub(crate) fn request_with(
    head: &RequestHead,
    pseudo: Pseudo,
    to: &Destination,
    began: f64,
) -> Result<Request, Fault> {
    let named = *to == Destination::Named && !pseudo.authority.is_empty();
    if !pseudo.authority.is_empty() && authority(&pseudo.authority).is_none() {
        return Err(bad_target(&pseudo.authority));
    }
    let mut request = if named {
        let anywhere = Destination::Fixed {
            host: String::new(),
            port: 0,
            tls: pseudo.scheme.eq_ignore_ascii_case(b"https"),
        };
        let mut request = request(head, &anywhere, began)?;
        let (host, port) =
            authority(&pseudo.authority).ok_or_else(|| bad_target(&pseudo.authority))?;
        let default = if request.scheme == "https" { 443 } else { 80 };
        request.port = port.unwrap_or(default);
        request.host = host;
        request
    } else {
        request(head, to, began)?
    };
    request.authority = pseudo.authority;
    Ok(request)
}

impl Destination {
    /// The one place, if there is one.
    pub(crate) fn address(&self) -> Option<Address> {
        match self {
            Self::Named => None,
            Self::Fixed { host, port, .. } => Some(Address::new(host.clone(), *port)),
        }
    }
}

/// Makes the request of a flow from its head.
pub(crate) fn request(head: &RequestHead, to: &Destination, began: f64) -> Result<Request, Fault> {
    let mut request = Request {
        host: String::new(),
        port: 0,
        method: head.method.clone(),
        scheme: Bytes::from_static(b"http"),
        authority: Bytes::new(),
        path: head.target.clone(),
        version: Bytes::from_static(head.version.as_str().as_bytes()),
        fields: head.fields.clone(),
        content: Content::Missing,
        trailers: None,
        timestamp_start: Number::Float(began),
        timestamp_end: None,
    };
    match head.form {
        TargetForm::Authority => {
            let (host, port) = authority(&head.target).ok_or_else(|| bad_target(&head.target))?;
            request.port = port.ok_or_else(|| bad_target(&head.target))?;
            request.host = host;
            request.scheme = Bytes::new();
            request.path = Bytes::new();
            request.authority = head.target.clone();
        }
        TargetForm::Absolute => absolute(&mut request, &head.target)?,
        TargetForm::Origin | TargetForm::Asterisk => by_host_field(&mut request, to)?,
    }
    if let Destination::Fixed { host, port, tls } = to
        && head.form != TargetForm::Authority
    {
        request.host.clone_from(host);
        request.port = *port;
        request.scheme = Bytes::from_static(if *tls { b"https" } else { b"http" });
    }
    Ok(request)
}

fn absolute(request: &mut Request, target: &Bytes) -> Result<(), Fault> {
    let bad = || bad_target(target);
    let colon = target
        .windows(3)
        .position(|w| w == b"://")
        .ok_or_else(bad)?;
    let (scheme, rest) = (target.slice(..colon), target.slice(colon + 3..));
    let secure = scheme.eq_ignore_ascii_case(b"https");
    if !secure && !scheme.eq_ignore_ascii_case(b"http") {
        let text = format!(
            "Invalid request scheme: {}",
            String::from_utf8_lossy(&scheme)
        );
        return Err(Fault::Refused { status: 400, text });
    }
    let end = rest
        .iter()
        .position(|b| matches!(b, b'/' | b'?' | b'#'))
        .unwrap_or(rest.len());
    let named = rest.slice(..end);
    let (host, port) = authority(&named).ok_or_else(bad)?;
    request.host = host;
    request.port = port.unwrap_or(if secure { 443 } else { 80 });
    request.scheme = Bytes::from_static(if secure { b"https" } else { b"http" });
    request.authority = named;
    let path = rest.slice(end..);
    request.path = match path.first() {
        None if request.method.eq_ignore_ascii_case(b"OPTIONS") => Bytes::from_static(b"*"),
        None => Bytes::from_static(b"/"),
        Some(b'/') => path,
        Some(_) => Bytes::from([&b"/"[..], &path].concat()),
    };
    Ok(())
}

fn by_host_field(request: &mut Request, to: &Destination) -> Result<(), Fault> {
    if *to != Destination::Named {
        return Ok(());
    }
    let unknown = || Fault::Refused {
        status: 400,
        text: "HTTP request has no host header, destination unknown.".to_owned(),
    };
    let host = request.fields.get("host").ok_or_else(unknown)?;
    let (host, port) = authority(host).ok_or_else(unknown)?;
    request.port = port.unwrap_or(80);
    request.host = host;
    Ok(())
}

/// Splits `host[:port]`; brackets around an IPv6 literal are taken off (RFC 9110 §7.2).
pub(crate) fn authority(text: &[u8]) -> Option<(String, Option<u16>)> {
    let text = std::str::from_utf8(text).ok()?;
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return None,
            }
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        None | Some("") => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
        Some(_) => return None,
    };
    let odd = |b: u8| b <= b' ' || b == 0x7f || b"/@?#\\\"<>[]^`{|}".contains(&b);
    if host.is_empty() || host.len() > 255 || port == Some(0) || (host.bytes().any(odd)) {
        return None;
    }
    if host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_err() {
        return None;
    }
    Some((host.to_owned(), port))
}

fn bad_target(target: &[u8]) -> Fault {
    Fault::Refused {
        status: 400,
        text: format!(
            "invalid request target: {}",
            String::from_utf8_lossy(target)
        ),
    }
}

/// The authority that a request is for: its own, its Host field, or its destination.
pub(crate) fn authority_of(request: &Request) -> Bytes {
    let own = request
        .protocol()
        .is_some_and(|version| !version.is_http1());
    if own && !request.authority.is_empty() {
        return request.authority.clone();
    }
    match request.fields.get("host") {
        Some(host) if !host.is_empty() => Bytes::copy_from_slice(host),
        _ if !request.authority.is_empty() => request.authority.clone(),
        _ => {
            let default = if request.scheme.eq_ignore_ascii_case(b"https") {
                443
            } else {
                80
            };
            let host = if request.host.contains(':') {
                format!("[{}]", request.host)
            } else {
                request.host.clone()
            };
            Bytes::from(if request.port == default {
                host
            } else {
                format!("{host}:{}", request.port)
            })
        }
    }
}

/// The head to send to an HTTP/1 server for the request of a flow.
pub(crate) fn forward_request(request: &Request) -> RequestHead {
    let mut fields = request.fields.clone();
    if fields.contains("proxy-connection") || fields.contains("proxy-authorization") {
        fields.retain(|name, _| {
            !name.eq_ignore_ascii_case(b"proxy-connection")
                && !name.eq_ignore_ascii_case(b"proxy-authorization")
        });
    }
    let version = match request.protocol() {
        Some(Version::Http10) => Version::Http10,
        Some(Version::Http2 | Version::Http3) => {
            let authority = authority_of(request);
            if fields.get("host").is_none_or(|host| host != authority) {
                fields.remove("host");
                fields.insert(0, "Host", authority);
            }
            join_cookies(&mut fields);
            Version::Http11
        }
        _ => Version::Http11,
    };
    if fields.has_token("upgrade", "websocket") && !fields.contains("sec-websocket-key") {
        // It came over HTTP/2, which has no key.
        fields.append("Sec-WebSocket-Key", websocket_key());
    }
    RequestHead {
        method: request.method.clone(),
        target: request.path.clone(),
        form: TargetForm::Origin,
        version,
        fields,
    }
}

/// A nonce for the handshake (RFC 6455 §4.1). It protects nobody, so that a system without randomness may repeat it.
fn websocket_key() -> String {
    let mut nonce = [0; 16];
    let _ = getrandom::fill(&mut nonce);
    base64::engine::general_purpose::STANDARD.encode(nonce)
}

/// HTTP/1 has one Cookie field (RFC 9113 §8.2.3).
fn join_cookies(fields: &mut midwire_wire::Fields) {
    let cookies: Vec<Bytes> = fields
        .get_all("cookie")
        .map(Bytes::copy_from_slice)
        .collect();
    if cookies.len() > 1 {
        fields.set("Cookie", cookies.join(&b"; "[..]));
    }
}

/// Turns the head of a response from HTTP/2 or 3 into one for HTTP/1.
pub(crate) fn speak_http1(head: &mut ResponseHead) {
    if head.version.is_http1() {
        return;
    }
    head.version = Version::Http11;
    if head.reason.is_empty() {
        head.reason =
            Bytes::from_static(midwire_flow::access::status::reason(head.status).as_bytes());
    }
}

/// Frames content for HTTP/1.
pub(crate) fn frame(fields: &mut midwire_wire::Fields, amount: Amount) -> Framing {
    match amount {
        Amount::None => Framing::None,
        Amount::Whole { len, trailers } => frame_whole(fields, len, trailers),
        Amount::Live(framing) => frame_stream(fields, framing),
    }
}

/// Content of HTTP/2 and 3 frames itself; only a length that would be wrong is put right.
pub(crate) fn frame_streams(fields: &mut midwire_wire::Fields, amount: Amount) -> Framing {
    fields.remove("transfer-encoding");
    match amount {
        Amount::None => Framing::None,
        Amount::Whole { len, .. } => {
            if fields.contains("content-length") {
                fields.set("content-length", len.to_string());
            }
            Framing::Length(len)
        }
        Amount::Live(framing) => framing,
    }
}

/// Names another host in a request: the Host field, or the authority where the protocol has one.
pub(crate) fn name_host(request: &mut Request, host: &str) {
    if !request.authority.is_empty() {
        request.authority = Bytes::copy_from_slice(host.as_bytes());
    }
    if request.authority.is_empty() || request.fields.contains("host") {
        request.fields.set("Host", host.to_owned());
    }
}

/// Gives a request an absolute-form target, as proxies want it (RFC 9112 §3.2.2). Credentials for that proxy stay.
pub(crate) fn make_absolute(head: &mut RequestHead, request: &Request) {
    for value in request.fields.get_all("proxy-authorization") {
        head.fields
            .append("Proxy-Authorization", Bytes::copy_from_slice(value));
    }
    let default = if request.scheme.eq_ignore_ascii_case(b"https") {
        443
    } else {
        80
    };
    let named = authority(&request.authority).is_some_and(|(host, port)| {
        host == request.host && port.unwrap_or(default) == request.port
    });
    let mut target = [&request.scheme, &b"://"[..]].concat();
    if named {
        target.extend_from_slice(&request.authority);
    } else if request.port == default {
        let address = Address::new(request.host.clone(), request.port).to_string();
        let end = address.rfind(':').unwrap_or(address.len());
        target.extend_from_slice(address.as_bytes().get(..end).unwrap_or_default());
    } else {
        let address = Address::new(request.host.clone(), request.port);
        target.extend_from_slice(address.to_string().as_bytes());
    }
    // The asterisk stands for the whole server, which absolute-form says with an empty path (RFC 9112 §3.2.4).
    if head.target != "*" {
        target.extend_from_slice(&head.target);
    }
    head.target = target.into();
    head.form = TargetForm::Absolute;
}

/// Makes the response of a flow from its head.
pub(crate) fn response(head: ResponseHead, began: f64) -> Response {
    Response {
        version: Bytes::from_static(head.version.as_str().as_bytes()),
        status: head.status,
        reason: head.reason,
        fields: head.fields,
        content: Content::Missing,
        trailers: None,
        timestamp_start: Number::Float(began),
        timestamp_end: None,
    }
}

/// The head to send to the client for the response of a flow.
pub(crate) fn reply(response: &Response) -> ResponseHead {
    ResponseHead {
        version: response.protocol().unwrap_or(Version::Http11),
        status: response.status,
        reason: response.reason.clone(),
        fields: response.fields.clone(),
    }
}

/// Frames content of which the whole is known: by length, unless the fields already say chunked.
pub(crate) fn frame_whole(fields: &mut midwire_wire::Fields, len: u64, trailers: bool) -> Framing {
    if fields.contains("transfer-encoding") || trailers {
        fields.remove("content-length");
        fields.set("Transfer-Encoding", "chunked");
        return Framing::Chunked;
    }
    let right = fields
        .get_all("content-length")
        .eq([len.to_string().as_bytes()]);
    if !right && (len > 0 || fields.contains("content-length")) {
        fields.set("Content-Length", len.to_string());
    }
    if len == 0 {
        Framing::None
    } else {
        Framing::Length(len)
    }
}

/// Frames content that is passed on as it arrives, keeping the framing it came with.
pub(crate) fn frame_stream(fields: &mut midwire_wire::Fields, framing: Framing) -> Framing {
    match framing {
        Framing::Length(len) if !fields.contains("content-length") => {
            fields.remove("transfer-encoding");
            fields.set("Content-Length", len.to_string());
        }
        Framing::Chunked if !fields.contains("transfer-encoding") => {
            fields.remove("content-length");
            fields.set("Transfer-Encoding", "chunked");
        }
        _ => {}
    }
    framing
}

/// Only upgrades to WebSocket are passed on. True if HTTP/2 without TLS was asked for.
pub(crate) fn drop_foreign_upgrade(fields: &mut midwire_wire::Fields) -> bool {
    if !fields.contains("upgrade") || fields.has_token("upgrade", "websocket") {
        return false;
    }
    let h2c = fields.has_token("upgrade", "h2c");
    fields.remove("upgrade");
    fields.remove("http2-settings");
    let kept: Vec<Bytes> = fields
        .get_all("connection")
        .flat_map(|value| value.split(|b| *b == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|option| {
            !option.is_empty()
                && !option.eq_ignore_ascii_case(b"upgrade")
                && !option.eq_ignore_ascii_case(b"http2-settings")
        })
        .map(Bytes::copy_from_slice)
        .collect();
    if kept.is_empty() {
        fields.remove("connection");
    } else {
        fields.set("Connection", kept.join(&b", "[..]));
    }
    h2c
}

/// What the response to a request with this method may have.
pub(crate) fn expected(method: &[u8]) -> Expected {
    match method {
        b"HEAD" => Expected::Head,
        b"CONNECT" => Expected::Connect,
        _ => Expected::Other,
    }
}

/// Methods that may be sent twice (RFC 9110 §9.2.2).
pub(crate) fn is_idempotent(method: &[u8]) -> bool {
    matches!(
        method,
        b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"PUT" | b"DELETE"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        let check = |text: &str, expected: Option<(&str, Option<u16>)>| {
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(authority(text.as_bytes()), expected, "{text}");
        };
        check("example.com", Some(("example.com", None)));
        check("example.com:8080", Some(("example.com", Some(8080))));
        check("[::1]:443", Some(("::1", Some(443))));
        check("[::1]", Some(("::1", None)));
        check("::1", None);
        check("h:", Some(("h", None)));
        check("h:0", None);
        check("h:99999", None);
        check("user@h", None);
        check("", None);
        check("[x]:1", None);
        check("a b", None);
    }

    #[test]
    fn whole_content_is_framed_by_length() {
        let mut fields = midwire_wire::Fields::from_pairs([("Content-Length", "5")]);
        assert_eq!(frame_whole(&mut fields, 7, false), Framing::Length(7));
        assert_eq!(fields.get("content-length"), Some(&b"7"[..]));
        let mut none = midwire_wire::Fields::new();
        assert_eq!(frame_whole(&mut none, 0, false), Framing::None);
        assert!(none.is_empty());
    }
}
