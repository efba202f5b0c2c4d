//! Scripts.

use super::fits_media;
use crate::text::without_mark;
use crate::{ContentView, MAX_DEPTH, Metadata, Out, Syntax, ViewError, show_bytes};

/// Re-indents scripts: a line ends after `{`, `}` and `;` outside strings, comments and parentheses.
pub(crate) struct JavaScript;

impl ContentView for JavaScript {
    fn name(&self) -> &'static str {
        "JavaScript"
    }

    fn syntax(&self) -> Syntax {
        Syntax::JavaScript
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        fits_media(
            data,
            meta,
            &[
                "application/x-javascript",
                "application/javascript",
                "text/javascript",
            ],
        )
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        let text = show_bytes(without_mark(data));
        let mut printer = Printer {
            out: Out::for_input(data.len()),
            open: Vec::new(),
            braces: 0,
            is_line_start: true,
            last: '\0',
            word: String::new(),
        };
        printer.run(&text)?;
        Ok(printer.out.finish())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Brace,
    Paren,
}

struct Printer {
    out: Out,
    open: Vec<Open>,
    braces: usize,
    is_line_start: bool,
    /// Last character that is neither white space nor part of a comment.
    last: char,
    /// The word that ends with `last`, if it does.
    word: String,
}

impl Printer {
    fn run(&mut self, text: &str) -> Result<(), ViewError> {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let len = self.token_len(rest, c);
            let (token, tail) = rest.split_at_checked(len).unwrap_or((rest, ""));
            rest = tail;
            match c {
                '/' if token.starts_with("//") => {
                    self.write(token.trim_end())?;
                    self.end_line()?;
                }
                '/' if token.starts_with("/*") => self.write(token)?,
                '{' if tail.trim_start().starts_with('}') => {
                    rest = tail.trim_start().get(1..).unwrap_or("");
                    // An empty object stays as it is; an empty body stands apart.
                    self.write(if self.last == ')' && !self.out.as_str().ends_with(' ') {
                        " {}"
                    } else {
                        "{}"
                    })?;
                    self.note('}');
                    self.end_brace(rest)?;
                }
                '{' => {
                    self.open_brace()?;
                    self.note('{');
                    self.push(Open::Brace)?;
                    self.braces += 1;
                    self.end_line()?;
                }
                '}' => {
                    if self.open.last() == Some(&Open::Paren) {
                        self.open.pop();
                    }
                    if self.open.pop().is_some() {
                        self.braces = self.braces.saturating_sub(1);
                    }
                    self.end_line()?;
                    self.write("}")?;
                    self.note('}');
                    self.end_brace(rest)?;
                }
                ';' if self.open.last() != Some(&Open::Paren) => {
                    self.out.trim_blanks();
                    self.write(";")?;
                    self.note(';');
                    self.end_line()?;
                }
                '\n' if !self.is_line_start && !tail.trim_start().starts_with(';') => {
                    self.end_line()?;
                }
                c if c.is_whitespace() => {
                    if !self.is_line_start && c != '\n' && c != '\r' {
                        self.out.push_char(c)?;
                    }
                }
                _ => {
                    match c {
                        '(' => self.push(Open::Paren)?,
                        ')' if self.open.last() == Some(&Open::Paren) => {
                            self.open.pop();
                        }
                        _ => {}
                    }
                    self.write(token)?;
                    self.note(token.chars().last().unwrap_or(c));
                }
            }
        }
        Ok(())
    }

    fn token_len(&self, rest: &str, c: char) -> usize {
        match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            '"' | '\'' | '`' => string_len(rest, c),
            '/' if self.expects_value() => regex_len(rest).unwrap_or(1),
            c => c.len_utf8(),
        }
    }

    /// True where a slash begins a regular expression and is no division.
    fn expects_value(&self) -> bool {
        matches!(
            self.last,
            '\0' | '('
                | ','
                | '='
                | ':'
                | '['
                | '!'
                | '&'
                | '|'
                | '?'
                | '{'
                | '}'
                | ';'
                | '~'
                | '+'
                | '-'
                | '*'
                | '%'
                | '<'
                | '>'
                | '^'
        ) || matches!(
            self.word.as_str(),
            "return"
                | "typeof"
                | "case"
                | "in"
                | "of"
                | "delete"
                | "void"
                | "throw"
                | "do"
                | "else"
        )
    }

    fn note(&mut self, c: char) {
        if !(c.is_alphanumeric() || c == '_' || c == '$') {
            self.word.clear();
        } else if self.word.len() < 16 {
            // A blank before this character begins a new word; longer words are no keywords.
            if self
                .out
                .as_str()
                .chars()
                .rev()
                .nth(1)
                .is_some_and(|before| !(before.is_alphanumeric() || before == '_' || before == '$'))
            {
                self.word.clear();
            }
            self.word.push(c);
        }
        self.last = c;
    }

    fn push(&mut self, open: Open) -> Result<(), ViewError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(ViewError::TooDeep(MAX_DEPTH));
        }
        self.open.push(open);
        Ok(())
    }

    fn open_brace(&mut self) -> Result<(), ViewError> {
        let is_apart = self.is_line_start || self.out.as_str().ends_with([' ', '(', '[', '\t']);
        self.write(if is_apart { "{" } else { " {" })
    }

    /// Ends the line after a closing brace unless what follows belongs to it.
    fn end_brace(&mut self, rest: &str) -> Result<(), ViewError> {
        if rest.trim_start().starts_with([';', ',', ')', ']', '.']) {
            Ok(())
        } else {
            self.end_line()
        }
    }

    fn write(&mut self, token: &str) -> Result<(), ViewError> {
        if self.is_line_start {
            self.out.indent("  ", self.braces)?;
            self.is_line_start = false;
        }
        self.out.push(token)
    }

    fn end_line(&mut self) -> Result<(), ViewError> {
        if self.is_line_start {
            return Ok(());
        }
        self.out.trim_blanks();
        self.is_line_start = true;
        self.out.push("\n")
    }
}

