//! Reverse mode.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Proxy, Serve, closed_port, exchange, origin};

const GET: &str = "GET /x HTTP/1.1\r\nHost: public.test\r\n\r\n";

async fn reverse(target: &str, settings: &[&str]) -> Proxy {
    let mode = format!("mode=reverse:{target}@127.0.0.1:0");
    let mut all = vec![mode.as_str()];
    all.extend(settings);
    Proxy::start(&all).await
}

#[tokio::test]
async fn http_names_the_target() {
    let server = origin(Serve::Http, None).await;
    let proxy = reverse(&format!("http://localhost:{}", server.port()), &[]).await;
    let mut conn = proxy.connect().await;
    let (_, content) = exchange(&mut conn, GET).await;
    assert_eq!(
        content,
        format!(
            "GET /x HTTP/1.1\r\nHost: localhost:{}\r\n\r\n",
            server.port()
        )
    );
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
async fn keep_host_header_keeps_it() {
    let server = origin(Serve::Http, None).await;
    let proxy = reverse(&format!("http://{server}"), &["keep_host_header=true"]).await;
    let mut conn = proxy.connect().await;
    let (_, content) = exchange(&mut conn, GET).await;
    assert!(content.contains("Host: public.test\r\n"));
}

#[tokio::test]
async fn https_from_a_tls_client() {
    let server = origin(Serve::Http, Some("localhost")).await;
    let target = format!("https://localhost:{}", server.port());
    let proxy = reverse(&target, &[]).await;
    let conn = proxy.connect().await;
    let mut conn = proxy.tls(conn, "public.test").await;
    let (_, content) = exchange(&mut conn, GET).await;
    assert!(content.contains("sni: localhost\r\n"), "{content}");
    drop(conn);
    proxy
        .seen
        .expect(
            "client_connected server_connect server_connected next_layer tls_clienthello \
             tls_start_server tls_established_server tls_start_client tls_established_client \
             requestheaders request responseheaders response client_disconnected \
             server_disconnected",
        )
        .await;
}

#[tokio::test]
async fn https_keeps_the_name_of_the_client_if_wanted() {
    let server = origin(Serve::Http, Some("localhost")).await;
    let target = format!("https://localhost:{}", server.port());
    for lazy in ["connection_strategy=eager", "connection_strategy=lazy"] {
        let proxy = reverse(&target, &["keep_host_header=true", lazy]).await;
        let conn = proxy.connect().await;
        let mut conn = proxy.tls(conn, "public.test").await;
        let (_, content) = exchange(&mut conn, GET).await;
        assert!(content.contains("sni: public.test\r\n"), "{content}");
    }
}

#[tokio::test]
async fn https_from_a_plain_client() {
    let server = origin(Serve::Http, Some("localhost")).await;
    let target = format!("https://localhost:{}", server.port());
    for strategy in ["connection_strategy=eager", "connection_strategy=lazy"] {
        let proxy = reverse(&target, &[strategy]).await;
        let mut conn = proxy.connect().await;
        let (_, content) = exchange(&mut conn, GET).await;
        assert!(content.contains("sni: localhost\r\n"), "{content}");
        assert_eq!(proxy.seen.count("server_connect"), 1);
    }
}

#[tokio::test]
async fn http_from_a_tls_client() {
    let server = origin(Serve::Http, None).await;
    let proxy = reverse(&format!("http://{server}"), &[]).await;
    let conn = proxy.connect().await;
    let mut conn = proxy.tls(conn, "public.test").await;
    let (_, content) = exchange(&mut conn, GET).await;
    assert!(content.starts_with("GET /x"));
    assert_eq!(proxy.seen.count("tls_start_server"), 0);
    assert_eq!(proxy.seen.count("server_connect"), 1);
}

#[tokio::test]
async fn a_dead_target_is_said_to_http_clients() {
    let port = closed_port().await;
    for (scheme, strategy) in [
        ("http", "eager"),
        ("http", "lazy"),
        ("https", "eager"),
        ("https", "lazy"),
    ] {
        let strategy = format!("connection_strategy={strategy}");
        let proxy = reverse(&format!("{scheme}://127.0.0.1:{port}"), &[&strategy]).await;
        let mut conn = proxy.connect().await;
        let (head, content) = exchange(&mut conn, GET).await;
        assert!(
            head.starts_with("HTTP/1.1 502"),
            "{scheme} {strategy}: {head}"
        );
        assert!(content.contains("connection refused"), "{content}");
        assert_eq!(proxy.seen.count("server_connect"), 1);
    }
}

#[tokio::test]
async fn raw_bytes_with_and_without_tls() {
    let plain = origin(Serve::Shout, None).await;
    let secure = origin(Serve::Shout, Some("localhost")).await;
    for (target, tls) in [
        (format!("tcp://{plain}"), false),
        (format!("tcp://{plain}"), true),
        (format!("tls://localhost:{}", secure.port()), false),
        (format!("tls://localhost:{}", secure.port()), true),
    ] {
        let proxy = reverse(&target, &[]).await;
        let mut conn = proxy.connect().await;
        if tls {
            conn = proxy.tls(conn, "public.test").await;
        }
        conn.write_all(b"GET / not http").await.unwrap();
        conn.flush().await.unwrap();
        let mut got = [0; 14];
        conn.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"GET / NOT HTTP", "{target} {tls}");
        assert_eq!(proxy.seen.count("tcp_start"), 1);
        assert_eq!(proxy.seen.count("requestheaders"), 0);
    }
}

#[tokio::test]
async fn a_dead_raw_target_ends_the_connection() {
    let port = closed_port().await;
    let proxy = reverse(&format!("tcp://127.0.0.1:{port}"), &[]).await;
    let mut conn = proxy.connect().await;
    let mut got = Vec::new();
    let _ = conn.read_to_end(&mut got).await;
    assert!(got.is_empty());
    proxy
        .seen
        .expect("client_connected server_connect server_connect_error client_disconnected")
        .await;
}

#[tokio::test]
async fn connect_is_refused() {
    let server = origin(Serve::Http, None).await;
    let proxy = reverse(&format!("http://{server}"), &[]).await;
    let mut conn = proxy.connect().await;
    let (head, _) = exchange(&mut conn, "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
}

#[tokio::test]
async fn a_proxy_that_stands_for_itself_is_a_loop() {
    let first = reverse("http://127.0.0.1:9", &["connection_strategy=lazy"]).await;
    let own = first.address();
    first
        .kernel
        .options()
        .set(&[format!("mode=reverse:http://{own}@{own}")])
        .unwrap();
    let mut conn = loop {
        // The old listener is replaced by the new one on the same address.
        let Ok(conn) = tokio::net::TcpStream::connect(own).await else {
            tokio::task::yield_now().await;
            continue;
        };
        let mut conn: crate::support::Conn = Box::new(conn);
        let (head, content) = exchange(&mut conn, GET).await;
        if head.is_empty() || content.contains("127.0.0.1:9") {
            tokio::task::yield_now().await;
            continue;
        }
        assert!(content.contains("proxy loop"), "{head}{content}");
        break conn;
    };
    conn.shutdown().await.unwrap();
}
