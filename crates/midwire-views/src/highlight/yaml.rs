use super::{Scanner, Tag};

/// YAML and JSON: keys, strings, numbers, booleans, comments.
pub(super) fn scan(s: &mut Scanner<'_>) {
    // Indentation of the key whose block of text is being read.
    let mut block: Option<usize> = None;
    while !s.rest().is_empty() {
        let line = s.rest().split('\n').next().unwrap_or("");
        let indent = line.len() - line.trim_start_matches([' ', '-']).len();
        match block {
            Some(outer)
                if line.trim().is_empty() || line.len() - line.trim_start().len() > outer =>
            {
                s.take(line.len() + 1, Tag::String);
                continue;
            }
            _ => block = None,
        }
        let end = s.taken().len() + line.len();
        scan_line(s, end);
        if line.trim_end().ends_with(['|', '-', '+', '2']) && line.contains(": |") {
            block = Some(indent);
        }
        if !s.rest().is_empty() {
            s.take(1, Tag::Plain);
        }
    }
}

/// Scans up to byte `end`.
fn scan_line(s: &mut Scanner<'_>, end: usize) {
    while s.taken().len() < end {
        let line = s.rest().get(..end - s.taken().len()).unwrap_or("");
        let Some(c) = line.chars().next() else { return };
        match c {
            '#' if s.taken().is_empty() || s.taken().ends_with(char::is_whitespace) => {
                s.take(line.len(), Tag::Comment);
            }
            '"' | '\'' => {
                let len = s.quoted_len(c).min(line.len());
                let is_key = line.get(len..).is_some_and(|after| after.starts_with(':'));
                s.take(len, if is_key { Tag::Name } else { Tag::String });
            }
            '!' => s.take_while(Tag::Plain, |c| !c.is_whitespace()),
            '-' | '?' if line.get(1..2).is_none_or(|after| after == " ") => s.take(1, Tag::Plain),
            c if c.is_whitespace() || "{}[],:".contains(c) => s.take(1, Tag::Plain),
            _ => plain(s, line),
        }
    }
}

/// Most characters of a key that is marked as one.
const KEY_CHARS: usize = 256;

/// A plain scalar at the start of `line`.
fn plain(s: &mut Scanner<'_>, line: &str) {
    // Keys are short. Looking at the start of the line only keeps the scan linear on lines that are long.
    let window = line
        .char_indices()
        .nth(KEY_CHARS)
        .and_then(|(at, _)| line.get(..at))
        .unwrap_or(line);
    let ends_line = window.len() == line.len() && line.ends_with(':');
    let key_end = window
        .find(": ")
        .or_else(|| ends_line.then(|| line.len() - 1));
    let comment = window.find(" #").unwrap_or(line.len());
    if let Some(key_end) = key_end.filter(|at| *at <= comment) {
        return s.take(key_end, Tag::Name);
    }
    let scalar = line.get(..comment).unwrap_or(line);
    // Inside JSON a scalar ends at a comma or bracket.
    let short = scalar.split([',', ']', '}']).next().unwrap_or(scalar);
    let tag = |text: &str| match text.trim() {
        "true" | "false" => Some(Tag::Boolean),
        "null" | "~" => Some(Tag::Plain),
        text if is_number(text) => Some(Tag::Number),
        _ => None,
    };
    match tag(short) {
        Some(tag) if tag != Tag::Plain || short.trim() != "" => s.take(short.trim_end().len(), tag),
        _ => s.take(scalar.trim_end().len(), Tag::String),
    }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
        && text.contains(|c: char| c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E'))
}
