//! The log stream: what `tracing` events become for terminals, event lists and scripts.
//!
//! Code says `tracing::info!(client = %peer, "client connect")`; an event of level info with the field
//! `alert = true` has mitmproxy's level *alert*. Only events of this program's crates are taken.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::span;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};

/// Level of a log entry, in mitmproxy's words (options.md: `termlog_verbosity`). Greater is more talkative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// The user must act.
    Error,
    /// A peer broke a rule, or a limit cut in.
    Warn,
    /// Result of something the user asked for.
    Alert,
    /// What happens by default.
    Info,
    /// Decisions.
    Debug,
}

impl Level {
    /// The level of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "error" => Self::Error,
            "warn" => Self::Warn,
            "alert" => Self::Alert,
            "info" => Self::Info,
            "debug" => Self::Debug,
            _ => return None,
        })
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Alert => "alert",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// One line of the log.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Level.
    pub level: Level,
    /// Text, not cleaned: clean it before it goes to a terminal.
    pub message: String,
    /// Address of the client whose connection was being served.
    pub client: Option<String>,
    /// When it was written.
    pub time: SystemTime,
}

type Sink = Arc<dyn Fn(&LogEntry) + Send + Sync>;

/// The log stream, a cloneable handle.
#[derive(Clone, Default)]
pub struct LogStream(Arc<Inner>);

/// The level of one receiver, which may change while it receives.
///
/// Dropping it changes nothing; receivers stay until the end of the process.
#[derive(Clone, Default)]
pub struct Subscription {
    level: Arc<AtomicU8>,
    log: LogStream,
}

impl Subscription {
    /// Receives entries up to this level from now on.
    pub fn set_level(&self, level: Level) {
        self.level.store(level as u8, Ordering::Relaxed);
        self.log.refresh();
    }
}

#[derive(Default)]
struct Inner {
    sinks: RwLock<Vec<(Arc<AtomicU8>, Sink)>>,
    /// 1 + the most talkative level that a sink wants; 0 without sinks.
    verbosity: AtomicU8,
    errors: AtomicUsize,
}

impl LogStream {
    /// Makes this stream the receiver of all `tracing` events of the process. Only the first call in a process counts.
    pub fn install(&self) {
        let _ = tracing::subscriber::set_global_default(Collector(self.clone()));
    }

    /// Makes this stream the receiver of all `tracing` events of this thread while `run` runs, e.g. in a test.
    pub fn scoped<T>(&self, run: impl FnOnce() -> T) -> T {
        tracing::subscriber::with_default(Collector(self.clone()), run)
    }

    /// Adds a receiver of entries up to `level`. It runs on the thread that logs and must not block.
    pub fn subscribe(
        &self,
        level: Level,
        sink: impl Fn(&LogEntry) + Send + Sync + 'static,
    ) -> Subscription {
        let level = Arc::new(AtomicU8::new(level as u8));
        self.0
            .sinks
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push((Arc::clone(&level), Arc::new(sink)));
        self.refresh();
        Subscription {
            level,
            log: self.clone(),
        }
    }

    /// Works out anew which events anybody wants.
    fn refresh(&self) {
        let sinks = self.0.sinks.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = sinks
            .iter()
            .map(|(level, _)| level.load(Ordering::Relaxed) + 1)
            .max();
        self.0
            .verbosity
            .store(wanted.unwrap_or_default(), Ordering::Relaxed);
        drop(sinks);
        tracing::callsite::rebuild_interest_cache();
    }

    /// Number of error entries so far, also of those that nobody received.
    pub fn errors(&self) -> usize {
        self.0.errors.load(Ordering::Relaxed)
    }

    /// Writes an entry.
    pub fn write(&self, entry: &LogEntry) {
        let sinks = self
            .0
            .sinks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        sinks
            .iter()
            .filter(|(level, _)| entry.level as u8 <= level.load(Ordering::Relaxed))
            .for_each(|(_, sink)| sink(entry));
        // Counted last: whoever ends the program for an error finds it printed.
        if entry.level == Level::Error {
            self.0.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn wants(&self, level: tracing::Level) -> bool {
        let level = match level {
            tracing::Level::ERROR => return true,
            tracing::Level::WARN => Level::Warn,
            // An alert is an info event with a field, so the less talkative level decides.
            tracing::Level::INFO => Level::Alert,
            _ => Level::Debug,
        };
        self.0.verbosity.load(Ordering::Relaxed) > level as u8
    }
}

/// Turns `tracing` events into entries.
struct Collector(LogStream);

impl Subscriber for Collector {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with("midwire")
            && self.0.wants(*metadata.level())
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO if text.alert => Level::Alert,
            tracing::Level::INFO => Level::Info,
            _ => Level::Debug,
        };
        let message = text.message + &text.fields;
        self.0.write(&LogEntry {
            level,
            message,
            client: text.client,
            time: SystemTime::now(),
        });
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
    client: Option<String>,
    alert: bool,
}

impl Visit for Text {
    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "alert" {
            self.alert = value;
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "client" => self.client = Some(format!("{value:?}")),
            name => {
                let _ = write!(self.fields, " {name}={value:?}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn events_become_entries_with_client_and_level() {
        let log = LogStream::default();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        log.subscribe(Level::Info, move |e| {
            sink.lock()
                .unwrap()
                .push((e.level, e.message.clone(), e.client.clone()));
        });
        tracing::subscriber::with_default(Collector(log.clone()), || {
            tracing::info!(client = %"1.2.3.4:5", "client connect");
            tracing::info!(alert = true, "Saved {} flows.", 3);
            tracing::debug!("unseen");
            tracing::error!(path = "x", "broken");
        });
        let seen = seen.lock().unwrap();
        assert_eq!(
            seen[0],
            (
                Level::Info,
                "client connect".into(),
                Some("1.2.3.4:5".into())
            )
        );
        assert_eq!(seen[1], (Level::Alert, "Saved 3 flows.".into(), None));
        assert_eq!(seen[2], (Level::Error, "broken path=\"x\"".into(), None));
        assert_eq!(log.errors(), 1);
    }
}
