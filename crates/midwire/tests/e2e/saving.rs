//! Saved flows survive what ends the program.

use std::path::Path;

use crate::origin::{Origin, respond};
use crate::program::{Program, curl, run};

/// The paths of the flows in a file, read by the program itself, and what it says of the file.
fn saved(path: &Path) -> (Vec<String>, String) {
    let dir = tempfile::tempdir().unwrap();
    let (_, out, err) = run(
        dir.path(),
        &["-n", "-r", path.to_str().unwrap(), "--flow-detail", "1"],
    );
    let paths = out.lines().filter(|line| line.contains(": GET "));
    let paths = paths.map(|line| line.rsplit('/').next().unwrap().to_owned());
    (paths.collect(), err)
}

#[test]
fn what_was_finished_before_a_kill_is_in_the_file() {
    let origin = Origin::plain(|_, out| respond(out, "", &vec![b'x'; 100_000]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    let mut program = Program::dump(&["-w", path.to_str().unwrap()]);
    let size = || std::fs::metadata(&path).map_or(0, |file| file.len());
    for n in 0..20 {
        curl(&[
            "-x",
            &program.proxy(),
            "-o",
            "/dev/null",
            &origin.url(&format!("/{n}")),
        ])
        .unwrap();
        program.wait_for("200 OK");
        // The record is handed over soon after; here the last one may be under way when the kill comes.
        while n < 19 && size() < (n + 1) * 100_000 {
            std::thread::yield_now();
        }
    }
    program.kill();
    let (paths, err) = saved(&path);
    let expected: Vec<String> = (0..paths.len()).map(|n| n.to_string()).collect();
    assert_eq!(paths, expected, "{err}");
    assert!(paths.len() >= 19, "{paths:?}");
}

#[test]
fn a_full_disk_ends_the_program_and_leaves_whole_records() {
    let origin = Origin::plain(|_, out| respond(out, "", &vec![b'x'; 100_000]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    let file = path.to_str().unwrap();
    let program = Program::dump_with_file_limit(250, &["-w", file]);
    for n in 0..3 {
        let url = origin.url(&format!("/{n}"));
        // The third does not fit, and the program may end before its client has all of it.
        let got = curl(&["-x", &program.proxy(), "-o", "/dev/null", &url]);
        assert!(got.is_ok() || n == 2);
    }
    let (status, err) = program.ended();
    assert_eq!(status, 1, "{err}");
    assert!(
        err.contains(&format!("cannot write {file}: File too large")),
        "{err}"
    );
    assert!(err.contains("ending (save_stream_error=exit)"), "{err}");
    let (paths, err) = saved(&path);
    assert_eq!(paths, ["0", "1"], "{err}");
    assert!(!err.contains("incomplete"), "{err}");

    let mut program =
        Program::dump_with_file_limit(250, &["-w", file, "--set", "save_stream_error=continue"]);
    for n in 0..4 {
        let url = origin.url(&format!("/{n}"));
        curl(&["-x", &program.proxy(), "-o", "/dev/null", &url]).unwrap();
        program.wait_for(&format!("/{n}"));
    }
    assert_eq!(program.stop().0, 0);
    let (paths, _) = saved(&path);
    assert_eq!(paths, ["0", "1"]);
}

#[test]
fn a_device_that_is_full_is_said_once() {
    if !Path::new("/dev/full").exists() {
        println!("SKIPPED: there is no /dev/full here");
        return;
    }
    let origin = Origin::plain(|_, out| respond(out, "", b"x"));
    let program = Program::dump(&["-w", "/dev/full"]);
    let _ = curl(&["-x", &program.proxy(), &origin.url("/")]);
    let (status, err) = program.ended();
    assert_eq!(status, 1, "{err}");
    let said = err.matches("cannot write /dev/full: No space left on device");
    assert_eq!(said.count(), 1, "{err}");
}

#[test]
fn flows_say_what_happened_to_them() {
    let origin = Origin::plain(|_, out| respond(out, "X-From: origin\r\n", b"body"));
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("slow.py");
    std::fs::write(
        &script,
        "def response(flow):\n    flow.response.headers['x-script'] = 'y'\n",
    )
    .unwrap();
    let saved = dir.path().join("flows");
    let settings = [
        "-s",
        script.to_str().unwrap(),
        "-w",
        saved.to_str().unwrap(),
        "--set",
        "explain=true",
        "--set",
        "modify_headers=/~q/X-Added/1",
        "--set",
        "map_remote=|/old|/new",
    ];
    let program = Program::dump(&settings);
    let proxy = program.proxy();
    let (first, second) = (origin.url("/old"), origin.url("/other"));
    curl(&["-x", &proxy, &first, &second]).unwrap();
    let (_, printed) = program.stop();
    let explained = std::process::Command::new(env!("CARGO_BIN_EXE_midwire"))
        .args(["explain", saved.to_str().unwrap(), "~u /new"])
        .output()
        .unwrap();
    let explained = String::from_utf8(explained.stdout).unwrap();
    assert_eq!(
        explained.lines().next(),
        Some(format!("GET {}: 200", origin.url("/new")).as_str())
    );
    for text in [&printed, &explained] {
        for line in [
            "| client: mode regular, no TLS",
            "| server: 127.0.0.1:",
            "mapremote changed the target",
            "changed request fields x-added",
            "| server connection: new",
            ", changed response fields x-script",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
    assert!(
        printed.contains("| server connection: used again"),
        "{printed}"
    );
    assert!(!explained.contains("used again"), "{explained}");
}

#[test]
fn flows_record_nothing_about_themselves_unless_asked() {
    let origin = Origin::plain(|_, out| respond(out, "", b"body"));
    let program = Program::dump(&["--set", "modify_headers=/~q/X-Added/1"]);
    curl(&["-x", &program.proxy(), &origin.url("/")]).unwrap();
    let (_, printed) = program.stop();
    assert!(printed.contains("GET http://"), "{printed}");
    assert!(!printed.contains("    | "), "{printed}");
}
