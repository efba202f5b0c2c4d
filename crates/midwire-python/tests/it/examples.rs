//! Every example of docs/examples does what it says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use midwire_core::commands::CommandValue;
use midwire_core::hooks::{ClientHelloData, ContentNeed, NextLayerChoice, NextLayerData, Part};
use midwire_core::options::Value;
use midwire_core::script_views::ViewedMessage;
use midwire_flow::{
    Content, FlowInfo, HttpFlow, MessageFlow, Number, StreamMessage, WebSocketData,
    WebSocketMessage,
};

use crate::helper::{Setup, client, field, http, question, response, server_data, try_scripts};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples")
}

async fn example(name: &str, options: &[(&str, Value)]) -> Setup {
    let text = std::fs::read_to_string(folder().join(format!("{name}.py"))).unwrap();
    try_scripts(&[&text], options).await.unwrap()
}

/// One exchange: the hooks of a request and, if no script answers it, of this response.
async fn exchange(setup: &Setup, mut flow: HttpFlow, answer: midwire_flow::Response) -> HttpFlow {
    let kernel = &setup.kernel;
    kernel.requestheaders(&mut flow).await;
    kernel.request(&mut flow).await;
    flow.response.get_or_insert(answer);
    kernel.responseheaders(&mut flow).await;
    kernel.response(&mut flow).await;
    flow
}

fn with_field(mut flow: HttpFlow, name: &'static str, value: &'static str) -> HttpFlow {
    flow.request.fields.set(name, value);
    flow
}

fn post(path: &str, kind: &'static str, content: &str) -> HttpFlow {
    let mut flow = with_field(http(path), "Content-Type", kind);
    flow.request.method = "POST".into();
    flow.request.content = Content::Memory(content.to_owned().into());
    flow
}

fn to(host: &'static str) -> HttpFlow {
    let mut flow = http("/");
    host.clone_into(&mut flow.request.host);
    with_field(flow, "Host", host)
}

fn answer(name: &'static str, value: &'static str, content: &str) -> midwire_flow::Response {
    let mut answer = response(content.to_owned());
    answer.fields.set(name, value);
    answer
}

fn content(flow: &HttpFlow) -> String {
    let content = &flow.response.as_ref().unwrap().content;
    String::from_utf8_lossy(&content.bytes().unwrap()).into_owned()
}

