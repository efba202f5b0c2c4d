//! Flows for tests, all of a fixed time.

use std::sync::Arc;

use midwire_flow::{
    Address, ClientConn, Content, Dns, DnsFlow, Flow, FlowError, FlowInfo, HttpFlow, MessageFlow,
    Number, Request, Response, ServerConn, StreamMessage, WebSocketData, WebSocketMessage,
};
use midwire_wire::Fields;
use midwire_wire::dns::Question;

pub(super) fn info(time: f64) -> FlowInfo {
    let mut client = ClientConn::default();
    client.connection.peername = Some(Address::new("127.0.0.1", 50_000));
    client.connection.timestamp_start = Some(time);
    let mut server = ServerConn {
        address: Some(Address::new("example.com", 443)),
        timestamp_tcp_setup: Some(time + 0.01),
        ..ServerConn::default()
    };
    server.connection.timestamp_start = Some(time);
    server.connection.tls_version = Some("TLSv1.3".to_owned());
    let mut info = FlowInfo::new(Arc::new(client), Arc::new(server));
    info.timestamp_created = Number::from(time);
    info.live = false;
    info
}

/// An exchange with a response of this type and content.
pub(super) fn http(at: u32, method: &str, url: &str, answer: (u16, &str, &[u8])) -> Flow {
    let time = 1_700_000_000.0 + f64::from(at);
    let mut request = Request::make(method, url, "", Fields::new()).unwrap();
    request.fields.set("Host", request.host.clone());
    request.timestamp_start = Number::from(time);
    request.timestamp_end = Some(Number::from(time + 0.001));
    let (status, media, content) = answer;
    let mut fields = Fields::new();
    fields.append("Content-Type", media.to_owned());
    let mut response = Response::make(status, content.to_vec(), fields);
    response.timestamp_start = Number::from(time + 0.02);
    response.timestamp_end = Some(Number::from(time + 0.03));
    Flow::Http(Box::new(HttpFlow {
        info: info(time),
        request,
        response: Some(response),
        websocket: None,
    }))
}

pub(super) fn edit(mut flow: Flow, change: impl FnOnce(&mut HttpFlow)) -> Flow {
    if let Flow::Http(http) = &mut flow {
        change(http);
    }
    flow
}

/// A small capture with one flow of each kind.
pub(super) fn capture() -> Vec<Flow> {
    let mut flows = vec![
        http(
            0,
            "GET",
            "http://shop.demo.test/",
            (200, "text/html; charset=utf-8", b"<p>hi</p>"),
        ),
        http(
            1,
            "POST",
            "https://api.demo.test/graphql?x=1",
            (200, "application/json", br#"{"data":{"viewer":{"id":1}}}"#),
        ),
        http(
            2,
            "DELETE",
            "http://api.demo.test/api/users/9999",
            (404, "application/json", b"{}"),
        ),
    ];
    flows.push(edit(
        http(3, "GET", "http://shop.demo.test/reset", (200, "", b"")),
        |http| {
            http.response = None;
            http.info.error = Some(FlowError {
                msg: "connection reset by server".to_owned(),
                timestamp: 1_700_000_003.5,
            });
        },
    ));
    flows.push(edit(
        http(4, "GET", "http://stream.demo.test/ws", (101, "", b"")),
        |http| {
            let message = |from_client, content: &'static [u8], at: f64| WebSocketMessage {
                opcode: 1,
                from_client,
                content: content.into(),
                timestamp: Number::from(at),
                dropped: false,
                injected: false,
            };
            http.websocket = Some(WebSocketData {
                messages: vec![
                    message(true, b"ping", 1_700_000_004.1),
                    message(false, b"pong", 1_700_000_004.2),
                ],
                closed_by_client: Some(true),
                close_code: Some(1000),
                close_reason: Some("bye".to_owned()),
                timestamp_end: Some(1_700_000_005.0),
            });
        },
    ));
    flows.push(Flow::Tcp(MessageFlow {
        info: info(1_700_000_006.0),
        messages: vec![StreamMessage {
            from_client: true,
            content: "hello tcp".into(),
            timestamp: Number::from(1_700_000_006.2),
        }],
    }));
    flows.push(Flow::Dns(Box::new(DnsFlow {
        info: info(1_700_000_007.0),
        request: Dns {
            id: 7,
            query: true,
            op_code: 0,
            authoritative_answer: false,
            truncation: false,
            recursion_desired: true,
            recursion_available: false,
            reserved: 0,
            response_code: 0,
            questions: vec![Question {
                name: "demo.test".to_owned(),
                type_: 1,
                class: 1,
            }],
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
        },
        request_timestamp: Number::from(1_700_000_007.0),
        response: None,
        response_timestamp: None,
    })));
    flows
}

/// One held with its request.
pub(super) fn held(at: u32) -> Flow {
    edit(
        http(at, "POST", "http://auth.demo.test/login", (200, "", b"")),
        |http| {
            http.response = None;
            http.info.intercepted = true;
            http.request.content = Content::Memory("user=a&pass=b".into());
        },
    )
}
