use bytes::Bytes;
use midwire_wire::Fields;
use proptest::prelude::*;

use super::cookies::SetCookie;
use super::url::{UrlError, encode_form, quote, quote_all, unquote};
use super::*;
use crate::{Content, Number, Request, Response};

const LIMIT: usize = DECODE_LIMIT;

fn fields(pairs: &[(&'static str, &'static str)]) -> Fields {
    Fields::from_pairs(pairs.iter().copied())
}

fn request(path: &'static [u8], header: &[(&'static str, &'static str)]) -> Request {
    let mut request = Request::make("GET", "http://h/", "", Fields::new()).unwrap();
    request.fields = fields(header);
    request.path = Bytes::from_static(path);
    request
}

fn pairs(pairs: &[(&str, &str)]) -> Pairs {
    pairs
        .iter()
        .map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec()))
        .collect()
}

fn header(fields: &Fields) -> String {
    let mut out = Vec::new();
    fields.write_to(&mut out);
    String::from_utf8_lossy(&out).replace("\r\n", "|")
}

#[test]
fn urls_are_split() {
    let ok = [
        ("http://a", "http", "a", 80, "/"),
        ("http://a:8080/x?y#z", "http", "a", 8080, "/x?y#z"),
        ("http://[::1]:81/x", "http", "::1", 81, "/x"),
        ("https://user:pw@h/x", "https", "h", 443, "/x"),
        ("ftp://a/b", "ftp", "a", 80, "/b"),
        ("HTTP://A.Com/X", "http", "a.com", 80, "/X"),
        ("http://a?x", "http", "a", 80, "/?x"),
        ("http://a:0/", "http", "a", 80, "/"),
        ("http://a:/", "http", "a", 80, "/"),
        ("http://a_b/b c", "http", "a_b", 80, "/b c"),
        ("//a/b", "", "a", 80, "/b"),
    ];
    for (text, scheme, host, port, path) in ok {
        let url = url::parse(text).unwrap();
        assert_eq!(
            (&*url.scheme, &*url.host, url.port, &*url.path),
            (scheme, host, port, path)
        );
    }
    let bad = [
        ("a/b", UrlError::NoHost),
        ("http://", UrlError::NoHost),
        ("http:///x", UrlError::NoHost),
        ("http:a", UrlError::NoHost),
        ("http://a:99999", UrlError::InvalidPort),
        ("http://a:x/", UrlError::InvalidPort),
        ("http://a;x", UrlError::InvalidHost),
        ("http://a b/", UrlError::InvalidHost),
        ("http://*/", UrlError::InvalidHost),
        ("http://a../", UrlError::InvalidHost),
        ("http://é/", UrlError::NotAscii),
    ];
    for (text, error) in bad {
        assert_eq!(url::parse(text), Err(error), "{text}");
    }
}

#[test]
fn quoting_is_that_of_python() {
    let cases = [
        ("a b", "a%20b", "a+b"),
        ("/", "/", "%2F"),
        ("é", "%C3%A9", "%C3%A9"),
        ("~-_.", "~-_.", "~-_."),
        ("!*'()", "%21%2A%27%28%29", "%21%2A%27%28%29"),
        ("a+b&=;", "a%2Bb%26%3D%3B", "a%2Bb%26%3D%3B"),
    ];
    for (text, quoted, form) in cases {
        assert_eq!(quote(text), quoted);
        assert_eq!(encode_form([(text, text)], b""), format!("{form}={form}"));
    }
    let unquoted: [(&str, &[u8]); 5] = [
        ("%41%2f", b"A/"),
        ("%zz%", b"%zz%"),
        ("a+b", b"a+b"),
        ("%ff", b"\xff"),
        ("é%41", "éA".as_bytes()),
    ];
    for (text, expected) in unquoted {
        assert_eq!(unquote(text), expected);
    }
}

