//! Floods of HTTP/2 frames (RFC 9113 §10.5).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{attack, ends_well, good_origin, is_refused};
use crate::origin::{Authority, Origin, connect};
use crate::program::Program;

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A TLS connection through the program to the origin, with HTTP/2.
fn tunnel(program: &Program, origin: &Origin) -> Tls {
    let pem = program.file("mitmproxy-ca-cert.pem");
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(pem).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let session = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut tcp = connect(program.port);
    let at = format!("localhost:{}", origin.port);
    write!(tcp, "CONNECT {at} HTTP/1.1\r\nHost: {at}\r\n\r\n").unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        tcp.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    StreamOwned::new(session, tcp)
}

/// A frame with its header (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[a, b, c, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// A GET of `/`, literal and without Huffman coding (RFC 7541 §6).
fn get() -> Vec<u8> {
    [&[0x82, 0x87, 0x84, 0x01, 9][..], b"localhost"].concat()
}

const HEADERS: u8 = 1;
const END_HEADERS: u8 = 4;

#[test]
fn floods_end_their_connection_and_hold_nobody_up() {
    let authority = Authority::new();
    let (origin, good) = (Origin::http2(&authority), good_origin());
    let program = Program::dump(&["-k", "--flow-detail", "0"]);
    let resets: Vec<u8> = (0..2000_u32)
        .flat_map(|n| {
            [
                frame(HEADERS, 5, 2 * n + 1, &get()),
                frame(3, 0, 2 * n + 1, &[0, 0, 0, 8]),
            ]
            .concat()
        })
        .collect();
    // An entry of 4,000 bytes in the table, and then names of it: a byte makes 4,000.
    let entry = [
        &get()[..],
        &[0x40, 1, b'a', 0x7f, 0xa1, 0x1e],
        &[b'x'; 4000],
    ]
    .concat();
    let bomb = [entry, vec![0xbe; 12_000]].concat();
    let endless = frame(9, 0, 1, &[0xbe; 16_000]);
    let cases: [(&str, Vec<u8>, Vec<u8>); 8] = [
        ("rapid reset", resets.clone(), frame(6, 0, 0, &[0; 8])),
        ("HPACK bomb", frame(HEADERS, 1, 1, &bomb), endless),
        (
            "CONTINUATION",
            frame(HEADERS, 1, 1, &get()),
            frame(9, 0, 1, &[0; 0]),
        ),
        ("SETTINGS", Vec::new(), frame(4, 0, 0, &[])),
        ("PING", Vec::new(), frame(6, 0, 0, &[0; 8])),
        (
            "empty DATA",
            frame(HEADERS, END_HEADERS, 1, &get()),
            frame(0, 0, 1, &[]),
        ),
        ("PRIORITY", Vec::new(), frame(2, 0, 1, &[0, 0, 0, 0, 1])),
        ("unknown", Vec::new(), frame(0xfa, 0, 0, b"?")),
    ];
    for (name, first, piece) in cases {
        attack(&program, &good, || {
            let mut tls = tunnel(&program, &origin);
            let preface = [
                &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
                &frame(4, 0, 0, &[]),
                &first,
            ]
            .concat();
            let begun = tls.write_all(&preface).and_then(|()| tls.flush());
            assert!(begun.is_err() || is_refused(&mut tls, &piece), "{name}");
        });
    }
    ends_well(program);
}

#[test]
fn heads_that_expand_are_answered_with_431_and_the_connection_goes_on() {
    let authority = Authority::new();
    let origin = Origin::http2(&authority);
    let program = Program::dump(&["-k"]);
    let mut tls = tunnel(&program, &origin);
    let entry = [
        &get()[..],
        &[0x40, 1, b'a', 0x7f, 0xa1, 0x1e],
        &[b'x'; 4000],
    ]
    .concat();
    let large = frame(HEADERS, 5, 1, &[entry, vec![0xbe; 100]].concat());
    let preface = [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &frame(4, 0, 0, &[]),
    ]
    .concat();
    // The second request names the entry that the refused one has made: the table is in step.
    let small = frame(HEADERS, 5, 3, &[&get()[..], &[0xbe]].concat());
    tls.write_all(&[preface, large, small].concat()).unwrap();
    tls.flush().unwrap();
    let mut answered = [None, None];
    let mut header = [0; 9];
    while answered[1].is_none() {
        tls.read_exact(&mut header).unwrap();
        let [_, high, low, kind, _, _, _, _, stream] = header;
        let mut payload = vec![0; usize::from(high) << 8 | usize::from(low)];
        tls.read_exact(&mut payload).unwrap();
        if let (HEADERS | 3, 1 | 3) = (kind, stream) {
            answered[usize::from(stream / 2)].get_or_insert((kind, payload));
        }
    }
    let (kind, payload) = answered[1].take().unwrap();
    // 0x88 is the index of ":status: 200".
    assert_eq!((kind, payload[0]), (HEADERS, 0x88));
    ends_well(program);
}
