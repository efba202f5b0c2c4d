//! Ten thousand requests and as many responses, each a little wrong.

use std::io::Write as _;
use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{GROWTH_MAX, ends_well, fetch, good_origin, rest, served, until};
use crate::origin::{Origin, connect};
use crate::program::Program;

const COUNT: usize = 10_000;
/// Clients at a time.
const LANES: usize = 4;

const REQUESTS: [&[u8]; 5] = [
    b"GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nCookie: a=b; c=d\r\n\r\n",
    b"POST /form HTTP/1.1\r\nHost: example.com\r\nContent-Length: 11\r\n\r\nhello world",
    b"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n5;e=1\r\nhello\r\n0\r\nT: 1\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    b"HEAD / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
];

const RESPONSES: [&[u8]; 5] = [
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;e=1\r\nhello\r\n0\r\nT: 1\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0",
    b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nConnection: close\r\n\r\n",
];

/// Pieces that mean something somewhere.
const WORDS: [&[u8]; 16] = [
    b"\r\n",
    b"\r",
    b"\n",
    b"\0",
    b" ",
    b":",
    b"\r\n\r\n",
    b"chunked",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"0\r\n\r\n",
    b"\xff",
    b"99999999999999999999",
    b"-1",
    b"HTTP/1.1",
    b"\r\n ",
];

/// Numbers that look random and are the same in every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end.max(1) as u64).unwrap()
    }
}

/// The message of this number, changed in one to four places.
fn mutate(messages: &[&[u8]], number: usize) -> Vec<u8> {
    let mut numbers = Numbers(number as u64);
    let mut message = messages[number % messages.len()].to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(message.len());
        let end = (at + numbers.below(12)).min(message.len());
        match numbers.below(6) {
            0 if at < message.len() => message[at] ^= 1 << numbers.below(8),
            1 => drop(message.drain(at..end)),
            2 => message = [&message[..end], &message[at..]].concat(),
            3 => message.truncate(at),
            _ => {
                let word = WORDS[numbers.below(WORDS.len())];
                message.splice(at..end.min(at + numbers.below(3)), word.iter().copied());
            }
        }
    }
    message
}

/// Runs all numbers, some side by side, with a good request from time to time.
fn all(program: &Program, url: &str, one: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    let good = || assert!(fetch(program, url).ends_with("good"));
    good();
    let before = program.resident_kib();
    program.reset_peak();
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= COUNT {
                        return;
                    }
                    one(number);
                    if number.is_multiple_of(500) {
                        good();
                    }
                }
            });
        }
    });
    good();
    let growth = program.peak_kib().saturating_sub(before);
    assert!(growth < GROWTH_MAX, "memory grew by {growth} KiB");
}

#[test]
fn ten_thousand_mutated_requests_do_no_harm() {
    let origin = good_origin();
    let mode = format!("reverse:http://127.0.0.1:{}", origin.port);
    let program = Program::dump(&["-m", &mode, "--flow-detail", "0"]);
    let descriptors = program.descriptors();
    all(&program, "/good", |number| {
        let mut client = connect(program.port);
        let _ = client.write_all(&mutate(&REQUESTS, number));
        let _ = client.shutdown(Shutdown::Write);
        rest(&mut client);
    });
    until("descriptors stay open", || {
        program.descriptors() <= descriptors
    });
    ends_well(program);
}

#[test]
fn ten_thousand_mutated_responses_do_no_harm() {
    let good = good_origin();
    let origin = Origin::plain(|head, out| {
        let number = head
            .split(['/', ' '])
            .nth(2)
            .and_then(|text| text.parse().ok());
        let _ = out.write_all(&mutate(&RESPONSES, number.unwrap_or_default()));
        false
    });
    // What came is looked at as well.
    let program = Program::dump(&["--flow-detail", "3", "--set", "dumper_filter=~b needle"]);
    served(&program, &good);
    let descriptors = program.descriptors();
    all(&program, &good.url("/good"), |number| {
        let got = fetch(&program, &origin.url(&format!("/{number}")));
        // Whatever was wrong, the client gets nothing, a response or an error page.
        assert!(
            got.is_empty() || got.starts_with("HTTP/1."),
            "{number}: {got:?}"
        );
    });
    until("descriptors stay open", || {
        program.descriptors() <= descriptors
    });
    ends_well(program);
}