/// What of an exchange is compared: the request as it goes on, and its answer.
fn told(flow: &HttpFlow) -> String {
    let request = &flow.request;
    let body = request.content.bytes().unwrap_or_default();
    let answer = flow.response.as_ref().unwrap();
    format!(
        "{} {}:{}{} {} | {} {}",
        String::from_utf8_lossy(request.method.as_ref()),
        request.host,
        request.port,
        String::from_utf8_lossy(request.path.as_ref()),
        String::from_utf8_lossy(&body),
        answer.status,
        content(flow),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_changed_or_answered() {
    let blocked = || vec![("blocked", Value::Seq(vec!["ads.example".to_owned()]))];
    let form = "application/x-www-form-urlencoded";
    for (name, options, flow, expected) in [
        (
            "block_hosts",
            blocked(),
            to("ads.example"),
            "GET ads.example:80/  | 403 blocked\n",
        ),
        (
            "block_hosts",
            blocked(),
            to("good.example"),
            "GET good.example:80/  | 200 x",
        ),
        (
            "mock_api",
            vec![],
            http("/api/users/1?a"),
            "GET example.com:80/api/users/1?a  | 200 {\"id\": 1, \"name\": \"Ada\"}",
        ),
        (
            "redirect_host",
            vec![],
            to("production.example"),
            "GET 127.0.0.1:8000/  | 200 x",
        ),
        (
            "query",
            vec![],
            http("/p?a=1&utm_source=x"),
            "GET example.com:80/p?a=1&from=proxy  | 200 x",
        ),
        (
            "form",
            vec![],
            post("/f", form, "a=1&debug=1"),
            "POST example.com:80/f a=1&language=eo | 200 x",
        ),
        (
            "wsgi_app",
            vec![],
            to("app.example"),
            "GET app.example:80/  | 200 hello from /",
        ),
    ] {
        let setup = example(name, &options).await;
        let flow = exchange(&setup, flow, response("x")).await;
        assert_eq!(told(&flow), expected, "{name}");
        setup.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_are_changed() {
    for (name, flow, reply, part, changed, expected) in [
        (
            "add_header",
            http("/"),
            response("x"),
            Part::Response,
            "x-count",
            "1",
        ),
        (
            "async_lookup",
            http("/"),
            response("x"),
            Part::Request,
            "x-resolved",
            "127.0.0.1",
        ),
        (
            "slow_concurrent",
            http("/"),
            response("x"),
            Part::Request,
            "x-waited",
            "yes",
        ),
        (
            "cookies",
            with_field(http("/"), "Cookie", "a=1; _track=2"),
            response("x"),
            Part::Request,
            "cookie",
            "a=1",
        ),
        (
            "cookies",
            http("/"),
            answer("Set-Cookie", "a=1", ""),
            Part::Response,
            "set-cookie",
            "a=1; Secure",
        ),
    ] {
        let setup = example(name, &[]).await;
        let flow = exchange(&setup, flow, reply).await;
        let fields = match part {
            Part::Request => &flow.request.fields,
            Part::Response => &flow.response.as_ref().unwrap().fields,
        };
        assert_eq!(field(fields, changed), expected, "{name}");
        setup.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flows_are_remembered_marked_and_saved() {
    let setup = example("auth_token", &[]).await;
    exchange(&setup, http("/login"), response("{\"token\": \"t7\"}")).await;
    let flow = exchange(&setup, http("/"), response("x")).await;
    assert_eq!(field(&flow.request.fields, "authorization"), "Bearer t7");
    setup.host.stop().await;

    let failed = || {
        let mut failed = response("no");
        failed.status = 500;
        failed
    };
    let setup = example("filter_flows", &[("mark_filter", "~c 500".into())]).await;
    assert_eq!(
        exchange(&setup, http("/"), failed()).await.info.marked,
        ":warning:"
    );
    assert_eq!(
        exchange(&setup, http("/"), response("x")).await.info.marked,
        ""
    );
    let wrong = setup
        .kernel
        .options()
        .update([("mark_filter", Value::from("~~"))]);
    assert!(wrong.is_err());
    setup.host.stop().await;

    let target = tempfile::tempdir().unwrap();
    let path = |name: &str| target.path().join(name).display().to_string();
    let setup = example(
        "save_matching",
        &[("save_to", path("flows").as_str().into())],
    )
    .await;
    exchange(&setup, http("/"), response("x")).await;
    exchange(&setup, http("/"), failed()).await;
    setup.host.stop().await;
    let saved = std::fs::read(path("flows")).unwrap();
    assert_eq!(midwire_flow::file::Reader::new(&saved[..]).count(), 1);

    let setup = example(
        "json_lines",
        &[("json_file", path("lines").as_str().into())],
    )
    .await;
    exchange(&setup, http("/a"), response("x")).await;
    exchange(&setup, http("/b"), response("xy")).await;
    setup.host.stop().await;
    let lines = std::fs::read_to_string(path("lines")).unwrap();
    assert_eq!(lines.lines().count(), 2);
    assert!(
        lines.contains("\"url\": \"http://example.com/b\"") && lines.contains("\"bytes\": 2"),
        "{lines}"
    );

    let setup = example("observe", &[]).await;
    exchange(&setup, http("/seen"), response("12345")).await;
    setup.logged("http://example.com/seen has 5 bytes").await;
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_and_commands_are_declared() {
    let setup = example("typed_option", &[("delay_percent", Value::Int(20))]).await;
    assert_eq!(setup.request("/").await.info.comment, "20 percent");
    let refused = setup
        .kernel
        .options()
        .set(&["delay_percent=101"])
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "delay_percent must be between 0 and 100"
    );
    setup.host.stop().await;

    let setup = example("count_command", &[]).await;
    for _ in 0..2 {
        setup.request("/").await;
    }
    let hosts = setup
        .kernel
        .commands()
        .execute("stats.hosts")
        .await
        .unwrap();
    assert_eq!(
        hosts,
        CommandValue::StrList(vec!["example.com: 2".to_owned()])
    );
    setup.host.stop().await;

    // Nothing replays here; that the command is called with the copy is what counts.
    let setup = example("replay_changed", &[]).await;
    setup.request("/").await;
    setup
        .logged("Addon error: Unknown command: replay.client")
        .await;
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_is_streamed() {
    let setup = example("stream_change", &[]).await;
    let mut flow = http("/");
    flow.response = Some(response(""));
    setup.kernel.responseheaders(&mut flow).await;
    let mut filters = setup
        .kernel
        .chain()
        .stream_filters(&setup.kernel, &flow, Part::Response);
    assert_eq!(filters[0].chunk("abc".into()).await.unwrap(), ["ABC"]);
    setup.host.stop().await;

    // Another script wants the content of what is not passed on.
    let text = std::fs::read_to_string(folder().join("stream_large.py")).unwrap();
    let setup = crate::helper::scripts(&[&text, "def response(flow): pass"]).await;
    for (size, live) in [("10", false), ("1000001", true), ("x", false)] {
        let mut flow = http("/");
        flow.response = Some(answer("Content-Length", size, ""));
        setup.kernel.responseheaders(&mut flow).await;
        let need = setup
            .kernel
            .chain()
            .content_need(&setup.kernel, &flow, Part::Response);
        assert_eq!(need.0 == ContentNeed::Nothing, live, "{size}");
    }
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_edited() {
    let messages = |content: &str| MessageFlow {
        info: FlowInfo::new(client(), std::sync::Arc::default()),
        messages: vec![StreamMessage {
            from_client: true,
            content: content.to_owned().into(),
            timestamp: Number::now(),
        }],
    };
    let setup = example("tcp_edit", &[]).await;
    let mut flow = messages("a secret");
    setup.kernel.tcp_message(&mut flow).await;
    assert_eq!(flow.messages[0].content, "a public");
    setup.host.stop().await;

    let setup = example("udp_edit", &[]).await;
    for (sent, expected) in [("noise!", ""), ("word", "[word]")] {
        let mut flow = messages(sent);
        setup.kernel.udp_message(&mut flow).await;
        assert_eq!(flow.messages[0].content, expected);
    }
    setup.host.stop().await;

    let setup = example("websocket_edit", &[]).await;
    for (sent, expected, dropped) in [("hello you", "hi you", false), ("ping", "ping", true)] {
        let mut flow = http("/");
        let mut socket = WebSocketData::default();
        socket.messages.push(WebSocketMessage {
            opcode: 1,
            from_client: true,
            content: sent.into(),
            timestamp: Number::now(),
            dropped: false,
            injected: false,
        });
        flow.websocket = Some(socket);
        setup.kernel.websocket_message(&mut flow).await;
        let message = &flow.websocket.as_ref().unwrap().messages[0];
        assert_eq!(
            (&message.content[..], message.dropped),
            (expected.as_bytes(), dropped)
        );
    }
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_answered() {
    let setup = example("dns_answer", &[]).await;
    for (name, expected) in [("a.test", Some("127.0.0.1")), ("example.com", None)] {
        let mut flow = question(name);
        setup.kernel.dns_request(&mut flow).await;
        let answer = flow.response.map(|answer| answer.answers[0].to_string());
        assert_eq!(answer.as_deref(), expected);
    }
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_led_elsewhere() {
    let setup = example("upstream_choice", &[]).await;
    for (host, via) in [("a.corp.example", true), ("example.com", false)] {
        let mut data = server_data(host);
        setup.kernel.server_connect(&mut data).await;
        assert_eq!(data.server.via.is_some(), via, "{host}");
    }
    setup.host.stop().await;

    let setup = example("raw_tcp", &[]).await;
    for (sent, layer) in [("RAW x", Some(NextLayerChoice::Tcp)), ("GET / ", None)] {
        let mut data = NextLayerData {
            client: client(),
            server: std::sync::Arc::default(),
            data_client: sent.into(),
            data_server: bytes::Bytes::new(),
            layer: None,
        };
        setup.kernel.next_layer(&mut data).await;
        assert_eq!(data.layer, layer);
    }
    setup.host.stop().await;

    let setup = example("tls_passthrough", &[]).await;
    for (name, ignored) in [("www.bank.example", true), ("shop.example", false)] {
        let mut data = ClientHelloData {
            client: client(),
            server: std::sync::Arc::default(),
            client_hello: std::sync::Arc::new(hello(name)),
            ignore_connection: false,
            establish_server_tls_first: false,
        };
        setup.kernel.tls_clienthello(&mut data).await;
        assert_eq!(data.ignore_connection, ignored, "{name}");
    }
    setup.host.stop().await;
}

fn shown(setup: &Setup, name: &str) -> std::sync::Arc<dyn midwire_core::script_views::ScriptView> {
    let all = setup.kernel.script_views().all();
    all.into_iter().find(|view| view.name() == name).unwrap()
}

/// A ClientHello with this server name (RFC 8446 §4.1.2, RFC 6066 §3).
fn hello(name: &str) -> midwire_wire::client_hello::ClientHello {
    let size = u8::try_from(name.len()).unwrap();
    let mut names = vec![0, 0, 0, size + 5, 0, size + 3, 0, 0, size];
    names.extend_from_slice(name.as_bytes());
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([
        0,
        0,
        2,
        0x13,
        1,
        1,
        0,
        0,
        u8::try_from(names.len()).unwrap(),
    ]);
    body.extend(names);
    let mut message = vec![1, 0, 0, u8::try_from(body.len()).unwrap()];
    message.extend(body);
    midwire_wire::client_hello::parse_message(message.into()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_show_content() {
    let about = |kind| ViewedMessage {
        content_type: Some(kind),
        kind: "http",
    };
    let setup = example("contentview_csv", &[]).await;
    let view = shown(&setup, "CSV");
    assert!(view.priority(b"a,b", about("text/csv")) > 0.0);
    assert_eq!(
        view.prettify(b"a, b\n1,2", about("text/csv")).unwrap(),
        "a | b\n1 | 2"
    );
    setup.host.stop().await;

    let setup = example("contentview_edit", &[]).await;
    let view = shown(&setup, "Rot13");
    assert_eq!(view.name(), "Rot13");
    assert_eq!(
        view.prettify(b"Hello", about("text/plain")).unwrap(),
        "Uryyb"
    );
    setup.host.stop().await;
}

#[test]
fn no_example_is_forgotten() {
    let mut there = BTreeSet::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "py") {
            there.insert(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
    let here = include_str!("examples.rs");
    for name in &there {
        let file = format!("\"{name}.py\"");
        let named = here.contains(&format!("\"{name}\"")) || here.contains(&file);
        assert!(named, "{name} is not tested");
    }
    assert!(there.len() > 25);
}
