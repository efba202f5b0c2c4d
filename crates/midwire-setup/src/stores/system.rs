//! The store of the system, in the way of each family of systems.

use std::fs;
use std::path::{Path, PathBuf};

use super::tool::{StoreError, Tool};
use super::{Change, Entry};
use crate::certificate::Certificate;

/// A folder for additional roots and the program that makes the store anew from it.
struct Way {
    folder: &'static str,
    extension: &'static str,
    refresh: Tool,
    arguments: &'static [&'static str],
    /// Folder in which the program keeps a link for each root, which it does not remove by itself.
    links: Option<&'static str>,
}

/// The ways, the first whose folder exists counts. SUSE stands before Debian because it has both folders.
const WAYS: &[Way] = &[
    Way {
        folder: "/etc/pki/ca-trust/source/anchors",
        extension: "pem",
        refresh: Tool {
            program: "update-ca-trust",
            remedy: "install the package ca-certificates",
        },
        arguments: &["extract"],
        links: None,
    },
    Way {
        folder: "/etc/pki/trust/anchors",
        extension: "pem",
        refresh: Tool {
            program: "update-ca-certificates",
            remedy: "install the package ca-certificates",
        },
        arguments: &[],
        links: None,
    },
    Way {
        folder: "/etc/ca-certificates/trust-source/anchors",
        extension: "crt",
        refresh: Tool {
            program: "update-ca-trust",
            remedy: "install the package ca-certificates-utils",
        },
        arguments: &[],
        links: None,
    },
    Way {
        folder: "/usr/local/share/ca-certificates",
        extension: "crt",
        refresh: Tool {
            program: "update-ca-certificates",
            remedy: "install the package ca-certificates",
        },
        arguments: &[],
        links: Some("/etc/ssl/certs"),
    },
];

const NO_WAY: StoreError = StoreError::NoStore(
    "no trust store of a known kind on this system; `midwire ca show` prints the certificate to install by hand",
);

impl Way {
    fn here() -> Result<&'static Self, StoreError> {
        let mut ways = WAYS.iter();
        ways.find(|way| Path::new(way.folder).is_dir())
            .ok_or(NO_WAY)
    }

    fn file(&self, authority: &Certificate) -> PathBuf {
        let name = format!("{}.{}", authority.nickname(), self.extension);
        Path::new(self.folder).join(name)
    }

    /// The link to our file, and links that lead to it under the hash of the subject.
    fn links(&self, authority: &Certificate) -> Vec<PathBuf> {
        let Some(folder) = self.links else {
            return Vec::new();
        };
        let name = format!("{}.pem", authority.nickname());
        let own = Path::new(folder).join(&name);
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| {
                let target = fs::read_link(path).ok();
                target.is_some_and(|target| *path == own || target == Path::new(&name))
            })
            .collect()
    }

    fn refresh(&self) -> Result<Change, StoreError> {
        self.refresh.run(self.arguments)?;
        Ok(Change(format!("ran {}", self.refresh.program)))
    }
}

pub(super) fn status(authority: &Certificate) -> Result<Vec<Entry>, StoreError> {
    if cfg!(any(target_os = "macos", windows)) {
        return foreign::status(authority);
    }
    let file = Way::here()?.file(authority);
    Ok(vec![Entry {
        trusted: holds(&file, authority),
        store: file,
    }])
}

pub(super) fn install(authority: &Certificate) -> Result<Vec<Change>, StoreError> {
    if cfg!(any(target_os = "macos", windows)) {
        return foreign::install(authority);
    }
    let way = Way::here()?;
    let file = way.file(authority);
    if holds(&file, authority) {
        return Ok(Vec::new());
    }
    fs::write(&file, authority.pem()).map_err(StoreError::file(&file))?;
    let written = Change(format!("wrote {}", file.display()));
    match way.refresh() {
        Ok(refreshed) => Ok(vec![written, refreshed]),
        Err(error) => {
            // A file that the store was not made of would be taken up by surprise later.
            let _ = fs::remove_file(&file);
            Err(error)
        }
    }
}

pub(super) fn uninstall(authority: &Certificate) -> Result<Vec<Change>, StoreError> {
    if cfg!(any(target_os = "macos", windows)) {
        return foreign::uninstall(authority);
    }
    let way = Way::here()?;
    let file = way.file(authority);
    if !file.exists() {
        return Ok(Vec::new());
    }
    fs::remove_file(&file).map_err(StoreError::file(&file))?;
    let mut changes = vec![Change(format!("removed {}", file.display()))];
    for link in way.links(authority) {
        fs::remove_file(&link).map_err(StoreError::file(&link))?;
        changes.push(Change(format!("removed {}", link.display())));
    }
    changes.push(way.refresh()?);
    Ok(changes)
}

fn holds(file: &Path, authority: &Certificate) -> bool {
    Certificate::read(file).is_ok_and(|found| found.der == authority.der)
}

/// The ways of macOS and Windows, whose stores are changed by a program alone.
mod foreign {
    use super::{Certificate, Change, Entry, PathBuf, StoreError, Tool};

    const KEYCHAIN: &str = "/Library/Keychains/System.keychain";
    const SECURITY: Tool = Tool {
        program: "security",
        remedy: "it is part of macOS",
    };
    const CERTUTIL: Tool = Tool {
        program: "certutil",
        remedy: "it is part of Windows",
    };

    pub(super) fn status(authority: &Certificate) -> Result<Vec<Entry>, StoreError> {
        let (store, trusted) = if cfg!(windows) {
            let args = ["-user", "-verifystore", "Root", &authority.serial];
            ("Root", CERTUTIL.succeeds(&args)?)
        } else {
            let path = authority.path.to_string_lossy();
            (KEYCHAIN, SECURITY.succeeds(&["verify-cert", "-c", &path])?)
        };
        Ok(vec![Entry {
            store: PathBuf::from(store),
            trusted,
        }])
    }

    pub(super) fn install(authority: &Certificate) -> Result<Vec<Change>, StoreError> {
        if status(authority)?.iter().all(|entry| entry.trusted) {
            return Ok(Vec::new());
        }
        let path = authority
            .path
            .with_file_name(crate::certificate::CERTIFICATE_FILE);
        let path = path.to_string_lossy();
        if cfg!(windows) {
            CERTUTIL.run(&["-user", "-addstore", "-f", "Root", &path])?;
        } else {
            SECURITY.run(&[
                "add-trusted-cert",
                "-d",
                "-r",
                "trustRoot",
                "-k",
                KEYCHAIN,
                &path,
            ])?;
        }
        Ok(vec![Change(format!(
            "added {path} to the store of the system"
        ))])
    }

    pub(super) fn uninstall(authority: &Certificate) -> Result<Vec<Change>, StoreError> {
        if !status(authority)?.iter().any(|entry| entry.trusted) {
            return Ok(Vec::new());
        }
        if cfg!(windows) {
            CERTUTIL.run(&["-user", "-delstore", "Root", &authority.serial])?;
        } else {
            let hash = authority.sha256();
            SECURITY.run(&["delete-certificate", "-t", "-Z", &hash, KEYCHAIN])?;
        }
        let serial = &authority.serial;
        Ok(vec![Change(format!(
            "removed {serial} from the store of the system"
        ))])
    }
}
