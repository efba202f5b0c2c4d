use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use midwire_flow::{Address, Dns, Flow, FlowError};
use midwire_wire::dns::{
    HttpsRecord, Question, Record, classes, encode_framed, next_framed, op_codes, types,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::mode::ModeSpec;
use crate::testing::{Watcher, pipe, session};

fn query(id: u16, name: &str, type_: u16) -> Dns {
    Dns {
        id,
        query: true,
        recursion_desired: true,
        questions: vec![Question {
            name: name.to_owned(),
            type_,
            class: classes::IN,
        }],
        ..Dns::default()
    }
}

/// What the scripted server answers: one record, or nothing at all for some names.
fn respond(query: &Dns) -> Option<Dns> {
    let question = query.question()?.clone();
    match question.name.as_str() {
        "silent.test" => None,
        "none.test" => query.fail(3).ok(),
        "https.test" => {
            let mut https = HttpsRecord {
                priority: 1,
                target_name: String::new(),
                params: Vec::new(),
            };
            let protocols = [Bytes::from_static(b"h2"), Bytes::from_static(b"h3")];
            https.set_alpn(Some(&protocols)).unwrap();
            https.set_ech(Some("AAAA")).unwrap();
            let data = https.pack().unwrap();
            Some(query.succeed(vec![Record::new(&question.name, types::HTTPS, data)]))
        }
        name => {
            let address = std::net::IpAddr::from([192, 0, 2, 1]);
            Some(query.succeed(vec![Record::address(name, address)]))
        }
    }
}

/// A name server on UDP and TCP of one port.
async fn name_server() -> Address {
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        // Somebody else may have the port in TCP.
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buf = [0; 2000];
        while let Ok((n, from)) = udp.recv_from(&mut buf).await {
            if let Some(response) = respond(&Dns::unpack(&buf[..n]).unwrap()) {
                udp.send_to(&response.pack().unwrap(), from).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = tcp.accept().await {
            let mut buf = BytesMut::new();
            while tcp.read_buf(&mut buf).await.unwrap_or(0) > 0 {
                while let Some(message) = next_framed(&mut buf).unwrap() {
                    if let Some(response) = respond(&Dns::unpack(&message).unwrap()) {
                        let framed = encode_framed(&response.pack().unwrap()).unwrap();
                        tcp.write_all(&framed).await.unwrap();
                    }
                }
            }
        }
    });
    Address::from(address)
}

fn server(session: &Session, address: Address) -> tcp::Server {
    tcp::Server {
        target: session.target(address, false),
        opened: None,
    }
}

/// A client that sends framed bytes and reads framed messages.
struct Client {
    io: Io,
    input: BytesMut,
}

impl Client {
    async fn send(&mut self, message: &Dns) {
        let framed = encode_framed(&message.pack().unwrap()).unwrap();
        self.io.write_all(&framed).await.unwrap();
    }

    async fn next(&mut self) -> Option<Dns> {
        loop {
            if let Some(message) = next_framed(&mut self.input).unwrap() {
                return Some(Dns::unpack(&message).unwrap());
            }
            if self.io.read_buf(&mut self.input).await.unwrap() == 0 {
                return None;
            }
        }
    }
}

fn client() -> (Io, Client) {
    let (near, far) = pipe();
    let input = BytesMut::new();
    (near, Client { io: far, input })
}

fn answered(response: &Dns) -> (u16, u8, usize) {
    (response.id, response.response_code, response.answers.len())
}

#[tokio::test]
async fn queries_over_tcp_are_answered_by_the_server() {
    let watcher = Arc::new(Watcher::default());
    let session = session(Some(watcher.clone()), &[]);
    let address = name_server().await;
    let (near, mut client) = client();
    let script = async {
        client.send(&query(7, "a.test", types::A)).await;
        assert_eq!(answered(&client.next().await.unwrap()), (7, 0, 1));
        client.send(&query(8, "none.test", types::MX)).await;
        // The rest of the conversation comes after the client has closed its direction.
        client.io.shutdown().await.unwrap();
        assert_eq!(answered(&client.next().await.unwrap()), (8, 3, 0));
        assert!(client.next().await.is_none());
    };
    let server = server(&session, address.clone());
    tokio::join!(serve_stream(&session, near, Some(server)), script);
    assert_eq!(
        watcher.hooks(),
        ["dns_request", "dns_response", "dns_request", "dns_response"]
    );
    let Flow::Dns(flow) = watcher.last() else {
        panic!();
    };
    assert_eq!(flow.info.server_conn.address, Some(address));
    assert!(flow.response_timestamp.is_some());
}

#[tokio::test]
async fn hooks_answer_fail_and_kill() {
    let watcher = Arc::new(Watcher {
        edit_dns: Some(Box::new(|flow| {
            let name = flow.request.questions[0].name.clone();
            match name.as_str() {
                "answer.test" => {
                    let address = std::net::IpAddr::from([198, 51, 100, 7]);
                    let record = Record::address(&name, address);
                    flow.response = Some(flow.request.succeed(vec![record.clone(), record]));
                }
                "fail.test" => flow.info.error = Some(FlowError::new("no")),
                "renamed.test" => flow.request.questions[0].name = "none.test".to_owned(),
                _ => flow.info.error = Some(FlowError::new(FlowError::KILLED)),
            }
        })),
        ..Watcher::default()
    });
    let session = session(Some(watcher.clone()), &[]);
    let address = name_server().await;
    let (near, mut client) = client();
    let script = async {
        let mut check = async |name: &str, expected: (u8, usize)| {
            client.send(&query(1, name, types::A)).await;
            let (_, code, count) = answered(&client.next().await.unwrap());
            assert_eq!((code, count), expected, "{name}");
        };
        check("answer.test", (0, 2)).await;
        check("fail.test", (2, 0)).await;
        check("renamed.test", (3, 0)).await;
        check("kill.test", (2, 0)).await;
        drop(client);
    };
    let server = server(&session, address);
    tokio::join!(serve_stream(&session, near, Some(server)), script);
    assert_eq!(
        watcher.hooks(),
        [
            "dns_request",
            "dns_response",
            "dns_request",
            "dns_error",
            "dns_request",
            "dns_response",
            "dns_request",
            "dns_error"
        ]
    );
}

#[tokio::test]
async fn https_records_lose_what_the_options_say() {
    let check = async |settings: &[&str], ech: bool, protocols: &[&str]| {
        let session = session(None, settings);
        let address = name_server().await;
        let (near, mut client) = client();
        let script = async {
            client.send(&query(1, "https.test", types::HTTPS)).await;
            let response = client.next().await.unwrap();
            let https = HttpsRecord::unpack(&response.answers[0].data).unwrap();
            assert_eq!(https.ech().is_some(), ech, "{settings:?}");
            assert_eq!(https.alpn().unwrap(), protocols, "{settings:?}");
            drop(client);
        };
        let server = server(&session, address);
        tokio::join!(serve_stream(&session, near, Some(server)), script);
    };
    check(&[], false, &["h2", "h3"]).await;
    check(&["http3=false"], false, &["h2"]).await;
    check(&["strip_ech=false"], true, &["h2", "h3"]).await;
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_an_error() {
    let watcher = Arc::new(Watcher::default());
    let session = session(Some(watcher.clone()), &[]);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::from(closed.local_addr().unwrap());
    drop(closed);
    let (near, mut client) = client();
    let script = async {
        client.send(&query(3, "a.test", types::A)).await;
        assert_eq!(answered(&client.next().await.unwrap()), (3, 2, 0));
        drop(client);
    };
    let server = server(&session, address.clone());
    tokio::join!(serve_stream(&session, near, Some(server)), script);
    assert_eq!(watcher.hooks(), ["dns_request", "dns_error"]);
    let error = watcher.last().info().error.clone().unwrap().msg;
    assert_eq!(error, format!("connection refused: {address}"));
}

#[tokio::test]
async fn garbage_ends_a_stream() {
    for bytes in [&b"\0\0"[..], b"\0\x05short"] {
        let session = session(None, &[]);
        let address = name_server().await;
        let (near, mut client) = client();
        let script = async {
            client.io.write_all(bytes).await.unwrap();
            assert!(client.next().await.is_none());
        };
        let server = server(&session, address);
        tokio::join!(serve_stream(&session, near, Some(server)), script);
    }
}

#[tokio::test]
async fn waiting_queries_are_bounded_and_fail_at_the_end() {
    let watcher = Arc::new(Watcher::default());
    let session = session(Some(watcher.clone()), &[]);
    let address = name_server().await;
    let (near, mut client) = client();
    let script = async {
        for id in 0..=PENDING_MAX {
            client
                .send(&query(id as u16, "silent.test", types::A))
                .await;
        }
        let refused = client.next().await.unwrap();
        assert_eq!(answered(&refused), (PENDING_MAX as u16, 2, 0));
        session.kernel().shutdown().cancel();
        while client.next().await.is_some() {}
    };
    let server = server(&session, address);
    tokio::join!(serve_stream(&session, near, Some(server)), script);
    let failed = watcher
        .hooks()
        .iter()
        .filter(|hook| **hook == "dns_error")
        .count();
    assert_eq!(failed, PENDING_MAX + 1);
}

/// An addon whose hook holds queries for one name until it is told to let them go.
struct Slow {
    go: tokio::sync::Notify,
}

impl midwire_core::AsyncAddon for Slow {
    fn call<'a>(
        &'a self,
        _: &'a midwire_core::Kernel,
        event: midwire_core::hooks::Event<'a>,
    ) -> midwire_core::BoxFuture<'a, ()> {
        Box::pin(async move {
            if let midwire_core::hooks::Event::DnsRequest(flow) = event
                && flow.request.questions[0].name == "slow.test"
            {
                self.go.notified().await;
            }
        })
    }
}

