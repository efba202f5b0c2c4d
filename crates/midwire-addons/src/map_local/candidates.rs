//! Which files of a folder a URL may mean.

use std::path::{Component, Path, PathBuf};

use midwire_flow::access::url::unquote;
use midwire_flow::pattern::Pattern;

/// The path would lead out of the folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outside;

/// The files to look for, the best first. The pattern is known to match the URL.
///
/// The rest of the URL is percent-decoded once, and refused if it is anything but names below the folder
/// (security.md §6).
pub(super) fn of(pattern: &Pattern, url: &str, folder: &Path) -> Result<Vec<PathBuf>, Outside> {
    let suffix = suffix(pattern, url);
    if suffix.is_empty() {
        return Ok(vec![folder.join("index.html")]);
    }
    let decoded = unquote(suffix);
    let decoded = String::from_utf8_lossy(&decoded);
    let plain = inside(folder, &decoded)?;
    let mut candidates = vec![plain.clone(), plain.join("index.html")];
    // Names that a file system may not take are found with underscores instead.
    let escaped: String = decoded
        .chars()
        .map(|c| if is_harmless(c) { c } else { '_' })
        .collect();
    if escaped != decoded {
        let escaped = inside(folder, &escaped)?;
        candidates.extend([escaped.clone(), escaped.join("index.html")]);
    }
    Ok(candidates)
}

/// The first group, or without groups what follows the match up to the query.
fn suffix<'a>(pattern: &Pattern, url: &'a str) -> &'a str {
    let Some(captures) = pattern.captures(url) else {
        return "";
    };
    if captures.len() > 1 {
        let group = captures.get(1).and_then(|span| url.get(span));
        return group.unwrap_or_default();
    }
    let rest = captures.get(0).and_then(|span| url.get(span.end..));
    let rest = rest.unwrap_or_default();
    let path = rest.split_once('?').map_or(rest, |(path, _)| path);
    path.trim_matches('/')
}

fn inside(folder: &Path, path: &str) -> Result<PathBuf, Outside> {
    // Both separators count everywhere for `..`: a folder may lie on a file system of the other kind.
    if path.split(['/', '\\']).any(|name| name == "..") || path.contains('\0') {
        return Err(Outside);
    }
    // A drive or the name of a stream.
    if cfg!(windows) && path.contains(':') {
        return Err(Outside);
    }
    let mut joined = folder.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => joined.push(name),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => {
                return Err(Outside);
            }
        }
    }
    Ok(joined)
}

fn is_harmless(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.=(),/".contains(c)
}

#[cfg(test)]
mod tests {
    use midwire_flow::pattern::Flags;

    use super::*;

    #[test]
    fn urls_become_names_below_the_folder() {
        let check = |pattern: &str, url: &str, expected: Option<&[&str]>| {
            let pattern = Pattern::new(pattern, Flags::default()).unwrap();
            let found = of(&pattern, url, Path::new("/f")).ok();
            let expected: Option<Vec<PathBuf>> =
                expected.map(|paths| paths.iter().map(PathBuf::from).collect());
            assert_eq!(found, expected, "{url}");
        };
        check("/s", "http://h/s", Some(&["/f/index.html"]));
        check("/s", "http://h/s/?a=b", Some(&["/f/index.html"]));
        check(
            "/s",
            "http://h/s/a/b?c",
            Some(&["/f/a/b", "/f/a/b/index.html"]),
        );
        check(
            "/s/(.*)",
            "http://h/s/a/b",
            Some(&["/f/a/b", "/f/a/b/index.html"]),
        );
        check("/s(/x)?/", "http://h/s/a", Some(&["/f/index.html"]));
        check(
            "/s",
            "http://h/s/./a//b",
            Some(&["/f/a/b", "/f/a/b/index.html"]),
        );
        check(
            "/s",
            "http://h/s/a%20b",
            Some(&["/f/a b", "/f/a b/index.html", "/f/a_b", "/f/a_b/index.html"]),
        );
        // Decoded once only.
        check(
            "/s",
            "http://h/s/%252e%252e",
            Some(&[
                "/f/%2e%2e",
                "/f/%2e%2e/index.html",
                "/f/_2e_2e",
                "/f/_2e_2e/index.html",
            ]),
        );
        check("/s", "http://h/s/../x", None);
        check("/s", "http://h/s/a/..", None);
        check("/s", "http://h/s/%2e%2e/x", None);
        check("/s", "http://h/s/a/..%5cx", None);
        check("/s", "http://h/s/%2fetc/passwd", None);
        check("/s(/.*)", "http://h/s/etc", None);
        check("/s", "http://h/s/a%00b", None);
    }
}
