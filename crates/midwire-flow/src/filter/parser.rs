//! Recursive descent over the grammar of filters.md §3.

use super::lexer::{Lexer, Trouble};
use super::operator::{Field, Kind, OPERATORS};
use super::{Case, FilterError, Node};
use crate::pattern::{Flags, Pattern};

/// Parentheses and negations within each other. Parsing, matching and printing recurse over them.
const NESTING_LIMIT: usize = 200;

pub(super) struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    case: Case,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, case: Case) -> Self {
        Self {
            text,
            lexer: Lexer::new(text),
            case,
        }
    }

    pub(super) fn parse(mut self) -> Result<Node, FilterError> {
        if self.text.is_empty() {
            return Err(FilterError::empty());
        }
        self.terms()
            .map_err(|trouble| FilterError::invalid(self.text, trouble.position, trouble.reason))
    }

    /// Terms side by side are a conjunction that binds weakest of all.
    fn terms(&mut self) -> Result<Node, Trouble> {
        let mut terms = Vec::new();
        loop {
            self.lexer.skip_blanks();
            if self.lexer.peek().is_none() {
                break;
            }
            terms.push(self.or(0)?);
        }
        match terms.pop() {
            None => Err(self.trouble("there is nothing but white space")),
            Some(only) if terms.is_empty() => Ok(only),
            Some(last) => {
                terms.push(last);
                Ok(Node::And(terms))
            }
        }
    }

    fn or(&mut self, depth: usize) -> Result<Node, Trouble> {
        let first = self.and(depth)?;
        let mut nodes = vec![first];
        while self.sign('|') {
            nodes.push(self.and(depth)?);
        }
        Ok(joined(nodes, Node::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Node, Trouble> {
        let first = self.not(depth)?;
        let mut nodes = vec![first];
        while self.sign('&') {
            nodes.push(self.not(depth)?);
        }
        Ok(joined(nodes, Node::And))
    }

    fn not(&mut self, depth: usize) -> Result<Node, Trouble> {
        if depth > NESTING_LIMIT {
            return Err(self.trouble(format!("nested deeper than {NESTING_LIMIT}")));
        }
        if self.sign('!') {
            return Ok(Node::Not(Box::new(self.not(depth + 1)?)));
        }
        self.atom(depth)
    }

    /// Takes a sign if an operand can follow. At the end of an expression it is a word.
    fn sign(&mut self, sign: char) -> bool {
        let before = self.lexer.position();
        self.lexer.skip_blanks();
        if self.lexer.take(sign) {
            self.lexer.skip_blanks();
            if !matches!(self.lexer.peek(), None | Some(')')) {
                return true;
            }
        }
        self.lexer.rewind(before);
        false
    }

    fn atom(&mut self, depth: usize) -> Result<Node, Trouble> {
        self.lexer.skip_blanks();
        let start = self.lexer.position();
        match self.lexer.peek() {
            None => Err(self.trouble("an expression is missing at the end")),
            Some(')') => Err(self.trouble("this parenthesis closes nothing")),
            Some('(') => self.group(depth),
            Some('~') => self.operator(),
            Some(_) => match self.lexer.argument()? {
                Some(text) => self.pattern(Field::Url, &text, start),
                None => Err(self.trouble("an expression is missing")),
            },
        }
    }

    fn group(&mut self, depth: usize) -> Result<Node, Trouble> {
        let start = self.lexer.position();
        self.lexer.bump();
        self.lexer.skip_blanks();
        if self.lexer.peek() == Some(')') {
            return Err(self.trouble("the parentheses are empty"));
        }
        let node = self.or(depth + 1)?;
        self.lexer.skip_blanks();
        if self.lexer.take(')') {
            return Ok(node);
        }
        Err(match self.lexer.peek() {
            None => Trouble::new(start, "this parenthesis is not closed"),
            Some(_) => self.trouble("within parentheses, terms are joined by & or |"),
        })
    }

    fn operator(&mut self) -> Result<Node, Trouble> {
        let start = self.lexer.position();
        self.lexer.bump();
        let glued = self.lexer.name();
        let name = glued.trim_end_matches(')');
        let Some(operator) = OPERATORS.iter().find(|operator| operator.name == name) else {
            return Err(Trouble::new(start, unknown(name)));
        };
        // mitmproxy wants a blank between `~q` and a parenthesis that closes. We can do without.
        let end = start + 1 + name.len();
        self.lexer.rewind(end);
        match operator.kind {
            Kind::Plain(plain) => Ok(Node::Plain(plain)),
            _ if glued != name => Err(Trouble::new(end, format!("~{name} needs an argument here"))),
            Kind::Match(field) => {
                self.lexer.skip_blanks();
                let at = self.lexer.position();
                match self.lexer.argument()? {
                    Some(text) => self.pattern(field, &text, at),
                    None => Err(Trouble::new(
                        at,
                        format!("~{name} needs a regular expression here"),
                    )),
                }
            }
            Kind::Status => {
                self.lexer.skip_blanks();
                let at = self.lexer.position();
                match self.lexer.digits() {
                    "" => Err(Trouble::new(at, format!("~{name} needs a number here"))),
                    digits => Ok(Node::Status(digits.parse().unwrap_or(u64::MAX))),
                }
            }
        }
    }

    fn pattern(&self, field: Field, text: &str, position: usize) -> Result<Node, Trouble> {
        let flags = Flags {
            ignore_case: self.case == Case::Ignored,
            ..field.flags()
        };
        let pattern = if field.is_bytes() {
            Pattern::bytes(text, flags)
        } else {
            Pattern::new(text, flags)
        };
        match pattern {
            Ok(pattern) => Ok(Node::Match(field, pattern)),
            Err(error) => Err(Trouble::new(
                position,
                format!("invalid regular expression: {error}"),
            )),
        }
    }

    fn trouble(&self, reason: impl Into<String>) -> Trouble {
        Trouble::new(self.lexer.position(), reason)
    }
}

/// One node stands for itself; more are joined.
fn joined(mut nodes: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            join(nodes)
        }
        None => join(nodes),
    }
}

/// Says what is wrong with a name, and what may have been meant.
fn unknown(name: &str) -> String {
    if name.is_empty() {
        return "the name of an operator is missing after ~".to_owned();
    }
    let longest = OPERATORS
        .iter()
        .map(|operator| operator.name)
        .filter(|known| {
            let next = name
                .strip_prefix(known)
                .and_then(|rest| rest.chars().next());
            next.is_some_and(|c| !c.is_ascii_lowercase())
        })
        .max_by_key(|known| known.len());
    match longest {
        Some(known) => format!("~{name} is unknown; a blank is needed after ~{known}"),
        None => format!("~{name} is unknown"),
    }
}
