//! What scripts do to flows.

use bytes::Bytes;
use midwire_core::hooks::{
    ClientHelloData, ContentNeed, NextLayerChoice, NextLayerData, Part, Socks5AuthData,
};
use midwire_flow::{
    Content, FlowInfo, HttpFlow, MessageFlow, Number, StreamMessage, WebSocketData,
    WebSocketMessage,
};

use crate::helper::{client, field, http, http_flow, question, response, scripts, server_data};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_and_responses_are_changed_in_order_of_scripts() {
    let first = r#"
def request(flow):
    assert flow.request.headers["x-a"] == "1, 2", flow.request.headers
    flow.request.headers["X-A"] = "one"
    flow.request.path = "/rewritten?q=1"
    flow.metadata["seen"] = 3
    flow.custom = "kept"

def response(flow):
    assert flow.custom == "kept" and flow.live
    flow.response.status_code = 299
    flow.response.text = flow.response.text.upper()
    flow.comment = flow.request.path
"#;
    let second = r#"
async def request(flow):
    flow.request.headers.add("X-B", flow.request.headers["x-a"])
"#;
    let setup = scripts(&[first, second]).await;
    let mut flow = http("/orig");
    setup.kernel.request(&mut flow).await;
    assert_eq!(flow.request.path, "/rewritten?q=1");
    assert_eq!(field(&flow.request.fields, "x-a"), "one");
    assert_eq!(field(&flow.request.fields, "x-b"), "one");
    flow.response = Some(response("abc"));
    setup.kernel.response(&mut flow).await;
    let got = flow.response.unwrap();
    assert_eq!(
        (got.status, got.content.bytes().unwrap()),
        (299, Bytes::from("ABC"))
    );
    assert_eq!(flow.info.comment, "/rewritten?q=1");
    assert_eq!(
        flow.info.meta("seen").and_then(midwire_flow::Value::as_i64),
        Some(3)
    );
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_content_crosses_when_it_is_read() {
    let setup = scripts(&[r#"
def request(flow):
    if flow.request.path == "/read":
        flow.request.content = flow.request.content + b"!" + flow.request.content
"#])
    .await;
    for (path, factor) in [("/read", 2), ("/pass", 1)] {
        let mut flow = http(path);
        let big = Bytes::from(vec![b'x'; 3 << 20]);
        flow.request.content = Content::Memory(big.clone());
        setup.kernel.request(&mut flow).await;
        let got = flow.request.content.bytes().unwrap();
        assert_eq!(got.len(), big.len() * factor + factor - 1, "{path}");
        if factor == 1 {
            assert_eq!(
                got.as_ptr(),
                big.as_ptr(),
                "content that nobody touched was copied"
            );
        }
    }
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_kills_and_held_flows() {
    let setup = scripts(&[r#"
import asyncio
from mitmproxy import http

def request(flow):
    if flow.request.path == "/mine":
        flow.response = http.Response.make(202, b"text", {"X-Y": "z"})
    elif flow.request.path == "/kill":
        flow.kill()
    elif flow.request.path == "/hold":
        flow.intercept()
        asyncio.get_running_loop().call_later(0.05, later, flow)

def later(flow):
    flow.comment = "looked at"
    flow.resume()
"#])
    .await;
    let mine = setup.request("/mine").await.response.unwrap();
    assert_eq!(
        (mine.status, field(&mine.fields, "x-y").as_str()),
        (202, "z")
    );
    assert!(setup.request("/kill").await.info.killed());
    let held = setup.request("/hold").await;
    assert!(held.info.intercepted);
    let back = setup.kernel.parked().hold(http_flow(&held)).await.unwrap();
    assert_eq!(back.info().comment, "looked at");
    assert!(!back.info().intercepted);
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_is_needed_as_far_as_hooks_say() {
    let both = "def request(flow): pass\ndef response(flow): pass\n";
    let heads = "def requestheaders(flow): pass\n";
    let looks = "import midwire\n@midwire.observe\ndef response(flow): print(flow.response.text)\n";
    let streams =
        "def responseheaders(flow): flow.response.stream = True\ndef response(flow): pass\n";
    for (text, kind, request, answer) in [
        (both, "text/plain", ContentNeed::Whole, ContentNeed::Whole),
        (
            both,
            "text/event-stream",
            ContentNeed::Whole,
            ContentNeed::Copy,
        ),
        (
            heads,
            "text/plain",
            ContentNeed::Nothing,
            ContentNeed::Nothing,
        ),
        (looks, "text/plain", ContentNeed::Copy, ContentNeed::Copy),
        (
            streams,
            "text/plain",
            ContentNeed::Copy,
            ContentNeed::Nothing,
        ),
    ] {
        let setup = scripts(&[text]).await;
        let mut flow = http("/");
        let need = |flow: &HttpFlow, part| {
            setup
                .kernel
                .chain()
                .content_need(&setup.kernel, flow, part)
                .0
        };
        setup.kernel.requestheaders(&mut flow).await;
        assert_eq!(need(&flow, Part::Request), request, "{text}");
        let mut head = response("");
        head.fields.set("Content-Type", kind);
        flow.response = Some(head);
        setup.kernel.responseheaders(&mut flow).await;
        assert_eq!(need(&flow, Part::Response), answer, "{text}");
        setup.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_streams_through_functions() {
    let setup = scripts(&[r#"
def responseheaders(flow):
    count = 0
    def change(data):
        nonlocal count
        count += 1
        return [data.upper(), b"-"] if data else b"%d" % count
    flow.response.stream = change

def response(flow):
    flow.comment = repr(flow.response.raw_content)
"#])
    .await;
    let mut flow = http("/");
    let mut head = response("");
    head.content = Content::Missing;
    flow.response = Some(head);
    setup.kernel.responseheaders(&mut flow).await;
    let mut filters = setup
        .kernel
        .chain()
        .stream_filters(&setup.kernel, &flow, Part::Response);
    let [filter] = filters.as_mut_slice() else {
        panic!("{} filters", filters.len());
    };
    assert_eq!(filter.chunk("abc".into()).await.unwrap(), ["ABC", "-"]);
    assert_eq!(filter.chunk("d".into()).await.unwrap(), ["D", "-"]);
    assert_eq!(filter.end().await.unwrap(), ["3"]);
    assert!(
        setup
            .kernel
            .chain()
            .stream_filters(&setup.kernel, &flow, Part::Request)
            .is_empty()
    );
    // Somebody else may have kept a copy; the script has let it pass.
    flow.response.as_mut().unwrap().content = Content::Memory("ABC-D-3".into());
    setup.kernel.response(&mut flow).await;
    assert_eq!(flow.info.comment, "None");
    assert!(flow.response.as_ref().unwrap().content.is_present());
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_and_layers_are_chosen() {
    let setup = scripts(&[r#"
from mitmproxy.proxy import layers

def client_connected(client):
    if client.peername[0] == "192.0.2.1":
        client.error = "not you"

def server_connect(data):
    if data.server.address[0] == "nowhere.invalid":
        data.server.address = ("127.0.0.1", 8000)
    elif data.server.address[0] == "never.invalid":
        data.server.error = "no"

def tls_clienthello(data):
    data.ignore_connection = data.client_hello.sni is None

def socks5_auth(data):
    data.valid = (data.username, data.password) == ("u", "p")

def next_layer(nextlayer):
    if nextlayer.data_client().startswith(b"raw"):
        nextlayer.layer = layers.TCPLayer(nextlayer.context)
"#])
    .await;
    let kernel = &setup.kernel;
    let mut peer = (*client()).clone();
    kernel.client_connected(&mut peer).await;
    assert_eq!(peer.error.as_deref(), Some("not you"));
    let mut data = server_data("nowhere.invalid");
    kernel.server_connect(&mut data).await;
    assert_eq!(data.server.address.unwrap().to_string(), "127.0.0.1:8000");
    let mut data = server_data("never.invalid");
    kernel.server_connect(&mut data).await;
    assert_eq!(data.server.error.as_deref(), Some("no"));
    for (password, valid) in [("p", true), ("x", false)] {
        let mut data = Socks5AuthData {
            client: client(),
            username: "u".to_owned(),
            password: password.to_owned(),
            valid: false,
        };
        kernel.socks5_auth(&mut data).await;
        assert_eq!(data.valid, valid);
    }
    for (sent, layer) in [("raw bytes", Some(NextLayerChoice::Tcp)), ("GET /", None)] {
        let mut data = NextLayerData {
            client: client(),
            server: std::sync::Arc::default(),
            data_client: sent.into(),
            data_server: Bytes::new(),
            layer: None,
        };
        kernel.next_layer(&mut data).await;
        assert_eq!(data.layer, layer, "{sent}");
    }
    // RFC 8446 §4.1.2: version, random, session, suites, compression, no extensions.
    let mut hello = vec![1, 0, 0, 43, 3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0x13, 1, 1, 0, 0, 0]);
    let hello = midwire_wire::client_hello::parse_message(hello.into()).unwrap();
    let mut data = ClientHelloData {
        client: client(),
        server: std::sync::Arc::default(),
        client_hello: std::sync::Arc::new(hello),
        ignore_connection: false,
        establish_server_tls_first: true,
    };
    kernel.tls_clienthello(&mut data).await;
    assert!(data.ignore_connection && data.establish_server_tls_first);
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_grow_and_are_edited() {
    let setup = scripts(&[r#"
def tcp_message(flow):
    flow.messages[-1].content = flow.messages[-1].content.upper()
    flow.comment = str(len(flow.messages))

def websocket_message(flow):
    message = flow.websocket.messages[-1]
    if message.text == "drop":
        message.drop()
    else:
        message.text = message.text + "!"
    flow.comment = ",".join(m.text for m in flow.websocket.messages)
"#])
    .await;
    let mut tcp = MessageFlow {
        info: FlowInfo::new(client(), std::sync::Arc::default()),
        messages: Vec::new(),
    };
    for (count, text) in ["a", "b", "c"].into_iter().enumerate() {
        tcp.messages.push(StreamMessage {
            from_client: true,
            content: text.into(),
            timestamp: Number::now(),
        });
        setup.kernel.tcp_message(&mut tcp).await;
        assert_eq!(tcp.info.comment, (count + 1).to_string());
    }
    let texts: Vec<_> = tcp.messages.iter().map(|m| m.content.clone()).collect();
    assert_eq!(texts, ["A", "B", "C"]);
    let mut flow = http("/");
    flow.websocket = Some(WebSocketData::default());
    for text in ["one", "drop", "two"] {
        flow.websocket
            .as_mut()
            .unwrap()
            .messages
            .push(WebSocketMessage {
                opcode: 1,
                from_client: true,
                content: text.into(),
                timestamp: Number::now(),
                dropped: false,
                injected: false,
            });
        setup.kernel.websocket_message(&mut flow).await;
    }
    assert_eq!(flow.info.comment, "one!,drop,two!");
    let dropped: Vec<bool> = flow
        .websocket
        .unwrap()
        .messages
        .iter()
        .map(|m| m.dropped)
        .collect();
    assert_eq!(dropped, [false, true, false]);
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dns_queries_are_answered() {
    let setup = scripts(&[r#"
from mitmproxy import dns

def dns_request(flow):
    name = flow.request.questions[0].name
    flow.response = flow.request.succeed([dns.ResourceRecord.A(name, __import__("ipaddress").ip_address("192.0.2.9"))])
"#])
    .await;
    let mut flow = question("example.com");
    setup.kernel.dns_request(&mut flow).await;
    let answer = flow.response.unwrap();
    assert_eq!(
        (answer.id, answer.answers[0].to_string().as_str()),
        (7, "192.0.2.9")
    );
    setup.host.stop().await;
}
