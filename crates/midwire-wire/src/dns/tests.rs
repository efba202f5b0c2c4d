use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;

fn header(counts: [u16; 4], flags: u16) -> Vec<u8> {
    let fields = [&[7, flags][..], &counts].concat();
    fields.into_iter().flat_map(u16::to_be_bytes).collect()
}

const QUESTION: &[u8] = b"\x07example\x03com\0\0\x01\0\x01";

/// A response to example.com with one answer of this type and data; the name of the question stands at 0xC00C.
fn response(type_: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = [&header([1, 1, 0, 0], 0x8180)[..], QUESTION, b"\xc0\x0c"].concat();
    bytes.extend(type_.to_be_bytes());
    bytes.extend(b"\0\x01\0\0\0\x3c");
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    bytes
}

fn answer(type_: u16, data: &[u8]) -> Record {
    Message::unpack(&response(type_, data))
        .unwrap()
        .answers
        .remove(0)
}

#[test]
fn flags() {
    let message = Message::unpack(&header([0; 4], 0xFFFF)).unwrap();
    assert!(!message.query && message.authoritative_answer && message.truncation);
    assert!(message.recursion_desired && message.recursion_available);
    assert_eq!(
        (message.op_code, message.reserved, message.response_code),
        (15, 7, 15)
    );
    for flags in [0, 0x0100, 0x8583, 0xFFFF] {
        let bytes = header([0; 4], flags);
        assert_eq!(Message::unpack(&bytes).unwrap().pack().unwrap(), bytes);
    }
}

#[test]
fn names_in_data_are_uncompressed() {
    let check = |type_, data: &[u8], expected: &[u8]| {
        assert_eq!(answer(type_, data).data, expected, "{data:?}");
    };
    let com = b"\x07example\x03com\0";
    check(types::CNAME, b"\xc0\x0c", com);
    check(
        types::NS,
        b"\x03www\xc0\x0c",
        &[b"\x03www", &com[..]].concat(),
    );
    check(
        types::MX,
        b"\0\x05\x04mail\xc0\x0c",
        &[b"\0\x05\x04mail", &com[..]].concat(),
    );
    check(
        types::SRV,
        b"\0\x01\0\x02\x01\xbb\xc0\x0c",
        &[b"\0\x01\0\x02\x01\xbb", &com[..]].concat(),
    );
    // A serial number that looks like a pointer stays what it is.
    let numbers = [&[0xC0, 0x0C, 0, 0], &[0; 16][..]].concat();
    let soa = [b"\x02ns\xc0\x0c\xc0\x0c", &numbers[..]].concat();
    check(
        types::SOA,
        &soa,
        &[b"\x02ns", &com[..], &com[..], &numbers].concat(),
    );
    check(
        types::NAPTR,
        b"\0\x01\0\x02\x01u\0\0\xc0\x0c",
        &[b"\0\x01\0\x02\x01u\0\0", &com[..]].concat(),
    );
    // Types without names, and data that does not fit its type, stay.
    for (type_, data) in [
        (types::TXT, &b"\x02\xc0\x0c"[..]),
        (types::DNAME, b"\xc0\x0c"),
        (types::HTTPS, b"\0\x01\xc0\x0c"),
        (types::MX, b"\0"),
        (types::CNAME, b"\x03www"),
    ] {
        check(type_, data, data);
    }
}

#[test]
fn texts_of_records() {
    let check =
        |type_, data: &[u8], expected: &str| assert_eq!(answer(type_, data).to_string(), expected);
    check(types::A, b"\x01\x02\x03\x04", "1.2.3.4");
    check(types::A, b"\x01\x02", "0x0102 (invalid A data)");
    check(types::A, b"", "0x (invalid A data)");
    check(types::AAAA, &[&[0; 15][..], &[1]].concat(), "::1");
    check(types::AAAA, b"\0", "0x00 (invalid AAAA data)");
    check(types::CNAME, b"\x01a\x02bc\0", "a.bc");
    check(
        types::PTR,
        b"\x0dxn--bcher-kva\xc0\x0c",
        "b\u{fc}cher.example.com",
    );
    check(types::NS, b"\0", "");
    check(
        types::CNAME,
        b"\x01a\x02bc",
        "0x0161026263 (invalid CNAME data)",
    );
    check(types::PTR, b"\x01a\0zz", "0x0161007a7a (invalid PTR data)");
    check(types::TXT, b"\x03abc\x02de", "\x03abc\x02de");
    check(types::TXT, b"\xff\xfe", "0xfffe (invalid TXT data)");
    check(types::MX, b"\0\x05\x01a\0", "0x0005016100");
    check(65280, b"zz", "0x7a7a");
    check(65280, b"", "0x");
    check(types::SVCB, b"\0\x01\0", "0x000100");
}

