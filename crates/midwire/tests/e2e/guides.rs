//! The commands of the guides in `docs/guides`, as a person types them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::origin::{Authority, Origin, respond};
use crate::program::{Program, curl, run_typed};

const DEBUG: &str = include_str!("../../../../docs/guides/debug.md");
const MOCK: &str = include_str!("../../../../docs/guides/mock.md");
const CACHE: &str = include_str!("../../../../docs/guides/cache.md");

/// A line that stands in a guide, with another server in place of `example.com`.
fn line(guide: &str, line: &str, server: &str) -> String {
    assert!(
        guide.lines().any(|found| found == line),
        "{line} is not in the guide"
    );
    line.replace("example.com", server)
}

/// Answers `/api/fail` with 500, everything else with its path.
fn api() -> (Origin, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let origin = Origin::plain(move |head, out| {
        counter.fetch_add(1, Ordering::SeqCst);
        let path = head.split(' ').nth(1).unwrap();
        if path.starts_with("/api/fail") {
            let answer =
                "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 15\r\n\r\nstaging is down";
            return out.write_all(answer.as_bytes()).is_ok();
        }
        let auth = head.lines().find(|line| line.starts_with("Authorization"));
        let text = format!("server: {path} {} on staging", auth.unwrap_or("-"));
        respond(out, "", text.as_bytes())
    });
    (origin, asked)
}

fn get(program: &Program, url: &str) -> String {
    curl(&["-x", &program.proxy(), url]).unwrap()
}

#[test]
fn debugging_captures_and_filters() {
    let (origin, _) = api();
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let command = line(
        DEBUG,
        "midwire dump --flow-detail 3 '~u /api/ & ~c 500'",
        "",
    );
    let mut program = Program::typed(&command, here);
    get(&program, &origin.url("/api/good"));
    get(&program, &origin.url("/other/fail"));
    get(&program, &origin.url("/api/fail"));
    program.wait_for("GET http://127.0.0.1");
    program.wait_for("staging is down");
    let (status, output) = program.stop();
    assert_eq!(status, 0);
    let flows: Vec<&str> = output
        .lines()
        .filter(|line| line.contains(": GET "))
        .collect();
    assert!(
        matches!(flows[..], [only] if only.contains("/api/fail")),
        "{output}"
    );

    let mut program = Program::typed(&line(DEBUG, "midwire dump -w session.flows", ""), here);
    for path in ["/api/good", "/api/fail"] {
        get(&program, &origin.url(path));
        program.wait_for(path);
    }
    assert_eq!(program.stop().0, 0);
    let command = "midwire dump -n -r session.flows --flow-detail 3 '~c 500'";
    let (status, output) = run_typed(&line(DEBUG, command, ""), here);
    assert_eq!(status, 0);
    assert!(
        output.contains("/api/fail") && !output.contains("/api/good"),
        "{output}"
    );
    assert!(output.contains("staging is down"), "{output}");
    let command = "midwire dump -n -r session.flows --set hardump=session.har";
    assert_eq!(run_typed(&line(DEBUG, command, ""), here).0, 0);
    let har = std::fs::read_to_string(here.join("session.har")).unwrap();
    assert!(har.contains("/api/good") && har.contains("/api/fail"));
}

#[test]
fn mocking_answers_some_and_passes_others() {
    let (origin, asked) = api();
    let server = format!("127.0.0.1:{}", origin.port);
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("mock")).unwrap();
    std::fs::write(here.join("mock/users.json"), "[\"me\"]").unwrap();

    let command = line(
        MOCK,
        "midwire dump --map-local '|example.com/api/|./mock'",
        &server,
    );
    let program = Program::typed(&command, here);
    assert_eq!(get(&program, &origin.url("/api/users.json")), "[\"me\"]");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert_eq!(get(&program, &origin.url("/x")), "server: /x - on staging");
    assert_eq!(program.stop().0, 0);

    let command = line(MOCK, "midwire dump --set block_list='|~u /ads/|404'", "");
    let program = Program::typed(&command, here);
    let status = [
        "-x",
        &program.proxy(),
        "-w",
        "%{http_code}",
        &origin.url("/ads/1"),
    ]
    .map(str::to_owned);
    let status: Vec<&str> = status.iter().map(String::as_str).collect();
    assert_eq!(curl(&status).unwrap(), "404");
    assert_eq!(get(&program, &origin.url("/x")), "server: /x - on staging");
    assert_eq!(program.stop().0, 0);

    let command = "midwire dump --modify-headers '|~q|Authorization|Bearer test' --modify-body '|~s|staging|production'";
    let program = Program::typed(&line(MOCK, command, ""), here);
    let expected = "server: /x Authorization: Bearer test on production";
    assert_eq!(get(&program, &origin.url("/x")), expected);
    assert_eq!(program.stop().0, 0);

    let (other, _) = api();
    let command = line(
        MOCK,
        "midwire dump --map-remote '|//example.com/|//localhost:9000/'",
        "old.invalid",
    );
    let command = command.replace("localhost:9000", &format!("127.0.0.1:{}", other.port));
    let program = Program::typed(&command, here);
    assert_eq!(
        get(&program, "http://old.invalid/y"),
        "server: /y - on staging"
    );
    assert_eq!(program.stop().0, 0);
}

