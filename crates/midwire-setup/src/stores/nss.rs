//! Databases of Network Security Services: Firefox everywhere, Chromium on Linux.

use std::fs;
use std::path::{Path, PathBuf};

use super::tool::{StoreError, Tool};
use super::{Change, Entry};
use crate::certificate::{Certificate, encode};
use crate::private_folder::PrivateFolder;

const CERTUTIL: Tool = Tool {
    program: "certutil",
    remedy: "install the package libnss3-tools (Debian), nss-tools (Fedora) or nss (Arch, Homebrew)",
};

/// File that a database in the present form has.
const DATABASE: &str = "cert9.db";

/// Databases, and folders whose sub-folders are databases, below the home folder.
const PLACES: &[&str] = &[
    ".pki/nssdb",
    "snap/chromium/current/.pki/nssdb",
    ".mozilla/firefox",
    "snap/firefox/common/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
    "Library/Application Support/Firefox/Profiles",
    "AppData/Roaming/Mozilla/Firefox/Profiles",
];

const NONE: StoreError = StoreError::NoStore(
    "no certificate database of Firefox or Chromium below the home folder; start the browser once",
);

fn databases() -> Result<Vec<PathBuf>, StoreError> {
    let home = std::env::home_dir().ok_or(NONE)?;
    let mut found = Vec::new();
    for place in PLACES {
        let place = home.join(place);
        let children = fs::read_dir(&place).into_iter().flatten().flatten();
        let candidates = std::iter::once(place.clone()).chain(children.map(|child| child.path()));
        found.extend(candidates.filter(|folder| folder.join(DATABASE).is_file()));
    }
    if found.is_empty() {
        Err(NONE)
    } else {
        Ok(found)
    }
}

fn location(database: &Path) -> String {
    format!("sql:{}", database.display())
}

fn holds(database: &Path, authority: &Certificate) -> Result<bool, StoreError> {
    let (location, name) = (location(database), authority.nickname());
    let args = ["-L", "-d", &location, "-n", &name, "-a"];
    if !CERTUTIL.succeeds(&args)? {
        return Ok(false);
    }
    let text = CERTUTIL.run(&args)?;
    let blocks = pem::parse_many(text).unwrap_or_default();
    Ok(blocks.iter().any(|block| block.contents() == authority.der))
}

pub(super) fn status(authority: &Certificate) -> Result<Vec<Entry>, StoreError> {
    let entry = |store: PathBuf| {
        let trusted = holds(&store, authority)?;
        Ok(Entry { store, trusted })
    };
    databases()?.into_iter().map(entry).collect()
}

pub(super) fn install(authority: &Certificate) -> Result<Vec<Change>, StoreError> {
    let databases = databases()?;
    let folder = PrivateFolder::new().map_err(StoreError::file(&std::env::temp_dir()))?;
    let file = folder.path().join("ca.pem");
    fs::write(&file, encode(&authority.der)).map_err(StoreError::file(&file))?;
    let (file, name) = (file.to_string_lossy(), authority.nickname());
    let mut changes = Vec::new();
    for database in databases {
        if holds(&database, authority)? {
            continue;
        }
        CERTUTIL.run(&[
            "-A",
            "-d",
            &location(&database),
            "-n",
            &name,
            "-t",
            "C,,",
            "-i",
            &file,
        ])?;
        changes.push(Change(format!("added {name} to {}", database.display())));
    }
    Ok(changes)
}

pub(super) fn uninstall(authority: &Certificate) -> Result<Vec<Change>, StoreError> {
    let name = authority.nickname();
    let mut changes = Vec::new();
    for database in databases()? {
        if !holds(&database, authority)? {
            continue;
        }
        CERTUTIL.run(&["-D", "-d", &location(&database), "-n", &name])?;
        changes.push(Change(format!(
            "removed {name} from {}",
            database.display()
        )));
    }
    Ok(changes)
}
