//! How many clients are served at a time (`max_connections`, security.md §2).

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use midwire_core::Kernel;

use crate::engine::Engine;

/// How often it is looked whether a connection has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How often the user is told that accepting pauses.
const SAY_AGAIN: Duration = Duration::from_secs(10);
/// Descriptors that are not for connections: listeners, files, pipes to scripts.
const OTHER_DESCRIPTORS: usize = 64;

/// Connections that the descriptors of this process are enough for: each takes one towards the client and one
/// towards the server.
static BY_DESCRIPTORS: LazyLock<usize> =
    LazyLock::new(|| descriptors().saturating_sub(OTHER_DESCRIPTORS).max(2) / 2);

impl Engine {
    /// Waits until there is room for one more client. Meanwhile the system keeps clients waiting; none is dropped.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn room(&self) {
        let kernel: &Kernel = &self.kernel;
        while kernel.connections() >= limit(kernel.options().load().max_connections) {
            say_full(kernel.connections());
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

fn limit(option: i64) -> usize {
    match usize::try_from(option) {
        Ok(0) | Err(_) => *BY_DESCRIPTORS,
        Ok(limit) => limit,
    }
}

fn say_full(connections: usize) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_none_or(|last| last.elapsed() >= SAY_AGAIN) {
        *last = Some(Instant::now());
        tracing::warn!(
            "{connections} clients are connected: no more are accepted until one leaves (max_connections)"
        );
    }
}

/// The soft limit of open descriptors, where the system tells it as a file.
fn descriptors() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    parse_limits(&limits).unwrap_or(1024)
}

fn parse_limits(text: &str) -> Option<usize> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_read() {
        let text = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
        assert_eq!(parse_limits(text), Some(1024));
        assert_eq!(
            parse_limits("Max open files unlimited unlimited files"),
            None
        );
        assert_eq!(limit(7), 7);
        assert!(limit(0) >= 1);
    }
}
