//! Clients that have refused our certificate for a host: option `tls_failure`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long connections pass untouched under `learn`. Long enough to use a program, short enough that trust which was set
/// up meanwhile shows.
const LEARNED: Duration = Duration::from_mins(10);

/// Pairs of client and host that are remembered; the one that refused first goes first.
const PAIRS_MAX: usize = 4096;

/// What the option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterRefusal {
    /// Intercept all the same.
    Block,
    /// Pass on for a limited time.
    Learn,
    /// Pass on until the program ends.
    Pass,
}

impl AfterRefusal {
    /// The option's value; the table of options allows no other one.
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "learn" => Self::Learn,
            "pass" => Self::Pass,
            _ => Self::Block,
        }
    }
}

/// A client's address and a host, which is a name from SNI or an address.
pub(crate) type Pair = (String, String);

/// Remembers who has refused our certificate for which host.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<State>);

#[derive(Default)]
struct State {
    since: HashMap<Pair, Instant>,
    oldest_first: VecDeque<(Pair, Instant)>,
}

impl Refusals {
    /// Remembers a refusal.
    pub(crate) fn note(&self, pair: Pair, now: Instant) {
        let mut state = self.state();
        // Refusals that came again stand in the queue twice; the older entry names a time that no longer counts.
        while state.oldest_first.len() >= PAIRS_MAX {
            let Some((oldest, since)) = state.oldest_first.pop_front() else {
                break;
            };
            if state.since.get(&oldest) == Some(&since) {
                state.since.remove(&oldest);
            }
        }
        state.oldest_first.push_back((pair.clone(), now));
        state.since.insert(pair, now);
    }

    /// How long ago the client refused our certificate, if its connections to the host pass untouched therefore.
    pub(crate) fn passes(&self, what: AfterRefusal, pair: &Pair, now: Instant) -> Option<Duration> {
        if what == AfterRefusal::Block {
            return None;
        }
        let since = self.state().since.get(pair).copied()?;
        let ago = now.saturating_duration_since(since);
        (what == AfterRefusal::Pass || ago < LEARNED).then_some(ago)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(client: &str, host: &str) -> Pair {
        (client.to_owned(), host.to_owned())
    }

    #[test]
    fn refusals_count_for_one_client_and_host_and_a_time() {
        let refusals = Refusals::default();
        let began = Instant::now();
        refusals.note(pair("1.1.1.1", "a.test"), began);
        let check = |what, client, host, seconds, expected: bool| {
            let now = began + Duration::from_secs(seconds);
            let passes = refusals.passes(what, &pair(client, host), now).is_some();
            assert_eq!(passes, expected, "{what:?} {client} {host} {seconds}");
        };
        check(AfterRefusal::Block, "1.1.1.1", "a.test", 0, false);
        check(AfterRefusal::Learn, "1.1.1.1", "a.test", 599, true);
        check(AfterRefusal::Learn, "1.1.1.1", "a.test", 600, false);
        check(AfterRefusal::Pass, "1.1.1.1", "a.test", 600, true);
        check(AfterRefusal::Learn, "1.1.1.2", "a.test", 0, false);
        check(AfterRefusal::Learn, "1.1.1.1", "b.test", 0, false);
    }

    #[test]
    fn the_oldest_refusal_goes_first() {
        let refusals = Refusals::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        for n in 0..PAIRS_MAX - 1 {
            refusals.note(pair("c", &n.to_string()), now);
        }
        refusals.note(pair("c", "0"), later);
        refusals.note(pair("c", "new"), later);
        let passes = |host: &str| {
            let passes = refusals.passes(AfterRefusal::Learn, &pair("c", host), later);
            passes.is_some()
        };
        assert!(passes("0"), "it came again");
        assert!(passes("new") && passes("1"));
        refusals.note(pair("c", "newer"), later);
        assert!(!passes("1") && passes("2"));
        assert!(refusals.state().oldest_first.len() <= PAIRS_MAX);
        assert!(refusals.state().since.len() <= PAIRS_MAX);
    }
}
