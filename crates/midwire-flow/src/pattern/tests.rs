use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// Pattern, flags, subject, and where CPython 3.12 finds it.
type Row = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const TEXT: &[Row] = &[
    ("a$", "", "a", "0-1"),
    ("a$", "", "a\n", "0-1"),
    ("a$", "", "a\n\n", ""),
    ("a$", "", "ab", ""),
    ("(a$|^b$)", "", "a\n", "0-1"),
    ("(a$|^b$)", "", "b\n", "0-1"),
    ("a$\\n?", "", "a\n", "0-2"),
    ("^b$", "m", "a\nb\nc", "2-3"),
    ("(?m:^b$)", "", "a\nb", "2-3"),
    ("a\\Z", "", "a", "0-1"),
    ("a\\Z", "", "a\n", ""),
    ("a.b", "", "a\nb", ""),
    ("a.b", "", "aéb", "0-4"),
    ("a.b", "s", "a\nb", "0-3"),
    ("(?s:.)b.", "", "\nb\n", ""),
    ("(?s:.)b.", "", "\nbx", "0-3"),
    ("[]a-]+", "", "x]a-", "1-4"),
    ("[^]a]+", "", "]ab", "2-3"),
    ("[[&&~~|-]+", "", "[&~|-", "0-5"),
    ("[\\w.]+", "", "!a.é!", "1-5"),
    ("[^\\W\\d]+", "", "12é_3", "2-5"),
    ("\\w+", "", "é١_", "0-5"),
    ("\\w+", "", "a\u{301}", "0-1"),
    ("\\s+", "", "\u{1c}\u{85}\u{a0} x", "0-6"),
    ("\\d+", "", "1١", "0-3"),
    ("(?a)\\w+", "", "aé", "0-1"),
    ("(?a)\\bb", "", "éb", "2-3"),
    ("(?i)É", "", "é", "0-2"),
    ("k", "i", "\u{212a}", "0-3"),
    ("(?i:A)b", "", "aB", ""),
    ("(?i:A)b", "", "ab", "0-2"),
    ("(?-i:A)b", "i", "aB", ""),
    ("(?-i:A)b", "i", "AB", "0-2"),
    ("a{,2}b", "", "aaab", "1-4"),
    ("a{,2}b", "", "b", "0-1"),
    ("a{x}{", "", "a{x}{", "0-5"),
    ("a{}", "", "a{}", "0-3"),
    ("}]", "", "}]", "0-2"),
    ("a{2}{", "", "aa{", "0-3"),
    ("(?x) a [ ] b \\# # c", "", "a b#", "0-4"),
    ("(?x)a {2}", "", "aa", "0-2"),
    ("(?P<x>a|b)(?P=x)", "", "ab", ""),
    ("(?P<x>a|b)(?P=x)", "", "bb", "0-2"),
    ("(a)(b)?c", "", "ac", "0-2"),
    ("(a)\\1", "i", "aA", "0-2"),
    ("(?<=a)b", "", "ab", "1-2"),
    ("(?<=a)b", "", "b", ""),
    ("(?<!a)b", "", "ab", ""),
    ("(?<!a)b", "", "b", "0-1"),
    ("a(?=b)", "", "ab", "0-1"),
    ("a(?!b)", "", "ab", ""),
    ("a(?!b)", "", "ac", "0-1"),
    ("a++b", "", "aab", "0-3"),
    ("a*+a", "", "aa", ""),
    ("(?>a|ab)c", "", "abc", ""),
    ("(?>a|ab)c", "", "ac", "0-2"),
    ("(a)?(?(1)b|c)", "", "ab", "0-2"),
    ("(a)?(?(1)b|c)", "", "c", "0-1"),
    ("(a)?(?(1)b|c)", "", "b", ""),
    ("(?P<q>a)?(?(q)b)", "", "ab", "0-2 2-2"),
    ("(?P<q>a)?(?(q)b)", "", "", "0-0"),
    ("\\x41\\u0042\\U00000043\\104\\0", "", "ABCD\u{0}", "0-5"),
    ("\\<\\>\\-\\/\\ ", "", "<>-/ ", "0-5"),
    ("[\\b]", "", "\u{8}", "0-1"),
    ("[\\101-\\103]+", "", "xABC", "1-4"),
    ("x*", "", "abxd", "0-0 1-1 2-3 3-3 4-4"),
    ("(?:)", "", "é", "0-0 2-2"),
    ("a(?#c)b", "", "ab", "0-2"),
    ("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)\\10", "", "abcdefghijj", "0-11"),
];

#[rustfmt::skip]
const BYTES: &[Row] = &[
    ("é", "", "é", "0-2"),
    ("É", "i", "é", ""),
    ("^.{2}$", "", "é", "0-2"),
    ("[é]", "", "Ã", "0-1"),
    ("\\w+", "", "aé", "0-1"),
    ("\\xc3", "", "é", "0-1"),
    ("k", "i", "\u{212a}", ""),
    ("k", "i", "K", "0-1"),
    ("(?<!\\xc3)\\xa9", "", "é", ""),
    ("(?<!\\xc3)\\xa9", "", "x©", "2-3"),
    ("\\bb", "", "éb", "2-3"),
    ("(?:)", "", "é", "0-0 1-1 2-2"),
    (".", "s", "é", "0-1 1-2"),
];

