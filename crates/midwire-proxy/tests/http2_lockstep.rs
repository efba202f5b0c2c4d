//! A two-way stream, as gRPC has them: the server answers each message before the client sends the next.
//!
//! `cargo test -p midwire-proxy --test http2_lockstep -- --nocapture` prints what the proxy adds to a round trip.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    reason = "tests fail by panic, not every test uses all of its support, and one prints figures"
)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use support::{Proxy, ServerTls, origin, receive, send_all};

const MESSAGES: u32 = 1000;

/// A message with the prefix that gRPC puts before each.
fn message(n: u32) -> Bytes {
    let text = format!("message {n}");
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(text.len()).unwrap());
    bytes.extend_from_slice(text.as_bytes());
    bytes.freeze()
}

/// Takes messages out of a stream, however it is cut.
struct Messages {
    content: RecvStream,
    input: BytesMut,
}

impl Messages {
    fn new(content: RecvStream) -> Self {
        Self {
            content,
            input: BytesMut::new(),
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let [0, a, b, c, d, ..] = *self.input {
                let len = 5 + u32::from_be_bytes([a, b, c, d]) as usize;
                if self.input.len() >= len {
                    return Some(self.input.split_to(len).freeze());
                }
            }
            let Some(piece) = receive(&mut self.content).await else {
                assert!(!self.input.has_remaining(), "cut");
                return None;
            };
            self.input.extend_from_slice(&piece.unwrap());
        }
    }
}

/// Echoes each message; the trailer section says how many there were.
async fn echo_server() -> SocketAddr {
    origin(&["h2"], |tls: ServerTls| async move {
        let mut connection = h2::server::handshake(tls).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            tokio::spawn(async move {
                let head = Response::builder()
                    .header("content-type", "application/grpc")
                    .body(())
                    .unwrap();
                let mut out = respond.send_response(head, false).unwrap();
                let mut messages = Messages::new(request.into_body());
                let mut count = 0;
                while let Some(message) = messages.next().await {
                    count += 1;
                    send_all(&mut out, message).await.unwrap();
                }
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", "0".parse().unwrap());
                trailers.insert("x-count", count.into());
                out.send_trailers(trailers).unwrap();
            });
        }
    })
    .await
}

/// Sends messages in lockstep and gives the time of each round trip.
async fn lockstep(sender: SendRequest<Bytes>) -> Vec<Duration> {
    let request = Request::post("https://localhost/echo.Echo/Talk")
        .version(http::Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let mut sender = sender.ready().await.unwrap();
    let (response, mut out): (_, SendStream<Bytes>) = sender.send_request(request, false).unwrap();
    let mut messages = Messages::new(response.await.unwrap().into_body());
    let mut times = Vec::new();
    for n in 0..MESSAGES {
        let began = Instant::now();
        send_all(&mut out, message(n)).await.unwrap();
        assert_eq!(messages.next().await, Some(message(n)));
        times.push(began.elapsed());
    }
    out.send_data(Bytes::new(), true).unwrap();
    assert_eq!(messages.next().await, None);
    let trailers = messages.content.trailers().await.unwrap().unwrap();
    assert_eq!(trailers.get("x-count").unwrap(), "1000");
    assert_eq!(trailers.get("grpc-status").unwrap(), "0");
    times.sort_unstable();
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_messages_pass_in_lockstep() {
    let address = echo_server().await;
    let proxy = Proxy::start(&[]).await;
    let through = lockstep(proxy.h2(address).await);
    let through = tokio::time::timeout(Duration::from_secs(50), through).await;
    let through = through.expect("hangs");
    let direct = lockstep(support::direct_h2(address).await).await;
    let at = |times: &[Duration], percent: usize| times[times.len() * percent / 100];
    for percent in [50, 99] {
        let (through, direct) = (at(&through, percent), at(&direct, percent));
        let added = through.saturating_sub(direct);
        println!("p{percent}: {direct:?} direct, {through:?} through the proxy, {added:?} added");
    }
    let ended = Arc::clone(&proxy.flows);
    while ended.ended.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let flow = ended.ended.lock().unwrap().last().cloned().unwrap();
    let trailers = flow.response.unwrap().trailers.unwrap();
    assert_eq!(trailers.get("x-count"), Some(&b"1000"[..]));
}
