//! Changing parts of flows (console.md §6).

use midwire_core::commands::CommandError;
use midwire_flow::access::cookies::{Attributes, SetCookie};
use midwire_flow::access::{DECODE_LIMIT, Pairs, status};
use midwire_flow::{Flow, HttpFlow, HttpMessage, Id, Response, StreamMessage};
use midwire_views::{MessageKind, Registry};
use midwire_wire::Fields;

use crate::env::{Effect, Effects, Env, Then};
use crate::screens::Kind;
use crate::screens::flowview::content::{Message, Mode};
use crate::screens::grid::{Spec, Target};

/// A part of a flow that is edited as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    RequestBody,
    ResponseBody,
    /// The last message of a conversation.
    LastMessage,
    /// The same through a content view that can turn text back into bytes.
    Viewed(Box<Part>, String),
}

/// Parts of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LinePart {
    Method,
    Url,
    StatusCode,
    Reason,
}

/// Parts that are rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowPart {
    Query,
    RequestFields,
    ResponseFields,
    Multipart,
    Form,
    Path,
    Cookies,
    SetCookies,
    Comment,
}

/// Something for an external program.
#[derive(Clone, Debug)]
pub(crate) struct EditJob {
    pub(crate) data: Vec<u8>,
    /// Ending of the file's name, such as `.json`.
    pub(crate) suffix: String,
    pub(crate) then: AfterEdit,
}

/// What happens with what the user saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AfterEdit {
    /// It replaces a part of a flow.
    Change(Id, Part),
    /// It goes to the screen on top.
    Cell,
    /// Nothing: the program only shows it.
    View,
}

/// Names of what can be edited in a flow, in the order of the menu.
pub(crate) fn options(env: &Env, flow: &Flow) -> Result<Vec<String>, CommandError> {
    let mut names: Vec<String> = match flow {
        Flow::Http(_) => [
            "cookies",
            "urlencoded form",
            "multipart form",
            "path",
            "method",
            "query",
            "reason",
            "request-headers",
            "response-headers",
            "request-body",
            "response-body",
            "status_code",
            "set-cookies",
            "url",
        ]
        .map(str::to_owned)
        .to_vec(),
        Flow::Tcp(_) => vec!["tcp-message".to_owned()],
        Flow::Udp(_) => vec!["udp-message".to_owned()],
        Flow::Dns(_) => return Err(CommandError::failed("DNS flows cannot be edited.")),
    };
    let registry = (env.views)(&env.kernel);
    let bodies: &[(&str, Part)] = match flow {
        Flow::Http(http) if http.websocket.is_some() => &[
            ("request-body", Part::RequestBody),
            ("response-body", Part::ResponseBody),
            ("websocket-message", Part::LastMessage),
        ],
        Flow::Http(_) => &[
            ("request-body", Part::RequestBody),
            ("response-body", Part::ResponseBody),
        ],
        Flow::Udp(_) => &[("udp-message", Part::LastMessage)],
        _ => &[("tcp-message", Part::LastMessage)],
    };
    for (name, part) in bodies {
        if let Some(view) = interactive_view(env, flow, part, &registry) {
            names.push(format!("{name} ({view})"));
        }
    }
    names.push("comment".to_owned());
    Ok(names)
}

/// The view that shows a part now, if it can turn text back into content.
fn interactive_view(env: &Env, flow: &Flow, part: &Part, registry: &Registry) -> Option<String> {
    let message = message(flow, part)?;
    let setting = match part {
        Part::RequestBody => "contentview.request",
        Part::ResponseBody => "contentview.response",
        _ if flow.as_http().is_some() => "contentview.websocket",
        _ => "contentview.stream",
    };
    let chosen = env.kernel.store().setting(&flow.info().id, setting);
    let mode = Mode {
        view: chosen.unwrap_or_else(|| env.options.console_default_contentview.clone()),
        full: false,
        cutoff: 1,
        protobuf: env.options.protobuf_definitions.clone(),
    };
    let name = message.view_name(registry, &mode)?;
    let view = registry.view(&name)?;
    view.is_interactive().then(|| name.to_lowercase())
}

