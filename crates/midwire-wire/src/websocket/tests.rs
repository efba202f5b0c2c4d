use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn events(
    sender: Role,
    reserved: Reserved,
    bytes: &[u8],
    step: usize,
) -> Result<Vec<Event>, WebSocketError> {
    let mut decoder = Decoder::new(sender, reserved);
    let mut buf = BytesMut::new();
    let mut found: Vec<Event> = Vec::new();
    for part in bytes.chunks(step) {
        buf.extend_from_slice(part);
        while let Some(event) = decoder.decode(&mut buf)? {
            match (found.last_mut(), event) {
                // How payload is cut is the only thing that may depend on the reads.
                (Some(Event::Payload(seen)), Event::Payload(more)) => {
                    *seen = [&seen[..], &more].concat().into();
                }
                (_, event) => found.push(event),
            }
        }
    }
    Ok(found)
}

fn items(
    sender: Role,
    deflate: Option<DeflateParameters>,
    bytes: &[u8],
) -> Result<Vec<Item>, WebSocketError> {
    let mut reader = MessageReader::new(sender, deflate, Limits::default());
    let mut buf = BytesMut::from(bytes);
    let mut found = Vec::new();
    while let Some(item) = reader.read(&mut buf)? {
        found.push(item);
    }
    Ok(found)
}

fn written(sender: Role, deflate: Option<DeflateParameters>, items: &[Item]) -> Vec<u8> {
    let mut writer = MessageWriter::new(sender, deflate);
    let mut out = BytesMut::new();
    for item in items {
        writer.write(&mut out, item, &mut || KEY).unwrap();
    }
    out.to_vec()
}

fn text(content: &str, fragments: &[usize]) -> Item {
    Item::Message(Message {
        kind: MessageKind::Text,
        content: Bytes::copy_from_slice(content.as_bytes()),
        fragments: fragments.to_vec(),
        compressed: false,
    })
}

/// Frames of a server with this payload.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, payload.len() as u8], payload].concat()
}

