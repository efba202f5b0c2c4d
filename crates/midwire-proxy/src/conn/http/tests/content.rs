use midwire_flow::Content;

use super::*;

const LARGE: usize = 40_000;

fn memory(content: &Content) -> Option<usize> {
    match content {
        Content::Memory(bytes) => Some(bytes.len()),
        Content::Spilled(spill) => Some(usize::try_from(spill.len()).unwrap()),
        Content::Missing | Content::Passed { .. } => None,
    }
}

#[tokio::test]
async fn large_responses_stream() {
    // With an addon that wants all content, so that it is the option that makes them stream.
    for (setting, kept) in [
        ("store_streamed_bodies=false", false),
        ("store_streamed_bodies=true", true),
    ] {
        for need in [ContentNeed::Nothing, ContentNeed::Whole] {
            let stage = Stage::new(Spy::new(need), &["stream_large_bodies=10k", setting]);
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n";
            let origin = Origin::new(&[&[
                HEAD,
                Say(head),
                Repeat("x", 20_000),
                Hear("go on"),
                Repeat("x", 20_000),
                HearEnd,
            ]])
            .await;
            let mut client = stage.client();
            client.say(&origin.get()).await;
            // Half of it arrives before the server has sent the rest.
            client.hears(&format!("{head}{}", "x".repeat(20_000))).await;
            assert!(!stage.spy.hooks().contains(" response "));
            client.leave().await;
            drop(origin);
            let origin = Origin::new(&[&[HEAD, Say(head), Repeat("x", LARGE), HearEnd]]).await;
            let mut client = stage.client();
            client.say(&origin.get()).await;
            client.hears(&format!("{head}{}", "x".repeat(LARGE))).await;
            client.leave().await;
            let content = stage.spy.flow().response.unwrap().content;
            let wanted = kept.then_some(LARGE);
            assert_eq!(content.size(), Some(LARGE as u64));
            if need == ContentNeed::Whole || kept {
                assert_eq!(memory(&content), wanted, "{setting} {need:?}");
            }
        }
    }
}

#[tokio::test]
async fn large_responses_of_unknown_length_stream_once_they_are_large() {
    let stage = Stage::new(Spy::new(ContentNeed::Whole), &["stream_large_bodies=1k"]);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let origin = Origin::new(&[&[
        HEAD,
        Say(head),
        Say("400\r\n"),
        Repeat("x", 1024),
        Say("\r\n2\r\nyy\r\n"),
        HearEnd,
    ]])
    .await;
    let mut client = stage.client();
    client.say(&origin.get()).await;
    client.hears(head).await;
    let mut decoded = 0;
    while decoded < 1026 {
        let mut size = String::new();
        while !size.ends_with("\r\n") {
            size.push(char::from(client.io.read_u8().await.unwrap()));
        }
        let len = usize::from_str_radix(size.trim_end(), 16).unwrap();
        let mut chunk = vec![0; len + 2];
        client.io.read_exact(&mut chunk).await.unwrap();
        decoded += len;
    }
    // The message has not ended: what was there went on.
    assert_eq!(decoded, 1026);
    assert!(stage.spy.hooks().ends_with("responseheaders"));
}

#[tokio::test]
async fn large_requests_stream() {
    for kept in [false, true] {
        let setting = format!("store_streamed_bodies={kept}");
        for (framing, first, rest) in [
            ("Content-Length: 3000", "x".repeat(2000), "y".repeat(1000)),
            (
                "Transfer-Encoding: chunked",
                format!("7d0\r\n{}\r\n", "x".repeat(2000)),
                format!("3e8\r\n{}\r\n0\r\n\r\n", "y".repeat(1000)),
            ),
        ] {
            let stage = Stage::new(
                Spy::new(ContentNeed::Whole),
                &["stream_large_bodies=1k", &setting],
            );
            let origin =
                Origin::new(&[&[HEAD, Hear("xxx"), Hear("yyy"), Say(GOOD), HearEnd]]).await;
            let mut client = stage.client();
            client
                .say(&origin.request("POST", &format!("{framing}\r\n\r\n{first}")))
                .await;
            while origin.heard(0).matches('x').count() < 3 {
                tokio::task::yield_now().await;
            }
            client.say(&rest).await;
            client.hears(GOOD).await;
            client.leave().await;
            let hooks = stage.spy.hooks();
            assert!(
                hooks.starts_with("requestheaders server_connect server_connected request "),
                "{hooks}"
            );
            let content = stage.spy.flow().request.content;
            assert_eq!(content.size(), Some(3000));
            assert_eq!(memory(&content), kept.then_some(3000), "{framing}");
        }
    }
}

#[tokio::test]
async fn who_wants_all_content_gets_it_before_anybody() {
    let spy = Spy {
        need: ContentNeed::Whole,
        ..Spy::editing(Hook::Response, |flow| {
            let response = flow.response.as_mut().unwrap();
            assert_eq!(response.content, Content::Memory("hello".into()));
            response.content = Content::Memory("edited".into());
        })
    };
    let stage = Stage::new(spy, &[]);
    let origin = Origin::new(&[&[
        HEAD,
        Say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        HearEnd,
    ]])
    .await;
    let mut client = stage.client();
    client.say(&origin.get()).await;
    client
        .hears("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nedited")
        .await;
}

#[tokio::test]
async fn requests_above_the_limit_are_refused() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &["body_size_limit=10"]);
        for content in [
            "Content-Length: 11\r\n\r\n",
            "Content-Length: 11\r\n\r\nhello world",
            "Transfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n",
        ] {
            let origin = Origin::new(&[&[HEAD, HearEnd]]).await;
            let got = stage.ask(&origin.request("POST", content)).await;
            assert_page(
                &got,
                "413 Content Too Large",
                "request body exceeds body_size_limit",
            );
            let hooks = stage.spy.hooks();
            assert!(
                hooks.starts_with("requestheaders ") && hooks.contains("error"),
                "{hooks}"
            );
            assert!(!origin.heard(0).contains("0\r\n\r\n"));
            if content.starts_with('C') || need == ContentNeed::Whole {
                assert_eq!(origin.connections(), 0, "{content}");
            }
        }
        stage.still_works(&Origin::new(&[]).await).await;
    }
}

#[tokio::test]
async fn responses_above_the_limit_are_refused_or_cut() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &["body_size_limit=10"]);
        let known = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
        let origin = Origin::new(&[&[HEAD, Say(known), HearEnd]]).await;
        let got = stage.ask(&origin.get()).await;
        assert_page(
            &got,
            "502 Bad Gateway",
            "response body exceeds body_size_limit",
        );

        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n";
        let origin =
            Origin::new(&[&[HEAD, Say(chunked), Say("5\r\nworld\r\n0\r\n\r\n"), HearEnd]]).await;
        let got = stage.ask(&origin.get()).await;
        if need == ContentNeed::Whole {
            assert_page(
                &got,
                "502 Bad Gateway",
                "response body exceeds body_size_limit",
            );
        } else {
            assert_eq!(got, chunked);
        }
        assert!(stage.spy.hooks().contains("error"));
        stage.still_works(&origin).await;
    }
}
