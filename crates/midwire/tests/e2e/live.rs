//! Content passes live and memory stays bounded.

use std::io::{Read as _, Write as _};
use std::sync::Mutex;
use std::sync::mpsc::channel;

use crate::origin::{Origin, connect};
use crate::program::{Program, curl};

/// Bytes of the large download; the 1 GiB is measured by hand, a test needs to be quick in a debug build.
const LARGE: usize = 256 * 1024 * 1024;

#[test]
fn an_event_stream_passes_event_by_event() {
    let (next, go) = channel::<()>();
    let go = Mutex::new(go);
    let origin = Origin::plain(move |_, out| {
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            .unwrap();
        for n in 0..3 {
            // The next event is only sent after the test has seen the one before.
            go.lock().unwrap().recv().unwrap();
            out.write_all(format!("data: {n}\n\n").as_bytes()).unwrap();
            out.flush().unwrap();
        }
        false
    });
    let flows = tempfile::tempdir().unwrap();
    let path = flows.path().join("events.flows");
    let program = Program::dump(&["-w", path.to_str().unwrap()]);
    let mut client = connect(program.port);
    client
        .write_all(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", origin.url("/events")).as_bytes())
        .unwrap();
    let mut seen = Vec::new();
    let mut buf = [0; 4096];
    while !seen.ends_with(b"\r\n\r\n") {
        let n = client.read(&mut buf).unwrap();
        assert!(n > 0, "closed before the head was complete");
        seen.extend_from_slice(&buf[..n]);
    }
    for n in 0..3 {
        next.send(()).unwrap();
        let wanted = format!("data: {n}\n\n");
        while !seen.ends_with(wanted.as_bytes()) {
            let got = client.read(&mut buf).unwrap();
            assert!(got > 0, "closed before event {n}");
            seen.extend_from_slice(&buf[..got]);
        }
    }
    assert_eq!(program.stop().0, 0);
}

#[test]
fn a_large_download_is_saved_without_being_held_in_memory() {
    let origin = Origin::plain(|_, out| {
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n").unwrap();
        let piece = vec![b'x'; 1024 * 1024];
        (0..LARGE / piece.len()).all(|_| out.write_all(&piece).is_ok())
    });
    let flows = tempfile::tempdir().unwrap();
    let path = flows.path().join("large.flows");
    let mut program = Program::dump(&["-w", path.to_str().unwrap()]);
    let before = program.resident_kib();
    let size = curl(&[
        "-x",
        &program.proxy(),
        "-o",
        "/dev/null",
        "-w",
        "%{size_download}",
        &origin.url("/large"),
    ])
    .unwrap();
    assert_eq!(size, LARGE.to_string());
    program.wait_for("200 OK 256");
    let grown = program.resident_kib().saturating_sub(before);
    assert!(grown < 64 * 1024, "resident memory grew by {grown} KiB");
    assert_eq!(program.stop().0, 0);
    assert!(std::fs::metadata(&path).unwrap().len() > LARGE as u64);
}
