//! WebSocket over HTTP/2 (RFC 8441), towards servers that know it and servers that do not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "tests fail by panic, and not every test uses all of its support"
)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::{Method, Request, Response};
use midwire_flow::HttpFlow;
use midwire_wire::websocket::{Close, Item, Limits, Message, MessageKind};
use midwire_wire::websocket::{MessageReader, MessageWriter, Role};
use support::{Proxy, ServerTls, origin, receive, send_all};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn within<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), what)
        .await
        .expect("hangs")
}

/// A stream that speaks WebSocket.
struct Socket {
    out: SendStream<Bytes>,
    content: RecvStream,
    input: BytesMut,
    reader: MessageReader,
    writer: MessageWriter,
}

impl Socket {
    fn new(out: SendStream<Bytes>, content: RecvStream, role: Role) -> Self {
        let other = match role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        Self {
            out,
            content,
            input: BytesMut::new(),
            reader: MessageReader::new(other, None, Limits::default()),
            writer: MessageWriter::new(role, None),
        }
    }

    async fn send(&mut self, item: &Item) {
        let mut bytes = BytesMut::new();
        let mask = &mut || [1, 2, 3, 4];
        self.writer.write(&mut bytes, item, mask).unwrap();
        send_all(&mut self.out, bytes.freeze()).await.unwrap();
    }

    /// `None` at an end without error.
    async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.reader.read(&mut self.input).unwrap() {
                return Some(item);
            }
            let piece = receive(&mut self.content).await?;
            self.input.extend_from_slice(&piece.unwrap());
        }
    }
}

fn text(content: &str) -> Item {
    Item::Message(Message {
        kind: MessageKind::Text,
        content: Bytes::copy_from_slice(content.as_bytes()),
        fragments: Vec::new(),
        compressed: false,
    })
}

