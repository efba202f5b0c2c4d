//! Control data of HTTP messages, the same for every protocol version (RFC 9110 §6.2).

use bytes::Bytes;

use crate::Fields;

/// Protocol version of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2,
    /// HTTP/3
    Http3,
}

impl Version {
    /// The text that flow files and mitmproxy's scripts use: `HTTP/1.1`, `HTTP/2.0`, `HTTP/3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
            Version::Http2 => "HTTP/2.0",
            Version::Http3 => "HTTP/3",
        }
    }

    /// True for HTTP/1.0 and HTTP/1.1.
    pub fn is_http1(self) -> bool {
        matches!(self, Version::Http10 | Version::Http11)
    }
}

/// Form of a request target (RFC 9112 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// `/path?query`
    Origin,
    /// `http://host/path`
    Absolute,
    /// `host:port`, CONNECT only
    Authority,
    /// `*`, OPTIONS only
    Asterisk,
}

/// Control data and header section of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Method as sent, case kept.
    pub method: Bytes,
    /// Target as sent.
    pub target: Bytes,
    /// Form of the target.
    pub form: TargetForm,
    /// Version of the message; HTTP/1.x with x > 1 counts as 1.1.
    pub version: Version,
    /// Header section.
    pub fields: Fields,
}

/// Control data and header section of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// Version of the message.
    pub version: Version,
    /// Status code, 100 to 599.
    pub status: u16,
    /// Reason phrase as sent; empty in HTTP/2 and 3.
    pub reason: Bytes,
    /// Header section.
    pub fields: Fields,
}
