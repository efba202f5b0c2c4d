use proptest::prelude::*;

use super::*;

fn vec8(content: &[u8]) -> Vec<u8> {
    [&[content.len() as u8], content].concat()
}

fn vec16(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes(), content].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [kind.to_be_bytes().to_vec(), vec16(content)].concat()
}

fn sni(name: &[u8]) -> Vec<u8> {
    extension(0, &vec16(&[&[0], vec16(name).as_slice()].concat()))
}

/// A handshake message with these extensions.
fn message(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend(vec8(&[9; 32]));
    body.extend(vec16(&[0x0A, 0x0A, 0x13, 0x01, 0xC0, 0x2F]));
    body.extend(vec8(&[0]));
    body.extend(vec16(extensions));
    handshake(1, &body)
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&[kind, length[1], length[2], length[3]], body].concat()
}

/// The message in records of `size` bytes.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    let record = |part: &[u8]| [vec![0x16, 3, 1], vec16(part)].concat();
    message.chunks(size).flat_map(record).collect()
}

fn hello(bytes: &[u8]) -> ClientHello {
    match parse(bytes).unwrap() {
        Parsed::Hello(hello) => hello,
        other => panic!("{other:?}"),
    }
}

fn usual() -> Vec<u8> {
    let alpn = vec16(&[vec8(b"h2"), vec8(b"http/1.1")].concat());
    message(
        &[
            sni(b"Example.com"),
            extension(16, &alpn),
            extension(43, &vec8(&[0x3A, 0x3A, 3, 4, 3, 3])),
            extension(0xFF01, b"\0"),
        ]
        .concat(),
    )
}

#[test]
fn all_values_are_read() {
    let raw = usual();
    let found = hello(&records(&raw, 16384));
    assert_eq!(found.sni.as_deref(), Some("Example.com"));
    assert_eq!(found.raw_sni.as_deref(), Some(&b"Example.com"[..]));
    assert_eq!(found.alpn_protocols, ["h2", "http/1.1"]);
    assert_eq!(found.cipher_suites, [0x0A0A, 0x1301, 0xC02F]);
    assert_eq!(found.legacy_version, 0x0303);
    assert_eq!(found.supported_versions, [0x3A3A, 0x0304, 0x0303]);
    let kinds: Vec<u16> = found.extensions.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [0, 16, 43, 0xFF01]);
    assert_eq!(found.raw, raw);
    assert_eq!(found.body(), &raw[4..]);
}

#[test]
fn every_prefix_waits_and_later_bytes_do_not_matter() {
    let whole = records(&usual(), 20);
    for cut in 0..whole.len() {
        assert_eq!(parse(&whole[..cut]), Ok(Parsed::NeedMore), "{cut}");
    }
    let more = [whole.as_slice(), b"\x17\x03\x03later"].concat();
    assert_eq!(hello(&whole), hello(&more));
}

#[test]
fn other_protocols() {
    let check = |bytes: &[u8], expected| assert_eq!(looks_like_tls(bytes), expected, "{bytes:?}");
    check(b"", None);
    check(b"\x16", None);
    check(b"\x16\x03", None);
    check(b"\x16\x03\x01", Some(true));
    check(b"\x16\x03\x04", Some(false));
    check(b"\x16\x02", Some(false));
    check(b"GET", Some(false));
    assert_eq!(parse(b"GET / HTTP/1.1"), Ok(Parsed::NotTls));
    assert_eq!(parse(b"\x16\x03"), Ok(Parsed::NeedMore));
}

#[test]
fn names_that_are_no_host_names_are_kept_apart() {
    for name in [
        &b"a\0b"[..],
        b"*.example.com",
        b"",
        b"a b",
        b"\xff",
        b"<script>",
        b"a\r\nb",
    ] {
        let found = hello(&records(&message(&sni(name)), 16384));
        assert_eq!(found.sni, None);
        assert_eq!(found.raw_sni.as_deref(), Some(name));
    }
    let long = hello(&records(&message(&sni(&[b'a'; 300])), 16384));
    assert_eq!(
        (long.sni, long.raw_sni.map(|name| name.len())),
        (None, Some(300))
    );
    let none = hello(&records(&message(b""), 16384));
    assert_eq!((none.sni, none.raw_sni), (None, None));
}

#[test]
fn faults() {
    let check = |bytes: &[u8], expected| assert_eq!(parse(bytes), Err(expected));
    let whole = usual();
    check(b"\x16\x03\x01\x00\x00", HelloError::RecordLength(0));
    check(b"\x16\x03\x01\x40\x01", HelloError::RecordLength(16385));
    check(
        &records(&handshake(2, b"abc"), 100),
        HelloError::NotClientHello(2),
    );
    let mut interrupted = records(&whole[..10], 100);
    interrupted.push(0x17);
    check(&interrupted, HelloError::UnexpectedRecord(0x17));
    let twice = [sni(b"a"), sni(b"b")].concat();
    check(
        &records(&message(&twice), 16384),
        HelloError::DuplicateExtension(0),
    );
    let broken = extension(16, b"\0\x03\x05h2");
    check(
        &records(&message(&broken), 16384),
        HelloError::Malformed("protocol name"),
    );
    let short = handshake(1, &[3, 3, 0]);
    check(&records(&short, 16384), HelloError::Malformed("random"));
    let trailing = [&usual()[4..], b"x"].concat();
    check(
        &records(&handshake(1, &trailing), 16384),
        HelloError::Malformed("bytes after the extensions"),
    );
}

#[test]
fn limits() {
    let padded = |bytes: usize| message(&extension(21, &vec![0; bytes]));
    let overhead = padded(0).len();
    // The extension block's own length field is the first limit here, so the largest hello stays below 64 KiB.
    let large = padded(65535 - 4);
    assert!(large.len() > HELLO_LIMIT);
    assert_eq!(parse(&records(&large, 16384)), Err(HelloError::TooLarge));
    let fitting = padded(HELLO_LIMIT - overhead);
    assert_eq!(fitting.len(), HELLO_LIMIT);
    assert_eq!(hello(&records(&fitting, 16384)).raw.len(), HELLO_LIMIT);
    assert!(records(&fitting, HELLO_LIMIT / RECORD_LIMIT).len() <= PEEK_LIMIT);

    let whole = usual();
    let in_sixteen = records(&whole, whole.len().div_ceil(RECORD_LIMIT));
    assert!(matches!(parse(&in_sixteen), Ok(Parsed::Hello(_))));
    let in_more = records(&whole, whole.len() / (RECORD_LIMIT + 1));
    assert_eq!(parse(&in_more), Err(HelloError::TooManyRecords));
}

proptest! {
    #[test]
    fn any_bytes_give_a_result(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
        let _ = parse(&records(&handshake(1, &bytes), 50));
        let _ = parse(&records(&message(&bytes), 16384));
    }

    #[test]
    fn damage_never_panics(at in 0usize..300, value: u8) {
        let mut bytes = records(&usual(), 64);
        let at = at % bytes.len();
        bytes[at] = value;
        let _ = parse(&bytes);
    }

    #[test]
    fn any_split_into_records_gives_the_same(size in 20usize..300) {
        let whole = hello(&records(&usual(), 16384));
        prop_assert_eq!(hello(&records(&usual(), size)), whole);
    }
}
