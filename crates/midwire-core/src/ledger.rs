//! What was not captured and why, counted for each host.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Hosts and reasons that are kept, a few hundred bytes each; the one that was not seen for longest goes first.
const ROWS_MAX: usize = 1000;

/// Bytes of a host's name that are kept; names of DNS are at most as long (RFC 1035 §2.3.4).
const HOST_MAX: usize = 255;

/// Why traffic of a host was not captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Missed {
    /// `ignore_hosts` or `allow_hosts`.
    Rules,
    /// A script said so.
    Script,
    /// `tls_failure`, since the client had refused our certificate.
    TlsFailure,
    /// The client refused our certificate.
    Refused,
    /// The server offered QUIC, which clients may use without us.
    Quic,
}

impl Missed {
    /// The reason for people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Rules => "passed untouched by ignore_hosts or allow_hosts",
            Self::Script => "passed untouched at the word of a script",
            Self::TlsFailure => "passed untouched by tls_failure",
            Self::Refused => "the client does not trust our certificate",
            Self::Quic => "the server offers QUIC, which clients may use without the proxy",
        }
    }
}

/// A host and a reason, with what is known about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Name or address of the host.
    pub host: String,
    /// Why it was not captured.
    pub reason: Missed,
    /// How often, in connections or responses.
    pub count: u64,
    /// When it was the last time.
    pub last: SystemTime,
}

/// Counts for each host what was not captured and why.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    rows: HashMap<(String, Missed), Counted>,
    /// Counts all entries, so that the oldest can be told.
    clock: u64,
    forgotten: u64,
}

#[derive(Debug)]
struct Counted {
    count: u64,
    last: SystemTime,
    tick: u64,
}

impl Ledger {
    /// Counts one connection or response of this host.
    pub fn note(&self, host: &str, reason: Missed) {
        let end = host.floor_char_boundary(HOST_MAX);
        let host = host.get(..end).unwrap_or_default().to_ascii_lowercase();
        let mut state = self.state();
        state.clock += 1;
        let tick = state.clock;
        let last = SystemTime::now();
        if let Some(known) = state.rows.get_mut(&(host.clone(), reason)) {
            known.count = known.count.saturating_add(1);
            (known.last, known.tick) = (last, tick);
            return;
        }
        if state.rows.len() >= ROWS_MAX {
            let oldest = state.rows.iter().min_by_key(|(_, row)| row.tick);
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                state.rows.remove(&key);
                state.forgotten = state.forgotten.saturating_add(1);
            }
        }
        let count = 1;
        let counted = Counted { count, last, tick };
        state.rows.insert((host, reason), counted);
    }

    /// All rows, by host.
    pub fn rows(&self) -> Vec<LedgerRow> {
        let state = self.state();
        let mut rows: Vec<LedgerRow> = state
            .rows
            .iter()
            .map(|((host, reason), row)| LedgerRow {
                host: host.clone(),
                reason: *reason,
                count: row.count,
                last: row.last,
            })
            .collect();
        rows.sort_by(|a, b| (&a.host, a.reason).cmp(&(&b.host, b.reason)));
        rows
    }

    /// Rows that were dropped for want of room.
    pub fn forgotten(&self) -> u64 {
        self.state().forgotten
    }

    /// Forgets everything.
    pub fn reset(&self) {
        *self.state() = State::default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_counted_by_reason() {
        let ledger = Ledger::default();
        ledger.note("B.test", Missed::Rules);
        ledger.note("a.test", Missed::Refused);
        ledger.note("b.test", Missed::Rules);
        ledger.note("b.test", Missed::Quic);
        let rows: Vec<_> = ledger
            .rows()
            .into_iter()
            .map(|row| (row.host, row.reason, row.count))
            .collect();
        let row = |host: &str, reason, count| (host.to_owned(), reason, count);
        let expected = [
            row("a.test", Missed::Refused, 1),
            row("b.test", Missed::Rules, 2),
            row("b.test", Missed::Quic, 1),
        ];
        assert_eq!(rows, expected);
        ledger.reset();
        assert!(ledger.rows().is_empty());
    }

    #[test]
    fn the_row_that_was_not_seen_for_longest_goes_first() {
        let ledger = Ledger::default();
        for n in 0..ROWS_MAX {
            ledger.note(&format!("{n}.test"), Missed::Rules);
        }
        ledger.note("0.test", Missed::Rules);
        ledger.note("new.test", Missed::Rules);
        let hosts: Vec<String> = ledger.rows().into_iter().map(|row| row.host).collect();
        assert_eq!((hosts.len(), ledger.forgotten()), (ROWS_MAX, 1));
        assert!(hosts.contains(&"0.test".to_owned()) && hosts.contains(&"new.test".to_owned()));
        assert!(!hosts.contains(&"1.test".to_owned()));
        ledger.note(&"é".repeat(1000), Missed::Rules);
        assert!(ledger.rows().iter().all(|row| row.host.len() <= HOST_MAX));
    }
}
