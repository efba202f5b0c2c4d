//! Rules that options hold: `[/filter]/subject/replacement` with any separator (modes.md §12).

use std::borrow::Cow;
use std::fs;

use bytes::Bytes;
use midwire_core::options::expand_home;
use midwire_flow::filter::FilterError;
use midwire_flow::pattern::PatternError;
use midwire_flow::{HttpFlow, Value};

use crate::condition::Condition;
use crate::output::reason;

/// Why a rule is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuleError {
    #[error("Invalid number of parameters ({0} are expected)")]
    Count(&'static str),
    #[error("{0}{place}", place = place(.0))]
    Filter(#[from] FilterError),
    #[error("Invalid regular expression {subject} ({error})")]
    Pattern {
        /// The expression as Python writes it.
        subject: String,
        error: PatternError,
    },
    #[error("Invalid replacement {replacement} ({error})")]
    Replacement {
        /// The template as Python writes it.
        replacement: String,
        error: PatternError,
    },
    #[error("Invalid file path: {path} ({reason})")]
    File { path: String, reason: String },
    #[error("Invalid HTTP status code: {0}")]
    Status(String),
    #[error("Invalid field name {name} ({reason})")]
    FieldName {
        /// The name as Python writes it.
        name: String,
        reason: String,
    },
    #[error("Invalid field value {value} ({reason})")]
    FieldValue {
        /// The value as Python writes it.
        value: String,
        reason: String,
    },
    #[error("Invalid URL {url} ({reason})")]
    Url { url: String, reason: String },
    #[error("invalid \\x escape at position {0}")]
    HexEscape(usize),
    #[error("Trailing \\ in string")]
    TrailingBackslash,
}

/// Where a filter went wrong, if it is more than empty.
fn place(error: &FilterError) -> String {
    if error.reason.is_empty() || error.message.starts_with("Empty") {
        return String::new();
    }
    format!(" (at position {}: {})", error.position, error.reason)
}

/// Reads all rules of an option.
///
/// # Errors
/// The first refusal, with the option and the rule it is about.
pub(crate) fn parse_all<T>(
    option: &str,
    specs: &[String],
    parse: impl Fn(&str) -> Result<T, RuleError>,
) -> Result<Vec<T>, String> {
    specs
        .iter()
        .map(|spec| {
            parse(spec).map_err(|error| format!("Cannot parse {option} option {spec}: {error}"))
        })
        .collect()
}

/// The parts of a rule.
pub(crate) struct Parts<'a> {
    pub(crate) condition: Condition,
    pub(crate) subject: &'a str,
    pub(crate) replacement: &'a str,
}

impl<'a> Parts<'a> {
    /// Splits a rule of two parts, or three with the filter first.
    pub(crate) fn split(spec: &'a str) -> Result<Self, RuleError> {
        match split(spec).as_slice() {
            [subject, replacement] => Ok(Self {
                condition: Condition::default(),
                subject,
                replacement,
            }),
            [filter, subject, replacement] => Ok(Self {
                condition: Condition::required(filter)?,
                subject,
                replacement,
            }),
            _ => Err(RuleError::Count("2 or 3")),
        }
    }
}

/// A rule that answers requests with a status code.
pub(crate) struct StatusRule {
    pub(crate) condition: Condition,
    pub(crate) status: u16,
}

impl StatusRule {
    /// Reads `/filter/status`.
    pub(crate) fn parse(spec: &str) -> Result<Self, RuleError> {
        let parts = split(spec);
        let [filter, status] = parts.as_slice() else {
            return Err(RuleError::Count("2"));
        };
        let invalid = || RuleError::Status((*status).to_owned());
        let code: u16 = status.trim().parse().map_err(|_| invalid())?;
        // Three digits, whatever they may mean (RFC 9110 §15).
        if !(100..=999).contains(&code) {
            return Err(invalid());
        }
        Ok(Self {
            condition: Condition::required(filter)?,
            status: code,
        })
    }
}

/// Splits at the separator that is the first character, into three parts at most.
fn split(spec: &str) -> Vec<&str> {
    let mut chars = spec.chars();
    match chars.next() {
        Some(separator) => chars.as_str().splitn(3, separator).collect(),
        None => Vec::new(),
    }
}

