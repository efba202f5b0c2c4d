//! Rules for files and documents that no other tool checks.

mod crates;
mod tree;

pub use crates::{Member, documented, members};
pub use tree::{Source, sources};

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::say;

/// Lines that a source file may have, tests included.
const LINES_MAX: usize = 800;

/// Words that belong to one machine or to one place packages come from. Written in two parts, so that this file may stay.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("py", "pi.org"), "the host of a registry"),
    (
        concat!("files.python", "hosted.org"),
        "the host of a registry",
    ),
    (concat!("registry.np", "mjs.org"), "the host of a registry"),
    (concat!("index.cr", "ates.io"), "the host of a registry"),
    (concat!("static.cr", "ates.io"), "the host of a registry"),
];

/// Checks all rules and says what breaks them.
///
/// # Errors
/// If something does.
pub fn run(root: &Path) -> anyhow::Result<()> {
    let faults = check(root)?;
    for fault in &faults {
        say(fault);
    }
    match faults.len() {
        0 => Ok(()),
        count => bail!("{count} rule(s) broken"),
    }
}

/// What breaks the rules, one line each.
///
/// # Errors
/// A file that cannot be read.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut faults: Vec<String> = sources(root)?.iter().flat_map(in_source).collect();
    let read = |name: &str| {
        std::fs::read_to_string(root.join(name)).with_context(|| format!("cannot read {name}"))
    };
    faults.extend(in_crates(&members(root)?, &read("ARCHITECTURE.md")?));
    faults.extend(in_changelog(&read("CHANGELOG.md")?));
    Ok(faults)
}

/// Rules for one file.
fn in_source(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    let path = &source.path;
    let lines = source.text.lines().count();
    let is_rust = Path::new(path)
        .extension()
        .is_some_and(|extension| extension == "rs");
    if is_rust && lines > LINES_MAX {
        faults.push(format!("{path}: {lines} lines, {LINES_MAX} are allowed"));
    }
    for (index, line) in source.text.lines().enumerate() {
        let at = index + 1;
        for (word, reason) in FORBIDDEN {
            if line.contains(word) {
                faults.push(format!("{path}:{at}: {word} is {reason}"));
            }
        }
        if is_rust && line.trim_start().starts_with("#[ignore") {
            faults.push(format!("{path}:{at}: a test that is ignored tests nothing"));
        }
    }
    faults
}

/// The map of crates in ARCHITECTURE.md is what the manifests say.
fn in_crates(built: &[Member], architecture: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let map = documented(architecture);
    for member in built {
        match map.iter().find(|row| row.name == member.name) {
            None => faults.push(format!(
                "ARCHITECTURE.md: the crate map lacks {}",
                member.name
            )),
            Some(row) if row.uses != member.uses => faults.push(format!(
                "ARCHITECTURE.md: {} uses {:?}, the crate map says {:?}",
                member.name, member.uses, row.uses
            )),
            Some(_) => {}
        }
    }
    for row in &map {
        if built.iter().all(|member| member.name != row.name) {
            faults.push(format!("ARCHITECTURE.md: there is no crate {}", row.name));
        }
    }
    faults
}

fn in_changelog(changelog: &str) -> Option<String> {
    let found = changelog.lines().any(|line| line == "## [Unreleased]");
    (!found).then(|| "CHANGELOG.md: there is no section `## [Unreleased]`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: String) -> Source {
        Source {
            path: path.to_owned(),
            text,
        }
    }

    fn check_source(path: &str, text: String, expected: usize) {
        let faults = in_source(&source(path, text));
        assert_eq!(faults.len(), expected, "{faults:?}");
    }

    #[test]
    fn this_checkout_is_tidy() {
        let faults = check(&crate::root()).unwrap();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn long_files_are_found() {
        check_source("a.rs", "\n".repeat(LINES_MAX), 0);
        check_source("a.rs", "\n".repeat(LINES_MAX + 1), 1);
        check_source("a.md", "\n".repeat(LINES_MAX + 1), 0);
    }

    #[test]
    fn words_and_ignored_tests_are_found() {
        check_source("a.md", format!("see {}x", FORBIDDEN[0].0), 1);
        check_source("a.rs", format!("    {}]", concat!("#[ig", "nore")), 1);
        check_source("a.rs", "// nothing to see".to_owned(), 0);
    }

    #[test]
    fn the_changelog_has_a_place_for_changes() {
        assert!(in_changelog("# Changelog\n\n## [0.1.0]\n").is_some());
        assert!(in_changelog("# Changelog\n\n## [Unreleased]\n").is_none());
    }

    #[test]
    fn the_crate_map_is_compared_both_ways() {
        let member = |name: &str, uses: &[&str]| Member {
            name: name.to_owned(),
            uses: uses.iter().map(|&name| name.to_owned()).collect(),
        };
        let built = [
            member("midwire-a", &[]),
            member("midwire-b", &["midwire-a"]),
        ];
        let map = "| `midwire-a` | codecs | - |\n| `midwire-b` | flows | `midwire-a` |\n";
        assert!(in_crates(&built, map).is_empty());
        assert_eq!(in_crates(&built[..1], map).len(), 1);
        assert_eq!(in_crates(&built, "| `midwire-a` | codecs | - |").len(), 1);
        let wrong = map.replace("- |", "`midwire-b` |");
        assert_eq!(in_crates(&built, &wrong).len(), 1);
    }
}
