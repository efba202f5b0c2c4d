//! Which flows a list shows, and in which order.

use std::sync::Arc;

use midwire_core::store::{Judge, Placing, SortKey, Stored};
use midwire_flow::Flow;
use midwire_flow::filter::Filter;
use regex::bytes::{Regex, RegexBuilder};

use super::{kind, row};
use crate::call::{Call, Problem};

/// Words of a plain search, at most.
const WORDS: usize = 16;

/// A condition on flows: an expression, or plain words.
#[derive(Clone)]
pub(crate) enum Condition {
    All,
    Filter(Filter),
    Words(Vec<Regex>),
}

impl Condition {
    /// Reads an expression. With `Plain::Words`, text without `~` is words that have to occur somewhere.
    pub(crate) fn parse(text: &str, plain: Plain) -> Result<Self, Problem> {
        if text.trim().is_empty() {
            return Ok(Self::All);
        }
        if plain == Plain::Words && !text.contains('~') {
            return words(text).map(Self::Words);
        }
        Filter::parse(text)
            .map(Self::Filter)
            .map_err(|error| Problem::filter(text, &error))
    }

    /// True if the flow meets it.
    pub(crate) fn matches(&self, flow: &Flow) -> bool {
        match self {
            Self::All => true,
            Self::Filter(filter) => filter.matches(flow),
            Self::Words(words) => words.iter().all(|word| has_word(flow, word)),
        }
    }
}

/// Whether text without an operator is words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    Words,
    Expression,
}

impl From<bool> for Plain {
    fn from(plain: bool) -> Self {
        if plain { Self::Words } else { Self::Expression }
    }
}

fn words(text: &str) -> Result<Vec<Regex>, Problem> {
    text.split_whitespace()
        .take(WORDS)
        .map(|word| {
            RegexBuilder::new(&regex::escape(word))
                .case_insensitive(true)
                .build()
                .map_err(|_| Problem::bad("this word is too long to look for"))
        })
        .collect()
}

fn has_word(flow: &Flow, word: &Regex) -> bool {
    let has = |text: &str| word.is_match(text.as_bytes());
    // Cheap parts first: most flows do not match, and all parts are looked at then.
    if let Flow::Http(http) = flow {
        if word.is_match(&http.request.path)
            || has(&http.request.host)
            || word.is_match(&http.request.method)
        {
            return true;
        }
        if let Some(response) = &http.response {
            let digits = response.status.to_string();
            if has(&digits) {
                return true;
            }
        }
        if http.request.host_header().is_some_and(|host| has(&host)) {
            return true;
        }
    } else if has(&row::path(flow)) || has(&row::host(flow)) || has(&row::method(flow)) {
        return true;
    }
    has(kind::of(flow)) || has(&flow.info().comment)
}

/// A column that a list can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Column {
    #[default]
    Number,
    Started,
    Proto,
    Method,
    Host,
    Path,
    Status,
    Kind,
    Size,
    RequestSize,
    Duration,
    Ttfb,
}

impl Column {
    const ALL: [(&'static str, Self); 12] = [
        ("n", Self::Number),
        ("started", Self::Started),
        ("proto", Self::Proto),
        ("method", Self::Method),
        ("host", Self::Host),
        ("path", Self::Path),
        ("status", Self::Status),
        ("kind", Self::Kind),
        ("size", Self::Size),
        ("request_size", Self::RequestSize),
        ("duration", Self::Duration),
        ("ttfb", Self::Ttfb),
    ];

    /// The column of a name; none is the running number.
    pub(crate) fn parse(name: &str) -> Result<Self, Problem> {
        if name.is_empty() {
            return Ok(Self::default());
        }
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, column)| *column)
            .ok_or_else(|| Problem::bad(format!("lists cannot be sorted by {name}")))
    }

    fn key(self, stored: &Stored) -> SortKey {
        let flow = &*stored.flow;
        let text = |text: &str| SortKey::Text(text.into());
        // What is not known comes first.
        let number = |value: Option<f64>| value.map_or(SortKey::Number(0), SortKey::float);
        match self {
            Self::Number => SortKey::Number(stored.number),
            Self::Started => SortKey::float(flow.info().timestamp_created.as_f64()),
            Self::Proto => text(row::proto(flow)),
            Self::Method => text(&row::method(flow)),
            Self::Host => text(&row::host(flow).to_lowercase()),
            Self::Path => text(&row::path(flow)),
            Self::Status => number(row::status(flow).map(f64::from)),
            Self::Kind => text(kind::of(flow)),
            Self::Size => SortKey::Number(row::size(flow).map_or(0, |size| size.saturating_add(1))),
            Self::RequestSize => {
                SortKey::Number(row::request_size(flow).map_or(0, |size| size.saturating_add(1)))
            }
            Self::Duration => number(row::times(flow).0),
            Self::Ttfb => number(row::times(flow).1),
        }
    }
}

/// What a list is made of.
pub(crate) fn judge(condition: Condition, column: Column) -> Judge {
    Arc::new(move |stored| Placing {
        key: column.key(stored),
        shown: condition.matches(&stored.flow),
    })
}

/// The condition of a query: `filter` and `plain`.
pub(crate) fn condition(call: &Call) -> Result<Condition, Problem> {
    Condition::parse(
        call.arg("filter").unwrap_or_default(),
        call.flag("plain").into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::exchange;

    #[test]
    fn plain_words_and_expressions() {
        let flow = exchange("GET", "http://shop.example/Users/7?q=1", 404);
        let check = |text: &str, plain: bool, expected: Option<bool>| {
            let got = Condition::parse(text, plain.into()).map(|one| one.matches(&flow));
            assert_eq!(got.ok(), expected, "{text} {plain}");
        };
        check("", true, Some(true));
        check("users 404", true, Some(true));
        check("users 200", true, Some(false));
        check("SHOP get", true, Some(true));
        check("html", true, Some(true));
        check("[", true, Some(false));
        check("~c 404", true, Some(true));
        check("~c x", true, None);
        check("users", false, Some(true));
        check("[", false, None);
        let problem = Condition::parse("é ~zz", Plain::Words).err().unwrap();
        assert_eq!(problem.position, Some(2));
    }

    #[test]
    fn columns_sort() {
        let stored = |number, status| Stored {
            number,
            flow: Arc::new(exchange("GET", "http://a/", status)),
            evicted: false,
        };
        let (low, high) = (stored(1, 200), stored(0, 404));
        let less = |column: Column| column.key(&low) < column.key(&high);
        assert!(less(Column::Status) && !less(Column::Number));
        for (name, column) in Column::ALL {
            assert_eq!(Column::parse(name).unwrap(), column);
            assert_eq!(column.key(&low), column.key(&low));
        }
        assert!(Column::parse("colour").is_err());
    }
}
