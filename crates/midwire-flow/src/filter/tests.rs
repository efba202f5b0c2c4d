mod grammar;
mod matching;

use proptest::prelude::*;

use super::*;
use crate::filter::repr::repr_text;

fn parse(expression: &str) -> Result<Filter, FilterError> {
    Filter::parse_with(expression, Case::Ignored)
}

/// The tree on one line.
fn dump(node: &Node) -> String {
    let list = |name: &str, nodes: &[Node]| {
        let parts: Vec<_> = nodes.iter().map(dump).collect();
        format!("({name} {})", parts.join(" "))
    };
    match node {
        Node::And(nodes) => list("and", nodes),
        Node::Or(nodes) => list("or", nodes),
        Node::Not(node) => format!("(not {})", dump(node)),
        Node::Plain(plain) => format!("~{}", plain.name()),
        Node::Match(field, pattern) => format!("~{}<{}>", field.name(), pattern.as_str()),
        Node::Status(code) => format!("~c<{code}>"),
    }
}

#[test]
fn grammar_is_that_of_mitmproxy() {
    for (expression, tree) in grammar::GRAMMAR {
        let got = parse(expression).ok().map(|filter| dump(&filter.root));
        // Our one extension: `~q` may be followed by `)` without a blank.
        let extension = ["~q)", "~s)"].iter().any(|name| expression.contains(name));
        if tree.is_none() && extension {
            continue;
        }
        assert_eq!(got.as_deref(), *tree, "{expression:?}");
    }
}

#[test]
fn canonical_text_parses_to_the_same_filter() {
    for (expression, _) in grammar::GRAMMAR {
        let Ok(filter) = parse(expression) else {
            continue;
        };
        let text = filter.to_string();
        assert_eq!(parse(&text), Ok(filter), "{expression:?} as {text:?}");
    }
}

