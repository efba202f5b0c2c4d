//! Requests as code: Python, JavaScript, PowerShell, and request files.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{ExportError, Parts, python};
use crate::HttpFlow;

pub(super) fn python_requests(flow: &HttpFlow) -> String {
    let parts = Parts::of(&flow.request);
    let mut out = String::from("import requests\n\nresponse = requests.request(\n");
    let _ = writeln!(out, "    {},", python::string(&parts.method));
    let _ = writeln!(out, "    {},", python::string(&parts.url));
    let fields = parts.folded_fields();
    if !fields.is_empty() {
        out.push_str("    headers={\n");
        for (name, value) in fields {
            let (name, value) = (python::string(&name), python::string(&value));
            let _ = writeln!(out, "        {name}: {value},");
        }
        out.push_str("    },\n");
    }
    if let Some(content) = &parts.content {
        let _ = writeln!(out, "    data={},", python::bytes(content));
    }
    out.push_str(")\nprint(response.status_code, response.text)\n");
    out
}

pub(super) fn fetch(flow: &HttpFlow) -> String {
    let parts = Parts::of(&flow.request);
    let mut out = format!("await fetch({}, {{\n", js_string(&parts.url));
    let _ = writeln!(out, "  \"method\": {},", js_string(&parts.method));
    let fields = parts.folded_fields();
    if !fields.is_empty() {
        out.push_str("  \"headers\": {\n");
        for (name, value) in fields {
            let _ = writeln!(out, "    {}: {},", js_string(&name), js_string(&value));
        }
        out.push_str("  },\n");
    }
    // The fetch function refuses content with these methods.
    let may_have_body = !matches!(parts.method.as_str(), "GET" | "HEAD");
    if let Some(content) = parts.content.as_ref().filter(|_| may_have_body) {
        let body = match std::str::from_utf8(content) {
            Ok(text) => js_string(text),
            Err(_) => format!(
                "Uint8Array.from(atob(\"{}\"), (c) => c.charCodeAt(0))",
                BASE64.encode(content)
            ),
        };
        let _ = writeln!(out, "  \"body\": {body},");
    }
    out.push_str("});\n");
    out
}

pub(super) fn powershell(flow: &HttpFlow) -> String {
    const KNOWN: [&str; 9] = [
        "DELETE", "GET", "HEAD", "MERGE", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
    ];
    let parts = Parts::of(&flow.request);
    let option = if KNOWN.contains(&parts.method.as_str()) {
        "Method"
    } else {
        "CustomMethod"
    };
    let mut out = format!(
        "Invoke-WebRequest -Uri {} -{option} {}",
        ps_string(&parts.url),
        ps_string(&parts.method)
    );
    let fields = parts.folded_fields();
    if !fields.is_empty() {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{} = {}", ps_string(name), ps_string(value)))
            .collect();
        let _ = write!(out, " -Headers @{{ {} }}", pairs.join("; "));
    }
    if let Some(content) = &parts.content {
        let body = match std::str::from_utf8(content) {
            // Text is sent as Latin-1 by old versions, so only ASCII goes as text.
            Ok(text) if text.is_ascii() => ps_string(text),
            _ => format!(
                "([Convert]::FromBase64String('{}'))",
                BASE64.encode(content)
            ),
        };
        let _ = write!(out, " -Body {body}");
    }
    out.push('\n');
    out
}

/// A request file as editors run it. What such a file would take for a variable, a file to include, a script or the
/// next request cannot be quoted there and is refused.
pub(super) fn http_file(flow: &HttpFlow) -> Result<String, ExportError> {
    let parts = Parts::of(&flow.request);
    let body = match &parts.content {
        None => String::new(),
        Some(content) => String::from_utf8(content.to_vec()).map_err(|_| ExportError::NotText)?,
    };
    let mut head = format!(
        "{} {} HTTP/1.1\n",
        one_line(&parts.method)?,
        one_line(&parts.url)?
    );
    for (name, value) in parts.folded_fields() {
        let _ = writeln!(head, "{}: {}", one_line(&name)?, one_line(&value)?);
    }
    let body_lines = body.split(['\n', '\r']).map(str::trim_start);
    for line in body_lines {
        let special = ["###", "<", ">"].into_iter().find(|s| line.starts_with(s));
        match special {
            // Markup begins like an inclusion, but with a letter, a slash or a mark.
            Some("<") if line.get(1..).is_some_and(begins_markup) => {}
            Some(special) => return Err(ExportError::Unquotable(special)),
            None => {}
        }
    }
    let file = if body.is_empty() {
        head
    } else {
        format!("{head}\n{body}\n")
    };
    if file.contains("{{") {
        return Err(ExportError::Unquotable("{{"));
    }
    Ok(file)
}

fn begins_markup(after: &str) -> bool {
    after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
}

fn one_line(text: &str) -> Result<&str, ExportError> {
    if text.contains(['\n', '\r']) {
        return Err(ExportError::Unquotable("line end"));
    }
    Ok(text)
}

/// A JSON string, which is a JavaScript string, that can also stand in a script element.
fn js_string(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
        .replace("</", "<\\/")
        .replace("<!--", "<\\u0021--")
        .replace('\u{7f}', "\\u007f")
}

/// A PowerShell string. Within single quotes only these have a meaning, the typographic ones too.
fn ps_string(text: &str) -> String {
    if text.chars().any(char::is_control) {
        return format!(
            "([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{}')))",
            BASE64.encode(text)
        );
    }
    let mut out = String::from("'");
    for c in text.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    out
}
