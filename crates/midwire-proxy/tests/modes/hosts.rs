//! `ignore_hosts` and `allow_hosts`: by address, by the name in a ClientHello, by the Host field of a plain request.

use tokio::io::AsyncWriteExt as _;

use crate::support::{Proxy, Serve, exchange, origin};

const MODE: &str = "mode=regular@127.0.0.1:0";

/// Sends one plain request for this host through a tunnel; says whether it was passed on without being looked at.
async fn left_alone(settings: &[&str], host: &str) -> bool {
    let server = origin(Serve::Http, None).await;
    let all: Vec<&str> = [MODE].into_iter().chain(settings.iter().copied()).collect();
    let proxy = Proxy::start(&all).await;
    let mut conn = proxy.tunnel(&server.to_string()).await;
    let get = format!("GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let (head, content) = exchange(&mut conn, &get).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(content, get);
    proxy.seen.count("request") == 0
}

#[tokio::test]
async fn the_host_field_of_a_plain_request_counts() {
    assert!(left_alone(&["ignore_hosts=^skip\\.test:"], "skip.test").await);
    assert!(left_alone(&["ignore_hosts=^skip\\.test:81$"], "SKIP.test:81").await);
    assert!(!left_alone(&["ignore_hosts=^skip\\.test:"], "look.test").await);
    assert!(!left_alone(&["allow_hosts=^look\\.test:"], "look.test").await);
    assert!(left_alone(&["allow_hosts=^look\\.test:"], "skip.test").await);
    // The address is a candidate beside the name.
    assert!(!left_alone(&["allow_hosts=^127\\."], "skip.test").await);
    assert!(left_alone(&["ignore_hosts=^127\\."], "look.test").await);
}

#[tokio::test]
async fn the_host_field_is_waited_for() {
    let server = origin(Serve::Http, None).await;
    let proxy = Proxy::start(&[MODE, "ignore_hosts=^skip\\.test:"]).await;
    let mut conn = proxy.tunnel(&server.to_string()).await;
    for piece in ["GET", " /x HTTP/1.1\r\nX: y\r\n", "Hos", "t: skip.te"] {
        conn.write_all(piece.as_bytes()).await.unwrap();
        conn.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    let (head, _) = exchange(&mut conn, "st\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(proxy.seen.count("request"), 0);
}

#[tokio::test]
async fn the_name_in_a_client_hello_counts_and_a_host_field_inside_tls_too() {
    let server = origin(Serve::Http, Some("localhost")).await;
    let proxy = Proxy::start(&[MODE, "ignore_hosts=^skip\\.test:"]).await;
    let check = async |host: &str, expected: usize| {
        let conn = proxy.tunnel(&server.to_string()).await;
        let mut conn = proxy.tls(conn, "localhost").await;
        let get = format!("GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let (_, content) = exchange(&mut conn, &get).await;
        assert_eq!(content, format!("{get}sni: localhost\r\n"));
        assert_eq!(proxy.seen.count("request"), expected, "{host}");
    };
    check("look.test", 1).await;
    check("skip.test", 1).await;
    let proxy = Proxy::start(&[MODE, "ignore_hosts=^localhost:"]).await;
    let conn = proxy.tunnel(&server.to_string()).await;
    // The handshake is with the server, whose certificate our client does not trust.
    let refused = tokio::spawn(async move { drop(proxy.tls(conn, "localhost").await) }).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn what_is_shown_although_it_is_left_alone() {
    let server = origin(Serve::Http, None).await;
    let settings = [MODE, "ignore_hosts=skip", "show_ignored_hosts=true"];
    let proxy = Proxy::start(&settings).await;
    let mut conn = proxy.tunnel(&server.to_string()).await;
    exchange(&mut conn, "GET /x HTTP/1.1\r\nHost: skip\r\n\r\n").await;
    assert_eq!(proxy.seen.count("request"), 0);
    assert_eq!(proxy.seen.count("tcp_message"), 2);
}
