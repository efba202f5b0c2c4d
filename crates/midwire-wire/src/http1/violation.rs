//! What a peer can do wrong in HTTP/1.

use std::fmt;

/// Why a message is refused. The text is one line for the log, the flow and the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// CR without LF (RFC 9112 §2.2).
    #[error("bare CR in a line")]
    BareCr,
    /// NUL in a head or trailer section.
    #[error("NUL byte in a line")]
    Nul,
    /// More than eight empty lines before a request.
    #[error("too many empty lines before the request line")]
    EmptyLines,

    /// A method that is no token, or no request at all.
    #[error("invalid method: {0}")]
    Method(Shown),
    /// Not three parts.
    #[error("invalid request line: {0}")]
    RequestLine(Shown),
    /// Control bytes in the target, or a form that the method does not have (RFC 9112 §3.2).
    #[error("invalid request target: {0}")]
    Target(Shown),
    /// An absolute target whose authority is not `host[:port]`.
    #[error("invalid host in request target: {0}")]
    TargetHost(Shown),
    /// A version that is not 1.x.
    #[error("unsupported version: {0}")]
    Version(Shown),
    /// The request line above the size limit.
    #[error("request line larger than {limit} bytes")]
    RequestLineSize {
        /// The limit in bytes.
        limit: usize,
    },
    /// Not `HTTP/1.[01] SP 3DIGIT [SP reason]`, or a status code outside 100 to 599.
    #[error("invalid status line: {0}")]
    StatusLine(Shown),

    /// The head above the size limit.
    #[error("header section larger than {limit} bytes")]
    HeadSize {
        /// The limit in bytes.
        limit: usize,
    },
    /// Too many field lines in the head.
    #[error("more than {limit} header fields")]
    HeadCount {
        /// The limit.
        limit: usize,
    },
    /// A name that is not a token.
    #[error("invalid header name: {0}")]
    FieldName(Shown),
    /// An empty name, one with control bytes, or one that a forgiving reader takes for a field of framing.
    #[error("invalid header name: {0}")]
    MisleadingName(Shown),
    /// White space between name and colon.
    #[error("white space before the colon of header {0}")]
    BlankBeforeColon(Shown),
    /// A field line without a colon.
    #[error("header without colon: {0}")]
    NoColon(Shown),
    /// White space in front of the first field line.
    #[error("white space before the first header")]
    LeadingBlank,
    /// A folded line (RFC 9112 §5.2).
    #[error("folded header: {0}")]
    Fold(Shown),
    /// A folded line of a field that framing or routing depends on.
    #[error("folded header: {0}")]
    FramingFold(Shown),

    /// Two kinds of framing in one message.
    #[error("message with both transfer-encoding and content-length headers")]
    LengthAndCoding,
    /// Transfer-Encoding more than once.
    #[error("multiple transfer-encoding headers: {0}")]
    Codings(Shown),
    /// Content-Length more than once or as a list, with differing values.
    #[error("multiple content-length headers: {0}")]
    Lengths(Shown),
    /// Content-Length more than once or as a list, with equal values.
    #[error("multiple content-length headers: {0}")]
    EqualLengths(Shown),
    /// Content-Length that is no number, or too large a one.
    #[error("invalid content-length header: {0}")]
    Length(Shown),
    /// Transfer-Encoding with something that is not a plain list of codings, or with `chunked` out of place.
    #[error("invalid transfer-encoding header: {0}")]
    Coding(Shown),
    /// Transfer-Encoding with a coding that is not known, in front of `chunked`.
    #[error("unknown transfer-encoding header: {0}")]
    UnknownCoding(Shown),
    /// Transfer-Encoding that does not end with `chunked`.
    #[error("unexpected HTTP transfer-encoding {0} that does not end in chunked")]
    NotChunked(Shown),
    /// Transfer-Encoding in HTTP/1.0.
    #[error("unexpected HTTP transfer-encoding {0} for HTTP/1.0")]
    CodingInHttp10(Shown),
    /// Transfer-Encoding in a response that has no body.
    #[error("unexpected HTTP transfer-encoding {coding} for response with status code {status}")]
    CodingForStatus {
        /// The value.
        coding: Shown,
        /// The status code.
        status: u16,
    },

    /// Host more than once.
    #[error("multiple host headers")]
    Hosts,
    /// Host that is not `host[:port]`.
    #[error("invalid host header: {0}")]
    Host(Shown),
    /// No Host in HTTP/1.1 and no host in the target.
    #[error("missing host header")]
    NoHost,
    /// Expect with anything but `100-continue`.
    #[error("unknown expectation: {0}")]
    Expectation(Shown),

    /// A chunk size that is not 1 to 16 hex digits, or too large a number.
    #[error("invalid chunk size")]
    ChunkSize,
    /// A chunk line, or the data of a chunk, that does not end with CRLF where it should.
    #[error("chunk not ended by CRLF")]
    ChunkEnd,
    /// Chunk extensions above their limit.
    #[error("chunk extensions too large")]
    ChunkExtensions,
    /// The trailer section above the size limit.
    #[error("trailer section larger than {limit} bytes")]
    TrailerSize {
        /// The limit in bytes.
        limit: usize,
    },
    /// Too many trailer fields.
    #[error("more than {limit} trailer fields")]
    TrailerCount {
        /// The limit.
        limit: usize,
    },
    /// The connection ended inside a body.
    #[error("connection closed before the end of the body")]
    Cut,
}

