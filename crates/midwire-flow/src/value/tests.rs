use bytes::Bytes;
use proptest::prelude::*;

use super::write::float_text;
use super::*;

fn written(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    value.write(&mut out);
    out
}

fn sample() -> Value {
    Value::Dict(vec![
        ("a".into(), Value::Null),
        ("b".into(), 1.5.into()),
        ("c".into(), Bytes::from_static(b"x").into()),
        ("d".into(), "é".into()),
        (
            "e".into(),
            vec![true.into(), false.into(), (-3).into()].into(),
        ),
        ("f".into(), f64::INFINITY.into()),
    ])
}

const SAMPLE: &str = "72:1:f;3:inf^1:e;20:4:true!5:false!2:-3#]1:d;2:é;1:c;1:x,1:b;3:1.5^1:a;0:~}";

#[test]
fn values_are_written_backwards_and_read_in_order() {
    assert_eq!(String::from_utf8(written(&sample())).unwrap(), SAMPLE);
    let mut bytes = SAMPLE.as_bytes().to_vec();
    bytes.extend_from_slice(b"rest");
    assert_eq!(Value::parse(&bytes), Ok((sample(), SAMPLE.len())));
}

#[test]
fn every_cut_of_a_value_asks_for_more() {
    for end in 0..SAMPLE.len() {
        let got = Value::parse(&SAMPLE.as_bytes()[..end]);
        assert_eq!(got, Err(ParseError::Incomplete), "cut at {end}");
    }
}

#[test]
fn floats_have_pythons_text() {
    for (float, text) in [
        (946_681_200.0, "946681200.0"),
        (946_681_204.2, "946681204.2"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1e15, "1000000000000000.0"),
        (9_999_999_999_999_998.0, "9999999999999998.0"),
        (1e16, "1e+16"),
        (1.5e300, "1.5e+300"),
        (0.0001, "0.0001"),
        (0.00012, "0.00012"),
        (0.00001, "1e-05"),
        (0.000_012_5, "1.25e-05"),
        (5e-324, "5e-324"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
    ] {
        assert_eq!(float_text(float), text);
    }
}

#[test]
fn broken_input_is_refused() {
    use ParseError::{Depth, Incomplete, Length, Literal, Tag};
    let deep = |n: usize| {
        let mut v = Value::Null;
        for _ in 0..n {
            v = Value::List(vec![v]);
        }
        let mut w = BackWriter::with_capacity(0);
        w.value(&v, n);
        w.contiguous().unwrap().to_vec()
    };
    assert!(Value::parse(&deep(MAX_DEPTH)).is_ok());
    for (input, error) in [
        (&b"x"[..], Length),
        (b":~", Length),
        (b"-1:~", Length),
        (b"+0:~", Length),
        (b"9999999999999:", Length),
        (b"999999999999:", Incomplete),
        (b"0:?", Tag),
        (b"1:x~", Literal),
        (b"4:True!", Literal),
        (b"0:#", Literal),
        (b"1:-#", Literal),
        (b"2:1_#", Literal),
        (b"1:x^", Literal),
        (b"1:\xff;", Literal),
        (b"3:0:x]", Tag),
        (b"3:9:x]", Length),
        (b"3:0:~}", Length),
        (&deep(MAX_DEPTH + 1), Depth),
    ] {
        assert_eq!(Value::parse(input), Err(error), "{input:?}");
    }
}

#[test]
fn integers_have_any_size() {
    for digits in ["9223372036854775807", "-9223372036854775808"] {
        let bytes = format!("{}:{digits}#", digits.len());
        let (value, _) = Value::parse(bytes.as_bytes()).unwrap();
        assert!(matches!(value, Value::Int(_)));
        assert_eq!(written(&value), bytes.as_bytes());
    }
    let big = "-92233720368547758080";
    let bytes = format!("{}:{big}#", big.len());
    let (value, _) = Value::parse(bytes.as_bytes()).unwrap();
    assert_eq!(value, Value::BigInt(big.to_owned()));
    assert_eq!(written(&value), bytes.as_bytes());
    let huge = format!("4301:{}#", "1".repeat(4301));
    assert_eq!(Value::parse(huge.as_bytes()), Err(ParseError::Literal));
}

#[test]
fn the_last_of_equal_keys_counts() {
    let (value, _) = Value::parse(b"23:1:a;1:1#1:b;0:~1:a;1:2#}").unwrap();
    assert_eq!(value.get("a"), Some(&Value::Int(2)));
    assert_eq!(value.get("b"), Some(&Value::Null));
    assert!(matches!(value, Value::Dict(pairs) if pairs.len() == 2));
}

#[test]
fn deeper_levels_are_written_as_null() {
    let mut v = Value::Null;
    for _ in 0..MAX_DEPTH + 10 {
        v = Value::Dict(vec![("k".into(), v)]);
    }
    assert!(Value::parse(&written(&v)).is_ok());
}

#[test]
fn messages_show_values_as_python_does() {
    for (value, text) in [
        (Value::Null, "None"),
        (
            Value::Bytes(Bytes::from_static(b"a\xff'\n")),
            "b\"a\\xff'\\n\"",
        ),
        ("it's \"x\"".into(), "'it\\'s \"x\"'"),
        (vec![1.into(), 1e16.into()].into(), "[1, 1e+16]"),
        (Value::Dict(vec![("k".into(), true.into())]), "{'k': True}"),
    ] {
        assert_eq!(value.python_repr(100), text);
    }
    assert_eq!(Value::from("x".repeat(500)).python_repr(4), "'xxx...");
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>()
            .prop_filter("nan is not equal to itself", |f| !f.is_nan())
            .prop_map(Value::Float),
        any::<Vec<u8>>().prop_map(|b| Value::Bytes(b.into())),
        ".*".prop_map(Value::Text),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
            prop::collection::btree_map(".{0,8}", inner, 0..8).prop_map(|map| {
                Value::Dict(map.into_iter().map(|(k, v)| (k.into(), v)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn written_values_read_back(value in values()) {
        let bytes = written(&value);
        prop_assert_eq!(Value::parse(&bytes), Ok((value, bytes.len())));
    }

    #[test]
    fn any_bytes_are_harmless(bytes in any::<Vec<u8>>()) {
        let _ = Value::parse(&bytes);
    }

    #[test]
    fn bytes_that_look_right_are_harmless(text in "[0-3:;,#^!~\\]}truefals-]{0,40}") {
        let _ = Value::parse(text.as_bytes());
    }
}
