//! From Python's regular expression syntax to that of `regex` and `fancy-regex`.
//!
//! One pass, no tree: every item is written as an atom of its own, so that a quantifier can follow. All ASCII that is
//! not a letter, digit or `_` is written as `\xHH`, which has one meaning in both engines, inside and outside classes.

mod class;
mod escape;
mod group;

use std::fmt::Write as _;

use super::{Flags, PatternError};

/// What a pattern is matched against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Text,
    Bytes,
}

/// How `$` without MULTILINE is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dollar {
    /// As the very end: right for subjects that do not end in a line feed.
    End,
    /// Right for all subjects, with look-ahead.
    BeforeFinalLineFeed,
}

/// A pattern in the engines' syntax.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) text: String,
    pub(super) needs_fancy: bool,
    pub(super) has_dollar: bool,
    pub(super) groups: usize,
    pub(super) names: Vec<(String, usize)>,
}

/// Groups within groups; the engines and we recurse over them.
const NESTING_LIMIT: usize = 50;
/// Number of capturing groups.
const GROUP_LIMIT: usize = 1000;
/// Largest count in braces. The size limit of a program comes first unless the repeated part is tiny.
const REPEAT_LIMIT: u32 = 100_000;

pub(super) fn translate(
    source: &[u8],
    flags: Flags,
    dialect: Dialect,
    dollar: Dollar,
) -> Result<Translated, PatternError> {
    let input: Vec<char> = match dialect {
        Dialect::Text => String::from_utf8_lossy(source).chars().collect(),
        Dialect::Bytes => source.iter().map(|b| char::from(*b)).collect(),
    };
    let mut translator = Translator {
        input,
        position: 0,
        out: String::with_capacity(source.len() * 2),
        dialect,
        dollar,
        needs_fancy: false,
        has_dollar: false,
        groups: 0,
        open_groups: Vec::new(),
        names: Vec::new(),
        conditions: Vec::new(),
    };
    let local = translator.global_flags(flags)?;
    if local.ignore_case {
        translator.out.push_str("(?i)");
    }
    translator.alternatives(local, 0)?;
    if translator.peek().is_some() {
        return Err(translator.error("unbalanced parenthesis"));
    }
    for (number, position) in &translator.conditions {
        if *number > translator.groups {
            return Err(PatternError::Syntax {
                what: format!("invalid group reference {number}"),
                position: *position,
            });
        }
    }
    Ok(Translated {
        text: translator.out,
        needs_fancy: translator.needs_fancy,
        has_dollar: translator.has_dollar,
        groups: translator.groups,
        names: translator.names,
    })
}

/// Flags in force at a place of the pattern.
#[derive(Clone, Copy, Debug)]
struct Local {
    ignore_case: bool,
    multiline: bool,
    dotall: bool,
    verbose: bool,
    /// Classes are those of ASCII.
    ascii: bool,
}

struct Translator {
    input: Vec<char>,
    position: usize,
    out: String,
    dialect: Dialect,
    dollar: Dollar,
    needs_fancy: bool,
    has_dollar: bool,
    groups: usize,
    open_groups: Vec<usize>,
    names: Vec<(String, usize)>,
    /// Groups that conditionals ask for, which may come later in the pattern, with their positions.
    conditions: Vec<(usize, usize)>,
}

/// What an item was, as far as a quantifier after it cares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    /// An anchor or nothing at all: cannot be repeated.
    Fixed,
    Atom,
}

impl Translator {
    fn peek(&self) -> Option<char> {
        self.input.get(self.position).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.position += 1;
        Some(c)
    }

    fn next_if(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.position += usize::from(found);
        found
    }

    fn error(&self, what: impl Into<String>) -> PatternError {
        PatternError::Syntax {
            what: what.into(),
            position: self.position,
        }
    }

    fn alternatives(&mut self, local: Local, depth: usize) -> Result<(), PatternError> {
        if depth > NESTING_LIMIT {
            return Err(self.error(format!("groups nested deeper than {NESTING_LIMIT}")));
        }
        self.sequence(local, depth)?;
        while self.next_if('|') {
            self.out.push('|');
            self.sequence(local, depth)?;
        }
        Ok(())
    }

    /// Items up to `|`, `)` or the end.
    fn sequence(&mut self, local: Local, depth: usize) -> Result<(), PatternError> {
        loop {
            if local.verbose && self.skip_verbose() {
                continue;
            }
            let Some(c) = self.peek() else {
                return Ok(());
            };
            if c == '|' || c == ')' {
                return Ok(());
            }
            let start = self.out.len();
            let item = self.item(local, depth)?;
            self.quantifier(start, item, local)?;
        }
    }

