//! Flows and what is printed about them, level by level. Checked against the original where it is safe to copy.

use std::sync::Arc;

use bytes::Bytes;
use midwire_core::Link;
use midwire_core::options::Value;
use midwire_flow::{
    Address, Content, DnsFlow, Flow, FlowError, MessageFlow, Number, Response, StreamMessage,
    WebSocketData, WebSocketMessage,
};
use midwire_wire::Fields;
use midwire_wire::dns::{Message, Question, Record};

use super::*;
use crate::output::Colour;
use crate::output::tests::Shared;
use crate::replay;
use crate::testing::{self, http_flow, info};

/// What is printed when the hooks of these flows run.
async fn printed(options: &[(&str, Value)], colour: Colour, flows: Vec<Flow>) -> String {
    let out = Shared::default();
    let output = Output::new(Box::new(out.clone()), colour);
    let kernel = testing::kernel(options);
    kernel
        .set_addons(vec![Link::Sync(Arc::new(Dumper::new(output)))])
        .unwrap();
    for flow in flows {
        replay(&kernel, flow).await;
    }
    out.take()
}

async fn check(detail: i64, flow: impl Into<Box<HttpFlow>>, expected: &str) {
    let options = [("flow_detail", Value::Int(detail))];
    let flow = Flow::Http(flow.into());
    let text = printed(&options, Colour::Never, vec![flow]).await;
    assert_eq!(text, expected, "level {detail}");
}

fn answered(status: u16, content: &'static str) -> HttpFlow {
    let mut flow = http_flow("GET http://example.com/a/b");
    flow.request.fields = Fields::from_pairs([("Host", "example.com"), ("X-Empty", "")]);
    let fields = Fields::from_pairs([("X-Test", &b"\xe2\x9d\xa4 \x01x"[..])]);
    let mut response = Response::make(status, "", fields);
    response.fields.remove("content-length");
    response.content = Content::Memory(Bytes::from_static(content.as_bytes()));
    flow.response = Some(response);
    flow
}

#[tokio::test]
async fn levels_add_detail() {
    let flow = || answered(200, "one\n\ttwo\n");
    check(0, flow(), "").await;
    check(
        1,
        flow(),
        "127.0.0.1:22: GET http://example.com/a/b\n           << 200 OK 9b\n",
    )
    .await;
    let two = "127.0.0.1:22: GET http://example.com/a/b\n    Host: example.com\n    X-Empty:\n \
               << 200 OK 9b\n    X-Test: \\xe2\\x9d\\xa4 \\x01x\n";
    check(2, flow(), two).await;
    let three = "127.0.0.1:22: GET http://example.com/a/b\n    Host: example.com\n    X-Empty:\n\n \
                 << 200 OK 9b\n    X-Test: \\xe2\\x9d\\xa4 \\x01x\n\n    one\n    \ttwo\n\n";
    check(3, flow(), three).await;
    check(4, flow(), three).await;
}

#[tokio::test]
async fn trailers_stand_below_their_message() {
    let mut flow = answered(200, "");
    flow.request.fields = Fields::new();
    flow.request.trailers = Some(Fields::from_pairs([("t", "1")]));
    flow.response.as_mut().unwrap().fields = Fields::new();
    check(
        2,
        flow,
        "127.0.0.1:22: GET http://example.com/a/b\n    --- HTTP Trailers\n    t: 1\n << 200 OK 0b\n",
    )
    .await;
}

#[tokio::test]
async fn urls_are_cut_at_level_one_only() {
    let long = format!("GET http://example.com/{}", "a".repeat(600));
    let mut flow = http_flow(&long);
    flow.info.error = Some(FlowError::new("gone\x1b[2J"));
    let text = printed(&[], Colour::Never, vec![Flow::Http(Box::new(flow.clone()))]).await;
    let (first, second) = text.split_once('\n').unwrap();
    assert!(first.ends_with("aaa…"), "{first}");
    assert!(first.chars().count() < 600);
    assert_eq!(second, " << gone.[2J\n");
    let full = format!("127.0.0.1:22: {long}\n << gone.[2J\n");
    check(2, flow, &full).await;
}

