//! A file as a response, with conditional and range requests (RFC 9110 §13 and §14).

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::UNIX_EPOCH;

use midwire_flow::access::date;
use midwire_flow::{Content, HttpMessage as _, Request, Response, Spill};
use midwire_wire::Fields;

use super::media_type;
use crate::answer::SERVER;
use crate::output::reason;

/// Bytes that are read at once, in the hook. Larger content is read from the file while it is sent.
const SMALL: u64 = 256 * 1024;

/// A plain file that is open.
pub(super) struct LocalFile {
    path: PathBuf,
    file: File,
    len: u64,
    /// Seconds since the epoch.
    modified: Option<i64>,
    entity_tag: String,
}

/// Which part of the file is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    /// First and last byte.
    Part(u64, u64),
    Unsatisfiable,
}

impl LocalFile {
    /// Opens a file. The caller has seen that it is a plain one: opening a pipe would wait for its other end.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("not a plain file"));
        }
        let age = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let (len, nanos) = (metadata.len(), age.map_or(0, |age| age.as_nanos()));
        Ok(Self {
            path: path.to_owned(),
            file,
            len,
            modified: age.and_then(|age| i64::try_from(age.as_secs()).ok()),
            entity_tag: format!("\"{nanos:x}-{len:x}\""),
        })
    }

    /// The response to a request for this file.
    pub(super) fn answer(self, request: &Request) -> Response {
        let mut fields = Fields::from_pairs([("Server", SERVER)]);
        if let Some(media_type) = media_type::of(&self.path) {
            fields.append("Content-Type", media_type);
        }
        fields.append("ETag", self.entity_tag.clone());
        if let Some(modified) = self.modified {
            fields.append("Last-Modified", date::format(modified));
        }
        fields.append("Accept-Ranges", "bytes");
        let head = request.method.eq_ignore_ascii_case(b"HEAD");
        let get = request.method.eq_ignore_ascii_case(b"GET");
        if !self.meets(&request.fields) {
            fields.remove("content-type");
            return Response::make(412, "", fields);
        }
        if (get || head) && self.is_known(&request.fields) {
            fields.remove("content-type");
            let mut response = Response::make(304, "", fields);
            response.fields.remove("content-length");
            return response;
        }
        let wanted = if get {
            self.wanted(&request.fields)
        } else {
            Wanted::Whole
        };
        let len = self.len;
        let (status, start, count) = match wanted {
            Wanted::Whole => (200, 0, len),
            Wanted::Part(first, last) => {
                fields.append("Content-Range", format!("bytes {first}-{last}/{len}"));
                (206, first, (last - first).saturating_add(1))
            }
            Wanted::Unsatisfiable => {
                fields.remove("content-type");
                fields.append("Content-Range", format!("bytes */{len}"));
                return Response::make(416, "", fields);
            }
        };
        let mut response = Response::make(status, "", fields);
        response.fields.set("content-length", count.to_string());
        if !head {
            *response.raw_content_mut() = self.content(start, count);
        }
        response
    }

    /// False if the client wants another file than this (RFC 9110 §13.1.1 and §13.1.4).
    fn meets(&self, fields: &Fields) -> bool {
        if let Some(tags) = fields.get_folded("if-match") {
            return tags
                .split(|b| *b == b',')
                .map(<[u8]>::trim_ascii)
                .any(|tag| tag == b"*" || tag == self.entity_tag.as_bytes());
        }
        let since = fields.get("if-unmodified-since").and_then(read_date);
        !matches!((since, self.modified), (Some(since), Some(modified)) if modified > since)
    }

    /// True if the client has this file already (RFC 9110 §13.2.2).
    fn is_known(&self, fields: &Fields) -> bool {
        if let Some(tags) = fields.get_folded("if-none-match") {
            // The weak comparison ignores the mark of weakness (RFC 9110 §8.8.3.2).
            return tags
                .split(|b| *b == b',')
                .map(<[u8]>::trim_ascii)
                .map(|tag| tag.strip_prefix(b"W/").unwrap_or(tag))
                .any(|tag| tag == b"*" || tag == self.entity_tag.as_bytes());
        }
        let since = fields.get("if-modified-since").and_then(read_date);
        matches!((since, self.modified), (Some(since), Some(modified)) if modified <= since)
    }

    fn wanted(&self, fields: &Fields) -> Wanted {
        let Some(range) = fields.get("range") else {
            return Wanted::Whole;
        };
        let still_the_same = match fields.get("if-range") {
            None => true,
            Some(tag) if tag.starts_with(b"\"") => tag == self.entity_tag.as_bytes(),
            Some(time) => read_date(time).is_some_and(|time| Some(time) == self.modified),
        };
        if still_the_same {
            parse_range(range, self.len)
        } else {
            Wanted::Whole
        }
    }

    fn content(self, start: u64, count: u64) -> Content {
        let spill = Spill::part(Arc::new(Mutex::new(self.file)), start, count);
        if count > SMALL {
            return Content::Spilled(Arc::new(spill));
        }
        match spill.read(0, usize::MAX) {
            Ok(bytes) => Content::Memory(bytes),
            Err(error) => {
                tracing::warn!("cannot read {}: {}", self.path.display(), reason(&error));
                Content::Spilled(Arc::new(spill))
            }
        }
    }
}

