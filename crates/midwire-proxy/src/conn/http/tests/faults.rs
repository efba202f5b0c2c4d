use super::*;

const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
const CHUNK: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// A server that fails, and what reaches a client live before it is cut; `None` means a page.
async fn check(script: &[Step], reason: &str, live: Option<&str>) {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &[]);
        let origin = Origin::new(&[script]).await;
        let got = stage.ask(&origin.get()).await;
        match live {
            Some(live) if need == ContentNeed::Nothing => assert_eq!(got, live, "{reason}"),
            _ => assert_page(&got, "502 Bad Gateway", reason),
        }
        let hooks = stage.spy.hooks();
        assert!(hooks.ends_with(" error server_disconnected"), "{hooks}");
        assert_eq!(hooks.matches("server_disconnected").count(), 1, "{hooks}");
        let error = stage.spy.flow().info.error.unwrap().msg;
        assert!(error.contains(reason), "{reason:?} is not in {error:?}");
        stage.still_works(&origin).await;
    }
}

#[tokio::test]
async fn a_server_that_gives_no_head() {
    check(&[HEAD], "without a response", None).await;
    check(&[HEAD, Say("garbage\r\n\r\n")], "invalid response", None).await;
    let cut = "HTTP/1.1 200 OK\r\nContent-";
    check(&[HEAD, Say(cut)], "head is incomplete", None).await;
    check(&[HEAD, Say(cut), Reset], "server", None).await;
    check(&[HEAD, Reset], "server connection failed", None).await;
}

#[tokio::test]
async fn a_server_that_cuts_content() {
    check(&[HEAD, Say(LENGTH)], "inside the response", Some(LENGTH)).await;
    check(&[HEAD, Say(CHUNK)], "inside the response", Some(CHUNK)).await;
    let inside = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nff\r\nx";
    let so_far = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\nx\r\n";
    check(&[HEAD, Say(inside)], "inside the response", Some(so_far)).await;
    let nearly = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
    check(&[HEAD, Say(nearly)], "inside the response", Some(CHUNK)).await;
}

#[tokio::test]
async fn a_server_that_breaks_chunks() {
    let bad = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n";
    check(&[HEAD, Say(bad), HearEnd], "invalid response", Some(CHUNK)).await;
    let long = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n";
    check(
        &[HEAD, Say(long), HearEnd],
        "invalid response",
        Some("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
    )
    .await;
}

#[tokio::test]
async fn nobody_listens() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &[]);
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = nobody.local_addr().unwrap();
        drop(nobody);
        let request = format!("GET http://{at}/ HTTP/1.1\r\nHost: {at}\r\n\r\n");
        let got = stage.ask(&request).await;
        assert_page(
            &got,
            "502 Bad Gateway",
            &format!("connection refused: {at}"),
        );
        assert_eq!(
            stage.spy.hooks(),
            "requestheaders request server_connect server_connect_error error"
        );
        stage.still_works(&Origin::new(&[]).await).await;
    }
}

#[tokio::test]
async fn interim_responses_are_passed_on_but_not_without_end() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &[]);
        let origin = Origin::new(&[
            &[HEAD, Repeat(CONTINUE, 16), Say(GOOD)],
            &[HEAD, Repeat(CONTINUE, 17), HearEnd],
        ])
        .await;
        let mut client = stage.client();
        client.say(&origin.get()).await;
        client
            .hears(&format!("{}{GOOD}", CONTINUE.repeat(16)))
            .await;
        client.leave().await;
        let got = stage.ask(&origin.get()).await;
        let page = got.strip_prefix(&CONTINUE.repeat(16)).unwrap();
        assert_page(page, "502 Bad Gateway", "interim");
        stage.still_works(&origin).await;
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &[]);
        let closing: &[Step] = &[HEAD, Say(GOOD), HEAD];
        let origin = Origin::new(&[closing]).await;
        let mut client = stage.client();
        for _ in 0..2 {
            client.say(&origin.get()).await;
            client.hears(GOOD).await;
        }
        client.leave().await;
        assert_eq!(origin.connections(), 2);
        assert_eq!(origin.heard(1), origin.heard(0)[origin.heard(1).len()..]);

        let origin = Origin::new(&[closing]).await;
        let mut client = stage.client();
        client.say(&origin.get()).await;
        client.hears(GOOD).await;
        client
            .say(&origin.request("POST", "Content-Length: 2\r\n\r\nhi"))
            .await;
        assert_page(&client.rest().await, "502 Bad Gateway", "server");
        assert_eq!(origin.connections(), 1);
        stage.still_works(&origin).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_server_connection() {
    let stage = Stage::plain(&[]);
    let origin = Origin::new(&[&[HEAD, HearEnd]]).await;
    let mut client = stage.client();
    client.say(&origin.get()).await;
    while origin.heard(0).is_empty() {
        tokio::task::yield_now().await;
    }
    client.leave().await;
    assert_eq!(
        stage.spy.flow().info.error.unwrap().msg,
        "client disconnected"
    );
    stage.still_works(&origin).await;
}
