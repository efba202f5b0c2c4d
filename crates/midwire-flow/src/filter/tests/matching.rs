//! Which flows expressions match. The table was made by mitmproxy 12.2.3 with the same flows.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use midwire_wire::Fields;
use midwire_wire::dns::{Question, Record};

use super::*;
use crate::{
    Address, ClientConn, Connection, Content, Dns, DnsFlow, FlowError, FlowInfo, MessageFlow,
    Number, Replay, Request, Response, ServerConn, Spill, StreamMessage, Value, WebSocketData,
    WebSocketMessage,
};

type Pairs = &'static [(&'static str, &'static str)];

fn info(peer: (&str, u16), server: Option<(&str, u16)>) -> FlowInfo {
    let client_conn = ClientConn {
        connection: Connection {
            peername: Some(Address::new(peer.0, peer.1)),
            ..Connection::default()
        },
        ..ClientConn::default()
    };
    let server_conn = ServerConn {
        address: server.map(|(host, port)| Address::new(host, port)),
        ..ServerConn::default()
    };
    FlowInfo::new(Arc::new(client_conn), Arc::new(server_conn))
}

fn request(
    method: &'static str,
    url: (&'static str, &str, u16, &'static str),
    fields: Pairs,
) -> Request {
    let (scheme, host, port, path) = url;
    Request {
        host: host.to_owned(),
        port,
        method: method.into(),
        scheme: scheme.into(),
        authority: Bytes::new(),
        path: path.into(),
        version: "HTTP/1.1".into(),
        fields: Fields::from_pairs(fields.iter().copied()),
        content: Content::Memory(Bytes::new()),
        trailers: None,
        timestamp_start: Number::Int(0),
        timestamp_end: None,
    }
}

fn response(status: u16, fields: Pairs, content: impl Into<Bytes>) -> Response {
    Response {
        version: "HTTP/1.1".into(),
        status,
        reason: "OK".into(),
        fields: Fields::from_pairs(fields.iter().copied()),
        content: Content::Memory(content.into()),
        trailers: None,
        timestamp_start: Number::Int(0),
        timestamp_end: None,
    }
}

