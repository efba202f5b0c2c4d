//! Content of messages: download, replacement, content views.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use midwire_flow::access::{DECODE_LIMIT, content_type};
use midwire_flow::{Flow, HttpFlow, HttpMessage};
use serde_json::{Value as Json, json};

use super::flows::tell;
use crate::call::{Call, Problem, Reply, blocking, done, json, typed};
use crate::shown::{self, Shown, Side};

/// `GET /flows/ID/MESSAGE/content.data`.
pub(crate) async fn get(call: Call) -> Reply {
    let flow = call.flow(0)?;
    let side = side(call.part(1))?;
    blocking(move || {
        let http = http(&flow)?;
        let name = file_name(http, side);
        let message = shown::message(http, side).ok_or_else(no_message)?;
        let (bytes, _, _) = message.decoded(DECODE_LIMIT);
        let bytes = bytes.ok_or_else(|| Problem::missing("No content."))?;
        Ok(attachment(bytes, &name))
    })
    .await?
}

/// `POST /flows/ID/MESSAGE/content.data`.
pub(crate) async fn post(call: Call) -> Reply {
    let flow = call.flow(0)?;
    let side = side(call.part(1))?;
    let content = call.file();
    let http = http(&flow)?;
    shown::message(http, side).ok_or_else(no_message)?;
    blocking(move || {
        let kernel = &call.app.kernel;
        let id = &flow.info().id;
        kernel.edit_flow(id, |flow| {
            flow.backup();
            set(flow, side, &content);
        });
        tell(kernel, std::slice::from_ref(id));
        Ok(done())
    })
    .await?
}

fn set(flow: &mut Flow, side: Side, content: &Bytes) {
    let Flow::Http(http) = flow else {
        return;
    };
    match (side, &mut http.response) {
        (Side::Request, _) => http.request.set_content(content.clone()),
        (Side::Response, Some(response)) => response.set_content(content.clone()),
        (Side::Response, None) => {}
    }
}

/// `GET /flows/ID/MESSAGE/content/VIEW`.
pub(crate) async fn view(call: Call) -> Reply {
    let flow = call.flow(0)?;
    let lines = call.number("lines")?.unwrap_or(usize::MAX);
    let name = call.part(2);
    let name = name.strip_suffix(".json").unwrap_or(name).to_owned();
    let message = call.part(1).to_owned();
    blocking(move || {
        let views = call.app.host.views();
        let options = shown::options(&call.app);
        let limit = options.content_view_size_limit.as_usize();
        let render = |shown: &Shown, lines| rendered(&shown.render(&views, &options, &name), lines);
        if message == "messages" {
            let found =
                shown::messages(&flow).ok_or_else(|| Problem::bad("This flow has no messages."))?;
            let mut left = lines;
            let mut list = Vec::new();
            for (from_client, content, timestamp) in found {
                if left == 0 {
                    break;
                }
                let (mut one, used) = render(&Shown::message(&flow, &content, limit), left);
                one["from_client"] = json!(from_client);
                one["timestamp"] = json!(timestamp);
                left = left.saturating_sub(used);
                list.push(one);
            }
            return Ok(json(&Json::Array(list)));
        }
        let side = side(&message)?;
        let shown = match &*flow {
            Flow::Http(http) => Shown::http(http, side, limit),
            Flow::Dns(_) => Shown::dns(&flow, side),
            _ => None,
        };
        Ok(json(&render(&shown.ok_or_else(no_message)?, lines).0))
    })
    .await?
}

/// A message in a view, and how many lines it takes.
fn rendered(rendered: &midwire_views::Rendered, lines: usize) -> (Json, usize) {
    let (text, _) = shown::cut_lines(&rendered.text, lines);
    let used = text.lines().count();
    let json = json!({
        "text": text,
        "view_name": rendered.view_name,
        "syntax_highlight": rendered.syntax.as_str(),
        "description": rendered.description,
    });
    (json, used)
}

fn side(name: &str) -> Result<Side, Problem> {
    Side::parse(name).ok_or_else(|| Problem::missing("There is no such message."))
}

/// The flow as an HTTP flow.
pub(crate) fn http(flow: &Flow) -> Result<&HttpFlow, Problem> {
    flow.as_http()
        .ok_or_else(|| Problem::bad("This is no HTTP flow."))
}

fn no_message() -> Problem {
    Problem::missing("This flow has no such message.")
}

/// Captured bytes: never a page, never a script, always a file (security.md §8).
pub(crate) fn attachment(bytes: impl Into<axum::body::Body>, name: &str) -> Response {
    let mut response = typed("application/octet-stream", bytes);
    confine(&mut response);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename={name}")) {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// Even if a browser were made to show the answer, nothing in it can act.
pub(crate) fn confine(response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'; frame-ancestors 'none'",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Characters of a file name, at most.
const NAME: usize = 100;

/// A name for the content of a message: what its head says, else the end of the path, cleaned.
pub(crate) fn file_name(http: &HttpFlow, side: Side) -> String {
    let said = shown::message(http, side)
        .and_then(|message| message.field("content-disposition"))
        .and_then(|value| content_type::parameter(&value, "filename"));
    let name = said.unwrap_or_else(|| {
        let path = String::from_utf8_lossy(&http.request.path);
        let path = path.split(['?', '#']).next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default().to_owned()
    });
    clean_name(&name)
}

/// Letters, digits and `.-_` of a name; never empty, never a hidden file.
pub(crate) fn clean_name(name: &str) -> String {
    let name: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c))
        .take(NAME)
        .collect();
    match name.trim_start_matches('.') {
        "" => "content".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_harmless() {
        for (name, expected) in [
            ("file.txt", "file.txt"),
            ("../../etc/passwd", "etcpasswd"),
            (".bashrc", "bashrc"),
            ("a\"; b=\r\nc", "abc"),
            ("äöü", "content"),
            ("", "content"),
        ] {
            assert_eq!(clean_name(name), expected, "{name}");
        }
        assert_eq!(clean_name(&"x".repeat(1000)).len(), NAME);
    }
}
