//! Options and their values.

use midwire_core::options::{Definition, OptionStore, Value};
use serde_json::{Map, Value as Json, json};

/// A value as JSON.
pub(crate) fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Str(value) => json!(value),
        Value::Seq(values) => json!(values),
    }
}

/// The value of an option as it is shown: the password to nobody, not even to those who know it.
pub(crate) fn shown(name: &str, now: &Value) -> Json {
    if name == "web_password" {
        json!("")
    } else {
        value(now)
    }
}

/// JSON as a value.
///
/// # Errors
/// Python's name for what it is, since no option has that type.
pub(crate) fn to_value(json: &Json) -> Result<Value, &'static str> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Int(number.as_i64().ok_or("float")?),
        Json::String(text) => Value::Str(text.clone()),
        Json::Array(items) => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            Value::Seq(texts.collect::<Option<Vec<_>>>().ok_or("list")?)
        }
        Json::Object(_) => return Err("dict"),
    })
}

/// An option with what is known about it.
pub(crate) fn option(store: &OptionStore, definition: &Definition) -> Json {
    let choices = (!definition.choices.is_empty()).then_some(&definition.choices);
    json!({
        "type": definition.kind.name(),
        "default": value(&definition.default),
        "value": store.value(&definition.name).map_or(Json::Null, |now| shown(&definition.name, &now)),
        "help": definition.help,
        "choices": choices,
    })
}

/// Options by name: all, or those that `wanted` names.
pub(crate) fn options(store: &OptionStore, wanted: impl Fn(&str) -> bool) -> Json {
    let definitions = store.definitions();
    let found = definitions
        .iter()
        .filter(|definition| wanted(&definition.name))
        .map(|definition| (definition.name.clone(), option(store, definition)));
    Json::Object(found.collect::<Map<_, _>>())
}