impl midwire_core::hooks::Addon for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn interest(&self, _: &midwire_core::options::Options) -> midwire_core::hooks::HookSet {
        midwire_core::hooks::HookSet::of(&[midwire_core::hooks::Hook::DnsRequest])
    }
}

#[tokio::test]
async fn a_query_that_waits_holds_no_other_up() {
    let slow = Arc::new(Slow {
        go: tokio::sync::Notify::new(),
    });
    let link = midwire_core::Link::Async(Arc::clone(&slow) as Arc<dyn midwire_core::AsyncAddon>);
    let session = crate::testing::session_of(vec![link], &[]);
    let address = name_server().await;
    let (near, mut client) = client();
    let script = async {
        client.send(&query(1, "slow.test", types::A)).await;
        // Sent again while it is looked at: still one query.
        client.send(&query(1, "slow.test", types::A)).await;
        for id in 2..10 {
            client.send(&query(id, "a.test", types::A)).await;
        }
        for id in 2..10 {
            assert_eq!(answered(&client.next().await.unwrap()), (id, 0, 1));
        }
        slow.go.notify_one();
        assert_eq!(answered(&client.next().await.unwrap()), (1, 0, 1));
        client.io.shutdown().await.unwrap();
        assert!(client.next().await.is_none());
    };
    let server = server(&session, address);
    tokio::join!(serve_stream(&session, near, Some(server)), script);
}

