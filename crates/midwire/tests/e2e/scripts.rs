//! Scripts that block, die, eat memory or talk without end, while traffic goes on.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::origin::{Origin, connect, respond};
use crate::program::Program;

/// How many flows pass beside one that is held.
const MANY: usize = 100;

/// Most memory that the proxy may grow by while a script misbehaves, in KiB.
const GROWTH_KIB: u64 = 64 * 1024;

/// A folder with a script in it.
struct Script {
    folder: tempfile::TempDir,
}

impl Script {
    /// Writes the script. `GATE` in it is a pipe from which a hook reads until the test lets it go on.
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gate = folder.path().join("gate");
        assert!(
            Command::new("mkfifo")
                .arg(&gate)
                .status()
                .unwrap()
                .success()
        );
        let text = format!("GATE = {:?}\n{text}", gate.to_str().unwrap());
        std::fs::write(folder.path().join("script.py"), text).unwrap();
        Self { folder }
    }

    fn path(&self) -> String {
        self.folder.path().join("script.py").display().to_string()
    }

    /// Lets the hook go on that reads from the pipe.
    fn release(&self) {
        std::fs::write(self.folder.path().join("gate"), "go").unwrap();
    }

    /// An interpreter that may have this much memory, in KiB.
    fn limited_python(&self, memory_kib: u64) -> PathBuf {
        let path = self.folder.path().join("python");
        let text = format!("#!/bin/sh\nulimit -v {memory_kib}\nexec python3 \"$@\"\n");
        std::fs::write(&path, text).unwrap();
        make_executable(&path);
        path
    }
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
}

/// An origin that answers with the field that scripts of these tests set.
fn origin() -> Origin {
    Origin::plain(|head, out| {
        let seen = head
            .lines()
            .find_map(|line| line.strip_prefix("x-seen: "))
            .unwrap_or("nothing");
        respond(out, "", seen.as_bytes())
    })
}

/// Fetches a URL through the proxy: the whole response.
fn fetch(port: u16, url: &str) -> String {
    let mut client = connect(port);
    write!(
        client,
        "GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    if let Err(error) = client.read_to_string(&mut answer) {
        panic!("{url}: {error} after {answer:?}");
    }
    answer
}

/// Fetches through a tunnel that the proxy does not look into.
fn fetch_tunnelled(port: u16, origin: &Origin) -> String {
    let mut client = connect(port);
    write!(client, "CONNECT 127.0.0.1:{} HTTP/1.1\r\n\r\n", origin.port).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    client
        .write_all(b"GET /tunnelled HTTP/1.1\r\n\r\n")
        .unwrap();
    let mut content = [0; "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nnothing".len()];
    client.read_exact(&mut content).unwrap();
    String::from_utf8(content.to_vec()).unwrap()
}

/// Does something many times, a few at a time.
fn many(work: impl Fn() + Sync) {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..MANY / 4).for_each(|_| work()));
        }
    });
}

#[test]
fn a_hook_that_waits_holds_neither_scripted_flows_nor_others() {
    for (form, wait) in [
        (
            "async def request(flow):",
            "await asyncio.get_running_loop().run_in_executor(None, gate)",
        ),
        ("@concurrent\ndef request(flow):", "gate()"),
    ] {
        let script = Script::new(&format!(
            r#"
import asyncio, logging
from mitmproxy.script import concurrent

def gate():
    logging.warning("held")
    open(GATE).read()

{form}
    if flow.request.path == "/slow":
        {wait}
    flow.request.headers["x-seen"] = "script"
"#
        ));
        let origin = origin();
        let mut program = Program::dump(&["-s", &script.path()]);
        let port = program.port;
        thread::scope(|scope| {
            let slow = scope.spawn(|| fetch(port, &origin.url("/slow")));
            program.wait_for("held");
            many(|| assert!(fetch(port, &origin.url("/fast")).ends_with("script")));
            assert!(!slow.is_finished(), "nobody has let it go on");
            script.release();
            assert!(slow.join().unwrap().ends_with("script"));
        });
        assert_eq!(program.stop().0, 0);
    }
}

