//! Prints the log to standard output.

use std::sync::Weak;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use midwire_core::Kernel;
use midwire_core::hooks::{Addon, HookSet};
use midwire_core::log::{Level, LogEntry, Subscription};
use midwire_core::options::{Changed, Options};
use midwire_views::Clean;

use crate::output::{Colour, Output};
use crate::style::{CYAN, MAGENTA, Page, RED, Style, YELLOW};

/// Prints log entries up to the level `termlog_verbosity`.
pub struct TermLog {
    subscription: Subscription,
}

impl TermLog {
    /// Begins to print, at level info until the options say otherwise.
    pub fn new(kernel: &Weak<Kernel>, output: Output) -> Self {
        let weak = kernel.clone();
        let Some(kernel) = kernel.upgrade() else {
            return Self {
                subscription: Subscription::default(),
            };
        };
        let subscription = kernel.log().subscribe(Level::Info, move |entry| {
            let Some(kernel) = weak.upgrade() else {
                return;
            };
            output.print(&kernel, &format(entry, output.colour()));
        });
        Self { subscription }
    }
}

impl Addon for TermLog {
    fn name(&self) -> &'static str {
        "termlog"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::EMPTY
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        if changed.contains("termlog_verbosity")
            && let Some(level) = Level::parse(&options.termlog_verbosity)
        {
            self.subscription.set_level(level);
        }
        Ok(())
    }
}

/// `[HH:MM:SS.mmm][client] text`, the rest of a text of several lines indented by nothing.
fn format(entry: &LogEntry, colour: Colour) -> Page {
    let mut page = Page::new(colour);
    let time = Timestamp::try_from(entry.time).map_or_else(
        |_| String::from("[--:--:--.---]"),
        |time| {
            time.to_zoned(TimeZone::system())
                .strftime("[%H:%M:%S.%3f]")
                .to_string()
        },
    );
    page.paint(Clean::line(&time), Style::colour(CYAN).dim());
    if let Some(client) = &entry.client {
        let client = format!("[{client}]");
        page.paint(Clean::line(&client), Style::colour(YELLOW).dim());
    }
    let style = Style::PLAIN.with_colour(match entry.level {
        Level::Error => Some(RED),
        Level::Warn => Some(YELLOW),
        Level::Alert => Some(MAGENTA),
        Level::Info | Level::Debug => None,
    });
    page.push(" ")
        .paint(
            Clean::text(entry.message.trim_end_matches(['\r', '\n'])),
            style,
        )
        .line();
    page
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use midwire_core::log::LogStream;
    use midwire_core::options::{OptionStore, Tool, Value};

    use super::*;
    use crate::output::tests::Shared;

    fn entry(level: Level, message: &str) -> LogEntry {
        LogEntry {
            level,
            message: message.to_owned(),
            client: None,
            time: SystemTime::now(),
        }
    }

    #[test]
    fn entries_are_cleaned_and_prefixed() {
        let check = |entry: &LogEntry, colour, expected: &str| {
            let page = format(entry, colour);
            let text = page.as_str();
            let from = text.find(']').unwrap() + 1;
            assert_eq!(&text[from..], expected, "{text:?}");
        };
        check(&entry(Level::Info, "a\x1b[2Jb"), Colour::Never, " a.[2Jb\n");
        let client = LogEntry {
            client: Some("1.2.3.4:5".to_owned()),
            ..entry(Level::Info, "client connect")
        };
        check(&client, Colour::Never, "[1.2.3.4:5] client connect\n");
        check(
            &entry(Level::Warn, "x"),
            Colour::Always,
            "\x1b[0m \x1b[33mx\x1b[0m\n",
        );
        let page = format(&entry(Level::Info, "x"), Colour::Never);
        let text = page.as_str();
        assert_eq!(text.len(), "[00:00:00.000] x\n".len(), "{text}");
    }

    #[test]
    fn the_level_follows_the_option() {
        let kernel = Arc::new(Kernel::new(
            OptionStore::new(Tool::Dump),
            LogStream::default(),
        ));
        let out = Shared::default();
        let output = Output::new(Box::new(out.clone()), Colour::Never);
        let link =
            midwire_core::Link::Sync(Arc::new(TermLog::new(&Arc::downgrade(&kernel), output)));
        kernel.set_addons(vec![link]).unwrap();
        let level = |text: &str| {
            kernel
                .options()
                .update([("termlog_verbosity", Value::from(text))])
                .unwrap();
        };
        kernel.log().write(&entry(Level::Debug, "one"));
        level("debug");
        kernel.log().write(&entry(Level::Debug, "two"));
        level("error");
        kernel.log().write(&entry(Level::Warn, "three"));
        level("alert");
        kernel.log().write(&entry(Level::Info, "four"));
        kernel.log().write(&entry(Level::Alert, "five"));
        let text = out.take();
        let words: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split(' ').nth(1))
            .collect();
        assert_eq!(words, ["two", "five"]);
    }
}