/// What is put in: text of the rule itself, or a file that is read each time.
#[derive(Debug)]
pub(crate) enum Replacement {
    Text(Bytes),
    File(String),
}

impl Replacement {
    /// Reads `text` with escapes, or `@FILE`, which must be there.
    pub(crate) fn parse(text: &str) -> Result<Self, RuleError> {
        let Some(path) = text.strip_prefix('@') else {
            return Ok(Self::Text(unescape(text)?.into()));
        };
        let replacement = Self::File(path.to_owned());
        match replacement.read() {
            Ok(_) => Ok(replacement),
            Err(reason) => Err(RuleError::File {
                path: path.to_owned(),
                reason,
            }),
        }
    }

    /// The bytes at this moment.
    ///
    /// # Errors
    /// Why the file cannot be read.
    pub(crate) fn read(&self) -> Result<Bytes, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => fs::read(expand_home(path))
                .map(Bytes::from)
                .map_err(|error| reason(&error)),
        }
    }

    /// As [`Replacement::read`]; a file that cannot be read is logged.
    pub(crate) fn read_or_warn(&self) -> Option<Bytes> {
        self.read()
            .inspect_err(|error| tracing::warn!("Could not read replacement file: {error}"))
            .ok()
    }
}

/// The name of a field, which is a token (RFC 9110 §5.6.2).
pub(crate) fn field_name(text: &str) -> Result<Bytes, RuleError> {
    let name = Bytes::from(unescape(text)?);
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    let reason = match name.iter().position(|b| !is_token(b)) {
        None if name.is_empty() => "it is empty".to_owned(),
        None => return Ok(name),
        Some(at) => fault(&name, at),
    };
    Err(RuleError::FieldName {
        name: repr(name),
        reason,
    })
}

/// Refuses a value that would end its line (RFC 9110 §5.5).
pub(crate) fn check_field_value(value: &Bytes) -> Result<(), RuleError> {
    match value.iter().position(|b| matches!(b, b'\r' | b'\n' | 0)) {
        None => Ok(()),
        Some(at) => Err(RuleError::FieldValue {
            reason: fault(value, at),
            value: repr(value.clone()),
        }),
    }
}

fn fault(bytes: &Bytes, at: usize) -> String {
    let byte = bytes.slice(at..(at + 1).min(bytes.len()));
    format!("{} at position {at}", repr(byte))
}

/// Rules apply to requests that run and have no outcome yet.
pub(crate) fn is_open(flow: &HttpFlow) -> bool {
    flow.response.is_none() && runs(flow)
}

/// Rules apply to flows that run and have not failed.
pub(crate) fn runs(flow: &HttpFlow) -> bool {
    flow.info.error.is_none() && flow.info.live
}

/// True if the request may be passed on before its hook `request`, so that its fields can only be changed earlier.
pub(crate) fn may_stream(flow: &HttpFlow) -> bool {
    let request = &flow.request;
    let length = request.fields.get("content-length");
    let is_http1 = request.version.starts_with(b"HTTP/1");
    request.fields.contains("transfer-encoding")
        || length.is_some_and(|length| length != b"0")
        || !is_http1
}

/// True if the request has gone to its server already, so that a rule for it comes too late. The log then says so.
pub(crate) fn comes_too_late(option: &str, flow: &HttpFlow) -> bool {
    let late = flow.info.passed.request;
    if late {
        tracing::warn!(
            "{option} cannot do anything about {}: the request was streamed to its server (stream_large_bodies)",
            flow.request.url()
        );
    }
    late
}

/// Text as Python writes it, quotes included.
pub(crate) fn repr(value: impl Into<Value>) -> String {
    const LIMIT: usize = 1000;
    value.into().python_repr(LIMIT)
}

