//! Command lines for sh and bash.

use std::fmt::Write as _;

use super::{ExportError, ExportOptions, Parts};
use crate::HttpFlow;
use crate::access::url;

pub(super) fn curl(flow: &HttpFlow, options: ExportOptions) -> Result<String, ExportError> {
    let parts = Parts::of(&flow.request);
    let body = parts.text()?;
    let mut words = vec!["curl".to_owned()];
    if options.preserve_original_ip
        && let Some(pinned) = resolve(flow, &parts.url)
    {
        words.push("--resolve".to_owned());
        words.push(quote(pinned.as_bytes()));
    }
    for (name, value) in &parts.fields {
        if name.eq_ignore_ascii_case(b"accept-encoding") {
            words.push("--compressed".to_owned());
        } else if !name.starts_with(b"@") {
            // curl would read a file in place of a field that begins with an at sign.
            words.push("-H".to_owned());
            words.push(quote(&[name, &b": "[..], value].concat()));
        }
    }
    // With content, curl would send POST where nothing else is said.
    if parts.method != "GET" || body.is_some() {
        if body.is_none() {
            // Some servers insist on a length.
            words.push("-H 'content-length: 0'".to_owned());
        }
        words.push("-X".to_owned());
        words.push(quote(parts.method.as_bytes()));
    }
    let after_host = parts.url.splitn(4, '/').nth(3).unwrap_or_default();
    if after_host.contains(['[', ']', '{', '}']) {
        // Brackets in URLs stand for many URLs else.
        words.push("-g".to_owned());
    }
    if parts.url.starts_with('-') {
        words.push("--url".to_owned());
    }
    words.push(quote(parts.url.as_bytes()));
    if let Some(body) = body {
        // `-d @x` would send the file x.
        let option = if body.starts_with('@') {
            "--data-raw"
        } else {
            "-d"
        };
        words.push(option.to_owned());
        words.push(quote(body.as_bytes()));
    }
    Ok(words.join(" "))
}

pub(super) fn httpie(flow: &HttpFlow) -> Result<String, ExportError> {
    let parts = Parts::of(&flow.request);
    let body = parts.text()?;
    let mut words = vec!["http".to_owned()];
    if parts.method.starts_with('-') || parts.url.starts_with('-') {
        words.push("--".to_owned());
    }
    words.push(quote(parts.method.as_bytes()));
    words.push(quote(parts.url.as_bytes()));
    for (name, value) in &parts.fields {
        words.push(quote(&[&item_name(name), &b": "[..], value].concat()));
    }
    if let Some(body) = body {
        words.push("<<<".to_owned());
        words.push(quote(body.as_bytes()));
    }
    Ok(words.join(" "))
}

/// The name of a request item, with a backslash before what separates it from its value, so that none names a file.
fn item_name(name: &[u8]) -> Vec<u8> {
    let plain = name.strip_prefix(b":").is_some();
    let mut out = Vec::with_capacity(name.len());
    for (i, byte) in name.iter().enumerate() {
        if b"=@\\;".contains(byte) || (*byte == b':' && !(plain && i == 0)) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}

/// `HOST:PORT:[ADDRESS]`, if the name in the URL is not the address itself.
fn resolve(flow: &HttpFlow, shown_url: &str) -> Option<String> {
    let address = &flow.info.server_conn.peername.as_ref()?.host;
    let host = flow.request.pretty_host();
    if host.as_ref() == address || host.parse::<std::net::IpAddr>().is_ok() {
        return None;
    }
    let port = url::parse(shown_url).map_or(flow.request.port, |url| url.port);
    Some(format!("{host}:{port}:[{address}]"))
}

/// Quotes one argument for sh and bash.
///
/// Plain words stay; text is put in single quotes, in which nothing has a meaning. Control characters and bytes that
/// are not UTF-8 would act on the terminal that the command is pasted into; printf makes them in a subshell, whose
/// output is not looked at again within double quotes. (The shell drops NUL bytes and line feeds at the end.)
pub(super) fn quote(argument: &[u8]) -> String {
    let text = std::str::from_utf8(argument).ok();
    if let Some(text) = text.filter(|text| !text.chars().any(char::is_control)) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
        if !text.is_empty() && text.chars().all(plain) {
            return text.to_owned();
        }
        return single_quoted(text);
    }
    let format = single_quoted(&printf_format(argument));
    format!("\"$(printf {format})\"")
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

/// A printf format that prints these bytes, with nothing in it but printable characters.
fn printf_format(bytes: &[u8]) -> String {
    let mut out = String::new();
    let hex = |bytes: &[u8], out: &mut String| {
        for byte in bytes {
            let _ = write!(out, "\\x{byte:02x}");
        }
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '%' => out.push_str("%%"),
                '\\' => out.push_str("\\\\"),
                // At the beginning it would be an option.
                '-' if out.is_empty() => out.push_str("\\055"),
                c if c.is_control() => hex(c.encode_utf8(&mut [0; 4]).as_bytes(), &mut out),
                c => out.push(c),
            }
        }
        hex(chunk.invalid(), &mut out);
    }
    out
}
