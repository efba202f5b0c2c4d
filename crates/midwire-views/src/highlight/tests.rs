use super::*;
use proptest::prelude::*;

fn check(syntax: Syntax, text: &str, expected: &[(&str, &str)]) {
    let found: Vec<_> = highlight(text, syntax)
        .into_iter()
        .map(|(tag, text)| (tag.as_str(), text))
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn yaml() {
    check(
        Syntax::Yaml,
        "a: 1\nb: \"x\" # c\n",
        &[
            ("name", "a"),
            ("", ": "),
            ("number", "1\n"),
            ("name", "b"),
            ("", ": "),
            ("string", "\"x\" "),
            ("comment", "# c\n"),
        ],
    );
    check(
        Syntax::Yaml,
        "- true\n- null\n- x y\n- 1.5: z",
        &[
            ("", "- "),
            ("boolean", "true"),
            ("", "\n- null\n- "),
            ("string", "x y"),
            ("", "\n- "),
            ("name", "1.5"),
            ("", ": "),
            ("string", "z"),
        ]
        .map(|piece| piece),
    );
    check(
        Syntax::Yaml,
        "{\n    \"a\": 1,\n    \"b\": \"s\\\"x\",\n    \"c\": null\n}",
        &[
            ("", "{\n    "),
            ("name", "\"a\""),
            ("", ": "),
            ("number", "1"),
            ("", ",\n    "),
            ("name", "\"b\""),
            ("", ": "),
            ("string", "\"s\\\"x\""),
            ("", ",\n    "),
            ("name", "\"c\""),
            ("", ": null\n}"),
        ],
    );
    check(
        Syntax::Yaml,
        "4: !fixed32 2.0  # u32: 1\n",
        &[
            ("name", "4"),
            ("", ": !fixed32 "),
            ("number", "2.0  "),
            ("comment", "# u32: 1\n"),
        ],
    );
    check(
        Syntax::Yaml,
        "k: |-\n  a: b\n  1\nl: m",
        &[
            ("name", "k"),
            ("", ": "),
            ("string", "|-\n  a: b\n  1\n"),
            ("name", "l"),
            ("", ": "),
            ("string", "m"),
        ],
    );
}

#[test]
fn css() {
    check(
        Syntax::Css,
        "a:hover, .b #c > d {\n    color: #fff;\n    width: 10px; /* c */\n    src: \"u\" x;\n}",
        &[
            ("name", "a"),
            ("", ":hover, ."),
            ("boolean", "b"),
            ("", " #"),
            ("boolean", "c"),
            ("", " > "),
            ("name", "d"),
            ("", " {\n    "),
            ("boolean", "color"),
            ("", ": "),
            ("string", "#fff"),
            ("", ";\n    "),
            ("boolean", "width"),
            ("", ": "),
            ("number", "10px"),
            ("", "; "),
            ("comment", "/* c */\n    "),
            ("boolean", "src"),
            ("", ": "),
            ("string", "\"u\""),
            ("", " x;\n}"),
        ],
    );
}

#[test]
fn javascript() {
    check(
        Syntax::JavaScript,
        "// c\nfunction a(b) { return /re[/]/g + 'x' / 2; } a.if = null;",
        &[
            ("comment", "// c\n"),
            ("name", "function"),
            ("", " a(b) { "),
            ("name", "return "),
            ("string", "/re[/]/g"),
            ("", " + "),
            ("string", "'x'"),
            ("", " / "),
            ("number", "2"),
            ("", "; } a.if = "),
            ("boolean", "null"),
            ("", ";"),
        ],
    );
    check(
        Syntax::JavaScript,
        "`a\n${b}`;\"open\nx",
        &[
            ("string", "`a\n${b}`"),
            ("", ";"),
            ("string", "\"open"),
            ("", "\nx"),
        ],
    );
}

#[test]
fn xml() {
    check(
        Syntax::Xml,
        "<a b=\"c>\" d=e>t &amp; <!-- c --><![CDATA[<d>]]></a> 1 < 2",
        &[
            ("name", "<a b="),
            ("string", "\"c>\" "),
            ("name", "d="),
            ("string", "e"),
            ("name", ">"),
            ("", "t &amp; "),
            ("comment", "<!-- c -->"),
            ("", "<![CDATA[<d>]]>"),
            ("name", "</a>"),
            ("", " 1 < 2"),
        ],
    );
}

#[test]
fn none_and_error() {
    check(Syntax::None, "a: 1", &[("", "a: 1")]);
    check(Syntax::Error, "x", &[("error", "x")]);
    check(Syntax::Yaml, "", &[]);
}

#[test]
fn names_round_trip() {
    for syntax in Syntax::ALL {
        assert_eq!(Syntax::from_name(syntax.as_str()), Some(syntax));
    }
    assert_eq!(Syntax::from_name("x"), None);
}

proptest! {
    #[test]
    fn pieces_join_to_the_text(text in "[-a-z0-9#:|!\"'`\\\\/*<>{}()\\[\\],;.=é\n ?&~]{0,80}") {
        for syntax in Syntax::ALL {
            let joined: String = highlight(&text, syntax).into_iter().map(|(_, piece)| piece).collect();
            prop_assert_eq!(&joined, &text);
        }
    }
}
