//! Every kind of exchange between every pair of versions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "tests fail by panic, and not every test uses all of its support"
)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use support::{ClientTls, Proxy, ServerTls, origin, receive, receive_all, send_all};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LARGE: usize = 10 * 1024 * 1024;
const ROUNDS: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Version {
    H1,
    H2,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Case {
    Small,
    Large,
    Trailers,
    /// The answer comes before the request is complete.
    Early,
    /// The answer is cut.
    Reset,
    /// Each message waits for the answer to the one before.
    TwoWay,
}

const CASES: [Case; 6] = [
    Case::Small,
    Case::Large,
    Case::Trailers,
    Case::Early,
    Case::Reset,
    Case::TwoWay,
];

fn pattern(len: usize) -> Bytes {
    (0..len).map(|n| (n * 7 % 251) as u8).collect()
}

fn sum_trailers(value: &'static str) -> HeaderMap {
    let mut map = HeaderMap::new();
    map.insert("x-sum", value.parse().unwrap());
    map
}

/// HTTP/1 by hand.
struct Wire<T>(T);

impl<T: AsyncReadExt + AsyncWriteExt + Unpin> Wire<T> {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    async fn chunk(&mut self, data: &[u8]) {
        let framed = [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat();
        self.send(framed).await;
    }

    async fn until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            text.push(self.0.read_u8().await.unwrap());
        }
        String::from_utf8(text).unwrap()
    }

    /// One chunk; the trailer section after the last one. `None` if the message is cut.
    async fn next(&mut self) -> Option<Result<Vec<u8>, String>> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(self.0.read_u8().await.ok()?);
        }
        let text = String::from_utf8(line).unwrap();
        let len = usize::from_str_radix(text.trim_end(), 16).unwrap();
        if len == 0 {
            let mut trailers = String::new();
            loop {
                let line = self.until("\r\n").await;
                if line == "\r\n" {
                    return Some(Err(trailers));
                }
                trailers.push_str(&line);
            }
        }
        let mut data = vec![0; len + 2];
        self.0.read_exact(&mut data).await.ok()?;
        data.truncate(len);
        Some(Ok(data))
    }

    /// `None` for the trailers if the message is cut.
    async fn rest(&mut self) -> (Vec<u8>, Option<String>) {
        let mut all = Vec::new();
        loop {
            match self.next().await {
                Some(Ok(data)) => all.extend(data),
                Some(Err(trailers)) => return (all, Some(trailers)),
                None => return (all, None),
            }
        }
    }
}

const ANSWER: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

async fn serve_h1(case: Case, tls: ServerTls) {
    let mut wire = Wire(tls);
    let head = wire.until("\r\n\r\n").await.to_lowercase();
    assert!(head.contains("\r\nhost: localhost\r\n"), "{head}");
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    match case {
        Case::Small | Case::Large => {
            let (body, trailers) = wire.rest().await;
            assert_eq!(trailers.as_deref(), Some(""));
            wire.send(ANSWER).await;
            for piece in body.chunks(100_000) {
                wire.chunk(piece).await;
            }
            wire.send("0\r\n\r\n").await;
        }
        Case::Trailers => {
            let (body, trailers) = wire.rest().await;
            assert_eq!(body, b"question");
            assert_eq!(trailers.unwrap().to_lowercase(), "x-sum: 1\r\n");
            wire.send(ANSWER).await;
            wire.chunk(b"answer").await;
            wire.send("0\r\nX-Sum: 2\r\n\r\n").await;
        }
        Case::Early => {
            wire.send(format!("{ANSWER}5\r\nearly\r\n0\r\n\r\n")).await;
            let _ = wire.rest().await;
        }
        Case::Reset => {
            wire.next().await.unwrap().unwrap();
            wire.send(format!("{ANSWER}4\r\npart\r\n")).await;
            // A reset overtakes what waits to be written, so the client says when it has the part.
            wire.rest().await;
            let _ = wire.0.shutdown().await;
        }
        Case::TwoWay => {
            wire.send(ANSWER).await;
            for _ in 0..ROUNDS {
                let message = wire.next().await.unwrap().unwrap();
                wire.chunk(&message).await;
            }
            wire.rest().await;
            wire.send("0\r\n\r\n").await;
        }
    }
}

