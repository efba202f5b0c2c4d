//! Heads, trailers, chunk extensions and empty lines without an end, from both sides.

use std::io::Write as _;

use super::{attack, ends_well, fetch, good_origin, is_refused, rest};
use crate::origin::{Origin, connect};
use crate::program::Program;

#[test]
fn clients_that_never_come_to_an_end_are_refused() {
    let origin = good_origin();
    let program = Program::dump(&["--flow-detail", "0"]);
    let at = origin.url("/");
    let chunked = format!("POST {at} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (begin, piece) in [
        (String::new(), "\r\n"),
        (String::new(), "x"),
        (format!("GET {at}"), "x"),
        (format!("GET {at} HTTP/1.1\r\nHost: x\r\n"), "A: b\r\n"),
        (format!("GET {at} HTTP/1.1\r\nHost: x\r\nA: "), "x"),
        (format!("{chunked}0\r\n"), "A: b\r\n"),
        (format!("{chunked}0\r\nA: "), "x"),
        (format!("{chunked}1;"), "x"),
        (chunked.clone(), "1;a=bcdefghijklmnopqrstuvwxyz\r\nx\r\n"),
        (chunked.clone(), "0"),
    ] {
        attack(&program, &origin, || {
            let mut client = connect(program.port);
            client.write_all(begin.as_bytes()).unwrap();
            assert!(
                is_refused(&mut client, piece.as_bytes()),
                "{begin:?} {piece:?}"
            );
        });
    }
    ends_well(program);
}

#[test]
fn servers_that_never_come_to_an_end_give_502_or_a_cut() {
    let good = good_origin();
    let program = Program::dump(&["--flow-detail", "0"]);
    let ok = "HTTP/1.1 200 OK\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (begin, piece, in_body) in [
        (String::new(), "\r\n", false),
        (String::new(), "x", false),
        (format!("{ok}A: "), "x", false),
        (ok.to_owned(), "A: b\r\n", false),
        (String::new(), "HTTP/1.1 103 Early Hints\r\n\r\n", false),
        (format!("{chunked}0\r\n"), "A: b\r\n", true),
        (format!("{chunked}1;"), "x", true),
        (
            chunked.to_owned(),
            "1;a=bcdefghijklmnopqrstuvwxyz\r\nx\r\n",
            true,
        ),
    ] {
        let first = begin.clone();
        let hostile = Origin::plain(move |_, out| {
            out.write_all(first.as_bytes()).unwrap();
            assert!(is_refused(&mut &mut *out, piece.as_bytes()), "{piece:?}");
            false
        });
        attack(&program, &good, || {
            let got = fetch(&program, &hostile.url("/"));
            if in_body {
                assert!(
                    got.starts_with(ok) && !got.ends_with("0\r\n\r\n"),
                    "{got:.300}"
                );
            } else {
                assert!(
                    got.contains("HTTP/1.1 502 Bad Gateway"),
                    "{begin:?} {piece:?}: {got:.300}"
                );
            }
        });
    }
    ends_well(program);
}

#[test]
fn a_refusal_is_read_by_a_client_that_still_sends() {
    let origin = good_origin();
    let program = Program::dump(&["--set", "header_size_limit=2k"]);
    let mut client = connect(program.port);
    let head = format!("GET {} HTTP/1.1\r\nHost: x\r\nA: ", origin.url("/"));
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&[b'x'; 4096]).unwrap();
    let got = rest(&mut client);
    assert!(got.starts_with("HTTP/1.1 431 "), "{got}");
    ends_well(program);
}
