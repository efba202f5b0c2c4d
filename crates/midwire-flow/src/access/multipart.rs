//! Multipart bodies of forms (RFC 7578, RFC 2046 §5.1).

use super::{Pairs, content_type};

/// Parts beyond this number are not read.
pub const MAX_PARTS: usize = 10_000;

/// A part with its head and content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Header lines.
    pub head: &'a [u8],
    /// Content.
    pub content: &'a [u8],
}

impl Part<'_> {
    /// The value of a header field of this part.
    pub fn field(&self, name: &str) -> Option<String> {
        self.head.split(|b| *b == b'\n').find_map(|line| {
            let at = memchr::memchr(b':', line)?;
            let (found, value) = line.split_at_checked(at)?;
            if !found.trim_ascii().eq_ignore_ascii_case(name.as_bytes()) {
                return None;
            }
            let value = value.strip_prefix(b":")?.trim_ascii();
            Some(String::from_utf8_lossy(value).into_owned())
        })
    }

    /// The name of the form field.
    pub fn name(&self) -> Option<String> {
        content_type::parameter(&self.field("content-disposition")?, "name")
    }

    /// The name of the file, if the part is one.
    pub fn file_name(&self) -> Option<String> {
        content_type::parameter(&self.field("content-disposition")?, "filename")
    }
}

/// The boundary in a Content-Type value.
pub fn boundary(content_type: &str) -> Option<Vec<u8>> {
    let boundary = content_type::parameter(content_type, "boundary")?;
    (!boundary.is_empty()).then(|| boundary.into_bytes())
}

/// The parts of a body, at most [`MAX_PARTS`]. Lines may end with LF alone; a last part without its end counts.
pub fn parts<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<Part<'a>> {
    let delimiter = [b"--", boundary].concat();
    let mut found = Vec::new();
    let Some(mut rest) = first_delimiter(body, &delimiter) else {
        return found;
    };
    while found.len() < MAX_PARTS && !rest.starts_with(b"--") {
        // Blanks may follow the boundary on its line.
        let Some(line) = memchr::memchr(b'\n', rest) else {
            break;
        };
        let after = rest.get(line + 1..).unwrap_or_default();
        let (part, next) = next_delimiter(after, &delimiter);
        found.extend(split_head(part));
        let Some(next) = next else { break };
        rest = next;
    }
    found
}

/// Names and contents of the parts that have a name.
pub fn decode(content_type: &str, body: &[u8]) -> Pairs {
    let Some(boundary) = boundary(content_type) else {
        return Vec::new();
    };
    parts(body, &boundary)
        .into_iter()
        .filter_map(|part| {
            let name = part.name().filter(|name| !name.is_empty())?;
            Some((name.into_bytes(), part.content.to_vec()))
        })
        .collect()
}

/// Writes pairs as the parts of a form. `None` if a value contains the boundary.
pub fn encode<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = (N, V)>,
    boundary: &[u8],
) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for (name, value) in pairs {
        if memchr::memmem::find(value.as_ref(), boundary).is_some() {
            return None;
        }
        out.extend_from_slice(b"--");
        out.extend_from_slice(boundary);
        out.extend_from_slice(b"\r\nContent-Disposition: form-data; name=\"");
        write_name(name.as_ref(), &mut out);
        out.extend_from_slice(b"\"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
        out.extend_from_slice(value.as_ref());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"--");
    out.extend_from_slice(boundary);
    out.extend_from_slice(b"--\r\n");
    Some(out)
}

/// A boundary that no value contains but by design: 20 dashes and 128 random bits in hex.
pub fn random_boundary() -> String {
    let id = crate::Id::random().to_string().replace('-', "");
    format!("{}{id}", "-".repeat(20))
}

fn write_name(name: &[u8], out: &mut Vec<u8>) {
    for byte in name {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            // A line end would begin another header field.
            b'\r' => out.extend_from_slice(b"%0D"),
            b'\n' => out.extend_from_slice(b"%0A"),
            _ => out.push(*byte),
        }
    }
}

/// What follows the first delimiter, which begins the body or a line.
fn first_delimiter<'a>(body: &'a [u8], delimiter: &[u8]) -> Option<&'a [u8]> {
    match body.strip_prefix(delimiter) {
        Some(rest) if is_line_rest(rest) => Some(rest),
        _ => next_delimiter(body, delimiter).1,
    }
}