fn content(item: Option<Item>) -> String {
    match item {
        Some(Item::Message(message)) => String::from_utf8(message.content.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn bye() -> Item {
    Item::Close(Close {
        code: Some(1000),
        reason: "bye".to_owned(),
    })
}

fn connect(protocol: &str) -> Request<()> {
    Request::builder()
        .method(Method::CONNECT)
        .uri("https://localhost/chat?x=1")
        .version(http::Version::HTTP_2)
        .header("sec-websocket-version", "13")
        .header("origin", "https://localhost")
        .extension(h2::ext::Protocol::from(protocol))
        .body(())
        .unwrap()
}

/// Sends an extended CONNECT, once the proxy's settings allow it.
async fn ask(
    sender: &SendRequest<Bytes>,
    protocol: &str,
) -> (Response<RecvStream>, SendStream<Bytes>) {
    within(async {
        while !sender.is_extended_connect_protocol_enabled() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut sender = sender.clone().ready().await.unwrap();
    let (response, out) = sender.send_request(connect(protocol), false).unwrap();
    (within(response).await.unwrap(), out)
}

/// What servers have seen: heads and kinds of requests.
type Seen = Arc<Mutex<Vec<String>>>;

/// A server of HTTP/2, which takes extended CONNECT requests or not, and of HTTP/1. It echoes messages.
async fn server(alpn: &[&str], knows: bool) -> (std::net::SocketAddr, Seen) {
    let seen = Seen::default();
    let all = Arc::clone(&seen);
    let address = origin(alpn, move |tls: ServerTls| {
        let seen = Arc::clone(&all);
        let h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        async move {
            if h2 {
                serve_h2(tls, knows, seen).await;
            } else {
                serve_h1(tls, seen).await;
            }
        }
    })
    .await;
    (address, seen)
}

async fn serve_h2(tls: ServerTls, knows: bool, seen: Seen) {
    let mut builder = h2::server::Builder::new();
    if knows {
        builder.enable_connect_protocol();
    }
    let mut connection = builder.handshake::<_, Bytes>(tls).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let protocol = request.extensions().get::<h2::ext::Protocol>();
        let kind = protocol.map_or("", h2::ext::Protocol::as_str);
        let line = format!(
            "{} {} {kind} {:?}",
            request.method(),
            request.uri(),
            request.headers()
        );
        seen.lock().unwrap().push(line);
        tokio::spawn(async move {
            if request.method() != Method::CONNECT {
                respond.send_response(Response::new(()), true).unwrap();
                return;
            }
            let out = respond.send_response(Response::new(()), false).unwrap();
            let mut socket = Socket::new(out, request.into_body(), Role::Server);
            while let Some(item) = socket.next().await {
                socket.send(&item).await;
                if let Item::Close(_) = item {
                    socket.out.send_data(Bytes::new(), true).unwrap();
                    return;
                }
            }
        });
    }
}

async fn serve_h1(mut tls: ServerTls, seen: Seen) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(char::from(tls.read_u8().await.unwrap()));
    }
    seen.lock().unwrap().push(head.clone());
    if head.contains("/chat?x=2") {
        let refusal = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno";
        tls.write_all(refusal).await.unwrap();
        return tls.flush().await.unwrap();
    }
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n";
    tls.write_all(switch).await.unwrap();
    tls.flush().await.unwrap();
    let mut reader = MessageReader::new(Role::Client, None, Limits::default());
    let mut writer = MessageWriter::new(Role::Server, None);
    let mut input = BytesMut::new();
    loop {
        while let Some(item) = reader.read(&mut input).unwrap() {
            let mut out = BytesMut::new();
            writer.write(&mut out, &item, &mut || [0; 4]).unwrap();
            tls.write_all(&out).await.unwrap();
            tls.flush().await.unwrap();
            if let Item::Close(_) = item {
                return;
            }
        }
        if tls.read_buf(&mut input).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

/// Talks over a socket until both have said goodbye.
async fn talk(response: Response<RecvStream>, out: SendStream<Bytes>) {
    assert_eq!(response.status(), 200);
    for name in ["connection", "upgrade", "sec-websocket-accept"] {
        assert!(response.headers().get(name).is_none(), "{name}");
    }
    let mut socket = Socket::new(out, response.into_body(), Role::Client);
    for n in 0..100 {
        let said = format!("message {n}");
        socket.send(&text(&said)).await;
        assert_eq!(content(within(socket.next()).await), said);
    }
    // More than any window holds.
    let large = "x".repeat(2_000_000);
    let (mut reader, mut writer) = (socket.reader, socket.writer);
    let send = async {
        let mut bytes = BytesMut::new();
        let mask = &mut || [1, 2, 3, 4];
        writer.write(&mut bytes, &text(&large), mask).unwrap();
        writer.write(&mut bytes, &bye(), mask).unwrap();
        send_all(&mut socket.out, bytes.freeze()).await.unwrap();
        socket.out.send_data(Bytes::new(), true).unwrap();
    };
    let receive = async {
        let mut items = Vec::new();
        let mut input = BytesMut::new();
        while let Some(piece) = receive(&mut socket.content).await {
            input.extend_from_slice(&piece.unwrap());
            while let Some(item) = reader.read(&mut input).unwrap() {
                items.push(item);
            }
        }
        items
    };
    let ((), items) = within(async { tokio::join!(send, receive) }).await;
    assert_eq!(items.len(), 2);
    assert_eq!(items[1], bye());
    assert_eq!(content(items.into_iter().next()).len(), large.len());
}

/// The flow of the conversation, once it is recorded.
async fn recorded(proxy: &Proxy) -> HttpFlow {
    let ended = || {
        let ended = proxy.flows.talked.lock().unwrap();
        ended.last().cloned()
    };
    within(async {
        loop {
            if let Some(flow) = ended() {
                return flow;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_pass_whatever_the_server_knows() {
    for (alpn, knows) in [
        (&["h2", "http/1.1"][..], true),
        (&["h2", "http/1.1"], false),
        (&["http/1.1"], false),
    ] {
        // Else the client would get the version of the server.
        let proxy = Proxy::start(&["connection_strategy=lazy"]).await;
        let (address, seen) = server(alpn, knows).await;
        let sender = proxy.h2(address).await;
        let (response, out) = ask(&sender, "websocket").await;
        talk(response, out).await;
        let flow = recorded(&proxy).await;
        let websocket = flow.websocket.clone().unwrap();
        assert_eq!(websocket.messages.len(), 202);
        assert_eq!(websocket.close_code, Some(1000));
        assert_eq!(websocket.closed_by_client, Some(true));
        assert_eq!(&flow.request.method[..], b"GET");
        assert_eq!(&flow.request.version[..], b"HTTP/2.0");
        assert_eq!(flow.response.as_ref().unwrap().status, 101);
        let seen = seen.lock().unwrap().join("\n");
        if knows {
            assert!(
                seen.contains("CONNECT https://localhost/chat?x=1 websocket"),
                "{seen}"
            );
            assert!(!seen.contains("sec-websocket-key"), "{seen}");
            assert!(seen.contains("sec-websocket-version"), "{seen}");
        } else {
            assert!(seen.starts_with("GET /chat?x=1 HTTP/1.1\r\n"), "{seen}");
            assert!(seen.contains("Sec-WebSocket-Key: "), "{seen}");
            assert!(seen.contains("upgrade: websocket\r\n"), "{seen}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_share_a_connection_with_requests() {
    let proxy = Proxy::start(&[]).await;
    let (address, seen) = server(&["h2"], true).await;
    let sender = proxy.h2(address).await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let (response, out) = ask(&sender, "websocket").await;
        sockets.push(Socket::new(out, response.into_body(), Role::Client));
        let get = Request::get("https://localhost/").body(()).unwrap();
        let (response, _) = sender
            .clone()
            .ready()
            .await
            .unwrap()
            .send_request(get, true)
            .unwrap();
        assert_eq!(within(response).await.unwrap().status(), 200);
    }
    for (n, socket) in sockets.iter_mut().enumerate() {
        socket.send(&text(&n.to_string())).await;
        assert_eq!(content(within(socket.next()).await), n.to_string());
    }
    // One that is dropped ends its own conversation only.
    drop(sockets.remove(0));
    let flow = recorded(&proxy).await;
    assert_eq!(flow.websocket.unwrap().close_code, Some(1006));
    sockets[0].send(&text("still")).await;
    assert_eq!(content(within(sockets[0].next()).await), "still");
    assert_eq!(seen.lock().unwrap().len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_switch_gives_502_and_unknown_protocols_501() {
    let proxy = Proxy::start(&["connection_strategy=lazy"]).await;
    let (address, _) = server(&["http/1.1"], false).await;
    let sender = proxy.h2(address).await;
    let (response, _) = ask(&sender, "connect-udp").await;
    assert_eq!(response.status(), 501);
    let mut sender = sender.ready().await.unwrap();
    let mut request = connect("websocket");
    *request.uri_mut() = "https://localhost/chat?x=2".parse().unwrap();
    let (response, _) = sender.send_request(request, false).unwrap();
    assert_eq!(within(response).await.unwrap().status(), 502);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_option_the_stream_carries_bytes() {
    let proxy = Proxy::start(&["websocket=false"]).await;
    let (address, _) = server(&["h2"], true).await;
    let sender = proxy.h2(address).await;
    let (response, out) = ask(&sender, "websocket").await;
    let mut socket = Socket::new(out, response.into_body(), Role::Client);
    socket.send(&text("bytes")).await;
    assert_eq!(content(within(socket.next()).await), "bytes");
    assert!(proxy.flows.talked.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_gives_no_window_loses_its_stream_only() {
    let endless = Arc::new(AtomicUsize::new(0));
    let ended = Arc::clone(&endless);
    let address = origin(&["h2"], move |tls: ServerTls| {
        let ended = Arc::clone(&ended);
        async move {
            let mut connection = h2::server::handshake(tls).await.unwrap();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let ended = Arc::clone(&ended);
                tokio::spawn(async move {
                    if request.uri().path() == "/" {
                        respond.send_response(Response::new(()), true).unwrap();
                        return;
                    }
                    let mut out = respond.send_response(Response::new(()), false).unwrap();
                    while send_all(&mut out, vec![0; 10_000].into()).await.is_ok() {
                        let reset = std::future::poll_fn(|cx| {
                            std::task::Poll::Ready(out.poll_reset(cx).is_ready())
                        });
                        if reset.await {
                            break;
                        }
                    }
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            }
        }
    })
    .await;
    let proxy = Proxy::start(&["client_write_timeout=1"]).await;
    let sender = proxy.h2(address).await;
    let get = |path: &str| {
        Request::get(format!("https://localhost{path}"))
            .body(())
            .unwrap()
    };
    let mut ready = sender.clone().ready().await.unwrap();
    let (response, _) = ready.send_request(get("/endless"), true).unwrap();
    let mut unread = within(response).await.unwrap().into_body();
    within(async {
        while endless.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let error = within(async {
        loop {
            match unread.data().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return error,
                None => panic!("looks whole"),
            }
        }
    })
    .await;
    assert!(error.is_reset());
    let message = proxy.flows.ended.lock().unwrap()[0].info.error.clone();
    assert_eq!(message.unwrap().msg, "client read nothing for 1 s");
    let (response, _) = sender
        .ready()
        .await
        .unwrap()
        .send_request(get("/"), true)
        .unwrap();
    assert_eq!(within(response).await.unwrap().status(), 200);
}
