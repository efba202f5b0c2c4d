//! Content-Type values (RFC 9110 §8.3.1).

use std::fmt;

/// A parsed media type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    /// Type, lower case.
    pub kind: String,
    /// Subtype, lower case.
    pub subtype: String,
    /// Parameters in order, names as written, values without quotes.
    pub parameters: Vec<(String, String)>,
}

/// Reads a value; `None` without a slash in the type.
pub fn parse(value: &str) -> Option<ContentType> {
    let (essence, rest) = value.split_once(';').unwrap_or((value, ""));
    let (kind, subtype) = essence.split_once('/')?;
    Some(ContentType {
        kind: kind.trim().to_ascii_lowercase(),
        subtype: subtype.trim().to_ascii_lowercase(),
        parameters: parameters(rest),
    })
}

/// The value of a parameter, its name compared without case.
pub fn parameter(value: &str, name: &str) -> Option<String> {
    let (_, rest) = value.split_once(';')?;
    parameters(rest)
        .into_iter()
        .rfind(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v)
}

impl ContentType {
    /// Sets a parameter, in its place if it is there.
    pub fn set(&mut self, name: &str, value: &str) {
        match self
            .parameters
            .iter_mut()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
        {
            Some((_, old)) => value.clone_into(old),
            None => self.parameters.push((name.to_owned(), value.to_owned())),
        }
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.subtype)?;
        for (name, value) in &self.parameters {
            if !value.is_empty() && value.chars().all(is_token) {
                write!(f, "; {name}={value}")?;
            } else {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "; {name}=\"{value}\"")?;
            }
        }
        Ok(())
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

fn parameters(mut rest: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (name, after) = split_at_any(rest, &['=', ';']);
        let Some(after) = after.strip_prefix('=') else {
            // A parameter without a value says nothing.
            rest = after.get(1..).unwrap_or_default();
            continue;
        };
        let (value, after) = if let Some(quoted) = after.trim_start().strip_prefix('"') {
            unquote(quoted)
        } else {
            let (value, after) = split_at_any(after, &[';']);
            (value.trim().to_owned(), after)
        };
        found.push((name.trim().to_owned(), value));
        let (_, after) = split_at_any(after, &[';']);
        rest = after.get(1..).unwrap_or_default();
    }
    found
}

/// A quoted string (RFC 9110 §5.6.4) whose first quote is gone, and what follows it.
fn unquote(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (out, text.get(at + 1..).unwrap_or_default()),
            '\\' => out.extend(chars.next().map(|(_, c)| c)),
            c => out.push(c),
        }
    }
    (out, "")
}

/// Splits in front of the first of these characters.
fn split_at_any<'a>(text: &'a str, stops: &[char]) -> (&'a str, &'a str) {
    let at = text.find(stops).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_parsed_and_written() {
        let cases = [
            ("text/html", Some("text/html")),
            ("text/html; charset=utf-8", Some("text/html; charset=utf-8")),
            ("TEXT/HTML;A=B", Some("text/html; A=B")),
            ("text/html; a=\"b; c\"; d", Some("text/html; a=\"b; c\"")),
            ("text/html;;x=y;", Some("text/html; x=y")),
            ("text/html; a = b", Some("text/html; a=b")),
            ("text/html; a=b=c", Some("text/html; a=\"b=c\"")),
            ("a/b; a=\"x\\\"y\"z; b=1", Some("a/b; a=\"x\\\"y\"; b=1")),
            ("a/b; a=\"x", Some("a/b; a=x")),
            ("a/b; a=", Some("a/b; a=\"\"")),
            ("text", None),
            ("", None),
        ];
        for (value, expected) in cases {
            let written = parse(value).map(|parsed| parsed.to_string());
            assert_eq!(written.as_deref(), expected, "{value}");
        }
        assert_eq!(parameter("a/b; X=1; x=2", "x").as_deref(), Some("2"));
    }
}