/// The message that a part means.
pub(crate) fn message<'a>(flow: &'a Flow, part: &Part) -> Option<Message<'a>> {
    match (flow, part) {
        (flow, Part::Viewed(part, _)) => message(flow, part),
        (Flow::Http(http), Part::RequestBody) => Some(Message::Http(http, MessageKind::Request)),
        (Flow::Http(http), Part::ResponseBody) => {
            http.response.as_ref()?;
            Some(Message::Http(http, MessageKind::Response))
        }
        (Flow::Http(http), Part::LastMessage) => {
            let last = http.websocket.as_ref()?.messages.last()?;
            Some(Message::WebSocket(http, &last.content))
        }
        (Flow::Tcp(stream), Part::LastMessage) => {
            let last: &StreamMessage = stream.messages.last()?;
            Some(Message::Stream(
                &stream.info,
                &last.content,
                MessageKind::Tcp,
            ))
        }
        (Flow::Udp(stream), Part::LastMessage) => {
            let last = stream.messages.last()?;
            Some(Message::Stream(
                &stream.info,
                &last.content,
                MessageKind::Udp,
            ))
        }
        _ => None,
    }
}

/// Begins to edit a part by its name in the menu.
pub(crate) fn start(
    env: &Env,
    flow: &Flow,
    name: &str,
    out: &mut Effects,
) -> Result<(), CommandError> {
    let id = flow.info().id.clone();
    let (plain, view) = match name
        .strip_suffix(')')
        .and_then(|name| name.split_once(" ("))
    {
        Some((plain, view)) => (plain, Some(view)),
        None => (name, None),
    };
    let body = match plain {
        "request-body" => Some(Part::RequestBody),
        "response-body" => Some(Part::ResponseBody),
        "websocket-message" | "tcp-message" | "udp-message" => Some(Part::LastMessage),
        _ => None,
    };
    if let Some(part) = body {
        return start_body(env, flow, part, view, out);
    }
    let line = match plain {
        "method" => Some(LinePart::Method),
        "url" => Some(LinePart::Url),
        "status_code" => Some(LinePart::StatusCode),
        "reason" => Some(LinePart::Reason),
        _ => None,
    };
    if let Some(line) = line {
        out.push(Effect::Ask {
            prompt: format!("{plain}: "),
            text: line_text(flow, line),
            then: Then::Set {
                flow: id,
                part: plain.to_owned(),
            },
        });
        return Ok(());
    }
    let (title, columns, part): (&str, &[&str], RowPart) = match plain {
        "query" => ("Edit Query", &["Key", "Value"], RowPart::Query),
        "request-headers" => (
            "Edit Request Headers",
            &["Key", "Value"],
            RowPart::RequestFields,
        ),
        "response-headers" => (
            "Edit Response Headers",
            &["Key", "Value"],
            RowPart::ResponseFields,
        ),
        "multipart form" => ("Edit Multipart Form", &["Key", "Value"], RowPart::Multipart),
        "urlencoded form" => ("Edit UrlEncoded Form", &["Key", "Value"], RowPart::Form),
        "path" => ("Edit Path Components", &["Component"], RowPart::Path),
        "cookies" => ("Edit Cookies", &["Name", "Value"], RowPart::Cookies),
        "set-cookies" => (
            "Edit SetCookie Header",
            &["Name", "Value", "Attributes"],
            RowPart::SetCookies,
        ),
        "comment" => ("Edit Comment", &["Value"], RowPart::Comment),
        _ => return Err(CommandError::failed("Invalid choice.")),
    };
    out.push(Effect::Push(Kind::Grid(Box::new(Spec {
        title: title.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        rows: rows(flow, part),
        target: Target::Flow(id, part),
    }))));
    Ok(())
}

fn start_body(
    env: &Env,
    flow: &Flow,
    part: Part,
    view: Option<&str>,
    out: &mut Effects,
) -> Result<(), CommandError> {
    let whole = message(flow, &part).and_then(Message::whole);
    let (data, part, suffix) = match view {
        None => (
            whole.unwrap_or_default().to_vec(),
            part.clone(),
            suffix(flow, &part),
        ),
        Some(view) => {
            let shown = message(flow, &part).ok_or_else(|| CommandError::failed("No content."))?;
            let registry = (env.views)(&env.kernel);
            let protobuf = env.options.protobuf_definitions.as_deref();
            let data = whole.unwrap_or_default();
            let rendered = shown.with_metadata(protobuf, |meta| registry.render(&data, meta, view));
            let part = Part::Viewed(Box::new(part), view.to_owned());
            (rendered.text.into_bytes(), part, ".txt".to_owned())
        }
    };
    out.push(Effect::Edit(Box::new(EditJob {
        data,
        suffix,
        then: AfterEdit::Change(flow.info().id.clone(), part),
    })));
    Ok(())
}

