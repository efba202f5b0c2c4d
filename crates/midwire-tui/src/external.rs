//! Editors and viewers outside.

use std::io::Write as _;
use std::process::Command;

use midwire_views::looks_binary;

use crate::edit::{AfterEdit, EditJob};

/// Editors that are looked for when the environment names none.
const EDITORS: &[&str] = &["sensible-editor", "nano", "vim", "vi"];

/// The same for what is no text.
const BINARY_EDITORS: &[&str] = &["ghex", "hexedit", "hxd", "hexer", "hexcurse"];

/// The command line of the program for a job.
fn program(
    job: &EditJob,
    var: impl Fn(&str) -> Option<String>,
    has: impl Fn(&str) -> bool,
) -> String {
    let views = job.then == AfterEdit::View;
    let names: &[&str] = if views {
        &["MITMPROXY_EDITOR", "PAGER", "EDITOR"]
    } else {
        &["MITMPROXY_EDITOR", "EDITOR"]
    };
    let named = names
        .iter()
        .find_map(|name| var(name).filter(|value| !value.trim().is_empty()));
    if let Some(named) = named {
        return named;
    }
    if views {
        return "less".to_owned();
    }
    let candidates = if looks_binary(&job.data) {
        BINARY_EDITORS
    } else {
        EDITORS
    };
    let found = candidates.iter().chain(EDITORS).find(|name| has(name));
    found.map_or("vi", |name| name).to_owned()
}

fn in_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Runs the program on a temporary file and gives what it saved. The terminal must be free.
///
/// # Errors
/// A line for the user. If the program failed, the edit stays in a file that the line names.
pub(crate) fn run(job: &EditJob) -> Result<Vec<u8>, String> {
    let line = program(job, |name| std::env::var(name).ok(), in_path);
    run_with(job, &line)
}

fn run_with(job: &EditJob, line: &str) -> Result<Vec<u8>, String> {
    let views = job.then == AfterEdit::View;
    let cannot = |what: String| {
        if views {
            format!("Can't start external viewer: {what}")
        } else {
            format!("Can't start editor: {what}")
        }
    };
    let file = tempfile::Builder::new()
        .prefix("midwire-")
        .suffix(&job.suffix)
        .tempfile();
    let mut file = file.map_err(|error| cannot(error.to_string()))?;
    file.write_all(&job.data)
        .and_then(|()| file.flush())
        .map_err(|error| cannot(error.to_string()))?;
    let path = file.into_temp_path();
    if views && let Ok(metadata) = path.metadata() {
        let mut permissions = metadata.permissions();
        permissions.set_readonly(true);
        let _ = std::fs::set_permissions(&path, permissions);
    }
    // As shells do: the value is a command line, its words end at blanks or quotes.
    let words = midwire_core::commands::words(line);
    let Some((name, args)) = words.split_first() else {
        return Err(cannot("no program is named".to_owned()));
    };
    let status = Command::new(name).args(args).arg(&path).status();
    let keep = |path: tempfile::TempPath, what: String| {
        let changed = std::fs::read(&path).is_ok_and(|now| now != job.data);
        if !changed || views {
            return cannot(what);
        }
        let name = path.to_path_buf();
        match path.keep() {
            Ok(kept) => format!("{what}; your edit is kept in {}", kept.display()),
            Err(_) => format!("{what}; your edit in {} is lost", name.display()),
        }
    };
    match status {
        Ok(status) if status.success() => {
            std::fs::read(&path).map_err(|error| cannot(error.to_string()))
        }
        Ok(status) => Err(keep(path, format!("{name} failed ({status})"))),
        Err(error) => Err(keep(path, format!("{name}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(data: &[u8], then: AfterEdit) -> EditJob {
        EditJob {
            data: data.to_vec(),
            suffix: ".txt".to_owned(),
            then,
        }
    }

    #[test]
    fn the_environment_names_the_program() {
        let text = job(b"text", AfterEdit::Cell);
        let view = job(b"text", AfterEdit::View);
        let binary = job(&[0; 100], AfterEdit::Cell);
        let env = |pairs: &'static [(&'static str, &'static str)]| {
            move |name: &str| {
                pairs
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).to_owned())
            }
        };
        let both = env(&[
            ("EDITOR", "ed"),
            ("MITMPROXY_EDITOR", "my -w"),
            ("PAGER", "more"),
        ]);
        let usual = env(&[("EDITOR", "ed"), ("PAGER", "more")]);
        let none = env(&[]);
        assert_eq!(program(&text, both, |_| true), "my -w");
        assert_eq!(program(&text, usual, |_| true), "ed");
        assert_eq!(program(&view, usual, |_| true), "more");
        assert_eq!(program(&view, none, |_| true), "less");
        assert_eq!(program(&text, none, |name| name == "vim"), "vim");
        assert_eq!(program(&binary, none, |_| true), "ghex");
        assert_eq!(program(&binary, none, |name| name == "nano"), "nano");
    }

    #[cfg(unix)]
    #[test]
    fn edits_come_back_and_failed_ones_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let script = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            format!("sh {}", path.display())
        };
        let good = script("good", "printf new > \"$1\"");
        assert_eq!(
            run_with(&job(b"old", AfterEdit::Cell), &good).unwrap(),
            b"new"
        );
        let bad = script("bad", "printf precious > \"$1\"; exit 3");
        let error = run_with(&job(b"old", AfterEdit::Cell), &bad).unwrap_err();
        let path = error.split("kept in ").nth(1).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"precious");
        std::fs::remove_file(path).unwrap();
        let error = run_with(&job(b"old", AfterEdit::View), "/nonexistent/viewer").unwrap_err();
        assert!(
            error.starts_with("Can't start external viewer: "),
            "{error}"
        );
    }
}