#[test]
fn texts_of_https_records() {
    let check = |parameters: &[u8], expected: &str| {
        let data = [b"\0\x01\0", parameters].concat();
        assert_eq!(answer(types::HTTPS, &data).to_string(), expected);
    };
    check(b"", "{'target_name': '', 'priority': 1}");
    check(
        b"\0\x01\0\x06\x02h2\x02h3",
        r"{'target_name': '', 'priority': 1, 'alpn': '\\x02h2\\x02h3'}",
    );
    check(
        b"\0\x05\0\x03\xfe\x0d\0",
        r"{'target_name': '', 'priority': 1, 'ech': '\\xfe\\r\\x00'}",
    );
    check(
        b"\0\x02\0\0\0\x07\0\x0a/dns{?dns}",
        "{'target_name': '', 'priority': 1, 'no_default_alpn': '', 7: '/dns{?dns}'}",
    );
    check(
        b"\0\x03\0\x04\xff'\"\n",
        r#"{'target_name': '', 'priority': 1, 'port': '\\xff\'"\\n'}"#,
    );
    check(
        b"\0\x03\0\x01'",
        r#"{'target_name': '', 'priority': 1, 'port': "'"}"#,
    );
    check(
        b"\0\x01\0\x03\x02h2\0\x04\0\x01a\0\x01\0\x03\x02h3",
        r"{'target_name': '', 'priority': 1, 'alpn': '\\x02h3', 'ipv4hint': 'a'}",
    );
    check(b"\0\x01\0\x05a", "0x0001000001000561 (invalid HTTPS data)");
    check(b"\0\x01\0", "0x000100000100 (invalid HTTPS data)");
    assert_eq!(
        answer(types::HTTPS, b"\0").to_string(),
        "0x00 (invalid HTTPS data)"
    );
    assert_eq!(
        answer(types::HTTPS, b"\0\x01\xc0\0").to_string(),
        "0x0001c000 (invalid HTTPS data)"
    );
    let named = answer(types::HTTPS, b"\0\x01\x07example\x03com\0");
    assert_eq!(
        named.to_string(),
        "{'target_name': 'example.com', 'priority': 1}"
    );
}

#[test]
fn parameters_of_https_records_can_be_set() {
    let mut record = HttpsRecord::unpack(b"\0\x01\0").unwrap();
    assert_eq!((record.alpn(), record.ech()), (None, None));
    record.set_alpn(Some(&["h2".into(), "h3".into()])).unwrap();
    record.set_ech(Some("AAE=")).unwrap();
    assert_eq!(
        record.pack().unwrap(),
        &b"\0\x01\0\0\x01\0\x06\x02h2\x02h3\0\x05\0\x02\0\x01"[..]
    );
    assert_eq!(record.alpn().unwrap(), ["h2", "h3"]);
    assert_eq!(record.ech().unwrap(), "AAE=");
    record.set_alpn(None).unwrap();
    assert_eq!(record.pack().unwrap(), &b"\0\x01\0\0\x05\0\x02\0\x01"[..]);
    record.set_ech(None).unwrap();
    assert!(record.params.is_empty());
    assert_eq!(record.set_ech(Some("AA")), Err(SvcbError::Base64));
    assert_eq!(
        record.set_alpn(Some(&[vec![0; 256].into()])),
        Err(SvcbError::TooLong)
    );
    let cut = HttpsRecord::unpack(b"\0\x01\0\0\x01\0\x03\x05h2").unwrap();
    assert_eq!(cut.alpn().unwrap(), ["h2"]);
}

#[test]
fn names_as_text() {
    let check = |wire: &[u8], text: &str| {
        assert_eq!(wire_to_name(wire).unwrap(), text);
        assert_eq!(name_to_wire(text).unwrap(), wire, "{text:?}");
    };
    check(b"\0", "");
    check(b"\x01a\x02bc\0", "a.bc");
    check(b"\x03A B\0", "A B");
    check(b"\x02a\n\0", "a\n");
    check(b"\x03a.b\0", "a\\.b");
    check(b"\x05a.b\\c\0", "a\\.b\\\\c");
    check(b"\x02\xc3\xa9\0", "\\195\\169");
    check(b"\x0dxn--bcher-kva\x02de\0", "b\u{fc}cher.de");
    check(b"\x0axn--wgv71a\x02jp\0", "\u{65e5}\u{672c}.jp");
    check(b"\x08xn--ls8h\0", "\u{1f4a9}");
    // What would not lead back to the same bytes stays as it is.
    for label in [
        "XN--bcher-kva",
        "xn--Bcher-kva",
        "xn--strae-oqa",
        "xn--bcher-",
        "xn--",
        "xn--a",
        "xn--99999999",
    ] {
        let wire = [&[label.len() as u8], label.as_bytes(), b"\0"].concat();
        check(&wire, label);
    }
}

