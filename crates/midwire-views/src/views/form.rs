//! Names and values of HTML forms, in the body or in the query.

use percent_encoding::percent_decode;

use super::fits_media;
use crate::yaml::{Dialect, multi_map, write};
use crate::{ContentView, MessageKind, Metadata, Out, Syntax, ViewError, escape_bytes, show_bytes};

/// Shows a body of `application/x-www-form-urlencoded`.
pub(crate) struct UrlEncoded;

impl ContentView for UrlEncoded {
    fn name(&self) -> &'static str {
        "URL-encoded"
    }

    fn syntax(&self) -> Syntax {
        Syntax::Yaml
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        fits_media(data, meta, &["application/x-www-form-urlencoded"])
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        show_pairs(
            pairs(data).map(|(name, value)| (escape_bytes(&name), escape_bytes(&value))),
            data.len(),
        )
    }
}

/// Shows the query of a request.
pub(crate) struct Query;

impl ContentView for Query {
    fn name(&self) -> &'static str {
        "Query"
    }

    fn syntax(&self) -> Syntax {
        Syntax::Yaml
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        let has_query = meta.message == MessageKind::Request
            && meta
                .query()
                .is_some_and(|q| pairs(q.as_bytes()).next().is_some());
        if data.is_empty() && has_query {
            0.3
        } else {
            0.0
        }
    }

    fn prettify(&self, _: &[u8], meta: &Metadata<'_>) -> Result<String, ViewError> {
        if meta.message != MessageKind::Request {
            return Err(ViewError::NotApplicable("not an HTTP request"));
        }
        let query = meta.query().unwrap_or("").as_bytes();
        show_pairs(
            pairs(query).map(|(name, value)| (show_bytes(&name), show_bytes(&value))),
            query.len(),
        )
    }
}

/// Shows pairs as a map; nothing for no pairs.
pub(super) fn show_pairs(
    pairs: impl Iterator<Item = (String, String)>,
    input_bytes: usize,
) -> Result<String, ViewError> {
    let mut pairs = pairs.peekable();
    if pairs.peek().is_none() {
        return Ok(String::new());
    }
    let mut out = Out::for_input(input_bytes);
    write(&multi_map(pairs), Dialect::Form, &mut out)?;
    Ok(out.finish())
}

/// Decoded names and values of the form encoding (WHATWG URL §5.1).
fn pairs(data: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    data.split(|b| *b == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(at);
            (
                decode(name),
                decode(value.strip_prefix(b"=").unwrap_or(value)),
            )
        })
}

fn decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_become_maps() {
        let check = |body: &[u8], expected: &str| {
            assert_eq!(
                UrlEncoded.prettify(body, &Metadata::default()).unwrap(),
                expected
            );
        };
        check(
            b"a=1&b=%C3%A9&a=3&c=",
            "a:\n- '1'\n- '3'\nb: \\xc3\\xa9\nc: ''\n",
        );
        check(b"", "");
        check(b"&", "");
        check(
            b"d&=x&e=a+b&f=%zz&g=a%0ab&&h==i",
            "d: ''\n'': x\ne: a b\nf: '%zz'\ng: a\\nb\nh: =i\n",
        );
    }

    #[test]
    fn queries_become_maps() {
        let meta = |path| Metadata {
            path: Some(path),
            ..Metadata::default()
        };
        let check = |path, priority, expected: &str| {
            assert_eq!(Query.render_priority(b"", &meta(path)), priority, "{path}");
            assert_eq!(Query.prettify(b"", &meta(path)).unwrap(), expected);
        };
        check(
            "/p?a=1&b=%C3%A9&a=3&c=#f",
            0.3,
            "a:\n- '1'\n- '3'\nb: é\nc: ''\n",
        );
        check("/p", 0.0, "");
        check("/p?", 0.0, "");
        check("/p?a=%ff", 0.3, "a: \\xff\n");
        assert_eq!(Query.render_priority(b"x", &meta("/p?a=1")), 0.0);
        let response = Metadata {
            message: MessageKind::Response,
            ..meta("/p?a=1")
        };
        assert!(Query.prettify(b"", &response).is_err());
        assert_eq!(Query.render_priority(b"", &response), 0.0);
    }
}
