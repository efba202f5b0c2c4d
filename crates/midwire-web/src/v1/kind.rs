//! Short words for media types.

use midwire_flow::{Flow, HttpFlow};

/// The type word of a flow's response, or of its request while there is no response; empty if it is not known.
pub(crate) fn of(flow: &Flow) -> &'static str {
    match flow {
        Flow::Http(http) => http_kind(http),
        Flow::Dns(_) => "dns",
        Flow::Tcp(_) | Flow::Udp(_) => "",
    }
}

fn http_kind(http: &HttpFlow) -> &'static str {
    if http.websocket.is_some() {
        return "ws";
    }
    let of = |fields: &midwire_wire::Fields| {
        let value = fields.get("content-type")?;
        let word = word(std::str::from_utf8(value).ok()?);
        (!word.is_empty()).then_some(word)
    };
    let response = http
        .response
        .as_ref()
        .and_then(|response| of(&response.fields));
    response
        .or_else(|| match http.response {
            None => of(&http.request.fields),
            Some(_) => None,
        })
        .unwrap_or_default()
}

/// Types with their words.
const WORDS: &[(&str, &str)] = &[
    ("application/dns-message", "dns"),
    ("application/graphql", "graphql"),
    ("application/javascript", "js"),
    ("application/x-javascript", "js"),
    ("application/msgpack", "msgpack"),
    ("application/ndjson", "ndjson"),
    ("application/octet-stream", "bin"),
    ("application/pdf", "pdf"),
    ("application/protobuf", "proto"),
    ("application/wasm", "wasm"),
    ("application/x-ndjson", "ndjson"),
    ("application/x-protobuf", "proto"),
    ("application/x-www-form-urlencoded", "form"),
    ("application/zip", "zip"),
    ("image/jpeg", "jpeg"),
    ("image/svg+xml", "svg"),
    ("image/vnd.microsoft.icon", "ico"),
    ("image/x-icon", "ico"),
    ("image/avif", "avif"),
    ("image/gif", "gif"),
    ("image/png", "png"),
    ("image/webp", "webp"),
    ("multipart/form-data", "form"),
    ("text/css", "css"),
    ("text/csv", "csv"),
    ("text/event-stream", "sse"),
    ("text/html", "html"),
    ("application/xhtml+xml", "html"),
    ("text/javascript", "js"),
    ("text/markdown", "md"),
    ("text/plain", "text"),
];

/// Beginnings and ends of types with their words, after those that are named whole.
fn word(media: &str) -> &'static str {
    let media = media.split(';').next().unwrap_or_default().trim();
    let found = WORDS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(media));
    if let Some((_, word)) = found {
        return word;
    }
    let media = media.to_ascii_lowercase();
    if media.starts_with("application/grpc") {
        "grpc"
    } else if media.ends_with("json") {
        "json"
    } else if media.ends_with("xml") {
        "xml"
    } else if media.contains("yaml") {
        "yaml"
    } else if media.starts_with("image/") {
        "image"
    } else if media.starts_with("font/") || media.contains("font") {
        "font"
    } else if media.starts_with("video/") {
        "video"
    } else if media.starts_with("audio/") {
        "audio"
    } else if media.starts_with("text/") {
        "text"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_have_words() {
        for (media, expected) in [
            ("application/json; charset=utf-8", "json"),
            ("application/problem+json", "json"),
            ("TEXT/HTML", "html"),
            ("application/grpc-web+proto", "grpc"),
            ("text/event-stream", "sse"),
            ("application/rss+xml", "xml"),
            ("image/heic", "image"),
            ("font/woff2", "font"),
            ("x/y", ""),
            ("", ""),
        ] {
            assert_eq!(word(media), expected, "{media}");
        }
    }
}