#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "(",
    "(?",
    "(?P<",
    "(?P<1>a)",
    "(?P<a>b)(?P<a>c)",
    "(?P=a)",
    "(?<a>b)",
    "[",
    "[a",
    "[z-a]",
    "[\\d-z]",
    "a**",
    "*",
    "^*",
    "a{2,1}",
    "\\1",
    "(a\\1)",
    "\\z",
    "\\q",
    "\\x4",
    "\\400",
    "a(?i)",
    "(?i",
    "(?-i)a",
    "(?Z)",
    "a)",
    "(?(2)a)",
    "(?(x)a)",
    "a\\",
    "[\\A]",
    "\\8",
    "(?:a",
    "(?i-:a)",
];

#[rustfmt::skip]
const REPLACED: &[(&str, &str, &str, &str)] = &[
    ("(a)(b)?", "<\\1\\2>", "abaé", "<ab><a>é"),
    ("(?P<n>a)", "\\g<n>\\g<1>\\g<0>", "ba", "baaa"),
    ("x*", "-", "abxd", "-a-b--d-"),
    ("a", "\\n\\\\\\.\\101\\0", "ba", "b\n\\\\.A\u{0}"),
    ("b$", "!", "b\n", "!\n"),
    ("(?=b)", "|", "ab", "a|b"),
];

fn flags(letters: &str) -> Flags {
    Flags {
        ignore_case: letters.contains('i'),
        multiline: letters.contains('m'),
        dotall: letters.contains('s'),
    }
}

fn text(pattern: &str) -> Result<Pattern, PatternError> {
    Pattern::new(pattern, Flags::default())
}

fn check(rows: &[Row], compile: impl Fn(&str, Flags) -> Result<Pattern, PatternError>) {
    for (source, letters, subject, want) in rows {
        let pattern = compile(source, flags(letters)).unwrap();
        let found: Vec<_> = pattern
            .find_iter(subject)
            .filter_map(|captures| captures.get(0))
            .map(|span| format!("{}-{}", span.start, span.end))
            .collect();
        assert_eq!(
            found.join(" "),
            *want,
            "{source:?} {letters} in {subject:?}"
        );
        assert_eq!(pattern.is_match(subject), !want.is_empty());
    }
}

#[test]
fn text_patterns_find_what_python_finds() {
    check(TEXT, Pattern::new);
}

#[test]
fn bytes_patterns_find_what_python_finds() {
    check(BYTES, |source, flags| Pattern::bytes(source, flags));
}

#[test]
fn broken_patterns_are_refused() {
    for source in REFUSED {
        assert!(text(source).is_err(), "{source:?}");
    }
    for source in [r"\u00e9", r"\N{DASH}", "(?u)a"] {
        assert!(Pattern::bytes(source, Flags::default()).is_err());
    }
    assert!(text("(?L)a").is_err());
}

#[test]
fn refusals_name_the_place() {
    assert_eq!(
        text("é(a").unwrap_err().to_string(),
        "missing ), unterminated subpattern at position 2"
    );
    assert_eq!(
        text(r"\N{DASH}").unwrap_err().to_string(),
        r"naming characters with \N{...} is not supported"
    );
}

#[test]
fn templates_replace_as_in_python() {
    for (source, template, subject, want) in REPLACED {
        let pattern = text(source).unwrap();
        let template = pattern.template(template).unwrap();
        assert_eq!(
            pattern.replace_all_text(subject, &template),
            *want,
            "{source}"
        );
    }
    let pattern = text("(a)").unwrap();
    for template in [
        r"\2", r"\g<x>", r"\g<1", r"\q", "\\", r"\g<>", r"\400", r"\g",
    ] {
        assert!(pattern.template(template).is_err(), "{template}");
    }
    let literal = Template::literal(*br"\1");
    assert_eq!(pattern.replace_all_text("ab", &literal), r"\1b");
    assert!(matches!(
        pattern.replace_all_text("b", &literal),
        Cow::Borrowed("b")
    ));
}

#[test]
fn bytes_that_are_no_text_are_searched_and_kept() {
    let pattern = Pattern::bytes("(?<=b)c", Flags::default()).unwrap();
    let template = pattern.template(r"\377\g<0>").unwrap();
    let replaced = pattern.replace_all(b"\xffbc\xfe", &template);
    assert_eq!(replaced.as_ref(), b"\xffb\xffc\xfe");
    assert!(text("b.").unwrap().is_match(b"\xffbc\xfe"));
}

