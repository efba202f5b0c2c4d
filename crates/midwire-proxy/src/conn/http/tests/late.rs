//! What is decided late: early responses, content that turns out large, and a 101 that is none.

use midwire_flow::Content;

use super::*;

const SERVER: &str = "server_connect server_connected";

/// Reads a chunked content; heads have been read.
async fn dechunked(client: &mut Client) -> String {
    let mut all = Vec::new();
    loop {
        let mut line = String::new();
        while !line.ends_with("\r\n") {
            line.push(char::from(client.io.read_u8().await.unwrap()));
        }
        let len = usize::from_str_radix(line.trim_end(), 16).unwrap();
        let mut chunk = vec![0; len + 2];
        client.io.read_exact(&mut chunk).await.unwrap();
        if len == 0 {
            return text(&all);
        }
        all.extend_from_slice(&chunk[..len]);
    }
}

fn whole_responses(hook: Hook, edit: impl Fn(&mut HttpFlow) + Send + Sync + 'static) -> Spy {
    let mut spy = Spy::editing(hook, edit);
    spy.need_response = Some(ContentNeed::Whole);
    spy
}

fn set_content(flow: &mut HttpFlow) {
    let response = flow.response.as_mut().unwrap();
    assert_eq!(response.content.bytes().unwrap(), "good");
    response.content = Content::Memory("better".into());
}

#[tokio::test]
async fn an_early_response_is_held_for_an_addon_that_wants_it_whole() {
    let stage = Stage::new(whole_responses(Hook::Response, set_content), &[]);
    let better = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbetter";
    // With the rest of the request, and without.
    for rest in ["second", ""] {
        let origin = Origin::new(&[&[HEAD, Hear("first"), Say(GOOD), HearEnd]]).await;
        let mut client = stage.client();
        let post = origin.request("POST", "Content-Length: 11\r\n\r\nfirst");
        client.say(&post).await;
        client.hears(better).await;
        client.say(rest).await;
        client.leave().await;
        assert_eq!(
            stage.spy.hooks(),
            format!("requestheaders {SERVER} responseheaders response request server_disconnected")
        );
        let meta = stage.spy.flow().info.metadata;
        assert!(
            format!("{meta:?}").contains("buffered_response"),
            "{meta:?}"
        );
    }
}

#[tokio::test]
async fn an_early_response_killed_when_it_is_whole_is_not_sent() {
    let stage = Stage::new(whole_responses(Hook::Response, kill), &[]);
    let origin = Origin::new(&[&[HEAD, Hear("first"), Say(GOOD), HearEnd]]).await;
    let post = origin.request("POST", "Content-Length: 11\r\n\r\nfirst");
    assert_eq!(stage.ask(&post).await, "");
    assert_eq!(
        stage.spy.hooks(),
        format!("requestheaders {SERVER} responseheaders response server_disconnected")
    );
}

#[tokio::test]
async fn an_early_response_that_grows_large_streams() {
    let spy = whole_responses(Hook::Error, |_| {});
    let stage = Stage::new(spy, &["stream_large_bodies=1k"]);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let origin = Origin::new(&[&[
        HEAD,
        Hear("first"),
        Say(head),
        Say("800\r\n"),
        Repeat("x", 2048),
        Say("\r\n"),
        Hear("second"),
        Say("1\r\ny\r\n0\r\n\r\n"),
        HearEnd,
    ]])
    .await;
    let mut client = stage.client();
    let post = origin.request("POST", "Content-Length: 11\r\n\r\nfirst");
    client.say(&post).await;
    client.hears(head).await;
    client.say("second").await;
    let got = dechunked(&mut client).await;
    assert_eq!(got, format!("{}y", "x".repeat(2048)));
    client.leave().await;
}

#[tokio::test]
async fn what_was_held_before_content_streams_goes_through_the_filters() {
    for kept in [false, true] {
        let mut spy = Spy::new(ContentNeed::Whole);
        spy.capitals = true;
        let kept_setting = format!("store_streamed_bodies={kept}");
        let stage = Stage::new(spy, &["stream_large_bodies=1k", &kept_setting]);
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let origin = Origin::new(&[&[
            HEAD,
            Hear("0\r\n\r\n"),
            Say(head),
            Say("800\r\n"),
            Repeat("x", 2048),
            Say("\r\n3\r\nend\r\n0\r\n\r\n"),
            HearEnd,
        ]])
        .await;
        let mut client = stage.client();
        let content = format!("800\r\n{}\r\n3\r\nend\r\n0\r\n\r\n", "y".repeat(2048));
        let post = origin.request("POST", "Transfer-Encoding: chunked\r\n\r\n");
        client.say(&format!("{post}{content}")).await;
        client.hears(head).await;
        let got = dechunked(&mut client).await;
        assert_eq!(got, format!("{}END!", "X".repeat(2048)));
        client.leave().await;
        let heard = origin.heard(0);
        assert!(!heard.contains('y') && heard.matches('Y').count() == 2048);
        assert!(
            heard.ends_with("3\r\nEND\r\n1\r\n!\r\n0\r\n\r\n"),
            "{heard}"
        );
        let flow = stage.spy.flow();
        let response = flow.response.unwrap().content;
        assert_eq!(response.size(), Some(2052));
        let recorded = kept.then(|| format!("{}END!", "X".repeat(2048)));
        let stored = |content: &Content| content.bytes().map(|bytes| text(&bytes));
        assert_eq!(stored(&response), recorded);
        assert_eq!(
            stored(&flow.request.content),
            recorded.map(|all| all.replace('X', "Y"))
        );
    }
}