    /// White space and comments of the verbose flag.
    fn skip_verbose(&mut self) -> bool {
        match self.peek() {
            Some(' ' | '\t' | '\n' | '\r' | '\x0B' | '\x0C') => {
                self.position += 1;
                true
            }
            Some('#') => {
                while self.next().is_some_and(|c| c != '\n') {}
                true
            }
            _ => false,
        }
    }

    fn item(&mut self, local: Local, depth: usize) -> Result<Item, PatternError> {
        let Some(c) = self.next() else {
            return Ok(Item::Fixed);
        };
        match c {
            '\\' => self.escape(local),
            '[' => self.class(local).map(|()| Item::Atom),
            '(' => self.group(local, depth),
            '.' => {
                self.out
                    .push_str(if local.dotall { "(?s:.)" } else { r"[^\x0A]" });
                Ok(Item::Atom)
            }
            '^' => {
                self.out
                    .push_str(if local.multiline { "(?m:^)" } else { r"\A" });
                Ok(Item::Fixed)
            }
            '$' => {
                self.dollar(local);
                Ok(Item::Fixed)
            }
            '*' | '+' | '?' => {
                self.position -= 1;
                Err(self.error("nothing to repeat"))
            }
            literal => {
                if literal == '{' && self.counts().is_some() {
                    return Err(self.error("nothing to repeat"));
                }
                self.literal(literal);
                Ok(Item::Atom)
            }
        }
    }

    fn dollar(&mut self, local: Local) {
        if local.multiline {
            self.out.push_str("(?m:$)");
            return;
        }
        self.has_dollar = true;
        self.out.push_str(match self.dollar {
            Dollar::End => r"\z",
            Dollar::BeforeFinalLineFeed => r"(?=\x0A?\z)",
        });
    }

    /// Writes a character so that it stands for itself.
    fn literal(&mut self, c: char) {
        let code = u32::from(c);
        if c.is_ascii_alphanumeric() || c == '_' {
            self.out.push(c);
        } else if code < 0x80 || self.dialect == Dialect::Bytes {
            let _ = write!(self.out, r"\x{code:02X}");
        } else {
            self.out.push(c);
        }
    }

    fn quantifier(&mut self, start: usize, item: Item, local: Local) -> Result<(), PatternError> {
        let Some((low, high)) = self.next_counts(local)? else {
            return Ok(());
        };
        if item == Item::Fixed {
            return Err(self.error("nothing to repeat"));
        }
        let _ = match (low, high) {
            (0, None) => write!(self.out, "*"),
            (1, None) => write!(self.out, "+"),
            (0, Some(1)) => write!(self.out, "?"),
            (low, None) => write!(self.out, "{{{low},}}"),
            (low, Some(high)) if low == high => write!(self.out, "{{{low}}}"),
            (low, Some(high)) => write!(self.out, "{{{low},{high}}}"),
        };
        if self.next_if('?') {
            self.out.push('?');
        } else if self.next_if('+') {
            self.needs_fancy = true;
            self.out.insert_str(start, "(?>");
            self.out.push(')');
        }
        let after = self.position;
        if self.next_counts(local)?.is_some() {
            self.position = after;
            return Err(self.error("multiple repeat"));
        }
        Ok(())
    }

    /// Reads a quantifier if one comes next.
    fn next_counts(&mut self, local: Local) -> Result<Option<(u32, Option<u32>)>, PatternError> {
        while local.verbose && self.skip_verbose() {}
        let counts = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                self.position += 1;
                let Some((low, high)) = self.counts() else {
                    self.position -= 1;
                    return Ok(None);
                };
                if low.max(high.unwrap_or(0)) > REPEAT_LIMIT {
                    return Err(PatternError::TooLarge);
                }
                if high.is_some_and(|high| low > high) {
                    return Err(self.error("min repeat greater than max repeat"));
                }
                return Ok(Some((low, high)));
            }
            _ => return Ok(None),
        };
        self.position += 1;
        Ok(Some(counts))
    }

    /// Reads `m}`, `m,}`, `,n}` or `m,n}`; anything else is no quantifier, and nothing is read.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let start = self.position;
        if self.peek() == Some('}') {
            return None;
        }
        let low = self.number();
        let high = if self.next_if(',') {
            self.number()
        } else if low.is_none() {
            // `{x` is text.
            self.position = start;
            return None;
        } else {
            low
        };
        if !self.next_if('}') {
            self.position = start;
            return None;
        }
        Some((low.unwrap_or(0), high))
    }

    fn number(&mut self) -> Option<u32> {
        let mut value: Option<u32> = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.position += 1;
            value = Some(value.unwrap_or(0).saturating_mul(10).saturating_add(digit));
        }
        value
    }
}
