//! Upstream mode, and proxies on the way that addons choose.

use midwire_core::hooks::Event;
use midwire_flow::{Address, Via};

use crate::support::{Proxy, Serve, exchange, origin};

#[tokio::test]
async fn http_is_forwarded_in_absolute_form() {
    let parent = origin(Serve::Http, None).await;
    let proxy = Proxy::start(&[&format!("mode=upstream:http://{parent}@127.0.0.1:0")]).await;
    let mut conn = proxy.connect().await;
    let request = "GET http://elsewhere.test/x?y HTTP/1.1\r\nHost: elsewhere.test\r\nProxy-Authorization: Basic eDp5\r\n\r\n";
    let (_, content) = exchange(&mut conn, request).await;
    assert_eq!(content, request);
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
async fn one_connection_to_the_parent_serves_one_host_after_another() {
    let parent = origin(Serve::Http, None).await;
    let proxy = Proxy::start(&[&format!("mode=upstream:http://{parent}@127.0.0.1:0")]).await;
    let mut conn = proxy.connect().await;
    for path in ["/1", "/2"] {
        let request = format!("GET http://one.test:81{path} HTTP/1.1\r\nHost: one.test:81\r\n\r\n");
        let (_, content) = exchange(&mut conn, &request).await;
        assert_eq!(content, request);
    }
    assert_eq!(proxy.seen.count("server_connect"), 1);
}

#[tokio::test]
async fn https_goes_through_a_tunnel() {
    let server = origin(Serve::Http, Some("localhost")).await;
    let parent = origin(Serve::Proxy, None).await;
    let proxy = Proxy::start(&[&format!("mode=upstream:http://{parent}@127.0.0.1:0")]).await;
    let conn = proxy.tunnel(&format!("localhost:{}", server.port())).await;
    let mut conn = proxy.tls(conn, "localhost").await;
    let (_, content) = exchange(&mut conn, "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(content.starts_with("GET /x HTTP/1.1\r\n"), "{content}");
    drop(conn);
    proxy
        .seen
        .expect(
            "client_connected next_layer http_connect http_connected next_layer tls_clienthello \
             server_connect server_connected http_connect_upstream tls_start_server \
             tls_established_server tls_start_client tls_established_client next_layer \
             requestheaders request responseheaders response client_disconnected \
             server_disconnected",
        )
        .await;
}

#[tokio::test]
async fn the_parent_may_speak_tls() {
    let server = origin(Serve::Http, Some("localhost")).await;
    let parent = origin(Serve::Proxy, Some("localhost")).await;
    let mode = format!(
        "mode=upstream:https://localhost:{}@127.0.0.1:0",
        parent.port()
    );
    for strategy in ["connection_strategy=eager", "connection_strategy=lazy"] {
        let proxy = Proxy::start(&[&mode, strategy]).await;
        let mut conn = proxy.connect().await;
        let request = "GET http://h.test/ HTTP/1.1\r\nHost: h.test\r\n\r\n";
        let (_, content) = exchange(&mut conn, request).await;
        assert!(content.starts_with(request), "{content}");
        let conn = proxy.tunnel(&format!("localhost:{}", server.port())).await;
        let mut conn = proxy.tls(conn, "localhost").await;
        let (_, content) = exchange(&mut conn, "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert!(content.starts_with("GET /x HTTP/1.1\r\n"), "{content}");
    }
}

#[tokio::test]
async fn a_refusal_of_the_parent_is_said_to_the_client() {
    let parent = origin(Serve::Refuse, None).await;
    let proxy = Proxy::start(&[&format!("mode=upstream:http://{parent}@127.0.0.1:0")]).await;
    let conn = proxy.tunnel("localhost:1").await;
    let mut conn = proxy.tls(conn, "localhost").await;
    let (head, content) = exchange(&mut conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 502"), "{head}");
    let text = format!("Upstream proxy {parent} refused HTTP CONNECT request: 407 Go Away");
    assert!(content.contains(&text), "{content}");
}

#[tokio::test]
async fn addons_see_and_change_the_connect_request() {
    let parent = origin(Serve::Refuse, None).await;
    let mode = format!("mode=upstream:http://{parent}@127.0.0.1:0");
    for (setting, hosts) in [("true", 1), ("false", 0)] {
        let setting = format!("http_connect_send_host_header={setting}");
        let proxy = Proxy::start(&[&mode, &setting]).await;
        let heads = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = std::sync::Arc::clone(&heads);
        *proxy.seen.act.lock().unwrap() = Some(Box::new(move |event| {
            if let Event::HttpConnectUpstream(flow) = event {
                assert!(!flow.info.live);
                let count = flow.request.fields.get_all("host").count();
                let authority = String::from_utf8(flow.request.authority.to_vec()).unwrap();
                seen.lock().unwrap().push((authority, count));
            }
        }));
        let conn = proxy.tunnel("[::1]:1").await;
        let mut conn = proxy.tls(conn, "localhost").await;
        exchange(&mut conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(heads.lock().unwrap()[0], ("[::1]:1".to_owned(), hosts));
    }
}

#[tokio::test]
async fn an_addon_may_choose_a_proxy_for_a_flow() {
    let parent = origin(Serve::Http, None).await;
    let proxy = Proxy::start(&["mode=regular@127.0.0.1:0"]).await;
    *proxy.seen.act.lock().unwrap() = Some(Box::new(move |event| {
        if let Event::Request(flow) = event {
            let mut server = (*flow.info.server_conn).clone();
            server.via = Some(Via {
                scheme: "http".to_owned(),
                address: Address::from(parent),
            });
            flow.info.server_conn = server.into();
        }
    }));
    let mut conn = proxy.connect().await;
    let request = "GET http://nowhere.test/x HTTP/1.1\r\nHost: nowhere.test\r\n\r\n";
    let (_, content) = exchange(&mut conn, request).await;
    assert_eq!(content, request);
}
