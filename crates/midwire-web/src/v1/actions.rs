//! `POST /api/v1/actions/ACTION`: one action for many flows.

use std::sync::Arc;

use midwire_core::Kernel;
use midwire_core::commands::CommandValue;
use midwire_core::options::Value;
use midwire_flow::{Flow, HttpFlow, HttpMessage, Id};
use serde_json::{Value as Json, json};

use super::query::{Condition, Plain};
use crate::call::{Call, Problem, Reply, blocking, json};
use crate::routes::flows::{copy, tell, undo};

/// What was done: identifiers of new flows, and what could not be done.
#[derive(Default)]
struct Outcome {
    done: usize,
    ids: Vec<String>,
    failed: Vec<(Id, String)>,
}

pub(crate) async fn run(call: Call) -> Reply {
    let body = call.json()?;
    let ids = wanted(&call, &body).await?;
    let kernel = Arc::clone(&call.app.kernel);
    let action = call.part(0).to_owned();
    let outcome = match action.as_str() {
        "replay" => replay(&kernel, ids).await,
        "mock" => blocking(move || mock(&kernel, &ids)).await??,
        _ => blocking(move || each(&kernel, ids, &action, &body)).await??,
    };
    let failed = outcome
        .failed
        .iter()
        .map(|(id, error)| json!({ "id": id.to_string(), "error": error }));
    Ok(json(&json!({
        "done": outcome.done,
        "ids": outcome.ids,
        "failed": failed.collect::<Vec<_>>(),
    })))
}

/// The flows that a body names, or all that match its filter.
async fn wanted(call: &Call, body: &Json) -> Result<Vec<Id>, Problem> {
    if let Some(ids) = body["ids"].as_array() {
        return Ok(ids.iter().filter_map(Json::as_str).map(Id::parse).collect());
    }
    let Some(filter) = body["filter"].as_str() else {
        return Err(Problem::bad("ids or filter is needed"));
    };
    let plain = body["plain"]
        .as_bool()
        .map_or(Plain::Expression, Plain::from);
    let condition = Condition::parse(filter, plain)?;
    let store = call.app.kernel.store().clone();
    blocking(move || {
        let all = store.all();
        let found = all.iter().filter(|flow| condition.matches(flow));
        found.map(|flow| flow.info().id.clone()).collect()
    })
    .await
}

fn each(kernel: &Kernel, ids: Vec<Id>, action: &str, body: &Json) -> Result<Outcome, Problem> {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let mut outcome = Outcome::default();
    let mut changed = Vec::new();
    for id in ids {
        let Some(flow) = kernel.store().get(&id) else {
            outcome.failed.push((id, "Flow not found.".to_owned()));
            continue;
        };
        let (good, why) = match action {
            "resume" => (kernel.resume_flow(&id), "it is not held"),
            "kill" => (kernel.kill_flow(&id), "it is neither held nor running"),
            "delete" => (
                kernel.remove_flows(std::slice::from_ref(&id)) > 0,
                "it is gone",
            ),
            "duplicate" => {
                outcome.ids.push(copy(kernel, &flow).to_string());
                (true, "")
            }
            "mark" => {
                let mark = text("mark");
                kernel.edit_flow(&id, |flow| flow.info_mut().marked.clone_from(&mark));
                (true, "")
            }
            "comment" => {
                let comment = text("comment");
                kernel.edit_flow(&id, |flow| flow.info_mut().comment.clone_from(&comment));
                (true, "")
            }
            "revert" => {
                undo(kernel, &id);
                (true, "")
            }
            _ => return Err(Problem::missing("there is no such action")),
        };
        if good {
            outcome.done += 1;
            changed.push(id);
        } else {
            outcome.failed.push((id, why.to_owned()));
        }
    }
    tell(kernel, &changed);
    Ok(outcome)
}