#[tokio::test]
async fn versions_are_shown_unless_both_are_http1_alike() {
    let versions = |request, response| {
        let mut flow = answered(404, "x");
        flow.request.version = Bytes::from_static(request);
        let answer = flow.response.as_mut().unwrap();
        answer.version = Bytes::from_static(response);
        answer.reason = Bytes::from_static(b"Missing");
        flow
    };
    let line = "127.0.0.1:22: GET http://example.com/a/b";
    check(
        1,
        versions(b"HTTP/1.0", b"HTTP/1.0"),
        &format!("{line}\n           << 404 Missing 1b\n"),
    )
    .await;
    check(
        1,
        versions(b"HTTP/1.1", b"HTTP/1.0"),
        &format!("{line} HTTP/1.1\n  << HTTP/1.0 404 Missing 1b\n"),
    )
    .await;
    check(
        1,
        versions(b"HTTP/2.0", b"HTTP/2.0"),
        &format!("{line} HTTP/2.0\n  << HTTP/2.0 404 Not Found 1b\n"),
    )
    .await;
}

#[tokio::test]
async fn replays_sizes_and_missing_clients() {
    let mut flow = answered(200, "");
    flow.info.is_replay = Some(Replay::Request);
    flow.response.as_mut().unwrap().content = Content::Missing;
    let url = "GET http://example.com/a/b";
    let pad = " ".repeat(10);
    check(
        1,
        flow.clone(),
        &format!("[replay]: {url}\n{pad} << 200 OK (content missing)\n"),
    )
    .await;
    flow.info.is_replay = Some(Replay::Response);
    flow.response.as_mut().unwrap().content = Content::Passed { size: 2048 };
    check(
        1,
        flow.clone(),
        &format!("127.0.0.1:22: {url}\n[replay]   << 200 OK 2.0k\n"),
    )
    .await;
    flow.info.is_replay = None;
    flow.info.client_conn = Arc::default();
    check(1, flow, &format!(": {url}\n{pad} << 200 OK 2.0k\n")).await;
}

#[tokio::test]
async fn missing_and_broken_content_is_said_to_be() {
    let mut flow = answered(200, "not gzip");
    flow.request.fields = Fields::new();
    flow.request.content = Content::Missing;
    let response = flow.response.as_mut().unwrap();
    response.fields = Fields::from_pairs([("content-encoding", "gzip")]);
    check(
        3,
        flow,
        "127.0.0.1:22: GET http://example.com/a/b\n\n    Content is missing.\n\n \
         << 200 OK 8b\n    content-encoding: gzip\n\n    not gzip\n\n",
    )
    .await;
}

#[tokio::test]
async fn long_content_is_cut_at_level_three() {
    let options = |detail| {
        [
            ("flow_detail", Value::Int(detail)),
            ("content_view_lines_cutoff", Value::Int(2)),
        ]
    };
    let text = |content, detail| async move {
        let flow = Flow::Http(Box::new(answered(200, content)));
        let text = printed(&options(detail), Colour::Never, vec![flow]).await;
        text.split_once("x\n\n").unwrap().1.to_owned()
    };
    assert_eq!(
        text("1\n2\n3\n", 3).await,
        "    1\n    2\n    (cut off)\n\n"
    );
    assert_eq!(text("1\n2\n", 3).await, "    1\n    2\n\n");
    assert_eq!(text("1\n2\n3\n", 4).await, "    1\n    2\n    3\n\n");
}

#[tokio::test]
async fn no_more_is_decoded_than_the_limit() {
    let bomb = midwire_flow::codec::encode(&vec![b'a'; 4 << 20], "br").unwrap();
    for detail in [3, 4] {
        let mut flow = answered(200, "");
        let response = flow.response.as_mut().unwrap();
        response.fields = Fields::from_pairs([("content-encoding", "br")]);
        response.content = Content::Memory(bomb.clone().into());
        let options = [
            ("flow_detail", Value::Int(detail)),
            ("content_view_size_limit", Value::from("1k")),
        ];
        let text = printed(&options, Colour::Never, vec![Flow::Http(Box::new(flow))]).await;
        assert!(
            text.ends_with("\n    (cut: more than 1k decoded)\n\n"),
            "{text}"
        );
        assert_eq!(text.matches("aaaa").count(), 1024 / 4);
    }
}

