//! Pythons with what tests need: mitmproxy for those that compare, HTTP clients for those that go through the proxy.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::run;
use crate::say;

/// What is installed. Newer versions of `cryptography` bring a TLS library with which mitmproxy does not start.
const REQUIREMENTS: &[&str] = &["mitmproxy==12.2.3", "cryptography<47"];

/// HTTP clients that go through the proxy.
const CLIENTS: &[&str] = &["requests[socks]==2.32.5", "httpx[http2,socks]==0.28.1"];
const IMPORT_CLIENTS: &str = "import requests, socks, httpx, h2, socksio";

/// Interpreters to look for, newest first.
const NAMES: &[&str] = &["python3.14", "python3.13", "python3.12", "python3"];

/// An interpreter that has mitmproxy: the one that is named by `MIDWIRE_MITMPROXY_PYTHON`, or one in a virtual
/// environment in the user's cache folder, which is made at the first call.
pub(super) fn mitmproxy() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os("MIDWIRE_MITMPROXY_PYTHON") {
        let named = PathBuf::from(named);
        run(Command::new(&named).args(["-c", "import mitmproxy"]))?;
        return Ok(named);
    }
    environment("mitmproxy", REQUIREMENTS, "import mitmproxy")
}

/// An interpreter with the HTTP clients that end-to-end tests run: the one that is named by
/// `MIDWIRE_CLIENTS_PYTHON`, or one in a virtual environment like [`mitmproxy`]'s.
pub(super) fn clients() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os("MIDWIRE_CLIENTS_PYTHON") {
        let named = PathBuf::from(named);
        run(Command::new(&named).args(["-c", IMPORT_CLIENTS]))?;
        return Ok(named);
    }
    environment("clients", CLIENTS, IMPORT_CLIENTS)
}

/// The interpreter of a virtual environment in the cache folder that has these packages and can do this.
fn environment(name: &str, requirements: &[&str], check: &str) -> anyhow::Result<PathBuf> {
    let venv = cache()?.join(name);
    let python = venv.join("bin/python");
    let stamp = venv.join("requirements.installed");
    let wanted = requirements.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted)
        && run(Command::new(&python).args(["-c", check])).is_ok()
    {
        return Ok(python);
    }
    let candidates = candidates();
    let base = interpreter(&candidates).context("no Python 3.12 or newer with venv")?;
    say(&format!("installing {name} into {}", venv.display()));
    run(Command::new(base)
        .args(["-m", "venv", "--clear"])
        .arg(&venv))?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "-q", "--disable-pip-version-check"])
        .args(["--no-input", "--retries", "2", "--timeout", "20"])
        .args(requirements))?;
    run(Command::new(&python).args(["-c", check]))?;
    fs::write(&stamp, wanted).context("cannot write into the cache folder")?;
    Ok(python)
}

/// The folder for what can be made again.
pub(super) fn cache() -> anyhow::Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => home().context("HOME is not set")?.join(".cache"),
    };
    let folder = base.join("midwire-tests");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn home() -> Option<PathBuf> {
    env::var_os("HOME").map(PathBuf::from)
}

/// Interpreters in the search path, then those that pyenv has built.
fn candidates() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = NAMES.iter().map(PathBuf::from).collect();
    if let Some(home) = home() {
        found.extend(pyenv(&home.join(".pyenv/versions")));
    }
    found
}

/// The interpreters in a folder of pyenv, newest first.
pub(super) fn pyenv(versions: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(versions) else {
        return Vec::new();
    };
    let mut found: Vec<(Vec<u32>, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let version: Option<Vec<u32>> = name.split('.').map(|part| part.parse().ok()).collect();
            Some((version?, entry.path().join("bin/python")))
        })
        .collect();
    found.sort_by(|a, b| b.0.cmp(&a.0));
    found.into_iter().map(|(_, path)| path).collect()
}

/// The first one that is new enough and can make virtual environments.
fn interpreter(candidates: &[PathBuf]) -> Option<&PathBuf> {
    let question = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))";
    candidates
        .iter()
        .find(|python| run(Command::new(python).args(["-c", question])).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_builds_of_pyenv_come_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["3.9.18", "3.12.1", "3.13.0", "mambaforge"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let expected = ["3.13.0", "3.12.1", "3.9.18"]
            .map(|version| folder.path().join(version).join("bin/python"));
        assert_eq!(pyenv(folder.path()), expected);
        assert!(pyenv(&folder.path().join("none")).is_empty());
    }

    #[test]
    fn interpreters_that_do_not_run_are_passed_over() {
        let candidates = [PathBuf::from("no-such-python"), PathBuf::from("false")];
        assert_eq!(interpreter(&candidates), None);
        let candidates = [PathBuf::from("no-such-python"), PathBuf::from("true")];
        assert_eq!(interpreter(&candidates), Some(&candidates[1]));
    }
}
