use super::{Scanner, Tag};

/// Style sheets: element names are names; classes, ids and properties are marked as booleans.
pub(super) fn scan(s: &mut Scanner<'_>) {
    let mut depth = 0_usize;
    let mut is_value = false;
    while let Some(c) = s.peek() {
        match c {
            '/' if s.rest().starts_with("/*") => s.take_through("*/", Tag::Comment),
            '"' | '\'' => s.take(s.quoted_len(c), Tag::String),
            '{' => {
                depth += 1;
                is_value = false;
                s.take(1, Tag::Plain);
            }
            '}' => {
                depth = depth.saturating_sub(1);
                is_value = false;
                s.take(1, Tag::Plain);
            }
            ';' => {
                is_value = false;
                s.take(1, Tag::Plain);
            }
            ':' => {
                is_value = depth > 0 && is_declaration(s.rest());
                s.take(1, Tag::Plain);
            }
            '@' => s.take_while(Tag::Plain, |c| !matches!(c, '{' | ';' | '"' | '\'' | '\n')),
            '#' if is_value => s.take_while(Tag::String, |c| c == '#' || c.is_ascii_hexdigit()),
            '.' | '#' if !is_value => {
                s.take(1, Tag::Plain);
                s.take_while(Tag::Boolean, is_word);
            }
            '0'..='9' => s.take_while(Tag::Number, |c| {
                c.is_ascii_alphanumeric() || matches!(c, '.' | '%')
            }),
            c if is_word(c) => word(s, depth, is_value),
            _ => s.take(1, Tag::Plain),
        }
    }
}

fn word(s: &mut Scanner<'_>, depth: usize, is_value: bool) {
    let is_pseudo = s.taken().ends_with([':', '[']);
    let len = s.rest().find(|c| !is_word(c)).unwrap_or(s.rest().len());
    let after = s.rest().get(len..).unwrap_or("").trim_start();
    let tag = if is_value || is_pseudo {
        Tag::Plain
    } else if depth > 0 && after.starts_with(':') && is_declaration(after) {
        Tag::Boolean
    } else {
        Tag::Name
    };
    s.take(len, tag);
}

/// True when the colon at the start of `rest` begins a value: the declaration ends before a block opens. Only the
/// next part is looked at, so that the whole scan stays linear.
fn is_declaration(rest: &str) -> bool {
    const LOOK_AHEAD_CHARS: usize = 512;
    rest.chars()
        .take(LOOK_AHEAD_CHARS)
        .find(|c| matches!(c, ';' | '{' | '}'))
        != Some('{')
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}
