//! `cargo xtask web`: builds the browser interface and puts it where `midwire-web` takes it from.
//!
//! The bundle is committed, so that `cargo build` alone gives the whole program on a machine without Node. The check
//! builds it once more beside the committed one and compares them.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::say;

/// Where the bundle is built.
const BUILT: &str = "web/dist";

/// Where it is committed.
const COMMITTED: &str = "crates/midwire-web/assets";

/// Files of the bundle by their path in it.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Builds the bundle and writes it over the committed one.
///
/// # Errors
/// If npm is missing, the build fails, or a file cannot be written.
pub fn write(root: &Path) -> anyhow::Result<()> {
    let built = build(root)?;
    let folder = root.join(COMMITTED);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot empty {}", folder.display()));
        }
        _ => {}
    }
    for (path, bytes) in &built {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    say(&format!("{} files in {COMMITTED}", built.len()));
    Ok(())
}

/// Builds the bundle and compares it with the committed one.
///
/// # Errors
/// If npm is missing, the build fails, or the two differ.
pub fn check(root: &Path) -> anyhow::Result<()> {
    let built = build(root)?;
    let committed = files(&root.join(COMMITTED))?;
    let stale = differing(&built, &committed);
    if !stale.is_empty() {
        bail!(
            "{COMMITTED} is stale ({}); run cargo xtask web",
            stale.join(", ")
        );
    }
    Ok(())
}

/// Runs the tests of the page: types, units, and those in a browser.
///
/// Where npm is missing they are skipped with one loud line; tests that want Chromium or a built midwire say so
/// themselves.
///
/// # Errors
/// If a test fails.
pub fn test(root: &Path) -> anyhow::Result<()> {
    let web = root.join("web");
    if !has_npm() {
        say("\n!!!!! SKIPPED: no npm; tests of the browser interface are skipped\n");
        return Ok(());
    }
    npm(&web, &["ci"])?;
    npm(&web, &["run", "build"])?;
    npm(&web, &["test"])?;
    npm(&web, &["run", "e2e"])
}

/// Builds the bundle: the page itself, and below `static` what it loads.
fn build(root: &Path) -> anyhow::Result<Files> {
    let web = root.join("web");
    if !has_npm() {
        bail!("npm is needed to build the browser interface");
    }
    npm(&web, &["ci"])?;
    npm(&web, &["run", "build"])?;
    let mut bundle = Files::new();
    for (path, bytes) in files(&root.join(BUILT))? {
        let page = path.extension().is_some_and(|ending| ending == "html");
        let path = if page {
            path
        } else {
            Path::new("static").join(path)
        };
        bundle.insert(path, bytes);
    }
    Ok(bundle)
}

/// Names of files that are missing, left over, or different.
fn differing(built: &Files, committed: &Files) -> Vec<String> {
    let missing = built
        .iter()
        .filter(|(path, bytes)| committed.get(*path) != Some(*bytes))
        .map(|(path, _)| path);
    let left = committed.keys().filter(|path| !built.contains_key(*path));
    missing
        .chain(left)
        .map(|path| path.display().to_string())
        .collect()
}

/// All files below a folder; none if it is missing.
fn files(folder: &Path) -> anyhow::Result<Files> {
    let mut found = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = match fs::read_dir(&next) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", next.display()));
            }
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(inside) = path.strip_prefix(folder) {
                found.insert(inside.to_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

/// Whether npm can be started.
fn has_npm() -> bool {
    Command::new("npm").arg("--version").output().is_ok()
}

/// Runs npm in a folder, with its output shown.
fn npm(folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new("npm")
        .args(arguments)
        .current_dir(folder)
        .status()
        .context("cannot start npm")?;
    if !status.success() {
        bail!("npm {} failed", arguments.join(" "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(files: &[(&str, &str)]) -> Files {
        files
            .iter()
            .map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn names_what_differs() {
        let built = bundle(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let committed = bundle(&[("a", "1"), ("b", "old"), ("d", "4")]);
        assert_eq!(differing(&built, &committed), ["b", "c", "d"]);
        assert!(differing(&built, &built).is_empty());
    }

    #[test]
    fn a_missing_folder_has_no_files() {
        let folder = Path::new("no-such-folder-here");
        assert!(files(folder).unwrap().is_empty());
    }
}
