//! Rules about requests hold for uploads as well, of which nothing may go where it should not.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::origin::{Origin, connect, respond};
use crate::program::Program;

/// Sends an upload whose end comes only after the proxy has had the time to pass its beginning on, and gives the answer.
fn upload(program: &Program, url: &str) -> String {
    let host = url.split('/').nth(2).unwrap();
    let mut client = connect(program.port);
    write!(
        client,
        "POST {url} HTTP/1.1\r\nHost: {host}\r\nIf-None-Match: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecret\r\n"
    )
    .unwrap();
    // Another exchange in between, so that the first one has come as far as it can.
    let mut other = connect(program.port);
    write!(
        other,
        "GET http://mitm.it/ HTTP/1.1\r\nHost: mitm.it\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    other.read_to_end(&mut Vec::new()).unwrap();
    client.write_all(b"0\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn uploads_are_led_elsewhere_or_refused_before_any_of_them_is_sent() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let old = Origin::plain(move |_, out| {
        counter.fetch_add(1, Ordering::SeqCst);
        respond(out, "", b"old")
    });
    let new = Origin::plain(|head, out| {
        let cached = head.contains("If-None-Match");
        respond(
            out,
            "",
            if cached {
                b"conditional"
            } else {
                b"the new one"
            },
        )
    });
    let rule = format!("|127.0.0.1:{}|127.0.0.1:{}", old.port, new.port);
    let program = Program::dump(&["--map-remote", &rule, "--anticache"]);
    let answer = upload(&program, &old.url("/"));
    assert!(answer.ends_with("the new one"), "{answer}");
    assert_eq!(program.stop().0, 0);

    let program = Program::dump(&["--set", "block_list=|~m POST|403"]);
    let answer = upload(&program, &old.url("/"));
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(program.stop().0, 0);
    assert_eq!(asked.load(Ordering::SeqCst), 0);

    // Without rules about it, fields are changed although the content passes live.
    let program = Program::dump(&["--anticache"]);
    let answer = upload(&program, &new.url("/"));
    assert!(answer.ends_with("the new one"), "{answer}");
    assert_eq!(program.stop().0, 0);

    let mut program = Program::dump(&["--map-remote", &rule, "--set", "stream_large_bodies=2"]);
    let answer = upload(&program, &old.url("/"));
    assert!(answer.ends_with("old"), "{answer}");
    program.wait_for("map_remote cannot do anything about");
    assert_eq!(program.stop().0, 0);
}
