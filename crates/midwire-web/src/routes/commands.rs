//! Commands by HTTP.

use midwire_core::commands::{Cell, CommandValue, ParamKind, Signature};
use serde_json::{Map, Value as Json, json};

use crate::call::{Call, Problem, Reply, json};
use crate::routes::options::check_command;

/// `GET /commands`.
pub(crate) async fn list(call: Call) -> Reply {
    let signatures = call.app.kernel.commands().signatures();
    let commands = signatures
        .iter()
        .map(|signature| (signature.name.clone(), describe(signature)));
    Ok(json(&Json::Object(commands.collect::<Map<_, _>>())))
}

/// What is known about a command.
pub(crate) fn describe(signature: &Signature) -> Json {
    let params = signature.params.iter().map(|param| {
        json!({
            "name": param.name,
            "type": param.kind.to_string(),
            // Python's names for the two ways in which parameters are given.
            "kind": if param.is_variadic { "VAR_POSITIONAL" } else { "POSITIONAL_OR_KEYWORD" },
        })
    });
    json!({
        "help": signature.help,
        "parameters": params.collect::<Vec<_>>(),
        "return_type": signature.returns.as_ref().map(ParamKind::to_string),
        "signature_help": signature.line(),
    })
}

/// `POST /commands/NAME`: what goes wrong in a command is an answer, not a failure.
pub(crate) async fn run(call: Call) -> Reply {
    let name = call.part(0);
    let words = words(&call)?;
    check_command(&call.app, name, &words)?;
    let outcome = call.app.kernel.commands().call_strings(name, &words).await;
    Ok(json(&match outcome {
        Ok(value) => json!({ "value": shown(&value) }),
        Err(error) => json!({ "error": error.to_string() }),
    }))
}

/// The arguments; a body that is no JSON counts as none.
fn words(call: &Call) -> Result<Vec<String>, Problem> {
    let Ok(body) = serde_json::from_slice::<Json>(&call.body) else {
        return Ok(Vec::new());
    };
    let wrong = || Problem::bad("arguments has to be a list of texts");
    let list = body.get("arguments").ok_or_else(wrong)?;
    let list = list.as_array().ok_or_else(wrong)?;
    list.iter()
        .map(|word| word.as_str().map(str::to_owned).ok_or_else(wrong))
        .collect()
}

/// What a command gives, as JSON. Flows are their identifiers.
pub(crate) fn shown(value: &CommandValue) -> Json {
    match value {
        CommandValue::Null => Json::Null,
        CommandValue::Bool(value) => json!(value),
        CommandValue::Int(value) => json!(value),
        CommandValue::Str(value) => json!(value),
        CommandValue::Bytes(value) => json!(String::from_utf8_lossy(value)),
        CommandValue::StrList(values) => json!(values),
        CommandValue::Flows(ids) => json!(ids),
        CommandValue::Table(rows) => {
            let cell = |cell: &Cell| match cell {
                Cell::Str(text) => json!(text),
                Cell::Bytes(bytes) => json!(String::from_utf8_lossy(bytes)),
            };
            let rows = rows.iter().map(|row| row.iter().map(cell).collect());
            Json::Array(rows.collect())
        }
    }
}
