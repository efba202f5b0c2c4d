use super::*;

/// One exchange with an answer that leaves the connection open: what the server heard.
async fn exchange(stage: &Stage, request: &str, answer: &'static str, expected: &str) -> String {
    let origin = Origin::new(&[&[HEAD, Say(answer), HearEnd]]).await;
    let request = request.replace("AT", &origin.at.to_string());
    let mut client = stage.client();
    client.say(&request).await;
    client.hears(expected).await;
    client.leave().await;
    origin.heard(0).replace(&origin.at.to_string(), "AT")
}

#[tokio::test]
async fn fields_pass_unchanged() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &[]);
        let fields = "zEbRa: 1\r\nHOST: AT\r\nAccept:*/*\r\nzebra:  2\r\nX-Empty:\r\nuser-AGENT: a,b ;c\r\nZebra: 1\r\n\r\n";
        let answer = "HTTP/1.1 299 Very  odd\r\nx-B: 2\r\nX-a:1\r\nset-COOKIE: a\r\nSet-Cookie: b\r\nx-b: 2\r\ncontent-length: 0\r\n\r\n";
        let sent = exchange(
            &stage,
            &format!("GET http://AT/p%2fq?a=%20b HTTP/1.1\r\n{fields}"),
            answer,
            answer,
        )
        .await;
        assert_eq!(sent, format!("GET /p%2fq?a=%20b HTTP/1.1\r\n{fields}"));
    }
}

#[tokio::test]
async fn bytes_above_ascii_pass_unchanged() {
    let stage = Stage::plain(&[]);
    let sent = exchange(
        &stage,
        "GET http://AT/ä HTTP/1.1\r\nHost: AT\r\nX: ü\r\n\r\n",
        "HTTP/1.1 200 Schön\r\nX: ö\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 Schön\r\nX: ö\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    assert_eq!(sent, "GET /ä HTTP/1.1\r\nHost: AT\r\nX: ü\r\n\r\n");
}

#[tokio::test]
async fn what_is_for_the_proxy_stays_here() {
    let stage = Stage::plain(&[]);
    let fields = "Proxy-Connection: keep-alive\r\nproxy-authorization: Basic eDp5\r\nA: b\r\n\r\n";
    let sent = exchange(
        &stage,
        &format!("GET http://AT/ HTTP/1.1\r\nHost: AT\r\n{fields}"),
        GOOD,
        GOOD,
    )
    .await;
    assert_eq!(sent, "GET / HTTP/1.1\r\nHost: AT\r\nA: b\r\n\r\n");
}

#[tokio::test]
async fn foreign_upgrades_are_removed() {
    let stage = Stage::plain(&[]);
    let fields = "Connection: Upgrade, HTTP2-Settings, x\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nx: y\r\n\r\n";
    let sent = exchange(
        &stage,
        &format!("GET http://AT/ HTTP/1.1\r\nHost: AT\r\n{fields}"),
        GOOD,
        GOOD,
    )
    .await;
    assert_eq!(
        sent,
        "GET / HTTP/1.1\r\nHost: AT\r\nConnection: x\r\nx: y\r\n\r\n"
    );
}

#[tokio::test]
async fn answers_without_content() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &[]);
        for (method, answer, expected) in [
            (
                "HEAD",
                "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n",
            ),
            (
                "HEAD",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            ),
            (
                "GET",
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
            ),
            (
                "GET",
                "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nA: b\r\n\r\n",
                "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n",
            ),
        ] {
            // The next request shows that no content was waited for.
            let origin = Origin::new(&[&[HEAD, Say(answer), HEAD, Say(GOOD), HearEnd]]).await;
            let mut client = stage.client();
            client.say(&origin.request(method, "\r\n")).await;
            client.hears(expected).await;
            client.say(&origin.get()).await;
            client.hears(GOOD).await;
            assert_eq!(origin.connections(), 1, "{answer}");
        }
    }
}

#[tokio::test]
async fn http_1_0_knows_no_chunks() {
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: v\r\n\r\n";
    for (need, expected) in [
        (ContentNeed::Nothing, "HTTP/1.1 200 OK\r\n\r\nhello"),
        (
            ContentNeed::Whole,
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        ),
    ] {
        let stage = Stage::new(Spy::new(need), &[]);
        let origin = Origin::new(&[&[
            HEAD,
            Say("HTTP/1.1 100 Continue\r\n\r\n"),
            Say(chunked),
            HearEnd,
        ]])
        .await;
        let got = stage
            .ask(&origin.get().replace("HTTP/1.1", "HTTP/1.0"))
            .await;
        assert_eq!(got, expected);
        stage.still_works(&origin).await;
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &[]);
        let one = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none";
        let two = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n";
        let origin = Origin::new(&[&[
            HEAD,
            Hear("body"),
            Say(one),
            HEAD,
            Say(two),
            HEAD,
            Say(GOOD),
            HearEnd,
        ]])
        .await;
        let mut client = stage.client();
        let first = origin.request("POST", "Content-Length: 4\r\n\r\nbody");
        client
            .say(&format!("{first}{}{}", origin.get(), origin.get()))
            .await;
        client.hears(&format!("{one}{two}{GOOD}")).await;
        client.leave().await;
        assert_eq!(origin.connections(), 1);
    }
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &[]);
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n";
        let origin = Origin::new(&[&[HEAD, Hear("X-Mark: 7\r\n\r\n"), Say(answer), HearEnd]]).await;
        let mut client = stage.client();
        let content = "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Mark: 7\r\n\r\n";
        client.say(&origin.request("POST", content)).await;
        client.hears(answer).await;
        client.leave().await;
        assert!(origin.heard(0).ends_with(content), "{}", origin.heard(0));
        let flow = stage.spy.flow();
        assert_eq!(
            flow.request.trailers.unwrap().get("x-mark"),
            Some(&b"7"[..])
        );
        assert_eq!(flow.response.unwrap().trailers.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn connections_end_as_the_peers_say() {
    // The client closes: its connection ends after the answer.
    let stage = Stage::plain(&[]);
    let origin = Origin::new(&[]).await;
    let got = stage
        .ask(&origin.request("GET", "Connection: close\r\n\r\n"))
        .await;
    assert_eq!(got, GOOD);
    assert!(origin.heard(0).contains("\r\nConnection: close\r\n"));

    // The server closes: so does the proxy, since it passes the field on.
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx";
    let origin = Origin::new(&[&[HEAD, Say(closing)]]).await;
    assert_eq!(stage.ask(&origin.get()).await, closing);

    // The end of the connection is the end of the content.
    let endless = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
    let origin = Origin::new(&[&[HEAD, Say(endless)]]).await;
    assert_eq!(stage.ask(&origin.get()).await, endless);

    // HTTP/1.0 closes unless told otherwise.
    let origin = Origin::new(&[]).await;
    assert_eq!(
        stage
            .ask(&origin.get().replace("HTTP/1.1", "HTTP/1.0"))
            .await,
        GOOD
    );
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_are_no_answer() {
    let stage = Stage::plain(&[]);
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngoodHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let origin = Origin::new(&[&[HEAD, Say(evil), HearEnd]]).await;
    let mut client = stage.client();
    client.say(&origin.get()).await;
    client.hears(GOOD).await;
    client.say(&origin.get()).await;
    client.hears(GOOD).await;
    client.leave().await;
    assert_eq!(origin.connections(), 2);
}
