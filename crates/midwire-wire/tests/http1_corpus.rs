//! Runs the fuzz driver of HTTP/1 on its corpus and on made-up connections.

#[allow(
    unreachable_pub,
    reason = "the fuzz target uses the same file as its driver"
)]
#[path = "../../../fuzz/src/http1.rs"]
mod driver;

use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn corpus() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/http1");
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let input = std::fs::read(entry.unwrap().path()).unwrap();
        // Each seed serves all modes.
        for mode in 0..=255 {
            let mut input = input.clone();
            if let Some(first) = input.first_mut() {
                *first = mode;
            }
            driver::run(&input);
        }
        seeds += 1;
    }
    assert!(seeds >= 10, "the corpus is gone");
}

/// Pieces of messages, valid and not, so that their combinations get past the first line.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "GET / HTTP/1.1\r\n",
        "POST http://a:80/x HTTP/1.1\n",
        "CONNECT a:443 HTTP/1.0\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 304 \r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "Host: a\r\n",
        "X: y\r\n",
        "Content-Length: 3\r\n",
        "Content-Length: 3, 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "transfer-encoding:gzip, Chunked\n",
        " folded\r\n",
        "X:\r\n",
        "Bad Name: 1\r\n",
        "\r\n",
        "\n",
        "\r",
        "3\r\nabc\r\n",
        "a;ext=1\r\n0123456789\r\n",
        "0\r\n",
        "0\r\n\r\n",
        "abc",
        "X-Trailer: 1\r\n",
        ": \t",
        "\0",
    ]);
    prop_oneof![
        12 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..20),
    ]
}

fn connection() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(vec![
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
        "",
    ]);
    (any::<u8>(), start, vec(piece(), 0..12)).prop_map(|(mode, start, pieces)| {
        [&[mode][..], start.as_bytes(), &pieces.concat()].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_bytes(input in vec(any::<u8>(), 0..300)) {
        driver::run(&input);
    }

    #[test]
    fn any_connection(input in connection()) {
        driver::run(&input);
    }
}
