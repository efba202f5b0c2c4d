//! Which answers requests get.

use midwire_core::Link;
use midwire_core::options::Value;
use midwire_flow::HttpMessage as _;

use super::*;
use crate::testing::{http_flow, kernel};

fn recorded(line: &str, body: &str) -> HttpFlow {
    let mut flow = http_flow(line);
    flow.response = Some(Response::make(200, body.to_owned(), Fields::new()));
    flow
}

fn share(flow: HttpFlow) -> Arc<Flow> {
    Arc::new(Flow::Http(Box::new(flow)))
}

/// A kernel that replays these flows.
fn replaying(
    options: &[(&str, Value)],
    flows: Vec<HttpFlow>,
) -> (Arc<Kernel>, Arc<ServerPlayback>) {
    let kernel = kernel(options);
    let playback = Arc::new(ServerPlayback::default());
    kernel
        .set_addons(vec![Link::Sync(playback.clone())])
        .unwrap();
    let flows: Vec<_> = flows.into_iter().map(share).collect();
    playback.add(&kernel, &flows);
    (kernel, playback)
}

async fn answer(kernel: &Kernel, mut flow: HttpFlow) -> String {
    kernel.request(&mut flow).await;
    if flow.info.killed() {
        return "killed".to_owned();
    }
    match flow.response {
        None => "forwarded".to_owned(),
        Some(response) => {
            assert_eq!(flow.info.is_replay, Some(Replay::Response));
            match response.text_lossy(99).unwrap() {
                text if text.is_empty() => response.status.to_string(),
                text => text,
            }
        }
    }
}

#[tokio::test]
async fn answers_come_in_order_and_are_used_up() {
    let without_response = http_flow("GET http://a/x");
    let flows = vec![
        without_response,
        recorded("GET http://a/x", "one"),
        recorded("GET http://a/x", "two"),
        recorded("GET http://a/y", "other"),
    ];
    let (kernel, _) = replaying(&[], flows);
    let left = || kernel.replays().server.load(Ordering::SeqCst);
    assert_eq!(left(), 4);
    assert_eq!(answer(&kernel, http_flow("GET http://a/x")).await, "one");
    assert_eq!(answer(&kernel, http_flow("GET http://a/x")).await, "two");
    assert_eq!(left(), 1);
    assert_eq!(
        answer(&kernel, http_flow("GET http://a/x")).await,
        "forwarded"
    );
    assert_eq!(
        answer(&kernel, http_flow("POST http://a/y")).await,
        "forwarded"
    );
    assert_eq!(answer(&kernel, http_flow("GET http://a/y")).await, "other");
    assert_eq!(left(), 0);
}

#[tokio::test]
async fn reused_answers_stay() {
    let reuse = ("server_replay_reuse", Value::Bool(true));
    let (kernel, _) = replaying(&[reuse], vec![recorded("GET http://a/x", "one")]);
    for _ in 0..2 {
        assert_eq!(answer(&kernel, http_flow("GET http://a/x")).await, "one");
    }
}

#[tokio::test]
async fn other_requests_meet_what_the_option_says() {
    for (extra, expected) in [("forward", "forwarded"), ("kill", "killed"), ("404", "404")] {
        let option = ("server_replay_extra", Value::from(extra));
        let (kernel, playback) = replaying(&[option], vec![recorded("GET http://a/x", "one")]);
        let other = || http_flow("GET http://a/other");
        assert_eq!(answer(&kernel, other()).await, expected);
        playback.clear(&kernel);
        assert_eq!(
            answer(&kernel, other()).await,
            "forwarded",
            "nothing is recorded"
        );
    }
}

#[tokio::test]
async fn options_say_which_requests_are_alike() {
    let list = |items: &[&str]| Value::Seq(items.iter().map(|&item| item.to_owned()).collect());
    let with = |line: &str, body: &str, fields: &[(&'static str, &'static str)]| {
        let mut flow = recorded(line, "hit");
        flow.request.set_content(body.to_owned());
        for (name, value) in fields {
            flow.request.fields.append(*name, *value);
        }
        flow
    };
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let base = || with("GET http://a/x?p=1&q=2", "k=1&l=2", &form);
    let cases: [(&str, Value, HttpFlow); 6] = [
        (
            "server_replay_ignore_host",
            Value::Bool(true),
            with("GET http://b/x?p=1&q=2", "k=1&l=2", &form),
        ),
        (
            "server_replay_ignore_port",
            Value::Bool(true),
            with("GET http://a:81/x?p=1&q=2", "k=1&l=2", &form),
        ),
        (
            "server_replay_ignore_content",
            Value::Bool(true),
            with("GET http://a/x?p=1&q=2", "else", &[]),
        ),
        (
            "server_replay_ignore_params",
            list(&["q"]),
            with("GET http://a/x?p=1&q=9", "k=1&l=2", &form),
        ),
        (
            "server_replay_ignore_payload_params",
            list(&["l"]),
            with("GET http://a/x?p=1&q=2", "k=1&l=9", &form),
        ),
        (
            "server_replay_use_headers",
            list(&[]),
            with(
                "GET http://a/x?p=1&q=2",
                "k=1&l=2",
                &[form[0], ("x-y", "z")],
            ),
        ),
    ];
    for (option, value, request) in cases {
        let (kernel, _) = replaying(&[], vec![base()]);
        let request = || {
            let mut request = request.clone();
            request.response = None;
            request
        };
        if option == "server_replay_use_headers" {
            kernel.options().update([(option, list(&["x-y"]))]).unwrap();
        }
        assert_eq!(answer(&kernel, request()).await, "forwarded", "{option}");
        // The keys of what is recorded follow the option.
        kernel.options().update([(option, value)]).unwrap();
        assert_eq!(answer(&kernel, request()).await, "hit", "{option}");
    }
}

#[test]
fn files_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    let flow = share(recorded("GET http://a/x", "one"));
    std::fs::write(&path, midwire_flow::file::encode(&flow).unwrap()).unwrap();
    let path = path.to_string_lossy().into_owned();
    let files = Value::Seq(vec![path.clone()]);
    let (kernel, _) = replaying(&[("server_replay", files)], Vec::new());
    assert_eq!(kernel.replays().server.load(Ordering::SeqCst), 1);
    let twice = Value::Seq(vec![path.clone(), path]);
    kernel.options().update([("server_replay", twice)]).unwrap();
    assert_eq!(kernel.replays().server.load(Ordering::SeqCst), 1);
    let missing = Value::Seq(vec!["/no/such/file".to_owned()]);
    let kernel = crate::testing::kernel(&[("server_replay", missing)]);
    let playback = Arc::new(ServerPlayback::default());
    let error = kernel.set_addons(vec![Link::Sync(playback)]).unwrap_err();
    assert_eq!(error, "No such file or directory");
}
