//! `GET /api/v1/diff`: what differs between two messages: head, fields, body by structure, lines or bytes.

use bytes::Bytes;
use midwire_flow::{Flow, HttpFlow};
use midwire_views::diff::{body, headers};
use serde_json::{Value as Json, json};

use super::detail::lines;
use crate::call::{Call, Problem, Reply, blocking, json};
use crate::json::text;
use crate::shown::{self, Side};

/// Decoded bytes of a body that are compared.
const BODY: usize = 4 << 20;

pub(crate) async fn get(call: Call) -> Reply {
    let store = call.app.kernel.store();
    let flow = |name: &str| {
        let id = midwire_flow::Id::parse(call.arg(name).unwrap_or_default());
        store
            .get(&id)
            .ok_or_else(|| Problem::missing("Flow not found."))
    };
    let original = call.flag("original");
    let right = flow(if call.arg("b").is_some() { "b" } else { "a" })?;
    // One flow against itself before it was edited.
    let left = flow("a")?;
    let side = Side::parse(call.arg("part").unwrap_or("response"));
    let side = side.ok_or_else(|| Problem::bad("part is request or response"))?;
    blocking(move || {
        let left = match &left.info().backup {
            Some(backup) if original => Flow::clone(backup),
            _ => Flow::clone(&left),
        };
        let (Flow::Http(left), Flow::Http(right)) = (&left, &*right) else {
            return Err(Problem::bad("only HTTP flows can be compared"));
        };
        Ok(json(&diff(left, right, side)))
    })
    .await?
}

fn diff(left: &HttpFlow, right: &HttpFlow, side: Side) -> Json {
    let heads = head(left, side).into_iter().zip(head(right, side));
    let heads = heads.map(|(left, right)| {
        json!({ "op": if left == right { "same" } else { "changed" }, "left": left, "right": right })
    });
    json!({
        "head": heads.collect::<Vec<_>>(),
        "headers": headers(&fields(left, side), &fields(right, side)),
        "body": body(content(left, side), content(right, side)),
    })
}

fn head(http: &HttpFlow, side: Side) -> Vec<String> {
    match (side, &http.response) {
        (Side::Request, _) => vec![
            text(&http.request.method),
            http.request.pretty_url(),
            text(&http.request.version),
        ],
        (Side::Response, Some(response)) => vec![
            response.status.to_string(),
            text(&response.reason),
            text(&response.version),
        ],
        (Side::Response, None) => vec![String::new(); 3],
    }
}

fn fields(http: &HttpFlow, side: Side) -> Vec<(String, String)> {
    match (side, &http.response) {
        (Side::Request, _) => lines(&http.request.fields),
        (Side::Response, Some(response)) => lines(&response.fields),
        (Side::Response, None) => Vec::new(),
    }
}

fn content(http: &HttpFlow, side: Side) -> Option<Bytes> {
    shown::message(http, side)?.decoded(BODY).0
}
