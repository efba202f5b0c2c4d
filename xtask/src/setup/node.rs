//! Packages of npm for tests with Node.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use super::python::cache;
use super::run;
use crate::say;

/// The client whose `fetch` takes a proxy; this is the last line of versions for Node 20.
const UNDICI: &str = "undici@7.16.0";

/// The folder whose `node_modules` has the packages: the one that is named by `MIDWIRE_NODE_CLIENTS`, or one in the
/// user's cache folder, which is filled at the first call.
pub(super) fn clients() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os("MIDWIRE_NODE_CLIENTS") {
        return Ok(PathBuf::from(named));
    }
    let folder = cache()?.join("node");
    let check = || {
        let module = folder.join("node_modules/undici");
        run(Command::new("node").arg("-e").arg(format!(
            "if (require('{0}/package.json').version !== '{1}') process.exit(1); require('{0}')",
            module.display(),
            UNDICI.rsplit('@').next().unwrap_or_default(),
        )))
    };
    if check().is_ok() {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder).context("cannot write into the cache folder")?;
    say(&format!("installing {UNDICI} into {}", folder.display()));
    run(Command::new("npm")
        .args([
            "install",
            "--no-audit",
            "--no-fund",
            "--no-save",
            "--ignore-scripts",
        ])
        .arg(UNDICI)
        .current_dir(&folder))?;
    check()?;
    Ok(folder)
}
