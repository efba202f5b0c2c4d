//! How fast the content of a request has to come (security.md §3).

use std::time::Duration;

use tokio::time::Instant;

use crate::fault::{Fault, Side};

/// Bytes for each second that a client has to bring on average.
const BYTES_PER_SECOND: u64 = 500;

/// The clock of one content. It runs only while the client is waited for, so pauses of our own do not count.
pub(super) struct Pace {
    limit: Duration,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// A clock with windows of `seconds`; none without a limit.
    pub(super) fn new(seconds: i64) -> Option<Self> {
        let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
        Some(Self {
            limit: Duration::from_secs(seconds),
            waited: Duration::ZERO,
            bytes: 0,
        })
    }

    /// Counts what came.
    pub(super) fn count(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// Waits for the next piece.
    ///
    /// # Cancellation
    /// As with what is waited for; the time counts.
    pub(super) async fn wait<T>(&mut self, next: impl Future<Output = T>) -> Result<T, Fault> {
        let mut next = std::pin::pin!(next);
        let mut waiting = Waiting {
            since: Instant::now(),
            pace: self,
        };
        loop {
            let left = waiting.pace.limit.saturating_sub(waiting.pace.waited);
            if let Ok(got) = tokio::time::timeout_at(waiting.since + left, &mut next).await {
                return Ok(got);
            }
            let pace = &mut *waiting.pace;
            let seconds = pace.limit.as_secs();
            if pace.bytes < BYTES_PER_SECOND.saturating_mul(seconds) {
                return Err(Fault::TimedOut {
                    what: "the request content",
                    seconds,
                    side: Side::Client,
                });
            }
            pace.waited = Duration::ZERO;
            pace.bytes = 0;
            waiting.since = Instant::now();
        }
    }
}

struct Waiting<'a> {
    since: Instant,
    pace: &'a mut Pace,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.pace.waited += self.since.elapsed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces that come after so many seconds each, with a pause of ours behind each; how many come in time.
    async fn in_time(limit: i64, pieces: &[(u64, usize)], pause: u64) -> usize {
        let mut pace = Pace::new(limit).unwrap();
        for (nth, (after, size)) in pieces.iter().enumerate() {
            let sleep = tokio::time::sleep(Duration::from_secs(*after));
            if pace.wait(sleep).await.is_err() {
                return nth;
            }
            pace.count(*size);
            tokio::time::sleep(Duration::from_secs(pause)).await;
        }
        pieces.len()
    }

    #[tokio::test(start_paused = true)]
    async fn slow_content_is_given_up_and_our_own_pauses_do_not_count() {
        assert!(Pace::new(0).is_none());
        assert_eq!(in_time(10, &[(9, 1), (2, 1)], 0).await, 1);
        assert_eq!(in_time(10, &[(9, 1)], 100).await, 1);
        // Dripping: each piece is in time, together they are not.
        assert_eq!(in_time(10, &[(1, 100); 30], 0).await, 10);
        // 500 bytes a second are enough, however they come, and as long as they come.
        assert_eq!(in_time(10, &[(1, 500); 300], 0).await, 300);
        assert_eq!(in_time(10, &[(9, 5000); 30], 1000).await, 30);
        // A window that was good does not pay for the next one.
        let stops: Vec<_> = std::iter::once((1, 1_000_000))
            .chain([(1, 1); 40])
            .collect();
        assert_eq!(in_time(10, &stops, 0).await, 20);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_that_were_given_up_count() {
        let mut pace = Pace::new(10).unwrap();
        for _ in 0..4 {
            let wait = pace.wait(std::future::pending::<()>());
            let gave_up = tokio::time::timeout(Duration::from_secs(2), wait).await;
            assert!(gave_up.is_err());
        }
        let since = Instant::now();
        assert!(pace.wait(std::future::pending::<()>()).await.is_err());
        assert_eq!(since.elapsed().as_secs(), 2);
    }
}
