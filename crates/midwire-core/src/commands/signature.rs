//! What a command takes and gives.

use super::{
    kind::ParamKind,
    value::{CommandError, CommandValue},
};

/// One parameter of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// The name.
    pub name: String,
    /// The type.
    pub kind: ParamKind,
    /// The value if no word is given.
    pub default: Option<CommandValue>,
    /// Whether it takes all words that are left; only the last parameter may.
    pub is_variadic: bool,
}

/// The description of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The name, such as `view.focus.go`.
    pub name: String,
    /// The parameters, in order.
    pub params: Vec<Param>,
    /// The type of the result; `None` for commands that give nothing.
    pub returns: Option<ParamKind>,
    /// A text for people; may be empty.
    pub help: String,
}

impl Signature {
    /// Reads the notation of the command table: `a:str b:int=5 *c:arg`, then the result's type or nothing.
    pub fn parse(name: &str, params: &str, returns: &str) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            params: params
                .split_whitespace()
                .map(param)
                .collect::<Option<Vec<Param>>>()?,
            returns: match returns {
                "" => None,
                kind => Some(ParamKind::parse(kind)?),
            },
            help: String::new(),
        })
    }

    /// One line as `--commands` shows it: the names of command and parameters, and the result's type.
    pub fn line(&self) -> String {
        let names: Vec<String> = self.params.iter().map(label).collect();
        let line = format!("{} {}", self.name, names.join(" "));
        match &self.returns {
            Some(kind) => format!("{line} -> {kind}"),
            None => line,
        }
    }

    /// The parameters with types and defaults, for messages.
    pub(super) fn expected(&self) -> String {
        let params: Vec<String> = self
            .params
            .iter()
            .map(|param| {
                let optional = if param.default.is_some() { "?" } else { "" };
                format!("{}{optional}: {}", label(param), param.kind)
            })
            .collect();
        params.join(", ")
    }

    /// The parameter that the word at a position belongs to.
    pub fn param_at(&self, at: usize) -> Option<&Param> {
        self.params
            .get(at)
            .or_else(|| self.params.last().filter(|param| param.is_variadic))
    }

    /// Whether this many arguments can be bound.
    pub(super) fn takes(&self, count: usize) -> bool {
        let needed = self
            .params
            .iter()
            .filter(|param| param.default.is_none() && !param.is_variadic)
            .count();
        let variadic = self.params.last().is_some_and(|param| param.is_variadic);
        count >= needed && (variadic || count <= self.params.len())
    }

    /// Fills in defaults, and makes one list of a variable number of arguments.
    pub(super) fn bind(
        &self,
        values: Vec<CommandValue>,
    ) -> Result<Vec<CommandValue>, CommandError> {
        let mut values = values.into_iter();
        let mut bound = Vec::with_capacity(self.params.len());
        for param in &self.params {
            if param.is_variadic {
                let mut items = Vec::new();
                for value in values.by_ref() {
                    match value {
                        CommandValue::Str(text) => items.push(text),
                        CommandValue::StrList(texts) => items.extend(texts),
                        _ => return Err(wrong_type(param)),
                    }
                }
                bound.push(CommandValue::StrList(items));
                continue;
            }
            match (values.next(), &param.default) {
                (Some(value), _) if param.kind.accepts(&value) => bound.push(value),
                (Some(_), _) => return Err(wrong_type(param)),
                (None, Some(default)) => bound.push(default.clone()),
                (None, None) => {
                    let name = &param.name;
                    return Err(CommandError::NativeMismatch(format!(
                        "missing a required argument: '{name}'"
                    )));
                }
            }
        }
        if values.next().is_some() {
            return Err(CommandError::NativeMismatch(
                "too many positional arguments".to_owned(),
            ));
        }
        Ok(bound)
    }
}

fn wrong_type(param: &Param) -> CommandError {
    CommandError::NativeMismatch(format!("argument {} is no {}", param.name, param.kind))
}

fn label(param: &Param) -> String {
    let star = if param.is_variadic { "*" } else { "" };
    format!("{star}{}", param.name)
}

fn param(text: &str) -> Option<Param> {
    let (name, kind) = text.split_once(':')?;
    let (kind, default) = match kind.split_once('=') {
        Some((kind, default)) => (kind, Some(default)),
        None => (kind, None),
    };
    let kind = ParamKind::parse(kind)?;
    let default = match default {
        Some(word) => Some(kind.parse_word(word)?.ok()?),
        None => None,
    };
    Some(Param {
        name: name.trim_start_matches('*').to_owned(),
        is_variadic: name.starts_with('*'),
        kind,
        default,
    })
}
