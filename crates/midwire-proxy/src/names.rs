//! Addresses of server names, kept for a moment.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use midwire_flow::Address;

/// How long an answer is used again. The system's resolver does not say how long it holds, so this is no longer than
/// what loading one page takes.
const FRESH: Duration = Duration::from_secs(2);
/// Names that are kept.
const NAMES_MAX: usize = 256;

/// Asks the system for the addresses of names. Answers are used again for two seconds, so that the many connections
/// of one page do not each wait for a thread that reads files and asks servers. Failures are never kept.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<Address, (Instant, Vec<SocketAddr>)>>);

impl Names {
    /// The addresses of a host with its port; none if the name is not known.
    pub(crate) async fn find(&self, to: &Address) -> Vec<SocketAddr> {
        if let Some(known) = self.known(to, Instant::now()) {
            return known;
        }
        let found = tokio::net::lookup_host((to.host.as_str(), to.port)).await;
        let found: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
        if !found.is_empty() {
            self.keep(to, found.clone(), Instant::now());
        }
        found
    }

    fn known(&self, to: &Address, now: Instant) -> Option<Vec<SocketAddr>> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, addresses) = names.get(to)?;
        (now.duration_since(*since) < FRESH).then(|| addresses.clone())
    }

    fn keep(&self, to: &Address, addresses: Vec<SocketAddr>, now: Instant) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= NAMES_MAX {
            names.retain(|_, (since, _)| now.duration_since(*since) < FRESH);
        }
        if names.len() >= NAMES_MAX {
            names.clear();
        }
        names.insert(to.clone(), (now, addresses));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> Vec<SocketAddr> {
        vec![SocketAddr::from(([127, 0, 0, 1], port))]
    }

    #[test]
    fn an_answer_is_used_again_for_two_seconds() {
        let (names, begin) = (Names::default(), Instant::now());
        let to = Address::new("h", 1);
        names.keep(&to, address(1), begin);
        let check = |after, expected: Option<Vec<SocketAddr>>| {
            assert_eq!(
                names.known(&to, begin + Duration::from_millis(after)),
                expected
            );
        };
        check(0, Some(address(1)));
        check(1999, Some(address(1)));
        check(2000, None);
        assert_eq!(names.known(&Address::new("h", 2), begin), None);
    }

    #[test]
    fn more_names_than_fit_push_others_out() {
        let (names, begin) = (Names::default(), Instant::now());
        for nth in 0..1000 {
            names.keep(&Address::new(format!("h{nth}"), 1), address(1), begin);
            assert!(names.0.lock().unwrap().len() <= NAMES_MAX);
        }
    }

    #[tokio::test]
    async fn a_name_without_addresses_is_asked_for_again() {
        let names = Names::default();
        let to = Address::new("no\0name", 1);
        assert!(names.find(&to).await.is_empty());
        assert!(names.0.lock().unwrap().is_empty());
    }
}
