//! `cargo xtask test`: installs what tests need, then runs them.
//!
//! Nothing here is needed for building. What cannot be installed is said in one loud line, and the tests that need it
//! say that they are skipped.

mod node;
mod pytest;
mod python;
mod system;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::{root, say};

const WORKSPACE: &[&str] = &["--workspace"];

/// Installs, then runs `cargo test` with these arguments. Without any, everything is tested, also the Python package.
///
/// # Errors
/// If cargo cannot be started or a test fails.
pub fn test(args: &[&str]) -> anyhow::Result<()> {
    let root = root();
    let rest = if args.is_empty() { WORKSPACE } else { args };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg("test").args(rest).current_dir(&root);
    system::install();
    let mut original = None;
    match python::mitmproxy() {
        Ok(python) => {
            original = Some(python.clone());
            if let Some(mitmdump) = beside(&python, "mitmdump") {
                cargo.env("MIDWIRE_TEST_MITMDUMP", mitmdump);
            }
            cargo.env("MIDWIRE_MITMPROXY_PYTHON", python);
        }
        Err(error) => loud(&format!(
            "no mitmproxy to compare with ({error:#}); compatibility tests are skipped"
        )),
    }
    match python::clients() {
        Ok(python) => {
            cargo.env("MIDWIRE_CLIENTS_PYTHON", python);
        }
        Err(error) => loud(&format!(
            "no Python with requests and httpx ({error:#}); tests with them are skipped"
        )),
    }
    match node::clients() {
        Ok(folder) => {
            cargo.env("MIDWIRE_NODE_CLIENTS", folder);
        }
        Err(error) => loud(&format!(
            "no Node with undici ({error:#}); tests with it are skipped"
        )),
    }
    match shared(&root) {
        Some(shared) => {
            cargo.env("MIDWIRE_SHARED", shared);
        }
        None => loud("no ../shared folder; tests of its recorded files are skipped"),
    }
    let status = cargo.status().context("cannot start cargo")?;
    if !status.success() {
        bail!("tests failed");
    }
    if args.is_empty() {
        pytest::run_all(&root, original.as_deref())?;
    }
    Ok(())
}

/// Runs the tests of the Python package on every CPython that is there.
///
/// # Errors
/// If a test fails.
pub fn pytest() -> anyhow::Result<()> {
    pytest::run_all(&root(), python::mitmproxy().ok().as_deref())
}

/// A line that is not overlooked.
fn loud(text: &str) {
    say(&format!("\n!!!!! SKIPPED: {text}\n"));
}

/// The folder of shared data: the one that is named, or the one beside the checkout.
fn shared(root: &Path) -> Option<PathBuf> {
    let folder = match env::var_os("MIDWIRE_SHARED") {
        Some(folder) => PathBuf::from(folder),
        None => root.parent()?.join("shared"),
    };
    folder.is_dir().then_some(folder)
}

/// A program in the same folder as another.
fn beside(program: &Path, name: &str) -> Option<PathBuf> {
    let path = program.with_file_name(name);
    path.is_file().then_some(path)
}

/// Runs a command quietly; its last words are the error.
fn run(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let last = words.lines().rfind(|line| !line.trim().is_empty());
    bail!("{name}: {}", last.unwrap_or("failed").trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_the_last_words() {
        let error = run(Command::new("sh").args(["-c", "echo one >&2; echo two >&2; exit 3"]));
        assert_eq!(error.unwrap_err().to_string(), "sh: two");
        let output = run(Command::new("sh").args(["-c", "echo out"]));
        assert_eq!(output.unwrap(), "out\n");
        assert!(run(&mut Command::new("no-such-program-of-midwire")).is_err());
    }

    #[test]
    fn programs_beside_others_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("python");
        assert_eq!(beside(&python, "mitmdump"), None);
        let mitmdump = folder.path().join("mitmdump");
        std::fs::write(&mitmdump, "").unwrap();
        assert_eq!(beside(&python, "mitmdump"), Some(mitmdump));
    }
}
