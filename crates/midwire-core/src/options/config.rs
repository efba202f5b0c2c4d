//! Reading `config.yaml`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    error::OptionError,
    paths::{expand_home, resolve},
    store::{Changed, OptionStore},
    value::Value,
    yaml::{self, Entry, Item},
};

/// Config files are written by hand; one that is larger is something else.
const FILE_LIMIT_BYTES: u64 = 4 << 20;

/// Why a config file cannot be used; one line that names the file and, where there is one, the line.
#[derive(Debug, thiserror::Error)]
#[error("Error reading {}: {problem}", path.display())]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: ConfigProblem,
}

/// What is wrong with a config file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigProblem {
    /// The file cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The file is larger than 4 MiB.
    #[error("larger than {FILE_LIMIT_BYTES} bytes")]
    TooLarge,
    /// The file is not text.
    #[error("not UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// The file is not a YAML mapping.
    #[error("{0}")]
    Form(String),
    /// A value has the wrong type.
    #[error("Config error at line {line}: {message}")]
    Value {
        /// Line of the option, counted from 1.
        line: usize,
        /// What is wrong with the value.
        message: String,
    },
    /// A component refuses the values.
    #[error("{0}")]
    Refused(#[from] OptionError),
}

/// What a config file has set.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The options that are set now.
    pub changed: Changed,
    /// Names that no option has yet. They wait for scripts; at the end of the start the caller may warn
    /// about those that [`OptionStore::deferred`] still names, with [`OptionStore::nearest`] as advice.
    pub unknown: Vec<String>,
}

impl OptionStore {
    /// Sets options from a config file, all or none; names that nobody declared yet wait.
    pub fn load_config(&self, path: &Path) -> Result<Loaded, ConfigError> {
        self.try_load(path).map_err(|problem| ConfigError {
            path: path.to_owned(),
            problem,
        })
    }

    /// Reads `config.yaml`, then `config.yml`, from the configuration folder, as far as they are there.
    pub fn load_config_dir(&self) -> Result<Vec<Loaded>, ConfigError> {
        let dir = expand_home(&self.load().confdir);
        let mut loaded = Vec::new();
        for name in ["config.yaml", "config.yml"] {
            let path = dir.join(name);
            if path.is_file() {
                loaded.push(self.load_config(&path)?);
            }
        }
        Ok(loaded)
    }

    /// The option whose name is most like `name`, if one is similar enough to suggest it.
    pub fn nearest(&self, name: &str) -> Option<String> {
        let limit = (name.chars().count() / 3).max(1);
        self.definitions()
            .into_iter()
            .map(|definition| (distance(name, &definition.name), definition.name))
            .filter(|(distance, _)| *distance <= limit)
            .min()
            .map(|(_, name)| name)
    }

    fn try_load(&self, path: &Path) -> Result<Loaded, ConfigProblem> {
        let text = read(path)?;
        let entries = yaml::parse(&text).map_err(|fault| ConfigProblem::Form(fault.to_string()))?;
        let base = path.parent().unwrap_or(Path::new(""));
        let mut changes = Vec::new();
        let mut unknown = Vec::new();
        for entry in entries {
            let known = self.knows(&entry.key);
            let Some(value) = self.accepted(&entry, known)? else {
                unknown.push(entry.key);
                continue;
            };
            let value = match value {
                Value::Seq(scripts) if entry.key == "scripts" => located(&scripts, base),
                value => value,
            };
            if !known {
                unknown.push(entry.key.clone());
            }
            changes.push((entry.key, value));
        }
        let changed = self.update_defer(changes)?;
        Ok(Loaded { changed, unknown })
    }

    /// The value of an entry, `None` if nothing could ever take it but nothing asks for it either.
    fn accepted(&self, entry: &Entry, known: bool) -> Result<Option<Value>, ConfigProblem> {
        let wrong = |message| ConfigProblem::Value {
            line: entry.line,
            message,
        };
        match &entry.value {
            Item::Other(_) if !known => Ok(None),
            Item::Other(got) => {
                let expected = self.definition(&entry.key).map(|d| d.kind.name());
                let name = &entry.key;
                Err(wrong(format!(
                    "Expected {} for {name}, but got {got}.",
                    expected.unwrap_or("a value")
                )))
            }
            Item::Plain(value) if known => {
                let mut scratch = self.load().as_ref().clone();
                match scratch.assign(&entry.key, value.clone()) {
                    Err(error @ OptionError::Type { .. }) => Err(wrong(error.to_string())),
                    Err(error) => Err(error.into()),
                    Ok(()) => Ok(Some(value.clone())),
                }
            }
            Item::Plain(value) => Ok(Some(value.clone())),
        }
    }
}