#[test]
fn forms_keep_the_style_of_their_empty_values() {
    let cases = [
        ("a=b&c=d", "a=b&c=d"),
        ("a", "a"),
        ("a=&b", "a&b"),
        ("a=", "a="),
        ("=x", "=x"),
        ("&", ""),
        ("a=b&&c", "a=b&c"),
        ("a=b;c=d", "a=b%3Bc%3Dd"),
        ("a+b=c+d", "a+b=c+d"),
        ("%41=%42", "A=B"),
        ("a=%ff", "a=%FF"),
    ];
    for (form, expected) in cases {
        let pairs = url::decode_form(form.as_bytes());
        assert_eq!(encode_form(pairs, form.as_bytes()), expected, "{form}");
    }
}

#[test]
fn queries_are_read_and_replaced() {
    type Case<'a> = (&'static [u8], &'a [(&'a str, &'a str)], &'a [u8], &'a [u8]);
    let cases: [Case; 8] = [
        (b"/a?b=c", &[("b", "c")], b"/a?x=1+2&%C3%A9=", b"/a"),
        (b"/a", &[], b"/a?x=1+2&%C3%A9=", b"/a"),
        (b"/a?", &[], b"/a?x=1+2&%C3%A9=", b"/a"),
        (
            b"/a;x?y=z#f",
            &[("y", "z")],
            b"/a;x?x=1+2&%C3%A9=#f",
            b"/a;x#f",
        ),
        (b"*", &[], b"/?x=1+2&%C3%A9=", b"*"),
        (b"/a?x=1?y=2", &[("x", "1?y=2")], b"/a?x=1+2&%C3%A9=", b"/a"),
        (b"/a#f?x=1", &[], b"/a?x=1+2&%C3%A9=#f?x=1", b"/a#f?x=1"),
        (
            b"/\xe9?a=b&a=c",
            &[("a", "b"), ("a", "c")],
            b"/\xe9?x=1+2&%C3%A9=",
            b"/\xe9",
        ),
    ];
    for (path, query, set, cleared) in cases {
        let mut request = request(path, &[]);
        assert_eq!(request.query(), pairs(query));
        request.set_query([("x", "1 2"), ("é", "")]);
        assert_eq!(&*request.path, set);
        request.path = Bytes::from_static(path);
        request.set_query::<&str, &str>([]);
        assert_eq!(&*request.path, cleared);
    }
}

#[test]
fn path_components_are_read_and_replaced() {
    let new = b"/x%20y/z%2F/%C3%A9/a%3Bb";
    type Case<'a> = (&'static [u8], &'a [&'a [u8]], &'a [u8], &'a [u8]);
    let cases: [Case; 6] = [
        (b"/a?b=c", &[b"a"], b"?b=c", b"/a?b=c"),
        (b"*", &[], b"", b"/"),
        (b"/a/b%2fc//d/", &[b"a", b"b/c", b"d"], b"", b"/a/b%2Fc/d"),
        (
            b"/a;p1/b;p3?x#f",
            &[b"a;p1", b"b"],
            b";p3?x#f",
            b"/a%3Bp1/b;p3?x#f",
        ),
        (b"/a b?x y", &[b"a b"], b"?x y", b"/a%20b?x y"),
        (b"/\xe9", &[b"\xe9"], b"", b"/%E9"),
    ];
    for (path, components, rest, same) in cases {
        let mut request = request(path, &[]);
        assert_eq!(request.path_components(), components);
        request.set_path_components(request.path_components());
        assert_eq!(&*request.path, same);
        request.set_path_components(["x y", "z/", "é", "a;b"]);
        assert_eq!(*request.path, *[&new[..], rest].concat());
    }
}

#[test]
fn host_field_and_authority_follow_the_destination() {
    let cases = [
        ("https://x/y", "x", "host: x|", "x"),
        ("http://x:8080/?q#f", "x", "host: x:8080|", "x:8080"),
        ("http://[::1]:9/", "::1", "host: [::1]:9|", "[::1]:9"),
    ];
    for (url, host, field, authority) in cases {
        let mut request = request(b"/", &[("host", "old")]);
        request.authority = Bytes::from_static(b"old:1");
        request.set_url(url).unwrap();
        assert_eq!(request.host, host);
        assert_eq!(header(&request.fields), field);
        assert_eq!(&*request.authority, authority.as_bytes());
        assert_eq!(
            request.url(),
            if url == "http://x" { "http://x/" } else { url }
        );
    }
    let mut plain = request(b"/", &[]);
    plain.set_host("new");
    plain.set_port(443);
    assert_eq!(
        (&*plain.host, plain.port, plain.fields.len()),
        ("new", 443, 0)
    );
    assert!(plain.set_url("foo").is_err());
    assert_eq!(plain.host, "new");
}

