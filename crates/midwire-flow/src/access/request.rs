//! Parts of a request.

use bytes::Bytes;
use midwire_wire::Fields;

use super::url::{self, Target, UrlError};
use super::{DECODE_LIMIT, HttpMessage as _, Pairs, content_type, cookies, multipart};
use crate::{Content, Number, Request};

const FORM: &str = "application/x-www-form-urlencoded";

impl Request {
    /// A request of our own for this URL. It has no Host field unless `fields` has one.
    ///
    /// # Errors
    /// Those of [`url::parse`].
    pub fn make(
        method: &str,
        url: &str,
        content: impl Into<Bytes>,
        fields: Fields,
    ) -> Result<Self, UrlError> {
        let mut request = Self {
            host: String::new(),
            port: 0,
            method: Bytes::copy_from_slice(method.as_bytes()),
            scheme: Bytes::new(),
            authority: Bytes::new(),
            path: Bytes::new(),
            version: Bytes::from_static(b"HTTP/1.1"),
            fields,
            content: Content::Missing,
            trailers: None,
            timestamp_start: Number::now(),
            timestamp_end: Some(Number::now()),
        };
        request.set_url(url)?;
        request.set_content(content);
        Ok(request)
    }

    /// Directs the request to another URL. A Host field and an authority follow.
    ///
    /// # Errors
    /// Those of [`url::parse`]; nothing is changed then.
    pub fn set_url(&mut self, url: &str) -> Result<(), UrlError> {
        let parts = url::parse(url)?;
        self.scheme = parts.scheme.into();
        self.host = parts.host;
        self.port = parts.port;
        self.path = parts.path.into();
        self.follow_destination();
        Ok(())
    }

    /// Sets the destination host. A Host field and an authority follow.
    pub fn set_host(&mut self, host: &str) {
        host.clone_into(&mut self.host);
        self.follow_destination();
    }

    /// Sets the destination port. A Host field and an authority follow.
    pub fn set_port(&mut self, port: u16) {
        self.port = port;
        self.follow_destination();
    }

    /// Sets the Host field, in HTTP/2 and 3 the authority and only an existing Host field; `None` removes them.
    pub fn set_host_header(&mut self, value: Option<&str>) {
        let by_authority =
            self.version.starts_with(b"HTTP/2") || self.version.starts_with(b"HTTP/3");
        let Some(value) = value else {
            self.fields.remove("host");
            if by_authority {
                self.authority = Bytes::new();
            }
            return;
        };
        if by_authority {
            self.authority = Bytes::copy_from_slice(value.as_bytes());
        }
        if !by_authority || self.fields.contains("host") {
            self.fields.set("Host", value.to_owned());
        }
    }

    fn follow_destination(&mut self) {
        let scheme = String::from_utf8_lossy(&self.scheme);
        let host_port = url::host_port(&scheme, &self.host, self.port);
        if self.fields.contains("host") {
            self.fields.set("host", host_port.clone());
        }
        if !self.authority.is_empty() {
            self.authority = host_port.into();
        }
    }

    /// The pairs of the query, decoded.
    pub fn query(&self) -> Pairs {
        let target = Target::split(&self.path);
        url::decode_form(target.query.strip_prefix(b"?").unwrap_or_default())
    }

