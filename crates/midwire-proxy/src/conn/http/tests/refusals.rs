use super::*;

/// A request that is refused, and reaches no server.
async fn check(stage: &Stage, origin: &Origin, request: &str, status: &str, reason: &str) {
    let request = request.replace("AT", &origin.at.to_string());
    let got = stage.ask(&request).await;
    assert_page(&got, status, reason);
    assert_eq!(origin.connections(), 0, "{request}");
}

#[tokio::test]
async fn what_is_ambiguous_is_refused() {
    let stage = Stage::plain(&[]);
    let origin = Origin::new(&[]).await;
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 99999999999999999999999999\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Name : value\r\n",
        "no colon\r\n",
        "Folded: a\r\n b\r\n",
        "Nul: a\0b\r\n",
        "Host: other\r\n",
    ] {
        let request =
            format!("POST http://AT/ HTTP/1.1\r\nHost: AT\r\n{fields}\r\nGET / HTTP/1.1\r\n\r\n");
        check(
            &stage,
            &origin,
            &request,
            "400 Bad Request",
            "invalid request",
        )
        .await;
    }
    stage.still_works(&origin).await;
}

#[tokio::test]
async fn each_refusal_has_its_status() {
    let stage = Stage::plain(&["header_size_limit=2k", "header_count_limit=20"]);
    let origin = Origin::new(&[]).await;
    let long = "x".repeat(3000);
    let many = "A: b\r\n".repeat(30);
    for (request, status) in [
        (
            "GET http://AT/ HTTP/1.1\r\n\r\n".replace("AT/", "AT/ x"),
            "400 Bad Request",
        ),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400 Bad Request"),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), "400 Bad Request"),
        (
            "GET ftp://AT/ HTTP/1.1\r\nHost: AT\r\n\r\n".to_owned(),
            "400 Bad Request",
        ),
        (
            "GET http://AT/ HTTP/3.0\r\nHost: AT\r\n\r\n".to_owned(),
            "505 HTTP Version Not Supported",
        ),
        (
            format!("GET http://AT/{long} HTTP/1.1\r\nHost: AT\r\n\r\n"),
            "414 URI Too Long",
        ),
        (
            format!("GET http://AT/ HTTP/1.1\r\nHost: AT\r\nA: {long}\r\n\r\n"),
            "431 Request Header Fields Too Large",
        ),
        (
            format!("GET http://AT/ HTTP/1.1\r\nHost: AT\r\n{many}\r\n"),
            "431 Request Header Fields Too Large",
        ),
        (
            "POST http://AT/ HTTP/1.1\r\nHost: AT\r\nExpect: a pony\r\nContent-Length: 1\r\n\r\n"
                .to_owned(),
            "417 Expectation Failed",
        ),
    ] {
        check(&stage, &origin, &request, status, "").await;
    }
    stage.still_works(&origin).await;
}

#[tokio::test]
async fn a_bad_chunk_ends_a_request_and_its_server_connection() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &[]);
        let origin = Origin::new(&[&[HEAD, HearEnd]]).await;
        let request = origin.request(
            "POST",
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n",
        );
        let got = stage.ask(&request).await;
        assert_page(&got, "400 Bad Request", "invalid request");
        assert!(!origin.heard(0).contains("0\r\n\r\n"));
        if need == ContentNeed::Whole {
            assert_eq!(origin.connections(), 0);
        }
        assert!(stage.spy.hooks().contains("error"));
        stage.still_works(&Origin::new(&[]).await).await;
    }
}

#[tokio::test]
async fn zero_stands_for_any_number_of_fields() {
    let stage = Stage::plain(&["header_count_limit=0"]);
    let origin = Origin::new(&[]).await;
    let many = "A: b\r\n".repeat(1200) + "Connection: close\r\n";
    let got = stage
        .ask(&origin.request("GET", &format!("{many}\r\n")))
        .await;
    assert!(got.starts_with("HTTP/1.1 200 "), "{got}");
}

#[tokio::test]
async fn nothing_but_empty_lines_is_refused_at_once() {
    let stage = Stage::plain(&[]);
    let origin = Origin::new(&[]).await;
    check(
        &stage,
        &origin,
        &"\r\n".repeat(9),
        "400 Bad Request",
        "empty lines",
    )
    .await;
    stage.still_works(&origin).await;
}
