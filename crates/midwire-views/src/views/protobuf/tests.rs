use proptest::prelude::*;

use super::*;

fn shown(data: &[u8]) -> Result<String, ViewError> {
    Protobuf.prettify(data, &Metadata::default())
}

fn check(data: &[u8], expected: &str) {
    assert_eq!(shown(data).unwrap(), expected, "{data:?}");
}

fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [&[tag, bytes.len() as u8][..], bytes].concat()
}

#[test]
fn fields_are_shown_by_number() {
    check(
        b"\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01\x25\0\0\0\x40",
        "1: 150  # !sint: 75\n2: testing\n3:\n  1: 150  # !sint: 75\n4: !fixed32 2.0  # u32: 1073741824\n",
    );
    check(b"", "{}  # empty protobuf message");
    check(b"\x18\x01\x08\x02", "1: 2  # !sint: 1\n3: 1  # !sint: -1\n");
    check(
        b"\x08\x01\x08\x02",
        "1:\n- 1  # !sint: -1\n- 2  # !sint: 1\n",
    );
}

#[test]
fn numbers_have_other_readings() {
    let varint = |n: u64, expected: &str| {
        let mut data = vec![8];
        wire::push_varint(n, &mut data);
        check(&data, &format!("1: {expected}\n"));
    };
    varint(0, "0  # !sint: 0");
    varint(127, "127  # !sint: -64");
    varint(u64::MAX, "-1  # u64: 18446744073709551615");
    varint(1 << 63, "9223372036854775808  # i64: -9223372036854775808");
    let fixed32 = |n: u32, expected: &str| {
        check(
            &[&[0x0d][..], &n.to_le_bytes()].concat(),
            &format!("1: !fixed32 {expected}\n"),
        );
    };
    fixed32(1.0_f32.to_bits(), "1.0  # u32: 1065353216");
    fixed32(
        (-1.0_f32).to_bits(),
        "-1.0  # u32: 3212836864, i32: -1082130432",
    );
    fixed32(1e7_f32.to_bits(), "1259902592  # f32: 10000000.0");
    fixed32(1e-5_f32.to_bits(), "0.00001  # u32: 925353388");
    fixed32(1e-10_f32.to_bits(), "786163455");
    fixed32(1000, "1000");
    fixed32(u32::MAX, "-1  # u32: 4294967295");
    fixed32(1_000_000_000, "1000000000  # f32: 0.0047237873");
    fixed32(3_000_000_000, "3000000000  # i32: -1294967296");
    fixed32(f32::INFINITY.to_bits(), ".inf  # u32: 2139095040");
    let fixed64 = |n: u64, expected: &str| {
        check(
            &[&[0x09][..], &n.to_le_bytes()].concat(),
            &format!("1: !fixed64 {expected}\n"),
        );
    };
    fixed64(
        1e15_f64.to_bits(),
        "1000000000000000.0  # u64: 4831355200913801216",
    );
    fixed64(
        1e16_f64.to_bits(),
        "4846369599423283200  # f64: 10000000000000000.0",
    );
    fixed64(1 << 62, "2.0  # u64: 4611686018427387904");
    fixed64(5_u64.wrapping_neg(), "-5  # u64: 18446744073709551611");
}

#[test]
fn bytes_are_text_messages_or_binary() {
    check(&field(0x0a, b""), "1: ''\n");
    check(&field(0x0a, b"\xff\xfe\x00"), "1: !binary fffe00\n");
    check(&field(0x0a, b"12"), "1: '12'\n");
    check(&field(0x0a, b"(x"), "1: (x\n");
    check(&field(0x0a, "é".as_bytes()), "1: é\n");
    check(&field(0x0a, b"a\nb"), "1: |-\n  a\n  b\n");
    check(&field(0x0a, b"a\0"), "1: !binary '6100'\n");
    check(
        &field(0x0a, &field(0x0a, &[b'x'; 40])),
        &format!("1:\n  1: {}\n", "x".repeat(40)),
    );
    check(
        &[field(0x2a, b"\x0a\x01a\x10\x03"), field(0x2a, b"\x0a\x01b")].concat(),
        "5:\n- 1: a\n  2: 3  # !sint: -2\n- 1: b\n",
    );
    check(
        &[field(0x12, b"\x08\x01"), field(0x12, b"text")].concat(),
        "2:\n- !binary '0801'\n- !binary '74657874'\n",
    );
    check(
        &[field(0x0a, b"a"), b"\x08\x03".to_vec()].concat(),
        "1:\n- 97  # !sint: -49\n- 3  # !sint: -2\n",
    );
}

#[test]
fn groups_are_nested() {
    check(
        b"\x0b\x10\x07\x0c\x48\x01",
        "1:\n  2: 7  # !sint: -4\n9: 1  # !sint: -1\n",
    );
    assert!(shown(b"\x0b\x10\x07").is_err());
    assert!(shown(b"\x0c").is_err());
}

#[test]
fn broken_messages_are_refused() {
    for data in [
        &b"\x0a\x05ab"[..],
        b"\xff\xff",
        b"\x00\x01",
        b"\x0f",
        b"\x08",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
    ] {
        assert!(shown(data).is_err(), "{data:?}");
    }
}

#[test]
fn depth_is_bounded() {
    assert!(matches!(shown(&[0x0b; 300]), Err(ViewError::TooDeep(_))));
    let mut data = vec![0xff];
    for _ in 0..1000 {
        let mut outer = vec![0x0a];
        wire::push_varint(data.len() as u64, &mut outer);
        outer.extend(&data);
        data = outer;
    }
    assert!(shown(&data).is_ok());
}

#[test]
fn edits_become_bytes() {
    let data = b"\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01\x25\0\0\0\x40\x29\x05\0\0\0\0\0\0\0\x32\x01\xff";
    let text = shown(data).unwrap();
    assert_eq!(
        Protobuf.reencode(&text, &Metadata::default()).unwrap(),
        data
    );
    let check = |text: &str, expected: Option<&[u8]>| {
        assert_eq!(
            Protobuf
                .reencode(text, &Metadata::default())
                .ok()
                .as_deref(),
            expected,
            "{text}"
        );
    };
    check("{}  # empty protobuf message", Some(b""));
    check("1: !sint -2", Some(b"\x08\x03"));
    check("1: [1, true]", Some(b"\x08\x01\x08\x01"));
    check(
        "1: -1",
        Some(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    );
    check("a: 1", None);
    check("0: 1", None);
    check("1: !other 1", None);
    check("1: [[1]]", None);
    check("- 1", None);
}

proptest! {
    #[test]
    fn what_is_shown_encodes_to_the_same(numbers in proptest::collection::vec((1_u64..100, any::<u64>()), 1..8)) {
        let mut data = Vec::new();
        for (field, value) in &numbers {
            encode::push_number(*field, *value, &mut data);
        }
        let text = shown(&data).unwrap();
        let back = Protobuf.reencode(&text, &Metadata::default()).unwrap();
        prop_assert_eq!(shown(&back).unwrap(), text);
    }
}