fn http(request: Request, response: Option<Response>) -> HttpFlow {
    HttpFlow {
        info: info(("10.1.2.3", 40000), Some(("srv.test", 80))),
        request,
        response,
        websocket: None,
    }
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn messages(list: &[(bool, &'static str)]) -> MessageFlow {
    MessageFlow {
        info: info(("10.0.0.1", 2), Some(("s.test", 22))),
        messages: list
            .iter()
            .map(|(from_client, content)| StreamMessage {
                from_client: *from_client,
                content: Bytes::from(*content),
                timestamp: Number::Int(1),
            })
            .collect(),
    }
}

fn web_socket_message(from_client: bool, content: &'static str) -> WebSocketMessage {
    WebSocketMessage {
        opcode: 1,
        from_client,
        content: content.into(),
        timestamp: Number::Int(1),
        dropped: false,
        injected: false,
    }
}

fn dns(request: Dns, response: Option<Dns>) -> DnsFlow {
    DnsFlow {
        info: info(("10.0.0.1", 3), Some(("9.9.9.9", 53))),
        request,
        request_timestamp: Number::Int(1),
        response,
        response_timestamp: None,
    }
}

fn query(questions: Vec<Question>) -> Dns {
    Dns {
        id: 1,
        query: true,
        op_code: 0,
        authoritative_answer: false,
        truncation: false,
        recursion_desired: true,
        recursion_available: false,
        reserved: 0,
        response_code: 0,
        questions,
        answers: Vec::new(),
        authorities: Vec::new(),
        additionals: Vec::new(),
    }
}

fn record(type_: u16, data: &'static [u8]) -> Record {
    Record {
        name: "x.test".to_owned(),
        type_,
        class: 1,
        ttl: 1,
        data: Bytes::from_static(data),
    }
}

fn collection() -> Vec<(&'static str, Flow)> {
    let get = http(
        request(
            "GET",
            ("http", "example.test", 80, "/Index.html?q=1"),
            &[("Host", "pretty.test"), ("User-Agent", "curl/8")],
        ),
        Some(response(
            200,
            &[("Content-Type", "text/html"), ("X-Last", "end")],
            "<p>Hello\nWorld</p>\n",
        )),
    );

    let mut post = http(
        request(
            "POST",
            ("https", "api.test", 8443, "/items"),
            &[
                ("content-type", "application/json"),
                ("content-type", "a/b"),
            ],
        ),
        Some(response(201, &[("Content-Type", "application/json")], "{}")),
    );
    post.request.content = Content::Memory("Grüße \u{212a}".into());
    post.info = info(("::1", 5), Some(("::1", 8443)));

    let mut css = http(
        request("GET", ("http", "cdn.test", 80, "/x.css"), &[]),
        Some(response(
            200,
            &[("Content-Type", "a/b"), ("Content-Type", "x-text/css")],
            "",
        )),
    );
    css.request.content = Content::Missing;
    css.response.as_mut().unwrap().content = Content::Passed { size: 9 };

    let upper_css = http(
        request("GET", ("http", "cdn.test", 80, "/y.CSS"), &[]),
        Some(response(404, &[("Content-Type", "TEXT/CSS")], "")),
    );
    let root = |host| request("GET", ("http", host, 80, "/"), &[]);
    let zipped = http(
        root("z.test"),
        Some(response(
            200,
            &[("Content-Encoding", "GZIP")],
            gzip(b"needle"),
        )),
    );
    let not_zipped = http(
        root("z.test"),
        Some(response(
            200,
            &[("Content-Encoding", "gzip")],
            "plain needle",
        )),
    );

    let mut open = http(request("gEt", ("http", "o.test", 80, "/"), &[]), None);
    open.info = info(("10.1.2.3", 40000), None);
    open.info.error = Some(FlowError::new("boom"));

    let mut marked = http(
        request("HEAD", ("http", "m.test", 80, "/"), &[]),
        Some(response(302, &[], "")),
    );
    marked.info.marked = ":grapes:".to_owned();
    marked.info.comment = "line1\nLine2".to_owned();
    marked.info.is_replay = Some(Replay::Request);
    marked.info.metadata = vec![
        ("team".to_owned(), "blue".into()),
        ("n".to_owned(), Value::Int(5)),
        (
            "l".to_owned(),
            Value::List(vec![1.5.into(), "x".into(), true.into(), Value::Null]),
        ),
        (
            "d".to_owned(),
            Value::Dict(vec![("k".into(), Value::Bytes("y".into()))]),
        ),
    ];

    let mut served = http(
        request("CONNECT", ("", "c.test", 443, ""), &[("Host", "h.test")]),
        Some(response(99, &[], "")),
    );
    served.request.authority = "c.test:443".into();
    served.info.is_replay = Some(Replay::Response);

    let mut h2 = http(
        request("GET", ("https", "h2.test", 443, "/2"), &[]),
        Some(response(200, &[], "")),
    );
    h2.request.authority = "auth.test".into();
    h2.request.version = "HTTP/2.0".into();

    let mut ws = http(
        request(
            "GET",
            ("http", "ws.test", 80, "/chat"),
            &[("Upgrade", "websocket")],
        ),
        Some(response(101, &[], "")),
    );
    ws.info = info(("10.0.0.1", 1), Some(("ws.test", 80)));
    ws.websocket = Some(WebSocketData {
        messages: vec![
            web_socket_message(true, "client hi"),
            web_socket_message(false, "server\nbye"),
        ],
        ..WebSocketData::default()
    });

    let question = query(vec![Question {
        name: "look.test".to_owned(),
        type_: 1,
        class: 1,
    }]);
    let answer = Dns {
        answers: vec![
            record(5, b"\x05alias\x04test\x00"),
            record(1, b"\x0a\x00\x00\x01"),
            record(28, b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"),
            record(16, b"\x05hello"),
            record(99, b"\x01\xab"),
            record(1, b"\x01"),
        ],
        ..question.clone()
    };

    let http = |flow| Flow::Http(Box::new(flow));
    vec![
        ("get", http(get)),
        ("post", http(post)),
        ("css", http(css)),
        ("uppercss", http(upper_css)),
        ("gzip", http(zipped)),
        ("notgzip", http(not_zipped)),
        ("open", http(open)),
        ("marked", http(marked)),
        ("served", http(served)),
        ("h2", http(h2)),
        ("ws", http(ws)),
        (
            "tcp",
            Flow::Tcp(messages(&[(true, "LOGIN bob"), (false, "it's me")])),
        ),
        (
            "udp",
            Flow::Udp(messages(&[(true, "ping"), (false, "pong")])),
        ),
        ("dns", Flow::Dns(dns(question, Some(answer)).into())),
        ("dnsopen", Flow::Dns(dns(query(Vec::new()), None).into())),
    ]
}

#[rustfmt::skip]
const MATCHES: &[(&str, &str)] = &[
    ("~all", "get post css uppercss gzip notgzip open marked served h2 ws tcp udp dns dnsopen"),
    ("~http", "get post css uppercss gzip notgzip open marked served h2 ws"),
    ("~tcp", "tcp"),
    ("~udp", "udp"),
    ("~dns", "dns dnsopen"),
    ("~websocket", "ws"),
    ("~q", "open dnsopen"),
    ("~s", "get post css uppercss gzip notgzip marked served h2 ws dns"),
    ("~e", "open"),
    ("~a", "css"),
    ("~marked", "marked"),
    ("~replay", "marked served"),
    ("~replayq", "marked"),
    ("~replays", "served"),
    ("~c 200", "get css gzip notgzip h2"),
    ("~c 99", "served"),
    ("~c 99999999999999999999", ""),
    ("~m get", "get css uppercss gzip notgzip open h2 ws"),
    ("~m \"^(get|head)$\"", "get css uppercss gzip notgzip open marked h2 ws"),
    ("~u index", "get"),
    ("~u \"^http://pretty\\\\.test/Index\\\\.html\\\\?q=1$\"", "get"),
    ("~u ^https://api.test:8443/items$", "post"),
    ("~u ^c.test:443$", "served"),
    ("~u ^https://auth.test/2$", "h2"),
    ("~u ^look.test$", "dns"),
    ("~u ^", "get post css uppercss gzip notgzip open marked served h2 ws dns"),
    ("look", "dns"),
    ("~u \"(?-i:css)\"", "css"),
    ("~u \"(?-i:CSS)\"", "uppercss"),
    ("~d ^example.test$", "get"),
    ("~d ^pretty.test$", "get"),
    ("~d ^auth.test$", "h2"),
    ("~d ^h.test$", "served"),
    ("~d .", "get post css uppercss gzip notgzip open marked served h2 ws"),
    ("~h ^user-agent:.curl", "get"),
    ("~h curl/8$", ""),
    ("~h curl/8.$", "get"),
    ("~h \"curl/8\\r$\"", "get"),
    ("~h \"^x-last: end\\\\s+\\\\Z\"", "get"),
    ("~hq ^$", "get post css uppercss gzip notgzip open marked served h2 ws"),
    ("~hq ^.", "get post served ws"),
    ("~hs .", "get post css uppercss gzip notgzip"),
    ("~hs ^$", "get post css uppercss gzip notgzip marked served h2 ws"),
    ("~t json", "post"),
    ("~tq ^a/b$", "post"),
    ("~tq \"application/json, a/b\"", ""),
    ("~ts json", "post"),
    ("~ts .", "get post css uppercss"),
    ("~b needle", "gzip notgzip"),
    ("~b plain", "notgzip"),
    ("~b hello.world", "get"),
    ("~b \"hello.world</p>$\"", "get"),
    ("~b \"</p>\\\\Z\"", ""),
    ("~b \"</p>$\"", "get"),
    ("~bq ^$", "get uppercss gzip notgzip open marked served h2 ws dnsopen"),
    ("~bs ^$", "uppercss marked served h2 ws"),
    ("~b ^$", "get uppercss gzip notgzip open marked served h2 ws dnsopen"),
    ("~bq grüße", "post"),
    ("~bq GRÜSSE", ""),
    ("~bq GRÜßE", ""),
    ("~bq GRüßE", "post"),
    ("~bq k", "dns"),
    ("~bq \"\\\\xc3\\\\xbc\"", "post"),
    ("~bq \"[ü]\"", "post"),
    ("~bq \"gr.ße\"", ""),
    ("~bq \"gr..ße\"", "post"),
    ("~bq hi", "ws"),
    ("~bs hi", ""),
    ("~bs server.bye", "ws"),
    ("~b client", "ws"),
    ("~bq LOGIN", "tcp"),
    ("~b login", "tcp"),
    ("~bs \"it.s me\"", "tcp"),
    ("~b ping", "udp"),
    ("~bs pong", "udp"),
    ("~b look.test", "dns"),
    ("~bq look.test", "dns"),
    ("~bs look.test", "dns"),
    ("~bs alias.test", "dns"),
    ("~bs \"10\\\\.0\\\\.0\\\\.1\"", "dns"),
    ("~bs \"\\n::1\\r\\n\"", "dns"),
    ("~bs hello", "get dns"),
    ("~bs ^0x01ab", ""),
    ("~bs 0x01ab", "dns"),
    ("~bs \"invalid A data\"", "dns"),
    ("~comment ^line2$", "marked"),
    ("~comment ^$", "get post css uppercss gzip notgzip open served h2 ws tcp udp dns dnsopen"),
    ("~comment line1.line2", ""),
    ("~marker grapes", "marked"),
    ("~marker ^$", "get post css uppercss gzip notgzip open served h2 ws tcp udp dns dnsopen"),
    ("~meta \"^team: blue$\"", "marked"),
    ("~meta \"^n: 5$\"", "marked"),
    ("~meta \"l: \\\\[1\\\\.5, 'x', True, None\\\\]\"", "marked"),
    ("~meta \"d: \\\\{'k': b'y'\\\\}\"", "marked"),
    ("~meta ^$", "get post css uppercss gzip notgzip open served h2 ws tcp udp dns dnsopen"),
    ("~src 10.1.2.3:40000", "get css uppercss gzip notgzip open marked served h2"),
    ("~src ^::1:5$", "post"),
    ("~src \"\\\\[::1\"", ""),
    ("~dst ^::1:8443$", "post"),
    ("~dst ^srv.test:80$", "get css uppercss gzip notgzip marked served h2"),
    ("~dst ^", "get post css uppercss gzip notgzip marked served h2 ws tcp udp dns dnsopen"),
    ("~dst 9.9.9.9", "dns dnsopen"),
    ("!~http", "tcp udp dns dnsopen"),
    ("~http & !~s", "open"),
    ("~u \"(?<!x)\\\\.css\"", "uppercss"),
    ("~u \"(\\\\w)\\\\1\"", "get post css uppercss gzip notgzip open marked served h2 ws dns"),
    ("~b \"(?<=nee)dle\"", "gzip notgzip"),
    ("~bq \"(?<!\\\\xc3)\\\\xbc\"", ""),
    ("~u \"test$\"", "dns"),
    ("~m \"^GET$\"", "get css uppercss gzip notgzip open h2 ws"),
];

#[test]
fn flows_match_as_in_mitmproxy() {
    let flows = collection();
    for (expression, names) in MATCHES {
        let filter = parse(expression).unwrap();
        let matching: Vec<_> = flows
            .iter()
            .filter(|(_, flow)| filter.matches(flow))
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(matching.join(" "), *names, "{expression}");
        for (name, flow) in &flows {
            if let Some(http) = flow.as_http() {
                assert_eq!(
                    filter.matches_http(http),
                    filter.matches(flow),
                    "{expression} {name}"
                );
            }
        }
    }
}

#[test]
fn case_counts_if_asked() {
    let flows = collection();
    let matches = |expression, name| {
        let filter = Filter::parse_with(expression, Case::Sensitive).unwrap();
        let (_, flow) = flows.iter().find(|(n, _)| *n == name).unwrap();
        filter.matches(flow)
    };
    assert!(matches("~u Index", "get"));
    assert!(!matches("~u index", "get"));
    assert!(!matches("~m get", "get"));
    assert!(matches("~b LOGIN", "tcp"));
    assert!(!matches("~b login", "tcp"));
}

#[test]
fn spilled_content_is_searched() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"a spilled needle").unwrap();
    let mut flow = http(request("GET", ("http", "x.test", 80, "/"), &[]), None);
    flow.request.content = Content::Spilled(Arc::new(Spill::new(file, 16)));
    assert!(parse("~bq needle$").unwrap().matches_http(&flow));
    assert!(!parse("~bs needle").unwrap().matches_http(&flow));
}

#[test]
fn several_codings_come_off_in_turn() {
    let twice = gzip(&gzip(b"needle"));
    let flow = http(
        request("GET", ("http", "x.test", 80, "/"), &[]),
        Some(response(200, &[("Content-Encoding", "gzip, gzip")], twice)),
    );
    assert!(parse("~bs ^needle$").unwrap().matches_http(&flow));
}
