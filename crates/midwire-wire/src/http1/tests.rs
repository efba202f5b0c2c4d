//! Rows of the framing rules as tables.

use bytes::BytesMut;

use super::*;
use crate::{RequestHead, ResponseHead, TargetForm, Version};

const LENIENT: Limits = Limits {
    header_size: 256 * 1024,
    header_count: 1000,
    validation: Validation::Lenient,
};

fn strict() -> Limits {
    Limits::default()
}

fn request(limits: Limits, input: &[u8]) -> Result<(RequestHead, Framing), Violation> {
    let mut buf = BytesMut::from(input);
    let head = RequestDecoder::new(limits).decode(&mut buf)?;
    Ok(head.unwrap_or_else(|| panic!("incomplete: {}", input.escape_ascii())))
}

fn response(
    limits: Limits,
    input: &[u8],
    to: Expected,
) -> Result<(ResponseHead, Framing), Violation> {
    let mut buf = BytesMut::from(input);
    let head = ResponseDecoder::new(limits).decode(&mut buf, to)?;
    Ok(head.unwrap_or_else(|| panic!("incomplete: {}", input.escape_ascii())))
}

fn post(fields: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n").into_bytes()
}

/// Status of the refusal, strict and lenient; 0 where the request passes.
fn refusals(input: &[u8]) -> (u16, u16) {
    let status = |limits| request(limits, input).map_or_else(|violation| violation.status(), |_| 0);
    let pair = (status(strict()), status(LENIENT));
    if let Err(violation) = request(strict(), input) {
        assert_eq!(violation.is_optional(), pair.1 == 0, "{violation}");
        let text = violation.to_string();
        assert!(!text.bytes().any(|b| b.is_ascii_control()), "{text}");
    }
    pair
}

const REFUSED: (u16, u16) = (400, 400);
const OPTIONAL: (u16, u16) = (400, 0);
const PASSES: (u16, u16) = (0, 0);

