//! Paths as people write them.

use std::path::{Path, PathBuf};

/// Replaces a leading `~` by the home folder of the user; other paths stay as they are.
pub fn expand_home(path: &str) -> PathBuf {
    let Some(rest) = path.strip_prefix('~') else {
        return PathBuf::from(path);
    };
    let rest = match rest.strip_prefix('/') {
        Some(rest) => rest,
        None if rest.is_empty() => rest,
        None => return PathBuf::from(path),
    };
    match std::env::home_dir() {
        Some(home) if rest.is_empty() => home,
        Some(home) => home.join(rest),
        None => PathBuf::from(path),
    }
}

/// Makes `path` absolute against `base`, with `~` expanded.
pub(super) fn resolve(path: &str, base: &Path) -> PathBuf {
    base.join(expand_home(path))
}
