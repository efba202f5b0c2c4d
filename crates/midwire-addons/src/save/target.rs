//! Where flows are saved: a path that may contain the date.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Zoned;
use jiff::fmt::strtime::{BrokenDownTime, Config};
use midwire_core::options::expand_home;
use midwire_flow::file::{FlowFile, Mode, Spec};

/// The value of `save_stream_file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Path with strftime codes.
    template: String,
    mode: Mode,
    /// The path has no codes, whatever it looks like.
    literal: bool,
}

impl Target {
    pub(super) fn parse(text: &str) -> Self {
        let spec = Spec::parse(text);
        Self {
            template: spec.path.to_string_lossy().into_owned(),
            mode: spec.mode,
            literal: false,
        }
    }

    /// To append to the file of this path, taken literally.
    pub(super) fn append(path: &str) -> Self {
        Self {
            template: path.to_owned(),
            mode: Mode::Append,
            literal: true,
        }
    }

    /// The path at this time. Codes that strftime does not know stay as they are.
    pub(super) fn path(&self, now: &Zoned) -> PathBuf {
        let expanded = expand_home(&self.template);
        if self.literal || !self.template.contains('%') {
            return expanded;
        }
        let template = expanded.to_string_lossy();
        let config = Config::new().lenient(true);
        BrokenDownTime::from(now)
            .to_string_with_config(&config, template.as_ref())
            .map_or_else(|_| expanded.clone(), PathBuf::from)
    }

    /// Checks that the file of this moment can be written, see [`probe`].
    pub(super) fn probe(&self) -> Result<(), String> {
        probe(&self.path(&Zoned::now()))
    }

    /// Opens the file at this path.
    pub(super) fn open(&self, path: PathBuf) -> io::Result<FlowFile> {
        make_parents(&path)?;
        FlowFile::open(&Spec {
            path,
            mode: self.mode,
        })
    }
}

/// Checks that a file can be written. Nothing that is there is changed; folders are made.
///
/// # Errors
/// Why it cannot, one line.
pub(crate) fn probe(path: &Path) -> Result<(), String> {
    let check = || -> io::Result<()> {
        make_parents(path)?;
        let existed = match fs::metadata(path) {
            // Opening a pipe waits for its reader, and closing it again ends that reader.
            Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => return Ok(()),
            Ok(_) => true,
            Err(_) => false,
        };
        OpenOptions::new().append(true).create(true).open(path)?;
        if !existed {
            fs::remove_file(path)?;
        }
        Ok(())
    };
    check().map_err(|error| {
        format!(
            "cannot write {}: {}",
            path.display(),
            crate::output::reason(&error)
        )
    })
}

fn make_parents(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => fs::create_dir_all(parent),
        _ => Ok(()),
    }
}