#[test]
fn framing_of_requests() {
    let check = |fields: &str, expected: (u16, u16)| {
        assert_eq!(refusals(&post(fields)), expected, "{fields:?}");
    };
    check(
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        OPTIONAL,
    );
    check("Content-Length: 4\r\nContent-Length: 5\r\n", REFUSED);
    check("Content-Length: 4, 5\r\n", REFUSED);
    check("Content-Length: 4\r\nContent-Length: x\r\n", REFUSED);
    check("Content-Length: 4\r\ncontent-length: 4\r\n", OPTIONAL);
    check("Content-Length: 4, 4\r\n", OPTIONAL);
    for bad in [
        "+5",
        "-5",
        "0x5",
        "5_0",
        "5.0",
        "",
        "5 5",
        "\x0b5",
        "5\x0c",
        "05",
        "00",
        "5,",
        ",5",
        "9223372036854775808",
        "18446744073709551616",
        "99999999999999999999999999",
    ] {
        check(&format!("Content-Length: {bad}\r\n"), REFUSED);
    }
    check("Content-Length: 9223372036854775807\r\n", PASSES);
    check("Content-Length:\t 5 \t\r\n", PASSES);
    for bad in [
        "xchunked",
        "chunked, chunked",
        "chunked, gzip",
        "gzip",
        "identity",
        "\"chunked\"",
        "chunked;q=1",
        "chunked\x0b",
        "\x0cchunked",
        "chunked,",
        ",chunked",
        "",
        "gzip;x, chunked",
        "chunked chunked",
    ] {
        check(&format!("Transfer-Encoding: {bad}\r\n"), REFUSED);
    }
    assert_eq!(
        refusals(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \xa0chunked\r\n\r\n"),
        REFUSED
    );
    check(
        "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        REFUSED,
    );
    check(
        "Transfer-Encoding: gzip\r\ntransfer-encoding: chunked\r\n",
        REFUSED,
    );
    check("Transfer-Encoding: foo, chunked\r\n", OPTIONAL);
    check("Transfer-Encoding: gzip, gzip, chunked\r\n", OPTIONAL);
    for good in [
        "chunked",
        "CHUNKED",
        "\tchunked \t",
        "gzip, chunked",
        "Deflate\t,Chunked",
        "compress,chunked",
    ] {
        check(&format!("Transfer-Encoding: {good}\r\n"), PASSES);
    }
    let old = |fields: &str| refusals(format!("POST / HTTP/1.0\r\n{fields}\r\n").as_bytes());
    assert_eq!(old("Transfer-Encoding: chunked\r\n"), OPTIONAL);
    assert_eq!(
        old("Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n"),
        OPTIONAL
    );
}

#[test]
fn lenient_framing_is_the_one_of_the_rfc() {
    let check =
        |fields: &str, expected| assert_eq!(request(LENIENT, &post(fields)).unwrap().1, expected);
    check(
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        Framing::Chunked,
    );
    check(
        "Content-Length: 4\r\nContent-Length: 4\r\n",
        Framing::Length(4),
    );
    check("", Framing::None);
    check("Content-Length: 0\r\n", Framing::Length(0));
}

#[test]
fn field_lines() {
    let check = |lines: &[u8], expected| {
        let input = [b"GET / HTTP/1.1\r\nHost: x\r\n", lines, b"\r\n"].concat();
        assert_eq!(refusals(&input), expected, "{}", lines.escape_ascii());
    };
    check(b"X : 1\r\n", REFUSED);
    check(b"X\t: 1\r\n", REFUSED);
    check(b"a b : 1\r\n", REFUSED);
    check(b": 1\r\n", REFUSED);
    check(b"nonsense\r\n", REFUSED);
    check(b"X(: 1\r\n", OPTIONAL);
    check(b"a b: 1\r\n", OPTIONAL);
    check(b"X\x01: 1\r\n", REFUSED);
    check(b"\xa0Content-Length: 1\r\n", REFUSED);
    check(b"Transfer Encoding: chunked\r\n", OPTIONAL);
    check(b"X: a\r\n b\r\n", OPTIONAL);
    check(b"Transfer-Encoding:\r\n chunked\r\n", REFUSED);
    check(b"Content-Length: 1\r\n\t2\r\n", REFUSED);
    check(b"X: a\0b\r\n", REFUSED);
    check(b"X: a\rb\r\n", REFUSED);
    check(b"X: a\r\r\n", REFUSED);
    check(b"X: a\n\rY: b\r\n", REFUSED);
    check(b"X: a\x01\x7f\x1b\r\n", PASSES);
    check(b"X: caf\xe9\xff\x80\r\n", PASSES);
    check(b"X: a\n", PASSES);
    check(b"X:\r\n!#$%&'*+-.^_`|~09aZ: 1\r\n", PASSES);
    assert_eq!(refusals(b"GET / HTTP/1.1\r\n X: 1\r\n\r\n"), REFUSED);
}

#[test]
fn lenient_folds_become_spaces() {
    let (head, _) = request(
        LENIENT,
        &post("A: b \r\n\t c\r\n   \r\n d\r\nB:\r\n e\r\nC: f\r\n"),
    )
    .unwrap();
    assert_eq!(head.fields.get("a"), Some(&b"b     c        d"[..]));
    assert_eq!(head.fields.get("b"), Some(&b"e"[..]));
    assert_eq!(head.fields.get("c"), Some(&b"f"[..]));
    let mut out = Vec::new();
    write_request_head(&head, &mut out);
    let again = request(strict(), &out);
    assert!(matches!(again, Err(Violation::Fold(_))) || again.unwrap().0 == head);
}

#[test]
fn request_lines() {
    let check = |line: &[u8], expected: (u16, u16)| {
        let input = [line, b"\r\nHost: x\r\n\r\n"].concat();
        assert_eq!(refusals(&input), expected, "{}", line.escape_ascii());
    };
    for bad in [
        &b"this is not http"[..],
        b"GET /",
        b"GET",
        b"GET / ",
        b"GET  / HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET / x HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b"GET /\tHTTP/1.1",
        b"G(T / HTTP/1.1",
        b"GET /\x01 HTTP/1.1",
        b"GET /\x7f HTTP/1.1",
        b"GET /\0 HTTP/1.1",
        b"GET / http/1.1",
        b"GET / HTTP/1.10",
        b"GET / HTTP/01.1",
        b"GET / HTTP/1",
        b"GET / HTTP/1,1",
        b"GET / HTTPS/1.1",
        b"GET / \xffTTP/1.1",
        b"GET path HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET http:/x HTTP/1.1",
        b"GET http:///x HTTP/1.1",
        b"GET 1http://x HTTP/1.1",
        b"GET a:80 HTTP/1.1",
        b"CONNECT / HTTP/1.1",
        b"CONNECT a HTTP/1.1",
        b"CONNECT a: HTTP/1.1",
        b"CONNECT a:x HTTP/1.1",
        b"CONNECT u@a:1 HTTP/1.1",
        b"CONNECT http://a:1 HTTP/1.1",
        b"CONNECT a:99999 HTTP/1.1",
        b"\x16\x03\x01",
    ] {
        check(bad, REFUSED);
    }
    for bad in [
        &b"GET / HTTP/2.0"[..],
        b"GET / HTTP/0.9",
        b"GET / HTTP/3.1",
        b"PRI * HTTP/2.0",
    ] {
        check(bad, (505, 505));
    }
    check(b"GET http://u:p@a/ HTTP/1.1", OPTIONAL);
    check(b"GET http://a:b/ HTTP/1.1", OPTIONAL);
    let parts = |line: &[u8], form, version| {
        let (head, framing) = request(strict(), &[line, b"\r\nHost: x\r\n\r\n"].concat()).unwrap();
        let mut words = line.split(|b| *b == b' ');
        assert_eq!(Some(&head.method[..]), words.next());
        assert_eq!(Some(&head.target[..]), words.next());
        assert_eq!(
            (head.form, head.version, framing),
            (form, version, Framing::None)
        );
    };
    parts(b"GET / HTTP/1.1", TargetForm::Origin, Version::Http11);
    parts(
        b"geT /a?b#\xff<>`\" HTTP/1.0",
        TargetForm::Origin,
        Version::Http10,
    );
    parts(
        b"M-SEARCH //x HTTP/1.9",
        TargetForm::Origin,
        Version::Http11,
    );
    parts(b"OPTIONS * HTTP/1.1", TargetForm::Asterisk, Version::Http11);
    parts(
        b"GET http://a HTTP/1.1",
        TargetForm::Absolute,
        Version::Http11,
    );
    parts(
        b"POST wss+x://[::1]:80?x HTTP/1.1",
        TargetForm::Absolute,
        Version::Http11,
    );
    parts(
        b"CONNECT a:443 HTTP/1.1",
        TargetForm::Authority,
        Version::Http11,
    );
}

#[test]
fn lines_ended_by_bare_carriage_returns_are_refused_at_once() {
    for input in [
        &b"GET / HTTP/1.1\rHost: x\r\r"[..],
        b"GET / HTTP/1.1\r\nHost: x\rX",
        b"\rG",
    ] {
        assert_eq!(request(strict(), input).unwrap_err(), Violation::BareCr);
    }
}

#[test]
fn empty_lines_before_a_request() {
    let get = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let after = |n: usize| request(strict(), &[b"\r\n".repeat(n).as_slice(), get].concat());
    assert!(after(8).is_ok());
    assert_eq!(after(9).unwrap_err(), Violation::EmptyLines);
    // A peer that sends nothing else is not idle.
    let decoder = RequestDecoder::new(strict());
    assert!(decoder.is_idle(&BytesMut::from(&b"\r\n".repeat(8)[..])));
    assert!(!decoder.is_idle(&BytesMut::from(&b"\r\n".repeat(9)[..])));
    // The count begins anew behind each head, and goes on across calls.
    let mut decoder = RequestDecoder::new(strict());
    let mut buf = BytesMut::new();
    for _ in 0..3 {
        for _ in 0..8 {
            buf.extend_from_slice(b"\n");
            assert_eq!(decoder.decode(&mut buf), Ok(None));
            assert!(decoder.is_idle(&buf));
        }
        buf.extend_from_slice(b"\r");
        assert!(decoder.is_idle(&buf));
        buf.clear();
        buf.extend_from_slice(b"G");
        assert!(!decoder.is_idle(&buf));
        assert_eq!(decoder.decode(&mut buf), Ok(None));
        assert!(!decoder.is_idle(&buf));
        buf.extend_from_slice(&get[1..]);
        assert!(decoder.decode(&mut buf).unwrap().is_some());
        assert!(decoder.is_idle(&buf));
    }
}

#[test]
fn hosts() {
    let check = |fields: &str, expected| {
        assert_eq!(
            refusals(format!("GET / HTTP/1.1\r\n{fields}\r\n").as_bytes()),
            expected,
            "{fields}"
        );
    };
    for bad in [
        "a, b", "a/b", "u@a", "a b", "a:x", "a:65536", "[::1", "", "http://a",
    ] {
        check(&format!("Host: {bad}\r\n"), OPTIONAL);
    }
    check("Host: a\r\nhost: a\r\n", OPTIONAL);
    check("Host: a:80\r\n", PASSES);
    let missing = |input: &[u8]| check_host(&request(strict(), input).unwrap().0).is_err();
    assert!(missing(b"GET / HTTP/1.1\r\n\r\n"));
    assert!(missing(b"OPTIONS * HTTP/1.1\r\n\r\n"));
    assert!(!missing(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert!(!missing(b"GET / HTTP/1.0\r\n\r\n"));
    assert!(!missing(b"GET http://a/ HTTP/1.1\r\n\r\n"));
    assert!(!missing(b"CONNECT a:1 HTTP/1.1\r\n\r\n"));
}

#[test]
fn limits_of_a_head() {
    let limits = Limits {
        header_size: 100,
        header_count: 3,
        ..strict()
    };
    let status = |input: &[u8]| {
        let mut buf = BytesMut::from(input);
        RequestDecoder::new(limits)
            .decode(&mut buf)
            .map_or_else(|v| v.status(), |head| u16::from(head.is_some()))
    };
    let fill = |n: usize| "x".repeat(n);
    let exact = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        fill(100 - 16 - 9 - 5 - 2)
    );
    assert_eq!(exact.len(), 100);
    assert_eq!(status(format!("{exact}{}", fill(500)).as_bytes()), 1);
    assert_eq!(status(exact.replace("X: ", "X: y").as_bytes()), 431);
    assert_eq!(status(format!("GET /{}", fill(95)).as_bytes()), 0);
    assert_eq!(status(format!("GET /{}", fill(96)).as_bytes()), 414);
    assert_eq!(
        status(format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", fill(200)).as_bytes()),
        414
    );
    assert_eq!(
        status(format!("GET / HTTP/1.1\r\nX: {}", fill(200)).as_bytes()),
        431
    );
    assert_eq!(status(b"GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\n\r\n"), 1);
    assert_eq!(status(b"GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\nd:\r\n"), 431);
    let answer = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", fill(100));
    assert!(matches!(
        response(limits, answer.as_bytes(), Expected::Other),
        Err(Violation::HeadSize { limit: 100 })
    ));
    let answer = format!("HTTP/1.1 200 {}\r\n\r\n", fill(100));
    assert!(matches!(
        response(limits, answer.as_bytes(), Expected::Other),
        Err(Violation::HeadSize { limit: 100 })
    ));
}

#[test]
fn heads_are_kept_as_they_came() {
    let input = b"get /a%2F?\xff HTTP/1.1\r\nhOST:x\r\nX-Dup:   1\r\nx-dup: caf\xe9\r\nEmpty:\r\nX-Dup: 3\r\n\r\nrest";
    let mut buf = BytesMut::from(&input[..]);
    let (head, _) = RequestDecoder::new(strict())
        .decode(&mut buf)
        .unwrap()
        .unwrap();
    assert_eq!(&buf[..], b"rest");
    let mut out = Vec::new();
    write_request_head(&head, &mut out);
    assert_eq!(out, input[..input.len() - 4]);

    let input = b"HTTP/1.0 418 I'm a  \xe9 teapot \r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\n";
    let (head, framing) = response(strict(), input, Expected::Other).unwrap();
    assert_eq!(
        (&head.reason[..], framing),
        (&b"I'm a  \xe9 teapot "[..], Framing::UntilClose)
    );
    out.clear();
    write_response_head(&head, &mut out);
    assert_eq!(out, input);
}

#[test]
fn messages_of_other_versions_are_written_as_http_1_1() {
    let (mut head, _) = request(strict(), b"GET / HTTP/1.1\nHost: x\n\n").unwrap();
    head.version = Version::Http2;
    let mut out = Vec::new();
    write_request_head(&head, &mut out);
    assert_eq!(out, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
}

#[test]
fn status_lines() {
    let check = |line: &str| {
        response(
            strict(),
            format!("{line}\r\n\r\n").as_bytes(),
            Expected::Other,
        )
    };
    for bad in [
        "",
        "HTTP/1.1",
        "HTTP/1.1 ",
        "HTTP/1.1 20",
        "HTTP/1.1 2000",
        "HTTP/1.1 099 x",
        "HTTP/1.1 600 x",
        "HTTP/1.1  200 x",
        "HTTP/1.1 20x",
        "HTTP/1.1 200x",
        "HTTP/1.1 200\tOK",
        "HTTP/1.2 200 OK",
        "HTTP/2.0 200 OK",
        "http/1.1 200 OK",
        "SSH-2.0-OpenSSH_9.0",
        "ICY 200 OK",
        " HTTP/1.1 200 OK",
        "HTTP/1.1 +20 OK",
    ] {
        assert!(matches!(check(bad), Err(Violation::StatusLine(_))), "{bad}");
    }
    for (line, status, reason) in [
        ("HTTP/1.1 200 OK", 200, "OK"),
        ("HTTP/1.0 599 ", 599, ""),
        ("HTTP/1.1 100", 100, ""),
        ("HTTP/1.1 404  a b", 404, " a b"),
    ] {
        let (head, _) = check(line).unwrap();
        assert_eq!(
            (head.status, &head.reason[..]),
            (status, reason.as_bytes()),
            "{line}"
        );
    }
    assert!(response(strict(), b"HTTP/1.1 200 a\0b\r\n\r\n", Expected::Other).is_err());
    // Another protocol is noticed before any line has come to its end.
    assert!(response(strict(), b"\x15\x03", Expected::Other).is_err());
}

#[test]
fn framing_of_responses() {
    let framing = |status: u16, fields: &str, to| {
        let input = format!("HTTP/1.1 {status} x\r\n{fields}\r\n");
        response(strict(), input.as_bytes(), to).map(|(_, framing)| framing)
    };
    let cases = [
        (200, "", Expected::Other, Framing::UntilClose),
        (200, "", Expected::Head, Framing::None),
        (200, "", Expected::Connect, Framing::None),
        (403, "", Expected::Connect, Framing::UntilClose),
        (
            200,
            "Content-Length: 3\r\n",
            Expected::Other,
            Framing::Length(3),
        ),
        (200, "Content-Length: 3\r\n", Expected::Head, Framing::None),
        (
            200,
            "Content-Length: 3\r\n",
            Expected::Connect,
            Framing::None,
        ),
        (
            407,
            "Content-Length: 3\r\n",
            Expected::Connect,
            Framing::Length(3),
        ),
        (
            200,
            "Transfer-Encoding: chunked\r\n",
            Expected::Other,
            Framing::Chunked,
        ),
        (
            200,
            "Transfer-Encoding: gzip, chunked\r\n",
            Expected::Head,
            Framing::None,
        ),
        (304, "Content-Length: 3\r\n", Expected::Other, Framing::None),
        (
            304,
            "Transfer-Encoding: chunked\r\n",
            Expected::Other,
            Framing::None,
        ),
        (204, "Content-Length: 3\r\n", Expected::Other, Framing::None),
        (100, "", Expected::Other, Framing::None),
        (103, "Link: x\r\n", Expected::Other, Framing::None),
        (
            101,
            "Upgrade: websocket\r\n",
            Expected::Other,
            Framing::None,
        ),
        (205, "", Expected::Other, Framing::UntilClose),
    ];
    for (status, fields, to, expected) in cases {
        assert_eq!(
            framing(status, fields, to),
            Ok(expected),
            "{status} {fields}"
        );
    }
    for (status, fields) in [
        (200, "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
        (200, "Content-Length: +3\r\n"),
        (200, "Transfer-Encoding: gzip\r\n"),
        (200, "Transfer-Encoding: identity\r\n"),
        (204, "Transfer-Encoding: chunked\r\n"),
        (102, "Transfer-Encoding: chunked\r\n"),
    ] {
        assert!(
            framing(status, fields, Expected::Other).is_err(),
            "{status} {fields}"
        );
    }
    let lenient = response(
        LENIENT,
        b"HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n",
        Expected::Other,
    );
    assert_eq!(lenient.unwrap().1, Framing::None);
    assert!(
        response(
            strict(),
            b"HTTP/1.0 200 x\r\nTransfer-Encoding: chunked\r\n\r\n",
            Expected::Other
        )
        .is_err()
    );
}

#[test]
fn content_length_is_taken_out_where_it_must_not_be() {
    let has = |status: u16| {
        let input = format!("HTTP/1.1 {status} x\r\nA: 1\r\nContent-Length: 3\r\n\r\n");
        let (head, _) = response(strict(), input.as_bytes(), Expected::Other).unwrap();
        assert!(head.fields.contains("a"));
        head.fields.contains("content-length")
    };
    assert_eq!([204, 103, 304, 200].map(has), [false, false, true, true]);
}

#[test]
fn interim_responses_come_one_by_one() {
    let mut buf = BytesMut::from(&b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz"[..]);
    let mut decoder = ResponseDecoder::new(strict());
    let mut next = || {
        decoder
            .decode(&mut buf, Expected::Other)
            .unwrap()
            .map(|(head, framing)| (head.status, framing))
    };
    assert_eq!(next(), Some((100, Framing::None)));
    assert_eq!(next(), Some((103, Framing::None)));
    assert_eq!(next(), Some((200, Framing::Length(1))));
    assert_eq!(&buf[..], b"z");
}

#[test]
fn texts_are_those_users_know() {
    let check = |fields: &str, text: &str| {
        assert_eq!(
            request(strict(), &post(fields)).unwrap_err().to_string(),
            text
        );
    };
    check("a b: x\r\n", "invalid header name: b'a b'");
    check(
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "message with both transfer-encoding and content-length headers",
    );
    check(
        "Content-Length: 1\r\nContent-Length: 1\r\n",
        "multiple content-length headers: [b'1', b'1']",
    );
    check(
        "Content-Length: +1\r\n",
        "invalid content-length header: b'+1'",
    );
    check(
        "Transfer-Encoding: foo,chunked\r\n",
        "unknown transfer-encoding header: b'foo,chunked'",
    );
}

#[test]
fn connections_that_persist() {
    let check = |version, connection: &str, expected| {
        let fields = crate::Fields::from_pairs([("Connection", connection.to_owned())]);
        assert_eq!(
            persists(version, &fields),
            expected,
            "{version:?} {connection}"
        );
    };
    check(Version::Http11, "", true);
    check(Version::Http11, "x, CLOSE", false);
    check(Version::Http10, "", false);
    check(Version::Http10, "Keep-Alive", true);
    check(Version::Http10, "keep-alive, close", false);
    check(Version::Http2, "close", true);
    let coded = crate::Fields::from_pairs([
        ("Connection", "keep-alive"),
        ("Transfer-Encoding", "chunked"),
    ]);
    assert!(!persists(Version::Http10, &coded));
}

#[test]
fn expectations() {
    let check =
        |value: &'static str| expects_continue(&crate::Fields::from_pairs([("Expect", value)]));
    assert_eq!(expects_continue(&crate::Fields::new()), Ok(false));
    assert_eq!(check("100-Continue"), Ok(true));
    assert_eq!(check(""), Ok(false));
    assert_eq!(check("200-ok").unwrap_err().status(), 417);
    assert_eq!(check("100-continue, x").unwrap_err().status(), 417);
}

#[test]
fn a_head_that_drips_in_costs_no_more_than_one_that_comes_at_once() {
    // With a scan from the start for each byte this would take minutes.
    let long = "x".repeat(200_000);
    let input = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n");
    let mut decoder = RequestDecoder::new(strict());
    let mut buf = BytesMut::new();
    let mut heads = 0;
    for byte in input.bytes() {
        buf.extend_from_slice(&[byte]);
        heads += usize::from(decoder.decode(&mut buf).unwrap().is_some());
    }
    assert_eq!(heads, 1);
}