#[test]
fn mocking_from_a_recording_needs_no_server() {
    let authority = Authority::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let origin = Origin::tls(&authority, move |_, out| {
        counter.fetch_add(1, Ordering::SeqCst);
        respond(out, "", b"recorded")
    });
    let url = format!("https://localhost:{}/a", origin.port);
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let trusts = format!(
        " --set 'ssl_verify_upstream_trusted_ca={}'",
        authority.file().display()
    );
    let fetch = |program: &Program, url: &str| {
        let ca = program.file("mitmproxy-ca-cert.pem");
        let args = [
            "-x",
            &program.proxy(),
            "--cacert",
            ca.to_str().unwrap(),
            "-w",
            " %{http_code}",
            url,
        ];
        curl(&args).unwrap()
    };
    let command = line(MOCK, "midwire dump -w recording.flows", "");
    let mut program = Program::typed(&(command + &trusts), here);
    assert_eq!(fetch(&program, &url), "recorded 200");
    program.wait_for("200 OK");
    assert_eq!(program.stop().0, 0);
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    let command = "midwire dump -S recording.flows --server-replay-reuse --server-replay-extra 404";
    let program = Program::typed(&line(MOCK, command, ""), here);
    assert_eq!(fetch(&program, &url), "recorded 200");
    let miss = fetch(&program, &url.replace("/a", "/b"));
    assert!(
        miss.contains("path: \"/b\", recorded \"/a\"") && miss.ends_with("404"),
        "{miss}"
    );
    assert_eq!(program.stop().0, 0);

    let command = "midwire dump -S recording.flows --server-replay-reuse --offline";
    let program = Program::typed(&line(MOCK, command, ""), here);
    assert_eq!(fetch(&program, &url), "recorded 200");
    let miss = fetch(&program, &url.replace("/a", "/b"));
    assert!(miss.contains("offline") && miss.ends_with("502"), "{miss}");
    assert_eq!(program.stop().0, 0);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn caching_fetches_slow_things_once() {
    let (origin, asked) = api();
    let folder = tempfile::tempdir().unwrap();
    let here: &Path = folder.path();
    let command = line(
        CACHE,
        "midwire dump -S cache.flows --server-replay-record-new",
        "",
    );
    for _ in 0..2 {
        let program = Program::typed(&command, here);
        for path in ["/slow/1", "/slow/2", "/slow/1"] {
            let expected = format!("server: {path} - on staging");
            assert_eq!(get(&program, &origin.url(path)), expected);
        }
        assert_eq!(program.stop().0, 0);
        assert_eq!(asked.load(Ordering::SeqCst), 2, "each was fetched once");
    }
    // Failures are fetched again.
    let program = Program::typed(&command, here);
    for n in 3..5 {
        get(&program, &origin.url("/api/fail"));
        assert_eq!(asked.load(Ordering::SeqCst), n);
    }
    assert_eq!(program.stop().0, 0);
    let offline = "midwire dump -S cache.flows --server-replay-reuse --offline";
    let program = Program::typed(&line(CACHE, offline, ""), here);
    assert_eq!(
        get(&program, &origin.url("/slow/2")),
        "server: /slow/2 - on staging"
    );
    assert_eq!(program.stop().0, 0);
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

#[test]
fn the_book_has_all_pages() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let summary = std::fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let links = summary
        .lines()
        .filter_map(|line| line.split_once("](")?.1.strip_suffix(')'));
    let mut linked: Vec<_> = links.map(|link| docs.join(link)).collect();
    linked.push(docs.join("SUMMARY.md"));
    for folder in [".", "guides", "reference"] {
        for page in std::fs::read_dir(docs.join(folder)).unwrap() {
            let page = page.unwrap().path();
            if page.extension().is_some_and(|end| end == "md") {
                let is_linked = linked
                    .iter()
                    .any(|link| link.canonicalize().unwrap() == page.canonicalize().unwrap());
                assert!(is_linked, "{} is not in the book", page.display());
            }
        }
    }
}