    /// Replaces the query; without pairs there is none any more.
    pub fn set_query<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) {
        let query = url::encode_form(pairs, b"");
        let target = Target::split(&self.path);
        let asterisk = target.path == b"*";
        if asterisk && query.is_empty() {
            return;
        }
        let path = if asterisk { b"/" } else { target.path };
        let mark: &[u8] = if query.is_empty() { b"" } else { b"?" };
        let whole = [
            path,
            target.parameters,
            mark,
            query.as_bytes(),
            target.fragment,
        ]
        .concat();
        self.path = whole.into();
    }

    /// The segments of the path, decoded; empty ones are left out.
    pub fn path_components(&self) -> Vec<Vec<u8>> {
        let target = Target::split(&self.path);
        if target.path == b"*" {
            return Vec::new();
        }
        target
            .path
            .split(|b| *b == b'/')
            .filter(|segment| !segment.is_empty())
            .map(url::unquote)
            .collect()
    }

    /// Replaces the path; parameters, query and fragment stay.
    pub fn set_path_components<S: AsRef<[u8]>>(&mut self, components: impl IntoIterator<Item = S>) {
        let components: Vec<String> = components.into_iter().map(url::quote_all).collect();
        let path = format!("/{}", components.join("/"));
        let target = Target::split(&self.path);
        let rest = [target.parameters, target.query, target.fragment].concat();
        self.path = [path.as_bytes(), &rest].concat().into();
    }

    /// The cookies of all Cookie fields.
    pub fn cookies(&self) -> Pairs {
        self.fields
            .get_all("cookie")
            .flat_map(cookies::parse_cookie)
            .collect()
    }

    /// Replaces all cookies by one Cookie field; without pairs there is none any more.
    pub fn set_cookies<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) {
        let value = cookies::format_cookie(pairs);
        if value.is_empty() {
            self.fields.remove("cookie");
        } else {
            self.fields.set("cookie", value);
        }
    }

    /// The pairs of a URL-encoded form; empty if the content is none.
    pub fn urlencoded_form(&self, limit: usize) -> Pairs {
        if !self.content_type().to_ascii_lowercase().contains(FORM) {
            return Pairs::new();
        }
        let content = self.decoded_or_raw(limit).unwrap_or_default();
        url::decode_form(&content)
    }

    /// Replaces the content by a URL-encoded form.
    pub fn set_urlencoded_form<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) {
        let old = self.decoded_or_raw(DECODE_LIMIT).unwrap_or_default();
        let form = url::encode_form(pairs, &old);
        self.fields.set("content-type", FORM);
        self.set_content(form);
    }

    /// The pairs of a multipart form; empty if the content is none.
    pub fn multipart_form(&self, limit: usize) -> Pairs {
        if !self.is_multipart() {
            return Pairs::new();
        }
        let content = self.decoded_or_raw(limit).unwrap_or_default();
        multipart::decode(&self.content_type(), &content)
    }

    /// Replaces the content by a multipart form. The boundary stays if there is one and no value contains it.
    pub fn set_multipart_form<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) {
        let pairs: Vec<(N, V)> = pairs.into_iter().collect();
        let by_ref = || pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref()));
        let present = multipart::boundary(&self.content_type()).filter(|_| self.is_multipart());
        if let Some(body) = present.and_then(|boundary| multipart::encode(by_ref(), &boundary)) {
            self.set_content(body);
            return;
        }
        let boundary = multipart::random_boundary();
        let Some(body) = multipart::encode(by_ref(), boundary.as_bytes()) else {
            return;
        };
        let value = match content_type::parse(&self.content_type()).filter(|_| self.is_multipart())
        {
            Some(mut parsed) => {
                parsed.set("boundary", &boundary);
                parsed.to_string()
            }
            None => format!("multipart/form-data; boundary={boundary}"),
        };
        self.fields.set("content-type", value);
        self.set_content(body);
    }

    fn is_multipart(&self) -> bool {
        self.content_type()
            .to_ascii_lowercase()
            .contains("multipart")
    }

    /// Removes the fields that allow the server to answer 304.
    pub fn anticache(&mut self) {
        self.fields.remove("if-modified-since");
        self.fields.remove("if-none-match");
    }

    /// Asks the server not to compress.
    pub fn anticomp(&mut self) {
        self.fields.set("accept-encoding", "identity");
    }

    /// Keeps only those codings in Accept-Encoding that we can decode.
    pub fn constrain_encoding(&mut self) {
        const KNOWN: [&str; 5] = ["gzip", "identity", "deflate", "br", "zstd"];
        let Some(value) = self.fields.get_folded("accept-encoding") else {
            return;
        };
        let value = String::from_utf8_lossy(&value).to_ascii_lowercase();
        let mut kept: Vec<&str> = Vec::new();
        for member in value.split(',') {
            let (coding, weight) = member.split_once(';').unwrap_or((member, ""));
            let Some(known) = KNOWN.iter().find(|k| **k == coding.trim()) else {
                continue;
            };
            if !is_zero(weight) && !kept.contains(known) {
                kept.push(known);
            }
        }
        let kept = kept.join(", ");
        self.fields.set("accept-encoding", kept);
    }
}

/// True for `q=0`, which excludes a coding (RFC 9110 §12.4.2).
fn is_zero(weight: &str) -> bool {
    weight
        .trim()
        .strip_prefix("q=")
        .and_then(|q| q.trim().parse::<f32>().ok())
        .is_some_and(|q| q == 0.0)
}
