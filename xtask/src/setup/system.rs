//! Programs of the system: clients, and what makes networks.

use std::env;
use std::process::Command;

use super::{loud, run};
use crate::say;

/// What end-to-end tests call, and the Debian package of each.
const PROGRAMS: &[(&str, &str)] = &[
    ("curl", "curl"),
    ("openssl", "openssl"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("unshare", "util-linux"),
    ("certutil", "libnss3-tools"),
    ("chromium", "chromium"),
    ("node", "nodejs"),
    ("java", "openjdk-17-jdk-headless"),
];

/// Installs missing programs with apt where this is possible.
pub(super) fn install() {
    let missing = missing(PROGRAMS);
    if missing.is_empty() {
        return;
    }
    let packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    let names = packages.join(" ");
    if !is_there("apt-get") || !is_root() {
        loud(&format!(
            "please install {names}; tests that need them are skipped"
        ));
        return;
    }
    say(&format!("installing {names}"));
    let apt = |args: &[&str]| {
        run(Command::new("apt-get")
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive"))
    };
    // Lists may be old but good enough; whether it worked is seen by the programs.
    let _ = apt(&["update", "-q"]);
    let install = ["install", "-q", "-y", "--no-install-recommends"];
    // One after another, so that one that cannot be had does not keep the others away.
    for package in packages {
        if let Err(error) = apt(&[&install[..], &[package]].concat()) {
            loud(&format!(
                "cannot install {package} ({error:#}); tests that need it are skipped"
            ));
        }
    }
}

fn missing<'a>(programs: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    programs
        .iter()
        .copied()
        .filter(|(program, _)| !is_there(program))
        .collect()
}

/// Whether a program is in the search path.
pub(super) fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn is_root() -> bool {
    run(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_programs_are_named() {
        let programs = [("sh", "dash"), ("no-such-program-of-midwire", "none")];
        assert_eq!(missing(&programs), [programs[1]]);
    }
}
