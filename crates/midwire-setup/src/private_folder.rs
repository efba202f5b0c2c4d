//! A folder that only its owner can enter and that goes away with its value.

use std::io;
use std::path::{Path, PathBuf};

use crate::certificate::hex;

/// Begins the names of our folders; nothing else begins so.
const PREFIX: &str = "midwire-run-";

/// A private folder in the temporary folder of the system, removed when the value is dropped.
///
/// A program that is killed cannot remove it; [`sweep`] does so later, and whoever watches the program sooner.
#[derive(Debug)]
pub struct PrivateFolder(PathBuf);

impl PrivateFolder {
    /// Makes a folder with mode 0700 whose name holds the process id and random letters.
    ///
    /// # Errors
    /// The temporary folder cannot be written to.
    pub fn new() -> io::Result<Self> {
        let mut random = [0u8; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let random = hex(&random);
        let name = format!("{PREFIX}{}-{random}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Removes folders of programs that were killed. Blocks on disk.
///
/// A folder is removed only if its name is one of ours and its process is gone.
pub fn sweep() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name
            .to_str()
            .and_then(owner)
            .is_some_and(|pid| !is_alive(pid))
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Removes a folder that [`PrivateFolder::new`] of another process has made; any other path is left alone.
pub fn remove(path: &Path) {
    let name = path.file_name().and_then(|name| name.to_str());
    if path.is_dir() && name.and_then(owner).is_some() {
        let _ = std::fs::remove_dir_all(path);
    }
}

fn owner(name: &str) -> Option<u32> {
    let (pid, random) = name.strip_prefix(PREFIX)?.split_once('-')?;
    let ours = random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    ours.then(|| pid.parse().ok()).flatten()
}

/// Where processes cannot be looked up, all are taken to be alive.
fn is_alive(pid: u32) -> bool {
    let processes = Path::new("/proc");
    !processes.join("self").exists() || processes.join(pid.to_string()).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_away_with_its_value() {
        let folder = PrivateFolder::new().unwrap();
        let path = folder.path().to_owned();
        std::fs::write(path.join("file"), "").unwrap();
        assert!(path.is_dir());
        sweep();
        assert!(path.is_dir(), "the owner lives");
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn only_our_names_have_an_owner() {
        for (name, expected) in [
            ("midwire-run-12-0011223344556677", Some(12)),
            ("midwire-run-12-001122334455667", None),
            ("midwire-run-x-0011223344556677", None),
            ("other-12-0011223344556677", None),
        ] {
            assert_eq!(owner(name), expected, "{name}");
        }
    }
}