#[test]
fn names_from_text() {
    let check = |text: &str, expected: Result<&[u8], NameError>| {
        assert_eq!(name_to_wire(text), expected.map(<[u8]>::to_vec), "{text:?}");
    };
    check("\u{c9}.com", Ok(b"\x07xn--9ca\x03com\0"));
    check("B\u{dc}CHER.de", Ok(b"\x0dxn--bcher-kva\x02de\0"));
    check("fa\u{df}", Ok(b"\x04fass\0"));
    check("a\\b", Ok(b"\x03a\\b\0"));
    check("a\\", Ok(b"\x02a\\\0"));
    check("\\999", Ok(b"\x04\\999\0"));
    check("\\065", Ok(b"\x01A\0"));
    for bad in ["a.", "a..b", ".", ".a"] {
        check(bad, Err(NameError::EmptyLabel));
    }
    check("\u{e9}\\255", Err(NameError::Encoding));
    check(&"\u{e9}".repeat(64), Err(NameError::Encoding));
    assert!(name_to_wire(&"x".repeat(63)).is_ok());
    check(&"x".repeat(64), Err(NameError::Label(64)));
    let name = |last| format!("{0}.{0}.{0}.{1}", "x".repeat(63), "x".repeat(last));
    assert_eq!(name_to_wire(&name(61)).unwrap().len(), 255);
    check(&name(62), Err(NameError::TooLong));
}

/// A question whose name begins at 12 with these bytes.
fn question(name: &[u8]) -> Result<Message, UnpackError> {
    Message::unpack(&[&header([1, 0, 0, 0], 0)[..], name, b"\0\x01\0\x01"].concat())
}

#[test]
fn faults_of_names() {
    let check = |name: &[u8], fault| {
        assert_eq!(
            question(name),
            Err(UnpackError::Name(Section::Question, 0, fault)),
            "{name:?}"
        );
    };
    check(b"\xc0\x0c", NameError::Forward);
    check(b"\xc0\x12\x03abc\0", NameError::Forward);
    check(b"\x01a\xc0\x0c", NameError::Forward);
    check(b"\x40a", NameError::Label(64));
    check(b"\x80a", NameError::Label(128));
    check(b"\x3fabc", NameError::Cut);
    // A pointer into the header is backwards; what it reads there is a root name.
    assert_eq!(question(b"\xc0\x00").unwrap().questions[0].name, "");
    assert_eq!(wire_to_name(b"\xc0\x00"), Err(NameError::Pointer));
    assert_eq!(wire_to_name(b"\x01a"), Err(NameError::Cut));
    assert_eq!(wire_to_name(b"\0\0"), Err(NameError::Trailing));
}

/// The question's name and then, in each answer, a name that is only a pointer to the one before.
fn chain(pointers: u16) -> Result<Message, UnpackError> {
    let mut bytes = [&header([1, pointers, 0, 0], 0)[..], b"\x01a\0\0\x01\0\x01"].concat();
    let mut last: u16 = 12;
    for _ in 0..pointers {
        let here = bytes.len() as u16;
        bytes.extend((0xC000 | last).to_be_bytes());
        bytes.extend(b"\0\x01\0\x01\0\0\0\0\0\0");
        last = here;
    }
    Message::unpack(&bytes)
}

#[test]
fn limits_of_names() {
    assert_eq!(chain(128).unwrap().answers[127].name, "a");
    let fault = UnpackError::Name(Section::Answer, 128, NameError::TooManyPointers);
    assert_eq!(chain(129), Err(fault));

    let label = [&[63][..], &[b'x'; 63]].concat();
    let long =
        |last: usize| [label.repeat(3), vec![last as u8], vec![b'x'; last], vec![0]].concat();
    assert!(question(&long(61)).is_ok());
    let fault = UnpackError::Name(Section::Question, 0, NameError::TooLong);
    assert_eq!(question(&long(62)), Err(fault));
    assert_eq!(wire_to_name(&long(62)), Err(NameError::TooLong));
}

