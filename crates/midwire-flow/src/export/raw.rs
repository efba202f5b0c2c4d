//! Messages as HTTP/1, codings removed.

use bytes::Bytes;
use midwire_wire::Fields;

use super::ExportError;
use crate::access::{DECODE_LIMIT, HttpMessage};
use crate::{Flow, HttpFlow, Request, Response};

pub(super) fn both(flow: &Flow) -> Result<Vec<u8>, ExportError> {
    let Some(http) = flow.as_http() else {
        return Err(ExportError::Nothing);
    };
    let mut parts: Vec<Vec<u8>> = Vec::new();
    parts.extend(request(http).ok());
    parts.extend(response(flow).ok());
    if parts.is_empty() {
        return Err(ExportError::Nothing);
    }
    if http.websocket.is_some() && http.response.is_some() {
        parts.push(websocket_messages(http));
    }
    Ok(parts.join(&b"\r\n\r\n"[..]))
}

pub(super) fn request(flow: &HttpFlow) -> Result<Vec<u8>, ExportError> {
    let request = &flow.request;
    let content = request
        .decoded_or_raw(DECODE_LIMIT)
        .ok_or(ExportError::RequestContentMissing)?;
    let mut out = [
        &request.method[..],
        b" ",
        &target(request),
        b" ",
        &request.version,
    ]
    .concat();
    write_rest(request, request.trailers.as_ref(), &content, &mut out);
    Ok(out)
}

pub(super) fn response(flow: &Flow) -> Result<Vec<u8>, ExportError> {
    let response: &Response = flow
        .as_http()
        .and_then(|flow| flow.response.as_ref())
        .ok_or(ExportError::NoResponse)?;
    let content = response
        .decoded_or_raw(DECODE_LIMIT)
        .ok_or(ExportError::ResponseContentMissing)?;
    let status = response.status.to_string();
    let mut out = [
        &response.version[..],
        b" ",
        status.as_bytes(),
        b" ",
        &response.reason,
    ]
    .concat();
    write_rest(response, response.trailers.as_ref(), &content, &mut out);
    Ok(out)
}

/// All messages, one per line, with their direction.
pub(super) fn websocket_messages(flow: &HttpFlow) -> Vec<u8> {
    let messages = flow.websocket.iter().flat_map(|ws| &ws.messages);
    let lines: Vec<Vec<u8>> = messages
        .map(|message| {
            let direction: &[u8] = if message.from_client {
                b"[OUTGOING] "
            } else {
                b"[INCOMING] "
            };
            [direction, &message.content].concat()
        })
        .collect();
    lines.join(&b'\n')
}

/// The request target (RFC 9112 §3.2): authority, absolute or origin form.
fn target(request: &Request) -> Vec<u8> {
    if request.method.eq_ignore_ascii_case(b"CONNECT") && !request.authority.is_empty() {
        return request.authority.to_vec();
    }
    if request.authority.is_empty() {
        return request.path.to_vec();
    }
    [
        &request.scheme[..],
        b"://",
        &request.authority,
        &request.path,
    ]
    .concat()
}

fn write_rest(
    message: &impl HttpMessage,
    trailers: Option<&Fields>,
    content: &Bytes,
    out: &mut Vec<u8>,
) {
    let mut fields = message.header().clone();
    fields.remove("content-encoding");
    if !content.is_empty() && !fields.contains("transfer-encoding") {
        fields.set("content-length", content.len().to_string());
    }
    out.extend_from_slice(b"\r\n");
    fields.write_to(out);
    out.extend_from_slice(b"\r\n");
    if !fields.has_token("transfer-encoding", "chunked") {
        out.extend_from_slice(content);
        return;
    }
    if !content.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", content.len()).as_bytes());
        out.extend_from_slice(content);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n");
    if let Some(trailers) = trailers {
        trailers.write_to(out);
    }
    out.extend_from_slice(b"\r\n");
}
