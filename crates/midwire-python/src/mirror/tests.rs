//! What crosses, and what is made of it.

use bytes::Bytes;
use midwire_flow::{Content, Flow, FlowInfo, HttpFlow, Number, Request, Response, Value};
use midwire_wire::Fields;

use super::put::{View, follow, put_flow};
use super::take::{Refused, new_flow, take_flow};
use super::{INLINE_CONTENT, Mirror, Streamed};
use crate::files::Files;
use crate::value::{self, Writer};

fn flow() -> Flow {
    Flow::Http(Box::new(HttpFlow {
        info: FlowInfo::new(std::sync::Arc::default(), std::sync::Arc::default()),
        request: Request {
            host: "h".to_owned(),
            port: 80,
            method: "GET".into(),
            scheme: "http".into(),
            authority: Bytes::new(),
            path: "/".into(),
            version: "HTTP/1.1".into(),
            fields: Fields::from_pairs([("A", "1")]),
            content: Content::Memory("abc".into()),
            trailers: None,
            timestamp_start: Number::Float(1.0),
            timestamp_end: None,
        },
        response: None,
        websocket: None,
    }))
}

fn answer() -> Response {
    Response {
        version: "HTTP/1.1".into(),
        status: 200,
        reason: "OK".into(),
        fields: Fields::new(),
        content: Content::Missing,
        trailers: None,
        timestamp_start: Number::Float(2.0),
        timestamp_end: None,
    }
}

fn http(flow: &mut Flow) -> &mut HttpFlow {
    match flow {
        Flow::Http(flow) => flow,
        _ => panic!("not HTTP"),
    }
}

fn crossing(old: Option<&Flow>, new: &Flow, streamed: [Streamed; 2]) -> Value {
    let mut w = Writer::default();
    w.dict(|w| put_flow(w, old, new, &View::of(streamed)));
    value::decode(&w.0.into()).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    match value {
        Value::Dict(pairs) => pairs.iter().filter_map(|(key, _)| key.as_text()).collect(),
        _ => panic!("{value:?}"),
    }
}

