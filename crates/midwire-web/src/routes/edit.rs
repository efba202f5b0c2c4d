//! `PUT /flows/ID`: changes of a flow as JSON (web-api.md §2).

use bytes::Bytes;
use midwire_flow::access::HttpMessage;
use midwire_flow::{Flow, Request, Response};
use midwire_wire::Fields;
use serde_json::Value as Json;

use super::flows::tell;
use crate::call::{Call, Problem, Reply, blocking, done};

/// The route: all changes are made, or none.
pub(crate) async fn put(call: Call) -> Reply {
    let flow = call.flow(0)?;
    let update = call.json()?;
    blocking(move || {
        let kernel = &call.app.kernel;
        // On a copy first, so that a refusal changes nothing.
        apply(&mut Flow::clone(&flow), &update)?;
        let id = &flow.info().id;
        kernel.edit_flow(id, |flow| {
            flow.backup();
            let _ = apply(flow, &update);
        });
        tell(kernel, std::slice::from_ref(id));
        Ok(done())
    })
    .await?
}

/// Applies the members of an update.
pub(crate) fn apply(flow: &mut Flow, update: &Json) -> Result<(), Problem> {
    let update = update
        .as_object()
        .ok_or_else(|| Problem::bad("expected an object"))?;
    for (name, value) in update {
        match name.as_str() {
            "request" | "response" => {
                let members = value
                    .as_object()
                    .ok_or_else(|| Problem::bad(format!("{name} is no object")))?;
                let Flow::Http(http) = flow else {
                    return Err(unknown(name, value));
                };
                for (member, value) in members {
                    if name == "request" {
                        of_request(&mut http.request, member, value)?;
                    } else if let Some(response) = &mut http.response {
                        of_response(response, member, value)?;
                    } else {
                        return Err(Problem::bad("This flow has no response."));
                    }
                }
            }
            "marked" => flow.info_mut().marked = marker(value)?,
            "comment" => string(name, value)?.clone_into(&mut flow.info_mut().comment),
            _ => return Err(unknown(name, value)),
        }
    }
    Ok(())
}

/// Names, letters, and the pictures that clients are given for names.
fn marker(value: &Json) -> Result<String, Problem> {
    let text = string("marked", value)?;
    if text.is_empty() || midwire_core::commands::is_marker(text) {
        return Ok(text.to_owned());
    }
    let code = emojis::get(text).and_then(|emoji| emoji.shortcode());
    Ok(code.map_or_else(|| text.to_owned(), |code| format!(":{code}:")))
}

fn of_request(request: &mut Request, member: &str, value: &Json) -> Result<(), Problem> {
    let bytes = || string(member, value).map(|text| Bytes::copy_from_slice(text.as_bytes()));
    match member {
        "method" => request.method = line(bytes()?)?,
        "scheme" => request.scheme = line(bytes()?)?,
        "host" => {
            line(bytes()?)?;
            request.set_host(string(member, value)?);
        }
        "path" => request.path = line(bytes()?)?,
        "http_version" => request.version = line(bytes()?)?,
        "port" => request.set_port(port(value)?),
        _ => return of_message(request, "request", member, value),
    }
    Ok(())
}

fn of_response(response: &mut Response, member: &str, value: &Json) -> Result<(), Problem> {
    match member {
        "code" => {
            let code = number(value).filter(|code| (100..1000).contains(code));
            let code = code.and_then(|code| u16::try_from(code).ok());
            response.status =
                code.ok_or_else(|| Problem::bad("response.code is no status code"))?;
        }
        "msg" | "reason" => {
            let text = string(member, value)?;
            response.reason = line(Bytes::copy_from_slice(text.as_bytes()))?;
        }
        "http_version" => {
            let text = string(member, value)?;
            response.version = line(Bytes::copy_from_slice(text.as_bytes()))?;
        }
        _ => return of_message(response, "response", member, value),
    }
    Ok(())
}

/// What requests and responses have in common.
trait Trailed: HttpMessage {
    fn trailers_mut(&mut self) -> &mut Option<Fields>;
}

impl Trailed for Request {
    fn trailers_mut(&mut self) -> &mut Option<Fields> {
        &mut self.trailers
    }
}

impl Trailed for Response {
    fn trailers_mut(&mut self) -> &mut Option<Fields> {
        &mut self.trailers
    }
}

fn of_message<M: Trailed>(
    message: &mut M,
    side: &str,
    member: &str,
    value: &Json,
) -> Result<(), Problem> {
    match member {
        "headers" => *message.header_mut() = field_lines(value)?,
        "trailers" => {
            let fields = field_lines(value)?;
            *message.trailers_mut() = (!fields.is_empty()).then_some(fields);
        }
        "content" => message.set_text(string(member, value)?),
        "content_base64" => message.set_content(base64(string(member, value)?)?),
        _ => return Err(unknown(&format!("{side}.{member}"), value)),
    }
    Ok(())
}

/// Pairs as field lines.
pub(crate) fn field_lines(value: &Json) -> Result<Fields, Problem> {
    let wrong = || Problem::bad("headers and trailers are lists of [name, value]");
    let pairs = value.as_array().ok_or_else(wrong)?;
    let mut fields = Fields::new();
    for pair in pairs {
        match pair.as_array().map(Vec::as_slice) {
            Some([Json::String(name), Json::String(value)]) => {
                let text = |text: &str| line(Bytes::copy_from_slice(text.as_bytes()));
                fields.append(text(name)?, text(value)?);
            }
            _ => return Err(wrong()),
        }
    }
    Ok(fields)
}

/// Bytes in base64.
pub(crate) fn base64(text: &str) -> Result<Bytes, Problem> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .map(Bytes::from)
        .map_err(|error| Problem::bad(format!("content is not base64: {error}")))
}

/// Text that goes into a head: a line break in it would make two lines of one.
fn line(text: Bytes) -> Result<Bytes, Problem> {
    if text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(Problem::bad("line breaks cannot stand in a head"));
    }
    Ok(text)
}

fn string<'a>(name: &str, value: &'a Json) -> Result<&'a str, Problem> {
    value
        .as_str()
        .ok_or_else(|| Problem::bad(format!("{name} is no text: {}", shown(value))))
}

/// Numbers also come as text, from forms.
fn number(value: &Json) -> Option<i64> {
    match value {
        Json::String(text) => text.trim().parse().ok(),
        value => value.as_i64(),
    }
}

fn port(value: &Json) -> Result<u16, Problem> {
    number(value)
        .and_then(|port| u16::try_from(port).ok())
        .ok_or_else(|| Problem::bad(format!("request.port is no port: {}", shown(value))))
}

fn unknown(name: &str, value: &Json) -> Problem {
    Problem::bad(format!("Unknown update {name}: {}", shown(value)))
}

/// A value in a message, not longer than a line.
fn shown(value: &Json) -> String {
    let text = match value {
        Json::String(text) => text.clone(),
        value => value.to_string(),
    };
    text.chars().take(200).collect()
}
