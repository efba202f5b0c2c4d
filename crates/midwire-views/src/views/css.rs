//! Style sheets.

use super::fits_media;
use crate::text::without_mark;
use crate::{ContentView, MAX_DEPTH, Metadata, Out, Syntax, ViewError, show_bytes};

/// Re-indents style sheets: a declaration a line, a blank line between rules.
pub(crate) struct Css;

impl ContentView for Css {
    fn name(&self) -> &'static str {
        "ViewCSS"
    }

    fn syntax(&self) -> Syntax {
        Syntax::Css
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        fits_media(data, meta, &["text/css"])
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        let text = show_bytes(without_mark(data));
        let printer = Printer {
            out: Out::for_input(data.len()),
            statement: String::new(),
            depth: 0,
            parens: 0,
        };
        printer.run(&text)
    }
}

struct Printer {
    out: Out,
    /// Text since the last brace or semicolon, white space collapsed.
    statement: String,
    depth: usize,
    parens: usize,
}

impl Printer {
    fn run(mut self, text: &str) -> Result<String, ViewError> {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let len = match c {
                '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
                '"' | '\'' => string_len(rest, c),
                _ => c.len_utf8(),
            };
            let (token, tail) = rest.split_at_checked(len).unwrap_or((rest, ""));
            rest = tail;
            if len > c.len_utf8() {
                self.statement.push_str(token);
                if c == '/'
                    && tail.trim_start_matches([' ', '\t', '\r']).starts_with('\n')
                    && self.is_comment()
                {
                    self.flush("")?;
                }
                continue;
            }
            self.character(c)?;
        }
        self.flush("")?;
        self.out.trim_end();
        self.out.push("\n")?;
        Ok(self.out.finish())
    }

    fn character(&mut self, c: char) -> Result<(), ViewError> {
        match c {
            '{' => {
                self.parens = 0;
                self.trim_statement();
                let separator = if self.statement.is_empty() { "" } else { " " };
                self.line()?;
                self.out.push(&std::mem::take(&mut self.statement))?;
                self.out.push(separator)?;
                self.out.push("{\n")?;
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(ViewError::TooDeep(MAX_DEPTH));
                }
                Ok(())
            }
            '}' => {
                self.parens = 0;
                self.flush("")?;
                self.depth = self.depth.saturating_sub(1);
                self.out.trim_end();
                self.out.push("\n")?;
                self.line()?;
                self.out.push("}\n\n")
            }
            ';' if self.parens == 0 => {
                self.declaration();
                self.line()?;
                self.out.push(&std::mem::take(&mut self.statement))?;
                self.out.push(";\n")
            }
            c if c.is_whitespace() => {
                if !self.statement.is_empty() && !self.statement.ends_with(' ') {
                    self.statement.push(' ');
                }
                Ok(())
            }
            ',' if self.parens == 0 => {
                self.trim_statement();
                self.statement.push_str(", ");
                Ok(())
            }
            _ => {
                match c {
                    '(' => self.parens += 1,
                    ')' => self.parens = self.parens.saturating_sub(1),
                    _ => {}
                }
                self.statement.push(c);
                Ok(())
            }
        }
    }

    /// Writes what is waiting as a line of its own.
    fn flush(&mut self, end: &str) -> Result<(), ViewError> {
        self.declaration();
        if self.statement.is_empty() {
            return Ok(());
        }
        self.line()?;
        self.out.push(&std::mem::take(&mut self.statement))?;
        self.out.push(end)?;
        self.out.push("\n")
    }

    /// Gives a declaration one blank after its colon.
    fn declaration(&mut self) {
        self.trim_statement();
        if self.depth == 0 || self.statement.starts_with('@') {
            return;
        }
        let start = self.statement.rfind("*/").map_or(0, |at| at + 2);
        let Some(at) = self
            .statement
            .get(start..)
            .and_then(|text| text.find(':'))
            .map(|at| at + start)
        else {
            return;
        };
        let (name, value) = self.statement.split_at(at);
        let value = value.trim_start_matches(':').trim_start();
        self.statement = format!("{}: {value}", name.trim_end());
    }

    fn is_comment(&self) -> bool {
        self.statement.starts_with("/*")
    }

    fn trim_statement(&mut self) {
        self.statement.truncate(self.statement.trim_end().len());
    }

    fn line(&mut self) -> Result<(), ViewError> {
        self.out.indent("    ", self.depth)
    }
}

/// Length of a string in quotes; it ends with its line at the latest.
fn string_len(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '\n' => return at,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(
            Css.prettify(input.as_bytes(), &Metadata::default())
                .unwrap(),
            expected,
            "{input}"
        );
    }

    #[test]
    fn rules_are_indented() {
        check(
            "a{b:c;d:e}f,g>h{i:j}",
            "a {\n    b: c;\n    d: e\n}\n\nf, g>h {\n    i: j\n}\n",
        );
        check(
            "a { b : c ; d : e }\n\n\nf { }",
            "a {\n    b: c;\n    d: e\n}\n\nf {\n}\n",
        );
        check("a\n,b{c:d!important}", "a, b {\n    c: d!important\n}\n");
        check(
            "@media screen and (max-width:1px){a:hover{b:c}d{e:f;}}",
            "@media screen and (max-width:1px) {\n    a:hover {\n        b: c\n    }\n\n    d {\n        e: f;\n    }\n}\n",
        );
    }

    #[test]
    fn strings_urls_and_comments_are_kept() {
        check(
            "a{content:\";}{\";b:url(data:x;y)}",
            "a {\n    content: \";}{\";\n    b: url(data:x;y)\n}\n",
        );
        check("a{b:\"x\\\"y\";}", "a {\n    b: \"x\\\"y\";\n}\n");
        check(
            "/* c */a{b:c}\n/* x */\nd{/* x */e:f}",
            "/* c */a {\n    b: c\n}\n\n/* x */\nd {\n    /* x */e: f\n}\n",
        );
        check(
            "@import \"x\";@charset \"utf-8\";f{}",
            "@import \"x\";\n@charset \"utf-8\";\nf {\n}\n",
        );
    }

    #[test]
    fn unfinished_sheets_are_shown() {
        check("a{b:c", "a {\n    b: c\n");
        check("a b c", "a b c\n");
        check("/* open", "/* open\n");
        assert!(
            Css.prettify("}}a;{{".as_bytes(), &Metadata::default())
                .is_ok()
        );
        let deep = "a{".repeat(MAX_DEPTH + 1);
        assert!(matches!(
            Css.prettify(deep.as_bytes(), &Metadata::default()),
            Err(ViewError::TooDeep(_))
        ));
    }
}
