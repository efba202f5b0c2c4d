//! Splits shown text into pieces with a role, for colours in terminals and in the web interface.

mod css;
mod javascript;
mod scan;
mod xml;
mod yaml;

use scan::Scanner;

/// How a text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Syntax {
    /// Style sheets.
    Css,
    /// Scripts.
    JavaScript,
    /// XML and HTML.
    Xml,
    /// YAML, and JSON which is part of it.
    Yaml,
    /// Not coloured.
    #[default]
    None,
    /// An error text.
    Error,
}

impl Syntax {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Css,
        Self::JavaScript,
        Self::Xml,
        Self::Yaml,
        Self::None,
        Self::Error,
    ];

    /// Name as in the web interface and the script interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Css => "css",
            Self::JavaScript => "javascript",
            Self::Xml => "xml",
            Self::Yaml => "yaml",
            Self::None => "none",
            Self::Error => "error",
        }
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|syntax| syntax.as_str() == name)
    }
}

/// Role of a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// No role.
    Plain,
    /// Keys, keywords, tags.
    Name,
    /// Strings.
    String,
    /// Numbers.
    Number,
    /// Constants and, in style sheets, properties.
    Boolean,
    /// Comments.
    Comment,
    /// Error texts.
    Error,
}

impl Tag {
    /// Name as in the script interface; empty for plain text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Name => "name",
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Comment => "comment",
            Self::Error => "error",
        }
    }
}

/// Splits `text` into pieces; joined they are `text` again. Takes time and memory in proportion to the text.
pub fn highlight(text: &str, syntax: Syntax) -> Vec<(Tag, &str)> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut scanner = Scanner::new(text);
    match syntax {
        Syntax::None => return vec![(Tag::Plain, text)],
        Syntax::Error => return vec![(Tag::Error, text)],
        Syntax::Css => css::scan(&mut scanner),
        Syntax::JavaScript => javascript::scan(&mut scanner),
        Syntax::Xml => xml::scan(&mut scanner),
        Syntax::Yaml => yaml::scan(&mut scanner),
    }
    scanner.finish()
}

#[cfg(test)]
mod tests;
