//! Saving: what is in the file, when, and what happens when it cannot be written.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use midwire_core::Link;
use midwire_core::options::Value;
use midwire_flow::file::open_flows;
use midwire_flow::{FlowError, Number, Response, StreamMessage, WebSocketData};
use midwire_wire::Fields;

use super::*;
use crate::testing::{self, http_flow, info};

fn start(options: &[(&str, Value)]) -> Result<(Arc<Kernel>, Arc<Save>), String> {
    let kernel = testing::kernel(options);
    let save = Arc::new(Save::new(Arc::downgrade(&kernel)));
    kernel.set_addons(vec![Link::Sync(save.clone())])?;
    Ok((kernel, save))
}

fn file(path: &Path) -> (&'static str, Value) {
    ("save_stream_file", Value::Str(path.display().to_string()))
}

fn urls(path: &Path) -> Vec<String> {
    let flows = open_flows(File::open(path).unwrap());
    flows
        .map(|flow| flow.unwrap().as_http().unwrap().request.url())
        .collect()
}

fn answered(url: &str) -> HttpFlow {
    let mut flow = http_flow(&format!("GET {url}"));
    flow.response = Some(Response::make(200, "x", Fields::new()));
    flow
}

#[test]
fn flows_are_saved_as_they_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/flows");
    let options = [
        file(&path),
        ("save_stream_filter", Value::from("~u a.test")),
    ];
    let (kernel, save) = start(&options).unwrap();
    assert!(!path.exists(), "nothing is made before the program runs");
    kernel.start();
    save.response(&kernel, &mut answered("http://a.test/1"));
    save.response(&kernel, &mut answered("http://b.test/2"));
    let mut failed = http_flow("GET http://a.test/3");
    failed.info.error = Some(FlowError::new("gone"));
    save.error(&kernel, &mut failed);
    let mut websocket = answered("http://a.test/4");
    websocket.websocket = Some(WebSocketData::default());
    save.response(&kernel, &mut websocket);
    save.done(&kernel);
    assert_eq!(urls(&path), ["http://a.test/1", "http://a.test/3"]);
}

#[test]
fn flows_that_run_are_saved_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    let (kernel, save) = start(&[file(&path)]).unwrap();
    kernel.start();
    save.request(&kernel, &mut http_flow("GET http://a.test/1"));
    let mut ended = http_flow("GET http://a.test/2");
    save.request(&kernel, &mut ended);
    ended.response = Some(Response::make(200, "", Fields::new()));
    save.response(&kernel, &mut ended);
    save.done(&kernel);
    assert_eq!(urls(&path), ["http://a.test/2", "http://a.test/1"]);
}

#[test]
fn messages_of_a_running_flow_are_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    let (kernel, save) = start(&[file(&path)]).unwrap();
    kernel.start();
    let mut flow = MessageFlow {
        info: info(),
        messages: Vec::new(),
    };
    save.tcp_start(&kernel, &mut flow);
    for _ in 0..3 {
        flow.messages.push(StreamMessage {
            from_client: true,
            content: Bytes::from_static(b"x"),
            timestamp: Number::default(),
        });
        save.tcp_message(&kernel, &mut flow);
    }
    save.done(&kernel);
    let saved: Vec<Flow> = open_flows(File::open(&path).unwrap())
        .map(Result::unwrap)
        .collect();
    let [Flow::Tcp(saved)] = saved.as_slice() else {
        panic!("one TCP flow expected: {saved:?}");
    };
    assert_eq!(saved.messages.len(), 3);
}

#[test]
fn a_plus_appends_and_no_plus_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    let run = |spec: String, url: &str| {
        let (kernel, save) = start(&[("save_stream_file", Value::Str(spec))]).unwrap();
        kernel.start();
        save.response(&kernel, &mut answered(url));
        save.done(&kernel);
    };
    run(path.display().to_string(), "http://a.test/1");
    run(format!("+{}", path.display()), "http://a.test/2");
    assert_eq!(urls(&path), ["http://a.test/1", "http://a.test/2"]);
    run(path.display().to_string(), "http://a.test/3");
    assert_eq!(urls(&path), ["http://a.test/3"]);
}

#[test]
fn names_follow_the_date() {
    let time: jiff::Zoned = "2024-02-29T13:14:15+00:00[+00:00]".parse().unwrap();
    let check = |template: &str, expected: &str| {
        let path = Target::parse(template).path(&time);
        assert_eq!(path, Path::new(expected), "{template}");
    };
    check("/tmp/%Y-%m-%d_%H.flows", "/tmp/2024-02-29_13.flows");
    check("+/tmp/%H%M", "/tmp/1314");
    check("/tmp/100%%", "/tmp/100%");
    check("/tmp/plain", "/tmp/plain");
}

#[test]
fn an_unusable_path_is_refused_and_nothing_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &Path| start(&[file(path)]).err().unwrap();
    assert_eq!(
        refused(folder.path()),
        format!("cannot write {}: Is a directory", folder.path().display())
    );
    let path = folder.path().join("flows");
    fs::write(&path, b"precious").unwrap();
    let options = [file(&path), ("save_stream_filter", Value::from("~u ("))];
    assert!(start(&options).is_err());
    let (kernel, _save) = start(&[file(&path)]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    kernel.start();
}

#[test]
fn a_failing_disk_ends_the_program_or_is_tried_again() {
    let check = |on_error: &str, failure: Option<&str>| {
        let path = Path::new("/dev/full");
        let options = [file(path), ("save_stream_error", Value::from(on_error))];
        let (kernel, save) = start(&options).unwrap();
        kernel.start();
        save.response(&kernel, &mut answered("http://a.test/1"));
        save.response(&kernel, &mut answered("http://a.test/2"));
        save.done(&kernel);
        assert_eq!(kernel.failure().as_deref(), failure);
    };
    if !Path::new("/dev/full").exists() {
        return;
    }
    check(
        "exit",
        Some("cannot write /dev/full: No space left on device; ending (save_stream_error=exit)"),
    );
    check("continue", None);
}

#[test]
fn a_change_of_the_path_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let (kernel, save) = start(&[file(&one)]).unwrap();
    kernel.start();
    save.response(&kernel, &mut answered("http://a.test/1"));
    kernel.options().update([file(&two)]).unwrap();
    save.response(&kernel, &mut answered("http://a.test/2"));
    kernel
        .options()
        .update([("save_stream_file", Value::Null)])
        .unwrap();
    save.response(&kernel, &mut answered("http://a.test/3"));
    save.done(&kernel);
    assert_eq!(urls(&one), ["http://a.test/1"]);
    assert_eq!(urls(&two), ["http://a.test/2"]);
}

#[test]
fn flows_are_in_the_file_soon_after_they_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    let (kernel, save) = start(&[file(&path)]).unwrap();
    kernel.start();
    save.response(&kernel, &mut answered("http://a.test/1"));
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while fs::metadata(&path).map_or(0, |metadata| metadata.len()) == 0 {
        assert!(std::time::Instant::now() < deadline);
        std::thread::yield_now();
    }
    save.done(&kernel);
}
