//! SOCKS 5.

use midwire_core::hooks::Event;
use midwire_wire::socks5::{self, Address, Command, Credentials, Method, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Conn, Proxy, Serve, closed_port, exchange, origin};

const MODE: &str = "mode=socks5@127.0.0.1:0";

async fn say(conn: &mut Conn, message: &[u8], answer: usize) -> Vec<u8> {
    conn.write_all(message).await.unwrap();
    let mut got = Vec::new();
    conn.take(answer as u64)
        .read_to_end(&mut got)
        .await
        .unwrap();
    got
}

fn request(port: u16) -> Vec<u8> {
    socks5::encode_request(&Request {
        command: Command::CONNECT,
        address: Address::Name("localhost".to_owned()),
        port,
    })
}

#[tokio::test]
async fn http_through_socks() {
    let server = origin(Serve::Http, None).await;
    let proxy = Proxy::start(&[MODE]).await;
    let mut conn = proxy.connect().await;
    let hello = socks5::encode_greeting(&[Method::CREDENTIALS, Method::NONE]);
    assert_eq!(say(&mut conn, &hello, 2).await, [5, 0]);
    let answer = say(&mut conn, &request(server.port()), 10).await;
    assert_eq!(answer, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    let (_, content) = exchange(&mut conn, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(content.starts_with("GET /x"));
    drop(conn);
    proxy
        .seen
        .expect(
            "client_connected server_connect server_connected next_layer requestheaders request \
             responseheaders response client_disconnected server_disconnected",
        )
        .await;
}

#[tokio::test]
async fn everything_in_one_packet_and_byte_by_byte() {
    let server = origin(Serve::Shout, None).await;
    let proxy = Proxy::start(&[MODE]).await;
    let mut all = socks5::encode_greeting(&[Method::NONE]);
    all.extend(request(server.port()));
    all.extend(b"\x01raw");
    let expected = [&[5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x01RAW"].concat();
    let mut conn = proxy.connect().await;
    assert_eq!(say(&mut conn, &all, expected.len()).await, expected);
    let mut conn = proxy.connect().await;
    for byte in &all {
        conn.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(say(&mut conn, b"", expected.len()).await, expected);
}

#[tokio::test]
async fn logins_are_judged_by_addons() {
    let server = origin(Serve::Http, None).await;
    let proxy = Proxy::start(&[MODE, "proxyauth=any"]).await;
    *proxy.seen.act.lock().unwrap() = Some(Box::new(|event| {
        if let Event::Socks5Auth(data) = event {
            data.valid = (data.username.as_str(), data.password.as_str()) == ("bob", "secret");
        }
    }));
    let hello = socks5::encode_greeting(&[Method::NONE, Method::CREDENTIALS]);
    let login = |password: &str| {
        socks5::encode_credentials(&Credentials {
            username: b"bob".to_vec(),
            password: password.as_bytes().to_vec(),
        })
    };
    let mut conn = proxy.connect().await;
    assert_eq!(say(&mut conn, &hello, 2).await, [5, 2]);
    assert_eq!(say(&mut conn, &login("wrong"), 99).await, [1, 1]);
    let mut conn = proxy.connect().await;
    let only_none = socks5::encode_greeting(&[Method::NONE]);
    assert_eq!(say(&mut conn, &only_none, 99).await, [5, 0xff]);
    let mut conn = proxy.connect().await;
    assert_eq!(say(&mut conn, &hello, 2).await, [5, 2]);
    assert_eq!(say(&mut conn, &login("secret"), 2).await, [1, 0]);
    assert_eq!(say(&mut conn, &request(server.port()), 10).await[1], 0);
    let (head, _) = exchange(&mut conn, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn refusals() {
    let port = closed_port().await;
    let proxy = Proxy::start(&[MODE]).await;
    let hello = socks5::encode_greeting(&[Method::NONE]);
    let check = async |message: &[u8], expected: &[u8]| {
        let mut conn = proxy.connect().await;
        assert_eq!(say(&mut conn, &hello, 2).await, [5, 0]);
        let answer = say(&mut conn, message, 99).await;
        assert_eq!(answer.get(..expected.len()), Some(expected), "{message:?}");
    };
    check(&request(port), &[5, 4]).await;
    check(&[5, 2, 0, 1, 1, 2, 3, 4, 0, 80], &[5, 7]).await;
    check(&[5, 3, 0, 1, 1, 2, 3, 4, 0, 80], &[5, 7]).await;
    check(&[5, 1, 0, 9, 1, 2, 3, 4, 0, 80], &[5, 8]).await;
    check(&[5, 1, 0, 3, 2, b' ', b'/', 0, 80], &[5, 1]).await;
    for other in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"\x04\x01"] {
        let mut conn = proxy.connect().await;
        assert_eq!(say(&mut conn, other, 99).await, b"");
    }
}
