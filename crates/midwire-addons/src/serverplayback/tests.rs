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
            match response.status {
                200 => response.text_lossy(99).unwrap(),
                status => status.to_string(),
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
    assert_eq!(
        error,
        "cannot read /no/such/file: No such file or directory"
    );
}

#[test]
fn files_without_an_answer_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    let name = path.to_string_lossy().into_owned();
    let check = |content: &[u8], expected: &str| {
        std::fs::write(&path, content).unwrap();
        let kernel = kernel(&[("server_replay", Value::Seq(vec![name.clone()]))]);
        let playback = Arc::new(ServerPlayback::default());
        let error = kernel.set_addons(vec![Link::Sync(playback)]).unwrap_err();
        assert!(error.contains(&name), "{error}");
        assert!(error.contains(expected), "{error}");
    };
    let flow = |response: bool| {
        let mut flow = recorded("GET http://a/x", "one");
        if !response {
            flow.response = None;
        }
        midwire_flow::file::encode(&share(flow)).unwrap()
    };
    check(b"", "it holds no flows");
    check(&flow(false), "none of its 1 flows has an HTTP response");
    check(b"garbage", "cannot read");
    let whole = flow(true);
    check(&whole[..whole.len() - 1], "cannot read");
}

/// The page for a request that is not recorded.
async fn page(options: &[(&str, Value)], flows: Vec<HttpFlow>, request: HttpFlow) -> String {
    let extra = ("server_replay_extra", Value::from("404"));
    let options: Vec<_> = options.iter().cloned().chain([extra]).collect();
    let (kernel, _) = replaying(&options, flows);
    let mut flow = request;
    kernel.request(&mut flow).await;
    let response = flow.response.unwrap();
    assert_eq!(response.status, 404);
    let kind = response.fields.get("content-type").unwrap();
    assert_eq!(kind, b"text/plain; charset=utf-8");
    response.text_lossy(99_999).unwrap()
}

