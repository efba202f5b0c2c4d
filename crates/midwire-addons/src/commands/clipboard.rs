//! The system clipboard, by way of the programs that desktops have for it.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};

/// Why a text was not copied.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClipboardError {
    /// None of the programs is there.
    #[error(
        "cannot copy: no clipboard program was found, install wl-clipboard (Wayland), xclip or xsel (X11)"
    )]
    NoProgram,
    /// A program did not do it.
    #[error("cannot copy: {program} failed: {reason}")]
    Failed {
        program: &'static str,
        reason: String,
    },
}

/// A program that takes the text on its standard input.
struct Writer {
    program: &'static str,
    args: &'static [&'static str],
    /// Variable of the environment without which it cannot work.
    needs: Option<&'static str>,
}

const WRITERS: &[Writer] = &[
    Writer {
        program: "wl-copy",
        args: &[],
        needs: Some("WAYLAND_DISPLAY"),
    },
    Writer {
        program: "xsel",
        args: &["--clipboard", "--input"],
        needs: Some("DISPLAY"),
    },
    Writer {
        program: "xclip",
        args: &["-selection", "clipboard"],
        needs: Some("DISPLAY"),
    },
    Writer {
        program: "pbcopy",
        args: &[],
        needs: None,
    },
    Writer {
        program: "termux-clipboard-set",
        args: &[],
        needs: None,
    },
    Writer {
        program: "clip.exe",
        args: &[],
        needs: None,
    },
];

/// Copies a text to the system clipboard. Waits for the program, so it must not run on a network thread.
pub(super) fn copy(text: &str) -> Result<(), ClipboardError> {
    copy_with(text, |name| std::env::var_os(name).is_some(), run)
}

fn copy_with(
    text: &str,
    has: impl Fn(&str) -> bool,
    run: impl Fn(&Writer, &str) -> io::Result<()>,
) -> Result<(), ClipboardError> {
    let mut failure = ClipboardError::NoProgram;
    let usable = |writer: &&Writer| writer.needs.is_none_or(&has);
    for writer in WRITERS.iter().filter(usable) {
        match run(writer, text) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                failure = ClipboardError::Failed {
                    program: writer.program,
                    reason: super::io_text(&error),
                };
            }
        }
    }
    Err(failure)
}

fn run(writer: &Writer, text: &str) -> io::Result<()> {
    let mut child = Command::new(writer.program)
        .args(writer.args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // Dropping the pipe ends the program's input.
    let written = match child.stdin.take() {
        Some(mut input) => input.write_all(text.as_bytes()),
        None => Ok(()),
    };
    let status = child.wait()?;
    written?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(status.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn programs_are_tried_in_their_order() {
        let tried = RefCell::new(Vec::new());
        let run = |writer: &Writer, _: &str| {
            tried.borrow_mut().push(writer.program);
            match writer.program {
                "xsel" => Err(io::Error::from(io::ErrorKind::NotFound)),
                "xclip" => Err(io::Error::other("exit status: 1")),
                "pbcopy" => Ok(()),
                _ => Err(io::Error::other("not asked for")),
            }
        };
        copy_with("x", |name| name == "DISPLAY", run).unwrap();
        assert_eq!(*tried.borrow(), ["xsel", "xclip", "pbcopy"]);
    }

    #[test]
    fn failures_are_explained() {
        let missing = |_: &Writer, _: &str| Err(io::Error::from(io::ErrorKind::NotFound));
        let error = copy_with("x", |_| true, missing).unwrap_err();
        assert!(matches!(error, ClipboardError::NoProgram));
        let broken = |writer: &Writer, _: &str| match writer.program {
            "wl-copy" => Err(io::Error::other("no compositor")),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        let error = copy_with("x", |_| true, broken).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot copy: wl-copy failed: no compositor"
        );
    }
}
