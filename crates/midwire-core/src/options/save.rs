//! Writing `config.yaml`, with the comments of an existing file left where they are.

use std::{collections::BTreeMap, fs, path::Path};

use super::{
    config::{ConfigError, ConfigProblem, read},
    store::OptionStore,
    value::Value,
    yaml::{self, Entry, Item},
};

impl OptionStore {
    /// Saves the options that differ from their defaults.
    ///
    /// Of an existing file comments, order and the notation of unchanged values stay, keys that are no
    /// options go, and options that are in the file get their present value even if it is the default.
    pub fn save_config(&self, path: &Path) -> Result<(), ConfigError> {
        self.try_save(path).map_err(|problem| ConfigError {
            path: path.to_owned(),
            problem,
        })
    }

    fn try_save(&self, path: &Path) -> Result<(), ConfigProblem> {
        let old = if path.exists() {
            read(path)?
        } else {
            String::new()
        };
        let entries = yaml::parse(&old).map_err(|fault| ConfigProblem::Form(fault.to_string()))?;
        let options = self.load();
        let wanted: BTreeMap<String, Value> = self
            .definitions()
            .into_iter()
            .filter_map(|definition| {
                let value = options.value(&definition.name)?;
                let listed = entries.iter().any(|entry| entry.key == definition.name);
                (listed || value != definition.default).then_some((definition.name, value))
            })
            .collect();
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        fs::write(path, render(&old, &entries, &wanted))?;
        Ok(())
    }
}

/// The new text of a file that held `entries`.
fn render(old: &str, entries: &[Entry], wanted: &BTreeMap<String, Value>) -> String {
    let edited = edit(old, entries, wanted);
    if holds(&edited, wanted) {
        return edited;
    }
    // The file is written in a notation that cannot be edited line by line, such as `{a: 1}`.
    wanted
        .iter()
        .map(|(name, value)| yaml::entry(name, value))
        .collect()
}

/// Whether `text` reads as exactly the wanted values.
fn holds(text: &str, wanted: &BTreeMap<String, Value>) -> bool {
    let Ok(entries) = yaml::parse(text) else {
        return false;
    };
    entries.len() == wanted.len()
        && entries.iter().all(|entry| match &entry.value {
            Item::Plain(value) => wanted.get(&entry.key) == Some(value),
            Item::Other(_) => false,
        })
}

/// Replaces the lines of changed entries, drops those of unknown ones, appends what is new.
fn edit(old: &str, entries: &[Entry], wanted: &BTreeMap<String, Value>) -> String {
    let lines: Vec<&str> = old.split_inclusive('\n').collect();
    let first = entries
        .first()
        .map_or(lines.len(), |entry| entry.line.saturating_sub(1));
    let mut out: String = lines.iter().take(first).copied().collect();
    for (at, entry) in entries.iter().enumerate() {
        let start = entry.line.saturating_sub(1);
        let end = entries
            .get(at + 1)
            .map_or(lines.len(), |next| next.line.saturating_sub(1));
        let block = lines.get(start..end).unwrap_or_default();
        let body = body_length(block);
        let (body, rest) = block.split_at_checked(body).unwrap_or((block, &[]));
        if let Some(value) = wanted.get(&entry.key) {
            if entry.value == Item::Plain(value.clone()) {
                out.extend(body.iter().copied());
            } else {
                out.push_str(&replaced(&entry.key, value, body));
            }
        }
        end_line(&mut out);
        out.extend(rest.iter().copied());
    }
    end_line(&mut out);
    for (name, value) in wanted {
        if !entries.iter().any(|entry| entry.key == *name) {
            out.push_str(&yaml::entry(name, value));
        }
    }
    out
}

/// How many lines of a block belong to its entry: blank and comment lines at the end do not.
fn body_length(block: &[&str]) -> usize {
    block
        .iter()
        .rposition(|line| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        })
        .map_or(0, |last| last + 1)
}

/// The new lines of an entry; a comment behind the key stays if the value was on the same line.
fn replaced(name: &str, value: &Value, body: &[&str]) -> String {
    let entry = yaml::entry(name, value);
    let [line] = body else {
        return entry;
    };
    let Some((_, comment)) = line.split_once(" #") else {
        return entry;
    };
    // A comment sign within quotes is none; then the comment is lost rather than the value.
    if comment.contains(['"', '\'']) || matches!(value, Value::Seq(items) if !items.is_empty()) {
        return entry;
    }
    format!("{} #{}\n", entry.trim_end_matches('\n'), comment.trim_end())
}

fn end_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Tool;

    fn saved(old: &str, specs: &[&str]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/config.yaml");
        if !old.is_empty() {
            fs::create_dir(dir.path().join("sub")).unwrap();
            fs::write(&path, old).unwrap();
        }
        let store = OptionStore::new(Tool::Dump);
        store.set(specs).unwrap();
        store.save_config(&path).unwrap();
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn new_file_has_what_differs_from_the_defaults() {
        let text = saved(
            "",
            &[
                "listen_port=99",
                "http2=false",
                "mode=socks5",
                "mode=regular",
            ],
        );
        assert_eq!(
            text,
            "http2: false\nlisten_port: 99\nmode:\n- socks5\n- regular\n"
        );
        assert_eq!(saved("", &[]), "");
    }

    #[test]
    fn comments_stay_and_unknown_keys_go() {
        let old = "# top\nlisten_port: 5 # inline\n\n# unknown\nunk: 3\n# size\nkey_size: 2048\nmode:\n- a # foo\n- b\n# tail";
        let text = saved(old, &["listen_port=99", "listen_host=a: b"]);
        let expected = "# top\nlisten_port: 99 # inline\n\n# unknown\n# size\nkey_size: 2048\nmode:\n- regular\n# tail\nlisten_host: 'a: b'\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn unchanged_values_keep_their_notation() {
        let old = "mode: [ 'socks5' ]  # one\n";
        assert_eq!(saved(old, &["mode=socks5"]), old);
    }

    #[test]
    fn other_notations_are_written_anew() {
        assert_eq!(
            saved("{key_size: 1, http2: true}", &["key_size=5"]),
            "http2: true\nkey_size: 5\n"
        );
        assert_eq!(
            saved("---\nkey_size: 1\n...\n", &["key_size=5"]),
            "---\nkey_size: 5\n"
        );
    }
}
