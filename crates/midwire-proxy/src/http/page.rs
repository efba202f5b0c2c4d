//! Pages that midwire itself answers with (security.md §4).

use std::fmt::Write as _;

use bytes::Bytes;
use midwire_wire::http1::Framing;
use midwire_wire::{Fields, ResponseHead, Version};

use super::stream::Outbound;

/// Longest reason shown, in characters.
const REASON_MAX: usize = 1000;

/// Name and version for `Server` fields.
pub(crate) const SERVER: &str = concat!("midwire ", env!("CARGO_PKG_VERSION"));

/// An error page: its head and content.
pub(crate) fn error(status: u16, reason: &str) -> (ResponseHead, Bytes) {
    let phrase = phrase(status);
    let reason = escape(reason);
    let html = format!(
        "<html>\n<head><title>{status} {phrase}</title></head>\n<body>\n<h1>{status} {phrase}</h1>\n<p>{reason}</p>\n</body>\n</html>\n"
    );
    let fields = Fields::from_pairs([
        ("Server", Bytes::from_static(SERVER.as_bytes())),
        ("Connection", Bytes::from_static(b"close")),
        (
            "Content-Type",
            Bytes::from_static(b"text/html; charset=utf-8"),
        ),
        ("Content-Length", Bytes::from(html.len().to_string())),
        ("X-Content-Type-Options", Bytes::from_static(b"nosniff")),
    ]);
    let head = ResponseHead {
        version: Version::Http11,
        status,
        reason: Bytes::from_static(phrase.as_bytes()),
        fields,
    };
    (head, Bytes::from(html))
}

/// The registered reason phrase of a status that midwire itself sends (RFC 9110 §15).
pub(crate) fn phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        403 => "Forbidden",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}

/// Answers with an error page and ends the message.
pub(crate) async fn send(
    reply: &mut Outbound<'_>,
    status: u16,
    reason: &str,
    head_only: bool,
) -> std::io::Result<()> {
    let (head, content) = error(status, reason);
    if head_only {
        reply.response_head(&head, Framing::None);
    } else {
        reply.response_head(&head, Framing::Length(content.len() as u64));
        reply.data(content).await?;
    }
    reply.end(None).await
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().take(REASON_MAX) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_reason_is_markup() {
        let (head, content) = error(502, "no <b>\u{1b}[31m & \"x\"");
        let text = String::from_utf8(content.to_vec()).unwrap();
        assert!(text.contains("<p>no &lt;b&gt;\\x1b[31m &amp; &quot;x&quot;</p>"));
        assert_eq!(
            head.fields.get("content-length").unwrap(),
            content.len().to_string().as_bytes()
        );
        assert!(error(502, &"x".repeat(5000)).1.len() < 1300);
    }
}
