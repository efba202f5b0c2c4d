//! Questions about a finished head that its fields answer.

use super::{Shown, Violation};
use crate::{Fields, RequestHead, TargetForm, Version};

/// Refuses an HTTP/1.1 request that names no host, neither in Host nor in its target (RFC 9112 §3.2).
///
/// A gateway (reverse mode) knows the host anyway and does not ask.
pub fn check_host(head: &RequestHead) -> Result<(), Violation> {
    let in_target = matches!(head.form, TargetForm::Absolute | TargetForm::Authority);
    if head.version != Version::Http11 || in_target || head.fields.contains("host") {
        return Ok(());
    }
    Err(Violation::NoHost)
}

/// True if the connection lives on after this message, as far as this message is concerned (RFC 9112 §9.3).
pub fn persists(version: Version, fields: &Fields) -> bool {
    match version {
        Version::Http11 => !fields.has_token("connection", "close"),
        // A coding in 1.0 may have been passed on by somebody who did not know it (RFC 9112 §6.1).
        Version::Http10 => {
            fields.has_token("connection", "keep-alive")
                && !fields.has_token("connection", "close")
                && !fields.contains("transfer-encoding")
        }
        Version::Http2 | Version::Http3 => true,
    }
}

/// True if the client waits for a 100 response before it sends content (RFC 9110 §10.1.1).
///
/// Any other expectation is an error with status 417.
pub fn expects_continue(fields: &Fields) -> Result<bool, Violation> {
    let mut waits = false;
    for value in fields.get_all(b"expect") {
        match value {
            _ if value.eq_ignore_ascii_case(b"100-continue") => waits = true,
            [] => {}
            _ => return Err(Violation::Expectation(Shown::one(value))),
        }
    }
    Ok(waits)
}