#[tokio::test]
async fn a_miss_names_the_nearest_request_and_what_differs() {
    let posted = |line: &str, content: &str| {
        let mut flow = recorded(line, "x");
        flow.request.set_content(content.to_owned());
        flow
    };
    let flows = || {
        vec![
            recorded("GET http://a/list?p=1&q=2", "x"),
            recorded("GET http://a/item/17", "x"),
            recorded("GET http://b/other", "x"),
            posted("POST http://a/form", "one"),
        ]
    };
    let cases: [(HttpFlow, &[&str]); 6] = [
        (
            http_flow("GET http://a/list?p=3&q=2"),
            &[
                "nearest: GET http://a:80/list?p=1&q=2",
                "query p: \"3\", recorded \"1\" (server_replay_ignore_params=p would ignore it)",
            ],
        ),
        (
            http_flow("GET http://a/item/18"),
            &[
                "nearest: GET http://a:80/item/17",
                "path: \"/item/18\", recorded \"/item/17\"",
            ],
        ),
        (
            http_flow("DELETE http://a/item/17"),
            &["method: \"DELETE\", recorded \"GET\""],
        ),
        (
            http_flow("GET https://c:81/other"),
            &[
                "scheme: \"https\", recorded \"http\"",
                "host: \"c\", recorded \"b\" (server_replay_ignore_host",
                "port: 81, recorded 80",
            ],
        ),
        (
            posted("POST http://a/form", "two"),
            &["content: 3 bytes of other content, recorded 3 bytes (server_replay_ignore_content"],
        ),
        (
            http_flow("GET http://a/\u{1b}[31m"),
            &["request: GET http://a:80/"],
        ),
    ];
    for (request, expected) in cases {
        let text = page(&[], flows(), request).await;
        for line in expected {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

#[tokio::test]
async fn a_miss_says_that_answers_were_used_up_and_stays_short() {
    let (kernel, _) = replaying(
        &[("server_replay_extra", Value::from("404"))],
        vec![
            recorded("GET http://a/x", "one"),
            recorded("GET http://a/y", "one"),
        ],
    );
    assert_eq!(answer(&kernel, http_flow("GET http://a/x")).await, "one");
    let mut again = http_flow("GET http://a/x");
    kernel.request(&mut again).await;
    let text = again.response.unwrap().text_lossy(999).unwrap();
    assert!(text.contains("used up"), "{text}");

    let long = "v".repeat(100_000);
    let query: Vec<String> = (0..1000).map(|n| format!("k{n}={long}")).collect();
    let request = http_flow(&format!("GET http://a/x?{}", query.join("&")));
    let text = page(&[], vec![recorded("GET http://a/x", "one")], request).await;
    assert!(text.len() < 8_000, "{}", text.len());
    assert!(text.contains("and 988 more"), "{text}");
}

#[tokio::test]
async fn killed_requests_have_their_reason() {
    let kill = ("server_replay_extra", Value::from("kill"));
    let (kernel, _) = replaying(&[kill], vec![recorded("GET http://a/x", "one")]);
    let mut flow = http_flow("GET http://a/z");
    kernel.request(&mut flow).await;
    assert!(flow.info.killed());
    let Some(midwire_flow::Value::Text(reason)) = flow.info.meta("kill_reason") else {
        panic!("no reason");
    };
    assert!(
        reason.contains("nearest: GET http://a:80/x; path:"),
        "{reason}"
    );
}

#[tokio::test]
async fn offline_answers_misses_with_502() {
    let offline = ("offline", Value::Bool(true));
    let (kernel, _) = replaying(&[offline], vec![recorded("GET http://a/x", "one")]);
    let mut flow = http_flow("GET http://a/z");
    kernel.request(&mut flow).await;
    let response = flow.response.unwrap();
    assert_eq!(response.status, 502);
    let text = response.text_lossy(999).unwrap();
    assert!(text.starts_with("offline: no recorded response"), "{text}");
}

#[tokio::test]
async fn a_large_recording_is_searched_by_its_index() {
    const FLOWS: usize = 100_000;
    let mut flow = recorded("GET http://a/x", "one");
    let flows = (0..FLOWS).map(|n| {
        flow.request.path = format!("/item/{n}?page={}", n % 10).into();
        flow.clone()
    });
    let extra = ("server_replay_extra", Value::from("404"));
    let (kernel, _) = replaying(&[extra], flows.collect());
    let hits = std::time::Instant::now();
    for n in 0..1000 {
        let n = n * 97;
        let request = http_flow(&format!("GET http://a/item/{n}?page={}", n % 10));
        assert_eq!(answer(&kernel, request).await, "one");
    }
    let hits = hits.elapsed() / 1000;
    let misses = std::time::Instant::now();
    for n in 0..1000 {
        assert_eq!(
            answer(&kernel, http_flow(&format!("GET http://a/item/x{n}"))).await,
            "404"
        );
    }
    let misses = misses.elapsed() / 1000;
    println!(
        "{FLOWS} recorded flows: {hits:?} for a hit, {misses:?} for a miss with its explanation"
    );
    assert_eq!(kernel.replays().server.load(Ordering::SeqCst), FLOWS - 1000);
}

#[test]
fn recording_needs_one_file_and_forwards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows").to_string_lossy().into_owned();
    let check = |files: &[&str], extra: &str, expected: Option<&str>| {
        let files = files.iter().map(|&file| file.to_owned()).collect();
        let kernel = kernel(&[
            ("server_replay", Value::Seq(files)),
            ("server_replay_extra", Value::from(extra)),
            ("server_replay_record_new", Value::Bool(true)),
        ]);
        let playback = Arc::new(ServerPlayback::default());
        let error = kernel.set_addons(vec![Link::Sync(playback)]).err();
        match (&error, expected) {
            (Some(error), Some(expected)) => assert!(error.contains(expected), "{error}"),
            _ => assert_eq!(error.as_deref(), expected),
        }
    };
    check(&[&path], "forward", None);
    check(&[], "forward", Some("needs one file"));
    check(&[&path, &path], "forward", Some("not 2"));
    check(&[&path], "404", Some("server_replay_extra=forward"));
    check(&["/proc/no/such"], "forward", Some("cannot write"));
}
