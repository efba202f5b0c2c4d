//! Hostile peers and faults: others are served meanwhile, memory stays bounded, and nothing is left behind.

mod bombs;
mod chaos;
mod crowd;
mod heads;
mod http2;
mod mutated;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use crate::origin::{Origin, connect, respond};
use crate::program::{PATIENCE, Program};

/// KiB that one hostile peer may add to the memory of the program (security.md §2).
const GROWTH_MAX: u64 = 64 * 1024;
/// Bytes after which a peer that is still listened to has won. After a refusal the program reads on for half a
/// second, so that the client sees the answer, and loopback is fast.
const ENDLESS: u64 = 16 << 30;

/// An origin that answers every request at once.
fn good_origin() -> Origin {
    Origin::plain(|_, out| {
        respond(out, "Connection: close\r\n", b"good");
        false
    })
}

/// Makes a good request on a new connection: what comes back.
fn fetch(program: &Program, url: &str) -> String {
    let mut client = connect(program.port);
    let request = format!("GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
    rest(&mut client)
}

/// Fails unless a good request is answered.
fn served(program: &Program, origin: &Origin) {
    let got = fetch(program, &origin.url("/good"));
    assert!(
        got.starts_with("HTTP/1.1 200 OK\r\n") && got.ends_with("good"),
        "{got:?}"
    );
}

/// All that comes until the end or a reset, as text. A peer that keeps silent fails the test.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            panic!("neither an answer nor an end: {bytes:?}")
        }
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// Runs an attack while good requests are made; both the requests and the memory must be as if there were none.
fn attack(program: &Program, origin: &Origin, hostile: impl FnOnce() + Send) {
    served(program, origin);
    let before = program.resident_kib();
    program.reset_peak();
    std::thread::scope(|scope| {
        let attack = scope.spawn(hostile);
        loop {
            served(program, origin);
            if attack.is_finished() {
                break;
            }
        }
        attack.join().unwrap();
    });
    served(program, origin);
    let growth = program.peak_kib().saturating_sub(before);
    assert!(growth < GROWTH_MAX, "memory grew by {growth} KiB");
}

/// Sends the same bytes until the program has enough of it; false if it never has.
fn is_refused(stream: &mut impl std::io::Write, piece: &[u8]) -> bool {
    let block = piece.repeat((16 * 1024 / piece.len()).max(1));
    let mut sent = 0;
    while sent < ENDLESS {
        if stream
            .write_all(&block)
            .and_then(|()| stream.flush())
            .is_err()
        {
            return true;
        }
        sent += block.len() as u64;
    }
    false
}

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}

/// Ends the program; it must end well and without a fault of its own.
fn ends_well(program: Program) {
    let (status, output) = program.stop();
    assert_eq!(status, 0, "{output}");
    assert!(!output.contains("internal error"), "{output}");
}
