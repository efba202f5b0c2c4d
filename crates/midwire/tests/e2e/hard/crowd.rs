//! Many clients that do nothing, or little.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;

use super::{ends_well, good_origin, rest, served, until};
use crate::origin::connect;
use crate::program::{Program, skip};

const IDLE: usize = 2000;
/// Memory of one idle connection (security.md §2).
const IDLE_KIB: u64 = 64;

/// Lets this process have many files open; a program that it starts inherits that.
fn raise_file_limit() -> bool {
    let pid = std::process::id().to_string();
    let limit = format!("--nofile={}:", 2 * IDLE + 1000);
    let raised = Command::new("prlimit")
        .args(["--pid", &pid, &limit])
        .status();
    raised.is_ok_and(|status| status.success())
}

#[test]
fn two_thousand_idle_clients_hold_nobody_up() {
    if !raise_file_limit() {
        return skip("the limit of open files cannot be raised");
    }
    let origin = good_origin();
    let program = Program::dump(&["--set", "max_connections=5000"]);
    served(&program, &origin);
    let descriptors = program.descriptors();
    let before = program.resident_kib();
    // Silent from the start, or in the middle of a head.
    let head = format!("GET {} HTTP/1.1\r\nHost: x\r\nA: b", origin.url("/"));
    let mut clients: Vec<TcpStream> = (0..IDLE).map(|_| connect(program.port)).collect();
    for client in clients.iter_mut().step_by(2) {
        client.write_all(head.as_bytes()).unwrap();
    }
    until("not all were accepted", || program.descriptors() >= IDLE);
    served(&program, &origin);
    let growth = program.resident_kib().saturating_sub(before) / IDLE as u64;
    assert!(growth < IDLE_KIB, "{growth} KiB for each connection");
    // Each of them can still come to an end.
    clients[0]
        .write_all(b"\r\nConnection: close\r\n\r\n")
        .unwrap();
    assert!(rest(&mut clients[0]).ends_with("good"));
    drop(clients);
    until("descriptors stay open", || {
        program.descriptors() <= descriptors
    });
    ends_well(program);
}

#[test]
fn slow_heads_and_bodies_end_after_their_time() {
    let origin = good_origin();
    let times = [
        "--set",
        "client_header_timeout=1",
        "--set",
        "client_body_timeout=1",
    ];
    let program = Program::dump(&times);
    let head = format!("GET {} HTTP/1.1\r\nHost: x\r\nA: ", origin.url("/"));
    let body = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
        origin.url("/")
    );
    std::thread::scope(|scope| {
        for begin in [head, body] {
            let (program, origin) = (&program, &origin);
            scope.spawn(move || {
                let mut client = connect(program.port);
                client.write_all(begin.as_bytes()).unwrap();
                // A byte with each good request of another client: slow, but never silent.
                while client.write_all(b"x").is_ok() {
                    served(program, origin);
                }
            });
        }
    });
    served(&program, &origin);
    ends_well(program);
}

#[test]
fn beyond_the_limit_clients_wait_and_none_is_dropped() {
    let origin = good_origin();
    let mut program = Program::dump(&["--set", "max_connections=10"]);
    let idle: Vec<TcpStream> = (0..10).map(|_| connect(program.port)).collect();
    let mut late = connect(program.port);
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        origin.url("/")
    );
    late.write_all(request.as_bytes()).unwrap();
    program.wait_for("(max_connections)");
    drop(idle);
    assert!(rest(&mut late).ends_with("good"));
    ends_well(program);
}
