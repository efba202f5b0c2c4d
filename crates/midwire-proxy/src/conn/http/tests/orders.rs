use midwire_flow::Response;
use midwire_wire::Fields;

use super::*;

const SERVER: &str = "server_connect server_connected";

fn made() -> Response {
    let head = midwire_wire::ResponseHead {
        version: midwire_wire::Version::Http11,
        status: 418,
        reason: "Teapot".into(),
        fields: Fields::new(),
    };
    let mut response = crate::http::message::response(head, crate::now());
    response.content = midwire_flow::Content::Memory("made".into());
    response
}

const MADE: &str = "HTTP/1.1 418 Teapot\r\nContent-Length: 4\r\n\r\nmade";

#[tokio::test]
async fn plain_and_again() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &[]);
        let origin = Origin::new(&[]).await;
        let mut client = stage.client();
        client.say(&origin.get()).await;
        client.hears(GOOD).await;
        client.say(&origin.get()).await;
        client.hears(GOOD).await;
        client.leave().await;
        assert_eq!(
            stage.spy.hooks(),
            format!(
                "requestheaders request {SERVER} responseheaders response requestheaders request responseheaders response server_disconnected"
            )
        );
        assert_eq!(origin.connections(), 1);
    }
}

#[tokio::test]
async fn a_response_of_an_addon_needs_no_server() {
    for hook in [Hook::Requestheaders, Hook::Request] {
        let stage = Stage::new(Spy::editing(hook, |flow| flow.response = Some(made())), &[]);
        let origin = Origin::new(&[]).await;
        let mut client = stage.client();
        client
            .say(&origin.request("POST", "Content-Length: 2\r\n\r\nhi"))
            .await;
        client.hears(MADE).await;
        client.say(&origin.get()).await;
        client.hears(MADE).await;
        client.leave().await;
        let once = "requestheaders request responseheaders response";
        assert_eq!(stage.spy.hooks(), format!("{once} {once}"));
        assert_eq!(origin.connections(), 0);
    }
}

#[tokio::test]
async fn killed_flows_are_cut() {
    for (hook, hooks) in [
        (Hook::Requestheaders, "requestheaders error".to_owned()),
        (Hook::Request, "requestheaders request error".to_owned()),
        (
            Hook::Responseheaders,
            format!("requestheaders request {SERVER} responseheaders error server_disconnected"),
        ),
    ] {
        let stage = Stage::new(Spy::editing(hook, kill), &[]);
        let origin = Origin::new(&[]).await;
        assert_eq!(stage.ask(&origin.get()).await, "");
        assert_eq!(stage.spy.hooks(), hooks);
        assert_eq!(stage.spy.flow().info.error.unwrap().msg, FlowError::KILLED);
    }
}

#[tokio::test]
async fn killed_in_response_has_no_error_hook() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let mut spy = Spy::editing(Hook::Response, kill);
        spy.need = need;
        let stage = Stage::new(spy, &[]);
        let origin = Origin::new(&[]).await;
        let got = stage.ask(&origin.get()).await;
        let expected = if need == ContentNeed::Whole { "" } else { GOOD };
        assert_eq!(got, expected);
        let hooks = stage.spy.hooks();
        assert!(hooks.contains("responseheaders response"), "{hooks}");
        assert!(!hooks.contains("error"), "{hooks}");
    }
}

#[tokio::test]
async fn a_streamed_request_is_sent_before_its_hook() {
    let stage = Stage::plain(&[]);
    let origin = Origin::new(&[&[HEAD, Hear("first"), Hear("second"), Say(GOOD), HearEnd]]).await;
    let mut client = stage.client();
    client
        .say(&origin.request("POST", "Content-Length: 11\r\n\r\nfirst"))
        .await;
    while !origin.heard(0).ends_with("first") {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.spy.hooks(), format!("requestheaders {SERVER}"));
    client.say("second").await;
    client.hears(GOOD).await;
    client.leave().await;
    assert_eq!(
        stage.spy.hooks(),
        "request responseheaders response server_disconnected"
    );
}

#[tokio::test]
async fn an_early_response_comes_before_the_request_is_complete() {
    let stage = Stage::plain(&[]);
    let origin = Origin::new(&[&[HEAD, Hear("first"), Say(GOOD), HearEnd]]).await;
    let mut client = stage.client();
    client
        .say(&origin.request("POST", "Content-Length: 11\r\n\r\nfirst"))
        .await;
    client.hears(GOOD).await;
    client.leave().await;
    assert_eq!(
        stage.spy.hooks(),
        format!("requestheaders {SERVER} responseheaders response request server_disconnected")
    );
    assert!(origin.heard(0).ends_with("first"));
    stage.still_works(&origin).await;
}

#[tokio::test]
async fn an_early_response_that_is_cut_never_looks_whole() {
    for need in [ContentNeed::Nothing, ContentNeed::Copy] {
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
        let stage = Stage::new(Spy::new(need), &[]);
        let origin = Origin::new(&[&[HEAD, Hear("first"), Say(cut)]]).await;
        let mut client = stage.client();
        client
            .say(&origin.request("POST", "Content-Length: 11\r\n\r\nfirst"))
            .await;
        assert_eq!(client.rest().await, cut);
        assert_eq!(
            stage.spy.hooks(),
            format!("requestheaders {SERVER} responseheaders error server_disconnected")
        );
        stage.still_works(&origin).await;
    }
}

#[tokio::test]
async fn an_early_response_above_the_limit_is_refused() {
    let large = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
    let stage = Stage::plain(&["body_size_limit=50"]);
    let origin = Origin::new(&[&[HEAD, Hear("first"), Say(large), HearEnd]]).await;
    let got = stage
        .ask(&origin.request("POST", "Content-Length: 11\r\n\r\nfirst"))
        .await;
    assert_page(
        &got,
        "502 Bad Gateway",
        "response body exceeds body_size_limit",
    );
    stage.still_works(&origin).await;
}

#[tokio::test]
async fn flows_live_until_their_end() {
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        let stage = Stage::new(Spy::new(need), &[]);
        let origin = Origin::new(&[]).await;
        let mut client = stage.client();
        client.say(&origin.get()).await;
        client.hears(GOOD).await;
        client.leave().await;
        assert!(stage.spy.flow().info.live, "in its last hook");
        let updates = stage.spy.updates.lock().unwrap().clone();
        assert_eq!(updates, [true, true, true, false]);
    }
}

#[tokio::test]
async fn a_server_that_answers_and_closes_is_heard() {
    let refusal =
        "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";
    let stage = Stage::plain(&[]);
    let origin = Origin::new(&[&[HEAD, Hear("first"), Say(refusal)]]).await;
    let mut client = stage.client();
    client
        .say(&origin.request("POST", "Content-Length: 1000000\r\n\r\nfirst"))
        .await;
    assert_eq!(client.rest().await, refusal);
    assert!(!stage.spy.hooks().contains("error"));
    stage.still_works(&origin).await;
}
