//! The log of session secrets for Wireshark (NSS key log format).

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A key log file, opened when the first secret comes and appended to, one write per line.
///
/// It is made with mode 0600, its parent directories as well as they are needed. What cannot be
/// written is dropped; the first failure is logged as a warning.
pub struct KeyLogFile {
    path: PathBuf,
    state: Mutex<State>,
}

enum State {
    Unopened,
    Open(File),
    Failed,
}

impl KeyLogFile {
    /// The file named by `MITMPROXY_SSLKEYLOGFILE`, else by `SSLKEYLOGFILE`, if any.
    pub fn from_env() -> Option<Arc<Self>> {
        let name = |variable| std::env::var_os(variable).filter(|path: &OsString| !path.is_empty());
        let path = name("MITMPROXY_SSLKEYLOGFILE").or_else(|| name("SSLKEYLOGFILE"))?;
        Some(Self::at(Path::new(&path)))
    }

    /// A log at this path; nothing is opened yet.
    pub fn at(path: &Path) -> Arc<Self> {
        Arc::new(Self {
            path: path.to_owned(),
            state: Mutex::new(State::Unopened),
        })
    }

    fn open(&self) -> io::Result<File> {
        if let Some(parent) = self.path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.path)?;
        // Whatever wrote to the file before may have ended inside a line.
        file.write_all(b"\n")?;
        Ok(file)
    }

    fn append(&self, line: &str) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Unopened) {
            *state = State::Failed;
            *state = State::Open(self.open()?);
        }
        let State::Open(file) = &mut *state else {
            return Ok(());
        };
        let written = file.write_all(line.as_bytes());
        if written.is_err() {
            *state = State::Failed;
        }
        written
    }
}

impl rustls::KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", Hex(client_random), Hex(secret));
        if let Err(error) = self.append(&line) {
            tracing::warn!(path = %self.path.display(), %error, "cannot write the key log");
        }
    }
}

impl fmt::Debug for KeyLogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyLogFile").field(&self.path).finish()
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
