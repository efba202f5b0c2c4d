//! The OpenAPI document, made from the table of routes.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use crate::call::{Call, Reply, json};
use crate::table::{self, Input, Route};

/// `GET /api/v1/openapi.json`.
pub(crate) async fn serve(_: Call) -> Reply {
    Ok(json(&document()))
}

/// The OpenAPI 3.1 document of all routes.
pub fn document() -> Json {
    let mut paths: Map<String, Json> = Map::new();
    for route in table::all() {
        let path = route.path.replace("{*", "{");
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        entry[route.method.to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "midwire",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The interface of `midwire web`. Routes below /api/v1 are midwire's own, the others are those of mitmweb.",
        },
        "paths": paths,
        "security": [{ "bearer": [] }, { "query": [] }],
        "components": { "securitySchemes": {
            "bearer": { "type": "http", "scheme": "bearer" },
            "query": { "type": "apiKey", "in": "query", "name": "token" },
        } },
    })
}

fn operation(route: &Route) -> Json {
    let mut parameters: Vec<Json> = parts(route.path)
        .map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
        })
        .collect();
    parameters.extend(
        route
            .query
            .iter()
            .map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string" } })),
    );
    if route.method != "GET" {
        parameters.push(json!({
            "name": "X-XSRFToken", "in": "header", "required": true,
            "description": "The value of the cookie _mitmproxy_xsrf.",
            "schema": { "type": "string" },
        }));
    }
    let mut operation = json!({
        "summary": route.summary,
        "operationId": id(route),
        "tags": [if route.path.starts_with("/api/v1/") { "v1" } else { "mitmweb" }],
        "parameters": parameters,
        "responses": {
            "200": { "description": "Done." },
            "4XX": { "description": "Refused: the text, or the member `error`, says why." },
        },
    });
    let media = match route.input {
        Input::Json => "application/json",
        Input::File => "application/octet-stream",
        Input::Nothing | Input::WebSocket => return operation,
    };
    operation["requestBody"] = json!({ "content": { media: {} } });
    operation
}

/// Names of the open parts of a path.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| name.trim_start_matches('*'))
}

/// A name for generated clients.
fn id(route: &Route) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .fold(route.method.to_ascii_lowercase(), |mut id, word| {
            id.push('_');
            id.push_str(word);
            id
        })
}

/// The reference page of all routes.
pub fn reference() -> String {
    let mut out = String::from(
        "# Web interface: routes\n\n\
         Generated from the table of routes; do not edit. `GET /api/v1/openapi.json` gives the same as OpenAPI.\n\
         Credentials: `Authorization: Bearer TOKEN`, `?token=TOKEN` or the login cookie. Methods that change something need the\n\
         cookie `_mitmproxy_xsrf` repeated in the field `X-XSRFToken`.\n",
    );
    for (title, own) in [("midwire's own", true), ("mitmweb's", false)] {
        let _ = write!(
            out,
            "\n## {title}\n\n| method | path | query | what it does |\n| --- | --- | --- | --- |\n"
        );
        for route in table::all().filter(|route| route.path.starts_with("/api/") == own) {
            let query = route.query.join(", ");
            let _ = writeln!(
                out,
                "| {} | `{}` | {query} | {} |",
                route.method, route.path, route.summary
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_described_once() {
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        let mut seen = BTreeSet::new();
        for route in table::all() {
            let operation =
                &paths[&route.path.replace("{*", "{")][route.method.to_ascii_lowercase()];
            assert_eq!(operation["summary"], route.summary);
            assert!(
                route.summary.ends_with('.') && route.summary.len() > 8,
                "{}",
                route.path
            );
            assert!(seen.insert(id(route)), "{} twice", id(route));
            let open = parts(route.path).count();
            let described = operation["parameters"].as_array().unwrap().iter();
            let described = described.filter(|parameter| parameter["in"] == "path");
            assert_eq!(described.count(), open, "{}", route.path);
        }
        let described: usize = paths
            .values()
            .map(|path| path.as_object().unwrap().len())
            .sum();
        assert_eq!(described, table::all().count());
        for route in table::all() {
            let line = format!("| {} | `{}` |", route.method, route.path);
            assert!(reference().contains(&line), "{line}");
        }
    }

    /// `MIDWIRE_WRITE_DOCS=1 cargo test -p midwire-web reference` writes the page anew.
    #[test]
    fn the_reference_page_is_current() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/reference/web-api.md"
        );
        if std::env::var_os("MIDWIRE_WRITE_DOCS").is_some() {
            std::fs::write(path, reference()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), reference());
    }
}