#[test]
fn groups_have_names_and_numbers() {
    let pattern = text("(a)(?P<é>b)?").unwrap();
    assert_eq!(pattern.group_count(), 2);
    assert_eq!(pattern.group_number("é"), Some(2));
    assert_eq!(pattern.group_number("x"), None);
    let captures = pattern.captures("xa").unwrap();
    assert_eq!(captures.len(), 3);
    assert_eq!((captures.get(1), captures.get(2)), (Some(1..2), None));
}

#[test]
fn huge_patterns_are_errors() {
    let too_large = [
        "a".repeat(PATTERN_LIMIT + 1),
        "a{100001}".to_owned(),
        r"((\w{100}){100}){100}".to_owned(),
        "()".repeat(1001),
    ];
    for source in too_large {
        assert_eq!(text(&source), Err(PatternError::TooLarge), "{source:.20}");
    }
    for source in [
        r"((\w{100}){100}){100}(?!x)",
        r"(?:(?=x)\w{100}){10000}{10000}",
    ] {
        assert!(text(source).is_err(), "{source}");
    }
    for open in ["(", "(?:", "(?=", "(a)?(?(1)"] {
        let deep = open.repeat(5000) + &")".repeat(5000);
        assert!(text(&deep).is_err(), "{open}");
    }
}

#[test]
fn a_search_that_backtracks_for_ever_gives_up() {
    let pattern = text(r"(?=a)(a*)*\1b").unwrap();
    let begin = Instant::now();
    assert!(!pattern.is_match("a".repeat(100)));
    assert!(begin.elapsed() < Duration::from_secs(30));
}

fn sources() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "a", "b", ".", "^", "$", "(", ")", "(?:", "(?=", "(?<!", "(?P<n>", "(?P=n)", "[", "]",
        "[^", "-", "\\", r"\w", r"\b", r"\1", "{2}", "{,3}", "*", "+", "?", "|", "é", "(?i)",
        "(?x:", "#", " ", "\n", "(?(1)",
    ]);
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_panics(source in sources(), subject in "[ab\u{e9}\n-]{0,8}") {
        for pattern in [text(&source), Pattern::bytes(&source, Flags::default())].into_iter().flatten() {
            let found = pattern.find_iter(&subject).count();
            prop_assert!(found <= 2 * subject.len() + 1);
            prop_assert_eq!(found > 0, pattern.is_match(&subject));
            let whole = pattern.template(r"\g<0>").unwrap();
            prop_assert_eq!(pattern.replace_all_text(&subject, &whole), &subject[..]);
        }
    }

    #[test]
    fn engines_take_what_the_translation_gives(source in sources()) {
        // What we let pass and an engine refuses would be our mistake, unless it is about size or look-behind.
        if let Err(PatternError::Engine(message)) = text(&source) {
            prop_assert!(source.contains("(?"), "{message}");
        }
    }

    #[test]
    fn escaped_text_finds_itself(subject in any::<String>()) {
        let escaped: String = subject
            .chars()
            .flat_map(|c| if c.is_ascii_alphanumeric() { vec![c] } else { vec!['\\', c] })
            .collect();
        prop_assert_eq!(text(&escaped).unwrap().find(&subject), Some(0..subject.len()));
    }
}

#[test]
fn the_longest_match_is_known_where_nothing_around_counts() {
    let check = |text: &str, expected| {
        let pattern = Pattern::bytes(text, Flags::default()).unwrap();
        assert_eq!(pattern.longest_match(), expected, "{text}");
    };
    check("abc", Some(3));
    check("a|bcd", Some(3));
    check("(a[0-9]{1,4})x?", Some(6));
    check("é", Some(2));
    check("a.b", Some(3));
    check("a+", None);
    check("a?", None);
    check("^a", None);
    check("a$", None);
    check("\\ba", None);
    check("a(?=b)", None);
    check("(a)\\1", None);
    let text = Pattern::new("é.", Flags::default()).unwrap();
    assert_eq!(text.longest_match(), Some(6));
}

#[test]
fn what_more_bytes_could_change_is_undecided() {
    let check = |pattern: &str, subject: &str, expected: usize| {
        let pattern = Pattern::bytes(pattern, Flags::default()).unwrap();
        let mut ahead = pattern.ahead().unwrap();
        let found = ahead.undecided(subject.as_bytes(), 0);
        assert_eq!(found, expected, "{subject}");
    };
    check("marker", "data: x\n\n", 9);
    check("marker", "a mar", 2);
    check("marker", "a marker", 8);
    check("aab", "aaaa", 2);
    check("mark[a-z]{1,3}", "data: x\n\n", 9);
    check("mark[a-z]{1,3}", "m marked", 2);
    check("mark[a-z]{1,3}", "m marked, ", 10);
    check("a|bcd", "xbc", 1);
    assert!(
        Pattern::bytes("a+", Flags::default())
            .unwrap()
            .ahead()
            .is_none()
    );
    // One that would take too long is left undecided.
    let slow = Pattern::bytes("(a|b){1000}", Flags::default()).unwrap();
    let mut ahead = slow.ahead().unwrap();
    let long = "a".repeat(400_000);
    assert!(ahead.undecided(long.as_bytes(), 0) < 399_001);
}
