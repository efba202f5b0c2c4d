//! Serving: rules, files, folders, conditions and ranges.

use std::sync::Mutex;

use midwire_core::log::{Level, LogStream};
use midwire_flow::Content;

use super::*;
use crate::testing::{http_flow, kernel_with};

/// A folder with `index.html`, `sub/data.json` and `large.bin`.
fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    fs::write(folder.path().join("index.html"), "<h1>index</h1>").unwrap();
    fs::write(folder.path().join("sub/data.json"), "{}").unwrap();
    let large: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(folder.path().join("large.bin"), large).unwrap();
    folder
}

fn ask(rules: &[&str], line: &str, fields: &[(&'static str, String)]) -> Option<Response> {
    let addon = Arc::new(MapLocal::default());
    let kernel = kernel_with(addon.clone(), "map_local", rules).unwrap();
    let mut flow = http_flow(line);
    for (name, value) in fields {
        flow.request.fields.append(*name, value.clone());
    }
    addon.request(&kernel, &mut flow);
    flow.response
}

fn rule(folder: &tempfile::TempDir) -> String {
    format!("|h.test/s|{}", folder.path().display())
}

fn text(response: &Response, name: &str) -> String {
    let value = response.fields.get(name).unwrap_or_default();
    String::from_utf8_lossy(value).into_owned()
}

#[test]
fn files_and_folders_are_served() {
    let folder = site();
    let check = |url: &str, status: u16, media_type: &str, content: &str| {
        let response = ask(&[&rule(&folder)], &format!("GET {url}"), &[]).unwrap();
        assert_eq!(response.status, status, "{url}");
        assert_eq!(text(&response, "content-type"), media_type, "{url}");
        assert_eq!(response.content.bytes().unwrap(), content, "{url}");
        assert_eq!(text(&response, "content-length"), content.len().to_string());
    };
    check("http://h.test/s", 200, "text/html", "<h1>index</h1>");
    check("http://h.test/s/?q", 200, "text/html", "<h1>index</h1>");
    check(
        "http://h.test/s/sub/data.json?q",
        200,
        "application/json",
        "{}",
    );
    check("http://h.test/s/sub", 404, "", "");
    check("http://h.test/s/missing", 404, "", "");
    check("http://h.test/s/../index.html", 404, "", "");
    assert_eq!(ask(&[&rule(&folder)], "GET http://h.test/other", &[]), None);

    let single = format!(
        "|~u one|css|{}",
        folder.path().join("sub/data.json").display()
    );
    let response = ask(&[&single], "GET http://h.test/one.css", &[]).unwrap();
    assert_eq!(response.content.bytes().unwrap(), "{}");
    assert_eq!(text(&response, "server"), "mitmproxy 12.2.3");
    assert_eq!(ask(&[&single], "GET http://h.test/two.css", &[]), None);
}

#[test]
fn the_first_rule_that_has_a_file_answers() {
    let folder = site();
    let empty = tempfile::tempdir().unwrap();
    let rules = [rule(&empty), rule(&folder)];
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let response = ask(&rules, "GET http://h.test/s/sub/data.json", &[]).unwrap();
    assert_eq!(response.content.bytes().unwrap(), "{}");
}

#[cfg(unix)]
#[test]
fn links_are_followed() {
    let folder = site();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("x.txt"), "linked").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("link")).unwrap();
    let response = ask(&[&rule(&folder)], "GET http://h.test/s/link/x.txt", &[]).unwrap();
    assert_eq!(response.content.bytes().unwrap(), "linked");
}

