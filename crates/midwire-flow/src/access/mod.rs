//! What is read from and written to messages: content, text, queries, cookies, forms (python-api.md §2 to §4).

pub mod content_type;
pub mod cookies;
pub mod date;
pub mod human;
mod message;
pub mod multipart;
mod request;
mod response;
pub mod status;
pub mod url;

pub use message::HttpMessage;

/// Names and values in order, decoded, duplicates kept.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Bytes that decoded content may have when no option says otherwise (`content_decode_limit`).
pub const DECODE_LIMIT: usize = 256 << 20;

/// The text of pairs; bytes that are not UTF-8 become U+FFFD.
pub fn text_pairs(pairs: &Pairs) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    pairs
        .iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

#[cfg(test)]
mod tests;
