//! The tests of the Python package, on every CPython that is there.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, bail};

use super::{loud, python, run};
use crate::say;

/// Minor versions of Python 3 that scripts may run in.
const MINORS: std::ops::RangeInclusive<u32> = 9..=14;

/// What the tests need.
const REQUIREMENTS: &[&str] = &["pytest>=8,<9", "uv"];

/// The package, from the root of the repository.
const PACKAGE: &str = "crates/midwire-python/python";

/// Runs the tests, two interpreters at a time. `original` has mitmproxy, to compare with.
///
/// # Errors
/// If a test fails. What is not there is said in one line.
pub(super) fn run_all(root: &Path, original: Option<&Path>) -> anyhow::Result<()> {
    let found = interpreters(&candidates());
    if found.is_empty() {
        loud("no CPython 3.9 to 3.14; tests of the Python package are skipped");
        return Ok(());
    }
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((minor, python)) = found.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // One comparison is enough, with an interpreter that is always tested.
                    let compared = original.filter(|_| found.last().map(|(m, _)| m) == Some(minor));
                    match test_one(root, *minor, python, compared) {
                        Ok(words) => say(&format!("python 3.{minor}: {words}")),
                        Err(error) => {
                            say(&format!("python 3.{minor}: {error:#}"));
                            failed
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .push(*minor);
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !failed.is_empty() {
        bail!("tests of the Python package failed on 3.{failed:?}");
    }
    Ok(())
}

/// The last line of pytest, or all it said if something failed.
fn test_one(
    root: &Path,
    minor: u32,
    base: &Path,
    original: Option<&Path>,
) -> anyhow::Result<String> {
    let python = match environment(minor, base) {
        Ok(python) => python,
        Err(error) => {
            loud(&format!(
                "no pytest for python 3.{minor} ({error:#}); its tests are skipped"
            ));
            return Ok("skipped".to_owned());
        }
    };
    let mut command = Command::new(&python);
    // uv is beside the interpreter.
    let mut path: Vec<PathBuf> = python.parent().map(Path::to_owned).into_iter().collect();
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    command
        .env("PATH", env::join_paths(path)?)
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .current_dir(root.join(PACKAGE))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("PYTHONPATH")
        .env_remove("MIDWIRE_REAL_MITMPROXY");
    if let Some(original) = original {
        command.env("MIDWIRE_REAL_MITMPROXY", original);
    }
    let output = command.output().context("cannot start python")?;
    let words = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let more = String::from_utf8_lossy(&output.stderr);
        bail!("{}\n{}", words.trim(), more.trim());
    }
    Ok(words.lines().last().unwrap_or_default().to_owned())
}

/// An interpreter with pytest: the base itself, or one in a virtual environment in the cache folder.
fn environment(minor: u32, base: &Path) -> anyhow::Result<PathBuf> {
    let has_it = |python: &Path| run(Command::new(python).args(["-c", "import pytest"])).is_ok();
    if has_it(base) {
        return Ok(base.to_owned());
    }
    let venv = python::cache()?.join(format!("pytest-3.{minor}"));
    let python = venv.join("bin/python");
    let stamp = venv.join("requirements.installed");
    let wanted = format!("{}\n{}", base.display(), REQUIREMENTS.join("\n"));
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) && has_it(&python) {
        return Ok(python);
    }
    say(&format!("installing pytest into {}", venv.display()));
    run(Command::new(base)
        .args(["-m", "venv", "--clear"])
        .arg(&venv))?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "-q", "--disable-pip-version-check"])
        .args(["--no-input", "--retries", "2", "--timeout", "20"])
        .args(REQUIREMENTS))?;
    fs::write(&stamp, wanted).context("cannot write into the cache folder")?;
    Ok(python)
}

/// Names in the search path, then what pyenv has built.
fn candidates() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = MINORS.map(|m| format!("python3.{m}").into()).collect();
    found.push("python3".into());
    if let Some(home) = env::var_os("HOME") {
        found.extend(python::pyenv(&Path::new(&home).join(".pyenv/versions")));
    }
    found
}

/// One interpreter of each version, oldest first.
fn interpreters(candidates: &[PathBuf]) -> Vec<(u32, PathBuf)> {
    let question = "import sys; v = sys.version_info; print(sys.implementation.name, v[0], v[1], sys.executable)";
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for candidate in candidates {
        let Ok(answer) = run(Command::new(candidate).args(["-c", question])) else {
            continue;
        };
        if let Some((minor, path)) = parse(&answer)
            && !found.iter().any(|(known, _)| *known == minor)
        {
            found.push((minor, path));
        }
    }
    found.sort();
    found
}

/// The minor version and the path in an interpreter's answer, if scripts may run in it.
fn parse(answer: &str) -> Option<(u32, PathBuf)> {
    let rest = answer.trim_end().strip_prefix("cpython 3 ")?;
    let (minor, path) = rest.split_once(' ')?;
    let minor = minor.parse().ok().filter(|m| MINORS.contains(m))?;
    Some((minor, path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_that_scripts_may_run_in_are_taken() {
        for (answer, expected) in [
            ("cpython 3 9 /a/python3.9\n", Some((9, "/a/python3.9"))),
            ("cpython 3 14 /a b/python\n", Some((14, "/a b/python"))),
            ("cpython 3 8 /a/python3.8\n", None),
            ("cpython 3 15 /a/python\n", None),
            ("pypy 3 10 /a/pypy\n", None),
            ("", None),
        ] {
            let expected = expected.map(|(minor, path)| (minor, PathBuf::from(path)));
            assert_eq!(parse(answer), expected, "{answer}");
        }
    }

    #[test]
    fn programs_that_are_no_python_are_passed_over() {
        let candidates = [PathBuf::from("no-such-python"), PathBuf::from("true")];
        assert!(interpreters(&candidates).is_empty());
    }
}
