//! Flow filter expressions, the language of `view_filter`, `intercept` and the filter part of many options.
//!
//! The text is parsed ([`parser`]) into a tree whose leaves are operators of one table ([`operator`]); all regular
//! expressions are compiled on the way. Matching ([`matcher`]) reads the flow in place: what costs something, such as
//! the URL or decoded content, is made at most once per flow and only when an operator asks for it.

mod content;
mod dns;
mod error;
mod lexer;
mod matcher;
mod operator;
mod parser;
mod print;
mod repr;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

pub use error::FilterError;
pub use operator::help;
use operator::{Field, Plain};
use parser::Parser;

use crate::pattern::Pattern;
use crate::{DnsFlow, Flow, HttpFlow, MessageFlow};

/// A condition on flows. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    root: Arc<Node>,
}

/// Whether patterns of filters distinguish upper and lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `a` matches `A`.
    Ignored,
    /// `a` matches `a` only.
    Sensitive,
}

/// Parts of an exchange whose content a filter reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// Content of the request.
    pub request: bool,
    /// Content of the response.
    pub response: bool,
    /// Messages of WebSocket, TCP and UDP flows.
    pub messages: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Plain(Plain),
    Match(Field, Pattern),
    /// Response status code. Any number may be asked for; none above 65535 ever matches.
    Status(u64),
}

impl Case {
    /// What the environment says: `MITMPROXY_CASE_SENSITIVE_FILTERS=1` makes case count. Read once.
    pub fn from_environment() -> Self {
        static CASE: OnceLock<Case> = OnceLock::new();
        *CASE.get_or_init(
            || match std::env::var_os("MITMPROXY_CASE_SENSITIVE_FILTERS") {
                Some(value) if value == "1" => Self::Sensitive,
                _ => Self::Ignored,
            },
        )
    }
}

impl Sides {
    /// True if any content is read.
    pub fn any(self) -> bool {
        self.request || self.response || self.messages
    }
}

impl std::ops::BitOr for Sides {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            request: self.request || other.request,
            response: self.response || other.response,
            messages: self.messages || other.messages,
        }
    }
}

impl Filter {
    /// Parses an expression.
    pub fn parse(expression: &str) -> Result<Self, FilterError> {
        Self::parse_with(expression, Case::from_environment())
    }

    /// Parses an expression with a choice about case.
    pub fn parse_with(expression: &str, case: Case) -> Result<Self, FilterError> {
        let root = Parser::new(expression, case).parse()?;
        Ok(Self {
            root: Arc::new(root),
        })
    }

    /// True if the flow meets the condition.
    pub fn matches(&self, flow: &Flow) -> bool {
        matcher::matches(&self.root, flow)
    }

    /// As [`Filter::matches`], for an HTTP flow that is not wrapped.
    pub fn matches_http(&self, flow: &HttpFlow) -> bool {
        matcher::matches_http(&self.root, flow)
    }

    /// As [`Filter::matches`], for a TCP flow that is not wrapped.
    pub fn matches_tcp(&self, flow: &MessageFlow) -> bool {
        matcher::matches_tcp(&self.root, flow)
    }

    /// As [`Filter::matches`], for a UDP flow that is not wrapped.
    pub fn matches_udp(&self, flow: &MessageFlow) -> bool {
        matcher::matches_udp(&self.root, flow)
    }

    /// As [`Filter::matches`], for a DNS flow that is not wrapped.
    pub fn matches_dns(&self, flow: &DnsFlow) -> bool {
        matcher::matches_dns(&self.root, flow)
    }

    /// Content that the filter may read, so that the flow must have kept it by then.
    pub fn looks_at_content(&self) -> Sides {
        self.root.sides()
    }
}

impl Node {
    fn sides(&self) -> Sides {
        match self {
            Self::And(nodes) | Self::Or(nodes) => nodes
                .iter()
                .fold(Sides::default(), |sides, node| sides | node.sides()),
            Self::Not(node) => node.sides(),
            Self::Match(field, _) => field.sides(),
            Self::Plain(_) | Self::Status(_) => Sides::default(),
        }
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(expression: &str) -> Result<Self, FilterError> {
        Self::parse(expression)
    }
}

impl fmt::Display for Filter {
    /// The expression in canonical form: it parses to an equal filter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print::print(&self.root))
    }
}