#[test]
fn the_host_header_is_set_where_the_version_has_it() {
    let mut h1 = request(b"/", &[]);
    h1.set_host_header(Some("z:1"));
    assert_eq!(header(&h1.fields), "Host: z:1|");
    h1.set_host_header(None);
    assert_eq!(header(&h1.fields), "");
    let mut h2 = request(b"/", &[]);
    h2.version = Bytes::from_static(b"HTTP/2.0");
    h2.set_host_header(Some("z:1"));
    assert_eq!((&*h2.authority, h2.fields.len()), (&b"z:1"[..], 0));
    h2.set_host_header(None);
    assert_eq!(&*h2.authority, b"");
}

#[test]
fn request_cookies_are_one_view_over_all_fields() {
    let mut request = request(
        b"/",
        &[("Cookie", "a=b; c=d"), ("x", "y"), ("cookie", "e=\"f g\"")],
    );
    assert_eq!(
        request.cookies(),
        pairs(&[("a", "b"), ("c", "d"), ("e", "f g")])
    );
    request.set_cookies(request.cookies());
    assert_eq!(header(&request.fields), "Cookie: a=b; c=d; e=\"f g\"|x: y|");
    request.set_cookies::<&str, &str>([]);
    assert_eq!(header(&request.fields), "x: y|");
}

#[test]
fn response_cookies_are_one_field_each() {
    let set = [
        ("Set-Cookie", "a=b; Path=/; Secure"),
        ("set-cookie", "c=d, e=f; path=/x"),
    ];
    let mut response = Response::make(200, "", fields(&set));
    let cookies: Vec<SetCookie> = response.cookies();
    assert_eq!(cookies.len(), 3);
    assert_eq!(cookies[0].attributes.get("SECURE"), Some(None));
    response.set_cookies(&cookies);
    assert_eq!(
        header(&response.fields),
        "Set-Cookie: a=b; Path=/; Secure|set-cookie: c=d|content-length: 0|set-cookie: e=f; path=/x|"
    );
}

#[test]
fn urlencoded_forms_are_read_and_replaced() {
    let mut form = request(
        b"/",
        &[(
            "Content-Type",
            "APPLICATION/x-www-form-urlencoded; charset=utf-8",
        )],
    );
    form.content = Content::Memory(Bytes::from_static(b"a=b&c"));
    let mut pairs_of_form = form.urlencoded_form(LIMIT);
    assert_eq!(pairs_of_form, pairs(&[("a", "b"), ("c", "")]));
    pairs_of_form.push((b"\xc3\xa9".to_vec(), b" x".to_vec()));
    form.set_urlencoded_form(pairs_of_form);
    assert_eq!(&*form.content.bytes().unwrap(), b"a=b&c&%C3%A9=+x");
    assert_eq!(
        header(&form.fields),
        "Content-Type: application/x-www-form-urlencoded|content-length: 15|"
    );
    let other = request(b"/", &[("content-type", "text/plain")]);
    assert!(other.urlencoded_form(LIMIT).is_empty());
}

#[test]
fn multipart_forms_keep_their_boundary_if_they_can() {
    let mut form = request(
        b"/",
        &[("content-type", "multipart/form-data; boundary=QQ")],
    );
    form.set_multipart_form([("a", "1")]);
    assert_eq!(form.content_type(), "multipart/form-data; boundary=QQ");
    assert_eq!(form.multipart_form(LIMIT), pairs(&[("a", "1")]));
    form.set_multipart_form([("a", "--QQ")]);
    assert_ne!(form.content_type(), "multipart/form-data; boundary=QQ");
    assert_eq!(form.multipart_form(LIMIT), pairs(&[("a", "--QQ")]));
    let mut new = request(b"/", &[]);
    new.set_multipart_form([("a", "1")]);
    let dashes = "-".repeat(20);
    assert!(
        new.content_type()
            .starts_with(&format!("multipart/form-data; boundary={dashes}"))
    );
    assert_eq!(new.multipart_form(LIMIT), pairs(&[("a", "1")]));
}

