//! Programs of the system: curl and openssl.

use std::env;
use std::process::Command;

use super::{loud, run};
use crate::say;

/// What end-to-end tests call; each is also the name of its Debian package.
const PROGRAMS: &[&str] = &["curl", "openssl"];

/// Installs missing programs with apt where this is possible.
pub(super) fn install() {
    let missing = missing(PROGRAMS);
    if missing.is_empty() {
        return;
    }
    let names = missing.join(" ");
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
    if let Err(error) = apt(&[&install[..], &missing[..]].concat()) {
        loud(&format!(
            "cannot install {names} ({error:#}); tests that need them are skipped"
        ));
    }
}

fn missing<'a>(programs: &[&'a str]) -> Vec<&'a str> {
    programs
        .iter()
        .copied()
        .filter(|program| !is_there(program))
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
        let programs = ["sh", "no-such-program-of-midwire"];
        assert_eq!(missing(&programs), ["no-such-program-of-midwire"]);
    }
}