#[test]
fn faults_of_messages() {
    let check = |bytes: &[u8], fault| assert_eq!(Message::unpack(bytes), Err(fault));
    check(b"abc", UnpackError::Header(3));
    check(
        &header([1, 0, 0, 0], 0),
        UnpackError::Name(Section::Question, 0, NameError::Cut),
    );
    let whole = response(types::A, &[1, 2, 3, 4]);
    check(
        &whole[..whole.len() - 1],
        UnpackError::Cut(Section::Answer, 0),
    );
    check(&whole[..25 + 3], UnpackError::Cut(Section::Question, 0));
    check(&[&whole[..], b"xy"].concat(), UnpackError::Trailing(2));
    let (_, length) = Message::unpack_prefix(&[&whole[..], b"xy"].concat()).unwrap();
    assert_eq!(length, whole.len());
    // Counts are only believed as far as there are bytes.
    check(
        &header([0, 0, 0, 65535], 0),
        UnpackError::Name(Section::Additional, 0, NameError::Cut),
    );

    let mut message = Message::unpack(&whole).unwrap();
    message.op_code = 16;
    let error = message.pack().unwrap_err().to_string();
    assert_eq!(error, "DNS op_code of 16 is out of bounds");
    message.op_code = 0;
    message.answers = vec![Record::new("a", types::TXT, vec![0; 65536])];
    assert_eq!(message.pack(), Err(PackError::DataTooLong(65536)));
    message.answers = vec![Record::new("a..b", types::TXT, vec![])];
    assert!(matches!(
        message.pack(),
        Err(PackError::Name(_, NameError::EmptyLabel))
    ));
    message.answers = vec![Record::new("", types::TXT, vec![]); 65536];
    assert_eq!(message.pack(), Err(PackError::TooManyEntries));
}

#[test]
fn answers_to_a_query() {
    let query = Message::unpack(&[&header([1, 0, 0, 0], 0x0120)[..], QUESTION].concat()).unwrap();
    assert_eq!(query.question().unwrap().name, "example.com");
    let failed = query.fail(2).unwrap();
    assert_eq!(
        failed.pack().unwrap(),
        [&header([1, 0, 0, 0], 0x8102)[..], QUESTION].concat()
    );
    assert_eq!(query.fail(0), Err(NotAnError));
    let answers = vec![
        Record::address("example.com", "1.2.3.4".parse().unwrap()),
        Record::of_name("example.com", types::CNAME, "b\u{fc}cher.de").unwrap(),
    ];
    let succeeded = query.succeed(answers);
    assert_eq!(
        (succeeded.size(), succeeded.recursion_available),
        (4 + 18, true)
    );
    assert_eq!(Message::unpack(&succeeded.pack().unwrap()), Ok(succeeded));
}

#[test]
fn tables() {
    assert_eq!(
        (types::to_str(1), types::from_str("A")),
        ("A".into(), Some(1))
    );
    assert_eq!(
        (types::to_str(65280), types::from_str("TYPE(65280)")),
        ("TYPE(65280)".into(), Some(65280))
    );
    for bad in [
        "a",
        "FOO",
        "TYPE7",
        "TYPE(x)",
        "TYPE(+7)",
        "TYPE(-1)",
        "TYPE(70000)",
        "TYPE()",
        "CLASS(7)",
        "",
    ] {
        assert_eq!(types::from_str(bad), None, "{bad}");
    }
    assert_eq!(
        (classes::to_str(1), classes::to_str(7)),
        ("IN".into(), "CLASS(7)".into())
    );
    assert_eq!(
        (op_codes::to_str(0), op_codes::to_str(9)),
        ("QUERY".into(), "OPCODE(9)".into())
    );
    assert_eq!(
        (response_codes::to_str(3), response_codes::to_str(15)),
        ("NXDOMAIN".into(), "RCODE(15)".into())
    );
    assert_eq!(
        [0, 1, 2, 3, 5, 15].map(http_status),
        [200, 400, 500, 404, 403, 500]
    );
}

#[test]
fn messages_in_a_stream() {
    let mut buf = BytesMut::from(&b"\0\x03abc\0\x01d\0"[..]);
    assert_eq!(next_framed(&mut buf), Ok(Some("abc".into())));
    assert_eq!(next_framed(&mut buf), Ok(Some("d".into())));
    assert_eq!((next_framed(&mut buf), buf.len()), (Ok(None), 1));
    assert_eq!(
        next_framed(&mut BytesMut::from(&b"\0\0a"[..])),
        Err(FramingError::Empty)
    );
    assert_eq!(encode_framed(b""), Err(FramingError::Empty));
    assert_eq!(
        encode_framed(&vec![0; 65536]),
        Err(FramingError::TooLong(65536))
    );
    // The longest message, and no reader needs to hold more.
    let framed = encode_framed(&vec![1; 65535]).unwrap();
    assert_eq!(
        next_framed(&mut BytesMut::from(&framed[..]))
            .unwrap()
            .unwrap()
            .len(),
        65535
    );
}