async fn serve_h2(case: Case, tls: ServerTls) {
    let mut connection = h2::server::handshake(tls).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        tokio::spawn(async move {
            assert_eq!(request.uri().authority().unwrap().as_str(), "localhost");
            assert!(request.headers().get("host").is_none());
            let mut content = request.into_body();
            let head = Response::new(());
            match case {
                Case::Small | Case::Large => {
                    let (body, cut) = receive_all(&mut content).await;
                    assert!(cut.is_none());
                    let mut stream = respond.send_response(head, false).unwrap();
                    send_all(&mut stream, body.into()).await.unwrap();
                    stream.send_data(Bytes::new(), true).unwrap();
                }
                Case::Trailers => {
                    let (body, _) = receive_all(&mut content).await;
                    assert_eq!(body, b"question");
                    assert_eq!(content.trailers().await.unwrap(), Some(sum_trailers("1")));
                    let mut stream = respond.send_response(head, false).unwrap();
                    send_all(&mut stream, "answer".into()).await.unwrap();
                    stream.send_trailers(sum_trailers("2")).unwrap();
                }
                Case::Early => {
                    let mut stream = respond.send_response(head, false).unwrap();
                    stream.send_data("early".into(), true).unwrap();
                    receive_all(&mut content).await;
                }
                Case::Reset => {
                    receive(&mut content).await.unwrap().unwrap();
                    let mut stream = respond.send_response(head, false).unwrap();
                    send_all(&mut stream, "part".into()).await.unwrap();
                    receive_all(&mut content).await;
                    stream.send_reset(h2::Reason::ENHANCE_YOUR_CALM);
                }
                Case::TwoWay => {
                    let mut stream = respond.send_response(head, false).unwrap();
                    for _ in 0..ROUNDS {
                        let message = receive(&mut content).await.unwrap().unwrap();
                        send_all(&mut stream, message).await.unwrap();
                    }
                    receive_all(&mut content).await;
                    stream.send_data(Bytes::new(), true).unwrap();
                }
            }
        });
    }
}

async fn ask_h1(case: Case, tls: ClientTls) {
    let mut wire = Wire(tls);
    let head = "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    wire.send(head).await;
    let answered = async |wire: &mut Wire<ClientTls>| {
        let head = wire.until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(
            head.to_lowercase().contains("transfer-encoding: chunked"),
            "{head}"
        );
    };
    match case {
        Case::Small => {
            wire.chunk(b"hello").await;
            wire.send("0\r\n\r\n").await;
            answered(&mut wire).await;
            assert_eq!(wire.rest().await, (b"hello".to_vec(), Some(String::new())));
        }
        Case::Large => {
            let body = pattern(LARGE);
            for piece in body.chunks(100_000) {
                wire.chunk(piece).await;
            }
            wire.send("0\r\n\r\n").await;
            answered(&mut wire).await;
            let (got, trailers) = wire.rest().await;
            assert!(got == body && trailers.is_some());
        }
        Case::Trailers => {
            wire.chunk(b"question").await;
            wire.send("0\r\nX-Sum: 1\r\n\r\n").await;
            answered(&mut wire).await;
            let (body, trailers) = wire.rest().await;
            assert_eq!(body, b"answer");
            assert_eq!(trailers.unwrap().to_lowercase(), "x-sum: 2\r\n");
        }
        Case::Early => {
            wire.chunk(b"begin").await;
            answered(&mut wire).await;
            assert_eq!(wire.rest().await, (b"early".to_vec(), Some(String::new())));
        }
        Case::Reset => {
            wire.chunk(b"begin").await;
            answered(&mut wire).await;
            assert_eq!(wire.next().await.unwrap().unwrap(), b"part");
            wire.send("0\r\n\r\n").await;
            assert_eq!(wire.rest().await, (Vec::new(), None));
        }
        Case::TwoWay => {
            for n in 0..ROUNDS {
                let message = format!("message {n}");
                wire.chunk(message.as_bytes()).await;
                if n == 0 {
                    answered(&mut wire).await;
                }
                assert_eq!(wire.next().await.unwrap().unwrap(), message.as_bytes());
            }
            wire.send("0\r\n\r\n").await;
            assert_eq!(wire.rest().await, (Vec::new(), Some(String::new())));
        }
    }
}

