use std::sync::Arc;

use bytes::Bytes;
use midwire_wire::Fields;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::json::without_lone_surrogates;
use super::*;
use crate::{
    Address, Content, Flow, FlowError, FlowInfo, HttpFlow, MessageFlow, Request, Response,
    ServerConn, WebSocketData, WebSocketMessage,
};

fn flow(content_type: &'static str, content: impl Into<Bytes>) -> HttpFlow {
    let mut request = Request::make(
        "POST",
        "http://example.com:8080/a%20b?x=1&y=",
        &b"n=1&m=%C3%A9"[..],
        Fields::from_pairs([
            ("Host", "example.com:8080"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Cookie", "a=1; b=2"),
        ]),
    )
    .unwrap();
    request.timestamp_start = 1_700_000_000.25.into();
    request.timestamp_end = Some(1_700_000_000.5.into());
    let response = Response {
        version: Bytes::from_static(b"HTTP/1.1"),
        status: 200,
        reason: Bytes::from_static(b"Fine"),
        fields: Fields::from_pairs([
            ("Content-Type", content_type),
            ("Set-Cookie", "s=1; Path=/x; HttpOnly; SameSite=Lax"),
            ("X", "1"),
            ("x", "2"),
        ]),
        content: Content::Memory(content.into()),
        trailers: None,
        timestamp_start: 1_700_000_001.5.into(),
        timestamp_end: Some(1_700_000_001.75.into()),
    };
    let server = ServerConn {
        timestamp_tcp_setup: Some(2.0),
        ..ServerConn::default()
    };
    let mut info = FlowInfo::new(Arc::default(), Arc::new(server));
    let server = Arc::get_mut(&mut info.server_conn).unwrap();
    server.timestamp_start = Some(1.5);
    server.timestamp_tls_setup = Some(2.25);
    server.peername = Some(Address::new("10.0.0.1", 8080));
    HttpFlow {
        info,
        request,
        response: Some(response),
        websocket: None,
    }
}

fn exported(flows: &[Flow]) -> (Json, Vec<u8>) {
    let mut out = Vec::new();
    export(flows, &mut out).unwrap();
    (serde_json::from_slice(&out).unwrap(), out)
}

fn entry(flow: HttpFlow) -> Json {
    exported(&[Flow::Http(Box::new(flow))]).0["log"]["entries"][0].take()
}

fn imported(har: &[u8]) -> Vec<HttpFlow> {
    Importer::read(har)
        .unwrap()
        .map(|flow| match flow.unwrap() {
            Flow::Http(flow) => *flow,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Writes and reads a flow.
fn again(flow: &HttpFlow) -> HttpFlow {
    let (_, bytes) = exported(&[Flow::Http(Box::new(flow.clone()))]);
    imported(&bytes).remove(0)
}

fn error_of(har: &Json) -> String {
    let importer = Importer::read(har.to_string().as_bytes()).unwrap();
    importer.last().unwrap().unwrap_err().to_string()
}

#[test]
fn an_entry_has_what_the_tables_say() {
    let got = entry(flow("text/html", "<p>é"));
    let expected = json!({
        "startedDateTime": "2023-11-14T22:13:20.250000+00:00",
        "time": 500.0 + 250.0 + 250.0 + 1000.0 + 250.0,
        "request": {
            "method": "POST",
            "url": "http://example.com:8080/a%20b?x=1&y=",
            "httpVersion": "HTTP/1.1",
            "cookies": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
            "headers": [
                {"name": "Host", "value": "example.com:8080"},
                {"name": "Content-Type", "value": "application/x-www-form-urlencoded"},
                {"name": "Cookie", "value": "a=1; b=2"},
                {"name": "content-length", "value": "12"},
            ],
            "queryString": [{"name": "x", "value": "1"}, {"name": "y", "value": ""}],
            "headersSize": 150,
            "bodySize": 12,
            "postData": {
                "mimeType": "application/x-www-form-urlencoded",
                "text": "n=1&m=%C3%A9",
                "params": [{"name": "n", "value": "1"}, {"name": "m", "value": "é"}],
            },
        },
        "response": {
            "status": 200,
            "statusText": "Fine",
            "httpVersion": "HTTP/1.1",
            "cookies": [{
                "name": "s", "value": "1", "path": "/x", "domain": "",
                "httpOnly": true, "secure": false, "sameSite": "Lax",
            }],
            "headers": [
                {"name": "Content-Type", "value": "text/html"},
                {"name": "Set-Cookie", "value": "s=1; Path=/x; HttpOnly; SameSite=Lax"},
                {"name": "X", "value": "1"},
                {"name": "x", "value": "2"},
            ],
            "content": {"size": 5, "compression": 0, "mimeType": "text/html", "text": "<p>é"},
            "redirectURL": "",
            "headersSize": 126,
            "bodySize": 5,
        },
        "cache": {},
        "timings": {"connect": 500.0, "ssl": 250.0, "send": 250.0, "receive": 250.0, "wait": 1000.0},
        "serverIPAddress": "10.0.0.1",
    });
    assert_eq!(got, expected);
}

#[test]
fn the_text_is_indented_ascii() {
    let (_, bytes) = exported(&[]);
    let head = format!(
        "{{\n    \"log\": {{\n        \"version\": \"1.2\",\n        \"creator\": {{\n            \"name\": \"midwire\",\n            \"version\": \"{}\",\n            \"comment\": \"\"\n        }},\n        \"pages\": [],\n        \"entries\": []\n    }}\n}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(String::from_utf8(bytes).unwrap(), head);
    let (_, bytes) = exported(&[Flow::Http(Box::new(flow(
        "text/html",
        "<p>é😀\"\u{1} and more",
    )))]);
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.is_ascii());
    assert!(text.contains("\"text\": \"<p>\\u00e9\\ud83d\\ude00\\\"\\u0001 and more\""));
    assert!(text.contains("\n            {\n                \"startedDateTime\""));
}

#[test]
fn connecting_counts_once_for_each_server() {
    let first = flow("", "");
    let (har, _) = exported(&[
        Flow::Http(Box::new(first.clone())),
        Flow::Http(Box::new(first)),
    ]);
    let connect = |i: usize| har["log"]["entries"][i]["timings"]["connect"].as_f64();
    assert_eq!((connect(0), connect(1)), (Some(500.0), Some(-1.0)));
}

#[test]
fn other_flows_are_counted() {
    let info = flow("", "").info;
    let tcp = Flow::Tcp(MessageFlow {
        info,
        messages: Vec::new(),
    });
    let http = Flow::Http(Box::new(flow("", "")));
    let summary = export([&tcp, &http, &tcp], Vec::new()).unwrap();
    assert_eq!(
        summary,
        Summary {
            entries: 1,
            skipped: 2
        }
    );
}

#[test]
fn what_is_exported_comes_back() {
    for (content_type, content) in [
        ("text/html", &b"<p>\xc3\xa9</p>"[..]),
        ("text/html", b"\xff\xfe\x00\x01"),
        ("text/plain", b"\xc3\xa9 without a charset"),
        ("text/plain", b"\xe9 in latin-1"),
        ("text/plain; charset=utf-8", b"\xef\xbb\xbfmark"),
        ("text/plain; charset=shift_jis", b"\x83\x65\x83\x58\x83\x67"),
        ("text/plain; charset=nonsense", b"\xe9"),
        ("image/png", b"\x89PNG\r\n\x1a\n\0\0\0"),
        ("", b""),
    ] {
        let flow = flow(content_type, content);
        let back = again(&flow);
        assert_eq!(back.request, flow.request, "{content_type}");
        assert_eq!(back.response, flow.response, "{content_type}");
    }
}

#[test]
fn content_that_is_misread_as_latin_1_goes_as_base64() {
    let entry = entry(flow("text/plain", "é"));
    assert_eq!(entry["response"]["content"]["encoding"], "base64");
    let entry = self::entry(flow("text/plain", &b"caf\xe9 au lait"[..]));
    assert_eq!(entry["response"]["content"]["text"], "café au lait");
}

#[test]
fn codings_are_taken_off() {
    let mut flow = flow("text/plain", "");
    let response = flow.response.as_mut().unwrap();
    let gzip = crate::codec::encode(b"hello hello hello hello hello hello", "gzip").unwrap();
    let size = gzip.len() as i64;
    response.fields.append("Content-Encoding", "gzip");
    response
        .fields
        .append("Content-Length", gzip.len().to_string());
    response.content = Content::Memory(gzip.into());
    let content = entry(flow.clone())["response"]["content"].take();
    assert_eq!(content["text"], "hello hello hello hello hello hello");
    assert_eq!(content["size"], size);
    assert_eq!(content["compression"], 35 - size);
    let back = again(&flow).response.unwrap();
    assert!(!back.fields.contains("content-encoding"));
    assert_eq!(back.fields.get("content-length"), Some(&b"35"[..]));
}

#[test]
fn flows_without_a_response_come_back() {
    let mut flow = flow("", "");
    flow.response = None;
    flow.info.error = Some(FlowError {
        msg: "refused".into(),
        timestamp: 1.0,
    });
    let response = entry(flow.clone())["response"].take();
    assert_eq!(response["status"], 0);
    assert_eq!(response["_error"], "refused");
    let back = again(&flow);
    assert_eq!(back.response, None);
    assert_eq!(back.info.error.unwrap().msg, "refused");
    flow.info.error = None;
    assert_eq!(entry(flow.clone())["response"]["_error"], Json::Null);
    assert_eq!(again(&flow).info.error, None);
}

#[test]
fn odd_requests_come_back() {
    for (method, url, version) in [
        ("CONNECT", "http://example.com:443/", "HTTP/1.1"),
        ("OPTIONS", "http://example.com/", "HTTP/2.0"),
        ("DELETE", "https://[::1]:8443/x", "HTTP/1.0"),
        ("GET", "https://example.com/?a=b#c", "HTTP/3"),
    ] {
        let mut flow = flow("", "");
        flow.request = Request::make(method, url, "body", Fields::new()).unwrap();
        let request = &mut flow.request;
        request.timestamp_start = 1.into();
        request.timestamp_end = Some(1.5.into());
        request.version = Bytes::from_static(version.as_bytes());
        match method {
            "CONNECT" => {
                request.authority = Bytes::from_static(b"example.com:443");
                request.path = Bytes::new();
                request.scheme = Bytes::new();
            }
            "OPTIONS" => request.path = Bytes::from_static(b"*"),
            _ => request.path = [&request.path[..], "é".as_bytes()].concat().into(),
        }
        let back = again(&flow);
        assert_eq!(back.request, flow.request, "{method}");
    }
}

#[test]
fn websocket_messages_come_back() {
    let mut flow = flow("", "");
    let message = |opcode, from_client, content: &'static [u8]| WebSocketMessage {
        opcode,
        from_client,
        content: Bytes::from_static(content),
        timestamp: 1.5.into(),
        dropped: false,
        injected: false,
    };
    let messages = vec![
        message(1, true, "é".as_bytes()),
        message(2, false, b"\xff\0"),
    ];
    flow.websocket = Some(WebSocketData {
        messages,
        ..WebSocketData::default()
    });
    let entry = entry(flow.clone());
    assert_eq!(entry["_resourceType"], "websocket");
    assert_eq!(
        entry["_webSocketMessages"][1],
        json!({"type": "receive", "time": 1.5, "opcode": 2, "data": "/wA="})
    );
    assert_eq!(again(&flow).websocket, flow.websocket);
}

/// An entry of another program.
fn foreign() -> Json {
    json!({"log": {"entries": [{
        "startedDateTime": "2024-01-02T03:04:05.5Z",
        "time": 1500,
        "request": {
            "method": "GET", "url": "https://example.com/x", "httpVersion": "http/2.0",
            "headers": [["A", "1"], {"name": "b", "value": "2"}],
        },
        "response": {
            "status": 404, "statusText": "", "httpVersion": "HTTP/3",
            "headers": [{"name": "content-encoding", "value": "br"}],
            "content": {"text": "x"},
        },
        "serverIPAddress": "1.2.3.4",
    }]}})
}

#[test]
fn entries_of_other_programs_are_read() {
    let flow = imported(foreign().to_string().as_bytes()).remove(0);
    let request = &flow.request;
    assert_eq!(request.url(), "https://example.com/x");
    assert_eq!(&request.version[..], b"HTTP/2");
    assert_eq!(
        request.fields,
        Fields::from_pairs([("A", "1"), ("b", "2"), ("content-length", "0")])
    );
    assert_eq!(request.timestamp_start.as_f64(), 1_704_164_645.5);
    assert_eq!(request.timestamp_end.unwrap().as_f64(), 1_704_164_647.0);
    let response = flow.response.unwrap();
    assert_eq!(
        (response.status, &response.reason[..]),
        (404, &b"Not Found"[..])
    );
    assert_eq!(&response.version[..], b"HTTP/3");
    assert_eq!(response.content, Content::Memory(Bytes::from_static(b"x")));
    assert_eq!(
        response.fields,
        Fields::from_pairs([("content-length", "1")])
    );
    let server = &flow.info.server_conn;
    assert_eq!(server.address, Some(Address::new("1.2.3.4", 443)));
}

#[test]
fn forms_may_come_as_pairs() {
    let mut har = foreign();
    har["log"]["entries"][0]["request"]["postData"] =
        json!({"mimeType": "", "params": [{"name": "a b", "value": "é"}]});
    let flow = imported(har.to_string().as_bytes()).remove(0);
    let content = flow.request.content.bytes().unwrap();
    assert_eq!(&content[..], b"a+b=%C3%A9");
}

#[test]
fn half_of_a_surrogate_pair_does_not_spoil_a_file() {
    for (text, expected) in [
        (r"\ud83d\ude00", r"\ud83d\ude00"),
        (r"\ud83d", "\u{fffd}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}\\ud83d\\ude00"),
        (r"\\ud83d \u00e9", r"\\ud83d \u00e9"),
        (r"x\", r"x\"),
        (r"\é\udc", r"\é\udc"),
    ] {
        assert_eq!(without_lone_surrogates(text), expected, "{text}");
    }
    let har = foreign().to_string().replacen("\"x\"", "\"a\\ud800b\"", 1);
    let flow = imported(har.as_bytes()).remove(0);
    let content = flow.response.unwrap().content.bytes().unwrap();
    assert_eq!(&content[..], "a\u{fffd}b".as_bytes());
}

#[test]
fn errors_name_the_entry() {
    let edit = |path: &str, value: Json| {
        let mut har = foreign();
        *har.pointer_mut(&format!("/log/entries/0/{path}")).unwrap() = value;
        har
    };
    for (har, error) in [
        (
            edit("startedDateTime", "x".into()),
            "startedDateTime is no date",
        ),
        (edit("time", Json::Null), "time is no number"),
        (
            edit("request/url", "x".into()),
            "request.url: No hostname given",
        ),
        (
            edit("request/headers", json!([["a"]])),
            "request.headers has a field without name or value",
        ),
        (edit("response", json!({})), "response.status is missing"),
        (
            edit("response/status", 70_000.into()),
            "response.status is no status code",
        ),
        (
            edit(
                "response/content",
                json!({"text": "?", "encoding": "base64"}),
            ),
            "response.content.text is no base64",
        ),
    ] {
        assert_eq!(error_of(&har), format!("entry 1: {error}"));
    }
    for text in [
        "{",
        "{}",
        "{\"log\": {\"entries\": {}}}",
        "{\"log\": 1}\u{0}",
    ] {
        assert!(Importer::read(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn compressed_files_are_read() {
    let flows = [Flow::Http(Box::new(flow("text/html", "x")))];
    let mut out = Vec::new();
    export_compressed(&flows, &mut out).unwrap();
    let back: Vec<_> = crate::file::open_flows(&out[..]).collect();
    assert_eq!(back.len(), 1);
    assert!(back[0].is_ok());
    assert!(Importer::read_compressed(&out[..out.len() / 2]).is_err());
}

proptest! {
    #[test]
    fn any_content_gives_json_and_comes_back(
        content in any::<Vec<u8>>(),
        name in "[a-z]{1,5}",
        value in any::<Vec<u8>>(),
        kind in prop_oneof![Just("text/plain"), Just("text/html; charset=utf-16"), Just("a/json")],
    ) {
        let mut flow = flow(kind, content);
        flow.request.fields.append(name, value.clone());
        flow.response.as_mut().unwrap().reason = value.into();
        let (_, bytes) = exported(&[Flow::Http(Box::new(flow.clone()))]);
        prop_assert!(bytes.is_ascii());
        let back = imported(&bytes).remove(0);
        prop_assert_eq!(back.response.unwrap().content, flow.response.unwrap().content);
    }

    #[test]
    fn any_text_is_harmless(text in any::<String>()) {
        let _ = without_lone_surrogates(&text);
        let _ = Importer::read(text.as_bytes());
    }
}
