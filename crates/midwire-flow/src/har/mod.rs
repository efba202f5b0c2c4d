//! HAR files (HTTP Archive 1.2): import and export (flowfile.md §8, export.md §5).
//!
//! What we export comes back as it was, as far as the format can hold it: content codings are off, and what is
//! known of connections is left out.

mod export;
mod import;
mod json;
#[cfg(test)]
mod tests;

pub use export::{Exporter, Summary, export, export_compressed};
pub use import::Importer;

use crate::text;

/// Name of our program in `log.creator`.
const CREATOR: &str = "midwire";

/// Why a file is no HAR file.
#[derive(Debug, thiserror::Error)]
pub enum HarError {
    /// The file cannot be read, or not be decompressed.
    #[error("cannot read the file: {0}")]
    Io(#[from] std::io::Error),
    /// More than [`MAX_SIZE`] bytes.
    #[error("file larger than {MAX_SIZE} bytes")]
    TooLarge,
    /// Not JSON.
    #[error("invalid JSON: {0}")]
    Json(String),
    /// JSON of another kind.
    #[error("no list log.entries")]
    NoEntries,
    /// An entry that cannot be used.
    #[error("entry {number}: {problem}")]
    Entry {
        /// Number of the entry, the first is 1.
        number: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// Bytes of a HAR file, decompressed, at most: 1 GiB. The whole log is in memory while it is read.
pub const MAX_SIZE: u64 = 1 << 30;

/// The text of content if it can be told as text: if reading it back gives the same bytes.
fn text_of(content: &[u8], content_type: &str) -> Option<String> {
    if is_mostly_binary(content) {
        return None;
    }
    let decoded = text::decode(content, content_type).ok()?;
    if text::encode(&decoded, content_type)? != content {
        return None;
    }
    // Without any declaration latin-1 is assumed. What is UTF-8 in truth would read as garbage then.
    let is_misread = !content.is_ascii()
        && std::str::from_utf8(content).is_ok_and(|utf8| utf8 != decoded)
        && !content_type.contains("charset");
    (!is_misread).then_some(decoded)
}

/// True if the beginning has many bytes that are no printable ASCII and is no UTF-8.
fn is_mostly_binary(content: &[u8]) -> bool {
    /// Bytes that are looked at.
    const SAMPLE: usize = 100;
    let end = (SAMPLE..SAMPLE + 4)
        .find(|end| content.get(*end).is_none_or(|b| b >> 6 != 0b10))
        .unwrap_or(SAMPLE)
        .min(content.len());
    let sample = content.get(..end).unwrap_or(content);
    let low = sample
        .iter()
        .filter(|b| **b < 9 || (14..32).contains(*b))
        .count();
    let high = sample.iter().filter(|b| **b > 126).count();
    let printable = sample.len() - low - high;
    if printable * 10 >= sample.len() * 7 {
        return false;
    }
    std::str::from_utf8(sample).is_err() || low * 10 > sample.len()
}
