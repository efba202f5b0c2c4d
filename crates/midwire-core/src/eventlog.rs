//! The event log that front ends show: the latest entries of the log stream.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use crate::log::{Level, LogEntry, LogStream};

/// Entries that are kept. mitmproxy keeps as many.
const ENTRIES: usize = 10_000;

/// Notices that wait for a reader; one that falls behind further loads all entries again.
const NOTICES: usize = 256;

/// The latest log entries, a cloneable handle.
#[derive(Clone)]
pub struct EventLog(Arc<Inner>);

struct Inner {
    events: Mutex<Events>,
    notices: broadcast::Sender<EventNotice>,
}

#[derive(Default)]
struct Events {
    entries: VecDeque<Event>,
    next: u64,
}

/// An entry with its number.
#[derive(Clone, Debug)]
pub struct Event {
    /// Counts from the start of the program.
    pub number: u64,
    /// The entry.
    pub entry: Arc<LogEntry>,
}

/// What readers of the event log are told.
#[derive(Clone, Debug)]
pub enum EventNotice {
    /// An entry was added.
    Added(Event),
    /// The log was emptied.
    Cleared,
}

impl Default for EventLog {
    fn default() -> Self {
        Self(Arc::new(Inner {
            events: Mutex::default(),
            notices: broadcast::channel(NOTICES).0,
        }))
    }
}

impl EventLog {
    /// Keeps entries up to this level from now on.
    pub fn attach(&self, log: &LogStream, level: Level) {
        let events = self.clone();
        log.subscribe(level, move |entry| events.push(entry.clone()));
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> Vec<Event> {
        self.events().entries.iter().cloned().collect()
    }

    /// The number of the oldest entry, and the one that the next will have: the same as before if nothing came or went.
    pub fn range(&self) -> (u64, u64) {
        let events = self.events();
        let first = events
            .entries
            .front()
            .map_or(events.next, |event| event.number);
        (first, events.next)
    }

    /// Notices from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<EventNotice> {
        self.0.notices.subscribe()
    }

    /// Forgets all entries.
    pub fn clear(&self) {
        let mut events = self.events();
        events.entries.clear();
        let _ = self.0.notices.send(EventNotice::Cleared);
    }

    fn push(&self, entry: LogEntry) {
        let mut events = self.events();
        if events.entries.len() == ENTRIES {
            events.entries.pop_front();
        }
        let event = Event {
            number: events.next,
            entry: Arc::new(entry),
        };
        events.next += 1;
        events.entries.push_back(event.clone());
        let _ = self.0.notices.send(EventNotice::Added(event));
    }

    fn events(&self) -> MutexGuard<'_, Events> {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_entries_are_kept() {
        let (log, events) = (LogStream::default(), EventLog::default());
        events.attach(&log, Level::Info);
        let write = |level, message: String| {
            log.write(&LogEntry {
                level,
                message,
                client: None,
                time: std::time::SystemTime::now(),
            });
        };
        write(Level::Debug, "too talkative".to_owned());
        for n in 0..=ENTRIES {
            write(Level::Info, n.to_string());
        }
        let kept = events.entries();
        assert_eq!(kept.len(), ENTRIES);
        assert_eq!((kept[0].number, &*kept[0].entry.message), (1, "1"));
        let mut notices = events.subscribe();
        events.clear();
        assert!(events.entries().is_empty());
        assert!(matches!(notices.try_recv(), Ok(EventNotice::Cleared)));
    }
}
