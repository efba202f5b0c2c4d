//! The private folder through which large content crosses.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use midwire_flow::{Content, Id};

/// A folder that only this user can look into. It goes away with its last user.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    next: AtomicI64,
}

impl Files {
    /// Makes the folder, in memory if the system has a place for that.
    pub(crate) fn new() -> io::Result<Self> {
        let memory = Path::new("/dev/shm");
        let name = format!("midwire-{}", Id::random());
        let folder = if memory.is_dir() {
            private(&memory.join(&name)).or_else(|_| private(&std::env::temp_dir().join(&name)))
        } else {
            private(&std::env::temp_dir().join(&name))
        }?;
        Ok(Self {
            folder,
            next: AtomicI64::new(1),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes content to a new file and gives its path. The host removes it.
    pub(crate) fn put(&self, content: &Content) -> io::Result<PathBuf> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("c{number}"));
        let mut file = fs::File::create_new(&path)?;
        match content {
            Content::Memory(bytes) => file.write_all(bytes)?,
            Content::Spilled(spill) => spill.copy_to(&mut file)?,
            Content::Missing | Content::Passed { .. } => {}
        }
        Ok(path)
    }

    /// Takes what the host has put into the file of this number.
    pub(crate) fn take(&self, number: i64) -> io::Result<Bytes> {
        let path = self.folder.join(format!("h{number}"));
        let bytes = fs::read(&path)?;
        fs::remove_file(&path)?;
        Ok(bytes.into())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // At the end of the process there is nobody left to tell.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Makes a folder that must be new.
pub(crate) fn private(path: &Path) -> io::Result<PathBuf> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_crosses_once_and_leaves_nothing() {
        let files = Files::new().unwrap();
        let folder = files.folder().to_owned();
        let path = files
            .put(&Content::Memory(Bytes::from_static(b"abc")))
            .unwrap();
        assert_eq!(fs::read(path).unwrap(), b"abc");
        fs::write(folder.join("h7"), b"def").unwrap();
        assert_eq!(files.take(7).unwrap(), "def");
        assert!(files.take(7).is_err());
        drop(files);
        assert!(!folder.exists());
    }
}
