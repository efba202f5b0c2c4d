//! What of a subject that goes on later can be decided already.

use regex_automata::Anchored;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::{start, syntax};
use regex_syntax::hir::{Hir, HirKind};

use super::translate::Dialect;

/// Steps of the automaton in one question; beyond them the answer is that nothing is decided.
const WORK_LIMIT: usize = 256 * 1024;

/// Tells where a match may begin that bytes still to come would make or change.
#[derive(Debug)]
pub struct Ahead(Kind);

#[derive(Debug)]
enum Kind {
    Literal(Vec<u8>),
    Automaton { dfa: Box<DFA>, cache: Box<Cache> },
}

impl Ahead {
    /// For an expression in the syntax of the `regex` crate, without look-around.
    pub(super) fn new(source: &str, parsed: &Hir, dialect: Dialect) -> Option<Self> {
        if let HirKind::Literal(literal) = parsed.kind() {
            return Some(Self(Kind::Literal(literal.0.to_vec())));
        }
        let syntax = syntax::Config::new()
            .unicode(dialect == Dialect::Text)
            .utf8(false);
        let dfa = DFA::builder().syntax(syntax).build(source).ok()?;
        let cache = Box::new(dfa.create_cache());
        Some(Self(Kind::Automaton {
            dfa: Box::new(dfa),
            cache,
        }))
    }

    /// The first position at or after `from` where more bytes may make a match or make it longer; the length of the
    /// subject if there is none. It may be too early, never too late.
    pub fn undecided(&mut self, subject: &[u8], from: usize) -> usize {
        let rest = subject.get(from..).unwrap_or_default();
        let at = match &mut self.0 {
            Kind::Literal(literal) => prefix(literal, rest),
            Kind::Automaton { dfa, cache } => alive(dfa, cache, rest),
        };
        from + at.unwrap_or(rest.len())
    }
}

/// Where the end of the text is the beginning of the literal.
fn prefix(literal: &[u8], text: &[u8]) -> Option<usize> {
    let first = literal.first()?;
    let longest = literal.len() - 1;
    let skip = text.len().saturating_sub(longest);
    let tail = text.get(skip..)?;
    memchr::memchr_iter(*first, tail)
        .find(|at| {
            tail.get(*at..)
                .is_some_and(|rest| literal.starts_with(rest))
        })
        .map(|at| skip + at)
}

/// Where a match may still run when the text ends.
fn alive(dfa: &DFA, cache: &mut Cache, text: &[u8]) -> Option<usize> {
    let mut work = 0;
    (0..text.len()).find(|at| {
        let rest = text.get(*at..).unwrap_or_default();
        let config = start::Config::new().anchored(Anchored::Yes);
        let Ok(mut state) = dfa.start_state(cache, &config) else {
            return true;
        };
        for byte in rest {
            work += 1;
            match dfa.next_state(cache, state, *byte) {
                Ok(next) if next.is_dead() => return false,
                Ok(next) if !next.is_quit() && work < WORK_LIMIT => state = next,
                _ => return true,
            }
        }
        true
    })
}
