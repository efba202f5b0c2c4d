use super::{Scanner, Tag};

const KEYWORDS: [&str; 41] = [
    "as",
    "async",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "export",
    "extends",
    "finally",
    "for",
    "from",
    "function",
    "get",
    "if",
    "import",
    "in",
    "instanceof",
    "let",
    "new",
    "of",
    "return",
    "set",
    "static",
    "switch",
    "target",
    "throw",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

const CONSTANTS: [&str; 4] = ["true", "false", "null", "undefined"];

/// Scripts: keywords, constants, numbers, strings, regular expressions and comments.
pub(super) fn scan(s: &mut Scanner<'_>) {
    // Whether a slash at this place begins a regular expression: true unless a value stands before it.
    let mut expects_value = true;
    while let Some(c) = s.peek() {
        match c {
            '/' if s.rest().starts_with("//") => s.take_through("\n", Tag::Comment),
            '/' if s.rest().starts_with("/*") => s.take_through("*/", Tag::Comment),
            '/' if expects_value => {
                let len = regex_len(s.rest());
                s.take(
                    len.unwrap_or(1),
                    if len.is_some() {
                        Tag::String
                    } else {
                        Tag::Plain
                    },
                );
                expects_value = len.is_none();
            }
            '"' | '\'' | '`' => {
                s.take(s.quoted_len(c), Tag::String);
                expects_value = false;
            }
            '0'..='9' => {
                s.take_while(Tag::Number, |c| {
                    c.is_ascii_alphanumeric() || matches!(c, '.' | '_')
                });
                expects_value = false;
            }
            c if is_word(c) => expects_value = word(s),
            c if c.is_whitespace() => s.take_while(Tag::Plain, char::is_whitespace),
            c => {
                expects_value = !matches!(c, ')' | ']' | '}');
                s.take(1, Tag::Plain);
            }
        }
    }
}

/// Takes a word; true when a value may follow it directly, as after `return`.
fn word(s: &mut Scanner<'_>) -> bool {
    let len = s.rest().find(|c| !is_word(c)).unwrap_or(s.rest().len());
    let word = s.rest().get(..len).unwrap_or("");
    let is_member = s.taken().ends_with('.');
    let tag = match word {
        _ if is_member => Tag::Plain,
        word if KEYWORDS.contains(&word) => Tag::Name,
        word if CONSTANTS.contains(&word) => Tag::Boolean,
        _ => Tag::Plain,
    };
    s.take(len, tag);
    tag == Tag::Name
}

/// Length of a regular expression with its flags; `None` if the line ends before it does.
fn regex_len(rest: &str) -> Option<usize> {
    let mut is_class = false;
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\n' => return None,
            '\\' => {
                chars.next();
            }
            '[' => is_class = true,
            ']' => is_class = false,
            '/' if !is_class => {
                let flags = rest.get(at + 1..)?;
                return Some(
                    at + 1
                        + flags
                            .find(|c: char| !c.is_ascii_alphabetic())
                            .unwrap_or(flags.len()),
                );
            }
            _ => {}
        }
    }
    None
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}
