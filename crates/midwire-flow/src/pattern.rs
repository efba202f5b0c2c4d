//! Regular expressions as users of mitmproxy write them: Python's `re` dialect over text and over bytes.
//!
//! A pattern is first translated ([`translate`]) into the syntax of the `regex` crate, which matches in linear
//! time. Only look-around, back-references, conditionals and atomic groups go to `fancy-regex`, which backtracks
//! and therefore has a step limit. Both engines run on bytes, so that text that is not quite UTF-8 needs no copy:
//! in a text pattern `.` and classes match whole characters, in a bytes pattern single bytes.
//!
//! Python's `$` (without MULTILINE) also matches before a final line feed, which `regex` cannot say without
//! look-ahead. Subjects that do not end in a line feed are all alike to both meanings and take the fast engine;
//! for the others a second program is built when the first of them comes.

mod ahead;
mod engine;
mod template;
mod translate;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use ahead::Ahead;
use engine::Engine;
pub use template::Template;
use translate::Dialect;

/// What a pattern says about case and lines, as Python's flags of the same names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    /// Letters match either case: all of Unicode in text patterns, ASCII in bytes patterns.
    pub ignore_case: bool,
    /// `^` and `$` also match at line feeds.
    pub multiline: bool,
    /// `.` also matches a line feed.
    pub dotall: bool,
}

/// Why a pattern or replacement template is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The text breaks the syntax.
    #[error("{what} at position {position}")]
    Syntax {
        /// What is wrong.
        what: String,
        /// Where, in characters of a text pattern and bytes of a bytes pattern.
        position: usize,
    },
    /// Valid in Python, but nothing we can run.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// The pattern or its program is larger than the limits allow.
    #[error("regular expression too large")]
    TooLarge,
    /// One of the engines refuses it.
    #[error("{0}")]
    Engine(String),
}

/// A compiled regular expression. Cloning is cheap.
#[derive(Clone)]
pub struct Pattern {
    inner: Arc<Inner>,
}

struct Inner {
    source: Box<[u8]>,
    flags: Flags,
    dialect: Dialect,
    names: Vec<(String, usize)>,
    engine: Engine,
}

/// Largest pattern in bytes. Nobody writes one by hand that is longer.
pub const PATTERN_LIMIT: usize = 64 * 1024;

impl Pattern {
    /// A pattern over text: classes and case are those of Unicode.
    pub fn new(text: &str, flags: Flags) -> Result<Self, PatternError> {
        Self::compile(text.as_bytes(), flags, Dialect::Text)
    }

    /// A pattern over bytes: classes and case are those of ASCII, non-ASCII text stands for its UTF-8 bytes.
    pub fn bytes(text: impl AsRef<[u8]>, flags: Flags) -> Result<Self, PatternError> {
        Self::compile(text.as_ref(), flags, Dialect::Bytes)
    }

