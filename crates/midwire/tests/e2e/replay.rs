//! Server replay: without a network, and as a cache that fills itself.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use midwire_flow::file::FlowFile;
use midwire_flow::{ClientConn, Flow, FlowInfo, HttpFlow, Request, Response, ServerConn};
use midwire_wire::Fields;

use crate::origin::{Origin, connect, respond};
use crate::program::{Program, curl, run};

const FLOWS: usize = 10_000;

fn write_flows(path: &Path, flows: impl Iterator<Item = HttpFlow>) {
    let spec = midwire_flow::file::Spec::parse(path.to_str().unwrap());
    let mut file = FlowFile::open(&spec).unwrap();
    for flow in flows {
        file.add(&Flow::Http(Box::new(flow))).unwrap();
    }
}

fn flow(url: &str, body: String) -> HttpFlow {
    let info = FlowInfo::new(
        Arc::new(ClientConn::default()),
        Arc::new(ServerConn::default()),
    );
    HttpFlow {
        info,
        request: Request::make("GET", url, "", Fields::new()).unwrap(),
        response: Some(Response::make(200, body, Fields::new())),
        websocket: None,
    }
}

/// Sends requests over one connection and counts the answers that are right.
fn ask(port: u16, count: usize) -> usize {
    let client = connect(port);
    let mut writer = client.try_clone().unwrap();
    let mut reader = BufReader::new(client);
    let mut right = 0;
    for n in 0..count {
        write!(
            writer,
            "GET http://nowhere.test/{n} HTTP/1.1\r\nHost: nowhere.test\r\n\r\n"
        )
        .unwrap();
        let mut length = 0;
        let mut status = String::new();
        reader.read_line(&mut status).unwrap();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        right += usize::from(status.contains(" 200 ") && body == format!("body {n}").as_bytes());
    }
    right
}

/// TCP connections that this network namespace has begun, and ones that failed (RFC 4022 `tcpActiveOpens`).
fn active_opens(snmp: &str) -> u64 {
    let mut lines = snmp.lines().filter(|line| line.starts_with("Tcp:"));
    let names = lines.next().unwrap().split_whitespace();
    let values = lines.next().unwrap().split_whitespace();
    names
        .zip(values)
        .find(|(name, _)| *name == "ActiveOpens")
        .unwrap()
        .1
        .parse()
        .unwrap()
}

/// Run by the test below inside of a namespace: serves the recording there and asks for all of it.
#[test]
fn inside_of_a_namespace() {
    let Ok(path) = std::env::var("MIDWIRE_TEST_RECORDING") else {
        return;
    };
    let up = Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .status();
    assert!(up.unwrap().success());
    let routes = std::fs::read_to_string("/proc/net/route").unwrap();
    assert_eq!(routes.lines().count(), 1, "{routes}");
    let program = Program::dump(&[
        "-S",
        &path,
        "--set",
        "offline=true",
        "--set",
        "flow_detail=0",
    ]);
    let before = active_opens(&std::fs::read_to_string("/proc/net/snmp").unwrap());
    assert_eq!(ask(program.port, FLOWS), FLOWS);
    let after = active_opens(&std::fs::read_to_string("/proc/net/snmp").unwrap());
    // One connection was begun: that of the client to the proxy.
    assert_eq!(after - before, 1);
    println!("all {FLOWS} were served, the proxy has begun no connection");
}

#[test]
fn ten_thousand_flows_are_replayed_without_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    let flows = (0..FLOWS).map(|n| flow(&format!("http://nowhere.test/{n}"), format!("body {n}")));
    write_flows(&path, flows);
    let own = std::env::current_exe().unwrap();
    let unshare = |program: &Path, args: &[&str]| {
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--net"])
            .arg(program)
            .args(args)
            .env("MIDWIRE_TEST_RECORDING", &path)
            .stdin(Stdio::null())
            .output()
    };
    let allowed = unshare(Path::new("ip"), &["link", "set", "lo", "up"]);
    if !allowed.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: no network namespace can be made here");
        return;
    }
    let args = ["--exact", "replay::inside_of_a_namespace", "--nocapture"];
    let output = unshare(&own, &args).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("all 10000 were served"), "{text}");
}

#[test]
fn offline_gives_502_with_the_reason_whatever_the_way() {
    let origin = Origin::plain(|_, out| respond(out, "", b"online"));
    let program = Program::dump(&["--set", "offline=true"]);
    let page = curl(&[
        "-x",
        &program.proxy(),
        "-w",
        "%{http_code}",
        &origin.url("/"),
    ])
    .unwrap();
    assert!(
        page.contains("offline: no connection to 127.0.0.1:"),
        "{page}"
    );
    assert!(page.ends_with("502"), "{page}");
    // Through CONNECT the tunnel opens, so that recorded answers can be given inside.
    let url = "https://nowhere.test/";
    let page = curl(&["-x", &program.proxy(), "-k", "-w", "%{http_code}", url]).unwrap();
    assert!(
        page.contains("offline: no connection to nowhere.test:443"),
        "{page}"
    );
    assert!(page.ends_with("502"), "{page}");
    assert_eq!(program.stop().0, 0);
}

