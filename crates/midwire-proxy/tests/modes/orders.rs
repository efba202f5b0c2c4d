//! Orders of hooks in explicit mode.

use crate::support::{Proxy, Serve, closed_port, exchange, origin};

#[tokio::test]
async fn plain_get() {
    let server = origin(Serve::Http, None).await;
    let proxy = Proxy::start(&["mode=regular@127.0.0.1:0"]).await;
    let mut conn = proxy.connect().await;
    let (head, content) = exchange(
        &mut conn,
        &format!("GET http://{server}/x HTTP/1.1\r\nHost: {server}\r\n\r\n"),
    )
    .await;
    assert!(head.starts_with("HTTP/1.1 200"));
    assert!(content.starts_with("GET /x HTTP/1.1\r\n"));
    drop(conn);
    proxy
        .seen
        .expect(
            "client_connected next_layer requestheaders request server_connect server_connected \
             responseheaders response client_disconnected server_disconnected",
        )
        .await;
}

#[tokio::test]
async fn https_through_connect_eager() {
    let server = origin(Serve::Http, Some("localhost")).await;
    let proxy = Proxy::start(&["mode=regular@127.0.0.1:0"]).await;
    let conn = proxy.tunnel(&format!("localhost:{}", server.port())).await;
    let mut conn = proxy.tls(conn, "localhost").await;
    exchange(&mut conn, "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    drop(conn);
    proxy
        .seen
        .expect(
            "client_connected next_layer http_connect server_connect server_connected \
             http_connected next_layer tls_clienthello tls_start_server tls_established_server \
             tls_start_client tls_established_client next_layer requestheaders request \
             responseheaders response client_disconnected server_disconnected",
        )
        .await;
}

#[tokio::test]
async fn https_through_connect_lazy() {
    let server = origin(Serve::Http, Some("localhost")).await;
    let proxy = Proxy::start(&["mode=regular@127.0.0.1:0", "connection_strategy=lazy"]).await;
    let conn = proxy.tunnel(&format!("localhost:{}", server.port())).await;
    let mut conn = proxy.tls(conn, "localhost").await;
    exchange(&mut conn, "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    drop(conn);
    proxy
        .seen
        .expect(
            "client_connected next_layer http_connect http_connected next_layer tls_clienthello \
             tls_start_client tls_established_client next_layer requestheaders request \
             server_connect server_connected tls_start_server tls_established_server \
             responseheaders response client_disconnected server_disconnected",
        )
        .await;
}

#[tokio::test]
async fn refused_plain() {
    let port = closed_port().await;
    let proxy = Proxy::start(&["mode=regular@127.0.0.1:0"]).await;
    let mut conn = proxy.connect().await;
    let (head, content) = exchange(
        &mut conn,
        &format!("GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: h\r\n\r\n"),
    )
    .await;
    assert!(head.starts_with("HTTP/1.1 502"));
    assert!(content.contains(&format!("connection refused: 127.0.0.1:{port}")));
    drop(conn);
    proxy
        .seen
        .expect(
            "client_connected next_layer requestheaders request server_connect \
             server_connect_error error client_disconnected",
        )
        .await;
}

#[tokio::test]
async fn refused_connect_eager() {
    let port = closed_port().await;
    let proxy = Proxy::start(&["mode=regular@127.0.0.1:0"]).await;
    let mut conn = proxy.connect().await;
    let (head, _) = exchange(
        &mut conn,
        &format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: h\r\n\r\n"),
    )
    .await;
    assert!(head.starts_with("HTTP/1.1 502"));
    drop(conn);
    proxy
        .seen
        .expect(
            "client_connected next_layer http_connect server_connect server_connect_error \
             http_connect_error client_disconnected",
        )
        .await;
}

#[tokio::test]
async fn refused_connect_lazy() {
    let port = closed_port().await;
    let proxy = Proxy::start(&["mode=regular@127.0.0.1:0", "connection_strategy=lazy"]).await;
    let conn = proxy.tunnel(&format!("localhost:{port}")).await;
    let mut conn = proxy.tls(conn, "localhost").await;
    let (head, _) = exchange(&mut conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 502"));
    drop(conn);
    proxy
        .seen
        .expect(
            "client_connected next_layer http_connect http_connected next_layer tls_clienthello \
             tls_start_client tls_established_client next_layer requestheaders request \
             server_connect server_connect_error error client_disconnected",
        )
        .await;
}

#[tokio::test]
async fn a_refused_tunnel_can_be_asked_for_again() {
    let server = origin(Serve::Shout, None).await;
    let proxy = Proxy::start(&["mode=regular@127.0.0.1:0"]).await;
    *proxy.seen.act.lock().unwrap() = Some(Box::new(|event| {
        if let midwire_core::hooks::Event::HttpConnect(flow) = event
            && !flow.request.fields.contains("proxy-authorization")
        {
            flow.response = Some(midwire_flow::Response {
                version: "HTTP/1.1".into(),
                status: 407,
                reason: "Login".into(),
                fields: midwire_wire::Fields::new(),
                content: midwire_flow::Content::Memory("no".into()),
                trailers: None,
                timestamp_start: midwire_flow::Number::now(),
                timestamp_end: None,
            });
        }
    }));
    let mut conn = proxy.connect().await;
    let ask = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n");
    let (head, content) = exchange(&mut conn, &format!("{ask}\r\n")).await;
    assert!(head.starts_with("HTTP/1.1 407 Login"), "{head}");
    assert_eq!(content, "no");
    let again = format!("{ask}Proxy-Authorization: Basic eDp5\r\n\r\n");
    let (head, _) = exchange(&mut conn, &again).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}
