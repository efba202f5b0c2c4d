//! `keys.yaml`: key bindings of the user (console.md §3).

use saphyr::{LoadableYamlNode as _, Yaml};

use super::context::Context;

/// A binding of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) command: String,
    pub(super) contexts: Vec<Context>,
    pub(super) help: String,
}

/// What is wrong with the file. The texts are those that users of mitmproxy know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeysError {
    #[error("Key binding config error at line {line}: {problem}")]
    Syntax { line: usize, problem: String },
    #[error("Invalid keybinding config - expected a list of keys")]
    NoList,
    #[error("Unknown key attributes: {{{}}}", quoted(.0))]
    Unknown(Vec<String>),
    #[error("Missing required key attributes: {{{}}}", quoted(.0))]
    Missing(Vec<String>),
    #[error("Invalid type for {0}")]
    Type(String),
    #[error("Unsupported context: {0}")]
    Context(String),
    #[error("Must specify at least one context.")]
    NoContext,
    #[error("Encoding error - expected UTF8: {0}")]
    Encoding(String),
    #[error("{0}")]
    Read(String),
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    names.join(", ")
}

/// Reads the text of the file; an empty one has no bindings.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, KeysError> {
    let documents = Yaml::load_from_str(text).map_err(|error| KeysError::Syntax {
        line: error.marker().line(),
        problem: error.info().to_owned(),
    })?;
    let Some(document) = documents.first() else {
        return Ok(Vec::new());
    };
    if document.is_null() {
        return Ok(Vec::new());
    }
    let list = document.as_vec().ok_or(KeysError::NoList)?;
    list.iter().map(entry).collect()
}

fn entry(yaml: &Yaml<'_>) -> Result<Entry, KeysError> {
    let map = yaml.as_mapping().ok_or(KeysError::NoList)?;
    let mut unknown = Vec::new();
    for name in map.keys() {
        let name = name.as_str().unwrap_or("?");
        if !matches!(name, "key" | "cmd" | "ctx" | "help") {
            unknown.push(name.to_owned());
        }
    }
    if !unknown.is_empty() {
        unknown.sort();
        return Err(KeysError::Unknown(unknown));
    }
    let find = |name: &str| {
        let mut pairs = map.iter();
        pairs
            .find(|(key, _)| key.as_str() == Some(name))
            .map(|(_, value)| value)
    };
    let missing: Vec<String> = ["cmd", "key"]
        .iter()
        .filter(|name| find(name).is_none())
        .map(|name| (*name).to_owned())
        .collect();
    if !missing.is_empty() {
        return Err(KeysError::Missing(missing));
    }
    let text = |name: &str| match find(name) {
        None => Ok(String::new()),
        Some(value) => match value.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(KeysError::Type(name.to_owned())),
        },
    };
    let contexts = match find("ctx") {
        None => vec![Context::Global],
        Some(value) => {
            let wrong = || KeysError::Type("ctx".to_owned());
            let names = value.as_vec().ok_or_else(wrong)?;
            let mut contexts = Vec::new();
            for name in names {
                let name = name.as_str().ok_or_else(wrong)?;
                let unknown = || KeysError::Context(name.to_owned());
                contexts.push(Context::parse(name).ok_or_else(unknown)?);
            }
            contexts
        }
    };
    if contexts.is_empty() {
        return Err(KeysError::NoContext);
    }
    Ok(Entry {
        key: text("key")?,
        command: text("cmd")?,
        contexts,
        help: text("help")?,
    })
}