#[test]
fn accept_key_of_the_rfc() {
    assert_eq!(
        accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
}

/// RFC 6455 §5.7.
#[test]
fn examples_of_the_rfc() {
    let check = |sender, bytes: &[u8], expected: &[Item]| {
        assert_eq!(items(sender, None, bytes).unwrap(), expected);
    };
    check(Role::Server, b"\x81\x05Hello", &[text("Hello", &[5])]);
    check(
        Role::Client,
        b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        &[text("Hello", &[5])],
    );
    check(
        Role::Server,
        b"\x01\x03Hel\x80\x02lo",
        &[text("Hello", &[3, 2])],
    );
    check(
        Role::Server,
        b"\x89\x05Hello",
        &[Item::Ping("Hello".into())],
    );
    check(
        Role::Client,
        b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        &[Item::Pong("Hello".into())],
    );
    check(
        Role::Server,
        b"\x01\x03Hel\x89\0\x80\x02lo",
        &[Item::Ping(Bytes::new()), text("Hello", &[3, 2])],
    );
}

#[test]
fn frame_faults() {
    use WebSocketError as E;
    let check = |sender, bytes: &[u8], expected| {
        assert_eq!(items(sender, None, bytes), Err(expected), "{bytes:?}");
    };
    check(Role::Server, b"\xc1\0", E::ReservedBit);
    check(Role::Server, b"\xa1\0", E::ReservedBit);
    check(Role::Server, b"\x91\0", E::ReservedBit);
    check(Role::Server, b"\x83\0", E::Opcode(3));
    check(Role::Server, b"\x8b\0", E::Opcode(11));
    check(Role::Client, b"\x81\x01a", E::NotMasked);
    check(Role::Server, b"\x81\x81\0\0\0\0a", E::Masked);
    check(Role::Server, b"\x81\x7e\0\x7d", E::Length);
    check(Role::Server, b"\x82\x7f\0\0\0\0\0\0\xff\xff", E::Length);
    check(Role::Server, b"\x82\x7f\x80\0\0\0\0\x01\0\0", E::Length);
    check(Role::Server, b"\x09\0", E::FragmentedControl);
    check(Role::Server, b"\x89\x7e", E::ControlTooLong);
    check(Role::Server, b"\x80\0", E::UnexpectedContinuation);
    check(Role::Server, b"\x01\x01a\x81\x01b", E::InterruptedMessage);
    check(Role::Server, b"\x88\x01a", E::CloseLength);
    check(Role::Server, b"\x88\x02\x03\xed", E::CloseCode(1005));
    check(Role::Server, b"\x88\x03\x03\xe8\xff", E::Utf8);
    check(Role::Server, b"\x81\x01\xff", E::Utf8);
    check(Role::Server, b"\x81\x01\xc3", E::Utf8);
    assert_eq!((E::Utf8.close_code(), E::Masked.close_code()), (1007, 1002));
    assert_eq!(E::TooManyFragments(1).close_code(), 1009);
    // The reserved bit belongs to the first frame only, and to no control frame.
    let deflate = Some(DeflateParameters::default());
    assert_eq!(items(Role::Server, deflate, b"\xc9\0"), Err(E::ReservedBit));
    assert_eq!(
        items(Role::Server, deflate, b"\x02\x01a\xc0\0"),
        Err(E::ReservedBit)
    );
    assert_eq!(
        items(Role::Server, deflate, b"\xc2\x02\xff\xff"),
        Err(E::Deflate)
    );
}

#[test]
fn invalid_text_fails_before_the_message_ends() {
    assert_eq!(
        items(Role::Server, None, b"\x01\x03a\xf4\x90"),
        Err(WebSocketError::Utf8)
    );
    let cut = items(Role::Server, None, b"\x01\x01\xc3\x80\x01\xa9").unwrap();
    assert_eq!(cut, [text("\u{e9}", &[1, 1])]);
}

#[test]
fn close_codes() {
    for good in [1000, 1003, 1007, 1014, 3000, 4999] {
        assert!(is_valid_close_code(good), "{good}");
    }
    for bad in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        assert!(!is_valid_close_code(bad), "{bad}");
    }
    let none = Close::decode(b"").unwrap();
    assert_eq!((none.code, none.encode()), (None, vec![]));
    let local = Close {
        code: Some(1006),
        reason: String::new(),
    };
    assert_eq!(local.encode(), b"");
    let long = Close {
        code: Some(1000),
        reason: "\u{e9}".repeat(100),
    };
    assert_eq!(long.encode().len(), 124);
    assert!(Close::decode(&long.encode()).is_ok());
}

#[test]
fn nothing_is_read_after_a_close() {
    let found = items(Role::Server, None, b"\x88\x02\x03\xe8\x81\x05Hello\xff\xff").unwrap();
    let close = Close {
        code: Some(1000),
        reason: String::new(),
    };
    assert_eq!(found, [Item::Close(close)]);
}

fn limited(
    limits: Limits,
    deflate: Option<DeflateParameters>,
    bytes: &[u8],
) -> Result<Option<Item>, WebSocketError> {
    let mut reader = MessageReader::new(Role::Server, deflate, limits);
    reader.read(&mut BytesMut::from(bytes))
}

