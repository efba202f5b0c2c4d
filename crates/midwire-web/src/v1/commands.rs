//! Commands, their completion, and exports.

use midwire_core::commands::words;
use midwire_flow::export::{ExportOptions, Format, export};
use serde_json::{Value as Json, json};

use super::detail::stored;
use crate::call::{Call, Problem, Reply, blocking, json, text};
use crate::routes::commands::shown;
use crate::routes::content::attachment;
use crate::routes::options::check_command;

/// `POST /api/v1/commands`: a whole line.
pub(crate) async fn line(call: Call) -> Reply {
    let body = call.json()?;
    let line = body["line"]
        .as_str()
        .ok_or_else(|| Problem::bad("line is needed"))?;
    let words = words(line);
    if let Some((name, words)) = words.split_first() {
        check_command(&call.app, name, words)?;
    }
    let outcome = call.app.kernel.commands().execute(line).await;
    Ok(json(&match outcome {
        Ok(value) => json!({ "value": shown(&value) }),
        Err(error) => json!({ "error": error.to_string() }),
    }))
}

/// `GET /api/v1/complete`: lines that the last word of a line can become.
pub(crate) async fn complete(call: Call) -> Reply {
    let line = call.arg("line").unwrap_or_default();
    let registry = call.app.kernel.commands();
    let partial = registry.partial(line).await;
    let begins_anew = line.is_empty() || line.ends_with(char::is_whitespace);
    let (kind, start) = match partial.words.last() {
        Some(word) if !begins_anew => (word.kind.clone(), word.range.start),
        Some(_) => (
            partial.missing.first().map(|param| param.kind.clone()),
            line.len(),
        ),
        None => (Some(midwire_core::commands::ParamKind::Cmd), line.len()),
    };
    let Some(kind) = kind else {
        return Ok(json(&json!([])));
    };
    let before = line.get(..start).unwrap_or_default();
    let prefix = line.get(start..).unwrap_or_default();
    let offers = registry.complete(&kind, prefix).await;
    let lines = offers
        .iter()
        .take(200)
        .map(|offer| json!(format!("{before}{offer}")));
    Ok(json(&Json::Array(lines.collect())))
}

/// `GET /api/v1/export-formats`.
pub(crate) async fn formats(_: Call) -> Reply {
    let formats = Format::ALL.map(|(name, format)| {
        let binary = matches!(
            format,
            Format::Raw | Format::RawRequest | Format::RawResponse
        );
        json!({ "name": name, "title": title(format), "binary": binary })
    });
    Ok(json(&json!(formats)))
}

fn title(format: Format) -> &'static str {
    match format {
        Format::Curl => "curl command",
        Format::Httpie => "HTTPie command",
        Format::Raw => "Request and response as HTTP",
        Format::RawRequest => "Request as HTTP",
        Format::RawResponse => "Response as HTTP",
        Format::Fetch => "JavaScript fetch",
        Format::HttpFile => "Request file for editors",
        Format::PowerShell => "PowerShell command",
        Format::PythonRequests => "Python requests",
    }
}

/// Names of fields whose values are secrets, replaced where `redact` asks for it.
const SECRETS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
];

/// `GET /api/v1/flows/ID/export`.
pub(crate) async fn export_flow(call: Call) -> Reply {
    let stored = stored(&call, 0)?;
    let format = call.arg("format").unwrap_or("curl").to_owned();
    let options = ExportOptions {
        preserve_original_ip: call.app.kernel.options().load().export_preserve_original_ip,
    };
    blocking(move || {
        let format = Format::parse(&format).map_err(|error| Problem::bad(error.to_string()))?;
        let mut flow = midwire_flow::Flow::clone(&stored.flow);
        if call.flag("redact") {
            redact(&mut flow);
        }
        let bytes =
            export(&flow, format, options).map_err(|error| Problem::bad(error.to_string()))?;
        Ok(match String::from_utf8(bytes) {
            Ok(exported) => text(exported),
            Err(error) => attachment(error.into_bytes(), "export"),
        })
    })
    .await?
}

fn redact(flow: &mut midwire_flow::Flow) {
    let midwire_flow::Flow::Http(http) = flow else {
        return;
    };
    let response = http.response.as_mut().map(|response| &mut response.fields);
    for fields in [Some(&mut http.request.fields), response]
        .into_iter()
        .flatten()
    {
        for name in SECRETS {
            if fields.contains(name) {
                fields.set(*name, "REDACTED");
            }
        }
    }
}
