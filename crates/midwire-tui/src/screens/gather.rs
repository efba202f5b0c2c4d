//! When a screen looks through all flows again: often while that is cheap, seldom while it costs.

use std::time::{Duration, Instant};

/// Time between two looks, at least.
const LEAST: Duration = Duration::from_millis(500);

/// Looking takes at most this part of the time.
const SHARE: u32 = 200;

/// Says when to look again.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    next: Option<Instant>,
}

impl Pace {
    /// True if it is time to look.
    pub(crate) fn is_due(&self) -> bool {
        self.next.is_none_or(|next| next <= Instant::now())
    }

    /// Looks, and plans the next look by what this one cost.
    pub(crate) fn look<T>(&mut self, look: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let found = look();
        let cost = start.elapsed();
        self.next = Some(Instant::now() + (cost * SHARE).max(LEAST));
        found
    }

    /// Something was done: looks again as soon as possible.
    pub(crate) fn hurry(&mut self) {
        self.next = None;
    }
}

/// A filter word that matches a text as it is.
pub(crate) fn exactly(text: &str) -> String {
    let mut out = String::from("\"^");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.push('.'),
            c if c.is_ascii_punctuation()
                && !matches!(c, '/' | '_' | '-' | '%' | '&' | '=' | ':') =>
            {
                // A class needs no backslash, which means something else between quotes.
                if c == '^' {
                    out.push('.');
                } else {
                    out.push('[');
                    out.push(c);
                    out.push(']');
                }
            }
            c => out.push(c),
        }
    }
    out.push_str("$\"");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use midwire_flow::filter::Filter;

    #[test]
    fn words_match_themselves() {
        assert_eq!(exactly("a.b"), "\"^a[.]b$\"");
        for text in ["a.b-c", "x[1]", "a\"b", "a^b", "(", "a\\b", "[::1]"] {
            let filter = format!("~d {}", exactly(text));
            assert!(Filter::parse(&filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn a_look_plans_the_next() {
        let mut pace = Pace::default();
        assert!(pace.is_due());
        assert_eq!(pace.look(|| 5), 5);
        assert!(!pace.is_due());
        pace.hurry();
        assert!(pace.is_due());
    }
}
