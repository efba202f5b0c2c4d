//! Reads the parts of the `.proto` language that name fields: messages, enums, services.

use crate::{MAX_DEPTH, ViewError};

/// Messages, enums and methods of all files read.
#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    pub(super) methods: Vec<Method>,
}

/// A message type.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// Name with package and outer messages, joined by dots.
    pub(super) name: String,
    pub(super) fields: Vec<FieldDefinition>,
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct FieldDefinition {
    pub(super) name: String,
    pub(super) number: u32,
    /// Name of the type as written; resolved when it is used.
    pub(super) kind: String,
    /// Key and value types of a map.
    pub(super) map: Option<(String, String)>,
    pub(super) is_repeated: bool,
}

/// An enum type with its names and numbers.
#[derive(Debug)]
pub(super) struct Enum {
    pub(super) name: String,
    pub(super) values: Vec<(String, i64)>,
}

/// A method of a service.
#[derive(Debug)]
pub(super) struct Method {
    /// Path of its requests: `/package.Service/Method`.
    pub(super) path: String,
    /// Full name of the request type.
    pub(super) input: String,
    /// Full name of the response type.
    pub(super) output: String,
}

impl Schema {
    /// Adds a file; returns the paths it imports.
    pub(super) fn add(&mut self, source: &str) -> Result<Vec<String>, ViewError> {
        let tokens = tokens(source)?;
        Parser {
            tokens: &tokens,
            at: 0,
            schema: self,
        }
        .file()
    }

    pub(super) fn message(&self, name: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.name == name)
    }

    /// Looks a type up from inside `scope`, from the innermost level outward.
    pub(super) fn resolve<'s, T>(
        &'s self,
        scope: &str,
        name: &str,
        find: impl Fn(&'s Self, &str) -> Option<&'s T>,
    ) -> Option<&'s T> {
        if let Some(name) = name.strip_prefix('.') {
            return find(self, name);
        }
        let mut scope = scope;
        loop {
            if let Some(found) = find(self, &join(scope, name)) {
                return Some(found);
            }
            if scope.is_empty() {
                return None;
            }
            scope = scope
                .rfind('.')
                .and_then(|at| scope.get(..at))
                .unwrap_or("");
        }
    }
}

fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

/// Words, numbers, strings (with their quotes) and single signs.
fn tokens(source: &str) -> Result<Vec<&str>, ViewError> {
    let mut tokens = Vec::new();
    let mut rest = source.trim_start();
    while let Some(c) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '+');
        let len = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => {
                rest.find("*/")
                    .ok_or(ViewError::Truncated("a comment of the definitions"))?
                    + 2
            }
            '"' | '\'' => {
                string_len(rest, c).ok_or(ViewError::Truncated("a string of the definitions"))?
            }
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, tail) = rest.split_at_checked(len).unwrap_or((rest, ""));
        if !token.starts_with("//") && !token.starts_with("/*") {
            tokens.push(token);
        }
        rest = tail.trim_start();
    }
    Ok(tokens)
}

fn string_len(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

struct Parser<'t, 's> {
    tokens: &'t [&'t str],
    at: usize,
    schema: &'s mut Schema,
}

