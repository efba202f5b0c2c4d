//! GraphQL requests in JSON.

use serde_json::Value;

use super::NEVER;
use crate::{ContentView, Metadata, Out, ViewError, json};

/// Shows variables as JSON and the query with its line ends.
pub(crate) struct GraphQl;

impl ContentView for GraphQl {
    fn name(&self) -> &'static str {
        "GraphQL"
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        // Text without the name cannot be a query; this spares reading each JSON message twice.
        if !meta.is_media_type(&["application/json"])
            || memchr::memmem::find(data, b"\"query\"").is_none()
        {
            return NEVER;
        }
        if read(data).is_ok() { 2.0 } else { NEVER }
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        let mut out = Out::for_input(data.len());
        match read(data)? {
            Queries::One(query) => write(query, &mut out)?,
            Queries::Batch(queries) => {
                let last = queries.len().saturating_sub(1);
                for (n, query) in queries.into_iter().enumerate() {
                    out.push(&format!("--- {n}/{last}\n"))?;
                    write(query, &mut out)?;
                }
            }
        }
        Ok(out.finish())
    }
}

enum Queries {
    One(Value),
    Batch(Vec<Value>),
}

/// A query whose text has a line end, or a list of queries with at least one such.
fn read(data: &[u8]) -> Result<Queries, ViewError> {
    const NOT_A_QUERY: ViewError =
        ViewError::NotApplicable("not a GraphQL request with a query of several lines");
    let value: Value =
        serde_json::from_slice(data).map_err(|error| ViewError::Other(error.to_string()))?;
    match value {
        Value::Object(_) if has_lines(&value) => Ok(Queries::One(value)),
        Value::Array(items)
            if items.iter().all(|item| query(item).is_some()) && items.iter().any(has_lines) =>
        {
            Ok(Queries::Batch(items))
        }
        _ => Err(NOT_A_QUERY),
    }
}

fn query(value: &Value) -> Option<&str> {
    value.get("query")?.as_str()
}

fn has_lines(value: &Value) -> bool {
    query(value).is_some_and(|text| text.contains('\n'))
}

fn write(mut request: Value, out: &mut Out) -> Result<(), ViewError> {
    let text = query(&request).unwrap_or("").to_owned();
    if let Some(field) = request.get_mut("query") {
        *field = Value::from("...");
    }
    json::pretty(request.to_string().as_bytes(), "  ", out)?;
    out.push("\n---\n")?;
    out.push(&text)?;
    out.push("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_keep_their_lines() {
        let check = |body: &str, expected: &str| {
            let meta = Metadata {
                content_type: Some("application/json; charset=utf-8"),
                ..Metadata::default()
            };
            assert_eq!(GraphQl.render_priority(body.as_bytes(), &meta), 2.0);
            assert_eq!(GraphQl.prettify(body.as_bytes(), &meta).unwrap(), expected);
        };
        check(
            r#"{"query":"query {\n a\n}","variables":{"x":1}}"#,
            "{\n  \"query\": \"...\",\n  \"variables\": {\n    \"x\": 1\n  }\n}\n---\nquery {\n a\n}\n",
        );
        check(
            r#"[{"query":"q\n1"},{"query":"q","variables":null}]"#,
            "--- 0/1\n{\n  \"query\": \"...\"\n}\n---\nq\n1\n--- 1/1\n{\n  \"query\": \"...\",\n  \"variables\": null\n}\n---\nq\n",
        );
    }

    #[test]
    fn other_json_is_left_alone() {
        for body in [
            r#"{"query":"{ a }"}"#,
            "[]",
            r#"{"query":1}"#,
            r#"[{"query":"a\n"},1]"#,
            "{",
            r#"{"a":"query"}"#,
        ] {
            let meta = Metadata {
                content_type: Some("application/json"),
                ..Metadata::default()
            };
            assert_eq!(
                GraphQl.render_priority(body.as_bytes(), &meta),
                0.0,
                "{body}"
            );
            assert!(GraphQl.prettify(body.as_bytes(), &meta).is_err());
        }
    }
}
