//! What comes next inside a connection: a pure function of what is known and the bytes seen so far (modes.md §9).

/// What is known when the protocol inside a connection is to be decided.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen<'a> {
    /// Bytes from the client.
    pub(crate) client: &'a [u8],
    /// Bytes from the server, which speaks first in some protocols.
    pub(crate) server: &'a [u8],
    /// Protocol agreed on with the client by ALPN.
    pub(crate) alpn: Option<&'a [u8]>,
    /// Port of the destination.
    pub(crate) port: u16,
    /// Option `rawtcp`.
    pub(crate) rawtcp: bool,
    /// Option `tcp_hosts` names the destination.
    pub(crate) is_tcp_host: bool,
    /// What is spoken here by the mode's word, unless TLS is spoken around it.
    pub(crate) known: Option<Next>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Not enough bytes yet.
    NeedMore,
    /// A TLS handshake.
    Tls,
    /// HTTP.
    Http,
    /// DNS with length prefixes.
    Dns,
    /// Bytes without known structure.
    Raw,
    /// Bytes that are passed on without a flow, by an addon's word.
    Pass,
}

/// Decides the next layer.
pub(crate) fn next(seen: &Seen<'_>) -> Next {
    match midwire_wire::client_hello::looks_like_tls(seen.client) {
        Some(true) => return Next::Tls,
        None if seen.server.is_empty() && !seen.client.is_empty() => return Next::NeedMore,
        _ => {}
    }
    let is_silent = seen.client.is_empty() && seen.server.is_empty();
    match seen.known {
        Some(Next::Raw) if is_silent => return Next::NeedMore,
        Some(next) if next == Next::Raw || !seen.client.is_empty() => return next,
        Some(_) => return Next::NeedMore,
        None => {}
    }
    if seen.is_tcp_host {
        return if is_silent { Next::NeedMore } else { Next::Raw };
    }
    if let Some(b"h2" | b"http/1.1" | b"http/1.0" | b"http/0.9") = seen.alpn {
        return Next::Http;
    }
    if matches!(seen.port, 53 | 5353) {
        return Next::Dns;
    }
    if !seen.rawtcp {
        return if seen.client.is_empty() {
            Next::NeedMore
        } else {
            Next::Http
        };
    }
    if !seen.server.is_empty() {
        return Next::Raw;
    }
    if seen.client.is_empty() {
        return Next::NeedMore;
    }
    if is_http_start(seen.client) {
        Next::Http
    } else {
        Next::Raw
    }
}

/// True for bytes that a request line may begin with: letters first, and a blank before the end of the first line.
fn is_http_start(bytes: &[u8]) -> bool {
    let Some(letters) = bytes.get(..3) else {
        return false;
    };
    if !letters.iter().all(u8::is_ascii_alphabetic) || bytes.starts_with(b"SSH") {
        return false;
    }
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    line.contains(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions() {
        let check = |client: &[u8], server: &[u8], expected: Next| {
            let seen = Seen {
                client,
                server,
                rawtcp: true,
                port: 443,
                ..Seen::default()
            };
            assert_eq!(next(&seen), expected, "{client:?} {server:?}");
        };
        check(b"", b"", Next::NeedMore);
        check(b"\x16\x03", b"", Next::NeedMore);
        check(b"\x16\x03\x01\x02", b"", Next::Tls);
        check(b"GET / HTTP/1.1\r\n", b"", Next::Http);
        check(b"\x00\x01raw", b"", Next::Raw);
        check(b"SSH-2.0-x y", b"", Next::Raw);
        check(b"HELO\r\nx y", b"", Next::Raw);
        check(b"", b"220 hi", Next::Raw);
    }

    #[test]
    fn what_the_mode_knows_is_only_preceded_by_tls() {
        let check = |known: Next, client: &[u8], server: &[u8], expected: Next| {
            let seen = Seen {
                client,
                server,
                rawtcp: true,
                known: Some(known),
                ..Seen::default()
            };
            assert_eq!(next(&seen), expected, "{known:?} {client:?} {server:?}");
        };
        check(Next::Http, b"", b"", Next::NeedMore);
        check(Next::Http, b"\0raw", b"", Next::Http);
        check(Next::Http, b"", b"220 hi", Next::NeedMore);
        check(Next::Http, b"\x16\x03\x01\x02", b"", Next::Tls);
        check(Next::Raw, b"", b"", Next::NeedMore);
        check(Next::Raw, b"GET / HTTP/1.1\r\n", b"", Next::Raw);
        check(Next::Raw, b"", b"220 hi", Next::Raw);
        check(Next::Raw, b"\x16\x03\x03", b"", Next::Tls);
    }

    #[test]
    fn options_and_alpn_decide_before_bytes() {
        let raw = Seen {
            client: b"GET / HTTP/1.1",
            is_tcp_host: true,
            rawtcp: true,
            ..Seen::default()
        };
        assert_eq!(next(&raw), Next::Raw);
        let http = Seen {
            client: b"\0\0\0",
            rawtcp: false,
            ..Seen::default()
        };
        assert_eq!(next(&http), Next::Http);
        let alpn = Seen {
            client: b"",
            alpn: Some(b"http/1.1"),
            rawtcp: true,
            ..Seen::default()
        };
        assert_eq!(next(&alpn), Next::Http);
        let dns = Seen {
            client: b"\0\x20xx",
            port: 53,
            rawtcp: true,
            ..Seen::default()
        };
        assert_eq!(next(&dns), Next::Dns);
    }
}
