//! curl command lines as requests.

use serde_json::{Value as Json, json};

use crate::call::Problem;

/// Flags with a value that has no say in the request.
const SKIPPED: &[&str] = &[
    "-o",
    "--output",
    "-x",
    "--proxy",
    "-m",
    "--max-time",
    "--connect-timeout",
    "-w",
    "--write-out",
    "--cacert",
    "--cert",
    "--key",
    "-E",
    "--resolve",
    "--retry",
    "-c",
    "--cookie-jar",
    "--connect-to",
];

/// Flags without a value that have no say in the request.
const IGNORED: &[&str] = &[
    "-s",
    "--silent",
    "-S",
    "--show-error",
    "-v",
    "--verbose",
    "-L",
    "--location",
    "-i",
    "--include",
    "-k",
    "--insecure",
    "-f",
    "--fail",
    "-g",
    "--globoff",
    "-N",
    "--no-buffer",
    "-O",
    "-q",
    "--remote-name",
    "--path-as-is",
    "-#",
    "--progress-bar",
    "-sS",
    "-sSL",
    "-sL",
    "-#L",
    "-fsSL",
];

#[derive(Default)]
struct Request {
    method: Option<String>,
    url: Option<String>,
    headers: Vec<(String, String)>,
    data: Vec<String>,
    version: &'static str,
    /// `-G`: data goes into the query.
    in_query: bool,
    form: bool,
}

/// Reads a command line as a shell would split it.
pub(crate) fn parse(line: &str) -> Result<Json, Problem> {
    let words = split(line)?;
    let mut words = words.into_iter();
    if words.next().as_deref() != Some("curl") {
        return Err(Problem::bad("this is no curl command"));
    }
    let mut request = Request {
        version: "HTTP/1.1",
        form: true,
        ..Request::default()
    };
    while let Some(word) = words.next() {
        // `-XPOST` and `--request=POST` are `-X POST`.
        let (flag, mut joined) = flag(&word);
        let mut value = || {
            joined
                .take()
                .or_else(|| words.next())
                .ok_or_else(|| Problem::bad(format!("{flag} needs a value")))
        };
        match flag.as_str() {
            "-X" | "--request" => request.method = Some(value()?),
            "-H" | "--header" => request.header(&value()?),
            "-d" | "--data" | "--data-ascii" | "--data-raw" | "--data-binary" => {
                request.data(value()?, &flag)?;
            }
            "--data-urlencode" => {
                let text = value()?;
                let encoded = match text.split_once('=') {
                    Some((name, value)) => format!("{name}={}", quote(value)),
                    None => quote(&text),
                };
                request.data.push(encoded);
            }
            "--json" => {
                let text = value()?;
                request.data(text, "--json")?;
                request.form = false;
                request.add("Content-Type", "application/json");
                request.add("Accept", "application/json");
            }
            "-u" | "--user" => {
                use base64::Engine as _;
                let user = base64::engine::general_purpose::STANDARD.encode(value()?);
                request.add("Authorization", &format!("Basic {user}"));
            }
            "-A" | "--user-agent" => request.add("User-Agent", &value()?),
            "-e" | "--referer" => request.add("Referer", &value()?),
            "-b" | "--cookie" => request.add("Cookie", &value()?),
            "-G" | "--get" => request.in_query = true,
            "-I" | "--head" => request.method = Some("HEAD".to_owned()),
            "--url" => request.url = Some(value()?),
            "--compressed" => request.add("Accept-Encoding", "gzip, deflate, br"),
            "--http1.0" | "-0" => request.version = "HTTP/1.0",
            "--http1.1" => request.version = "HTTP/1.1",
            "--http2" | "--http2-prior-knowledge" => request.version = "HTTP/2.0",
            flag if SKIPPED.contains(&flag) => drop(value()?),
            flag if IGNORED.contains(&flag) => {}
            flag if flag.starts_with('-') => {
                return Err(Problem::bad(format!(
                    "the curl flag {flag} is not understood"
                )));
            }
            _ => request.url = Some(word),
        }
    }
    request.finish()
}

/// A flag with the value that is joined to it.
fn flag(word: &str) -> (String, Option<String>) {
    if IGNORED.contains(&word) || word.starts_with("--http") {
        return (word.to_owned(), None);
    }
    if word.starts_with("--") {
        return match word.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (word.to_owned(), None),
        };
    }
    match word.split_at_checked(2) {
        Some((flag, value)) if flag.starts_with('-') && !value.is_empty() => {
            (flag.to_owned(), Some(value.to_owned()))
        }
        _ => (word.to_owned(), None),
    }
}

