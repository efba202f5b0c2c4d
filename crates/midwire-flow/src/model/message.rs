//! Requests and responses as flows hold them.

use std::borrow::Cow;

use bytes::Bytes;
use midwire_wire::{Fields, Version};

use super::content::Content;
use super::number::Number;

/// The request of an HTTP flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Destination host, not taken from the header section.
    pub host: String,
    /// Destination port.
    pub port: u16,
    /// Method, case kept.
    pub method: Bytes,
    /// `http`, `https`, or empty for CONNECT.
    pub scheme: Bytes,
    /// Authority of CONNECT, of an absolute-form target or of HTTP/2 and 3; empty otherwise.
    pub authority: Bytes,
    /// Path with query; `*` for an asterisk-form target; empty for CONNECT.
    pub path: Bytes,
    /// `HTTP/1.1` and the like.
    pub version: Bytes,
    /// Header section.
    pub fields: Fields,
    /// Content.
    pub content: Content,
    /// Trailer section.
    pub trailers: Option<Fields>,
    /// When the first byte came.
    pub timestamp_start: Number,
    /// When the last byte came.
    pub timestamp_end: Option<Number>,
}

/// The response of an HTTP flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// `HTTP/1.1` and the like.
    pub version: Bytes,
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub reason: Bytes,
    /// Header section.
    pub fields: Fields,
    /// Content.
    pub content: Content,
    /// Trailer section.
    pub trailers: Option<Fields>,
    /// When the first byte came.
    pub timestamp_start: Number,
    /// When the last byte came.
    pub timestamp_end: Option<Number>,
}

impl Request {
    /// The request URL by its destination; `host:port` for CONNECT.
    pub fn url(&self) -> String {
        self.url_with(&self.host, Some(self.port))
    }

    /// The request URL as the client meant it: with the host of the Host field or authority, if there is one.
    pub fn pretty_url(&self) -> String {
        if self.path.is_empty() && self.method.eq_ignore_ascii_case(b"CONNECT") {
            return self.url();
        }
        let Some(host_header) = self.host_header() else {
            return self.url();
        };
        let (host, port) = split_host_port(&host_header);
        // A Host field without a port stands for the default port only if the destination uses it too.
        let port = port.or_else(|| {
            if self.port == default_port(&self.scheme) {
                None
            } else {
                Some(self.port)
            }
        });
        let host = host.to_owned();
        self.url_with(&host, port.or(Some(default_port(&self.scheme))))
    }

    /// The host of the Host field or authority without its port, else the destination host.
    pub fn pretty_host(&self) -> Cow<'_, str> {
        match self.host_header() {
            Some(host_header) => Cow::Owned(split_host_port(&host_header).0.to_owned()),
            None => Cow::Borrowed(&self.host),
        }
    }

    /// The Host field, or in HTTP/2 and 3 the authority (RFC 9113 §8.3.1).
    pub fn host_header(&self) -> Option<Cow<'_, str>> {
        let field = || self.fields.get("host").map(String::from_utf8_lossy);
        if self.version.starts_with(b"HTTP/1") {
            return field();
        }
        if self.authority.is_empty() {
            field()
        } else {
            Some(String::from_utf8_lossy(&self.authority))
        }
    }

    /// The protocol version, if it is one that we speak.
    pub fn protocol(&self) -> Option<Version> {
        parse_version(&self.version)
    }

    fn url_with(&self, host: &str, port: Option<u16>) -> String {
        let bracketed = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        if self.path.is_empty() && self.method.eq_ignore_ascii_case(b"CONNECT") {
            return format!("{bracketed}:{}", self.port);
        }
        let scheme = String::from_utf8_lossy(&self.scheme);
        let path = String::from_utf8_lossy(&self.path);
        let path = if path == "*" { Cow::Borrowed("") } else { path };
        match port {
            Some(port) if port != default_port(&self.scheme) => {
                format!("{scheme}://{bracketed}:{port}{path}")
            }
            _ => format!("{scheme}://{bracketed}{path}"),
        }
    }
}

impl Response {
    /// The protocol version, if it is one that we speak.
    pub fn protocol(&self) -> Option<Version> {
        parse_version(&self.version)
    }
}

fn parse_version(text: &[u8]) -> Option<Version> {
    Some(match text {
        b"HTTP/1.0" => Version::Http10,
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/2.0" | b"HTTP/2" => Version::Http2,
        b"HTTP/3" => Version::Http3,
        _ => return None,
    })
}

/// The default port of a scheme: 443 for `https`, else 80.
pub(crate) fn default_port(scheme: &[u8]) -> u16 {
    if scheme.eq_ignore_ascii_case(b"https") {
        443
    } else {
        80
    }
}

/// Splits `host[:port]`, brackets of an IPv6 literal removed.
pub(crate) fn split_host_port(text: &str) -> (&str, Option<u16>) {
    if let Some(rest) = text.strip_prefix('[')
        && let Some((host, after)) = rest.split_once(']')
    {
        return (host, after.strip_prefix(':').and_then(|p| p.parse().ok()));
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        _ => (text, None),
    }
}