/// Reads a Range value. What is no single range of bytes is ignored, as RFC 9110 §14.2 allows.
fn parse_range(value: &[u8], len: u64) -> Wanted {
    let ends = std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.trim().strip_prefix("bytes="))
        .and_then(|range| range.split_once('-'));
    let Some((first, last)) = ends else {
        return Wanted::Whole;
    };
    // A number in Rust may have a sign.
    let number = |text: &str| {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    match (first.trim(), last.trim()) {
        ("", suffix) => match number(suffix) {
            None => Wanted::Whole,
            Some(count) if count == 0 || len == 0 => Wanted::Unsatisfiable,
            Some(count) => Wanted::Part(len.saturating_sub(count), len - 1),
        },
        (first, last) => {
            let end = match last {
                "" => Some(u64::MAX),
                last => number(last),
            };
            match (number(first), end) {
                (Some(first), Some(end)) if first <= end => {
                    if first >= len {
                        return Wanted::Unsatisfiable;
                    }
                    Wanted::Part(first, end.min(len - 1))
                }
                _ => Wanted::Whole,
            }
        }
    }
}

fn read_date(value: &[u8]) -> Option<i64> {
    date::parse(std::str::from_utf8(value).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_ranges_are_understood() {
        let check = |value: &str, len, expected| {
            assert_eq!(parse_range(value.as_bytes(), len), expected, "{value}");
        };
        check("bytes=0-0", 10, Wanted::Part(0, 0));
        check("bytes=2-5", 10, Wanted::Part(2, 5));
        check("bytes=2-", 10, Wanted::Part(2, 9));
        check("bytes=2-99", 10, Wanted::Part(2, 9));
        check("bytes=-3", 10, Wanted::Part(7, 9));
        check("bytes=-30", 10, Wanted::Part(0, 9));
        check("bytes=10-", 10, Wanted::Unsatisfiable);
        check("bytes=-0", 10, Wanted::Unsatisfiable);
        check("bytes=-1", 0, Wanted::Unsatisfiable);
        check("bytes=0-", 0, Wanted::Unsatisfiable);
        check("bytes=5-2", 10, Wanted::Whole);
        check("bytes=0-1,3-4", 10, Wanted::Whole);
        check("bytes=+1-2", 10, Wanted::Whole);
        check("bytes=-", 10, Wanted::Whole);
        check("lines=1-2", 10, Wanted::Whole);
        check("bytes=99999999999999999999-", 10, Wanted::Whole);
    }
}
