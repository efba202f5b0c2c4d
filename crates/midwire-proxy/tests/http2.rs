//! HTTP/2 with peers that behave, misbehave, stall and leave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "tests fail by panic, and not every test uses all of its support"
)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use http::{Request, Response};
use support::{Proxy, ServerTls, origin, receive_all, send_all};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

async fn within<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), what)
        .await
        .expect("hangs")
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("https://localhost{path}"))
        .version(http::Version::HTTP_2)
        .body(())
        .unwrap()
}

/// Status and content, or why there is none.
async fn ask(
    sender: &SendRequest<Bytes>,
    request: Request<()>,
) -> Result<(u16, Vec<u8>), h2::Error> {
    let mut sender = sender.clone().ready().await?;
    let (response, _) = sender.send_request(request, true)?;
    let response = response.await?;
    let status = response.status().as_u16();
    let (body, cut) = receive_all(&mut response.into_body()).await;
    cut.map_or(Ok((status, body)), Err)
}

/// Answers with the path, and does what paths with a meaning say.
async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    resets: mpsc::Sender<Reason>,
) {
    let path = request.uri().path().to_owned();
    let body = Bytes::from(path.clone());
    match path.as_str() {
        "/stall" => {
            let reset = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
            let _ = resets.try_send(reset.unwrap_or(Reason::CANCEL));
        }
        "/refuse" => respond.send_reset(Reason::REFUSED_STREAM),
        "/reset" => respond.send_reset(Reason::HTTP_1_1_REQUIRED),
        "/hints" => {
            let hints = Response::builder()
                .status(103)
                .header("link", "</a>")
                .body(())
                .unwrap();
            respond.send_informational(hints).unwrap();
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            send_all(&mut stream, body).await.unwrap();
            stream.send_data(Bytes::new(), true).unwrap();
        }
        "/head" => {
            let head = Response::builder()
                .header("content-length", "1000")
                .body(())
                .unwrap();
            respond.send_response(head, true).unwrap();
        }
        "/endless" => {
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            while send_all(&mut stream, vec![0; 10_000].into()).await.is_ok() {
                let closed = std::future::poll_fn(|cx| {
                    std::task::Poll::Ready(stream.poll_reset(cx).is_ready())
                });
                if closed.await {
                    break;
                }
            }
            let _ = resets.try_send(Reason::CANCEL);
        }
        _ => {
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            let _ = send_all(&mut stream, body).await;
            let _ = stream.send_data(Bytes::new(), true);
        }
    }
}

struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    resets: mpsc::Receiver<Reason>,
    /// Paths of requests that have arrived.
    begun: mpsc::Receiver<String>,
}

