//! Sections from one library to the other, through what keeps their order.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use midwire_wire::Fields;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::client;
use super::convert;
use super::convert::Names;
use super::hpack::Decoder;
use super::order::{Ordered, Orders};
use super::watch::{PREFACE, Scanner, Watched};

async fn sections_arrive(sections: Vec<Vec<(&'static str, &'static str)>>) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (near, _) = Ordered::new(near, (0, PREFACE), 4096);
    let (far, orders): (_, Orders) = Ordered::new(far, (PREFACE, 0), 4096);
    let (sender, connection) = h2::client::handshake(near).await.unwrap();
    tokio::spawn(connection);
    let wanted = sections.clone();
    let serve = async {
        let mut connection = h2::server::handshake(far).await.unwrap();
        for section in wanted {
            let (request, mut respond) = connection.accept().await.unwrap().unwrap();
            let stream = request.body().stream_id().as_u32();
            let got = convert::fields(request.headers(), (&orders, stream));
            assert_eq!(got, Fields::from_pairs(section));
            respond
                .send_response(http::Response::new(()), true)
                .unwrap();
        }
    };
    let ask = async {
        let mut sender: h2::client::SendRequest<Bytes> = sender;
        for section in sections {
            sender = sender.ready().await.unwrap();
            let mut request = http::Request::get("https://h/path").body(()).unwrap();
            let section = Fields::from_pairs(section);
            *request.headers_mut() = convert::header_map(&section, Names::Lowered).unwrap();
            let (response, _) = sender.send_request(request, true).unwrap();
            response.await.unwrap();
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = serve => {}
        () = ask => {}
    }
}

#[tokio::test]
async fn sections_arrive_in_their_order_and_tables_stay_in_step() {
    let plain = vec![("x-a", "1"), ("accept", "*/*"), ("x-b", "two")];
    let mixed = vec![
        ("x-a", "1"),
        ("x-b", "two"),
        ("x-a", "2"),
        ("accept", "*/*"),
        ("x-b", ""),
        ("accept-encoding", "gzip, deflate"),
        ("x-a", "3"),
    ];
    let grouped = vec![("x-a", "1"), ("x-a", "2"), ("x-b", "two")];
    sections_arrive(vec![
        mixed.clone(),
        plain.clone(),
        mixed.clone(),
        grouped,
        mixed.clone(),
        plain,
        mixed,
    ])
    .await;
}

#[tokio::test]
async fn long_sections_arrive_in_their_order() {
    let long: &'static str = "0123456789".repeat(1500).leak();
    sections_arrive(vec![
        vec![("x-a", long), ("x-b", long), ("x-a", long), ("x-c", "end")],
        vec![("x-a", long), ("x-c", "end")],
    ])
    .await;
}

/// What one section is on the wire, read without the library, which takes no capitals.
async fn sent(section: &[(&'static str, &'static str)], names: Names) -> Vec<(String, String)> {
    let (near, mut far) = tokio::io::duplex(256 * 1024);
    let (near, _) = Ordered::new(near, (0, PREFACE), 4096);
    let (sender, connection) = h2::client::handshake(near).await.unwrap();
    let fields = Fields::from_pairs(section.to_vec());
    let ask = async {
        let mut sender: h2::client::SendRequest<Bytes> = sender.ready().await.unwrap();
        let mut request = http::Request::get("https://h/path").body(()).unwrap();
        *request.headers_mut() = convert::header_map(&fields, names).unwrap();
        let (response, _) = sender.send_request(request, true).unwrap();
        let _ = response.await;
    };
    let read = async {
        let mut skip = vec![0; PREFACE];
        far.read_exact(&mut skip).await.unwrap();
        loop {
            let mut head = [0; 9];
            far.read_exact(&mut head).await.unwrap();
            let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; len];
            far.read_exact(&mut payload).await.unwrap();
            if head[3] == 1 {
                return Decoder::new(4096).decode(&payload).unwrap();
            }
        }
    };
    let lines = tokio::select! {
        lines = read => lines,
        () = async { let _ = tokio::join!(connection, ask); } => panic!("ended early"),
    };
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    lines
        .iter()
        .filter(|(name, _)| !name.starts_with(b":"))
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

#[tokio::test]
async fn capitals_are_sent_only_where_they_are_wanted() {
    let check = async |section: &[(&'static str, &'static str)]| {
        let as_set: Vec<(String, String)> = section
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(sent(section, Names::AsSet).await, as_set);
        let lowered: Vec<_> = as_set
            .into_iter()
            .map(|(name, value)| (name.to_lowercase(), value))
            .collect();
        assert_eq!(sent(section, Names::Lowered).await, lowered);
    };
    check(&[("x-plain", "1")]).await;
    check(&[("X-Upper", "1"), ("Accept", "*/*"), ("user-agent", "t")]).await;
    check(&[
        ("X-A", "1"),
        ("b", "2"),
        ("x-a", "3"),
        ("X-a", "4"),
        ("B", ""),
    ])
    .await;
}

/// How many PINGs a server gets in `passing` seconds of silence, after `busy` seconds with a request each second.
async fn pings(keepalive: i64, busy: u64, passing: u64) -> usize {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (near, _) = Watched::new(near, (0, PREFACE), 200);
    let activity = near.activity();
    let (far, counted) = Counted::new(far);
    let (sender, connection) = h2::client::handshake(near).await.unwrap();
    let driver = tokio::spawn(client::drive(connection, keepalive, activity));
    let server = tokio::spawn(async move {
        let mut connection = h2::server::handshake(far).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            respond
                .send_response(http::Response::new(()), true)
                .unwrap();
        }
    });
    let mut sender: h2::client::SendRequest<Bytes> = sender;
    for _ in 0..busy {
        sender = sender.ready().await.unwrap();
        let request = http::Request::get("https://h/").body(()).unwrap();
        let (response, _) = sender.send_request(request, true).unwrap();
        response.await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(passing)).await;
    driver.abort();
    server.abort();
    counted.load(Ordering::Relaxed)
}

/// Counts the PINGs of a client that are no acknowledgements.
struct Counted<T> {
    io: T,
    scanner: Scanner,
    pings: Arc<AtomicUsize>,
}

impl<T> Counted<T> {
    fn new(io: T) -> (Self, Arc<AtomicUsize>) {
        let pings = Arc::<AtomicUsize>::default();
        let counted = Self {
            io,
            scanner: Scanner::new(PREFACE),
            pings: Arc::clone(&pings),
        };
        (counted, pings)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        let Self { scanner, pings, .. } = &mut *self;
        scanner.scan(&buf.filled()[before..], |frame| {
            if frame.is_ping() {
                pings.fetch_add(1, Ordering::Relaxed);
            }
        });
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn only_an_idle_connection_is_kept_alive_with_pings() {
    assert_eq!(pings(58, 0, 57).await, 0);
    assert_eq!(pings(58, 0, 59).await, 1);
    assert_eq!(pings(58, 0, 58 * 10 + 1).await, 10);
    // Traffic counts as a sign of life.
    assert_eq!(pings(58, 200, 57).await, 0);
    assert_eq!(pings(58, 200, 59).await, 1);
    assert_eq!(pings(0, 0, 10_000).await, 0);
}
