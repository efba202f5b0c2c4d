//! Listeners: several at once, and changes while the program runs.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Proxy, Serve, closed_port, exchange, origin};

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

#[tokio::test]
async fn hosts_and_ports_of_specifications() {
    let proxy = Proxy::start(&[
        "listen_host=127.0.0.1",
        "listen_port=0",
        "mode=regular",
        "mode=socks5@[::1]:0",
        "mode=dns@127.0.0.2:0",
    ])
    .await;
    let all = proxy.engine.listening();
    let hosts: Vec<String> = all.iter().map(|one| one.ip().to_string()).collect();
    assert_eq!(hosts, ["127.0.0.1", "::1", "127.0.0.2", "127.0.0.2"]);
    assert!(all.iter().all(|one| one.port() != 0));
    // DNS over TCP and UDP have the same port.
    assert_eq!(all[2], all[3]);
    let udp = tokio::net::UdpSocket::bind("127.0.0.2:0").await.unwrap();
    udp.connect(all[3]).await.unwrap();
    assert!(tokio::net::TcpStream::connect(all[2]).await.is_ok());
}

#[tokio::test]
async fn eager_proxies_connect_before_the_client_speaks() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = server.local_addr().unwrap();
    let reverse = format!("mode=reverse:tcp://{at}@127.0.0.1:0");
    let proxy = Proxy::start(&[&reverse]).await;
    let _silent = proxy.connect().await;
    server.accept().await.unwrap();
    let lazy = Proxy::start(&[&reverse, "connection_strategy=lazy"]).await;
    let mut client = lazy.connect().await;
    lazy.seen.until("client_connected").await;
    assert_eq!(lazy.seen.count("server_connect"), 0);
    client.write_all(b"\x01").await.unwrap();
    client.flush().await.unwrap();
    server.accept().await.unwrap();
}

#[tokio::test]
async fn the_own_address_is_a_loop_by_whatever_name() {
    let proxy = Proxy::start(&["mode=regular@127.0.0.1:0", "mode=socks5@127.0.0.1:0"]).await;
    let all = proxy.engine.listening();
    for port in [all[0].port(), all[1].port()] {
        for host in [
            "127.0.0.1",
            "localhost",
            "127.0.0.9",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
        ] {
            let mut conn = proxy.connect().await;
            let get = format!("GET http://{host}:{port}/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let (head, content) = exchange(&mut conn, &get).await;
            assert!(head.starts_with("HTTP/1.1 502"), "{host}: {head}");
            let text = content.as_str();
            assert!(text.contains("proxy loop"), "{host}: {text}");
            let mut conn = proxy.connect().await;
            let connect = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let (head, _) = exchange(&mut conn, &connect).await;
            assert!(head.starts_with("HTTP/1.1 502"), "{host}: {head}");
        }
    }
    // Another port of the same machine is none.
    let other = closed_port().await;
    let mut conn = proxy.connect().await;
    let get = format!("GET http://127.0.0.1:{other}/ HTTP/1.1\r\nHost: x\r\n\r\n");
    let (_, content) = exchange(&mut conn, &get).await;
    assert!(!content.contains("proxy loop"), "{content}");
}
