//! Guessing the charset of content.

use std::borrow::Cow;

use super::Charset;
use crate::access::content_type::parameter;

/// Bytes at the beginning of a document that are searched for a charset declaration.
const SEARCHED: usize = 16 * 1024;

/// The charset of content, if it is one that we know.
pub fn infer(content_type: &str, data: &[u8]) -> Option<Charset> {
    Charset::for_label(&infer_name(content_type, data))
}

/// The name of the charset of content.
///
/// In this order: byte order mark, `charset` of Content-Type, then by the kind of document its default or its own
/// declaration; else latin-1 (measured on the reference program).
pub fn infer_name<'a>(content_type: &str, data: &'a [u8]) -> Cow<'a, str> {
    const MARKS: [(&[u8], &str); 5] = [
        (b"\xff\xfe\0\0", "utf-32le"),
        (b"\0\0\xfe\xff", "utf-32be"),
        (b"\xff\xfe", "utf-16le"),
        (b"\xfe\xff", "utf-16be"),
        (b"\xef\xbb\xbf", "utf-8-sig"),
    ];
    if let Some((_, name)) = MARKS.iter().find(|(mark, _)| data.starts_with(mark)) {
        return Cow::Borrowed(name);
    }
    if let Some(charset) = parameter(content_type, "charset").filter(|c| !c.is_empty()) {
        return widen(Cow::Owned(charset));
    }
    let content_type = content_type.to_ascii_lowercase();
    let start = data.get(..SEARCHED).unwrap_or(data);
    let declared = if content_type.contains("json") {
        None
    } else if content_type.contains("html") {
        html_meta(start)
    } else if content_type.contains("xml") {
        xml_declaration(start)
    } else if content_type.contains("javascript") || content_type.contains("ecmascript") {
        None
    } else if content_type.contains("text/css") {
        css_charset(start)
    } else {
        return Cow::Borrowed("latin-1");
    };
    match declared {
        Some(name) => widen(String::from_utf8_lossy(name)),
        None => Cow::Borrowed("utf8"),
    }
}

/// Texts said to be in GB 2312 or GBK often have characters of their superset.
fn widen(name: Cow<'_, str>) -> Cow<'_, str> {
    if name.eq_ignore_ascii_case("gb2312") || name.eq_ignore_ascii_case("gbk") {
        return Cow::Borrowed("gb18030");
    }
    name
}

/// `<meta charset=x>` and `<meta http-equiv=... content="...; charset=x">`.
fn html_meta(data: &[u8]) -> Option<&[u8]> {
    let mut rest = data;
    while let Some(at) = find_ignoring_case(rest, b"<meta") {
        let tag = rest.get(at + 5..)?;
        let end = memchr::memchr(b'>', tag).unwrap_or(tag.len());
        let (tag, after) = tag.split_at_checked(end)?;
        if let Some(at) = find_ignoring_case(tag, b"charset")
            && let Some(name) = assigned(tag.get(at + 7..)?)
        {
            return Some(name);
        }
        rest = after;
    }
    None
}

/// `<?xml version="1.0" encoding="x"?>`.
fn xml_declaration(data: &[u8]) -> Option<&[u8]> {
    let at = find_ignoring_case(data, b"<?xml")?;
    let declaration = data.get(at..)?;
    let end = memchr::memmem::find(declaration, b"?>")?;
    let declaration = declaration.get(..end)?;
    let at = memchr::memmem::find(declaration, b"encoding")?;
    assigned(declaration.get(at + 8..)?)
}

/// `@charset "x";` at the very beginning (CSS Syntax §3.2).
fn css_charset(data: &[u8]) -> Option<&[u8]> {
    let rest = data.strip_prefix(b"@charset \"")?;
    rest.split(|b| *b == b'"').next()
}

/// The value of `=x`, `="x"` or `='x'`.
fn assigned(data: &[u8]) -> Option<&[u8]> {
    let value = data
        .trim_ascii_start()
        .strip_prefix(b"=")?
        .trim_ascii_start();
    let value = value
        .strip_prefix(b"\"")
        .or_else(|| value.strip_prefix(b"'"))
        .unwrap_or(value);
    let name = value
        .split(|b| matches!(b, b'"' | b'\'' | b'>' | b';' | b'/') || b.is_ascii_whitespace())
        .next()?;
    (!name.is_empty()).then_some(name)
}

fn find_ignoring_case(data: &[u8], needle: &[u8]) -> Option<usize> {
    data.windows(needle.len())
        .position(|window| window.eq_ignore_ascii_case(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charset_is_found_in_this_order() {
        let cases: [(&str, &[u8], &str); 26] = [
            ("", b"", "latin-1"),
            ("text/plain; charset=utf-8", b"", "utf-8"),
            ("text/plain;CHARSET=\"Foo\"", b"", "Foo"),
            ("text/plain; charset=", b"", "latin-1"),
            ("application/problem+json", b"", "utf8"),
            ("text/html", b"<html><meta charset=\"latin-1\">", "latin-1"),
            (
                "text/html",
                b"<meta http-equiv=\"content-type\" content=\"text/html; charset=gb2312\">",
                "gb18030",
            ),
            ("text/html", b"<META CHARSET = foo >", "foo"),
            ("text/html", b"<meta charset='foo'", "foo"),
            ("text/html", b"<meta name=x><meta charset=ab/>", "ab"),
            ("TEXT/HTML", b"", "utf8"),
            ("text/html", b"charset=foo", "utf8"),
            (
                "application/xhtml+xml",
                b"<?xml version=\"1.0\" encoding=\"iso-8859-5\"?>",
                "utf8",
            ),
            (
                "text/xml",
                b"<?xml version='1.0' encoding='iso-8859-5'?>",
                "iso-8859-5",
            ),
            ("text/xml", b"<x encoding='a'/>", "utf8"),
            ("image/svg+xml", b"", "utf8"),
            ("application/javascript", b"", "utf8"),
            ("text/css", b"@charset \"iso-8859-2\";", "iso-8859-2"),
            ("text/css", b" @charset \"iso-8859-2\";", "utf8"),
            ("text/plain; charset=gbk", b"", "gb18030"),
            (
                "text/plain; charset=latin-1",
                b"\xef\xbb\xbfabc",
                "utf-8-sig",
            ),
            ("text/plain", b"\xff\xfea\0", "utf-16le"),
            ("text/plain", b"\xfe\xff\0a", "utf-16be"),
            ("text/plain", b"\xff\xfe\0\0a\0\0\0", "utf-32le"),
            ("text/plain", b"\0\0\xfe\xff\0\0\0a", "utf-32be"),
            ("text/javascript; charset=x", b"", "x"),
        ];
        for (content_type, data, expected) in cases {
            assert_eq!(
                infer_name(content_type, data),
                expected,
                "{content_type} {data:?}"
            );
        }
    }
}
