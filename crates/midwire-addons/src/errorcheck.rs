//! Ends the program when errors were logged before it runs.

use std::sync::{Arc, Mutex, PoisonError};

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, HookSet};
use midwire_core::log::{Level, Subscription};
use midwire_core::options::{Options, Tool};
use midwire_views::clean_text;

/// Messages that are kept to be repeated.
const KEPT: usize = 20;

/// Looks for errors at the end of the start. It must be the last addon.
pub struct ErrorCheck {
    messages: Arc<Mutex<Vec<String>>>,
    subscription: Subscription,
}

impl ErrorCheck {
    /// Watches the log from now on.
    pub fn new(kernel: &Kernel) -> Self {
        let messages = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&messages);
        let subscription = kernel.log().subscribe(Level::Error, move |entry| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < KEPT {
                kept.push(clean_text(&entry.message).into_owned());
            }
        });
        Self {
            messages,
            subscription,
        }
    }
}

impl Addon for ErrorCheck {
    fn name(&self) -> &'static str {
        "errorcheck"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::EMPTY
    }

    fn running(&self, kernel: &Kernel) {
        let messages =
            std::mem::take(&mut *self.messages.lock().unwrap_or_else(PoisonError::into_inner));
        let plural = match kernel.log().errors() {
            0 => return,
            1 => "",
            _ => "s",
        };
        // The terminal of the terminal interface shows no log, so the messages are repeated.
        let text = match kernel.options().tool() {
            Tool::Console => {
                format!(
                    "Error{plural} logged during startup:\n{}",
                    messages.join("\n")
                )
            }
            Tool::Dump | Tool::Web => format!("Error{plural} logged during startup, exiting..."),
        };
        kernel.fail(text);
    }

    fn done(&self, _: &Kernel) {
        self.subscription.set_level(Level::Error);
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use midwire_core::log::{LogEntry, LogStream};
    use midwire_core::options::OptionStore;

    use super::*;

    #[test]
    fn errors_during_the_start_end_the_program() {
        let check = |tool, errors: &[&str], expected: Option<&str>| {
            let kernel = Kernel::new(OptionStore::new(tool), LogStream::default());
            let addon = ErrorCheck::new(&kernel);
            for message in errors {
                kernel.log().write(&LogEntry {
                    level: Level::Error,
                    message: (*message).to_owned(),
                    client: None,
                    time: SystemTime::now(),
                });
            }
            addon.running(&kernel);
            assert_eq!(kernel.failure().as_deref(), expected);
            assert_eq!(kernel.shutdown().is_cancelled(), expected.is_some());
        };
        check(Tool::Dump, &[], None);
        check(
            Tool::Dump,
            &["a"],
            Some("Error logged during startup, exiting..."),
        );
        check(
            Tool::Web,
            &["a", "b"],
            Some("Errors logged during startup, exiting..."),
        );
        check(
            Tool::Console,
            &["a\x1b", "b"],
            Some("Errors logged during startup:\na.\nb"),
        );
    }
}