fn any_wire_name() -> impl Strategy<Value = Vec<u8>> {
    let plain = prop::collection::vec(any::<u8>(), 1..20);
    let coded = "xn--[a-z0-9-]{0,20}".prop_map(String::into_bytes);
    prop::collection::vec(prop_oneof![plain, coded], 0..8).prop_map(|labels| {
        let mut wire: Vec<u8> = labels
            .iter()
            .flat_map(|label| [&[label.len() as u8], &label[..]].concat())
            .collect();
        wire.push(0);
        wire
    })
}

fn any_record() -> impl Strategy<Value = Record> {
    let data = prop::collection::vec(any::<u8>(), 0..30);
    let type_ = prop_oneof![
        Just(types::A),
        Just(types::TXT),
        Just(types::OPT),
        Just(types::HTTPS)
    ];
    (any_wire_name(), type_, any::<u16>(), any::<u32>(), data).prop_map(
        |(name, type_, class, ttl, data)| Record {
            name: wire_to_name(&name).unwrap(),
            type_,
            class,
            ttl,
            data: data.into(),
        },
    )
}

/// What must come back of any message: a broken pointer in data is kept, and may point at something in a new place.
fn without_data(mut message: Message) -> Message {
    let sections = [
        &mut message.answers,
        &mut message.authorities,
        &mut message.additionals,
    ];
    for record in sections.into_iter().flatten() {
        record.data = Bytes::new();
    }
    message
}

proptest! {
    #[test]
    fn any_bytes_give_a_result(bytes in prop::collection::vec(any::<u8>(), 0..300), type_ in 0u16..70) {
        let _ = Message::unpack(&bytes);
        let _ = wire_to_name(&bytes);
        let record = answer(type_, &bytes);
        let _ = record.to_string();
        let few = [&header([2, 2, 2, 2], 0)[..], &bytes].concat();
        if let Ok((message, _)) = Message::unpack_prefix(&few) {
            let again = Message::unpack(&message.pack().unwrap()).unwrap();
            prop_assert_eq!(without_data(again), without_data(message));
        }
    }

    #[test]
    fn any_text_is_a_name_or_not(text in "(xn--|\\\\|\\.|\\PC|[a-z0-9-]){0,20}") {
        if let Ok(wire) = name_to_wire(&text) {
            let again = wire_to_name(&wire).unwrap();
            prop_assert_eq!(name_to_wire(&again), Ok(wire));
        }
    }

    #[test]
    fn every_name_comes_back(wire in any_wire_name()) {
        prop_assert_eq!(name_to_wire(&wire_to_name(&wire).unwrap()), Ok(wire));
    }

    #[test]
    fn labels_in_other_scripts_come_back(label in "[a-z0-9\u{e0}-\u{f6}\u{430}-\u{44f}\u{65e5}-\u{672c}]{1,10}") {
        prop_assert_eq!(wire_to_name(&name_to_wire(&label).unwrap()), Ok(label));
    }

    #[test]
    fn messages_come_back(id: u16, flags: u16, answers in prop::collection::vec(any_record(), 0..4), additionals in prop::collection::vec(any_record(), 0..4)) {
        let mut message = Message::unpack(&header([0; 4], flags)).unwrap();
        (message.id, message.answers, message.additionals) = (id, answers, additionals);
        prop_assert_eq!(Message::unpack(&message.pack().unwrap()), Ok(message));
    }

    #[test]
    fn https_records_come_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let data = [b"\0\x01\0", &bytes[..]].concat();
        if let Ok(record) = HttpsRecord::unpack(&data) {
            let _ = (record.to_string(), record.alpn(), record.ech());
            prop_assert_eq!(HttpsRecord::unpack(&record.pack().unwrap()), Ok(record));
        }
    }

    #[test]
    fn any_split_of_a_stream_gives_the_same(bytes in prop::collection::vec(0u8..4, 0..60), step in 1usize..9) {
        let read = |step: usize| {
            let (mut buf, mut found) = (BytesMut::new(), Vec::new());
            for part in bytes.chunks(step) {
                buf.extend_from_slice(part);
                while let Some(message) = next_framed(&mut buf)? {
                    found.push(message);
                }
            }
            Ok::<_, FramingError>(found)
        };
        prop_assert_eq!(read(step), read(usize::MAX));
    }
}
