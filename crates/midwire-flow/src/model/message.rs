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
    ///
    /// As in mitmproxy, an IPv6 host stands without brackets and `*` as empty path.
    pub fn url(&self) -> String {
        if self.is_connect() {
            let mut authority = String::with_capacity(self.host.len() + 8);
            push_host(&mut authority, &self.host);
            authority.push(':');
            authority.push_str(itoa::Buffer::new().format(self.port));
            return authority;
        }
        self.url_with(&self.host, Some(self.port))
    }

    /// The request URL as the client meant it: with the host of the Host field or authority, if there is one.
    /// The authority for CONNECT.
    pub fn pretty_url(&self) -> String {
        if self.is_connect() {
            return String::from_utf8_lossy(&self.authority).into_owned();
        }
        match self.host_header().filter(|host| !host.is_empty()) {
            None => self.url(),
            Some(host_header) => {
                let (host, port) = split_host_port(&host_header);
                self.url_with(host, port.filter(|port| *port != 0))
            }
        }
    }

    /// The host of the Host field or authority without its port, else the destination host.
    pub fn pretty_host(&self) -> Cow<'_, str> {
        match self.host_header().filter(|host| !host.is_empty()) {
            None => Cow::Borrowed(&self.host),
            Some(Cow::Borrowed(host_header)) => Cow::Borrowed(split_host_port(host_header).0),
            Some(Cow::Owned(host_header)) => Cow::Owned(split_host_port(&host_header).0.to_owned()),
        }
    }

    /// The Host field, in HTTP/2 and 3 rather the authority (RFC 9113 §8.3.1).
    pub fn host_header(&self) -> Option<Cow<'_, str>> {
        let has_authority = matches!(&self.version[..], b"HTTP/2.0" | b"HTTP/3");
        if has_authority && !self.authority.is_empty() {
            return Some(String::from_utf8_lossy(&self.authority));
        }
        Some(match self.fields.get_folded("host")? {
            Cow::Borrowed(host) => String::from_utf8_lossy(host),
            Cow::Owned(hosts) => Cow::Owned(String::from_utf8_lossy(&hosts).into_owned()),
        })
    }

    /// The protocol version, if it is one that we speak.
    pub fn protocol(&self) -> Option<Version> {
        parse_version(&self.version)
    }

    fn is_connect(&self) -> bool {
        self.method.eq_ignore_ascii_case(b"CONNECT")
    }

    /// Without a port, the default of the scheme is meant, which for an unknown scheme is 443 and then spelled out.
    fn url_with(&self, host: &str, port: Option<u16>) -> String {
        let known = matches!(&self.scheme[..], b"http" | b"https");
        let default = known.then(|| default_port(&self.scheme));
        let scheme = String::from_utf8_lossy(&self.scheme);
        let path = match &self.path[..] {
            b"*" => Cow::Borrowed(""),
            path => String::from_utf8_lossy(path),
        };
        // Filters make one per flow: reserve once.
        let mut url = String::with_capacity(scheme.len() + host.len() + path.len() + 9);
        url.push_str(&scheme);
        url.push_str("://");
        push_host(&mut url, host);
        let port = port.or(default).unwrap_or(443);
        if default != Some(port) {
            url.push(':');
            url.push_str(itoa::Buffer::new().format(port));
        }
        url.push_str(&path);
        url
    }
}

/// An IPv6 literal gets its brackets (RFC 3986 §3.2.2).
fn push_host(to: &mut String, host: &str) {
    if host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_ok() {
        to.push('[');
        to.push_str(host);
        to.push(']');
    } else {
        to.push_str(host);
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

/// Splits `host[:port]`, brackets of an IPv6 literal removed. What has not that form is all host.
pub(crate) fn split_host_port(text: &str) -> (&str, Option<u16>) {
    let whole = (text, None);
    let literal = text.strip_prefix('[').and_then(|rest| rest.find(']'));
    let host_end = match (literal, text.find(':')) {
        (Some(len), _) if len > 0 => len + 2,
        // A colon in front leaves no host.
        (_, Some(0)) => return whole,
        (_, Some(colon)) => colon,
        (_, None) => text.len(),
    };
    let Some((host, rest)) = text.split_at_checked(host_end) else {
        return whole;
    };
    let port = match rest.strip_prefix(':') {
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => match port.parse() {
            Ok(port) => Some(port),
            Err(_) => return whole,
        },
        None if rest.is_empty() => None,
        _ => return whole,
    };
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    (bare.filter(|h| !h.is_empty()).unwrap_or(host), port)
}

#[cfg(test)]
mod tests;