#[test]
fn limits() {
    let limits = Limits {
        message_bytes: 10,
        fragments: 3,
    };
    let check =
        |bytes: &[u8], expected| assert_eq!(limited(limits, None, bytes).map(|_| ()), expected);
    check(&frame(0x82, &[0; 10]), Ok(()));
    // The head alone tells, without a byte of payload.
    check(b"\x82\x0b", Err(WebSocketError::MessageTooLarge(10)));
    check(
        b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
        Err(WebSocketError::MessageTooLarge(10)),
    );
    let parts = [frame(0x02, &[0; 9]), frame(0x80, &[0; 2])].concat();
    check(&parts, Err(WebSocketError::MessageTooLarge(10)));
    check(b"\x02\0\0\0\x80\0", Ok(()));
    check(
        b"\x02\0\0\0\0\0\x80\0",
        Err(WebSocketError::TooManyFragments(3)),
    );
    // 16384 empty fragments are the default limit.
    let many = [b"\x02\0".as_slice(), &b"\0\0".repeat(16383)].concat();
    assert_eq!(limited(Limits::default(), None, &many), Ok(None));
    let more = b"\0\0".to_vec();
    let too_many = limited(Limits::default(), None, &[many, more].concat());
    assert_eq!(too_many, Err(WebSocketError::TooManyFragments(16384)));
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let deflate = DeflateParameters::default();
    let mut deflater = Deflater::new(deflate.server);
    let bomb = deflater.deflate(&vec![0; 100_000], Last::Yes).unwrap();
    assert!(bomb.len() < 200);
    let mut out = BytesMut::new();
    let header = FrameHeader {
        fin: true,
        rsv1: true,
        opcode: Opcode::Binary,
        mask: None,
        length: 0,
    };
    encode_frame(&mut out, header, &bomb);
    let limits = |message_bytes| Limits {
        message_bytes,
        fragments: 10,
    };
    let cut = limited(limits(99_999), Some(deflate), &out);
    assert_eq!(cut, Err(WebSocketError::MessageTooLarge(99_999)));
    assert!(matches!(
        limited(limits(100_000), Some(deflate), &out),
        Ok(Some(_))
    ));
    let mut held = Vec::new();
    let stopped = Inflater::new(deflate.server).inflate(&bomb, Last::Yes, &mut held, 50_000);
    assert_eq!(stopped, Err(InflateError::TooLarge));
    assert!(held.len() <= 50_000);
}

