//! The text files of the checkout.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// A text file.
#[derive(Debug)]
pub struct Source {
    /// Its path from the root, with slashes.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Folders that hold nothing written by hand.
const SKIPPED: &[&str] = &[
    "target",
    ".git",
    "node_modules",
    "corpus",
    "artifacts",
    "__pycache__",
];

/// Files that tools write: lock files name where packages come from.
const WRITTEN: &[&str] = &["Cargo.lock", "package-lock.json"];

/// All text files below `root`, sorted by path. What is not UTF-8 is no text.
///
/// # Errors
/// A folder that cannot be read.
pub fn sources(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if !SKIPPED.iter().any(|skipped| name == *skipped) {
                    folders.push(path);
                }
                continue;
            }
            // In a linked worktree `.git` is a file.
            if !kind.is_file() || name == ".git" || WRITTEN.iter().any(|written| name == *written) {
                continue;
            }
            let (Ok(text), Ok(relative)) = (fs::read_to_string(&path), path.strip_prefix(root))
            else {
                continue;
            };
            found.push(Source {
                path: relative.to_string_lossy().replace('\\', "/"),
                text,
            });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