#[tokio::test]
async fn content_that_streams_late_is_stored_whole() {
    // Below and above what is kept in memory.
    for len in [10_000, 700_000] {
        let setting = format!("stream_large_bodies={}", len - 1000);
        let stage = Stage::new(
            Spy::new(ContentNeed::Whole),
            &[&setting, "store_streamed_bodies=true"],
        );
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk: &'static str = format!("{len:x}\r\n").leak();
        let origin = Origin::new(&[&[
            HEAD,
            Hear("\r\n0\r\n\r\n"),
            Say(head),
            Say(chunk),
            Repeat("x", len),
            Say("\r\n3\r\nend\r\n0\r\n\r\n"),
            HearEnd,
        ]])
        .await;
        let mut client = stage.client();
        let post = origin.request("POST", "Transfer-Encoding: chunked\r\n\r\n");
        let content = format!("{chunk}{}\r\n3\r\nend\r\n0\r\n\r\n", "y".repeat(len));
        client.say(&format!("{post}{content}")).await;
        client.hears(head).await;
        assert_eq!(dechunked(&mut client).await.len(), len + 3);
        client.leave().await;
        let flow = stage.spy.flow();
        for (content, byte) in [
            (flow.request.content, "y"),
            (flow.response.unwrap().content, "x"),
        ] {
            let all = text(&content.bytes().unwrap());
            assert_eq!(all, format!("{}end", byte.repeat(len)));
        }
    }
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[tokio::test]
async fn a_101_that_an_addon_refuses_is_no_conversation() {
    for hook in [Hook::Responseheaders, Hook::Response] {
        let refuse = |flow: &mut HttpFlow| {
            let response = flow.response.as_mut().unwrap();
            response.status = 403;
            response.reason = "Forbidden".into();
            response.content = Content::Memory("no".into());
        };
        let stage = Stage::new(Spy::editing(hook, refuse), &[]);
        let origin = Origin::new(&[&[HEAD, Say(SWITCHING), HearEnd]]).await;
        let got = stage.ask(&origin.request("GET", UPGRADE)).await;
        assert!(got.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{got}");
        assert!(got.ends_with("\r\n\r\nno"), "{got}");
        assert_eq!(
            stage.spy.hooks(),
            format!("requestheaders request {SERVER} responseheaders response server_disconnected")
        );
        let flow = stage.spy.flow();
        assert!(flow.websocket.is_none() || hook == Hook::Response);
        assert_eq!(stage.spy.updates.lock().unwrap().last(), Some(&false));
    }
}

#[tokio::test]
async fn a_101_that_an_addon_invents_ends_the_connection() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let invent = |flow: &mut HttpFlow| flow.response.as_mut().unwrap().status = 101;
        let mut spy = Spy::editing(Hook::Responseheaders, invent);
        spy.need = need;
        let stage = Stage::new(spy, &[]);
        let origin = Origin::new(&[]).await;
        let get = origin.get();
        let got = stage.ask(&format!("{get}{get}")).await;
        assert_eq!(got.matches("HTTP/1.1").count(), 1, "{got}");
        assert_eq!(stage.spy.flow().websocket, None);
    }
}

#[tokio::test]
async fn bytes_after_an_upgrade_request_wait_for_the_101() {
    // Refused: they are the next request.
    let stage = Stage::plain(&[]);
    let origin = Origin::new(&[]).await;
    let mut client = stage.client();
    let upgrade = origin.request("GET", UPGRADE);
    client.say(&format!("{upgrade}{}", origin.get())).await;
    client.hears(&format!("{GOOD}{GOOD}")).await;
    client.leave().await;
    assert_eq!(stage.spy.hooks().matches("requestheaders").count(), 2);
    // Not answered yet: the server has got the head and nothing else.
    let origin = Origin::new(&[&[HEAD, Hear("\r\n\r\n"), HearEnd]]).await;
    let mut client = stage.client();
    let upgrade = origin.request("GET", UPGRADE);
    client.say(&format!("{upgrade}early\r\n\r\n")).await;
    while !origin.heard(0).ends_with("\r\n\r\n") {
        tokio::task::yield_now().await;
    }
    client.leave().await;
    assert!(!origin.heard(0).contains("early"));
}