    fn compile(source: &[u8], flags: Flags, dialect: Dialect) -> Result<Self, PatternError> {
        if source.len() > PATTERN_LIMIT {
            return Err(PatternError::TooLarge);
        }
        let (engine, names) = Engine::new(source, flags, dialect)?;
        Ok(Self {
            inner: Arc::new(Inner {
                source: source.into(),
                flags,
                dialect,
                names,
                engine,
            }),
        })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.inner.source)
    }

    /// True if the pattern is found anywhere.
    ///
    /// A search that runs into the step limit counts as no match and is logged.
    pub fn is_match(&self, subject: impl AsRef<[u8]>) -> bool {
        self.inner.engine.is_match(subject.as_ref())
    }

    /// Where the pattern is first found.
    pub fn find(&self, subject: impl AsRef<[u8]>) -> Option<Range<usize>> {
        self.captures(subject).and_then(|c| c.get(0))
    }

    /// Where the pattern and its groups are first found.
    pub fn captures(&self, subject: impl AsRef<[u8]>) -> Option<Captures> {
        self.captures_from(subject.as_ref(), 0)
    }

    /// All finds that do not overlap, from left to right. As in Python an empty one may follow right after another.
    pub fn find_iter<'a>(&'a self, subject: &'a (impl AsRef<[u8]> + ?Sized)) -> FindIter<'a> {
        FindIter {
            pattern: self,
            subject: subject.as_ref(),
            position: 0,
            empty_at: None,
        }
    }

    /// A replacement template for this pattern, with Python's `\1`, `\g<name>` and character escapes.
    pub fn template(&self, text: impl AsRef<[u8]>) -> Result<Template, PatternError> {
        Template::new(text.as_ref(), self)
    }

    /// The subject with every find replaced; borrowed if there is none.
    pub fn replace_all<'s>(&self, subject: &'s [u8], template: &Template) -> Cow<'s, [u8]> {
        let mut out = Vec::new();
        let mut done = 0;
        let mut found = false;
        for captures in self.find_iter(subject) {
            let Some(whole) = captures.get(0) else {
                continue;
            };
            found = true;
            out.extend_from_slice(subject.get(done..whole.start).unwrap_or_default());
            template.expand(subject, &captures, &mut out);
            done = whole.end;
        }
        if !found {
            return Cow::Borrowed(subject);
        }
        out.extend_from_slice(subject.get(done..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// As [`Pattern::replace_all`], for text.
    pub fn replace_all_text<'s>(&self, subject: &'s str, template: &Template) -> Cow<'s, str> {
        match self.replace_all(subject.as_bytes(), template) {
            Cow::Borrowed(_) => Cow::Borrowed(subject),
            Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            }),
        }
    }

    /// Bytes of the longest possible match, if a match depends on nothing but itself.
    ///
    /// `None` if there is no such bound, if matches may be empty, and for patterns that look around, such as anchors
    /// do. Others can be searched for in a stream: a place is decided once that many bytes from it on are known.
    pub fn longest_match(&self) -> Option<usize> {
        self.inner.engine.longest_match(self.inner.dialect)
    }

    /// What tells how far a subject is decided that goes on later. `None` as with [`Pattern::longest_match`], and for
    /// patterns without bound.
    pub fn ahead(&self) -> Option<Ahead> {
        self.inner.engine.ahead(self.inner.dialect)
    }

    /// Number of groups, the whole match not counted.
    pub fn group_count(&self) -> usize {
        self.inner.engine.groups()
    }

    /// The number of a named group.
    pub fn group_number(&self, name: &str) -> Option<usize> {
        self.inner
            .names
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, number)| *number)
    }

    fn captures_from(&self, subject: &[u8], from: usize) -> Option<Captures> {
        self.inner
            .engine
            .captures(subject, from)
            .map(|spans| Captures { spans })
    }

    fn next_position(&self, subject: &[u8], position: usize) -> usize {
        let mut next = position + 1;
        if self.inner.dialect == Dialect::Text {
            // Continuation bytes belong to the character before them.
            while subject.get(next).is_some_and(|b| b & 0xC0 == 0x80) {
                next += 1;
            }
        }
        next
    }
}

impl PartialEq for Pattern {
    /// Equal if written alike with the same flags.
    fn eq(&self, other: &Self) -> bool {
        let key = |p: &Self| (p.inner.flags, p.inner.dialect);
        key(self) == key(other) && self.inner.source == other.inner.source
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.as_str())
    }
}

/// Where the groups of a pattern were found, as byte offsets of the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captures {
    spans: Vec<Option<Range<usize>>>,
}

impl Captures {
    /// The place of a group; 0 is the whole match. `None` if the group took no part.
    pub fn get(&self, group: usize) -> Option<Range<usize>> {
        self.spans.get(group).cloned().flatten()
    }

    /// Number of groups, the whole match included.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// False: the whole match is always there.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

/// Iterator of [`Pattern::find_iter`].
#[derive(Clone, Debug)]
pub struct FindIter<'a> {
    pattern: &'a Pattern,
    subject: &'a [u8],
    position: usize,
    /// Where an empty match was given already; the next one there must not be empty.
    empty_at: Option<usize>,
}

impl Iterator for FindIter<'_> {
    type Item = Captures;

    fn next(&mut self) -> Option<Captures> {
        while self.position <= self.subject.len() {
            let captures = self.pattern.captures_from(self.subject, self.position)?;
            let whole = captures.get(0)?;
            let inside_character = self.pattern.inner.dialect == Dialect::Text
                && self
                    .subject
                    .get(whole.start)
                    .is_some_and(|b| b & 0xC0 == 0x80)
                && std::str::from_utf8(self.subject).is_ok();
            if whole.is_empty() && (self.empty_at == Some(whole.start) || inside_character) {
                self.position = self.pattern.next_position(self.subject, whole.start);
                self.empty_at = None;
                continue;
            }
            self.position = whole.end;
            self.empty_at = whole.is_empty().then_some(whole.end);
            return Some(captures);
        }
        None
    }
}
