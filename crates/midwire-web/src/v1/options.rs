//! Options with where their values came from.

use std::collections::BTreeMap;

use midwire_core::options::{Definition, OptionStore, Value};
use serde_json::{Value as Json, json};

use crate::call::{Call, Reply, blocking, json};
use crate::json::{shown, value};
use crate::routes::options::{set, store};

/// Values at the start and in the config file, to tell where a value came from.
pub(crate) struct Origins {
    start: BTreeMap<String, Value>,
    file: BTreeMap<String, Value>,
}

impl Origins {
    /// Takes down the present values, and reads the config file once more for itself.
    pub(crate) fn now(options: &OptionStore) -> Self {
        let file = OptionStore::new(options.tool());
        let confdir = options.load().confdir.clone();
        let mut from_file = BTreeMap::new();
        if file.update([("confdir", Value::Str(confdir))]).is_ok() {
            // A file that cannot be read has ended the program before.
            for loaded in file.load_config_dir().unwrap_or_default() {
                for name in loaded.changed.names() {
                    from_file.extend(file.value(name).map(|value| (name.to_owned(), value)));
                }
            }
        }
        let names = options.definitions().into_iter().map(|one| one.name);
        let start = names.filter_map(|name| {
            let value = options.value(&name)?;
            Some((name, value))
        });
        Self {
            start: start.collect(),
            file: from_file,
        }
    }

    fn of(&self, definition: &Definition, now: &Value) -> &'static str {
        let name = &definition.name;
        if self.start.get(name).is_some_and(|start| start != now) {
            "here"
        } else if self.file.get(name) == Some(now) {
            "file"
        } else if *now == definition.default {
            "default"
        } else {
            "command line"
        }
    }
}

/// `GET /api/v1/options`.
pub(crate) async fn get(call: Call) -> Reply {
    let app = &call.app;
    let options = app.kernel.options();
    let list = options.definitions().into_iter().filter_map(|definition| {
        let now = options.value(&definition.name)?;
        let choices = (!definition.choices.is_empty()).then_some(&definition.choices);
        Some(json!({
            "name": definition.name,
            "type": definition.kind.name(),
            "choices": choices,
            "default": value(&definition.default),
            "value": shown(&definition.name, &now),
            "help": definition.help,
            "source": app.origins.of(&definition, &now),
        }))
    });
    Ok(json(&Json::Array(list.collect())))
}

/// `PUT /api/v1/options`.
pub(crate) async fn put(call: Call) -> Reply {
    let update = call.json()?;
    blocking(move || set(&call.app, &update)).await??;
    Ok(json(&json!({})))
}

/// `POST /api/v1/options/save`.
pub(crate) async fn save(call: Call) -> Reply {
    let path = if call.body.is_empty() {
        None
    } else {
        call.json()?["path"].as_str().map(str::to_owned)
    };
    blocking(move || store(&call.app, path.as_deref())).await??;
    Ok(json(&json!({})))
}
