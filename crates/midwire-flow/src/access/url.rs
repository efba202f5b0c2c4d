//! URLs and their parts, with the quoting rules of Python's urllib, which scripts know.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::Pairs;
use crate::model::message::{default_port, split_host_port};

/// What RFC 3986 §2.3 calls unreserved stays as it is.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
const QUOTED_IN_PATH: &AsciiSet = &QUOTED.remove(b'/');

/// A URL in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Scheme, lower case.
    pub scheme: String,
    /// Host, lower case, without brackets.
    pub host: String,
    /// Port, that of the scheme if none is given.
    pub port: u16,
    /// Path, query and fragment, at least `/`.
    pub path: String,
}

/// Why a URL cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// There is no host.
    #[error("No hostname given")]
    NoHost,
    /// The host is neither a name nor an address.
    #[error("Invalid Host")]
    InvalidHost,
    /// The port is not a number up to 65535.
    #[error("Port could not be cast to integer value")]
    InvalidPort,
    /// A character that must be written in percent-encoding or Punycode.
    #[error("URL has characters beyond ASCII")]
    NotAscii,
}

/// Splits an absolute URL. User information is dropped.
pub fn parse(url: &str) -> Result<Url, UrlError> {
    if !url.is_ascii() {
        return Err(UrlError::NotAscii);
    }
    let (scheme, rest) = url.split_once("//").ok_or(UrlError::NoHost)?;
    let scheme = match scheme.strip_suffix(':') {
        Some(scheme) if is_scheme(scheme) => scheme.to_ascii_lowercase(),
        None if scheme.is_empty() => String::new(),
        _ => return Err(UrlError::NoHost),
    };
    let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(at).ok_or(UrlError::NoHost)?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, a)| a);
    let (host, port) = split_authority(authority)?;
    let host = host.to_ascii_lowercase();
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    if !is_valid_host(&host) {
        return Err(UrlError::InvalidHost);
    }
    let port = port.unwrap_or_else(|| default_port(scheme.as_bytes()));
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    Ok(Url {
        scheme,
        host,
        port,
        path,
    })
}

/// Joins the parts of a URL; the default port is left out.
pub fn unparse(scheme: &str, host: &str, port: u16, path: &str) -> String {
    let authority = host_port(scheme, host, port);
    let path = if path == "*" { "" } else { path };
    format!("{scheme}://{authority}{path}")
}

/// `host` or `host:port`, without the default port of the scheme, with brackets around an IPv6 address.
pub fn host_port(scheme: &str, host: &str, port: u16) -> String {
    let host = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let default = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    if default == Some(port) {
        host
    } else {
        format!("{host}:{port}")
    }
}

/// Splits `host[:port]`; what has no good port or brackets is a host as a whole.
pub fn parse_authority(authority: &str) -> (String, Option<u16>) {
    let (host, port) = split_host_port(authority);
    (host.to_owned(), port)
}

/// True for a DNS name of letters, digits, `-` and `_`, and for an IP address.
pub fn is_valid_host(host: &str) -> bool {
    if host.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.len() <= 255 && name.split('.').all(is_label)
}

/// Percent-encodes all but letters, digits, `-_.~` and `/`.
pub fn quote(bytes: impl AsRef<[u8]>) -> String {
    percent_encode(bytes.as_ref(), QUOTED_IN_PATH).to_string()
}

/// Percent-encodes all but letters, digits and `-_.~`.
pub fn quote_all(bytes: impl AsRef<[u8]>) -> String {
    percent_encode(bytes.as_ref(), QUOTED).to_string()
}

/// Decodes percent-encoding; what is no such encoding stays.
pub fn unquote(text: impl AsRef<[u8]>) -> Vec<u8> {
    percent_encoding::percent_decode(text.as_ref()).collect()
}

/// Writes pairs as `application/x-www-form-urlencoded`.
///
/// Empty values lose their `=` if that is the style of `similar_to`, an earlier form of the same pairs.
pub fn encode_form<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = (N, V)>,
    similar_to: &[u8],
) -> String {
    let bare = fields_of(similar_to).any(|field| !field.contains(&b'='));
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(&quote_plus(name.as_ref()));
        if !(bare && value.as_ref().is_empty()) {
            out.push('=');
            out.push_str(&quote_plus(value.as_ref()));
        }
    }
    out
}

/// Reads `application/x-www-form-urlencoded` pairs; empty ones are skipped.
pub fn decode_form(form: &[u8]) -> Pairs {
    fields_of(form)
        .map(|field| {
            let at = memchr::memchr(b'=', field).unwrap_or(field.len());
            let (name, value) = field.split_at_checked(at).unwrap_or((field, b""));
            (
                unquote_plus(name),
                unquote_plus(value.strip_prefix(b"=").unwrap_or_default()),
            )
        })
        .collect()
}

fn fields_of(form: &[u8]) -> impl Iterator<Item = &[u8]> {
    form.split(|b| *b == b'&').filter(|field| !field.is_empty())
}

fn quote_plus(bytes: &[u8]) -> String {
    quote_all(bytes).replace("%20", "+")
}

fn unquote_plus(bytes: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = bytes
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    unquote(spaced)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn split_authority(authority: &str) -> Result<(&str, Option<u16>), UrlError> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(UrlError::InvalidHost)?;
        match after.strip_prefix(':') {
            Some(port) => (host, port),
            None if after.is_empty() => (host, ""),
            None => return Err(UrlError::InvalidHost),
        }
    } else {
        authority.split_once(':').unwrap_or((authority, ""))
    };
    if port.is_empty() {
        return Ok((host, None));
    }
    if !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err(UrlError::InvalidPort);
    }
    let number: u16 = port.parse().map_err(|_| UrlError::InvalidPort)?;
    // Port 0 stands for no port, as in the reference program.
    Ok((host, Some(number).filter(|n| *n != 0)))
}

/// A request target cut into its parts, each with its own delimiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// Up to the parameters of the last segment.
    pub(super) path: &'a [u8],
    /// From the first `;` of the last segment on (RFC 2396 §3.3).
    pub(super) parameters: &'a [u8],
    /// From `?` on.
    pub(super) query: &'a [u8],
    /// From `#` on.
    pub(super) fragment: &'a [u8],
}

impl<'a> Target<'a> {
    pub(super) fn split(target: &'a [u8]) -> Self {
        let (rest, fragment) = split_before(target, b'#', 0);
        let (rest, query) = split_before(rest, b'?', 0);
        let last = memchr::memrchr(b'/', rest).unwrap_or(0);
        let (path, parameters) = split_before(rest, b';', last);
        Self {
            path,
            parameters,
            query,
            fragment,
        }
    }
}

fn split_before(text: &[u8], stop: u8, from: usize) -> (&[u8], &[u8]) {
    let found = text.get(from..).and_then(|rest| memchr::memchr(stop, rest));
    let at = found.map_or(text.len(), |at| from + at);
    text.split_at_checked(at).unwrap_or((text, b""))
}