/// Script paths in a config file are meant relative to that file.
fn located(scripts: &[String], base: &Path) -> Value {
    let paths = scripts
        .iter()
        .map(|script| resolve(script, base).to_string_lossy().into_owned());
    Value::Seq(paths.collect())
}

pub(super) fn read(path: &Path) -> Result<String, ConfigProblem> {
    let bytes = fs::metadata(path)?.len();
    if bytes > FILE_LIMIT_BYTES {
        return Err(ConfigProblem::TooLarge);
    }
    String::from_utf8(fs::read(path)?)
        .map_err(|error| ConfigProblem::NotUtf8(error.utf8_error().valid_up_to()))
}

/// Edit distance: how many insertions, deletions and replacements turn one text into the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, c) in from.chars().enumerate() {
        let mut next = vec![at + 1];
        let mut left = at + 1;
        for ((other, above), diagonal) in to.iter().zip(row.iter().skip(1)).zip(&row) {
            let replaced = diagonal + usize::from(c != *other);
            left = replaced.min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Tool;

    fn loaded(text: &[u8]) -> (OptionStore, Result<Loaded, ConfigError>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.yaml");
        fs::write(&path, text).unwrap();
        let store = OptionStore::new(Tool::Dump);
        let result = store.load_config(&path);
        (store, result)
    }

    #[test]
    fn values_are_set_and_unknown_names_wait() {
        let (store, result) =
            loaded(b"http2: false\nlisten_port: 9\nmode: [socks5]\nnope: {a: 1}\nlisten_prot: 1\n");
        let result = result.unwrap();
        assert_eq!(result.unknown, ["nope", "listen_prot"]);
        assert_eq!(store.deferred(), ["listen_prot"]);
        assert_eq!(store.load().listen_port, Some(9));
        assert_eq!(store.load().mode, ["socks5"]);
        assert!(!store.load().http2);
        assert_eq!(store.nearest("listen_prot").as_deref(), Some("listen_port"));
        assert_eq!(store.nearest("zzzzzz"), None);
    }

    #[test]
    fn errors_are_one_line_with_file_and_line() {
        let check = |text: &[u8], expected: &str| {
            let (store, result) = loaded(text);
            let message = result.unwrap_err().to_string();
            assert!(message.starts_with("Error reading /"), "{message}");
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains('\n'), "{message}");
            assert!(store.load().http2);
        };
        check(
            b"http2: false\nlisten_host: 5\n",
            ": Config error at line 2: Expected str for listen_host, but got int.",
        );
        check(b"http2: yes\n", "Expected bool for http2, but got str.");
        check(
            b"mode: [1]\n",
            "line 1: Expected sequence of str for mode, but got sequence of int.",
        );
        check(b"http2: {}\n", "Expected bool for http2, but got mapping.");
        check(
            b"flow_detail:\n",
            "Expected int for flow_detail, but got null.",
        );
        check(b"text", ": Config error - no keys found.");
        check(b"mode: [regular\n  nope: :\n", "Config error at line ");
        check(b"a: \xff", "not UTF-8 at byte 3");
        check(
            b"body_size_limit: 1x",
            ": Invalid body_size_limit specification: 1x",
        );
        check(
            b"http2: false\nconnect_addr: x",
            ": Invalid value for connect_addr: 'x'.",
        );
    }

    #[test]
    fn later_file_wins_and_scripts_are_found_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("config.yaml"),
            "key_size: 1\nscripts: [a.py, /b.py]\n",
        )
        .unwrap();
        fs::write(dir.path().join("config.yml"), "key_size: 2\n").unwrap();
        let store = OptionStore::new(Tool::Dump);
        let confdir = dir.path().to_str().unwrap().to_owned();
        store.set(&[format!("confdir={confdir}")]).unwrap();
        assert_eq!(store.load_config_dir().unwrap().len(), 2);
        assert_eq!(store.load().key_size, 2);
        assert_eq!(
            store.load().scripts,
            [format!("{confdir}/a.py"), "/b.py".into()]
        );
    }
}
