use proptest::prelude::*;

use super::*;

fn cookie(value: &str) -> String {
    String::from_utf8(format_cookie(parse_cookie(value.as_bytes()))).unwrap()
}

#[test]
fn cookie_values_are_read_and_written() {
    let cases = [
        ("", ""),
        ("a=b; c=d", "a=b; c=d"),
        (" a = b ; c= d", "a =\" b \"; c=\" d\""),
        ("a=\"b c\"; d=e", "a=\"b c\"; d=e"),
        (r#"a="b\"c\\d"; e=f"#, r#"a="b\"c\\d"; e=f"#),
        ("a=\"b;c\"", "a=\"b;c\""),
        ("a; b", "a=; b="),
        ("=b", "=b"),
        ("=", ""),
        (";;a=b;;", "a=b"),
        ("a=b=c", "a=b=c"),
        ("a=\"b", "a=b"),
        ("a=\"b\"x; c=d", "a=b; c=d"),
        ("a=b, c=d", "a=\"b, c=d\""),
        ("a=1; a=2", "a=1; a=2"),
        ("a=é", "a=\"é\""),
        ("a==", "a=="),
        ("a= \"\"", r#"a=" \"\"""#),
        ("a=\"x\\", "a=x"),
        ("a='()<>@:/[]?{}", "a='()<>@:/[]?{}"),
    ];
    for (value, expected) in cases {
        assert_eq!(cookie(value), expected, "{value}");
    }
}

#[test]
fn set_cookie_values_are_read_and_written() {
    let cases = [
        ("a=b", 1, "a=b"),
        (
            "a=b; Path=/; Secure; HttpOnly",
            1,
            "a=b; Path=/; Secure; HttpOnly",
        ),
        (
            "a=b;path=/;expires=Wed, 21 Oct 2015 07:28:00 GMT",
            1,
            "a=b; path=/; expires=Wed, 21 Oct 2015 07:28:00 GMT",
        ),
        ("a=b, c=d", 2, "a=b, c=d"),
        ("a=b; path=/, c=d; path=/y", 2, "a=b; path=/, c=d; path=/y"),
        ("a=\"b, c\"; path=/", 1, "a=\"b, c\"; path=/"),
        ("a;b", 1, "a; b"),
        ("", 0, ""),
        ("=x", 1, "=x"),
        ("a=b; expires=", 1, "a=b; expires="),
        (
            "a=b; expires=Wed, 21-Oct-2015 07:28:00 GMT, c=d",
            2,
            "a=b; expires=Wed, 21-Oct-2015 07:28:00 GMT, c=d",
        ),
        ("a=b; expires=0, c=d", 2, "a=b; expires=0, c=d"),
        ("a=b,c", 2, "a=b, c"),
        (r#"a="b\"c"; d"#, 1, r#"a="b\"c"; d"#),
        ("a=b;;path", 1, "a=b; path"),
    ];
    for (value, count, expected) in cases {
        let cookies = parse_set_cookie(value.as_bytes());
        assert_eq!(cookies.len(), count, "{value}");
        assert_eq!(format_set_cookie(&cookies), expected.as_bytes(), "{value}");
    }
}

#[test]
fn cookies_end_by_their_attributes() {
    let now = 1_000_000_000;
    let cases = [
        ("a=b", false),
        ("a=b; expires=Thu, 01 Jan 1970 00:00:00 GMT", true),
        ("a=b; expires=Wed, 21 Oct 2037 07:28:00 GMT", false),
        ("a=b; Max-Age=0", true),
        ("a=b; max-age=-1", true),
        ("a=b; max-age=1", false),
        ("a=b; max-age=foo", false),
        ("a=b; max-age", false),
        ("a=b; expires=foo", false),
        (
            "a=b; max-age=1; expires=Thu, 01 Jan 1970 00:00:00 GMT",
            false,
        ),
    ];
    for (value, expired) in cases {
        let cookies = parse_set_cookie(value.as_bytes());
        assert_eq!(cookies[0].attributes.is_expired(now), expired, "{value}");
    }
}

#[test]
fn refreshing_moves_the_end() {
    let cases = [
        (
            "a=b; Expires=Wed, 21 Oct 2015 07:28:00 GMT; path=/",
            Some("a=b; Expires=Wed, 21 Oct 2015 08:28:00 GMT; path=/"),
        ),
        ("a=b; expires=foo", Some("a=b")),
        (
            "a=b; expires=Wed, 21-Oct-2015 07:28:00 GMT",
            Some("a=b; expires=Wed, 21 Oct 2015 08:28:00 GMT"),
        ),
        ("a=\"b c\"; max-age=3", Some("a=\"b c\"; max-age=3")),
        ("a", None),
        ("", Some("")),
    ];
    for (value, expected) in cases {
        let refreshed = refresh_set_cookie(value.as_bytes(), 3600);
        assert_eq!(refreshed.as_deref(), expected.map(str::as_bytes), "{value}");
    }
}

proptest! {
    #[test]
    fn cookies_survive_a_round_trip(
        pairs in proptest::collection::vec(("[a-z]{1,5}", proptest::collection::vec(any::<u8>(), 0..8)), 0..5)
    ) {
        let pairs: Vec<_> = pairs.into_iter().map(|(n, v)| (n.into_bytes(), v)).collect();
        prop_assert_eq!(parse_cookie(&format_cookie(pairs.clone())), pairs);
    }

    #[test]
    fn any_bytes_are_read_and_stay_stable(value in proptest::collection::vec(
        prop_oneof![any::<u8>(), proptest::sample::select(b"=;,\"\\ ".to_vec())], 0..60)) {
        let pairs = parse_cookie(&value);
        prop_assert_eq!(parse_cookie(&format_cookie(pairs.clone())), pairs);
        let cookies = parse_set_cookie(&value);
        let _ = format_set_cookie(&cookies);
        let _ = refresh_set_cookie(&value, 1);
    }
}