impl Request {
    fn header(&mut self, line: &str) {
        let (name, value) = line
            .split_once(':')
            .unwrap_or((line.trim_end_matches(';'), ""));
        self.headers
            .push((name.trim().to_owned(), value.trim().to_owned()));
    }

    fn add(&mut self, name: &str, value: &str) {
        if !self.has(name) {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    fn has(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    fn data(&mut self, text: String, flag: &str) -> Result<(), Problem> {
        if text.starts_with('@') && flag != "--data-raw" {
            return Err(Problem::bad("content from files is not read"));
        }
        self.data.push(text);
        Ok(())
    }

    fn finish(mut self) -> Result<Json, Problem> {
        let mut url = self
            .url
            .take()
            .ok_or_else(|| Problem::bad("there is no URL"))?;
        if !url.contains("://") {
            url = format!("http://{url}");
        }
        let mut content = self.data.join("&");
        let has_data = !self.data.is_empty();
        if self.in_query && has_data {
            let separator = if url.contains('?') { '&' } else { '?' };
            url = format!("{url}{separator}{content}");
            content.clear();
        } else if has_data && self.form {
            self.add("Content-Type", "application/x-www-form-urlencoded");
        }
        let method = self.method.take().unwrap_or_else(|| {
            let method = if has_data && !self.in_query {
                "POST"
            } else {
                "GET"
            };
            method.to_owned()
        });
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| json!([name, value]));
        Ok(json!({
            "method": method,
            "url": url,
            "http_version": self.version,
            "headers": headers.collect::<Vec<_>>(),
            "content": content,
        }))
    }
}

fn quote(text: &str) -> String {
    midwire_flow::access::url::quote_all(text)
}

/// Splits a line into words by the rules of a POSIX shell, with `$'...'` of others.
fn split(line: &str) -> Result<Vec<String>, Problem> {
    let open = || Problem::bad("a quote is not closed");
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                let out = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or_else(open)? {
                        '\'' => break,
                        c => out.push(c),
                    }
                }
            }
            '"' => {
                let out = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or_else(open)? {
                        '"' => break,
                        '\\' => match chars.next().ok_or_else(open)? {
                            '\n' => {}
                            c @ ('"' | '\\' | '$' | '`') => out.push(c),
                            c => out.extend(['\\', c]),
                        },
                        c => out.push(c),
                    }
                }
            }
            '$' if chars.peek() == Some(&'\'') => {
                chars.next();
                let out = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or_else(open)? {
                        '\'' => break,
                        '\\' => match chars.next().ok_or_else(open)? {
                            'n' => out.push('\n'),
                            'r' => out.push('\r'),
                            't' => out.push('\t'),
                            'u' => {
                                let digits: String = chars.by_ref().take(4).collect();
                                let code = u32::from_str_radix(&digits, 16).ok();
                                out.push(code.and_then(char::from_u32).unwrap_or('\u{fffd}'));
                            }
                            c => out.push(c),
                        },
                        c => out.push(c),
                    }
                }
            }
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some('\r') => {
                    chars.next_if_eq(&'\n');
                }
                Some(c) => word.get_or_insert_default().push(c),
            },
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &Json) {
        assert_eq!(&parse(line).unwrap(), expected, "{line}");
    }

    #[test]
    fn command_lines_become_requests() {
        let request = |method: &str, url: &str, headers: Json, content: &str| json!({ "method": method, "url": url, "http_version": "HTTP/1.1", "headers": headers, "content": content });
        check(
            "curl a.example",
            &request("GET", "http://a.example", json!([]), ""),
        );
        check(
            "curl 'http://a/' \\\n  -H 'A: b c' --data-raw $'x\\ny' --compressed",
            &request(
                "POST",
                "http://a/",
                json!([
                    ["A", "b c"],
                    ["Accept-Encoding", "gzip, deflate, br"],
                    ["Content-Type", "application/x-www-form-urlencoded"]
                ]),
                "x\ny",
            ),
        );
        check(
            "curl -XPUT -u u:p \"http://a/\\\"\" -s -o file",
            &request(
                "PUT",
                "http://a/\"",
                json!([["Authorization", "Basic dTpw"]]),
                "",
            ),
        );
        check(
            "curl -G http://a/?x=1 --data-urlencode 'q=a b'",
            &request("GET", "http://a/?x=1&q=a%20b", json!([]), ""),
        );
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for line in [
            "wget a",
            "curl",
            "curl 'a",
            "curl --frobnicate a",
            "curl -d @file a",
            "curl -H",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