impl Violation {
    /// Status code of the answer to a request with this fault; a response with it becomes 502.
    pub fn status(&self) -> u16 {
        match self {
            Self::RequestLineSize { .. } => 414,
            Self::Expectation(_) => 417,
            Self::HeadSize { .. } | Self::HeadCount { .. } => 431,
            Self::Version(_) => 505,
            _ => 400,
        }
    }

    /// True when the head would have passed this check with [`super::Validation::Lenient`].
    pub fn is_optional(&self) -> bool {
        matches!(
            self,
            Self::FieldName(_)
                | Self::TargetHost(_)
                | Self::Fold(_)
                | Self::LengthAndCoding
                | Self::EqualLengths(_)
                | Self::UnknownCoding(_)
                | Self::CodingInHttp10(_)
                | Self::CodingForStatus { .. }
                | Self::Hosts
                | Self::Host(_)
        )
    }
}

/// Peer's bytes in printable form: quoted, escaped, cut after 100 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown(Box<str>);

impl Shown {
    pub(super) fn one(bytes: &[u8]) -> Self {
        let mut text = String::new();
        quote(bytes, &mut text);
        Self(text.into())
    }

    /// A list of values; those after the eighth are left out.
    pub(super) fn list<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut text = String::from("[");
        for (index, value) in values.take(9).enumerate() {
            if index > 0 {
                text.push_str(", ");
            }
            if index == 8 {
                text.push('…');
                break;
            }
            quote(value, &mut text);
        }
        text.push(']');
        Self(text.into())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes bytes as a Python bytes literal, the form that users of mitmproxy know.
fn quote(bytes: &[u8], out: &mut String) {
    const SHOWN: usize = 100;
    let mark = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    out.push('b');
    out.push(mark);
    for &byte in bytes.iter().take(SHOWN) {
        match byte {
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\\' => out.push_str("\\\\"),
            b'\'' if mark == '\'' => out.push_str("\\'"),
            0x20..=0x7e => out.push(char::from(byte)),
            _ => {
                out.push_str("\\x");
                out.extend(
                    [byte >> 4, byte & 15].map(|n| char::from(b"0123456789abcdef"[usize::from(n)])),
                );
            }
        }
    }
    out.push(mark);
    if bytes.len() > SHOWN {
        out.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::Shown;

    #[test]
    fn bytes_are_shown_escaped_and_cut() {
        assert_eq!(Shown::one(b"a b'").to_string(), "b\"a b'\"");
        assert_eq!(
            Shown::one(b"'\"\xa0\x1b\\").to_string(),
            r#"b'\'"\xa0\x1b\\'"#
        );
        assert_eq!(Shown::one(&[b'x'; 1000]).to_string().chars().count(), 104);
        let many = [&b"1"[..]; 20];
        assert!(
            Shown::list(many.into_iter())
                .to_string()
                .ends_with("b'1', …]")
        );
        assert_eq!(
            Shown::list(many.into_iter().take(2)).to_string(),
            "[b'1', b'1']"
        );
    }
}