#[test]
fn a_hook_that_blocks_its_interpreter_holds_no_unscripted_flow() {
    let script = Script::new(
        r#"
import logging
def request(flow):
    if flow.request.path == "/slow":
        logging.warning("held")
        logging.getLogger().handlers[0]._link.flush()
        open(GATE).read()
    flow.request.headers["x-seen"] = "script"
"#,
    );
    let (origin, other) = (origin(), origin());
    let ignored = format!("127.0.0.1:{}", other.port);
    let mut program = Program::dump(&["-s", &script.path(), "--ignore-hosts", &ignored]);
    let port = program.port;
    thread::scope(|scope| {
        let slow = scope.spawn(|| fetch(port, &origin.url("/slow")));
        program.wait_for("held");
        let fast = scope.spawn(|| fetch(port, &origin.url("/fast")));
        many(|| assert!(fetch_tunnelled(port, &other).ends_with("nothing")));
        assert!(!slow.is_finished() && !fast.is_finished());
        script.release();
        assert!(slow.join().unwrap().ends_with("script"));
        assert!(fast.join().unwrap().ends_with("script"));
    });
    assert_eq!(program.stop().0, 0);
}

#[test]
fn a_host_that_is_killed_ends_as_script_error_says_and_comes_back() {
    for (policy, expected) in [("pass", "200 OK"), ("fail", "502 ")] {
        let script = Script::new(
            r#"
import logging, os
async def request(flow):
    if flow.request.path == "/held":
        logging.warning("held in %s.", os.getpid())
        import asyncio
        await asyncio.Event().wait()
    flow.request.headers["x-seen"] = str(os.getpid())
"#,
        );
        let origin = origin();
        let policy = format!("script_error={policy}");
        let mut program = Program::dump(&["-s", &script.path(), "--set", &policy]);
        let port = program.port;
        let mut last = String::new();
        // Five restarts within a minute; after the sixth end scripts stay off.
        for round in 0..6 {
            let pid = thread::scope(|scope| {
                let held = scope.spawn(|| fetch(port, &origin.url("/held")));
                let line = program.wait_for("held in ");
                let pid = line
                    .rsplit(' ')
                    .next()
                    .unwrap()
                    .trim_end_matches('.')
                    .to_owned();
                let kill = Command::new("kill").args(["-KILL", &pid]).status();
                assert!(kill.unwrap().success());
                let answer = held.join().unwrap();
                assert!(answer.contains(expected), "round {round}: {answer}");
                pid
            });
            program.wait_for("has ended (killed by signal 9)");
            let next = fetch(port, &origin.url("/next"));
            if round < 5 {
                assert_ne!(pid, last, "a new process");
                assert!(
                    next.contains("200 OK") && !next.ends_with("nothing"),
                    "{next}"
                );
                assert!(!next.ends_with(&pid), "the next flow has a new process");
            } else {
                assert!(next.contains(expected), "scripts are off: {next}");
                assert!(!next.ends_with(&pid));
            }
            last = pid;
        }
        assert_eq!(program.stop().0, 0);
    }
}

#[test]
fn a_script_that_eats_memory_harms_only_itself() {
    let script = Script::new(
        r#"
import sys
eaten = []
def request(flow):
    flow.request.headers["x-seen"] = open("/proc/self/oom_score_adj").read().strip() if sys.platform == "linux" else "1000"
    if flow.request.path == "/eat":
        try:
            while True:
                eaten.append(bytearray(1 << 22))
        finally:
            eaten.clear()
"#,
    );
    let python = script.limited_python(2 << 20);
    let origin = origin();
    let option = format!("script_python={}", python.display());
    let mut program = Program::dump(&["-s", &script.path(), "--set", &option]);
    assert!(
        fetch(program.port, &origin.url("/")).ends_with("1000"),
        "first to go"
    );
    let before = program.resident_kib();
    assert!(fetch(program.port, &origin.url("/eat")).contains("200 OK"));
    program.wait_for("MemoryError");
    assert!(fetch(program.port, &origin.url("/")).ends_with("1000"));
    let grown = program.resident_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB, "grown by {grown} KiB");
    assert_eq!(program.stop().0, 0);
}

