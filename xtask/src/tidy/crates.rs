//! Which crates there are and which of them use which: as built, and as ARCHITECTURE.md draws them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// A crate and those of ours that it uses.
#[derive(Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Crates of this workspace among its dependencies.
    pub uses: BTreeSet<String>,
}

/// The crates in `crates/`, by their manifests.
///
/// # Errors
/// A manifest that cannot be read.
pub fn members(root: &Path) -> anyhow::Result<Vec<Member>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join("crates")).context("cannot read crates/")? {
        let entry = entry?;
        let manifest = entry.path().join("Cargo.toml");
        let text = fs::read_to_string(&manifest)
            .with_context(|| format!("cannot read {}", manifest.display()))?;
        found.push(Member {
            name: entry.file_name().to_string_lossy().into_owned(),
            uses: dependencies(&text),
        });
    }
    Ok(found)
}

/// Crates of ours in the sections of ordinary dependencies; those of one platform count as well.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut uses = BTreeSet::new();
    let mut is_inside = false;
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            is_inside = section == "dependencies]" || section.ends_with(".dependencies]");
            continue;
        }
        let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
        if is_inside && name.starts_with("midwire-") {
            uses.insert(name.to_owned());
        }
    }
    uses
}

/// The crate map of ARCHITECTURE.md: rows "| `name` | what for | `name`, `name` |".
pub fn documented(architecture: &str) -> Vec<Member> {
    architecture.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Member> {
    let cells: Vec<&str> = line.trim().split('|').map(str::trim).collect();
    let ["", name, _, uses, ""] = cells.as_slice() else {
        return None;
    };
    let name = name.strip_prefix('`')?.strip_suffix('`')?;
    name.starts_with("midwire").then(|| Member {
        name: name.to_owned(),
        uses: uses
            .split('`')
            .filter(|word| word.starts_with("midwire-"))
            .map(str::to_owned)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn manifests_name_what_a_crate_uses() {
        let manifest = "[package]\nname = \"midwire-x\"\n[dependencies]\nmidwire-a.workspace = true\nbytes = \"1\"\n\
                        midwire-b = { path = \"../b\" }\n[dev-dependencies]\nmidwire-c.workspace = true\n";
        assert_eq!(dependencies(manifest), set(&["midwire-a", "midwire-b"]));
        let manifest = "[target.'cfg(unix)'.dependencies]\nmidwire-sys.workspace = true\n";
        assert_eq!(dependencies(manifest), set(&["midwire-sys"]));
    }

    #[test]
    fn rows_of_the_map_are_read() {
        let rows = documented(
            "text\n| Crate | What | Uses |\n| `midwire-a` | codecs | none |\n| `midwire` | binary | `midwire-a`, `midwire-b` |\n",
        );
        let member = |name: &str, uses| Member {
            name: name.to_owned(),
            uses,
        };
        let expected = [
            member("midwire-a", set(&[])),
            member("midwire", set(&["midwire-a", "midwire-b"])),
        ];
        assert_eq!(rows, expected);
    }
}