#[tokio::test]
async fn only_matching_flows_are_printed_with_the_wanted_host() {
    let flow = || {
        let mut flow = answered(200, "x");
        flow.request.host = "10.0.0.1".to_owned();
        Flow::Http(Box::new(flow))
    };
    let options = [
        ("dumper_filter", Value::from("~u example.com")),
        ("showhost", Value::Bool(true)),
    ];
    let text = printed(&options, Colour::Never, vec![flow()]).await;
    assert!(text.contains("http://example.com/a/b"), "{text}");
    let options = [("dumper_filter", Value::from("~m POST"))];
    assert_eq!(printed(&options, Colour::Never, vec![flow()]).await, "");
}

#[tokio::test]
async fn colours_surround_what_is_clean() {
    let mut flow = answered(418, "");
    flow.request.method = Bytes::from_static(b"DELETE\x1b");
    let text = printed(&[], Colour::Always, vec![Flow::Http(Box::new(flow))]).await;
    let expected = "127.0.0.1:22: \x1b[35m\x1b[1mDELETE.\x1b[0m \x1b[1mhttp://example.com/a/b\x1b[0m\n          \
                    \x1b[1m <<\x1b[0m \x1b[31m\x1b[1m\x1b[5m418\x1b[0m \x1b[31m\x1b[1mI'm a teapot\x1b[0m \x1b[1m0b\x1b[0m\n";
    assert_eq!(text, expected);
}

fn message(from_client: bool, content: &'static str) -> StreamMessage {
    StreamMessage {
        from_client,
        content: Bytes::from_static(content.as_bytes()),
        timestamp: Number::default(),
    }
}

#[tokio::test]
async fn streams_are_printed_message_by_message() {
    let flow = || MessageFlow {
        info: info(),
        messages: vec![message(true, "foo\x01\x02bar"), message(false, "hi")],
    };
    let text = printed(&[], Colour::Never, vec![Flow::Tcp(flow())]).await;
    assert_eq!(
        text,
        "127.0.0.1:22 -> tcp -> address:80\n127.0.0.1:22 <- tcp <- address:80\n"
    );
    let options = [("flow_detail", Value::Int(3))];
    let text = printed(&options, Colour::Never, vec![Flow::Udp(flow())]).await;
    assert_eq!(
        text,
        "127.0.0.1:22 -> udp -> address:80\n\n    foo..bar\n\n127.0.0.1:22 <- udp <- address:80\n\n    hi\n\n"
    );
    let mut failed = flow();
    failed.messages.clear();
    failed.info.error = Some(FlowError::new("gone\n"));
    let text = printed(&[], Colour::Never, vec![Flow::Udp(failed)]).await;
    assert_eq!(text, "Error in UDP connection to address:80: gone.\n");
    let mut quic = flow();
    quic.messages.truncate(1);
    let mut client = (*quic.info.client_conn).clone();
    client.tls_version = Some("QUICv1".to_owned());
    quic.info.client_conn = Arc::new(client);
    let id = midwire_flow::Value::Int(4);
    quic.info.set_meta("quic_stream_id_client", id);
    let text = printed(&[], Colour::Never, vec![Flow::Tcp(quic)]).await;
    assert_eq!(
        text,
        "127.0.0.1:22 -> quic stream 4 -> mitmproxy -> quic stream  -> address:80\n"
    );
}

