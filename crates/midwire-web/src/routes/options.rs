//! Options by HTTP, and what of them can be shut (`web_restrict_commands`).

use axum::http::StatusCode;
use midwire_core::options::{OptionError, expand_home};
use serde_json::Value as Json;

use crate::app::App;
use crate::call::{Call, Problem, Reply, blocking, done, json};
use crate::json;

/// `GET /options`.
pub(crate) async fn get(call: Call) -> Reply {
    Ok(json(&json::options(call.app.kernel.options(), |_| true)))
}

/// `PUT /options`.
pub(crate) async fn put(call: Call) -> Reply {
    let update = call.json()?;
    blocking(move || set(&call.app, &update)).await??;
    Ok(done())
}

/// Sets options from an object, all or none.
pub(crate) fn set(app: &App, update: &Json) -> Result<(), Problem> {
    let update = update
        .as_object()
        .ok_or_else(|| Problem::bad("expected an object of options"))?;
    let store = app.kernel.options();
    let mut changes = Vec::new();
    for (name, value) in update {
        check_option(app, name)?;
        let value = json::to_value(value).map_err(|got| {
            let expected = store
                .definition(name)
                .map_or("str", |definition| definition.kind.name());
            Problem::bad(refusal(name, expected, got))
        })?;
        changes.push((name.clone(), value));
    }
    let outcome = store.update(changes);
    outcome
        .map(drop)
        .map_err(|error| Problem::bad(words(&error)))
}

/// The texts that mitmweb's clients know.
fn words(error: &OptionError) -> String {
    match error {
        OptionError::Unknown(names) => format!("'Unknown options: {}'", names.join(", ")),
        OptionError::Type {
            name,
            expected,
            got,
        } => refusal(name, expected, got),
        error => error.to_string(),
    }
}

fn refusal(name: &str, expected: &str, got: &str) -> String {
    let python = |kind: &str| match kind {
        "bool" => "<class 'bool'>".to_owned(),
        "int" => "<class 'int'>".to_owned(),
        "str" => "<class 'str'>".to_owned(),
        "optional str" => "typing.Optional[str]".to_owned(),
        "optional int" => "typing.Optional[int]".to_owned(),
        "sequence of str" => "typing.Sequence[str]".to_owned(),
        "None" => "<class 'NoneType'>".to_owned(),
        "list" | "dict" | "float" => format!("<class '{kind}'>"),
        other => other.to_owned(),
    };
    format!(
        "Expected {} for {name}, but got {}.",
        python(expected),
        python(got)
    )
}

/// `POST /options/save`.
pub(crate) async fn save(call: Call) -> Reply {
    let path = if call.body.is_empty() {
        None
    } else {
        call.json()?["path"].as_str().map(str::to_owned)
    };
    blocking(move || store(&call.app, path.as_deref())).await??;
    Ok(done())
}

/// Saves the options that differ from their defaults, in `config.yaml` unless a path says otherwise.
pub(crate) fn store(app: &App, path: Option<&str>) -> Result<(), Problem> {
    let options = app.kernel.options();
    let path = match path {
        Some(path) => expand_home(path),
        None => expand_home(&options.load().confdir).join("config.yaml"),
    };
    options
        .save_config(&path)
        .map_err(|error| Problem::bad(error.to_string()))
}

/// Options that name programs, scripts or files that are run or served.
fn is_restricted(name: &str) -> bool {
    name.starts_with("script")
        || name.starts_with("onboarding")
        || name.starts_with("web_")
        || matches!(
            name,
            "confdir" | "certs" | "client_certs" | "protobuf_definitions"
        )
}

/// Commands that set options of any name, run programs, or read and write files.
fn may_set_any(name: &str) -> bool {
    matches!(
        name,
        "options.load" | "options.reset" | "script.run" | "browser.start"
    )
}

fn shut() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "the option web_restrict_commands does not allow this",
    )
}

fn check_option(app: &App, name: &str) -> Result<(), Problem> {
    if app.kernel.options().load().web_restrict_commands && is_restricted(name) {
        return Err(shut());
    }
    Ok(())
}

/// Refuses a command that would set what may not be set.
pub(crate) fn check_command(app: &App, name: &str, words: &[String]) -> Result<(), Problem> {
    if !app.kernel.options().load().web_restrict_commands {
        return Ok(());
    }
    let first = words.first().map_or("", String::as_str);
    let option = first.split('=').next().unwrap_or_default().trim();
    let is_shut = may_set_any(name)
        || (matches!(name, "set" | "options.reset.one") && is_restricted(option))
        || name.starts_with("console.");
    if is_shut { Err(shut()) } else { Ok(()) }
}