/// Content up to the next delimiter without the line end that belongs to it, and what follows the delimiter.
fn next_delimiter<'a>(body: &'a [u8], delimiter: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    let finder = memchr::memmem::Finder::new(delimiter);
    for at in finder.find_iter(body) {
        let (before, after) = body.split_at_checked(at).unwrap_or((body, b""));
        let after = after.get(delimiter.len()..).unwrap_or_default();
        if !is_line_rest(after) {
            continue;
        }
        if before.is_empty() {
            return (before, Some(after));
        }
        if let Some(line) = before.strip_suffix(b"\n") {
            return (line.strip_suffix(b"\r").unwrap_or(line), Some(after));
        }
    }
    (body, None)
}

/// True if nothing but blanks or the closing dashes follow on the line.
fn is_line_rest(rest: &[u8]) -> bool {
    if rest.starts_with(b"--") {
        return true;
    }
    let line = rest.split(|b| *b == b'\n').next().unwrap_or_default();
    line.trim_ascii().is_empty()
}

fn split_head(part: &[u8]) -> Option<Part<'_>> {
    for (empty_line, skip) in [(&b"\r\n"[..], 2), (b"\n", 1)] {
        // A part without any field begins with the empty line.
        if part.starts_with(empty_line) {
            return Some(Part {
                head: b"",
                content: part.get(skip..)?,
            });
        }
    }
    let crlf = memchr::memmem::find(part, b"\r\n\r\n").map(|at| (at, at + 4));
    let lf = memchr::memmem::find(part, b"\n\n").map(|at| (at, at + 2));
    let (end, start) = crlf.into_iter().chain(lf).min()?;
    Some(Part {
        head: part.get(..end)?,
        content: part.get(start..)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(body: &[u8], expected: &[(&str, &[u8])]) {
        let expected: Pairs = expected
            .iter()
            .map(|(n, v)| (n.as_bytes().to_vec(), v.to_vec()))
            .collect();
        let found = decode("multipart/form-data; boundary=\"B\"", body);
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn forms_are_read() {
        check(
            b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B\r\n\
              Content-Type: text/plain\r\ncontent-disposition: form-data; filename=\"x.txt\"; name=\"f\"\r\n\r\n\
              ab\r\ncd\r\n--B--\r\n",
            &[("a", b"1"), ("f", b"ab\r\ncd")],
        );
        check(
            b"--B\ncontent-disposition: form-data; name=a\n\n1\n--B--",
            &[("a", b"1")],
        );
        check(b"--B\r\n\r\nx\r\n--B--", &[]);
        check(b"", &[]);
        check(b"junk", &[]);
        check(
            b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1",
            &[("a", b"1")],
        );
        check(
            b"pre\r\n--B  \r\nContent-Disposition: form-data; name=\"a\\\"b\"\r\n\r\n--Bx\r\n--B--\r\nepilogue",
            &[("a\"b", b"--Bx")],
        );
        check(
            b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--B--",
            &[("a", b"")],
        );
        check(
            b"--B\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n1\r\n--B--",
            &[],
        );
    }

    #[test]
    fn names_cannot_begin_another_field() {
        let body = encode([("a\"\r\nX: y", "1")], b"B").unwrap();
        check(&body, &[("a\"%0D%0AX: y", b"1")]);
        assert_eq!(encode([("a", "x--Bx")], b"--B"), None);
        assert_eq!(encode::<&str, &str>([], b"B").unwrap(), b"--B--\r\n");
    }

    #[test]
    fn the_number_of_parts_is_limited() {
        let body = b"--B\r\n\r\nx\r\n".repeat(MAX_PARTS + 10);
        assert_eq!(parts(&body, b"B").len(), MAX_PARTS);
    }

    proptest! {
        #[test]
        fn forms_survive_a_round_trip(
            pairs in proptest::collection::vec(("[^\r\n\0]{1,8}", proptest::collection::vec(any::<u8>(), 0..30)), 0..5)
        ) {
            let pairs: Pairs = pairs.into_iter().map(|(n, v)| (n.into_bytes(), v)).collect();
            let boundary = random_boundary();
            let body = encode(pairs.clone(), boundary.as_bytes()).unwrap();
            let content_type = format!("multipart/form-data; boundary={boundary}");
            prop_assert_eq!(decode(&content_type, &body), pairs);
        }

        #[test]
        fn any_body_is_read(body in proptest::collection::vec(
            prop_oneof![any::<u8>(), proptest::sample::select(b"-B\r\n: ".to_vec())], 0..200)) {
            let _ = decode("multipart/form-data; boundary=B", &body);
        }
    }
}