#[tokio::test]
async fn websocket_messages_and_ends_are_printed() {
    let flow = |code: Option<i64>, by_client: bool, reason: &str| {
        let mut flow = answered(101, "");
        flow.request.fields = Fields::new();
        flow.websocket = Some(WebSocketData {
            messages: vec![WebSocketMessage {
                opcode: 1,
                from_client: true,
                content: Bytes::from_static(b"hello"),
                timestamp: Number::default(),
                dropped: false,
                injected: false,
            }],
            closed_by_client: Some(by_client),
            close_code: code,
            close_reason: Some(reason.to_owned()),
            timestamp_end: None,
        });
        Flow::Http(Box::new(flow))
    };
    let end = |flow| async move {
        let text = printed(&[], Colour::Never, vec![flow]).await;
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[2],
            "127.0.0.1:22 -> WebSocket text message -> address:80/a/b"
        );
        lines[3].to_owned()
    };
    assert_eq!(
        end(flow(Some(1000), true, "")).await,
        "WebSocket connection closed by client: 1000 "
    );
    assert_eq!(
        end(flow(Some(1001), false, "bye\x1b")).await,
        "WebSocket connection closed by server: 1001 bye."
    );
    let error = "Error in WebSocket connection to address:80: WebSocket Error: ";
    assert_eq!(
        end(flow(Some(1002), true, "bad")).await,
        format!("{error}PROTOCOL_ERROR (reason: bad)")
    );
    assert_eq!(
        end(flow(Some(4000), true, "")).await,
        format!("{error}UNKNOWN_ERROR=4000")
    );
}

#[tokio::test]
async fn dns_answers_codes_and_errors_are_printed() {
    let query = |kind: u16, answers: Vec<Record>| {
        let request = Message {
            query: true,
            questions: vec![Question {
                name: "foo.test".to_owned(),
                type_: kind,
                class: 1,
            }],
            ..Message::default()
        };
        let response = request.succeed(answers);
        Flow::Dns(Box::new(DnsFlow {
            info: info(),
            request,
            request_timestamp: Number::default(),
            response: Some(response),
            response_timestamp: None,
        }))
    };
    let check = |flow, expected: &'static str| async move {
        let text = printed(&[], Colour::Never, vec![flow]).await;
        assert_eq!(text, expected);
    };
    let one = Record::address("foo.test", "1.2.3.4".parse().unwrap());
    let two = Record::address("foo.test", "5.6.7.8".parse().unwrap());
    check(
        query(1, vec![one, two]),
        "127.0.0.1:22: DNS QUERY (A) foo.test\n << 1.2.3.4, 5.6.7.8\n",
    )
    .await;
    check(
        query(28, vec![]),
        "127.0.0.1:22: DNS QUERY (AAAA) foo.test\n << NOERROR\n",
    )
    .await;
    let Flow::Dns(mut failed) = query(1, vec![]) else {
        panic!("a DNS flow");
    };
    failed.response = None;
    failed.info.error = Some(FlowError::new("no route"));
    check(
        Flow::Dns(failed),
        "127.0.0.1:22: DNS QUERY (A) foo.test\n << no route\n",
    )
    .await;
}

#[test]
fn interest_and_content_follow_the_options() {
    let check = |options: &[(&str, Value)], wants: HookSet, need: ContentNeed| {
        let kernel = testing::kernel(options);
        let out = Output::new(Box::new(Shared::default()), Colour::Never);
        let dumper = Arc::new(Dumper::new(out));
        kernel.set_addons(vec![Link::Sync(dumper.clone())]).unwrap();
        assert_eq!(dumper.interest(&kernel.options().load()), wants);
        let flow = http_flow("GET http://example.com/");
        assert_eq!(dumper.content_need(&kernel, &flow, Part::Response), need);
    };
    let detail = |detail| ("flow_detail", Value::Int(detail));
    let content = HOOKS.union(HookSet::CONTENT);
    check(&[detail(0)], HookSet::EMPTY, ContentNeed::Nothing);
    check(&[detail(2)], HOOKS, ContentNeed::Nothing);
    check(&[detail(3)], content, ContentNeed::Copy);
    let filter = |text| ("dumper_filter", Value::from(text));
    check(&[filter("~u x")], HOOKS, ContentNeed::Nothing);
    check(&[filter("~bs x")], content, ContentNeed::Copy);
    check(&[filter("~bq x")], content, ContentNeed::Nothing);
}

#[test]
fn a_bad_filter_is_refused() {
    let kernel = testing::kernel(&[("dumper_filter", Value::from("~u ("))]);
    let out = Output::new(Box::new(Shared::default()), Colour::Never);
    let links = vec![Link::Sync(Arc::new(Dumper::new(out)))];
    assert!(kernel.set_addons(links).is_err());
}

#[test]
fn unspecified_servers_are_shown_as_stars() {
    assert_eq!(show::address(Some(&Address::new("::", 53))), "*:53".into());
}