#[test]
fn canonical_text() {
    let table = [
        ("a", "~u a"),
        ("~q b | c", "~q & (~u b | ~u c)"),
        ("!(~m GET | ~q )", "!(~m GET | ~q )"),
        ("(!~q)", "!~q"),
        (r#"~b "a\\b\nc\"""#, r#"~b "a\\b\nc\"""#),
        ("~c 0200", "~c 200"),
        ("''", r#"~u """#),
        ("!!~all", "!!~all"),
    ];
    for (expression, text) in table {
        assert_eq!(parse(expression).unwrap().to_string(), text);
    }
}

#[test]
fn a_name_may_touch_a_closing_parenthesis() {
    for (expression, same) in [
        ("(~q)", "~q"),
        ("!(~q)", "!~q"),
        ("((~q) & (~s))", "~q & ~s"),
        ("(~m GET | ~q)", "(~m GET | ~q )"),
    ] {
        assert_eq!(parse(expression), parse(same), "{expression}");
    }
    assert!(parse("~q)").is_err());
    assert!(parse("(~m)").is_err());
}

#[test]
fn errors_say_what_mitmproxy_says_and_where() {
    let table = [
        ("", "Empty filter expression", 0, "the expression is empty"),
        (
            "  ",
            "Invalid filter expression: '  '",
            2,
            "there is nothing but white space",
        ),
        (
            "~m",
            "Invalid filter expression: '~m'",
            2,
            "~m needs a regular expression here",
        ),
        (
            "(~m GET",
            "Invalid filter expression: '(~m GET'",
            0,
            "this parenthesis is not closed",
        ),
        (
            "a ~c x",
            "Invalid filter expression: 'a ~c x'",
            5,
            "~c needs a number here",
        ),
        (
            "a ~c200",
            "Invalid filter expression: 'a ~c200'",
            2,
            "~c200 is unknown; a blank is needed after ~c",
        ),
        (
            "~zz",
            "Invalid filter expression: '~zz'",
            0,
            "~zz is unknown",
        ),
        (
            "a)",
            "Invalid filter expression: 'a)'",
            1,
            "this parenthesis closes nothing",
        ),
        (
            "(a b)",
            "Invalid filter expression: '(a b)'",
            3,
            "within parentheses, terms are joined by & or |",
        ),
        (
            "a 'b",
            "Invalid filter expression: \"a 'b\"",
            2,
            "the closing quote is missing",
        ),
        (
            "é [",
            "Invalid filter expression: 'é ['",
            3,
            "invalid regular expression: unterminated character set at position 1",
        ),
    ];
    for (expression, message, position, reason) in table {
        let error = parse(expression).unwrap_err();
        assert_eq!(error.message, message);
        assert_eq!(error.to_string(), message);
        assert_eq!(
            (error.position, &error.reason[..]),
            (position, reason),
            "{expression}"
        );
    }
    assert_eq!(
        parse("é [").unwrap_err().caret(),
        "é [\n  ^\ninvalid regular expression: unterminated character set at position 1"
    );
}

#[test]
fn texts_are_quoted_as_python_does() {
    let table = [
        ("a'b", r#""a'b""#),
        ("a'\"b", r#"'a\'"b'"#),
        ("\\ \n\t\r", r"'\\ \n\t\r'"),
        ("\0\x7f\u{85}\u{a0}é\u{200b}", r"'\x00\x7f\x85\xa0é\u200b'"),
        (
            "\u{2028}\u{e000}\u{1F600}\u{F0000}",
            "'\\u2028\\ue000\u{1F600}\\U000f0000'",
        ),
    ];
    for (text, want) in table {
        assert_eq!(repr_text(text), want);
    }
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(200)).is_ok());
    assert!(parse(&nested(201)).unwrap_err().reason.contains("nested"));
    assert!(parse(&format!("{}~q", "!".repeat(200))).is_ok());
    assert!(parse(&format!("{}~q", "!".repeat(100_000))).is_err());
    assert!(parse(&nested(100_000)).is_err());
    let deep = parse(&format!("{}(a & b) | c{}", "!(".repeat(99), ")".repeat(99))).unwrap();
    assert_eq!(parse(&deep.to_string()), Ok(deep));
}

#[test]
fn a_wide_expression_is_no_deep_one() {
    assert!(parse(&vec!["~q"; 50_000].join(" | ")).is_ok());
    assert!(parse(&vec!["~q"; 50_000].join(" ")).is_ok());
}

#[test]
fn help_has_a_row_for_each_operator_and_sign() {
    let help = help();
    assert!(
        help.windows(2)
            .take(operator::OPERATORS.len() - 1)
            .all(|w| w[0].0 < w[1].0)
    );
    for (syntax, _) in &help[..operator::OPERATORS.len()] {
        let sample = syntax.replace("regex", "x").replace("int", "1");
        assert!(parse(&sample).is_ok(), "{sample}");
    }
    let signs: Vec<_> = help.iter().rev().take(4).map(|row| &row.0[..]).collect();
    assert_eq!(signs, ["(...)", "|", "&", "!"]);
}

#[test]
fn content_is_asked_for_by_its_operators_only() {
    let sides = |expression| parse(expression).unwrap().looks_at_content();
    assert!(!sides("~u a ~h b ~t c ~m d").any());
    assert_eq!(
        sides("~q | !~bq a"),
        Sides {
            request: true,
            response: false,
            messages: true
        }
    );
    assert_eq!(
        sides("~bs a"),
        Sides {
            request: false,
            response: true,
            messages: true
        }
    );
    assert_eq!(sides("~b a"), sides("~bq a") | sides("~bs a"));
}

/// Expressions that parse, mostly.
fn expressions() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "~q", "~s", "~u", "~b", "~c", "~meta", "~c 200", "(", ")", "!", "&", "|", "\"", "'",
            "\\", " ", " ", "a", "b.c", "[", "é", "\n", "~u a", "\"a b\"", "'\\\\w'", "*", "~",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,4}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn parse_print_parse(expression in expressions()) {
        if let Ok(filter) = parse(&expression) {
            let text = filter.to_string();
            prop_assert_eq!(parse(&text), Ok(filter), "{}", text);
        }
    }

    #[test]
    fn no_text_panics(expression in any::<String>()) {
        if let Err(error) = parse(&expression) {
            prop_assert!(error.position <= expression.len());
            prop_assert!(expression.is_char_boundary(error.position));
            let _ = error.caret();
        }
    }
}
