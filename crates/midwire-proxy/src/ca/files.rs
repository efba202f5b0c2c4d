//! Writing the files of the authority so that a kill or a full disk leaves all of a file or
//! nothing, and nobody but the owner ever reads a key.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::CaError;

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Mode 0600 from the first moment, whatever the umask.
    Owner,
    /// Mode 0644 less the umask.
    Everybody,
}

/// Begins the names of files that are still being written; nothing else begins so.
const TEMPORARY_PREFIX: &str = ".mitmproxy-new-";

/// Makes the directory with mode 0700 unless it exists.
pub(super) fn make_directory(path: &Path) -> Result<(), CaError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|error| CaError::unwritable(path, error))
}

/// Waits for the lock on a directory, which ends with the returned file. Where directories cannot
/// be locked there is none, and programs that start at once may overtake each other.
pub(super) fn lock_directory(path: &Path) -> Result<Option<File>, CaError> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let directory = File::open(path).map_err(|error| CaError::unwritable(path, error))?;
    match directory.lock() {
        Err(error) if error.kind() != io::ErrorKind::Unsupported => {
            Err(CaError::unwritable(path, error))
        }
        _ => Ok(Some(directory)),
    }
}

/// Removes what an interrupted start has left behind.
pub(super) fn remove_leftovers(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with(TEMPORARY_PREFIX)
        {
            // Whatever cannot be removed is refused again, with a reason, when it is in the way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Writes `content` to `directory/name` by way of a new file beside it.
pub(super) fn write(
    directory: &Path,
    name: &str,
    content: &[u8],
    access: Access,
) -> Result<(), CaError> {
    let path = directory.join(name);
    let temporary = directory.join(format!("{TEMPORARY_PREFIX}{}-{name}", std::process::id()));
    let written = write_new(&temporary, content, access)
        .and_then(|()| fs::rename(&temporary, &path))
        .and_then(|()| sync_directory(directory));
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        CaError::unwritable(&path, error)
    })
}

fn write_new(path: &Path, content: &[u8], access: Access) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(if access == Access::Owner {
            0o600
        } else {
            0o644
        });
    }
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()
    } else {
        Ok(())
    }
}

/// Renames `directory/name` to the same name with `.bak` behind it, if it is there.
pub(super) fn set_aside(directory: &Path, name: &str) -> Result<(), CaError> {
    let path = directory.join(name);
    match fs::rename(&path, directory.join(format!("{name}.bak"))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(CaError::unwritable(&path, error))
        }
        _ => Ok(()),
    }
}

/// The permission bits of a file that let others than its owner read it.
pub(super) fn readable_by_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).is_ok_and(|meta| meta.mode() & 0o044 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}
