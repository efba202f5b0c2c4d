//! Listeners: several at once, and changes while the program runs.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Proxy, Serve, exchange, origin};

#[tokio::test]
async fn modes_come_and_go_while_connections_go_on() {
    let server = origin(Serve::Http, None).await;
    let proxy = Proxy::start(&["mode=regular@127.0.0.1:0"]).await;
    let first = proxy.address();
    let get = format!("GET http://{server}/x HTTP/1.1\r\nHost: {server}\r\n\r\n");
    let mut conn = proxy.connect().await;
    exchange(&mut conn, &get).await;

    let options = proxy.kernel.options();
    options
        .set(&[
            "mode=regular@127.0.0.1:0",
            &format!("mode=reverse:http://{server}@127.0.0.1:0"),
        ])
        .unwrap();
    proxy.listeners(|all| all.len() == 2).await;
    assert_eq!(
        proxy.engine.listening()[0],
        first,
        "what stays is not reopened"
    );

    let socks = format!("mode=socks5@{first}");
    options.set(&[&socks]).unwrap();
    proxy.listeners(|all| all == [first]).await;
    let mut client = tokio::net::TcpStream::connect(first).await.unwrap();
    client.write_all(&[5, 1, 0]).await.unwrap();
    let mut answer = [0; 2];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [5, 0]);

    options.set(&["server=false"]).unwrap();
    proxy.listeners(<[_]>::is_empty).await;
    assert!(tokio::net::TcpStream::connect(first).await.is_err());
    // Whoever was connected before is still served.
    let (head, _) = exchange(&mut conn, &get).await;
    assert!(head.starts_with("HTTP/1.1 200"));

    options.set(&["server=true"]).unwrap();
    proxy.listeners(|all| all == [first]).await;
}

#[tokio::test]
async fn bad_modes_are_refused_when_they_are_set() {
    let proxy = Proxy::start(&["mode=regular@127.0.0.1:0"]).await;
    let options = proxy.kernel.options();
    let check = |settings: &[&str], expected: &str| {
        let error = options.set(settings).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(options.load().mode, ["regular@127.0.0.1:0"]);
    };
    check(
        &["mode=foo"],
        "Invalid proxy mode specification: foo (unknown mode)",
    );
    check(
        &["mode=regular@1", "mode=socks5@1"],
        "Cannot spawn multiple servers on the same address: *:1",
    );
    check(&["mode=wireguard"], "mode wireguard is not available");
    assert_eq!(proxy.engine.listening().len(), 1);
}
