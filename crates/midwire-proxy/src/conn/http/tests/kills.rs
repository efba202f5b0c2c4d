//! Flows that are cut off from outside, wherever they are.

use super::*;

const CUT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";

/// Kills a flow once the server has heard this and the client has got that; the flow ends with the error of killed
/// flows, the client is cut, the server's connection is closed, and others are served.
async fn check(spy: Spy, script: &[Step], request: (&str, &str), seen: (&str, &str)) {
    let stage = Stage::new(spy, &[]);
    let origin = Origin::new(&[script]).await;
    let mut client = stage.client();
    client.say(&origin.request(request.0, request.1)).await;
    client.hears(seen.1).await;
    let ready = async {
        loop {
            let heard = seen.0.is_empty() || origin.heard(0).ends_with(seen.0);
            let begun = stage.spy.begun.lock().unwrap().first().cloned();
            match begun {
                Some(id) if heard => return id,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let id = tokio::time::timeout(PATIENCE, ready).await.unwrap();
    stage.session.engine.kills.kill(&id);
    assert_eq!(client.rest().await, "");
    let flow = stage.spy.flow();
    assert_eq!(flow.info.error.unwrap().msg, FlowError::KILLED);
    let hooks = stage.spy.hooks();
    assert!(hooks.contains(" error"), "{hooks}");
    if hooks.contains("server_connected") {
        assert!(hooks.ends_with("server_disconnected"), "{hooks}");
    }
    let next = Origin::new(&[]).await;
    stage.still_works(&next).await;
}

#[tokio::test]
async fn flows_are_killed_wherever_they_wait() {
    let head = "\r\n\r\n";
    for need in [ContentNeed::Nothing, ContentNeed::Whole] {
        // For the head of the response.
        let silent = &[HEAD, HearEnd];
        check(Spy::new(need), silent, ("GET", "\r\n"), (head, "")).await;
        // For the rest of the request.
        let seen = match need {
            ContentNeed::Whole => "",
            _ => "first",
        };
        let rest = ("POST", "Content-Length: 11\r\n\r\nfirst");
        check(Spy::new(need), silent, rest, (seen, "")).await;
    }
    // For the rest of the response.
    let cut = &[HEAD, Say(CUT), HearEnd];
    let passed = Spy::new(ContentNeed::Nothing);
    check(passed, cut, ("GET", "\r\n"), (head, CUT)).await;
    // For both.
    let early = &[HEAD, Hear("first"), Say(CUT), HearEnd];
    let rest = ("POST", "Content-Length: 11\r\n\r\nfirst");
    let passed = Spy::new(ContentNeed::Nothing);
    check(passed, early, rest, ("first", CUT)).await;
}

#[tokio::test]
async fn held_flows_are_killed_and_resumed() {
    for killed in [true, false] {
        let hold = |flow: &mut HttpFlow| flow.info.intercepted = true;
        let stage = Stage::new(Spy::editing(Hook::Request, hold), &[]);
        let origin = Origin::new(&[]).await;
        let mut client = stage.client();
        client.say(&origin.get()).await;
        let parked = stage.session.kernel().parked();
        let release = async {
            loop {
                let begun = stage.spy.begun.lock().unwrap().first().cloned();
                let done = begun.is_some_and(|id| {
                    if killed {
                        parked.kill(&id)
                    } else {
                        parked.resume(&id)
                    }
                });
                if done {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, release).await.unwrap();
        if killed {
            assert_eq!(client.rest().await, "");
            assert_eq!(stage.spy.hooks(), "requestheaders request error");
        } else {
            client.hears(GOOD).await;
            client.leave().await;
        }
    }
}