impl<'t> Parser<'t, '_> {
    fn file(&mut self) -> Result<Vec<String>, ViewError> {
        let mut imports = Vec::new();
        let mut package = String::new();
        while let Some(word) = self.next() {
            match word {
                "package" => package = self.word()?.to_owned(),
                "import" => {
                    let mut path = self.word()?;
                    if matches!(path, "public" | "weak") {
                        path = self.word()?;
                    }
                    imports.push(path.trim_matches(['"', '\'']).to_owned());
                }
                "message" => self.message(&package, 0)?,
                "enum" => self.enumeration(&package)?,
                "service" => self.service(&package)?,
                ";" => continue,
                "syntax" | "edition" | "option" | "extend" => {}
                _ => {
                    return Err(ViewError::Other(format!(
                        "unexpected `{word}` in the definitions"
                    )));
                }
            }
            if !matches!(word, "message" | "enum" | "service") {
                self.skip_statement()?;
            }
        }
        Ok(imports)
    }

    fn message(&mut self, scope: &str, depth: usize) -> Result<(), ViewError> {
        if depth > MAX_DEPTH {
            return Err(ViewError::TooDeep(MAX_DEPTH));
        }
        let name = join(scope, self.word()?);
        self.expect("{")?;
        // The place is taken now so that messages keep the order of the file.
        let place = self.schema.messages.len();
        self.schema.messages.push(Message {
            name: name.clone(),
            fields: Vec::new(),
        });
        let mut fields = Vec::new();
        let mut in_oneof = false;
        loop {
            match self.word()? {
                "}" if in_oneof => in_oneof = false,
                "}" => break,
                ";" => {}
                "message" => self.message(&name, depth + 1)?,
                "enum" => self.enumeration(&name)?,
                "oneof" if !in_oneof => {
                    self.word()?;
                    self.expect("{")?;
                    in_oneof = true;
                }
                "option" | "reserved" | "extensions" | "extend" => self.skip_statement()?,
                word => fields.push(self.field(word)?),
            }
        }
        if let Some(message) = self.schema.messages.get_mut(place) {
            message.fields = fields;
        }
        Ok(())
    }

    /// A field whose first word is taken already.
    fn field(&mut self, first: &str) -> Result<FieldDefinition, ViewError> {
        let is_label = matches!(first, "repeated" | "optional" | "required");
        let kind = if is_label { self.word()? } else { first }.to_owned();
        let mut map = None;
        if kind == "map" {
            self.expect("<")?;
            let key = self.word()?.to_owned();
            self.expect(",")?;
            let value = self.word()?.to_owned();
            self.expect(">")?;
            map = Some((key, value));
        }
        let name = self.word()?.to_owned();
        self.expect("=")?;
        let number = self.word()?;
        let number = number
            .parse()
            .map_err(|_| ViewError::Other(format!("field number `{number}` in the definitions")))?;
        self.skip_statement()?;
        Ok(FieldDefinition {
            name,
            number,
            kind,
            map,
            is_repeated: first == "repeated",
        })
    }

    fn enumeration(&mut self, scope: &str) -> Result<(), ViewError> {
        let name = join(scope, self.word()?);
        self.expect("{")?;
        let mut values = Vec::new();
        loop {
            match self.word()? {
                "}" => break,
                ";" => {}
                "option" | "reserved" => self.skip_statement()?,
                value => {
                    self.expect("=")?;
                    let number = self.word()?;
                    let number =
                        crate::views::edit::integer(number).and_then(|n| i64::try_from(n).ok());
                    values.push((
                        value.to_owned(),
                        number.ok_or(ViewError::NotApplicable("enum number in the definitions"))?,
                    ));
                    self.skip_statement()?;
                }
            }
        }
        self.schema.enums.push(Enum { name, values });
        Ok(())
    }

    fn service(&mut self, package: &str) -> Result<(), ViewError> {
        let service = join(package, self.word()?);
        self.expect("{")?;
        let mut found = Vec::new();
        loop {
            match self.word()? {
                "}" => break,
                ";" => {}
                "rpc" => {
                    let name = self.word()?;
                    let input = self.method_type()?;
                    self.expect("returns")?;
                    let output = self.method_type()?;
                    found.push((format!("/{service}/{name}"), input, output));
                    self.skip_statement()?;
                }
                _ => self.skip_statement()?,
            }
        }
        // Types may stand after the service or in another file of the package, so names are completed by the rule
        // for the usual case: names without a package belong to this one.
        let full = |name: &str| match name.strip_prefix('.') {
            Some(name) => name.to_owned(),
            None if name.contains('.') && !package.is_empty() => name.to_owned(),
            None => join(package, name),
        };
        for (path, input, output) in found {
            self.schema.methods.push(Method {
                path,
                input: full(input),
                output: full(output),
            });
        }
        Ok(())
    }

    fn method_type(&mut self) -> Result<&'t str, ViewError> {
        self.expect("(")?;
        let mut name = self.word()?;
        if name == "stream" {
            name = self.word()?;
        }
        self.expect(")")?;
        Ok(name)
    }

    /// Skips to the end of a statement: a semicolon, or the end of the block that it opens.
    fn skip_statement(&mut self) -> Result<(), ViewError> {
        let mut depth = 0_usize;
        loop {
            match self.word()? {
                ";" if depth == 0 => return Ok(()),
                "{" | "[" => depth += 1,
                "}" if depth <= 1 => return Ok(()),
                "}" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Option<&'t str> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token
    }

    fn word(&mut self) -> Result<&'t str, ViewError> {
        self.next().ok_or(ViewError::Truncated("the definitions"))
    }

    fn expect(&mut self, expected: &'static str) -> Result<(), ViewError> {
        let found = self.word()?;
        if found == expected {
            return Ok(());
        }
        Err(ViewError::Other(format!(
            "expected `{expected}` instead of `{found}` in the definitions"
        )))
    }
}
