//! Reading: the order of hooks, filters, and broken files.

use std::io::Write as _;
use std::sync::Mutex;

use bytes::Bytes;
use midwire_core::Link;
use midwire_core::hooks::Hook;
use midwire_core::log::Level;
use midwire_core::options::Value;
use midwire_flow::file::{Reader, Writer};
use midwire_flow::{
    DnsFlow, FlowError, HttpFlow, MessageFlow, Number, Response, StreamMessage, WebSocketData,
    WebSocketMessage,
};
use midwire_wire::Fields;
use midwire_wire::dns::Message;

use super::*;
use crate::testing::{self, http_flow, info};

/// Writes down the hooks that it sees.
#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl Recorder {
    fn note(&self, hook: &str, number: usize) {
        self.0.lock().unwrap().push(format!("{hook} {number}"));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

macro_rules! record {
    ($($hook:ident($flow:ident: $kind:ty) = $number:expr;)+) => {
        $(fn $hook(&self, _: &Kernel, $flow: &mut $kind) {
            self.note(stringify!($hook), $number);
        })+
    };
}

fn websocket_messages(flow: &HttpFlow) -> usize {
    flow.websocket.as_ref().map_or(0, |ws| ws.messages.len())
}

impl Addon for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::of(Hook::ALL).union(HookSet::UPDATE)
    }

    fn update(&self, _: &Kernel, flows: &[FlowRef<'_>]) {
        self.note("update", flows.len());
    }

    record! {
        requestheaders(flow: HttpFlow) = flow.request.path.len();
        request(flow: HttpFlow) = flow.request.path.len();
        responseheaders(flow: HttpFlow) = flow.request.path.len();
        response(flow: HttpFlow) = flow.request.path.len();
        error(flow: HttpFlow) = flow.request.path.len();
        websocket_start(flow: HttpFlow) = websocket_messages(flow);
        websocket_message(flow: HttpFlow) = websocket_messages(flow);
        websocket_end(flow: HttpFlow) = websocket_messages(flow);
        tcp_start(flow: MessageFlow) = flow.messages.len();
        tcp_message(flow: MessageFlow) = flow.messages.len();
        tcp_end(flow: MessageFlow) = flow.messages.len();
        tcp_error(flow: MessageFlow) = flow.messages.len();
        udp_start(flow: MessageFlow) = flow.messages.len();
        udp_message(flow: MessageFlow) = flow.messages.len();
        udp_end(flow: MessageFlow) = flow.messages.len();
        udp_error(flow: MessageFlow) = flow.messages.len();
        dns_request(_flow: DnsFlow) = 0;
        dns_response(_flow: DnsFlow) = 0;
        dns_error(_flow: DnsFlow) = 0;
    }
}

async fn hooks_of(options: &[(&str, Value)], flow: Flow) -> String {
    let recorder = Arc::new(Recorder::default());
    let kernel = testing::kernel(options);
    kernel
        .set_addons(vec![Link::Sync(recorder.clone())])
        .unwrap();
    replay(&kernel, flow).await;
    let seen = recorder.take();
    let mut names = Vec::new();
    for pair in seen.chunks(2) {
        assert_eq!(pair[1], "update 1", "an update after each hook");
        names.push(pair[0].clone());
    }
    names.join(", ")
}

#[tokio::test]
async fn hooks_run_in_the_order_of_live_flows() {
    let check = |flow, expected: &'static str| async move {
        assert_eq!(hooks_of(&[], flow).await, expected);
    };
    let http = |change: fn(&mut HttpFlow)| {
        let mut flow = http_flow("GET http://a.test/");
        change(&mut flow);
        Flow::Http(Box::new(flow))
    };
    let answer = |flow: &mut HttpFlow| {
        flow.response = Some(Response::make(200, "", Fields::new()));
    };
    check(http(|_| {}), "requestheaders 1, request 1").await;
    check(
        http(answer),
        "requestheaders 1, request 1, responseheaders 1, response 1",
    )
    .await;
    check(
        http(|flow| flow.info.error = Some(FlowError::new("x"))),
        "requestheaders 1, request 1, error 1",
    )
    .await;
    check(
        http(|flow| {
            let message = WebSocketMessage {
                opcode: 1,
                from_client: true,
                content: Bytes::new(),
                timestamp: Number::default(),
                dropped: false,
                injected: false,
            };
            flow.info.error = Some(FlowError::new("x"));
            flow.websocket = Some(WebSocketData {
                messages: vec![message; 2],
                ..WebSocketData::default()
            });
        }),
        "requestheaders 1, request 1, websocket_start 0, websocket_message 1, websocket_message 2, websocket_end 2",
    )
    .await;
    let stream = |error: Option<&str>| {
        let mut flow = MessageFlow {
            info: info(),
            messages: vec![
                StreamMessage {
                    from_client: true,
                    content: Bytes::new(),
                    timestamp: Number::default(),
                };
                2
            ],
        };
        flow.info.error = error.map(FlowError::new);
        flow
    };
    check(
        Flow::Tcp(stream(None)),
        "tcp_start 0, tcp_message 1, tcp_message 2, tcp_end 2",
    )
    .await;
    check(
        Flow::Udp(stream(Some("x"))),
        "udp_start 0, udp_message 1, udp_message 2, udp_error 2",
    )
    .await;
    let dns = |answered: bool, error: Option<&str>| {
        let mut flow = DnsFlow {
            info: info(),
            request: Message::default(),
            request_timestamp: Number::default(),
            response: answered.then(Message::default),
            response_timestamp: None,
        };
        flow.info.error = error.map(FlowError::new);
        Flow::Dns(Box::new(flow))
    };
    check(dns(true, None), "dns_request 0, dns_response 0").await;
    check(dns(false, Some("x")), "dns_request 0, dns_error 0").await;
}

