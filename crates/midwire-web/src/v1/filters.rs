//! Saved filters: a small file beside the options.

use std::fs;
use std::path::PathBuf;

use midwire_core::options::expand_home;
use serde_json::{Value as Json, json};

use super::query::{Condition, Plain};
use crate::app::App;
use crate::call::{Call, Problem, Reply, blocking, json};

/// Filters that can be saved.
const FILTERS: usize = 500;

/// Bytes of the file, at most.
const SIZE: u64 = 1 << 20;

fn path(app: &App) -> PathBuf {
    expand_home(&app.kernel.options().load().confdir).join("filters.json")
}

/// `GET /api/v1/filters`.
pub(crate) async fn get(call: Call) -> Reply {
    blocking(move || {
        let path = path(&call.app);
        if fs::metadata(&path).map_or(0, |meta| meta.len()) > SIZE {
            return Err(Problem::bad("the file of saved filters is too large"));
        }
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(json(&json!([])));
            }
            Err(error) => return Err(Problem::internal(error)),
        };
        let filters: Json = serde_json::from_str(&text)
            .map_err(|error| Problem::bad(format!("{} cannot be read: {error}", path.display())))?;
        Ok(json(&filters))
    })
    .await?
}

/// `PUT /api/v1/filters`: replaces the list.
pub(crate) async fn put(call: Call) -> Reply {
    let body = call.json()?;
    let list = body.as_array().filter(|list| list.len() <= FILTERS);
    let list =
        list.ok_or_else(|| Problem::bad(format!("expected a list of at most {FILTERS} filters")))?;
    let mut kept = Vec::new();
    for (index, filter) in list.iter().enumerate() {
        let at = |problem: Problem| Problem {
            index: Some(index),
            ..problem
        };
        let text = |name: &str| filter[name].as_str().unwrap_or_default();
        if text("name").is_empty() {
            return Err(at(Problem::bad("a saved filter needs a name")));
        }
        Condition::parse(text("expr"), Plain::Words).map_err(at)?;
        let mut entry = json!({ "name": text("name"), "expr": text("expr") });
        for name in ["highlight", "key"] {
            if let Some(value) = filter[name].as_str() {
                entry[name] = json!(value);
            }
        }
        kept.push(entry);
    }
    blocking(move || {
        let path = path(&call.app);
        let text = serde_json::to_string_pretty(&Json::Array(kept)).map_err(Problem::internal)?;
        // Written beside and moved, so that a full disk leaves the old file.
        let new = path.with_extension("json.new");
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Problem::internal)?;
        }
        fs::write(&new, text + "\n")
            .and_then(|()| fs::rename(&new, &path))
            .map_err(Problem::internal)?;
        Ok(json(&json!({})))
    })
    .await?
}