#[test]
fn accept_encoding_is_kept_to_what_we_decode() {
    let cases = [
        ("gzip, compress, br;q=1", "gzip, br"),
        ("*", ""),
        ("GZIP", "gzip"),
        ("gzip;q=0, deflate", "deflate"),
        ("deflate,zstd , foo", "deflate, zstd"),
        ("gzip,gzip", "gzip"),
    ];
    for (value, expected) in cases {
        let mut request = request(b"/", &[("accept-encoding", value)]);
        request.constrain_encoding();
        assert_eq!(
            request.fields.get("accept-encoding"),
            Some(expected.as_bytes())
        );
    }
    let mut request = request(b"/", &[("If-Modified-Since", "a"), ("if-none-match", "b")]);
    request.anticache();
    request.anticomp();
    request.constrain_encoding();
    assert_eq!(header(&request.fields), "accept-encoding: identity|");
}

#[test]
fn content_is_encoded_as_its_field_says() {
    type Case<'a> = (&'a [(&'static str, &'static str)], usize, &'a str);
    let cases: [Case; 6] = [
        (&[], 3, "content-length: 3|"),
        (
            &[("content-encoding", "GZIP")],
            23,
            "content-encoding: GZIP|content-length: 23|",
        ),
        (&[("content-encoding", "bogus")], 3, "content-length: 3|"),
        (&[("content-length", "9")], 3, "content-length: 3|"),
        (
            &[("transfer-encoding", "chunked"), ("content-length", "7")],
            3,
            "transfer-encoding: chunked|content-length: 7|",
        ),
        (
            &[("content-encoding", "")],
            3,
            "content-encoding: |content-length: 3|",
        ),
    ];
    for (given, size, expected) in cases {
        let mut request = request(b"/", given);
        request.set_content("abc");
        assert_eq!(request.content.size(), Some(size as u64));
        assert_eq!(header(&request.fields), expected);
        assert_eq!(request.decoded(LIMIT).unwrap().unwrap(), "abc");
        request.drop_content();
        assert_eq!(request.decoded(LIMIT), Ok(None));
        assert_eq!(header(&request.fields), expected);
    }
}

#[test]
fn codings_are_removed_and_put_on() {
    let mut response = Response::make(200, "hello", fields(&[("content-encoding", "gzip, br")]));
    assert_eq!(response.text(LIMIT).unwrap().unwrap(), "hello");
    response.encode("zstd", LIMIT).unwrap();
    assert_eq!(response.fields.get("content-encoding"), Some(&b"zstd"[..]));
    assert!(response.encode("bogus", LIMIT).is_err());
    response.decode(LIMIT).unwrap();
    assert_eq!(header(&response.fields), "content-length: 5|");
    response.fields.set("content-encoding", "gzip");
    assert!(response.decode(LIMIT).is_err());
    assert_eq!(response.decoded_or_raw(LIMIT).unwrap(), "hello");
    assert!(response.decoded_prefix(2).unwrap().error.is_some());
}

#[test]
fn spilled_content_is_decoded_in_pieces() {
    use std::io::Write as _;
    let text = b"0123456789".repeat(50_000);
    let packed = crate::codec::encode(&text, "zstd").unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&packed).unwrap();
    let mut response = Response::make(200, "", fields(&[("content-encoding", "zstd")]));
    let spill = crate::Spill::new(file, packed.len() as u64);
    response.content = Content::Spilled(std::sync::Arc::new(spill));
    let prefix = response.decoded_prefix(300_000).unwrap();
    assert_eq!((&prefix.bytes[..], prefix.more), (&text[..300_000], true));
    let whole = response.decoded_prefix(1 << 20).unwrap();
    assert_eq!((whole.bytes, whole.more, whole.error), (text, false, None));
}

