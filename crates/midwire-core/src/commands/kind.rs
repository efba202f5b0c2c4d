//! The types that parameters and results of commands have.

use std::fmt;

use super::{
    escape::{unescape, unescape_bytes},
    marker::{DEFAULT_MARKER, is_marker},
    value::{CommandError, CommandValue},
};
use crate::options::expand_home;

/// The type of a parameter or result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Text with Python's backslash escapes.
    Str,
    /// Bytes with Python's backslash escapes.
    Bytes,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A path; `~` is the home folder.
    Path,
    /// The name of a command.
    Cmd,
    /// A word for another command, taken as it is.
    Arg,
    /// Texts with commas between them.
    StrSeq,
    /// Cuts with commas between them.
    CutSpec,
    /// A flow specification that fits exactly one flow.
    Flow,
    /// A flow specification.
    FlowSeq,
    /// Rows of cells; only as a result.
    Data,
    /// One of the texts that this command gives.
    Choice(String),
    /// A marker of flows.
    Marker,
}

impl ParamKind {
    /// Reads the name that listings show; `choice(COMMAND)` for choices.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "str" => Self::Str,
            "bytes" => Self::Bytes,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "path" => Self::Path,
            "cmd" => Self::Cmd,
            "arg" => Self::Arg,
            "str[]" => Self::StrSeq,
            "cut[]" => Self::CutSpec,
            "flow" => Self::Flow,
            "flow[]" => Self::FlowSeq,
            "data[][]" => Self::Data,
            "marker" => Self::Marker,
            name => {
                let command = name.strip_prefix("choice(")?.strip_suffix(')')?;
                Self::Choice(command.to_owned())
            }
        })
    }

    /// Whether a value has this type.
    pub fn accepts(&self, value: &CommandValue) -> bool {
        match value {
            CommandValue::Null => false,
            CommandValue::Bool(_) => *self == Self::Bool,
            CommandValue::Int(_) => *self == Self::Int,
            CommandValue::Bytes(_) => *self == Self::Bytes,
            CommandValue::StrList(_) => matches!(self, Self::StrSeq | Self::CutSpec),
            CommandValue::Flows(flows) => match self {
                Self::Flow => flows.len() == 1,
                _ => *self == Self::FlowSeq,
            },
            CommandValue::Table(_) => *self == Self::Data,
            CommandValue::Str(_) => matches!(
                self,
                Self::Str | Self::Path | Self::Cmd | Self::Arg | Self::Choice(_) | Self::Marker
            ),
        }
    }

    /// Reads a word, as far as the word alone decides.
    ///
    /// Flows, commands and choices depend on what the program knows; for them this gives `None`,
    /// and the registry asks.
    pub(super) fn parse_word(&self, word: &str) -> Option<Result<CommandValue, CommandError>> {
        let value = match self {
            Self::Flow | Self::FlowSeq | Self::Cmd | Self::Choice(_) => return None,
            Self::Str => unescape(word)
                .map(CommandValue::Str)
                .map_err(|error| error.to_string()),
            Self::Bytes => unescape_bytes(word)
                .map(CommandValue::Bytes)
                .map_err(|error| error.to_string()),
            Self::Bool => match word {
                "true" => Ok(CommandValue::Bool(true)),
                "false" => Ok(CommandValue::Bool(false)),
                _ => Err(format!("Booleans are 'true' or 'false', got {word}")),
            },
            Self::Int => word
                .trim()
                .parse()
                .map(CommandValue::Int)
                .map_err(|_| format!("'{word}' is no whole number")),
            Self::Path => {
                let path = expand_home(word).to_string_lossy().into_owned();
                Ok(CommandValue::Str(path))
            }
            Self::Arg => Ok(CommandValue::Str(word.to_owned())),
            Self::StrSeq => {
                let items = word.split(',').map(|item| item.trim().to_owned());
                Ok(CommandValue::StrList(items.collect()))
            }
            Self::CutSpec => {
                let items = word.split(',').map(str::to_owned);
                Ok(CommandValue::StrList(items.collect()))
            }
            Self::Data => Err("tables cannot be given as text".to_owned()),
            Self::Marker => match word {
                "true" => Ok(CommandValue::Str(DEFAULT_MARKER.to_owned())),
                "false" => Ok(CommandValue::Str(String::new())),
                marker if is_marker(marker) => Ok(CommandValue::Str(marker.to_owned())),
                _ => Err("Invalid choice.".to_owned()),
            },
        };
        Some(value.map_err(CommandError::Argument))
    }
}

impl fmt::Display for ParamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Str => "str",
            Self::Bytes => "bytes",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Path => "path",
            Self::Cmd => "cmd",
            Self::Arg => "arg",
            Self::StrSeq => "str[]",
            Self::CutSpec => "cut[]",
            Self::Flow => "flow",
            Self::FlowSeq => "flow[]",
            Self::Data => "data[][]",
            Self::Choice(_) => "choice",
            Self::Marker => "marker",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_each_kind() {
        let check = |kind: ParamKind, word: &str, expected: CommandValue| {
            assert_eq!(kind.parse_word(word), Some(Ok(expected)), "{word}");
        };
        let text = |text: &str| CommandValue::Str(text.to_owned());
        let list = |items: &[&str]| {
            CommandValue::StrList(items.iter().map(|&item| item.to_owned()).collect())
        };
        check(ParamKind::Str, "a\\n", text("a\n"));
        check(ParamKind::Arg, "a\\n", text("a\\n"));
        check(ParamKind::Int, " -5 ", CommandValue::Int(-5));
        check(ParamKind::StrSeq, "a, b,,c", list(&["a", "b", "", "c"]));
        check(ParamKind::CutSpec, "a, b", list(&["a", " b"]));
        check(ParamKind::Marker, "true", text(":default:"));
        check(ParamKind::Marker, "false", text(""));
        check(ParamKind::Path, "/a", text("/a"));
    }

    #[test]
    fn refused_words() {
        let check = |kind: ParamKind, word: &str, expected: &str| {
            let error = kind.parse_word(word).unwrap().unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(
            ParamKind::Bool,
            "no",
            "Booleans are 'true' or 'false', got no",
        );
        check(ParamKind::Marker, "foo", "Invalid choice.");
        check(ParamKind::Int, "x", "'x' is no whole number");
    }

    #[test]
    fn names_are_read_back() {
        for name in [
            "str", "bytes", "bool", "int", "path", "cmd", "arg", "str[]", "cut[]", "flow",
            "flow[]", "data[][]", "marker",
        ] {
            assert_eq!(ParamKind::parse(name).unwrap().to_string(), name);
        }
        assert_eq!(ParamKind::parse("float"), None);
    }
}