#[cfg(unix)]
#[test]
fn what_is_no_plain_file_or_not_inside_is_not_found() {
    let outer = tempfile::tempdir().unwrap();
    let inside = outer.path().join("site");
    fs::create_dir(&inside).unwrap();
    fs::create_dir(outer.path().join("site-evil")).unwrap();
    for secret in ["secret.txt", "site-evil/secret.txt"] {
        fs::write(outer.path().join(secret), "secret").unwrap();
    }
    // Opening it for reading would wait until somebody writes.
    let pipe = inside.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    std::os::unix::fs::symlink(&pipe, inside.join("to-pipe")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", inside.join("device")).unwrap();
    std::os::unix::fs::symlink("loop", inside.join("loop")).unwrap();
    let rule = format!("|h.test/s|{}", inside.display());
    for path in [
        "pipe",
        "to-pipe",
        "device",
        "loop",
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "x/../../secret.txt",
        "..%5csecret.txt",
        "../site-evil/secret.txt",
        "%2fetc/passwd",
        "//etc/passwd",
        "pipe%00.txt",
        "%252e%252e/secret.txt",
    ] {
        let response = ask(&[&rule], &format!("GET http://h.test/s/{path}"), &[]).unwrap();
        assert_eq!(response.status, 404, "{path}");
    }
    // The folder ends where its name ends.
    let response = ask(&[&rule], "GET http://h.test/s-evil/secret.txt", &[]);
    assert!(response.is_none_or(|response| response.status == 404));
}

#[test]
fn missing_files_are_named_in_the_log() {
    let folder = site();
    let log = LogStream::default();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    log.subscribe(Level::Info, move |entry| {
        seen.lock().unwrap().push(entry.message.clone());
    });
    log.scoped(|| ask(&[&rule(&folder)], "GET http://h.test/s/a%20b", &[]));
    let root = fs::canonicalize(folder.path()).unwrap();
    let root = root.display();
    assert_eq!(
        *lines.lock().unwrap(),
        [format!(
            "None of the local file candidates exist: {root}/a b, {root}/a b/index.html, {root}/a_b, {root}/a_b/index.html"
        )]
    );
}

#[test]
fn conditional_requests_save_the_content() {
    let folder = site();
    let line = "GET http://h.test/s/sub/data.json";
    let first = ask(&[&rule(&folder)], line, &[]).unwrap();
    let (tag, date) = (text(&first, "etag"), text(&first, "last-modified"));
    let check = |name: &'static str, value: &str, status: u16| {
        let fields = [(name, value.to_owned())];
        let response = ask(&[&rule(&folder)], line, &fields).unwrap();
        assert_eq!(response.status, status, "{name}: {value}");
        if status == 304 {
            assert!(!response.fields.contains("content-length"));
            assert_eq!(text(&response, "etag"), tag);
        }
    };
    check("If-None-Match", &tag, 304);
    check("If-None-Match", &format!("\"x\", W/{tag}"), 304);
    check("If-None-Match", "*", 304);
    check("If-None-Match", "\"x\"", 200);
    check("If-Modified-Since", &date, 304);
    check("If-Modified-Since", "Mon, 01 Jan 2001 00:00:00 GMT", 200);
    check("If-Modified-Since", "nonsense", 200);
    check("If-Match", &tag, 200);
    check("If-Match", "*", 200);
    check("If-Match", "\"x\"", 412);
    check("If-Match", &format!("W/{tag}"), 412);
    check("If-Unmodified-Since", &date, 200);
    check("If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT", 412);
}

#[test]
fn ranges_are_parts_of_the_file() {
    let folder = site();
    let line = "GET http://h.test/s/large.bin";
    let whole = fs::read(folder.path().join("large.bin")).unwrap();
    let check = |range: &str, part: std::ops::Range<usize>| {
        let fields = [("Range", range.to_owned())];
        let response = ask(&[&rule(&folder)], line, &fields).unwrap();
        assert_eq!(response.status, 206, "{range}");
        let expected = format!("bytes {}-{}/400000", part.start, part.end - 1);
        assert_eq!(text(&response, "content-range"), expected);
        assert!(response.content.bytes().unwrap() == whole[part]);
    };
    check("bytes=10-19", 10..20);
    check("bytes=100000-", 100_000..400_000);
    check("bytes=-5", 399_995..400_000);

    let fields = [("Range", "bytes=400000-".to_owned())];
    let response = ask(&[&rule(&folder)], line, &fields).unwrap();
    assert_eq!(response.status, 416);
    assert_eq!(text(&response, "content-range"), "bytes */400000");

    let fields = [
        ("Range", "bytes=0-1".to_owned()),
        ("If-Range", "\"old\"".to_owned()),
    ];
    let response = ask(&[&rule(&folder)], line, &fields).unwrap();
    assert_eq!(response.status, 200);
    assert!(matches!(response.content, Content::Spilled(_)));
    assert!(response.content.bytes().unwrap() == whole);
}

#[test]
fn heads_tell_the_size_without_content() {
    let folder = site();
    let response = ask(&[&rule(&folder)], "HEAD http://h.test/s/large.bin", &[]).unwrap();
    assert_eq!(text(&response, "content-length"), "400000");
    assert_eq!(response.content.size(), Some(0));
}

#[test]
fn requests_are_held_back_where_a_rule_may_answer() {
    let folder = site();
    let addon = Arc::new(MapLocal::default());
    let kernel = kernel_with(addon.clone(), "map_local", &[&rule(&folder)]).unwrap();
    let need = |url: &str, part| {
        let flow = http_flow(&format!("POST {url}"));
        addon.content_need(&kernel, &flow, part)
    };
    assert_eq!(need("http://h.test/s", Part::Request), ContentNeed::Whole);
    assert_eq!(need("http://h.test/x", Part::Request), ContentNeed::Nothing);
    assert_eq!(
        need("http://h.test/s", Part::Response),
        ContentNeed::Nothing
    );
}

#[test]
fn bad_rules_are_refused() {
    let check = |rule: &str, expected: &str| {
        let addon = Arc::new(MapLocal::default());
        let error = kernel_with(addon, "map_local", &[rule]).err().unwrap();
        assert_eq!(
            error,
            format!("Cannot parse map_local option {rule}: {expected}")
        );
    };
    check(
        "|a|/does/not/exist",
        "Invalid file path: /does/not/exist (No such file or directory)",
    );
    check("|a", "Invalid number of parameters (2 or 3 are expected)");
}
