//! Flows as commands, code and raw messages to be used elsewhere, and values cut out of flows (export.md).
//!
//! Whatever is exported comes from the network and will be pasted into a shell, an interpreter or a spreadsheet: every
//! writer here quotes so that nothing of it acts there (security.md §6).

mod code;
mod csv;
mod cut;
mod python;
mod raw;
mod shell;

pub use csv::csv;
pub use cut::{Cell, CutError, cut};

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;

use crate::access::{DECODE_LIMIT, HttpMessage};
use crate::{Flow, HttpFlow, Request, text};

/// A form in which a flow can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A curl command line.
    Curl,
    /// An HTTPie command line.
    Httpie,
    /// Request and response as HTTP/1.
    Raw,
    /// The request as HTTP/1.
    RawRequest,
    /// The response as HTTP/1.
    RawResponse,
    /// JavaScript for browsers and Node.
    Fetch,
    /// A request file for editors.
    HttpFile,
    /// A PowerShell command.
    PowerShell,
    /// Python with the `requests` package.
    PythonRequests,
}

impl Format {
    /// All formats with their names, in the order in which they are listed.
    pub const ALL: [(&'static str, Self); 9] = [
        ("curl", Self::Curl),
        ("httpie", Self::Httpie),
        ("raw", Self::Raw),
        ("raw_request", Self::RawRequest),
        ("raw_response", Self::RawResponse),
        ("fetch", Self::Fetch),
        ("http", Self::HttpFile),
        ("powershell", Self::PowerShell),
        ("python-requests", Self::PythonRequests),
    ];

    /// Finds a format by its name.
    ///
    /// # Errors
    /// An unknown name.
    pub fn parse(name: &str) -> Result<Self, ExportError> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, format)| *format)
            .ok_or_else(|| ExportError::UnknownFormat(name.to_owned()))
    }
}

/// Why a flow cannot be exported. The texts are those of the reference program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// There is no such format.
    #[error("No such export format: {0}")]
    UnknownFormat(String),
    /// The flow has no HTTP request.
    #[error("Can't export flow with no request.")]
    NoRequest,
    /// The flow has no HTTP response.
    #[error("Can't export flow with no response.")]
    NoResponse,
    /// Neither of them has content that is there.
    #[error("Can't export flow with no request or response.")]
    Nothing,
    /// The content of the request was not kept.
    #[error("Request content missing.")]
    RequestContentMissing,
    /// The content of the response was not kept.
    #[error("Response content missing.")]
    ResponseContentMissing,
    /// The format can only hold text.
    #[error("Request content must be valid unicode")]
    NotText,
    /// The format has no way to write this without a meaning of its own.
    #[error("Request cannot be written as a request file: it contains `{0}`")]
    Unquotable(&'static str),
}

/// Options that have a say in exports.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExportOptions {
    /// `export_preserve_original_ip`: curl connects to the address that the flow used.
    pub preserve_original_ip: bool,
}

/// Exports a flow.
pub fn export(flow: &Flow, format: Format, options: ExportOptions) -> Result<Vec<u8>, ExportError> {
    match format {
        Format::Raw => raw::both(flow),
        Format::RawRequest => raw::request(http(flow)?),
        Format::RawResponse => raw::response(flow),
        Format::Curl => shell::curl(http(flow)?, options).map(String::into_bytes),
        Format::Httpie => shell::httpie(http(flow)?).map(String::into_bytes),
        Format::Fetch => Ok(code::fetch(http(flow)?).into_bytes()),
        Format::HttpFile => code::http_file(http(flow)?).map(String::into_bytes),
        Format::PowerShell => Ok(code::powershell(http(flow)?).into_bytes()),
        Format::PythonRequests => Ok(code::python_requests(http(flow)?).into_bytes()),
    }
}

/// An export as text; bytes that are not UTF-8 are written `\xNN`.
pub fn to_text(exported: &[u8]) -> String {
    let mut out = String::new();
    for chunk in exported.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

fn http(flow: &Flow) -> Result<&HttpFlow, ExportError> {
    flow.as_http().ok_or(ExportError::NoRequest)
}

/// What formats other than raw write: a request with its codings removed.
struct Parts<'a> {
    method: String,
    url: String,
    fields: Vec<(&'a [u8], &'a [u8])>,
    content: Option<Bytes>,
    content_type: Cow<'a, str>,
}

impl<'a> Parts<'a> {
    fn of(request: &'a Request) -> Self {
        let host = request.host.as_bytes();
        let dropped = |name: &[u8], value: &[u8]| {
            name.eq_ignore_ascii_case(b"content-length")
                || name.eq_ignore_ascii_case(b"content-encoding")
                || (value == host
                    && (name.eq_ignore_ascii_case(b"host")
                        || name.eq_ignore_ascii_case(b":authority")))
        };
        Self {
            method: String::from_utf8_lossy(&request.method).to_uppercase(),
            url: request.pretty_url(),
            fields: request
                .fields
                .iter()
                .filter(|(name, value)| !dropped(name, value))
                .collect(),
            content: request
                .decoded_or_raw(DECODE_LIMIT)
                .filter(|content| !content.is_empty()),
            content_type: request.content_type(),
        }
    }

    /// Content as text, `None` if there is none.
    fn text(&self) -> Result<Option<String>, ExportError> {
        let Some(content) = &self.content else {
            return Ok(None);
        };
        text::decode(content, &self.content_type)
            .map(Some)
            .map_err(|_| ExportError::NotText)
    }

    /// Fields for libraries that add some themselves: without pseudo-fields, equal names joined.
    fn folded_fields(&self) -> Vec<(String, String)> {
        let mut folded: Vec<(String, String)> = Vec::new();
        for (name, value) in &self.fields {
            if name.starts_with(b":") {
                continue;
            }
            let name = String::from_utf8_lossy(name);
            let value = String::from_utf8_lossy(value);
            match folded
                .iter_mut()
                .find(|(n, _)| n.eq_ignore_ascii_case(&name))
            {
                Some((_, old)) => {
                    old.push_str(", ");
                    old.push_str(&value);
                }
                None => folded.push((name.into_owned(), value.into_owned())),
            }
        }
        folded
    }
}

#[cfg(test)]
mod tests;
