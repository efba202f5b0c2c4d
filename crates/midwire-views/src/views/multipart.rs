//! Forms with files.

use super::fits_media;
use super::form::show_pairs;
use crate::text::parameters;
use crate::{ContentView, Metadata, Syntax, ViewError, escape_bytes};

/// Shows the named parts of `multipart/form-data` (RFC 7578).
pub(crate) struct MultipartForm;

impl ContentView for MultipartForm {
    fn name(&self) -> &'static str {
        "Multipart Form"
    }

    fn syntax(&self) -> Syntax {
        Syntax::Yaml
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        fits_media(data, meta, &["multipart/form-data"])
    }

    fn prettify(&self, data: &[u8], meta: &Metadata<'_>) -> Result<String, ViewError> {
        let boundary = meta
            .parameter("boundary")
            .filter(|boundary| !boundary.is_empty());
        let boundary =
            boundary.ok_or(ViewError::NotApplicable("no boundary in the content-type"))?;
        let named = parts(data, boundary.as_bytes())
            .into_iter()
            .filter_map(|part| {
                let (head, content) = split_head(part)?;
                Some((
                    escape_bytes(&name(head)?),
                    escape_bytes(trim_line_end(content)),
                ))
            });
        show_pairs(named, data.len())
    }
}

/// Parts between boundary lines (RFC 2046 §5.1.1); an unfinished last part counts.
fn parts<'a>(data: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let marker = [b"--", boundary].concat();
    let mut parts = Vec::new();
    let mut start = None;
    for at in memchr::memmem::find_iter(data, &marker) {
        let is_line_start = at == 0 || data.get(at - 1) == Some(&b'\n');
        let after = data.get(at + marker.len()..).unwrap_or(b"");
        let is_last = after.starts_with(b"--");
        if !is_line_start
            || !(is_last
                || after.starts_with(b"\r\n")
                || after.starts_with(b"\n")
                || after.is_empty())
        {
            continue;
        }
        if let Some(part) = start.and_then(|start| data.get(start..at)) {
            parts.push(part);
        }
        if is_last {
            return parts;
        }
        start = Some(at + marker.len() + if after.starts_with(b"\r\n") { 2 } else { 1 });
    }
    parts.extend(start.and_then(|start| data.get(start..)));
    parts
}

fn trim_line_end(part: &[u8]) -> &[u8] {
    part.strip_suffix(b"\r\n")
        .or_else(|| part.strip_suffix(b"\n"))
        .unwrap_or(part)
}

/// Header section and content of a part.
fn split_head(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let crlf = memchr::memmem::find(part, b"\r\n\r\n").map(|at| (at, 4));
    let lf = memchr::memmem::find(part, b"\n\n").map(|at| (at, 2));
    let (at, len) = [crlf, lf].into_iter().flatten().min()?;
    Some((part.get(..at)?, part.get(at + len..)?))
}

/// The `name` parameter of the content-disposition field. Its bytes may be of any charset, so each is carried as the
/// character of the same number until the end.
fn name(head: &[u8]) -> Option<Vec<u8>> {
    let text: String = head.iter().map(|b| char::from(*b)).collect();
    let line = text.lines().find(|line| {
        line.split_once(':')
            .is_some_and(|(field, _)| field.trim().eq_ignore_ascii_case("content-disposition"))
    })?;
    let (_, value) = parameters(line)
        .into_iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("name"))?;
    Some(value.chars().map(|c| c as u8).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(content_type: &str, body: &[u8]) -> Result<String, ViewError> {
        MultipartForm.prettify(
            body,
            &Metadata {
                content_type: Some(content_type),
                ..Metadata::default()
            },
        )
    }

    #[test]
    fn parts_become_a_map() {
        let check = |body: &[u8], expected: &str| {
            assert_eq!(
                shown("multipart/form-data; boundary=\"B\"", body).unwrap(),
                expected,
                "{body:?}"
            );
        };
        check(
            b"--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nv1\r\n--B\r\ncontent-disposition: form-data; \
              filename=\"n;name=q\"; name=\"g\"\r\nContent-Type: x\r\n\r\n\x00\xffz\r\n--B--\r\n",
            "f: v1\ng: \\x00\\xffz\n",
        );
        check(
            b"pre\r\n--B\r\nContent-Disposition: form-data; name=f\r\n\r\na\r\n\r\nb\r\n--Bx\r\n--B\r\n\
              Content-Disposition: form-data; name=f\r\n\r\n",
            "f:\n- a\\r\\n\\r\\nb\\r\\n--Bx\n- ''\n",
        );
        check(
            b"--B\nContent-Disposition: form-data; name=\"\xc3\xa9\"\n\n\xc3\xa9\n--B--\n",
            "\\xc3\\xa9: \\xc3\\xa9\n",
        );
        check(b"garbage", "");
        check(b"--B\r\nno head\r\n--B--", "");
    }

    #[test]
    fn a_boundary_is_needed() {
        assert!(shown("multipart/form-data", b"--B").is_err());
        assert!(shown("multipart/form-data; boundary=", b"--").is_err());
    }
}