/// Keeps the URL of the last request.
#[derive(Default)]
struct LastUrl(Mutex<String>);

impl Addon for LastUrl {
    fn name(&self) -> &'static str {
        "lasturl"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::of(&[Hook::Request])
    }

    fn request(&self, _: &Kernel, flow: &mut HttpFlow) {
        *self.0.lock().unwrap() = flow.request.url();
    }
}

#[tokio::test]
async fn requests_go_to_the_target_of_a_reverse_mode() {
    let check = |modes: &'static [&str], expected: &'static str| async move {
        let last = Arc::new(LastUrl::default());
        let modes = modes.iter().map(|mode| (*mode).to_owned()).collect();
        let kernel = testing::kernel(&[("mode", Value::Seq(modes))]);
        kernel.set_addons(vec![Link::Sync(last.clone())]).unwrap();
        let flow = http_flow("GET http://a.test/x");
        replay(&kernel, Flow::Http(Box::new(flow))).await;
        assert_eq!(*last.0.lock().unwrap(), expected);
    };
    check(&["regular"], "http://a.test/x").await;
    check(&["reverse:http://b.test:8000"], "http://b.test:8000/x").await;
    check(&["reverse:https://b.test@8080"], "https://b.test/x").await;
    check(&["regular", "reverse:http://b.test@1"], "http://a.test/x").await;
}

/// Reads a file of these bytes; gives the number of requests and the failure.
async fn read(bytes: &[u8], filter: Option<&str>) -> (usize, Option<String>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let path = file.path().display().to_string();
    let (count, failure) = read_path(&path, filter).await;
    let failure = failure.map(|text| text.replace(&path, "FILE"));
    (count, failure)
}

async fn read_path(path: &str, filter: Option<&str>) -> (usize, Option<String>) {
    let kernel = testing::kernel(&[
        ("rfile", Value::from(path)),
        ("readfile_filter", filter.map_or(Value::Null, Value::from)),
    ]);
    let recorder = Arc::new(Recorder::default());
    let reader = ReadFile::new(Arc::downgrade(&kernel));
    kernel
        .set_addons(vec![
            Link::Sync(recorder.clone()),
            Link::Sync(Arc::new(reader)),
        ])
        .unwrap();
    kernel.start();
    while kernel.reading().load(Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
    let requests = recorder
        .take()
        .iter()
        .filter(|hook| hook.starts_with("request "))
        .count();
    (requests, kernel.failure())
}

fn recorded(count: usize) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for n in 0..count {
        let flow = http_flow(&format!("GET http://a.test/{n}"));
        writer.add(&Flow::Http(Box::new(flow))).unwrap();
    }
    writer.into_inner()
}

#[tokio::test]
async fn whole_files_are_read() {
    assert_eq!(read(&recorded(200), None).await.0, 200);
    assert_eq!(read(&recorded(200), Some("~u /1..$")).await.0, 100);
    let (count, failure) = read(b"", None).await;
    assert_eq!((count, failure), (0, None));
}

#[tokio::test]
async fn flows_before_a_cut_are_read_and_the_cut_is_named() {
    let whole = recorded(3);
    let mut reader = Reader::new(whole.as_slice());
    assert_eq!(reader.by_ref().take(2).count(), 2);
    let two = reader.offset();
    let (count, failure) = read(&whole[..whole.len() - 5], None).await;
    assert_eq!(count, 2);
    let expected = format!("FILE: incomplete record at byte {two}");
    assert_eq!(failure, Some(expected));
    let (count, failure) = read(b"nonsense", None).await;
    assert_eq!(count, 0);
    assert!(failure.unwrap().contains("at byte 0"));
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_ends_the_program() {
    let (count, failure) = read_path("/does/not/exist", None).await;
    assert_eq!(count, 0);
    assert_eq!(
        failure.unwrap(),
        "cannot read /does/not/exist: No such file or directory"
    );
}

#[test]
fn the_log_has_the_words_of_the_original() {
    let check = |count, expected: [&str; 2]| {
        let kernel = testing::kernel(&[]);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        kernel.log().subscribe(Level::Info, move |entry| {
            sink.lock().unwrap().push(entry.message.clone());
        });
        let error = open_flows(&b"5:x"[..]).next().unwrap().unwrap_err();
        kernel
            .log()
            .scoped(|| report(&kernel, "FILE", count, &error));
        assert_eq!(*seen.lock().unwrap(), expected);
    };
    let failed = "Failed to read FILE: Invalid data format. (incomplete record at byte 0)";
    check(0, ["Flow file corrupted.", failed]);
    check(2, ["Flow file corrupted - loaded 2 flows.", failed]);
}