/// RFC 7692 §7.2.3.
#[test]
fn compressed_examples_of_the_rfc() {
    let deflate = Some(DeflateParameters::default());
    let hello = |fragments: &[usize]| match text("Hello", fragments) {
        Item::Message(message) => Item::Message(Message {
            compressed: true,
            ..message
        }),
        other => other,
    };
    let check = |bytes: &[u8], expected: &[Item]| {
        assert_eq!(items(Role::Server, deflate, bytes).unwrap(), expected);
    };
    check(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", &[hello(&[5])]);
    let found = items(
        Role::Server,
        deflate,
        b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00",
    )
    .unwrap();
    assert!(
        matches!(&found[..], [Item::Message(message)] if message.content == "Hello" && message.fragments.len() == 2)
    );
    // The second message refers to the first.
    check(
        b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00",
        &[hello(&[5]), hello(&[5])],
    );
    check(
        b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
        &[hello(&[5])],
    );
    // A final block, then another message.
    check(
        b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00",
        &[hello(&[5]), hello(&[5])],
    );
    check(
        b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
        &[hello(&[5])],
    );
    // An empty message.
    let empty = items(Role::Server, deflate, b"\xc2\x01\x00").unwrap();
    assert!(matches!(&empty[..], [Item::Message(message)] if message.content.is_empty()));
}

#[test]
fn without_takeover_nothing_is_kept() {
    let sender = Sender {
        takeover: Takeover::None,
        window_bits: 15,
    };
    let mut deflater = Deflater::new(sender);
    let first = deflater.deflate(b"Hello", Last::Yes).unwrap();
    assert_eq!(deflater.deflate(b"Hello", Last::Yes).unwrap(), first);
    let mut kept = Deflater::new(Sender::default());
    let first = kept.deflate(b"Hello Hello Hello", Last::Yes).unwrap();
    assert!(kept.deflate(b"Hello Hello Hello", Last::Yes).unwrap().len() < first.len());
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn the_smallest_window_is_respected() {
    let length = |window_bits| {
        let sender = Sender {
            takeover: Takeover::Kept,
            window_bits,
        };
        // Whoever looks back 257 bytes finds the same bytes again.
        let content = noise(257).repeat(2);
        Deflater::new(sender)
            .deflate(&content, Last::Yes)
            .unwrap()
            .len()
    };
    assert!(length(8) > 500);
    assert!(length(10) < 300);
}

/// Sizes around the compressor's own buffer.
#[test]
fn large_messages_round_trip() {
    let noise = noise(40_000);
    let sender = Sender {
        takeover: Takeover::Kept,
        window_bits: 8,
    };
    let (mut deflater, mut inflater) = (Deflater::new(sender), Inflater::new(sender));
    for length in (8170..8200).chain([16_384, 40_000]) {
        let sent = [&noise[..length], &noise[..100]].concat();
        let wire = deflater.deflate(&sent, Last::Yes).unwrap();
        let mut got = Vec::new();
        inflater
            .inflate(&wire, Last::Yes, &mut got, 50_000)
            .unwrap();
        assert!(got == sent, "{length}");
    }
}

#[test]
fn negotiation() {
    let check = |request: &str, response: &str, expected: Result<&str, ExtensionError>| {
        let found = negotiate([request.as_bytes()], [response.as_bytes()]).map(|found| {
            let of = |sender: Sender| format!("{}{:?}", sender.window_bits, sender.takeover);
            let deflate = found
                .deflate
                .map(|both| [of(both.client), of(both.server)].join(" "));
            format!("{}{}", deflate.unwrap_or_default(), found.unknown.join(","))
        });
        assert_eq!(found, expected.map(str::to_owned), "{response}");
    };
    let offer = "foo, permessage-deflate; client_max_window_bits, permessage-deflate";
    check("", "", Ok(""));
    check(offer, "", Ok(""));
    check(offer, "permessage-deflate", Ok("15Kept 15Kept"));
    check(
        offer,
        "Permessage-Deflate; server_no_context_takeover ;client_no_context_takeover; server_max_window_bits=\"10\"; client_max_window_bits = 8",
        Ok("8None 10None"),
    );
    check(offer, "foo; a=b", Ok("foo"));
    let twice = "permessage-deflate, permessage-deflate";
    check(offer, twice, Err(ExtensionError::Twice));
    check(
        "foo",
        "permessage-deflate",
        Err(ExtensionError::NotOffered("permessage-deflate")),
    );
    check(
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits=9",
        Err(ExtensionError::NotOffered("client_max_window_bits")),
    );
    for bad in ["=7", "=16", "=08", "", "=+9", "=\"\""] {
        let response = format!("permessage-deflate; server_max_window_bits{bad}");
        assert!(
            negotiate([offer.as_bytes()], [response.as_bytes()]).is_err(),
            "{bad}"
        );
    }
    for bad in [
        "; x",
        "; server_no_context_takeover=1",
        "; client_no_context_takeover; client_no_context_takeover",
    ] {
        check(
            offer,
            &format!("permessage-deflate{bad}"),
            Err(ExtensionError::Parameter),
        );
    }
    check(offer, "permessage-deflate;", Err(ExtensionError::Malformed));
    check(offer, "a b", Err(ExtensionError::Malformed));
    check(offer, "\u{e9}", Err(ExtensionError::Malformed));
}

#[test]
fn lengths_of_fragments() {
    let check = |length, fragments: &[usize], expected: &[usize]| {
        assert_eq!(fragment_lengths(length, fragments), expected);
    };
    check(5, &[3, 0, 2], &[3, 0, 2]);
    check(6, &[3, 2], &[6]);
    check(0, &[3, 2], &[0]);
    check(0, &[0], &[0]);
    check(0, &[], &[0]);
    check(9000, &[3], &[4000, 4000, 1000]);
    check(8000, &[], &[4000, 4000]);
    check(5, &[usize::MAX, 6], &[5]);
}

fn any_item() -> impl Strategy<Value = Item> {
    let kind = prop_oneof![Just(MessageKind::Text), Just(MessageKind::Binary)];
    let message = (
        kind,
        ".{0,300}",
        prop::collection::vec(0usize..100, 0..5),
        any::<bool>(),
    );
    prop_oneof![
        3 => message.prop_map(|(kind, content, mut fragments, compressed)| {
            let mut rest = content.len();
            for length in &mut fragments {
                *length = (*length).min(rest);
                rest -= *length;
            }
            fragments.push(rest);
            Item::Message(Message { kind, content: content.into_bytes().into(), fragments, compressed })
        }),
        1 => prop::collection::vec(any::<u8>(), 0..126).prop_map(|content| Item::Ping(content.into())),
        1 => prop::collection::vec(any::<u8>(), 0..126).prop_map(|content| Item::Pong(content.into())),
    ]
}

fn any_parameters() -> impl Strategy<Value = DeflateParameters> {
    let sender = (any::<bool>(), 8u8..16).prop_map(|(kept, window_bits)| Sender {
        takeover: if kept { Takeover::Kept } else { Takeover::None },
        window_bits,
    });
    (sender.clone(), sender).prop_map(|(client, server)| DeflateParameters { client, server })
}

fn any_role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Client), Just(Role::Server)]
}

