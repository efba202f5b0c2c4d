//! Panics are faults of this program: each is said once, in one line of the log, and ends no more than its task.

use std::panic::PanicHookInfo;
use std::time::SystemTime;

use midwire_core::log::{Level, LogEntry, LogStream};

/// Says panics in the log from now on, instead of on standard error.
pub(crate) fn report_to(log: LogStream) {
    std::panic::set_hook(Box::new(move |panic| {
        let entry = LogEntry {
            level: Level::Error,
            message: line(panic),
            client: None,
            time: SystemTime::now(),
        };
        let log = log.clone();
        // Another thread writes it: this one may hold what a receiver of the log waits for.
        let spawned = std::thread::Builder::new().spawn(move || log.write(&entry));
        drop(spawned);
    }));
}

fn line(panic: &PanicHookInfo<'_>) -> String {
    let what = panic.payload_as_str().unwrap_or("unknown reason");
    let what: String = what.lines().next().unwrap_or_default().into();
    match panic.location() {
        Some(at) => format!(
            "internal error, please report it: {what} ({}:{})",
            at.file(),
            at.line()
        ),
        None => format!("internal error, please report it: {what}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_panic_is_one_line_of_the_log() {
        let log = LogStream::default();
        let (send, lines) = channel();
        log.subscribe(Level::Error, move |entry| {
            let _ = send.send(entry.message.clone());
        });
        report_to(log);
        let ended = std::thread::spawn(|| panic!("first\nsecond")).join();
        let _ = std::panic::take_hook();
        assert!(ended.is_err());
        let said = lines.recv().unwrap();
        assert!(
            said.starts_with("internal error, please report it: first ("),
            "{said}"
        );
        assert!(
            said.contains("panics.rs:") && !said.contains('\n'),
            "{said}"
        );
    }
}
