//! The two engines behind a pattern, and which subject goes to which.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use regex_syntax::hir::Hir;

use super::ahead::Ahead;
use super::translate::{Dialect, Dollar, Translated, translate};
use super::{Flags, PatternError};

/// Memory of one compiled program, in bytes.
const PROGRAM_LIMIT: usize = 4 << 20;
/// Memory of the lazy automaton of one program, in bytes.
const CACHE_LIMIT: usize = 2 << 20;
/// Instructions of the backtracking machine.
const INSTRUCTION_LIMIT: usize = 100_000;
/// Steps back in one search. A million take about 0.1 s.
const BACKTRACK_LIMIT: usize = 1_000_000;

pub(super) struct Engine {
    main: Main,
    groups: usize,
    exhausted: AtomicBool,
}

enum Main {
    /// Linear time. `final_line` serves subjects that end in a line feed if the pattern has a `$`.
    Plain {
        regex: regex::bytes::Regex,
        final_line: Option<FinalLine>,
    },
    Fancy(fancy_regex::Regex),
}

struct FinalLine {
    source: Box<[u8]>,
    flags: Flags,
    dialect: Dialect,
    program: OnceLock<Option<fancy_regex::Regex>>,
}

type Spans = Vec<Option<Range<usize>>>;

impl Engine {
    pub(super) fn new(
        source: &[u8],
        flags: Flags,
        dialect: Dialect,
    ) -> Result<(Self, Vec<(String, usize)>), PatternError> {
        let plain = translate(source, flags, dialect, Dollar::End)?;
        let main = if plain.needs_fancy {
            let fancy = translate(source, flags, dialect, Dollar::BeforeFinalLineFeed)?;
            Main::Fancy(fancy_program(&fancy, dialect)?)
        } else {
            let final_line = plain.has_dollar.then(|| FinalLine {
                source: source.into(),
                flags,
                dialect,
                program: OnceLock::new(),
            });
            Main::Plain {
                regex: plain_program(&plain, dialect)?,
                final_line,
            }
        };
        let engine = Self {
            main,
            groups: plain.groups,
            exhausted: AtomicBool::new(false),
        };
        Ok((engine, plain.names))
    }

    pub(super) fn groups(&self) -> usize {
        self.groups
    }

    pub(super) fn longest_match(&self, dialect: Dialect) -> Option<usize> {
        let (_, expression) = self.bounded(dialect)?;
        expression.properties().maximum_len()
    }

    pub(super) fn ahead(&self, dialect: Dialect) -> Option<Ahead> {
        let (source, expression) = self.bounded(dialect)?;
        expression.properties().maximum_len()?;
        Ahead::new(source, &expression, dialect)
    }

    /// The expression, if nothing around its matches counts and none is empty.
    fn bounded(&self, dialect: Dialect) -> Option<(&str, Hir)> {
        let Main::Plain { regex, .. } = &self.main else {
            return None;
        };
        let expression = regex_syntax::ParserBuilder::new()
            .unicode(dialect == Dialect::Text)
            .utf8(false)
            .build()
            .parse(regex.as_str())
            .ok()?;
        let properties = expression.properties();
        if !properties.look_set().is_empty() || properties.minimum_len()? == 0 {
            return None;
        }
        Some((regex.as_str(), expression))
    }

    pub(super) fn is_match(&self, subject: &[u8]) -> bool {
        match self.program(subject) {
            Program::Plain(regex) => regex.is_match(subject),
            Program::Fancy(regex) => match regex.is_match(subject) {
                Ok(found) => found,
                Err(error) => {
                    self.log(&error);
                    false
                }
            },
        }
    }

    pub(super) fn captures(&self, subject: &[u8], from: usize) -> Option<Spans> {
        match self.program(subject) {
            Program::Plain(regex) => {
                let mut found = regex.capture_locations();
                regex.captures_read_at(&mut found, subject, from)?;
                Some(
                    (0..found.len())
                        .map(|i| found.get(i).map(|(start, end)| start..end))
                        .collect(),
                )
            }
            Program::Fancy(regex) => match regex.captures_from_pos(subject, from) {
                Ok(found) => {
                    let found = found?;
                    Some(
                        (0..found.len())
                            .map(|i| found.get(i).map(|m| m.start()..m.end()))
                            .collect(),
                    )
                }
                Err(error) => {
                    self.log(&error);
                    None
                }
            },
        }
    }

    fn program(&self, subject: &[u8]) -> Program<'_> {
        match &self.main {
            Main::Fancy(regex) => Program::Fancy(regex),
            Main::Plain { regex, final_line } => {
                let second = final_line
                    .as_ref()
                    .filter(|_| subject.ends_with(b"\n"))
                    .and_then(FinalLine::program);
                second.map_or(Program::Plain(regex), Program::Fancy)
            }
        }
    }

    /// Says once per pattern that searches fail; a hostile subject must not fill the log.
    fn log(&self, error: &fancy_regex::Error) {
        if !self.exhausted.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "regular expression gives up on a subject");
        }
    }
}

enum Program<'a> {
    Plain(&'a regex::bytes::Regex),
    Fancy(&'a fancy_regex::Regex),
}

impl FinalLine {
    fn program(&self) -> Option<&fancy_regex::Regex> {
        self.program
            .get_or_init(|| {
                let dollar = Dollar::BeforeFinalLineFeed;
                let translated = translate(&self.source, self.flags, self.dialect, dollar).ok()?;
                fancy_program(&translated, self.dialect).ok()
            })
            .as_ref()
    }
}

fn plain_program(
    translated: &Translated,
    dialect: Dialect,
) -> Result<regex::bytes::Regex, PatternError> {
    regex::bytes::RegexBuilder::new(&translated.text)
        .unicode(dialect == Dialect::Text)
        .size_limit(PROGRAM_LIMIT)
        .dfa_size_limit(CACHE_LIMIT)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
            other => PatternError::Engine(last_line(&other.to_string())),
        })
}

fn fancy_program(
    translated: &Translated,
    dialect: Dialect,
) -> Result<fancy_regex::Regex, PatternError> {
    let mode = match dialect {
        Dialect::Text => fancy_regex::BytesMode::UnicodeBytes,
        Dialect::Bytes => fancy_regex::BytesMode::Ascii,
    };
    fancy_regex::RegexBuilder::new(&translated.text)
        .bytes_mode(mode)
        .unicode_mode(dialect == Dialect::Text)
        .delegate_size_limit(PROGRAM_LIMIT)
        .delegate_dfa_size_limit(CACHE_LIMIT)
        .max_prog_size(INSTRUCTION_LIMIT)
        .backtrack_limit(BACKTRACK_LIMIT)
        .build()
        .map_err(|error| {
            let text = error.to_string();
            if text.contains("size limit") || text.contains("too complex") {
                PatternError::TooLarge
            } else {
                PatternError::Engine(last_line(&text))
            }
        })
}

/// The engines draw the pattern with a caret; the last line says what is wrong.
fn last_line(text: &str) -> String {
    let line = text.lines().next_back().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