async fn ask_h2(case: Case, tls: ClientTls) {
    let (sender, connection) = h2::client::handshake(tls).await.unwrap();
    tokio::spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let mut request = Request::post("https://localhost/x").body(()).unwrap();
    *request.version_mut() = http::Version::HTTP_2;
    let (response, mut stream) = sender.send_request(request, false).unwrap();
    let early = matches!(case, Case::Early | Case::Reset);
    match case {
        Case::Small => send_all(&mut stream, "hello".into()).await.unwrap(),
        Case::Large => {
            // Sending and receiving go on together: the answer begins when the request has ended.
            send_all(&mut stream, pattern(LARGE)).await.unwrap();
        }
        Case::Trailers => send_all(&mut stream, "question".into()).await.unwrap(),
        Case::Early | Case::Reset => send_all(&mut stream, "begin".into()).await.unwrap(),
        Case::TwoWay => send_all(&mut stream, "message 0".into()).await.unwrap(),
    }
    if case == Case::Trailers {
        stream.send_trailers(sum_trailers("1")).unwrap();
    } else if !early && case != Case::TwoWay {
        stream.send_data(Bytes::new(), true).unwrap();
    }
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().get("transfer-encoding").is_none());
    let mut content = response.into_body();
    match case {
        Case::Small => assert_eq!(receive_all(&mut content).await.0, b"hello"),
        Case::Large => assert!(receive_all(&mut content).await.0 == pattern(LARGE)),
        Case::Trailers => {
            assert_eq!(receive_all(&mut content).await.0, b"answer");
            assert_eq!(content.trailers().await.unwrap(), Some(sum_trailers("2")));
        }
        Case::Early => {
            let (body, cut) = receive_all(&mut content).await;
            assert_eq!(body, b"early");
            assert!(cut.is_none());
        }
        Case::Reset => {
            assert_eq!(receive(&mut content).await.unwrap().unwrap(), "part");
            let _ = stream.send_data(Bytes::new(), true);
            let (_, cut) = receive_all(&mut content).await;
            assert!(cut.is_some_and(|error| error.is_reset()));
        }
        Case::TwoWay => {
            assert_eq!(receive(&mut content).await.unwrap().unwrap(), "message 0");
            for n in 1..ROUNDS {
                let message = Bytes::from(format!("message {n}"));
                send_all(&mut stream, message.clone()).await.unwrap();
                assert_eq!(receive(&mut content).await.unwrap().unwrap(), message);
            }
            stream.send_data(Bytes::new(), true).unwrap();
            let (rest, cut) = receive_all(&mut content).await;
            assert!(rest.is_empty() && cut.is_none());
        }
    }
}

async fn run(client: Version, server: Version) {
    let proxy = Proxy::start(&["connection_strategy=lazy", "upstream_cert=false"]).await;
    for case in CASES {
        let to = match server {
            Version::H1 => origin(&["http/1.1"], move |tls| serve_h1(case, tls)).await,
            Version::H2 => origin(&["h2"], move |tls| serve_h2(case, tls)).await,
        };
        let exchange = async {
            match client {
                Version::H1 => ask_h1(case, proxy.tunnel(to, &["http/1.1", "h2"]).await).await,
                Version::H2 => ask_h2(case, proxy.tunnel(to, &["h2", "http/1.1"]).await).await,
            }
        };
        tokio::time::timeout(Duration::from_secs(90), exchange)
            .await
            .unwrap_or_else(|_| panic!("{case:?} hangs"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h1_client_and_h1_server() {
    run(Version::H1, Version::H1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h1_client_and_h2_server() {
    run(Version::H1, Version::H2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h2_client_and_h1_server() {
    run(Version::H2, Version::H1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h2_client_and_h2_server() {
    run(Version::H2, Version::H2).await;
}
