//! Between the header map of the `http` crate and field sections.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, uri};
use midwire_core::options::Options;
use midwire_flow::Request;
use midwire_wire::{Fields, ResponseHead, Version};

use super::super::message;
use super::order::{self, Orders};

/// A message that cannot be expressed in HTTP/2.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConvertError {
    /// The method.
    #[error("method cannot be sent in HTTP/2")]
    Method,
    /// Scheme, authority or path.
    #[error("target cannot be sent in HTTP/2: {0}")]
    Target(String),
    /// A field.
    #[error("field cannot be sent in HTTP/2: {0}")]
    Field(String),
    /// The status.
    #[error("status {0} cannot be sent in HTTP/2")]
    Status(u16),
}

/// Fields of the connection, which HTTP/2 does not have (RFC 9113 §8.2.2).
const FORBIDDEN: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// The fields of a header or trailer section; cookie fields are joined (RFC 9113 §8.2.3).
pub(super) fn fields(map: &HeaderMap, (orders, stream): (&Orders, u32)) -> Fields {
    let lines = map
        .iter()
        .map(|(name, value)| {
            (
                Bytes::copy_from_slice(name.as_str().as_bytes()),
                Bytes::copy_from_slice(value.as_bytes()),
            )
        })
        .collect();
    let mut pairs: Vec<(Bytes, Bytes)> = Vec::with_capacity(map.len());
    let mut cookie: Option<usize> = None;
    for (name, value) in orders.restore(stream, lines) {
        if name == "cookie" {
            if let Some((_, joined)) = cookie.and_then(|at| pairs.get_mut(at)) {
                *joined = Bytes::from([joined, &b"; "[..], &value].concat());
                continue;
            }
            cookie = Some(pairs.len());
        }
        pairs.push((name, value));
    }
    Fields::from_pairs(pairs)
}

/// What becomes of capitals in names (option `normalize_outbound_headers`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// They are lowered.
    Lowered,
    /// Those of a message that is HTTP/2 itself are sent as they are.
    AsSet,
}

impl Names {
    /// What the options want.
    pub(super) fn of(options: &Options) -> Self {
        if options.normalize_outbound_headers {
            Self::Lowered
        } else {
            Self::AsSet
        }
    }

    /// For a message of this version. Says which names are lowered that an addon has set with capitals.
    pub(super) fn within(self, fields: &Fields, version: Option<Version>) -> Self {
        if !is_own(version) {
            return Self::Lowered;
        }
        if self == Self::Lowered {
            note_capitals(fields);
        }
        self
    }
}

/// The header map for a section. What belongs to an HTTP/1 connection is left out.
pub(super) fn header_map(fields: &Fields, names: Names) -> Result<HeaderMap, ConvertError> {
    let named: Vec<&[u8]> = fields
        .get_all("connection")
        .flat_map(|value| value.split(|b| *b == b','))
        .map(<[u8]>::trim_ascii)
        .collect();
    let mut lines: Vec<(Bytes, Bytes)> = Vec::new();
    let mut capitals: Vec<(usize, Bytes)> = Vec::new();
    let as_set = names == Names::AsSet && has_capitals(fields);
    let repeats = as_set || repeats_a_name(fields);
    let mut map = HeaderMap::with_capacity(fields.len() + 1);
    for (name, value) in fields.iter() {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        let hop = FORBIDDEN.into_iter().any(is)
            || named
                .iter()
                .any(|option| option.eq_ignore_ascii_case(name) && !is("te"))
            || is(order::MARK)
            || (is("te") && !value.eq_ignore_ascii_case(b"trailers"));
        if hop {
            continue;
        }
        let bad = || ConvertError::Field(String::from_utf8_lossy(name).into_owned());
        let key = HeaderName::from_bytes(name).map_err(|_| bad())?;
        let value = HeaderValue::from_bytes(value.trim_ascii()).map_err(|_| bad())?;
        if as_set && name.iter().any(u8::is_ascii_uppercase) {
            capitals.push((lines.len(), Bytes::copy_from_slice(name)));
        }
        if repeats {
            lines.push((
                Bytes::copy_from_slice(key.as_str().as_bytes()),
                Bytes::copy_from_slice(value.as_bytes()),
            ));
        }
        map.try_append(key, value).map_err(|_| bad())?;
    }
    if let Some(mark) = order::mark(&lines, &capitals) {
        let mut mark =
            HeaderValue::try_from(mark).map_err(|_| ConvertError::Field(order::MARK.to_owned()))?;
        mark.set_sensitive(true);
        for value in map.values_mut() {
            value.set_sensitive(true);
        }
        map.insert(HeaderName::from_static(order::MARK), mark);
    }
    Ok(map)
}