proptest! {
    #[test]
    fn any_bytes_give_a_result(bytes in prop::collection::vec(any::<u8>(), 0..200), role in any_role(), step in 1usize..20) {
        let deflate = Some(DeflateParameters::default());
        let _ = items(role, deflate, &bytes);
        let whole = events(role, Reserved::Deflate, &bytes, 1000);
        prop_assert_eq!(events(role, Reserved::Deflate, &bytes, step), whole);
        let compressed = frame(0xC1, &bytes[..bytes.len().min(125)]);
        let _ = items(Role::Server, deflate, &compressed);
    }

    #[test]
    fn any_extensions_give_a_result(request in "\\PC{0,60}", response in "(permessage-deflate)?[ -~]{0,60}") {
        let _ = negotiate([request.as_bytes()], [response.as_bytes()]);
    }

    #[test]
    fn items_round_trip(sent in prop::collection::vec(any_item(), 0..8), role in any_role(), deflate in any_parameters(), step in 1usize..50) {
        let bytes = written(role, Some(deflate), &sent);
        prop_assert_eq!(items(role, Some(deflate), &bytes), Ok(sent));
        let whole = events(role, Reserved::Deflate, &bytes, usize::MAX);
        prop_assert_eq!(events(role, Reserved::Deflate, &bytes, step), whole);
    }

    #[test]
    fn masking_twice_changes_nothing(content in prop::collection::vec(any::<u8>(), 0..100), key: [u8; 4], offset: u64, cut in 0usize..100) {
        let slow: Vec<u8> = (0..).zip(&content).map(|(at, byte)| byte ^ key[((offset % 4 + at) % 4) as usize]).collect();
        let mut fast = content.clone();
        let cut = cut.min(fast.len());
        let (first, second) = fast.split_at_mut(cut);
        apply_mask(first, key, offset);
        apply_mask(second, key, (offset % 4) + cut as u64);
        prop_assert_eq!(fast, slow);
    }

    #[test]
    fn text_is_judged_as_a_whole(mut bytes in prop_oneof!["\\PC{0,20}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..20)], step in 1usize..5, at: usize, flip: bool) {
        if flip && !bytes.is_empty() {
            let at = at % bytes.len();
            bytes[at] ^= 0x40;
        }
        let mut validator = Utf8Validator::default();
        let pieces = bytes.chunks(step).try_for_each(|piece| validator.push(piece));
        let valid = pieces.and_then(|()| validator.finish()).is_ok();
        prop_assert_eq!(valid, std::str::from_utf8(&bytes).is_ok());
    }
}