/// The ending that fits the content type.
pub(crate) fn suffix(flow: &Flow, part: &Part) -> String {
    let content_type = match (flow, part) {
        (Flow::Http(http), Part::RequestBody) => http.request.content_type().into_owned(),
        (Flow::Http(http), Part::ResponseBody) => http
            .response
            .as_ref()
            .map(|response| response.content_type().into_owned())
            .unwrap_or_default(),
        _ => String::new(),
    };
    let media = content_type.split(';').next().unwrap_or_default().trim();
    match media {
        "application/json" => ".json",
        "text/html" => ".html",
        "text/css" => ".css",
        "text/xml" | "application/xml" => ".xml",
        "text/javascript" | "application/javascript" => ".js",
        "image/png" => ".png",
        "image/jpeg" => ".jpg",
        "image/gif" => ".gif",
        "image/svg+xml" => ".svg",
        "application/pdf" => ".pdf",
        "text/plain" => ".txt",
        _ => "",
    }
    .to_owned()
}

fn line_text(flow: &Flow, part: LinePart) -> String {
    let Some(http) = flow.as_http() else {
        return String::new();
    };
    let response = http.response.as_ref();
    match part {
        LinePart::Method => String::from_utf8_lossy(&http.request.method).into_owned(),
        LinePart::Url => http.request.url(),
        LinePart::StatusCode => response.map_or(200, |response| response.status).to_string(),
        LinePart::Reason => response.map_or_else(String::new, |response| {
            String::from_utf8_lossy(&response.reason).into_owned()
        }),
    }
}

type Rows = Vec<Vec<Vec<u8>>>;

fn of_pairs(pairs: Pairs) -> Rows {
    pairs
        .into_iter()
        .map(|(name, value)| vec![name, value])
        .collect()
}

fn of_fields(fields: &Fields) -> Rows {
    fields
        .iter()
        .map(|(name, value)| vec![name.to_vec(), value.to_vec()])
        .collect()
}

/// The rows of a part.
fn rows(flow: &Flow, part: RowPart) -> Rows {
    if part == RowPart::Comment {
        let comment = &flow.info().comment;
        return comment
            .lines()
            .map(|line| vec![line.as_bytes().to_vec()])
            .collect();
    }
    let Some(http) = flow.as_http() else {
        return Rows::new();
    };
    let (request, response) = (&http.request, http.response.as_ref());
    match part {
        RowPart::Query => of_pairs(request.query()),
        RowPart::RequestFields => of_fields(&request.fields),
        RowPart::ResponseFields => response
            .map(|response| of_fields(&response.fields))
            .unwrap_or_default(),
        RowPart::Multipart => of_pairs(request.multipart_form(DECODE_LIMIT)),
        RowPart::Form => of_pairs(request.urlencoded_form(DECODE_LIMIT)),
        RowPart::Path => request
            .path_components()
            .into_iter()
            .map(|part| vec![part])
            .collect(),
        RowPart::Cookies => of_pairs(request.cookies()),
        RowPart::SetCookies => response
            .map(|response| response.cookies().iter().map(set_cookie_row).collect())
            .unwrap_or_default(),
        RowPart::Comment => Rows::new(),
    }
}

fn set_cookie_row(cookie: &SetCookie) -> Vec<Vec<u8>> {
    let attributes: Vec<Vec<u8>> = cookie
        .attributes
        .0
        .iter()
        .map(|(name, value)| match value {
            Some(value) => [name.as_slice(), b"=", value].concat(),
            None => name.clone(),
        })
        .collect();
    vec![
        cookie.name.clone(),
        cookie.value.clone().unwrap_or_default(),
        attributes.join(&b"; "[..]),
    ]
}

fn row_set_cookie(row: &[Vec<u8>]) -> SetCookie {
    let cell = |at: usize| row.get(at).cloned().unwrap_or_default();
    let text = cell(2);
    let attributes = text
        .split(|byte| *byte == b';')
        .map(<[u8]>::trim_ascii)
        .filter(|part| !part.is_empty())
        .map(|part| match part.iter().position(|byte| *byte == b'=') {
            Some(at) => {
                let (name, value) = part.split_at_checked(at).unwrap_or((part, b""));
                (
                    name.to_vec(),
                    Some(value.get(1..).unwrap_or_default().to_vec()),
                )
            }
            None => (part.to_vec(), None),
        });
    SetCookie {
        name: cell(0),
        value: Some(cell(1)),
        attributes: Attributes(attributes.collect()),
    }
}