/// True if a name comes again after another one.
fn repeats_a_name(fields: &Fields) -> bool {
    let mut seen = std::collections::HashSet::with_capacity(fields.len());
    let mut last: &[u8] = b"";
    fields.iter().any(|(name, _)| {
        let again = !seen.insert(name.to_ascii_lowercase()) && !name.eq_ignore_ascii_case(last);
        last = name;
        again
    })
}

/// The request of a flow with these fields, without its content.
pub(super) fn request(
    request: &Request,
    mut fields: Fields,
    names: Names,
) -> Result<http::Request<()>, ConvertError> {
    fields.remove("proxy-authorization");
    let authority = message::authority_of(request);
    if is_own(request.protocol()) {
        if fields.get("host").is_some_and(|host| host != authority) {
            fields.set("host", authority.clone());
        }
    } else {
        fields.remove("host");
    }
    let bad = |what: &[u8]| ConvertError::Target(String::from_utf8_lossy(what).into_owned());
    let path = if request.path.is_empty() {
        Bytes::from_static(b"/")
    } else {
        request.path.clone()
    };
    let mut parts = uri::Parts::default();
    parts.scheme =
        Some(uri::Scheme::try_from(&request.scheme[..]).map_err(|_| bad(&request.scheme))?);
    parts.authority = Some(uri::Authority::try_from(&authority[..]).map_err(|_| bad(&authority))?);
    parts.path_and_query =
        Some(uri::PathAndQuery::from_maybe_shared(path.clone()).map_err(|_| bad(&path))?);
    let mut out = http::Request::new(());
    *out.method_mut() =
        http::Method::from_bytes(&request.method).map_err(|_| ConvertError::Method)?;
    *out.uri_mut() = Uri::from_parts(parts).map_err(|_| bad(&path))?;
    *out.version_mut() = http::Version::HTTP_2;
    let names = names.within(&fields, request.protocol());
    *out.headers_mut() = header_map(&fields, names)?;
    Ok(out)
}

/// A response head.
pub(super) fn response(
    head: &ResponseHead,
    names: Names,
) -> Result<http::Response<()>, ConvertError> {
    let mut out = http::Response::new(());
    *out.status_mut() =
        http::StatusCode::from_u16(head.status).map_err(|_| ConvertError::Status(head.status))?;
    *out.version_mut() = http::Version::HTTP_2;
    let names = names.within(&head.fields, Some(head.version));
    *out.headers_mut() = header_map(&head.fields, names)?;
    Ok(out)
}

/// A response head that came from a server.
pub(super) fn response_head<T>(
    response: &http::Response<T>,
    order: (&Orders, u32),
) -> ResponseHead {
    ResponseHead {
        version: Version::Http2,
        status: response.status().as_u16(),
        reason: Bytes::new(),
        fields: fields(response.headers(), order),
    }
}

/// Says which names of an HTTP/2 message are lowered: an addon has set them with capitals.
fn note_capitals(fields: &Fields) {
    for (name, _) in fields.iter() {
        if name.iter().any(u8::is_ascii_uppercase) {
            let name = name.escape_ascii();
            tracing::info!("Lowercased '{name}' header as uppercase is not allowed with HTTP/2.");
        }
    }
}

fn has_capitals(fields: &Fields) -> bool {
    fields
        .iter()
        .any(|(name, _)| name.iter().any(u8::is_ascii_uppercase))
}

fn is_own(version: Option<Version>) -> bool {
    version.is_some_and(|version| !version.is_http1())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_an_http1_connection_are_left_out() {
        let fields = Fields::from_pairs([
            ("X-One", "1"),
            ("Connection", "close, X-Hop"),
            ("x-hop", "gone"),
            ("Transfer-Encoding", "chunked"),
            ("Keep-Alive", "5"),
            ("TE", "trailers"),
            ("te", "gzip"),
            ("x-pad", " v "),
        ]);
        let map = header_map(&fields, Names::Lowered).unwrap();
        let all: Vec<(&str, &[u8])> = map
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_bytes()))
            .collect();
        assert_eq!(
            all,
            [("x-one", &b"1"[..]), ("te", b"trailers"), ("x-pad", b"v")]
        );
    }

    #[test]
    fn cookies_are_joined_at_the_place_of_the_first() {
        let mut map = HeaderMap::new();
        for (name, value) in [("a", "1"), ("cookie", "x=1"), ("b", "2"), ("cookie", "y=2")] {
            map.append(name, HeaderValue::from_static(value));
        }
        let joined = fields(&map, (&Orders::default(), 1));
        let all: Vec<_> = joined.iter().collect();
        assert_eq!(
            all,
            [
                (&b"a"[..], &b"1"[..]),
                (b"cookie", b"x=1; y=2"),
                (b"b", b"2")
            ]
        );
    }

    #[test]
    fn control_bytes_are_refused() {
        for value in ["a\0b", "a\rb", "a\nb"] {
            let fields = Fields::from_pairs([("x", value)]);
            assert!(header_map(&fields, Names::Lowered).is_err(), "{value:?}");
        }
    }
}