async fn replay(kernel: &Kernel, ids: Vec<Id>) -> Outcome {
    let mut outcome = Outcome::default();
    for id in ids {
        // Its original stays beside it, to be compared.
        let why = match kernel.store().get(&id) {
            None => Some("Flow not found.".to_owned()),
            Some(flow) => refusal(&flow).map(str::to_owned),
        };
        let sent = match why {
            Some(why) => Err(why),
            None => send(kernel, &id).await,
        };
        match sent {
            Ok(()) => outcome.done += 1,
            Err(why) => outcome.failed.push((id, why)),
        }
    }
    outcome
}

/// Why a flow cannot be sent again.
fn refusal(flow: &Flow) -> Option<&'static str> {
    let info = flow.info();
    if info.live {
        return Some("Can't replay live flow.");
    }
    if info.intercepted {
        return Some("Can't replay intercepted flow.");
    }
    match flow {
        Flow::Http(http) if http.websocket.is_some() => Some("Can't replay WebSocket flows."),
        Flow::Http(http) if !http.request.content.is_present() => {
            Some("Can't replay flow with missing content.")
        }
        Flow::Http(_) => None,
        _ => Some("Can only replay HTTP flows."),
    }
}

/// Sends the request of a stored flow.
pub(crate) async fn send(kernel: &Kernel, id: &Id) -> Result<(), String> {
    let flows = vec![CommandValue::Flows(vec![id.to_string()])];
    let outcome = kernel.commands().call("replay.client", flows).await;
    outcome.map(drop).map_err(|error| error.to_string())
}

/// Makes rules that answer requests like these with the responses they got: files that `map_local` serves.
fn mock(kernel: &Kernel, ids: &[Id]) -> Result<Outcome, Problem> {
    let mut outcome = Outcome::default();
    let options = kernel.options();
    let folder = midwire_core::options::expand_home(&options.load().confdir).join("mocks");
    std::fs::create_dir_all(&folder).map_err(Problem::internal)?;
    let mut rules = options.load().map_local.clone();
    for id in ids {
        let made = match kernel.store().get(id).as_deref() {
            Some(Flow::Http(http)) => rule(http, &folder),
            Some(_) => Err("only HTTP responses can be given again".to_owned()),
            None => Err("Flow not found.".to_owned()),
        };
        match made {
            Ok(rule) => {
                outcome.done += 1;
                outcome.ids.push(rule.clone());
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
            Err(why) => outcome.failed.push((id.clone(), why)),
        }
    }
    let update = options.update([("map_local", Value::Seq(rules))]);
    update.map_err(|error| Problem::bad(error.to_string()))?;
    Ok(outcome)
}

fn rule(http: &HttpFlow, folder: &std::path::Path) -> Result<String, String> {
    let response = http.response.as_ref().ok_or("there is no response")?;
    let body = response.decoded_or_raw(midwire_flow::access::DECODE_LIMIT);
    let body = body.ok_or("the content of the response is not there")?;
    let side = crate::shown::Side::Response;
    let mut name = crate::routes::content::file_name(http, side);
    if !name.contains('.') {
        // The type of what map_local serves comes from the name.
        let kind = super::kind::of(&Flow::Http(Box::new(http.clone())));
        name = format!("{name}.{}", if kind.is_empty() { "bin" } else { kind });
    }
    let id = crate::routes::content::clean_name(&http.info.id.to_string());
    let path = folder.join(format!("{id}-{name}"));
    std::fs::write(&path, body).map_err(|error| error.to_string())?;
    let url = http.request.pretty_url();
    let url = url.split('?').next().unwrap_or_default();
    let path = path.to_str().ok_or("the path of confdir is not text")?;
    // A separator that occurs in neither.
    let pattern = format!("^{}([?].*)?$", regex::escape(url));
    let separator = ['|', '!', ',', ';', '@', '#', '~']
        .into_iter()
        .find(|c| !pattern.contains(*c) && !path.contains(*c))
        .ok_or("the URL has too many special characters for a rule")?;
    Ok(format!(
        "{separator}~m ^{}${separator}{pattern}{separator}{path}",
        method(http)
    ))
}

fn method(http: &HttpFlow) -> String {
    let method = http
        .request
        .method
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric());
    method.map(|byte| char::from(*byte)).collect()
}
