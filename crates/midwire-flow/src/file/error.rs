//! Why a flow file cannot be read.

use std::fmt;
use std::io;

use crate::har::HarError;
use crate::value::ParseError;

/// Why reading stopped, and where. Everything before was delivered.
#[derive(Debug)]
pub struct ReadError {
    /// What is wrong.
    pub kind: ReadErrorKind,
    /// First byte of the broken record, from the start of the file.
    pub offset: u64,
}

/// What is wrong with a flow file. The texts are those of the original (flowfile.md §6).
#[derive(Debug, thiserror::Error)]
pub enum ReadErrorKind {
    /// The file ends inside of a record.
    #[error("Invalid data format.")]
    Incomplete,
    /// Not a typed netstring, or larger or deeper than allowed.
    #[error("Invalid data format.")]
    Malformed(#[source] ParseError),
    /// A value that is no dict; with its text.
    #[error("Invalid flow: loaded={0}")]
    NotAFlow(String),
    /// Written by a later program; with its version.
    #[error("{}, please update midwire.", unreadable("midwire", env!("CARGO_PKG_VERSION"), .0))]
    TooNew(String),
    /// A version that there never was or that is too old; with its text.
    #[error("{}.", unreadable("midwire", env!("CARGO_PKG_VERSION"), .0))]
    UnknownVersion(String),
    /// A flow type that there is not.
    #[error("Unknown flow type: {0}")]
    UnknownType(String),
    /// A state without a key that it must have.
    #[error("Invalid flow: {0} is missing")]
    MissingKey(&'static str),
    /// A state with a key that it must not have.
    #[error("Invalid flow: unexpected key {0}")]
    UnexpectedKey(String),
    /// A value that its key does not allow.
    #[error("Invalid flow: bad value of {0}")]
    BadValue(String),
    /// Not a HAR file, or broken.
    #[error("Unable to read HAR file. Please provide a valid HAR file")]
    Har(#[source] HarError),
    /// The system's error.
    #[error("{}", io_text(.0))]
    Io(#[source] io::Error),
}

fn unreadable(program: &str, program_version: &str, version: &str) -> String {
    format!("{program} {program_version} cannot read files with flow format version {version}")
}

/// The system's text without the number that Rust adds.
fn io_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

impl From<ParseError> for ReadErrorKind {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::Incomplete => Self::Incomplete,
            other => Self::Malformed(other),
        }
    }
}

impl ReadErrorKind {
    /// The text with another program's name and version in it, e.g. for scripts that look for `mitmproxy 12.2.3`.
    pub fn text_as(&self, program: &str, program_version: &str) -> String {
        match self {
            Self::TooNew(version) => format!(
                "{}, please update {program}.",
                unreadable(program, program_version, version)
            ),
            Self::UnknownVersion(version) => {
                format!("{}.", unreadable(program, program_version, version))
            }
            other => other.to_string(),
        }
    }
}

impl ReadError {
    /// True if the file ends inside of a record, as after a kill of the writer.
    pub fn is_incomplete(&self) -> bool {
        matches!(self.kind, ReadErrorKind::Incomplete)
    }

    /// What a user should know beyond the text: where it is, and for HAR which entry.
    pub fn detail(&self) -> String {
        let offset = self.offset;
        match &self.kind {
            ReadErrorKind::Incomplete => format!("incomplete record at byte {offset}"),
            ReadErrorKind::Malformed(error) => format!("{error} in the record at byte {offset}"),
            ReadErrorKind::Har(error) => error.to_string(),
            ReadErrorKind::Io(_) => format!("reading failed at byte {offset}"),
            _ => format!("the record at byte {offset} cannot be used"),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.kind.source()
    }
}
