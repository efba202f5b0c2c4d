//! What mitmproxy 12 loads and what we load are the same, in both directions.
//!
//! `MIDWIRE_MITMPROXY_PYTHON` names an interpreter that has mitmproxy, `MIDWIRE_SHARED` the folder that has
//! `conformance/data` (else `shared` beside the checkout). Without them the tests say so and check nothing.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use midwire_flow::file::{Writer, open_flows};
use midwire_flow::{Flow, file};
use serde_json::Value as Json;

fn say(text: &str) {
    // Not captured by the test harness, since a skipped check must be seen.
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {text}");
}

/// The folder of recorded files, if it is there.
fn data() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = match std::env::var_os("MIDWIRE_SHARED") {
        Some(path) => PathBuf::from(path),
        None => root.join("../shared"),
    };
    let data = shared.join("conformance/data");
    if !data.is_dir() {
        say("no conformance/data found; set MIDWIRE_SHARED");
        return None;
    }
    Some(data)
}

/// Files in these folders of the data with this extension.
fn files(folders: &[&str], extension: &str) -> Vec<PathBuf> {
    let Some(data) = data() else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(data.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// Runs our script with mitmproxy; `None` without mitmproxy.
fn mitmproxy(arguments: &[PathBuf]) -> Option<String> {
    let Some(python) = std::env::var_os("MIDWIRE_MITMPROXY_PYTHON") else {
        say("nothing compared with mitmproxy; set MIDWIRE_MITMPROXY_PYTHON");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/states.py");
    let output = Command::new(python)
        .arg(script)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

/// What mitmproxy reads from files.
fn mitmproxy_states(paths: &[PathBuf]) -> Option<Vec<Json>> {
    let text = mitmproxy(paths)?;
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

/// Our reading of a file: flows and the text of the error.
fn ours(path: &Path) -> (Vec<Flow>, Option<String>) {
    let mut flows = Vec::new();
    for flow in open_flows(File::open(path).unwrap()) {
        match flow {
            Ok(flow) => flows.push(flow),
            Err(error) => return (flows, Some(error.to_string())),
        }
    }
    (flows, None)
}

/// Replaces what differs on purpose, or each time.
fn without(state: &Json, keys: &[&str]) -> Json {
    match state {
        Json::Object(map) => {
            if let Some(Json::Array(pairs)) = map.get("d") {
                let kept = pairs
                    .iter()
                    .filter(|pair| !keys.contains(&pair[0].as_str().unwrap_or_default()))
                    .map(|pair| Json::Array(vec![pair[0].clone(), without(&pair[1], keys)]))
                    .collect();
                return Json::Array(kept);
            }
            state.clone()
        }
        Json::Array(items) => items.iter().map(|item| without(item, keys)).collect(),
        other => other.clone(),
    }
}

/// Loads files here and in mitmproxy, writes what was loaded here, and compares the states.
fn compare(paths: &[PathBuf], ignored: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    let mut errors = Vec::new();
    for (i, path) in paths.iter().enumerate() {
        let (flows, error) = ours(path);
        let target = dir.path().join(i.to_string());
        let mut writer = Writer::new(File::create(&target).unwrap());
        for flow in &flows {
            writer.add(flow).unwrap();
        }
        written.push(target);
        errors.push(error);
    }
    let Some(expected) = mitmproxy_states(paths) else {
        return;
    };
    let got = mitmproxy_states(&written).unwrap();
    for (i, path) in paths.iter().enumerate() {
        let name = path.display();
        assert_eq!(got[i]["error"], Json::Null, "{name}: what we wrote");
        let theirs = expected[i]["error"]
            .as_str()
            .map(|e| e.replace("12.2.3", "*"));
        let mine = errors[i].as_ref().map(|e| {
            e.replace(
                &format!("midwire {}", env!("CARGO_PKG_VERSION")),
                "mitmproxy *",
            )
        });
        assert_eq!(mine, theirs, "{name}: error");
        let flows = |json: &Json| json["flows"].as_array().unwrap().clone();
        let (got, expected) = (flows(&got[i]), flows(&expected[i]));
        assert_eq!(got.len(), expected.len(), "{name}: number of flows");
        for (got, expected) in got.iter().zip(&expected) {
            let (got, expected) = (without(got, ignored), without(expected, ignored));
            if got != expected {
                let show = |json: &Json| serde_json::to_string_pretty(json).unwrap();
                let (got, expected) = (show(&got), show(&expected));
                let differing: Vec<String> = got
                    .lines()
                    .zip(expected.lines())
                    .filter(|(a, b)| a != b)
                    .take(10)
                    .map(|(a, b)| format!("got {a}, expected {b}"))
                    .collect();
                panic!("{name}: {}", differing.join("\n"));
            }
        }
    }
}

#[test]
fn old_flow_files_load_as_in_mitmproxy() {
    let mut paths = files(&["dumpfiles"], "mitm");
    if paths.is_empty() {
        return;
    }
    // Identifiers of connections are new each time, and the note about WebSocket flows is in our own words.
    compare(&paths, &["id", "duplicated"]);
    paths.retain(|path| path.ends_with("dumpfile-19.mitm"));
    compare(&paths, &[]);
}

#[test]
fn recent_flow_files_load_as_in_mitmproxy() {
    let paths = files(&["flows"], "mitm");
    compare(&paths, &[]);
}

#[test]
fn flows_of_every_kind_load_as_in_mitmproxy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flows");
    if mitmproxy(&["--make".into(), path.clone()]).is_none() {
        return;
    }
    assert_eq!(ours(&path).0.len(), 8);
    compare(&[path], &[]);
}

#[test]
fn new_identifiers_join_flows_of_one_connection() {
    let Some(data) = data() else {
        return;
    };
    let (flows, error) = ours(&data.join("dumpfiles/dumpfile-018.mitm"));
    assert_eq!((flows.len(), error), (1, None));
    assert_eq!(flows[0].info().client_conn.id.to_string().len(), 36);
}

#[test]
fn every_recorded_file_is_read_and_survives_writing() {
    for path in files(&["dumpfiles", "flows"], "mitm") {
        let (flows, error) = ours(&path);
        if path.ends_with("dumpfile-010.mitm") {
            let text = error.unwrap();
            assert!(text.ends_with("cannot read files with flow format version (0, 10)."));
            continue;
        }
        assert_eq!(error, None, "{}", path.display());
        assert!(!flows.is_empty());
        for flow in flows {
            let bytes = file::encode(&flow).unwrap();
            let back = open_flows(&bytes[..]).next().unwrap().unwrap();
            assert_eq!(back, flow, "{}", path.display());
        }
    }
}

#[test]
fn har_files_load_as_in_mitmproxy() {
    let mut paths = files(&["har", "har_corrupted", "flows"], "har");
    paths.extend(files(&["har_corrupted"], "json"));
    // Identifiers and the time of loading are new each time. Unlike mitmproxy we read messages of WebSocket flows
    // and its own spelling of HTTP/2, and take a response of status 0 with an error for none.
    let always = ["id", "timestamp_created", "websocket", "http_version"];
    let (with_errors, others): (Vec<_>, Vec<_>) = paths
        .into_iter()
        .partition(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("\"_error\"")));
    compare(&others, &always);
    compare(
        &with_errors,
        &[&always[..], &["response", "error"]].concat(),
    );
}

#[test]
fn har_files_are_written_as_in_mitmproxy() {
    for path in files(&["flows"], "mitm") {
        let name = path.display();
        let expected = fs::read(path.with_extension("har")).unwrap();
        let expected: Json = serde_json::from_slice(&expected).unwrap();
        let mut got = Vec::new();
        midwire_flow::har::export(&ours(&path).0, &mut got).unwrap();
        let got: Json = serde_json::from_slice(&got).unwrap();
        let entries = |har: &Json| har["log"]["entries"].as_array().unwrap().clone();
        let (got, expected) = (entries(&got), entries(&expected));
        assert_eq!(got.len(), expected.len(), "{name}");
        for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
            let mut differing = Vec::new();
            differences(got, expected, &format!("{name} {i}"), &mut differing);
            assert!(differing.is_empty(), "{}", differing.join("\n"));
        }
    }
}

/// Says where two values differ; numbers may differ by rounding.
fn differences(got: &Json, expected: &Json, path: &str, out: &mut Vec<String>) {
    match (got, expected) {
        (Json::Object(a), Json::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                differences(&got[key], &expected[key], &format!("{path}.{key}"), out);
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{path}[{i}]"), out);
            }
        }
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            if (a - b).abs() > 1e-6 {
                out.push(format!("{path}: got {a}, expected {b}"));
            }
        }
        _ if got == expected => {}
        _ => {
            let show = |json: &Json| json.to_string().chars().take(300).collect::<String>();
            out.push(format!(
                "{path}: got {}, expected {}",
                show(got),
                show(expected)
            ));
        }
    }
}
