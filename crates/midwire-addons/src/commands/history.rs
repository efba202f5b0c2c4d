//! The history of the command prompt.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use midwire_core::Kernel;
use midwire_core::commands::{CommandError, CommandValue};
use midwire_core::hooks::{Addon, HookSet};
use midwire_core::options::{Changed, Options, expand_home};

use super::{Registrar, nothing};

/// Lines from which on the history is shortened at the end of the program, to half of them.
const LINES: usize = 1024;

/// Lines of the command prompt, kept in `<confdir>/command_history`.
#[derive(Default)]
pub struct CommandHistory(Mutex<State>);

#[derive(Default)]
struct State {
    lines: Vec<String>,
    /// Lines that begin with the prefix, and the prefix as the last one.
    filtered: Vec<String>,
    at: usize,
    /// `None` with `command_history=false`.
    file: Option<PathBuf>,
}

impl State {
    fn filter(&mut self, prefix: &str) {
        let matching = self.lines.iter().filter(|line| line.starts_with(prefix));
        self.filtered = matching.cloned().collect();
        self.filtered.push(prefix.to_owned());
        self.at = self.filtered.len() - 1;
    }

    fn current(&self) -> String {
        self.filtered.get(self.at).cloned().unwrap_or_default()
    }
}

impl CommandHistory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        let mut state = self.state();
        state.lines.push(line.to_owned());
        if let Some(file) = &state.file {
            warn(file, append(file, line));
        }
        state.filter("");
    }

    fn clear(&self) {
        let mut state = self.state();
        if let Some(file) = &state.file
            && file.exists()
            && let Err(error) = fs::remove_file(file)
        {
            tracing::warn!("Failed deleting {}: {error}", file.display());
        }
        state.lines.clear();
        state.filter("");
    }

    fn step(&self, steps: isize) -> String {
        let mut state = self.state();
        let last = state.filtered.len().saturating_sub(1);
        state.at = state.at.saturating_add_signed(steps).min(last);
        state.current()
    }
}

impl Addon for CommandHistory {
    fn name(&self) -> &'static str {
        "command_history"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::EMPTY
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        if !changed.contains("command_history") && !changed.contains("confdir") {
            return Ok(());
        }
        let mut state = self.state();
        let path = expand_home(&options.confdir).join("command_history");
        state.file = options.command_history.then_some(path);
        // A file that cannot be read yet is like none; writing to it will say why.
        if let Some(text) = state.file.as_ref().and_then(|file| fs::read(file).ok()) {
            let text = String::from_utf8_lossy(&text);
            state.lines = text.lines().map(str::to_owned).collect();
        }
        state.filter("");
        Ok(())
    }

    fn done(&self, _: &Kernel) {
        let state = self.state();
        let Some(file) = state.file.as_ref().filter(|_| state.lines.len() >= LINES) else {
            return;
        };
        let latest = state.lines.iter().skip(state.lines.len() - LINES / 2);
        let text: String = latest.flat_map(|line| [line.as_str(), "\n"]).collect();
        warn(file, fs::write(file, text));
    }
}

fn append(file: &Path, line: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    // Commands may hold passwords.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(file)?
        .write_all(format!("{line}\n").as_bytes())
}

fn warn(file: &Path, outcome: io::Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!("Failed writing to {}: {error}", file.display());
    }
}

pub(super) fn register(
    to: &Registrar<'_>,
    history: &Arc<CommandHistory>,
) -> Result<(), CommandError> {
    let of = || Arc::clone(history);
    let shared = of();
    to.slow("commands.history.add", move |_, args| {
        shared.add(args.str(0)?);
        nothing()
    })?;
    let shared = of();
    to.slow("commands.history.clear", move |_, _| {
        shared.clear();
        nothing()
    })?;
    let shared = of();
    to.quick("commands.history.filter", move |_, args| {
        shared.state().filter(args.str(0)?);
        nothing()
    })?;
    let shared = of();
    to.quick("commands.history.get", move |_, _| {
        Ok(CommandValue::StrList(shared.state().lines.clone()))
    })?;
    let shared = of();
    to.quick("commands.history.next", move |_, _| {
        Ok(CommandValue::Str(shared.step(1)))
    })?;
    let shared = of();
    to.quick("commands.history.prev", move |_, _| {
        Ok(CommandValue::Str(shared.step(-1)))
    })
}
