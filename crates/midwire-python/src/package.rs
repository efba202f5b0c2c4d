//! The Python packages inside the program, and where they are put for the interpreter.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use midwire_flow::Id;

use crate::files::private;

/// Names and texts of all files.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/files.rs"));
/// Tells versions apart.
const DIGEST: &str = include!(concat!(env!("OUT_DIR"), "/digest.rs"));

/// Puts the packages into a folder and gives it.
///
/// That is the user's cache folder, so that Python keeps its compiled form; if there is none, `otherwise`.
pub(crate) fn unpack(otherwise: &Path) -> io::Result<PathBuf> {
    if let Some(cache) = cache() {
        let folder = cache.join(format!("python-{DIGEST}"));
        if is_whole(&folder) {
            return Ok(folder);
        }
        if let Ok(folder) = unpack_beside(&cache, &folder) {
            return Ok(folder);
        }
    }
    let folder = otherwise.join("python");
    write(&folder)?;
    Ok(folder)
}

fn cache() -> Option<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => {
            PathBuf::from(std::env::var_os("HOME").filter(|path| !path.is_empty())?).join(".cache")
        }
    };
    base.is_absolute().then(|| base.join("midwire"))
}

/// Another process may unpack at the same time: whoever renames first wins, and both have the same files.
fn unpack_beside(cache: &Path, folder: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(cache)?;
    let fresh = private(&cache.join(format!("new-{}", Id::random())))?;
    write(&fresh)?;
    if fs::rename(&fresh, folder).is_err() {
        // Something is there already. If it is damaged, it makes way.
        if is_whole(folder) {
            fs::remove_dir_all(&fresh)?;
        } else {
            fs::remove_dir_all(folder)?;
            fs::rename(&fresh, folder)?;
        }
    }
    Ok(folder.to_owned())
}

fn write(folder: &Path) -> io::Result<()> {
    for (name, text) in FILES {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}

/// All files are there with the right length. Whoever can change them there can change the user's scripts as well.
fn is_whole(folder: &Path) -> bool {
    FILES.iter().all(|(name, text)| {
        fs::metadata(folder.join(name)).is_ok_and(|file| file.len() == text.len() as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_unpacked_and_recognised() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("p");
        assert_eq!(unpack_beside(folder.path(), &target).unwrap(), target);
        assert!(is_whole(&target));
        let main = target.join("midwire_host/__main__.py");
        fs::write(&main, b"#").unwrap();
        assert!(!is_whole(&target));
        unpack_beside(folder.path(), &target).unwrap();
        assert!(is_whole(&target));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
