//! Faults of servers, files and processes, each followed by a good request and a look at what is left.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use super::{ends_well, fetch, good_origin, rest, served, until};
use crate::origin::{Origin, connect, respond};
use crate::program::{Program, run, skip};

#[test]
fn servers_that_fail_leave_nothing_behind() {
    let good = good_origin();
    let program = Program::dump(&["--set", "server_response_timeout=1", "--flow-detail", "0"]);
    served(&program, &good);
    let descriptors = program.descriptors();
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    for (name, answer, expected) in [
        ("closed at once", "", "HTTP/1.1 502 "),
        (
            "garbage",
            "\x16\x03\x01 what is this?\r\n\r\n",
            "HTTP/1.1 502 ",
        ),
        (
            "a head cut",
            "HTTP/1.1 200 OK\r\nContent-Le",
            "HTTP/1.1 502 ",
        ),
        ("a stall", "stall", "HTTP/1.1 504 "),
        ("a body cut", half, "half"),
        ("a chunk missing", chunk, "half"),
        (
            "a bad chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalfx\r\n",
            "",
        ),
    ] {
        let origin = Origin::plain(move |_, out| {
            if answer != "stall" {
                let _ = out.write_all(answer.as_bytes());
            }
            // A stall waits for the next request, which never comes.
            answer == "stall"
        });
        for _ in 0..20 {
            let got = fetch(&program, &origin.url("/"));
            assert!(got.contains(expected), "{name}: {got}");
            assert!(!got.ends_with("0\r\n\r\n"), "{name}: {got}");
            served(&program, &good);
            if answer == "stall" {
                break;
            }
        }
    }
    // A server that closes with unread content resets the connection.
    let reset = Origin::plain(|_, _| false);
    for _ in 0..20 {
        let mut client = connect(program.port);
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n",
            reset.url("/")
        );
        let _ = client.write_all(&[head.as_bytes(), &vec![b'x'; 70_000]].concat());
        let got = rest(&mut client);
        assert!(got.is_empty() || got.starts_with("HTTP/1.1 502 "), "{got}");
        served(&program, &good);
    }
    until("descriptors stay open", || {
        program.descriptors() <= descriptors
    });
    ends_well(program);
}

/// Runs a program that may do as root what it likes, in a place of its own with a small disk at `folder`.
fn small_disk(folder: &Path) -> Vec<String> {
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs '{}' && exec \"$@\"",
        folder.display()
    );
    [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &script,
        "sh",
    ]
    .map(str::to_owned)
    .into()
}

#[test]
fn a_full_disk_ends_the_program_or_only_the_saving() {
    let disk = tempfile::tempdir().unwrap();
    let before = small_disk(disk.path());
    let tried = Command::new(&before[0])
        .args(&before[1..])
        .arg("true")
        .status();
    if !tried.is_ok_and(|status| status.success()) {
        return skip("no disk can be mounted here");
    }
    let origin = Origin::plain(|_, out| {
        respond(out, "Connection: close\r\n", &[b'x'; 10_000]);
        false
    });
    let file = disk.path().join("flows");
    let local = [
        "--listen-host",
        "127.0.0.1",
        "-p",
        "0",
        "-w",
        file.to_str().unwrap(),
    ];

    let program = Program::start_in(
        &before,
        &[&local[..], &["--set", "save_stream_error=continue"]].concat(),
    );
    for _ in 0..20 {
        assert!(fetch(&program, &origin.url("/")).ends_with("xxx"));
    }
    let inside = format!("/proc/{}/root{}", program.pid(), file.display());
    let kept = disk.path().join("copy");
    until("nothing was saved", || {
        std::fs::metadata(&inside).is_ok_and(|file| file.len() > 20_000)
    });
    std::fs::copy(&inside, &kept).unwrap();
    let (status, output) = program.stop();
    assert!(output.contains("No space left on device"), "{output}");
    assert_eq!(status, 0, "{output}");
    // What could only be written in part was cut off again.
    let (status, shown, errors) = run(disk.path(), &["-n", "-r", kept.to_str().unwrap()]);
    assert_eq!(status, 0, "{shown}{errors}");
    assert!(shown.matches("200 OK 9.8k").count() >= 3, "{shown}");

    let program = Program::start_in(&before, &local);
    for _ in 0..20 {
        // The program may be gone already.
        let Ok(mut client) = TcpStream::connect(("127.0.0.1", program.port)) else {
            break;
        };
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            origin.url("/")
        );
        let _ = client.write_all(request.as_bytes());
        rest(&mut client);
    }
    let (status, _) = program.wait();
    assert_eq!(status, 1);
}

#[test]
fn without_descriptors_clients_wait() {
    let origin = good_origin();
    // With its own limit the program would never get there.
    let before = ["prlimit", "--nofile=40:40"].map(str::to_owned);
    let args = [
        "--listen-host",
        "127.0.0.1",
        "-p",
        "0",
        "--set",
        "max_connections=1000",
        "--flow-detail",
        "0",
    ];
    let program = Program::start_in(&before, &args);
    served(&program, &origin);
    let idle: Vec<TcpStream> = (0..60).map(|_| connect(program.port)).collect();
    until("descriptors are left", || program.descriptors() >= 40);
    drop(idle);
    served(&program, &origin);
    ends_well(program);
}

#[test]
fn a_killed_program_leaves_a_file_that_can_be_read() {
    let origin = good_origin();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("flows");
    let mut program = Program::dump(&["-w", file.to_str().unwrap()]);
    std::thread::scope(|scope| {
        let port = program.port;
        let url = origin.url("/");
        scope.spawn(move || {
            // As fast as it goes, until the program is no more.
            while let Ok(mut client) = TcpStream::connect(("127.0.0.1", port)) {
                let request = format!("GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
                let _ = client.write_all(request.as_bytes());
                rest(&mut client);
            }
        });
        for _ in 0..50 {
            program.wait_for("200 OK");
        }
        until("nothing was saved", || {
            std::fs::metadata(&file).is_ok_and(|file| file.len() > 50_000)
        });
        program.kill();
    });
    let (status, shown, errors) = run(dir.path(), &["-n", "-r", file.to_str().unwrap()]);
    assert!(shown.matches("200 OK").count() >= 20, "{shown}{errors}");
    // The last record may have been cut, and then that is said.
    assert!(
        status == 0 || format!("{shown}{errors}").contains("incomplete record"),
        "{shown}{errors}"
    );
}

/// Processes that this one has started.
fn children(pid: u32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let lists =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn a_killed_script_process_is_started_again() {
    let origin = good_origin();
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("mark.py");
    std::fs::write(
        &script,
        "def response(flow):\n    flow.response.headers['x-mark'] = 'seen'\n",
    )
    .unwrap();
    let found = Command::new("python3")
        .args(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"])
        .status();
    if !found.is_ok_and(|status| status.success()) {
        return skip("there is no python3 of 3.9 or newer");
    }
    let program = Program::dump(&["-s", script.to_str().unwrap()]);
    let marked = |program: &Program| fetch(program, &origin.url("/")).contains("x-mark: seen");
    assert!(marked(&program));
    let descriptors = program.descriptors();
    let first = children(program.pid());
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(
        Command::new("kill")
            .args(["-KILL", &first[0]])
            .status()
            .unwrap()
            .success()
    );
    // Meanwhile flows pass as they are.
    served(&program, &origin);
    until("the script is not started again", || marked(&program));
    assert_ne!(children(program.pid()), first);
    until("descriptors stay open", || {
        program.descriptors() <= descriptors
    });
    ends_well(program);
}