/// Decodes backslash escapes as in Python's bytes literals; unknown ones stay as they are.
pub(crate) fn unescape(text: &str) -> Result<Vec<u8>, RuleError> {
    let text = text.as_bytes();
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let at = text.len() - after.len() - 1;
        let Some((&code, after)) = rest.split_first() else {
            return Err(RuleError::TrailingBackslash);
        };
        rest = after;
        match code {
            b'\n' => {}
            b'\\' | b'\'' | b'"' => out.push(code),
            b'a' => out.push(0x07),
            b'b' => out.push(0x08),
            b'f' => out.push(0x0c),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(0x0b),
            b'0'..=b'7' => {
                let more = rest.iter().take(2).take_while(|b| matches!(b, b'0'..=b'7'));
                let digits = more.clone().count();
                let value = more.fold(u16::from(code - b'0'), |value, digit| {
                    value * 8 + u16::from(digit - b'0')
                });
                // Values above 255 wrap around, as they do in Python.
                out.push((value & 0xff) as u8);
                rest = rest.get(digits..).unwrap_or_default();
            }
            b'x' => {
                let digits = rest.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
                let value = digits
                    .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok())
                    .ok_or(RuleError::HexEscape(at))?;
                out.push(value);
                rest = rest.get(2..).unwrap_or_default();
            }
            _ => out.extend_from_slice(&[b'\\', code]),
        }
    }
    Ok(out)
}

/// Bytes as text for messages.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod bad_specs;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_split_at_their_first_character() {
        let check = |spec: &str, expected: Result<(&str, &str), &str>| {
            let parts = Parts::split(spec);
            let found = match &parts {
                Ok(parts) => Ok((parts.subject, parts.replacement)),
                Err(error) => Err(error.to_string()),
            };
            let expected = expected.map_err(str::to_owned);
            assert_eq!(found, expected, "{spec}");
        };
        check("/a/b", Ok(("a", "b")));
        check("|a|b", Ok(("a", "b")));
        check("/~q/a/b/c", Ok(("a", "b/c")));
        check("éaéb", Ok(("a", "b")));
        check("/a/", Ok(("a", "")));
        let count = "Invalid number of parameters (2 or 3 are expected)";
        check("", Err(count));
        check("/", Err(count));
        check("/a", Err(count));
        assert!(Parts::split("/~bogus (/a/b").is_err());
        assert!(Parts::split("//a/b").is_err());
    }

    #[test]
    fn status_rules_name_what_is_wrong() {
        let check = |spec: &str, expected: Result<u16, &str>| {
            let found = StatusRule::parse(spec)
                .map(|rule| rule.status)
                .map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{spec}");
        };
        check("/~u x/404", Ok(404));
        check(":~u x:444", Ok(444));
        check("/~u x/abc", Err("Invalid HTTP status code: abc"));
        check(
            "/~u x/404/x",
            Err("Invalid number of parameters (2 are expected)"),
        );
        let all = parse_all("block_list", &["/a".to_owned()], StatusRule::parse);
        assert_eq!(
            all.err().unwrap(),
            "Cannot parse block_list option /a: Invalid number of parameters (2 are expected)"
        );
    }

    #[test]
    fn escapes_are_those_of_python() {
        let check = |text: &str, expected: &[u8]| {
            assert_eq!(unescape(text).unwrap(), expected, "{text}");
        };
        check("a\\nb\\t", b"a\nb\t");
        check("\\x41\\101\\0", b"AA\0");
        check("\\777", b"\xff");
        check("\\d\\.\\\\", b"\\d\\.\\");
        check("é", "é".as_bytes());
        assert!(matches!(unescape("a\\x4"), Err(RuleError::HexEscape(1))));
        assert!(matches!(unescape("a\\"), Err(RuleError::TrailingBackslash)));
    }

    #[test]
    fn files_must_be_there() {
        let error = Replacement::parse("@/does/not/exist").unwrap_err();
        assert_eq!(
            error.to_string(),
            "Invalid file path: /does/not/exist (No such file or directory)"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r");
        fs::write(&path, b"one").unwrap();
        let replacement = Replacement::parse(&format!("@{}", path.display())).unwrap();
        assert_eq!(replacement.read().unwrap(), "one");
        fs::write(&path, b"two").unwrap();
        assert_eq!(replacement.read().unwrap(), "two");
    }
}
