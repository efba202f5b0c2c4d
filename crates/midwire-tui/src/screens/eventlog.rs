//! The event log: latest entries, words and colours for levels, repeated lines folded with a count.

use midwire_core::LogEvent;
use midwire_core::log::Level;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::doc::{Builder, Doc};
use crate::env::{Effects, Env, Nav, Screen};
use crate::keymap::Context;
use crate::screens::list::Scroll;
use crate::text::{Pen, put_clean};
use crate::theme::Role;

/// Entries that are laid out. Older ones are in the log still.
const SHOWN: usize = 10_000;

/// The log and its window.
#[derive(Default)]
pub(crate) struct EventLog {
    doc: Doc,
    /// What the document was made of: first and last number, columns, level.
    made_of: Option<(u64, u64, u16, Level)>,
    scroll: Scroll,
    /// The window is not at the end.
    scrolled: bool,
    count: usize,
}

/// The role of a level.
pub(crate) fn role(level: Level) -> Role {
    match level {
        Level::Error => Role::Error,
        Level::Warn => Role::Warn,
        Level::Alert => Role::Alert,
        Level::Info => Role::Text,
        Level::Debug => Role::Dim,
    }
}

fn build(events: &[LogEvent], width: u16) -> Doc {
    let mut builder = Builder::new(width);
    let mut at = 0;
    while let Some(event) = events.get(at) {
        let entry = &event.entry;
        let same = |other: &&LogEvent| {
            other.entry.message == entry.message && other.entry.level == entry.level
        };
        let times = events.iter().skip(at).take_while(same).count().max(1);
        at += times;
        let seconds = entry
            .time
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0.0, |time| time.as_secs_f64());
        builder.add(
            &super::flowlist::row::zoned(seconds, "%H:%M:%S "),
            Role::Dim,
        );
        let word = format!("{:<5} ", entry.level.as_str());
        builder.add(&word, role(entry.level)).hang();
        if let Some(client) = &entry.client {
            builder.add(&format!("[{client}] "), Role::Dim);
        }
        let mut lines = entry.message.lines();
        builder.add(lines.next().unwrap_or_default(), role(entry.level));
        if times > 1 {
            builder.add(&format!("  ({times} times)"), Role::Dim);
        }
        builder.end();
        for line in lines {
            builder.add("               ", Role::Text).hang();
            builder.add(line, role(entry.level)).end();
        }
    }
    builder.build()
}

impl Screen for EventLog {
    fn context(&self) -> Context {
        Context::EventLog
    }

    fn title(&self, env: &Env) -> (String, String) {
        let level = &env.options.console_eventlog_verbosity;
        (format!("Events {}", self.count), format!("level {level}"))
    }

    fn prepare(&mut self, env: &Env, area: Rect, _: &mut Effects) {
        let level = Level::parse(&env.options.console_eventlog_verbosity).unwrap_or(Level::Info);
        let (first, last) = env.kernel.events().range();
        let made_of = Some((first, last, area.width, level));
        if self.made_of != made_of {
            let mut events = env.kernel.events().entries();
            events.retain(|event| event.entry.level <= level);
            let skip = events.len().saturating_sub(SHOWN);
            self.count = events.len();
            self.doc = build(events.get(skip..).unwrap_or_default(), area.width);
            self.made_of = made_of;
        }
        if !self.scrolled {
            self.scroll.offset = usize::MAX;
        }
        self.scroll.fit(self.doc.len(), area.height.into());
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        if self.doc.len() == 0 {
            let mut pen = Pen::new(area, 0);
            put_clean(
                buf,
                &mut pen,
                "  Nothing happened yet.",
                env.theme.style(Role::Dim),
            );
            return;
        }
        self.doc
            .draw(buf, area, self.scroll.offset, (&env.theme, &[]));
    }

    fn nav(&mut self, _: &Env, nav: Nav, _: &mut Effects) {
        self.scroll.nav(nav, self.doc.len());
        self.scrolled = self.scroll.offset + self.scroll.height < self.doc.len();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn repeated_lines_are_folded() {
        let event = |number, message: &str| LogEvent {
            number,
            entry: Arc::new(midwire_core::log::LogEntry {
                level: Level::Warn,
                message: message.to_owned(),
                client: None,
                time: SystemTime::UNIX_EPOCH,
            }),
        };
        let doc = build(
            &[event(0, "a\nb"), event(1, "x\x1b"), event(2, "x\x1b")],
            60,
        );
        assert_eq!(doc.len(), 3);
        assert!(doc.row(0).ends_with("warn  a"));
        assert!(doc.row(2).ends_with("x.  (2 times)"), "{}", doc.row(2));
    }
}