#[test]
fn a_script_that_talks_without_end_harms_only_itself() {
    for talk in ["print('x' * 1000)", "logging.warning('x' * 1000)"] {
        let script = Script::new(&format!(
            r#"
import logging, resource
def request(flow):
    if flow.request.path == "/talk":
        while True: {talk}
    flow.request.headers["x-seen"] = str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

def tcp_message(flow): pass
"#
        ));
        let (origin, other) = (origin(), origin());
        let ignored = format!("127.0.0.1:{}", other.port);
        let options = ["--set", "script_timeout=1", "--ignore-hosts", &ignored];
        let mut program = Program::dump(&[&["-s", &script.path()], &options[..]].concat());
        let port = program.port;
        fetch(port, &origin.url("/"));
        let before = program.resident_kib();
        thread::scope(|scope| {
            let talk = scope.spawn(|| fetch(port, &origin.url("/talk")));
            program.wait_for("xxxxxxxx");
            many(|| assert!(fetch_tunnelled(port, &other).ends_with("nothing")));
            let answer = talk.join().unwrap();
            assert!(
                answer.contains("200 OK") && answer.ends_with("nothing"),
                "{answer}"
            );
        });
        program.wait_for("has not answered request within 1 seconds");
        let grown = program.resident_kib().saturating_sub(before);
        assert!(grown < GROWTH_KIB, "grown by {grown} KiB");
        program.wait_for("starting it again");
        // On a busy machine the first flows may find that the new process, too, is late.
        let back = (0..20).any(|_| !fetch(port, &origin.url("/")).ends_with("nothing"));
        assert!(back, "scripts never came back");
        assert_eq!(program.stop().0, 0);
    }
}

#[test]
fn workers_have_clients_of_their_own() {
    let script = Script::new(
        r#"
import logging, os
def request(flow):
    flow.request.headers["x-seen"] = str(os.getpid())
    if flow.request.path == "/held":
        logging.warning("held")
        logging.getLogger().handlers[0]._link.flush()
        open(GATE).read()
"#,
    );
    let origin = origin();
    let mut program = Program::dump(&["-s", &script.path(), "--set", "script_workers=2"]);
    let port = program.port;
    let pid = |answer: &str| answer.rsplit('\n').next().unwrap().to_owned();
    let mut pids: Vec<String> = (0..64)
        .map(|_| pid(&fetch(port, &origin.url("/"))))
        .collect();
    pids.sort();
    pids.dedup();
    assert_eq!(pids.len(), 2);
    thread::scope(|scope| {
        let held = scope.spawn(|| pid(&fetch(port, &origin.url("/held"))));
        program.wait_for("held");
        // Of as many clients some belong to the other process, and those do not wait.
        let others: Vec<_> = (0..32)
            .map(|_| scope.spawn(|| pid(&fetch(port, &origin.url("/")))))
            .collect();
        while !others.iter().any(thread::ScopedJoinHandle::is_finished) {
            thread::yield_now();
        }
        script.release();
        let held = held.join().unwrap();
        let seen: Vec<String> = others
            .into_iter()
            .map(|other| other.join().unwrap())
            .collect();
        assert!(seen.iter().any(|pid| *pid != held));
    });
    assert_eq!(program.stop().0, 0);
}

#[test]
fn a_response_without_content_is_changed_by_its_hook() {
    let script =
        Script::new("def response(flow):\n    flow.response.headers[\"x-added\"] = \"script\"\n");
    let origin = Origin::plain(|head, out| {
        let status = if head.contains("/none") {
            "204 No Content"
        } else {
            "200 OK\r\nContent-Length: 5"
        };
        write!(out, "HTTP/1.1 {status}\r\n\r\n").is_ok()
    });
    let program = Program::dump(&["-s", &script.path()]);
    let (proxy, head, none) = (program.proxy(), origin.url("/head"), origin.url("/none"));
    for args in [["-sI", &*head], ["-si", &*none]] {
        let answer = crate::program::curl(&[&args[..], &["-x", &proxy]].concat()).unwrap();
        assert!(answer.contains("x-added: script"), "{answer}");
    }
}