/// The values of a message that crossed packed.
fn unpacked(flow: &Value, key: &str) -> Vec<Value> {
    let Some(Value::Bytes(packed)) = flow.get(key) else {
        panic!("{key} is not packed in {flow:?}");
    };
    match value::decode(packed).unwrap() {
        Value::List(values) => values,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ten_megabytes_that_nobody_touches_do_not_cross() {
    let mut now = flow();
    let big = Content::Memory(Bytes::from(vec![b'x'; 10 << 20]));
    http(&mut now).request.content = big.clone();
    http(&mut now).response = Some(Response {
        content: big,
        ..answer()
    });
    let crossed = |old: Option<&Flow>, new: &Flow| {
        let mut w = Writer::default();
        w.dict(|w| put_flow(w, old, new, &View::of([Streamed::No; 2])));
        w.0.len()
    };
    let first = crossed(None, &now);
    assert!(first < 1024, "{first} bytes");
    let before = now.clone();
    http(&mut now).response.as_mut().unwrap().status = 404;
    let second = crossed(Some(&before), &now);
    assert!(second < 128, "{second} bytes");
}

#[test]
fn new_flows_leave_out_what_most_have() {
    let mut new = flow();
    let none = [Streamed::No; 2];
    assert_eq!(
        keys(&crossing(None, &new, none)),
        ["timestamp_created", "request"]
    );
    new.info_mut().comment = "c".to_owned();
    new.info_mut().intercepted = true;
    assert_eq!(
        keys(&crossing(None, &new, none)),
        ["intercepted", "comment", "timestamp_created", "request"]
    );
}

#[test]
fn only_newer_parts_cross() {
    let mut known = flow();
    let mut now = known.clone();
    let none = [Streamed::No; 2];
    assert_eq!(crossing(Some(&known), &now, none), Value::Dict(Vec::new()));
    http(&mut now).request.path = "/x".into();
    http(&mut now).response = Some(answer());
    let news = crossing(Some(&known), &now, none);
    assert_eq!(keys(&news), ["request", "response"]);
    assert_eq!(keys(news.get("request").unwrap()), ["path"]);
    assert_eq!(unpacked(&news, "response").len(), 8);
    follow(&mut known, &now);
    assert_eq!(known, now);
    assert_eq!(crossing(Some(&known), &now, none), Value::Dict(Vec::new()));
}

#[test]
fn large_and_streamed_content_stay_here() {
    let mut new = flow();
    for (size, streamed, expected) in [
        (INLINE_CONTENT, Streamed::No, None),
        (
            INLINE_CONTENT + 1,
            Streamed::No,
            Some(Value::Int(INLINE_CONTENT as i64 + 1)),
        ),
        (3, Streamed::Plain, Some(Value::Null)),
        (3, Streamed::Filtered, Some(Value::Null)),
    ] {
        let bytes = Bytes::from(vec![b'x'; size]);
        http(&mut new).request.content = Content::Memory(bytes.clone());
        let got = crossing(None, &new, [streamed, Streamed::No]);
        let expected = expected.unwrap_or(Value::Bytes(bytes));
        assert_eq!(
            unpacked(&got, "request").get(2),
            Some(&expected),
            "{size} {streamed:?}"
        );
    }
}

fn dict(key: &str, value: Value) -> Value {
    Value::Dict(vec![(key.into(), value)])
}

fn bytes(text: &str) -> Value {
    Value::Bytes(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn changes_are_checked_like_network_input() {
    let files = Files::new().unwrap();
    let check = |change: Value, expected: Result<(), Refused>| {
        let got = take_flow(&mut flow(), &dict("request", change.clone()), &files);
        assert_eq!(got, expected, "{change:?}");
    };
    let field =
        |name: &str, value: &str| Value::List(vec![Value::List(vec![bytes(name), bytes(value)])]);
    check(dict("path", bytes("/ok")), Ok(()));
    check(dict("path", bytes("/a b")), Err(Refused("request.path")));
    check(
        dict("path", bytes("/\r\nX: y")),
        Err(Refused("request.path")),
    );
    check(dict("headers", field("A", "b")), Ok(()));
    check(
        dict("headers", field("A", "b\nc: d")),
        Err(Refused("request.headers")),
    );
    check(
        dict("headers", field("", "b")),
        Err(Refused("request.headers")),
    );
    check(
        dict("headers", field("A: b", "c")),
        Err(Refused("request.headers")),
    );
    for (block, expected) in [
        ("", Ok(())),
        ("A: b\r\nc:d\r\n", Ok(())),
        (":authority: h\r\nA:\r\n", Ok(())),
        ("A: b", Err(Refused("request.headers"))),
        ("A: b\n\r\n", Err(Refused("request.headers"))),
        ("A: b\0\r\n", Err(Refused("request.headers"))),
        ("A\r\n", Err(Refused("request.headers"))),
        (": b\r\n", Err(Refused("request.headers"))),
        (":: b\r\n", Err(Refused("request.headers"))),
        ("\r\n", Err(Refused("request.headers"))),
    ] {
        check(dict("headers", bytes(block)), expected);
    }
    check(
        dict("port", Value::Int(70_000)),
        Err(Refused("request.port")),
    );
    check(
        dict("content", Value::Int(3)),
        Err(Refused("request.content")),
    );
    check(
        dict("content", Value::List(vec!["@".into(), Value::Int(99)])),
        Err(Refused("request.content")),
    );
}

#[test]
fn blocks_of_fields_are_cut_like_pairs() {
    let files = Files::new().unwrap();
    let mut flow = flow();
    let block = bytes("Host:  a b\t\r\n:path: /x:y\r\nEmpty: \r\n");
    let change = dict("request", dict("headers", block));
    take_flow(&mut flow, &change, &files).unwrap();
    let got: Vec<_> = http(&mut flow).request.fields.iter().collect();
    let expected: [(&[u8], &[u8]); 3] = [(b"Host", b"a b"), (b":path", b"/x:y"), (b"Empty", b"")];
    assert_eq!(got, expected);
}

#[test]
fn whole_flows_of_scripts_are_read() {
    let files = Files::new().unwrap();
    let original = flow();
    let state = {
        let mut w = Writer::default();
        super::put::put_state(&mut w, &original);
        value::decode(&w.0.into()).unwrap()
    };
    let mut read = new_flow(&state, &files).unwrap();
    assert!(!read.info().live);
    read.info_mut().live = true;
    // A state calls the mode by its default name.
    read.info_mut().client_conn = original.info().client_conn.clone();
    assert_eq!(read, original);
    assert_eq!(
        new_flow(&dict("type", "x".into()), &files),
        Err(Refused("type"))
    );
}

#[test]
fn ended_flows_are_kept_until_the_host_lets_go() {
    let mut mirror = Mirror::default();
    let flow = flow();
    let id = flow.info().id.clone();
    mirror.keep(&id, flow);
    mirror.gone(&id);
    assert!(mirror.flows.contains_key(&id), "it is live");
    mirror.end(&id);
    mirror.end(&id);
    assert_eq!(mirror.forget, std::slice::from_ref(&id));
    mirror.gone(&id);
    assert!(mirror.flows.is_empty());
}

#[test]
fn flows_outlive_the_hook_that_ends_them_until_it_is_answered() {
    for gone_first in [true, false] {
        let mut mirror = Mirror::default();
        let flow = flow();
        let id = flow.info().id.clone();
        mirror.keep(&id, flow);
        mirror.begin_end(&id);
        if gone_first {
            mirror.gone(&id);
            assert!(mirror.flows.contains_key(&id), "the answer is on its way");
            mirror.finish_end(&id);
        } else {
            mirror.finish_end(&id);
            assert!(mirror.flows.contains_key(&id), "a script may hold it");
            mirror.gone(&id);
        }
        assert!(mirror.flows.is_empty() && mirror.forget.is_empty());
    }
}

#[test]
fn the_host_is_told_to_keep_a_bounded_number() {
    let mut mirror = Mirror::default();
    let flow = flow();
    let ids: Vec<_> = (0..=super::KEPT)
        .map(|_| midwire_flow::Id::random())
        .collect();
    for id in &ids {
        mirror.keep(id, flow.clone());
    }
    assert_eq!(mirror.forget, ids[..1]);
    let servers: Vec<_> = (0..=super::KEPT)
        .map(|_| std::sync::Arc::new(midwire_flow::ServerConn::default()))
        .collect();
    for server in &servers {
        assert!(mirror.server_is_news(server) && !mirror.server_is_news(server));
    }
    assert_eq!(mirror.servers.len(), super::KEPT);
    assert!(mirror.server_is_news(&servers[0]), "it was let go");
}