#[tokio::test]
async fn a_query_that_waits_for_its_answer_can_be_killed() {
    let watcher = Arc::new(Watcher::default());
    let session = session(Some(watcher.clone()), &[]);
    let address = name_server().await;
    let (near, mut client) = client();
    let script = async {
        client.send(&query(1, "silent.test", types::A)).await;
        client.send(&query(2, "a.test", types::A)).await;
        assert_eq!(answered(&client.next().await.unwrap()), (2, 0, 1));
        let id = watcher.first_dns.lock().unwrap().clone().unwrap();
        session.engine.kills.kill(&id);
        assert_eq!(answered(&client.next().await.unwrap()), (1, 2, 0));
        assert!(watcher.last().info().killed());
        assert_eq!(watcher.hooks().last(), Some(&"dns_error"));
        client.send(&query(3, "a.test", types::A)).await;
        assert_eq!(answered(&client.next().await.unwrap()), (3, 0, 1));
        drop(client);
    };
    let server = server(&session, address);
    tokio::join!(serve_stream(&session, near, Some(server)), script);
}

#[tokio::test]
async fn dns_mode_resolves_and_forwards() {
    let address = name_server().await;
    let servers = format!("dns_name_servers={address}");
    let session = session(None, &[&servers]);
    let (near, mut client) = client();
    let script = async {
        let mut check = async |name: &str, type_: u16, expected: (u8, usize)| {
            client.send(&query(9, name, type_)).await;
            let (_, code, count) = answered(&client.next().await.unwrap());
            assert_eq!((code, count), expected, "{name} {type_}");
        };
        check("localhost", types::A, (0, 1)).await;
        check("a.test", types::A, (0, 1)).await;
        check("a.test", types::AAAA, (0, 0)).await;
        check("none.test", types::A, (3, 0)).await;
        check("https.test", types::HTTPS, (0, 1)).await;
        drop(client);
    };
    tokio::join!(serve_stream(&session, near, None), script);
}

#[tokio::test]
async fn queries_in_datagrams() {
    let watcher = Arc::new(Watcher::default());
    let session = session(Some(watcher.clone()), &[]);
    let address = name_server().await;
    let mode = Arc::new(ModeSpec::parse(&format!("reverse:dns://{address}")).unwrap());
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let ours = socket.local_addr().unwrap();
    let stop = CancellationToken::new();
    let engine = Arc::clone(&session.engine);
    let script = async {
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.connect(ours).await.unwrap();
        let mut buf = [0; 2000];
        // Garbage does not disturb what follows.
        client.send(b"?").await.unwrap();
        for (id, name, expected) in [(5, "a.test", (5, 0, 1)), (6, "none.test", (6, 3, 0))] {
            let query = query(id, name, types::A);
            assert_eq!(u16::from(query.op_code), op_codes::QUERY);
            client.send(&query.pack().unwrap()).await.unwrap();
            let n = client.recv(&mut buf).await.unwrap();
            assert_eq!(answered(&Dns::unpack(&buf[..n]).unwrap()), expected);
        }
        stop.cancel();
    };
    tokio::join!(udp::serve(engine, mode, socket, stop.clone()), script);
    session.engine.drained().await;
    assert_eq!(watcher.hooks().len(), 4);
    let info = watcher.last().info().clone();
    assert_eq!(info.client_conn.transport_protocol, Transport::Udp);
    assert_eq!(info.server_conn.transport_protocol, Transport::Udp);
}
