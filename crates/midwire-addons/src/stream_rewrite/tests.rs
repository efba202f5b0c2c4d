//! Replacing in pieces is replacing in the whole.

use std::sync::LazyLock;

use midwire_flow::pattern::Flags;
use proptest::prelude::*;

use super::*;

fn rule(pattern: &str, replacement: &str) -> Rule {
    let flags = Flags {
        dotall: true,
        ..Flags::default()
    };
    let pattern = Pattern::bytes(pattern, flags).unwrap();
    let replacement = pattern.template(replacement).unwrap();
    Rule {
        pattern,
        replacement,
    }
}

/// The content after all rules, and the most that was held back at any time.
fn in_pieces(rules: &[Rule], coding: &str, pieces: &[&[u8]]) -> Result<Vec<u8>, CodecError> {
    let mut rewriter = Rewriter::new(rules.to_vec(), coding.as_bytes()).unwrap();
    let mut out = Vec::new();
    for piece in pieces {
        out.extend(rewriter.push(piece)?);
        for stage in &rewriter.stages {
            assert!(stage.held.len() < stage.longest);
        }
    }
    out.extend(rewriter.finish()?);
    Ok(out)
}

fn whole(rules: &[Rule], content: &[u8]) -> Vec<u8> {
    rules.iter().fold(content.to_vec(), |content, rule| {
        rule.pattern
            .replace_all(&content, &rule.replacement)
            .into_owned()
    })
}

fn text(rules: &[Rule], pieces: &[&str]) -> String {
    let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
    String::from_utf8(in_pieces(rules, "", &pieces).unwrap()).unwrap()
}

#[test]
fn matches_across_pieces_are_found() {
    let two = [rule("two", "2")];
    assert_eq!(text(&two, &["one t", "w", "o three"]), "one 2 three");
    assert_eq!(text(&two, &["one t", "w"]), "one tw");
    assert_eq!(text(&two, &["twotwo", "", "two"]), "222");
    assert_eq!(text(&two, &[]), "");
    assert_eq!(in_pieces(&two, "gzip", &[b""]).unwrap(), b"");
    let numbers = [rule("n([0-9]{1,3})", "<\\1>")];
    assert_eq!(text(&numbers, &["n1", "2", "34 n"]), "<123>4 n");
    // The first alternative that matches counts, not the longest.
    let choice = [rule("ab|abcd|b", "x")];
    assert_eq!(text(&choice, &["a", "bcd", "b"]), "xcdx");
    let chain = [rule("a", "b"), rule("bb", "c")];
    assert_eq!(text(&chain, &["a", "bab"]), "cc");
}

#[test]
fn what_is_decided_goes_on_at_once() {
    let mut rewriter = Rewriter::new(vec![rule("two", "2")], b"").unwrap();
    assert_eq!(rewriter.push(b"one two tw").unwrap(), b"one 2 ");
    assert_eq!(rewriter.push(b"ice").unwrap(), b"twice");
    assert_eq!(rewriter.push(b" t").unwrap(), b" ");
    assert_eq!(rewriter.finish().unwrap(), b"t");
}

#[test]
fn coded_content_is_changed_inside_and_flushed() {
    for coding in ["gzip", "deflate", "br", "zstd", "gzip, br"] {
        let mut encoded = b"one two three two".to_vec();
        for one in coding.split(", ") {
            encoded = codec::encode(&encoded, one).unwrap();
        }
        let pieces: Vec<&[u8]> = encoded.chunks(3).collect();
        let out = in_pieces(&[rule("two", "2")], coding, &pieces).unwrap();
        let decoded = codec::decode_all(&out, coding.as_bytes(), 1000).unwrap();
        assert_eq!(decoded, b"one 2 three 2", "{coding}");
    }
    let mut rewriter = Rewriter::new(vec![rule("two", "2")], b"gzip").unwrap();
    let first = rewriter
        .push(&codec::encode(b"an event, ended\n\n", "gzip").unwrap())
        .unwrap();
    let seen = codec::decode_prefix(&first, b"gzip", 1000).bytes;
    assert_eq!(seen, b"an event, ended\n\n");
}

#[test]
fn large_content_that_is_tiny_when_coded_stays_in_bounds() {
    let bomb = codec::encode(&vec![b'a'; 8 << 20], "gzip").unwrap();
    let mut rewriter = Rewriter::new(vec![rule("b", "c")], b"gzip").unwrap();
    let out = rewriter.push(&bomb).unwrap();
    assert!(out.len() < 1 << 20, "{}", out.len());
}

#[test]
fn content_that_is_not_what_it_says_passes_or_fails() {
    let rules = [rule("two", "2")];
    let raw: [&[u8]; 2] = [b"plain two, ", b"not gzip two"];
    let out = in_pieces(&rules, "gzip", &raw).unwrap();
    assert_eq!(out, b"plain two, not gzip two");
    let good = codec::encode(&b"two ".repeat(1000), "br").unwrap();
    let cut = good.get(..good.len() - 2).unwrap();
    assert!(in_pieces(&rules, "br", &[cut]).is_err());
}

#[test]
fn what_cannot_stream_is_refused() {
    let check = |pattern: &str, coding: &str, expected: &str| {
        let error = Rewriter::new(vec![rule(pattern, "x")], coding.as_bytes()).err();
        assert_eq!(error.unwrap().to_string(), expected);
    };
    check("a+", "", "pattern a+ needs the whole content");
    check("^a", "", "pattern ^a needs the whole content");
    check(
        "a{1,20000}",
        "",
        "pattern a{1,20000} needs the whole content",
    );
    check("a", "snappy", "unknown content coding: snappy");
}

static RULES: LazyLock<[Rule; 7]> = LazyLock::new(|| {
    [
        rule("ab", "ba"),
        rule("aa|aab|b", "<\\g<0>>"),
        rule("(a)(b|c){1,3}", "\\2"),
        rule("a.c", ""),
        rule("abcabc", "abc"),
        rule("[^a]b?", "x"),
        rule("a{2,5}", "a"),
    ]
});

proptest! {
    #[test]
    fn any_split_gives_the_same_as_the_whole(
        content in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'b'), Just(b'c'), any::<u8>()], 0..200),
        cuts in proptest::collection::vec(0_usize..200, 0..12),
        picked in proptest::collection::vec(0_usize..7, 0..4),
    ) {
        let rules: Vec<Rule> = picked.iter().map(|n| RULES[*n].clone()).collect();
        let mut ends: Vec<usize> = cuts.iter().map(|cut| (*cut).min(content.len())).collect();
        ends.sort_unstable();
        ends.push(content.len());
        let mut start = 0;
        let mut pieces = Vec::new();
        for end in ends {
            pieces.push(&content[start..end]);
            start = end;
        }
        prop_assert_eq!(in_pieces(&rules, "", &pieces).unwrap(), whole(&rules, &content));
    }
}
