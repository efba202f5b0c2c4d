use super::*;

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const EXPECT: &str = "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";

#[tokio::test]
async fn the_server_says_go_on() {
    let stage = Stage::plain(&[]);
    let origin = Origin::new(&[&[HEAD, Say(CONTINUE), Hear("hi"), Say(GOOD), HearEnd]]).await;
    let mut client = stage.client();
    client.say(&origin.request("POST", EXPECT)).await;
    client.hears(CONTINUE).await;
    client.say("hi").await;
    client.hears(GOOD).await;
    client.leave().await;
    assert!(origin.heard(0).contains("\r\nExpect: 100-continue\r\n"));
    assert!(
        stage
            .spy
            .hooks()
            .ends_with("request responseheaders response server_disconnected")
    );
}

#[tokio::test]
async fn a_silent_server_is_waited_for_one_second() {
    let stage = Stage::plain(&[]);
    let origin = Origin::new(&[&[HEAD, Hear("hi"), Say(GOOD), HearEnd]]).await;
    let mut client = stage.client();
    let began = std::time::Instant::now();
    client.say(&origin.request("POST", EXPECT)).await;
    client.hears(CONTINUE).await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    client.say("hi").await;
    client.hears(GOOD).await;
}

#[tokio::test]
async fn a_refusal_needs_no_content() {
    for refusal in [
        "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno",
    ] {
        let stage = Stage::plain(&[]);
        let script: &'static str = refusal;
        let origin = Origin::new(&[&[HEAD, Say(script), HearEnd]]).await;
        let mut client = stage.client();
        client.say(&origin.request("POST", EXPECT)).await;
        client.hears(refusal).await;
        // The client never sends what it announced, so this connection can have no other request.
        assert_eq!(client.rest().await, "");
        assert!(origin.heard(0).ends_with("\r\n\r\n"));
        stage.still_works(&origin).await;
        assert_eq!(origin.connections(), 2);
    }
}

#[tokio::test]
async fn a_server_that_leaves_is_noted_once() {
    let stage = Stage::plain(&[]);
    let origin = Origin::new(&[&[HEAD]]).await;
    let got = stage.ask(&origin.request("POST", EXPECT)).await;
    assert_page(&got, "502 Bad Gateway", "without a response");
    let hooks = stage.spy.hooks();
    assert_eq!(hooks.matches("server_disconnected").count(), 1, "{hooks}");
}

#[tokio::test]
async fn who_wants_all_content_has_the_client_go_on_at_once() {
    let stage = Stage::new(Spy::new(ContentNeed::Whole), &[]);
    let origin = Origin::new(&[&[HEAD, Hear("hi"), Say(GOOD), HearEnd]]).await;
    let mut client = stage.client();
    client.say(&origin.request("POST", EXPECT)).await;
    client.hears(CONTINUE).await;
    client.say("hi").await;
    client.hears(GOOD).await;
    assert!(!origin.heard(0).contains("Expect"));
}