#[test]
fn killed_requests_get_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    write_flows(
        &path,
        [flow("http://nowhere.test/a", "one".to_owned())].into_iter(),
    );
    let file = path.to_str().unwrap();
    let program = Program::dump(&["-S", file, "--set", "server_replay_extra=kill"]);
    let url = "http://nowhere.test/b";
    let page = curl(&["-x", &program.proxy(), "-w", "%{http_code}", url]).unwrap();
    assert!(
        page.contains("no recorded response for this request"),
        "{page}"
    );
    assert!(
        page.contains("nearest: GET http://nowhere.test:80/a"),
        "{page}"
    );
    assert!(page.ends_with("502"), "{page}");
}

#[test]
fn empty_and_missing_recordings_end_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, b"").unwrap();
    let missing = folder.path().join("missing");
    for (path, expected) in [(&empty, "it holds no flows"), (&missing, "No such file")] {
        let path = path.to_str().unwrap();
        let (status, _, stderr) = run(folder.path(), &["-p", "0", "-S", path]);
        assert_eq!(status, 1);
        assert!(
            stderr.contains(path) && stderr.contains(expected),
            "{stderr}"
        );
        assert_eq!(stderr.trim().lines().count(), 1, "{stderr}");
    }
}

#[test]
fn a_recording_fills_itself_and_serves_the_next_run() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let origin = Origin::plain(move |head, out| {
        counter.fetch_add(1, Ordering::SeqCst);
        let path = head.split(' ').nth(1).unwrap();
        respond(out, "", format!("slow answer for {path}").as_bytes())
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache%d.flows");
    let file = path.to_str().unwrap();
    let args = ["-S", file, "--set", "server_replay_record_new=true"];
    let get =
        |program: &Program, path: &str| curl(&["-x", &program.proxy(), &origin.url(path)]).unwrap();
    let program = Program::dump(&args);
    for _ in 0..2 {
        assert_eq!(get(&program, "/a"), "slow answer for /a");
        assert_eq!(get(&program, "/b"), "slow answer for /b");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(program.stop().0, 0);

    // A run that was killed has left a part of a record.
    let mut bytes = std::fs::read(&path).unwrap();
    let whole = bytes.len();
    bytes.extend_from_slice(&bytes.clone()[..100]);
    std::fs::write(&path, &bytes).unwrap();
    let program = Program::dump(&args);
    assert_eq!(get(&program, "/a"), "slow answer for /a");
    assert_eq!(get(&program, "/b"), "slow answer for /b");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(get(&program, "/c"), "slow answer for /c");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    assert_eq!(program.stop().0, 0);
    assert!(std::fs::metadata(&path).unwrap().len() > whole as u64 + whole as u64 / 4);

    // Nothing is fetched any more.
    let program = Program::dump(&["-S", file, "--set", "offline=true", "--server-replay-reuse"]);
    for path in ["/c", "/a", "/b", "/a"] {
        assert_eq!(get(&program, path), format!("slow answer for {path}"));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[test]
fn offline_asks_no_server_for_raw_bytes_or_names() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let origin = Origin::plain(move |_, out| {
        counter.fetch_add(1, Ordering::SeqCst);
        respond(out, "", b"online")
    });
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    silent.set_nonblocking(true).unwrap();
    let reason = "offline: no connection to 127.0.0.1:";

    let mode = format!("reverse:tcp://127.0.0.1:{}", origin.port);
    let mut program = Program::dump(&["--offline", "--mode", &mode]);
    let mut client = connect(program.port);
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    program.wait_for(reason);
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest);
    assert!(rest.is_empty());
    assert_eq!(program.stop().0, 0);
    assert_eq!(asked.load(Ordering::SeqCst), 0);

    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client
        .set_read_timeout(Some(crate::program::PATIENCE))
        .unwrap();
    let server = silent.local_addr().unwrap();
    let mut program = Program::dump(&["--offline", "--mode", &format!("reverse:udp://{server}")]);
    client
        .send_to(b"ping", ("127.0.0.1", program.port))
        .unwrap();
    program.wait_for(reason);
    assert_eq!(program.stop().0, 0);

    let mut program = Program::dump(&[
        "--offline",
        "--mode",
        "dns",
        "--set",
        &format!("dns_name_servers={server}"),
    ]);
    // The address of nowhere.test (RFC 1035 §4.1).
    let query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07nowhere\x04test\0\0\x01\0\x01";
    client.send_to(query, ("127.0.0.1", program.port)).unwrap();
    let mut answer = [0; 512];
    client.recv(&mut answer).unwrap();
    // SERVFAIL.
    assert_eq!(answer[3] & 0x0f, 2);
    program.wait_for("offline: no name server is asked");
    assert_eq!(program.stop().0, 0);
    assert!(silent.recv(&mut answer).is_err(), "something was asked");
}