#[test]
fn text_is_set_in_the_charset_or_in_utf8() {
    let cases = [
        ("text/plain", "é", "text/plain", 1),
        ("text/plain", "€", "text/plain; charset=utf-8", 3),
        (
            "text/plain; charset=latin-1",
            "€",
            "text/plain; charset=utf-8",
            3,
        ),
        (
            "text/plain; charset=foo",
            "x",
            "text/plain; charset=utf-8",
            1,
        ),
        ("application/json", "€", "application/json", 3),
        ("bogus", "€", "text/plain; charset=utf-8", 3),
        (
            "text/plain; charset=utf-16",
            "a",
            "text/plain; charset=utf-16",
            4,
        ),
        (
            "a/b; x=\"b c\"; charset=ascii",
            "é",
            "a/b; x=\"b c\"; charset=utf-8",
            2,
        ),
    ];
    for (before, text, after, size) in cases {
        let mut response = Response::make(200, "", fields(&[("content-type", before)]));
        response.set_text(text);
        assert_eq!(response.content_type(), after);
        assert_eq!(response.content.size(), Some(size));
        assert!(response.text(LIMIT).unwrap().unwrap().ends_with(text));
    }
}

#[test]
fn made_messages_have_what_they_need() {
    let header_fields = fields(&[("Content-Length", "9"), ("host", "q")]);
    let request = Request::make("post", "https://x:1/", "body", header_fields).unwrap();
    assert_eq!(header(&request.fields), "Content-Length: 4|host: x:1|");
    assert_eq!((&*request.method, request.port), (&b"post"[..], 1));
    let response = Response::make(404, "", Fields::new());
    assert_eq!(&*response.reason, b"Not Found");
    assert_eq!(&*Response::make(299, "", Fields::new()).reason, b"");
}

#[test]
fn refreshed_responses_are_as_old_as_they_were() {
    let mut response = Response::make(200, "", Fields::new());
    response.fields = fields(&[
        ("Date", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ("expires", "-1"),
        ("set-cookie", "a=b; expires=Wed, 21 Oct 2015 07:28:00 GMT"),
        ("x", "y"),
        ("Set-Cookie", "bad cookie"),
    ]);
    response.timestamp_start = Number::Int(1_445_412_480);
    assert_eq!(response.refresh(1_445_412_480.0 + 86_400.7), 1);
    assert_eq!(
        header(&response.fields),
        "Date: Thu, 22 Oct 2015 07:28:00 GMT|expires: -1|set-cookie: a=b; expires=Thu, 22 Oct 2015 07:28:00 GMT|x: y|Set-Cookie: bad cookie|"
    );
}

proptest! {
    #[test]
    fn quoting_is_undone(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
        prop_assert_eq!(unquote(quote(&bytes)), bytes.clone());
        prop_assert_eq!(unquote(quote_all(&bytes)), bytes);
    }

    #[test]
    fn queries_survive_a_round_trip(pairs in proptest::collection::vec(("[a-z&=%+ ]{1,5}", "\\PC{0,5}"), 0..5)) {
        let mut request = request(b"/a?old#f", &[]);
        request.set_query(pairs.clone());
        prop_assert_eq!(text_pairs(&request.query()), pairs);
    }

    #[test]
    fn any_target_can_be_read_and_changed(path in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut request = request(b"", &[]);
        request.path = path.into();
        let components = request.path_components();
        let query = request.query();
        request.set_query(query.clone());
        prop_assert_eq!(request.query(), query);
        request.set_path_components(components.clone());
        prop_assert_eq!(request.path_components(), components);
    }

    #[test]
    fn any_url_is_parsed_or_refused(text in "\\PC{0,40}", port: u16) {
        let _ = url::parse(&text);
        let _ = url::parse(&format!("http://{text}:{port}/"));
        let _ = date::parse(&text);
        let _ = human::parse_size(&text);
        let _ = content_type::parse(&text);
    }
}
