//! The store of the Java installation in use: `$JAVA_HOME`, else the `java` on the path.

use std::fs;
use std::path::PathBuf;

use super::tool::{StoreError, Tool};
use super::{Change, Entry};
use crate::certificate::Certificate;
use crate::private_folder::PrivateFolder;
use crate::trust_files::STORE_PASSWORD;

const JAVA: Tool = Tool {
    program: "java",
    remedy: "install Java, or set JAVA_HOME",
};
const KEYTOOL: Tool = Tool {
    program: "keytool",
    remedy: "it is part of Java",
};

fn store() -> Result<PathBuf, StoreError> {
    let home = match std::env::var_os("JAVA_HOME") {
        Some(home) if !home.is_empty() => PathBuf::from(home),
        _ => PathBuf::from(java_home()?),
    };
    let mut candidates = ["lib/security/cacerts", "jre/lib/security/cacerts"]
        .map(|name| home.join(name))
        .into_iter();
    candidates
        .find(|path| path.exists())
        .ok_or(StoreError::NoStore(
            "the Java installation has no file lib/security/cacerts",
        ))
}

fn java_home() -> Result<String, StoreError> {
    let text = JAVA.run(&["-XshowSettings:properties", "-version"])?;
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("java.home = "));
    line.map(str::to_owned).ok_or(StoreError::NoStore(
        "java does not say where it is installed; set JAVA_HOME",
    ))
}

fn holds(store: &str, name: &str) -> Result<bool, StoreError> {
    KEYTOOL.succeeds(&[
        "-list",
        "-keystore",
        store,
        "-storepass",
        STORE_PASSWORD,
        "-alias",
        name,
    ])
}

pub(super) fn status(authority: &Certificate) -> Result<Vec<Entry>, StoreError> {
    let store = store()?;
    let trusted = holds(&store.to_string_lossy(), &authority.nickname())?;
    Ok(vec![Entry { store, trusted }])
}

pub(super) fn install(authority: &Certificate) -> Result<Vec<Change>, StoreError> {
    let store = store()?;
    let (path, name) = (store.to_string_lossy(), authority.nickname());
    if holds(&path, &name)? {
        return Ok(Vec::new());
    }
    let folder = PrivateFolder::new().map_err(StoreError::file(&std::env::temp_dir()))?;
    let file = folder.path().join("ca.pem");
    fs::write(&file, authority.pem()).map_err(StoreError::file(&file))?;
    let file = file.to_string_lossy();
    KEYTOOL.run(&[
        "-importcert",
        "-noprompt",
        "-keystore",
        &path,
        "-storepass",
        STORE_PASSWORD,
        "-alias",
        &name,
        "-file",
        &file,
    ])?;
    Ok(vec![Change(format!("added {name} to {path}"))])
}

pub(super) fn uninstall(authority: &Certificate) -> Result<Vec<Change>, StoreError> {
    let store = store()?;
    let (path, name) = (store.to_string_lossy(), authority.nickname());
    if !holds(&path, &name)? {
        return Ok(Vec::new());
    }
    KEYTOOL.run(&[
        "-delete",
        "-keystore",
        &path,
        "-storepass",
        STORE_PASSWORD,
        "-alias",
        &name,
    ])?;
    Ok(vec![Change(format!("removed {name} from {path}"))])
}
