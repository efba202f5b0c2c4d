//! Files that are made from the program's tables and kept in the repository.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::{cli, reference, say};

/// A file made from tables.
#[derive(Debug)]
pub struct Page {
    /// Where it belongs, from the root of the checkout.
    pub path: String,
    /// What it is to contain.
    pub text: String,
}

/// The reference pages.
pub fn reference() -> Vec<Page> {
    let page = |name: &str, text: String| Page {
        path: format!("docs/reference/{name}.md"),
        text,
    };
    vec![
        page("options", reference::options()),
        page("commands", reference::commands()),
        page("hooks", reference::hooks()),
        page("filters", reference::filters()),
    ]
}

/// Shell completions and manual pages.
pub fn command_line() -> Vec<Page> {
    let programs = cli::programs();
    let page = |path: String, text: String| Page { path, text };
    let mut pages = vec![
        page(
            "docs/completions/midwire.bash".to_owned(),
            cli::bash(&programs),
        ),
        page("docs/completions/_midwire".to_owned(), cli::zsh(&programs)),
        page(
            "docs/completions/midwire.fish".to_owned(),
            cli::fish(&programs),
        ),
    ];
    pages.extend(programs.iter().map(|program| {
        page(
            format!("docs/man/{}.1", program.page_name()),
            cli::man(program),
        )
    }));
    pages
}

/// Writes those files that differ.
///
/// # Errors
/// A file that cannot be written.
pub fn write(root: &Path, pages: &[Page]) -> anyhow::Result<()> {
    for page in stale(root, pages) {
        let path = root.join(&page.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&path, &page.text).with_context(|| format!("cannot write {}", path.display()))?;
        say(&format!("wrote {}", page.path));
    }
    Ok(())
}

/// The files that are missing or say something else than the tables.
pub fn stale<'a>(root: &Path, pages: &'a [Page]) -> Vec<&'a Page> {
    pages
        .iter()
        .filter(|page| {
            fs::read(root.join(&page.path)).ok().as_deref() != Some(page.text.as_bytes())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_current(pages: &[Page], task: &str) {
        let stale: Vec<&str> = stale(&crate::root(), pages)
            .iter()
            .map(|page| page.path.as_str())
            .collect();
        assert!(stale.is_empty(), "run `cargo xtask {task}`: {stale:?}");
    }

    #[test]
    fn reference_pages_are_current() {
        check_current(&reference(), "docs");
    }

    #[test]
    fn completions_and_manual_pages_are_current() {
        check_current(&command_line(), "completions");
    }

    #[test]
    fn what_was_written_is_not_stale() {
        let folder = tempfile::tempdir().unwrap();
        let pages = reference();
        assert_eq!(stale(folder.path(), &pages).len(), pages.len());
        write(folder.path(), &pages).unwrap();
        assert!(stale(folder.path(), &pages).is_empty());
        let changed = folder.path().join(&pages[0].path);
        fs::write(changed, "another text").unwrap();
        assert_eq!(stale(folder.path(), &pages).len(), 1);
    }
}
