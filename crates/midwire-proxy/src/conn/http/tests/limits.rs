//! Limits of time, on a clock that jumps when nothing else happens.

use tokio::time::Instant;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_request_whose_content_stalls_or_drips_gets_408() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        for framing in ["Content-Length: 2000", "Transfer-Encoding: chunked"] {
            let stage = Stage::new(Spy::new(need), &["client_body_timeout=10"]);
            // Content that is held back reaches no server.
            let silent: &[Step] = &[HEAD, HearEnd];
            let scripts = &[silent][..usize::from(need == ContentNeed::Nothing)];
            let origin = Origin::new(scripts).await;
            let mut client = stage.client();
            let post = origin.request("POST", &format!("{framing}\r\n\r\n5\r\nfirst"));
            client.say(&post).await;
            let since = Instant::now();
            let page = client.rest().await;
            assert!((10..15).contains(&since.elapsed().as_secs()));
            let reason = "the request content took longer than 10 s";
            assert_page(&page, "408 Request Timeout", reason);
            let flow = stage.spy.flow();
            assert_eq!(flow.info.error.unwrap().msg, reason);
            assert!(stage.spy.hooks().contains(" error"));
            stage.still_works(&origin).await;
        }
    }
    let stage = Stage::plain(&["client_body_timeout=10"]);
    let origin = Origin::new(&[&[HEAD, HearEnd]]).await;
    let mut client = stage.client();
    let post = origin.request("POST", "Content-Length: 100000\r\n\r\n");
    client.say(&post).await;
    for _ in 0..9 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        client.say("x").await;
    }
    assert_page(&client.rest().await, "408 Request Timeout", "10 s");
}

#[tokio::test(start_paused = true)]
async fn no_limit_and_an_answer_that_has_begun_let_content_wait() {
    let stage = Stage::plain(&["client_body_timeout=0"]);
    let origin = Origin::new(&[&[HEAD, Hear("first"), Hear("second"), Say(GOOD), HearEnd]]).await;
    let mut client = stage.client();
    let post = origin.request("POST", "Content-Length: 11\r\n\r\nfirst");
    client.say(&post).await;
    tokio::time::sleep(Duration::from_secs(100_000)).await;
    client.say("second").await;
    client.hears(GOOD).await;
    client.leave().await;

    // A conversation: the server has begun to answer, so silence of the client is part of it.
    let stage = Stage::plain(&["client_body_timeout=100"]);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let rest = "1\r\nx\r\n0\r\n\r\n";
    let script = &[
        HEAD,
        Hear("first"),
        Say(head),
        Hear("second"),
        Say(rest),
        HearEnd,
    ];
    let origin = Origin::new(&[script]).await;
    let mut client = stage.client();
    client
        .say(&post.replace(
            &post[post.find("//").unwrap()..post.find("/ ").unwrap()],
            &format!("//{}", origin.at),
        ))
        .await;
    client.hears(head).await;
    tokio::time::sleep(Duration::from_secs(1000)).await;
    client.say("second").await;
    client.hears(rest).await;
    client.leave().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_is_cut_and_its_server_freed() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n";
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &[]);
        let origin = Origin::new(&[&[HEAD, Say(head), Repeat("x", 4_000_000), HearEnd]]).await;
        let mut client = stage.client();
        client.say(&origin.get()).await;
        let since = Instant::now();
        client.served.await.unwrap();
        assert!((600..610).contains(&since.elapsed().as_secs()));
        let hooks = stage.spy.hooks();
        assert!(hooks.ends_with("server_disconnected"), "{hooks}");
        if need == ContentNeed::Nothing {
            assert!(hooks.contains("responseheaders error"), "{hooks}");
            let error = stage.spy.flow().info.error.unwrap().msg;
            assert_eq!(error, "client read nothing for 600 s");
        }
        stage.still_works(&origin).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_is_served() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n";
    let stage = Stage::plain(&[]);
    let origin = Origin::new(&[&[HEAD, Say(head), Repeat("x", 400_000), HearEnd]]).await;
    let mut client = stage.client();
    client.say(&origin.get()).await;
    client.hears(head).await;
    let mut left = 400_000;
    while left > 0 {
        tokio::time::sleep(Duration::from_secs(500)).await;
        let mut piece = vec![0; 16_000];
        left -= client.io.read(&mut piece).await.unwrap();
    }
    client.leave().await;
    assert!(!stage.spy.hooks().contains("error"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_in_time_gives_504() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &["server_response_timeout=10"]);
        let origin = Origin::new(&[&[HEAD, HearEnd]]).await;
        let page = stage.ask(&origin.get()).await;
        assert_page(
            &page,
            "504 Gateway Timeout",
            "the response took longer than 10 s",
        );
        assert!(stage.spy.hooks().ends_with(" error server_disconnected"));
        stage.still_works(&origin).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_shake_hands_in_time_gives_504() {
    let stage = Stage::plain(&["server_connect_timeout=10"]);
    let origin = Origin::new(&[&[HearEnd]]).await;
    let at = origin.at;
    let get = format!("GET https://{at}/ HTTP/1.1\r\nHost: {at}\r\n\r\n");
    let page = stage.ask(&get).await;
    let reason = format!("connecting to {at} took longer than 10 s");
    assert_page(&page, "504 Gateway Timeout", &reason);
    stage.still_works(&origin).await;
}