async fn server(max_streams: u32) -> Server {
    let connections = Arc::new(AtomicUsize::new(0));
    let (tell, resets) = mpsc::channel(2000);
    let (begin, begun) = mpsc::channel(2000);
    let count = Arc::clone(&connections);
    let address = origin(&["h2"], move |tls: ServerTls| {
        count.fetch_add(1, Ordering::Relaxed);
        let tell = tell.clone();
        let begin = begin.clone();
        async move {
            let mut connection = h2::server::Builder::new()
                .max_concurrent_streams(max_streams)
                .handshake(tls)
                .await
                .unwrap();
            while let Some(Ok((request, respond))) = connection.accept().await {
                let _ = begin.try_send(request.uri().path().to_owned());
                if request.uri().path() == "/goaway" {
                    drop(respond);
                    connection.abrupt_shutdown(Reason::NO_ERROR);
                    continue;
                }
                tokio::spawn(answer(request, respond, tell.clone()));
            }
        }
    })
    .await;
    Server {
        address,
        connections,
        resets,
        begun,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_stream_holds_nobody_up_and_all_share_one_connection() {
    let proxy = Proxy::start(&[]).await;
    let server = server(200).await;
    let sender = proxy.h2(server.address).await;
    let stalled = tokio::spawn({
        let sender = sender.clone();
        async move { ask(&sender, get("/stall")).await }
    });
    let mut others = tokio::task::JoinSet::new();
    for n in 0..99 {
        let sender = sender.clone();
        others.spawn(async move { (n, ask(&sender, get(&format!("/{n}"))).await) });
    }
    within(async {
        while let Some(done) = others.join_next().await {
            let (n, got) = done.unwrap();
            assert_eq!(got.unwrap(), (200, format!("/{n}").into_bytes()));
        }
    })
    .await;
    assert!(!stalled.is_finished());
    stalled.abort();
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_wait_for_a_server_that_allows_few() {
    let proxy = Proxy::start(&[]).await;
    let server = server(2).await;
    let sender = proxy.h2(server.address).await;
    let mut all = tokio::task::JoinSet::new();
    for n in 0..30 {
        let sender = sender.clone();
        all.spawn(async move { ask(&sender, get(&format!("/{n}"))).await.unwrap().0 });
    }
    let statuses = within(all.join_all()).await;
    assert_eq!(statuses, [200; 30]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_content_that_nobody_reads_stalls_only_its_own_stream() {
    let proxy = Proxy::start(&[]).await;
    let mut server = server(100).await;
    let sender = proxy.h2(server.address).await;
    let mut ready = sender.clone().ready().await.unwrap();
    let (response, _) = ready.send_request(get("/endless"), true).unwrap();
    let unread = within(response).await.unwrap();
    for n in 0..20 {
        let got = within(ask(&sender, get(&format!("/{n}")))).await.unwrap();
        assert_eq!(got.0, 200);
    }
    drop(unread);
    assert!(within(server.resets.recv()).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_by_the_client_reaches_the_server() {
    let proxy = Proxy::start(&[]).await;
    let mut server = server(100).await;
    let sender = proxy.h2(server.address).await;
    let mut ready = sender.clone().ready().await.unwrap();
    let (response, mut stream) = ready.send_request(get("/stall"), true).unwrap();
    // The stream after it is answered, so the first one is known upstream.
    assert_eq!(within(ask(&sender, get("/a"))).await.unwrap().0, 200);
    stream.send_reset(Reason::CANCEL);
    drop(response);
    assert_eq!(within(server.resets.recv()).await, Some(Reason::CANCEL));
    assert_eq!(within(ask(&sender, get("/b"))).await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_resets_gives_502_and_the_connection_goes_on() {
    let proxy = Proxy::start(&[]).await;
    let server = server(100).await;
    let sender = proxy.h2(server.address).await;
    for path in ["/reset", "/refuse"] {
        let (status, body) = within(ask(&sender, get(path))).await.unwrap();
        assert_eq!(status, 502);
        assert!(
            String::from_utf8(body)
                .unwrap()
                .contains("server reset the stream")
        );
    }
    assert_eq!(within(ask(&sender, get("/a"))).await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_goaway_requests_go_over_a_new_connection() {
    let proxy = Proxy::start(&[]).await;
    let server = server(100).await;
    let sender = proxy.h2(server.address).await;
    assert_eq!(within(ask(&sender, get("/a"))).await.unwrap().0, 200);
    let _ = within(ask(&sender, get("/goaway"))).await;
    assert_eq!(
        within(ask(&sender, get("/b"))).await.unwrap(),
        (200, b"/b".to_vec())
    );
    assert!(server.connections.load(Ordering::Relaxed) > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interim_responses_and_heads_without_content_pass() {
    let proxy = Proxy::start(&[]).await;
    let server = server(100).await;
    let sender = proxy.h2(server.address).await;
    let mut ready = sender.clone().ready().await.unwrap();
    let (mut response, _) = ready.send_request(get("/hints"), true).unwrap();
    let hints = std::future::poll_fn(|cx| response.poll_informational(cx));
    let hints = within(hints).await.unwrap().unwrap();
    assert_eq!(hints.status(), 103);
    assert_eq!(hints.headers().get("link").unwrap(), "</a>");
    assert_eq!(within(response).await.unwrap().status(), 200);
    let mut head = get("/head");
    *head.method_mut() = http::Method::HEAD;
    let (response, _) = sender
        .clone()
        .ready()
        .await
        .unwrap()
        .send_request(head, true)
        .unwrap();
    let response = within(response).await.unwrap();
    assert_eq!(response.headers().get("content-length").unwrap(), "1000");
    assert!(response.body().is_end_stream());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_flows_reset_their_stream() {
    let proxy = Proxy::start(&[]).await;
    *proxy.flows.kill.lock().unwrap() = Some("/killed");
    let server = server(100).await;
    let sender = proxy.h2(server.address).await;
    let error = within(ask(&sender, get("/killed"))).await.unwrap_err();
    assert!(error.is_reset() && error.is_remote());
    assert_eq!(within(ask(&sender, get("/a"))).await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flows_tell_version_authority_and_joined_cookies() {
    let proxy = Proxy::start(&[]).await;
    let server = server(100).await;
    let sender = proxy.h2(server.address).await;
    let mut request = get("/x?y");
    request
        .headers_mut()
        .append("cookie", "a=1".parse().unwrap());
    request
        .headers_mut()
        .append("cookie", "b=2".parse().unwrap());
    within(ask(&sender, request)).await.unwrap();
    let ended = proxy.flows.ended.lock().unwrap();
    let flow = ended.last().unwrap();
    assert_eq!(&flow.request.version[..], b"HTTP/2.0");
    assert_eq!(&flow.request.authority[..], b"localhost");
    assert_eq!(&flow.request.path[..], b"/x?y");
    assert_eq!(flow.request.port, server.address.port());
    assert_eq!(flow.request.fields.get("cookie"), Some(&b"a=1; b=2"[..]));
    assert_eq!(&flow.response.as_ref().unwrap().version[..], b"HTTP/2.0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_above_the_limits_are_refused_and_others_served() {
    let proxy = Proxy::start(&["header_size_limit=16k", "header_count_limit=20"]).await;
    let server = server(100).await;
    let sender = proxy.h2(server.address).await;
    let mut long = get("/long");
    let value = "x".repeat(20_000).parse().unwrap();
    long.headers_mut().insert("x-long", value);
    // The server part of the library answers 431 and resets; either may be seen first.
    match within(ask(&sender, long)).await {
        Ok((status, _)) => assert_eq!(status, 431),
        Err(error) => assert!(error.is_reset()),
    }
    let mut many = get("/many");
    for n in 0..21 {
        let name = http::HeaderName::try_from(format!("x-{n}")).unwrap();
        many.headers_mut().insert(name, "1".parse().unwrap());
    }
    assert_eq!(within(ask(&sender, many)).await.unwrap().0, 431);
    assert_eq!(within(ask(&sender, get("/a"))).await.unwrap().0, 200);
}

/// A frame with its header (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[a, b, c, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// What a client begins with.
fn preface() -> Vec<u8> {
    [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &frame(4, 0, 0, &[]),
    ]
    .concat()
}

/// A GET of `/stall`, literal and without Huffman coding (RFC 7541 §6).
fn stalling(stream: u32) -> Vec<u8> {
    let block = [
        &[0x82, 0x87, 0x04, 6][..],
        b"/stall",
        &[0x01, 9],
        b"localhost",
    ]
    .concat();
    frame(1, 5, stream, &block)
}

/// Sends bytes and waits for the end of the connection; the code of its GOAWAY.
async fn goaway_code(mut tls: support::ClientTls, bytes: Vec<u8>) -> Option<u8> {
    // The proxy may stop reading before all is sent.
    let (mut read, mut write) = tokio::io::split(&mut tls);
    let send = async {
        let _ = write.write_all(&bytes).await;
        let _ = write.flush().await;
        std::future::pending::<()>().await;
    };
    let mut said = Vec::new();
    let listen = async {
        let _ = read.read_to_end(&mut said).await;
    };
    within(async {
        tokio::select! {
            () = send => {}
            () = listen => {}
        }
    })
    .await;
    let mut rest = &said[..];
    while let [_, a, b, kind, ..] = *rest {
        let len = usize::from(a) << 8 | usize::from(b);
        if kind == 7 {
            return rest.get(16).copied();
        }
        rest = rest.get(9 + len..).unwrap_or_default();
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_resets_end_their_connection_and_no_other() {
    let proxy = Proxy::start(&["http2_max_resets=50"]).await;
    let server = server(1000).await;
    let other = proxy.h2(server.address).await;
    let mut bytes = preface();
    for n in 0..60 {
        bytes.extend(stalling(2 * n + 1));
        bytes.extend(frame(3, 0, 2 * n + 1, &[0, 0, 0, 8]));
    }
    let hostile = proxy.tunnel(server.address, &["h2"]).await;
    assert_eq!(goaway_code(hostile, bytes).await, Some(11));
    assert_eq!(within(ask(&other, get("/a"))).await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_control_frames_end_the_connection() {
    let proxy = Proxy::start(&[]).await;
    let server = server(100).await;
    for one in [
        frame(6, 0, 0, &[0; 8]),
        frame(4, 0, 0, &[]),
        frame(2, 0, 1, &[0, 0, 0, 0, 1]),
        frame(0xfa, 0, 0, b"?"),
    ] {
        let tls = proxy.tunnel(server.address, &["h2"]).await;
        let bytes = [preface(), one.repeat(1100)].concat();
        assert_eq!(goaway_code(tls, bytes).await, Some(11), "{one:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_ends_its_streams_upstream() {
    let proxy = Proxy::start(&[]).await;
    let mut server = server(100).await;
    let mut tls = proxy.tunnel(server.address, &["h2"]).await;
    tls.write_all(&[preface(), stalling(1)].concat())
        .await
        .unwrap();
    tls.flush().await.unwrap();
    assert_eq!(within(server.begun.recv()).await.unwrap(), "/stall");
    drop(tls);
    assert!(within(server.resets.recv()).await.is_some());
    within(async {
        while proxy.flows.ended.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let error = proxy.flows.ended.lock().unwrap()[0].info.error.clone();
    assert_eq!(error.unwrap().msg, "client disconnected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_gets_goaway() {
    let proxy = Proxy::start(&["client_idle_timeout=1"]).await;
    let server = server(100).await;
    let tls = proxy.tunnel(server.address, &["h2"]).await;
    let (sender, connection) = h2::client::handshake(tls).await.unwrap();
    let ended = tokio::spawn(connection);
    assert_eq!(within(ask(&sender, get("/a"))).await.unwrap().0, 200);
    assert!(within(ended).await.unwrap().is_ok());
    assert!(within(ask(&sender, get("/b"))).await.is_err());
}

/// A header block of literal fields (RFC 7541 §6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// The code of the reset of stream 1 or of the GOAWAY, which ever comes.
async fn reset_code(mut tls: support::ClientTls, bytes: &[u8]) -> u8 {
    tls.write_all(bytes).await.unwrap();
    tls.flush().await.unwrap();
    within(async {
        loop {
            let mut header = [0; 9];
            tls.read_exact(&mut header).await.unwrap();
            let len = usize::from(header[1]) << 8 | usize::from(header[2]);
            let mut payload = vec![0; len];
            tls.read_exact(&mut payload).await.unwrap();
            match header[3] {
                3 => return payload[3],
                7 => return payload[7],
                1 => panic!("answered"),
                _ => {}
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_requests_are_stream_errors_and_reach_no_server() {
    let proxy = Proxy::start(&[]).await;
    let mut server = server(100).await;
    let good = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", "/malformed"),
    ];
    let with = |more: (&'static str, &'static str)| [&good[..], &[more]].concat();
    let mut cases: Vec<Vec<(&str, &str)>> = [
        ("connection", "close"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("Upper", "x"),
        ("bad name", "x"),
        ("", "x"),
        ("x", "a\0b"),
        ("x", "a\rb"),
        ("x", "a\nb"),
        (":status", "200"),
        (":unknown", "x"),
        (":path", "/twice"),
        ("content-length", "5x"),
    ]
    .into_iter()
    .map(with)
    .collect();
    cases.push(good[1..].to_vec());
    cases.push(good[..3].to_vec());
    cases.push([&[("a", "b")], &good[..]].concat());
    for case in cases {
        let tls = proxy.tunnel(server.address, &["h2"]).await;
        let bytes = [preface(), frame(1, 5, 1, &block(&case))].concat();
        assert_eq!(reset_code(tls, &bytes).await, 1, "{case:?}");
    }
    // A length that the content does not have.
    for data in ["1234", "123456"] {
        let tls = proxy.tunnel(server.address, &["h2"]).await;
        let head = frame(1, 4, 1, &block(&with(("content-length", "5"))));
        let bytes = [preface(), head, frame(0, 1, 1, data.as_bytes())].concat();
        assert_eq!(reset_code(tls, &bytes).await, 1, "{data}");
    }
    let sender = proxy.h2(server.address).await;
    assert_eq!(within(ask(&sender, get("/a"))).await.unwrap().0, 200);
    let completed = proxy
        .flows
        .ended
        .lock()
        .unwrap()
        .iter()
        .any(|flow| flow.request.path == "/malformed" && flow.info.error.is_none());
    assert!(!completed);
    let mut begun = Vec::new();
    while let Ok(path) = server.begun.try_recv() {
        begun.push(path);
    }
    // Only the two with a wrong length, which shows at their end.
    assert!(
        begun.iter().filter(|path| *path == "/malformed").count() <= 2,
        "{begun:?}"
    );
}