/// The response of a flow; one without gets an empty 200 first.
fn response(http: &mut HttpFlow) -> &mut Response {
    http.response
        .get_or_insert_with(|| Response::make(200, Vec::new(), Fields::new()))
}

/// Replaces rows of a flow, which is backed up first.
pub(crate) fn set_rows(flow: &mut Flow, part: RowPart, rows: &Rows) {
    flow.backup();
    let pair = |row: &Vec<Vec<u8>>| {
        let cell = |at: usize| row.get(at).cloned().unwrap_or_default();
        (cell(0), cell(1))
    };
    let pairs: Pairs = rows.iter().map(pair).collect();
    let first = |row: &Vec<Vec<u8>>| row.first().cloned().unwrap_or_default();
    if part == RowPart::Comment {
        let lines: Vec<String> = rows
            .iter()
            .map(|row| String::from_utf8_lossy(&first(row)).into_owned())
            .collect();
        flow.info_mut().comment = lines.join("\n");
        return;
    }
    let Flow::Http(http) = flow else {
        return;
    };
    match part {
        RowPart::Query => http.request.set_query(pairs),
        RowPart::RequestFields => http.request.fields = Fields::from_pairs(pairs),
        RowPart::ResponseFields => response(http).fields = Fields::from_pairs(pairs),
        RowPart::Multipart => http.request.set_multipart_form(pairs),
        RowPart::Form => http.request.set_urlencoded_form(pairs),
        RowPart::Path => http.request.set_path_components(rows.iter().map(first)),
        RowPart::Cookies => http.request.set_cookies(pairs),
        RowPart::SetCookies => {
            let cookies: Vec<SetCookie> = rows.iter().map(|row| row_set_cookie(row)).collect();
            response(http).set_cookies(&cookies);
        }
        RowPart::Comment => {}
    }
}

/// Replaces a line of a flow, which is backed up first.
pub(crate) fn set_line(flow: &mut Flow, part: &str, text: &str) -> Result<(), String> {
    if part == "status_code" && text.trim().parse::<u16>().is_err() {
        return Err(format!("{text:?} is no status code"));
    }
    flow.backup();
    let Flow::Http(http) = flow else {
        return Ok(());
    };
    match part {
        "method" => http.request.method = text.as_bytes().to_vec().into(),
        "url" => http
            .request
            .set_url(text)
            .map_err(|error| error.to_string())?,
        "status_code" => {
            let code = text.trim().parse().unwrap_or(200);
            let response = response(http);
            response.status = code;
            response.reason = status::reason(code).as_bytes().to_vec().into();
        }
        _ => response(http).reason = text.as_bytes().to_vec().into(),
    }
    Ok(())
}

/// Replaces content of a flow, which is backed up first.
pub(crate) fn set_content(
    env: &Env,
    flow: &mut Flow,
    part: &Part,
    mut data: Vec<u8>,
) -> Result<(), String> {
    if env.options.console_strip_trailing_newlines && !matches!(part, Part::Viewed(..)) {
        while data.ends_with(b"\n") {
            data.pop();
        }
    }
    let part = match part {
        Part::Viewed(part, view) => {
            let text = String::from_utf8(data).map_err(|_| "the text is not UTF-8".to_owned())?;
            let registry = (env.views)(&env.kernel);
            let protobuf = env.options.protobuf_definitions.as_deref();
            let shown = message(flow, part).ok_or("there is no such message")?;
            data = shown
                .with_metadata(protobuf, |meta| registry.reencode(&text, meta, view))
                .map_err(|error| error.to_string())?;
            part
        }
        part => part,
    };
    flow.backup();
    match (flow, part) {
        (Flow::Http(http), Part::RequestBody) => http.request.set_content(data),
        (Flow::Http(http), Part::ResponseBody) => response(http).set_content(data),
        (Flow::Http(http), _) => {
            if let Some(last) = http
                .websocket
                .as_mut()
                .and_then(|ws| ws.messages.last_mut())
            {
                last.content = data.into();
            }
        }
        (Flow::Tcp(stream) | Flow::Udp(stream), _) => {
            if let Some(last) = stream.messages.last_mut() {
                last.content = data.into();
            }
        }
        (Flow::Dns(_), _) => {}
    }
    Ok(())
}
