//! Running the programs that own the stores.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a store cannot be looked at or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A program that is needed is not there.
    #[error("{program} is not installed; {remedy}")]
    NoTool {
        /// The program.
        program: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A program failed.
    #[error("{program} failed: {reason}")]
    Failed {
        /// The program.
        program: &'static str,
        /// Its last line.
        reason: String,
    },
    /// A file cannot be written or removed.
    #[error("cannot change {path}: {error}{}", hint(error))]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// No store of this kind.
    #[error("{0}")]
    NoStore(&'static str),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; run the command as root, for example with sudo",
        _ => "",
    }
}

impl StoreError {
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self::File {
            path: path.to_owned(),
            error,
        }
    }
}

/// A program of the system.
pub(super) struct Tool {
    pub(super) program: &'static str,
    /// What to do when it is not there.
    pub(super) remedy: &'static str,
}

impl Tool {
    /// Runs the program to its end; gives what it printed.
    pub(super) fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<String, StoreError> {
        let (ended_well, text) = self.output(args)?;
        if ended_well {
            return Ok(text);
        }
        let mut lines = text.lines().map(str::trim);
        let reason = lines.rfind(|line| !line.is_empty());
        Err(StoreError::Failed {
            program: self.program,
            reason: reason.unwrap_or("no reason given").to_owned(),
        })
    }

    /// Runs the program to its end; true if it ended well.
    pub(super) fn succeeds<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<bool, StoreError> {
        self.output(args).map(|(ended_well, _)| ended_well)
    }

    fn output<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<(bool, String), StoreError> {
        let output = Command::new(self.program)
            .args(args)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output();
        let output = output.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::NoTool {
                program: self.program,
                remedy: self.remedy,
            },
            _ => StoreError::Failed {
                program: self.program,
                reason: error.to_string(),
            },
        })?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: Tool = Tool {
        program: "sh",
        remedy: "",
    };

    #[test]
    fn the_last_line_is_the_reason() {
        let failure = SHELL
            .run(&["-c", "echo first; echo why >&2; exit 3"])
            .unwrap_err();
        assert_eq!(failure.to_string(), "sh failed: why");
    }

    #[test]
    fn a_missing_program_is_named_with_the_remedy() {
        let tool = Tool {
            program: "midwire-no-such-program",
            remedy: "install it",
        };
        let failure = tool.succeeds(&["x"]).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "midwire-no-such-program is not installed; install it"
        );
    }
}