/// Length of a string; one in single or double quotes ends with its line at the latest.
fn string_len(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '\n' if quote != '`' => return at,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of a regular expression; `None` if its line ends before it does.
fn regex_len(text: &str) -> Option<usize> {
    let mut is_class = false;
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\n' => return None,
            '\\' => {
                chars.next();
            }
            '[' => is_class = true,
            ']' => is_class = false,
            '/' if !is_class => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(
            JavaScript
                .prettify(input.as_bytes(), &Metadata::default())
                .unwrap(),
            expected,
            "{input}"
        );
    }

    #[test]
    fn blocks_are_indented() {
        check(
            "function a(b,c){var d={e:1,f:[1,2]};for(var i=0;i<1;i++){g(\"x;{}\");}return d}",
            "function a(b,c) {\n  var d= {\n    e:1,f:[1,2]\n  };\n  for(var i=0;i<1;i++) {\n    g(\"x;{}\");\n  }\n  return d\n}\n",
        );
        check("if(x){y}else{z}", "if(x) {\n  y\n}\nelse {\n  z\n}\n");
        check("a;b", "a;\nb");
        check(
            "if(a){\n    b;\n    c();\n}\n",
            "if(a) {\n  b;\n  c();\n}\n",
        );
        check(
            "import {a,b} from \"c\";",
            "import {\n  a,b\n}\nfrom \"c\";\n",
        );
        check(
            "(function(){a})();b={};c(){}",
            "(function() {\n  a\n})();\nb={};\nc() {}\n",
        );
        check("let a = 1\nlet b = 2\n\n\n", "let a = 1\nlet b = 2\n");
        check("a\n;\n\n\nb", "a;\nb");
    }

    #[test]
    fn strings_comments_and_expressions_are_kept() {
        check("// c;{}\na();/* b;{ */c()", "// c;{}\na();\n/* b;{ */c()");
        check(
            "var r=/[;{/]/g;var s=`a;\n${b}{`;var t='x;\\'{';",
            "var r=/[;{/]/g;\nvar s=`a;\n${b}{`;\nvar t='x;\\'{';\n",
        );
        check("return /;/;a/b;c/d", "return /;/;\na/b;\nc/d");
        check("\"open;{\nb;", "\"open;{\nb;\n");
    }

    #[test]
    fn broken_scripts_are_shown() {
        check("}}a;{{", "}\n}\na;\n{\n  {\n");
        let deep = "{a".repeat(MAX_DEPTH + 1);
        assert!(matches!(
            JavaScript.prettify(deep.as_bytes(), &Metadata::default()),
            Err(ViewError::TooDeep(_))
        ));
    }
}
