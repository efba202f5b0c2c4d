//! What commands take and give.

/// An identifier of a flow, as text.
pub type FlowId = String;

/// A cell of a table: text, or bytes that are kept as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Text.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// An argument or a result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandValue {
    /// Nothing.
    Null,
    /// A switch.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list of texts.
    StrList(Vec<String>),
    /// Flows; a single flow is a list of one.
    Flows(Vec<FlowId>),
    /// Rows of cells.
    Table(Vec<Vec<Cell>>),
}

/// Why a command did not work. The texts are those that users of mitmproxy know, hence their form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// A line without words.
    #[error("Invalid command: ''")]
    Empty,
    /// No command has this name.
    #[error("Unknown command: {0}")]
    Unknown(String),
    /// Too few or too many words.
    #[error("Command argument mismatch: \n    Expected: {expected}\n    Received: [{}]", quoted(.received))]
    Mismatch {
        /// The parameters.
        expected: String,
        /// The words.
        received: Vec<String>,
    },
    /// Too few or too many native arguments, or one of the wrong type.
    #[error("command argument mismatch: {0}")]
    NativeMismatch(String),
    /// A word that does not fit its parameter.
    #[error("{0}")]
    Argument(String),
    /// A command gave something else than it declares.
    #[error("{name} returned unexpected data - expected {expected}")]
    Returned {
        /// The command.
        name: String,
        /// The declared type.
        expected: String,
    },
    /// The command itself failed.
    #[error("{0}")]
    Failed(String),
}

impl CommandError {
    /// A failure of the command itself, with the text for the user.
    pub fn failed(text: impl std::fmt::Display) -> Self {
        Self::Failed(text.to_string())
    }
}

fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    words.join(", ")
}

/// The arguments of a call, one for each parameter; a variable number of words is one list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args(pub Vec<CommandValue>);

impl Args {
    /// The text at a position.
    pub fn str(&self, at: usize) -> Result<&str, CommandError> {
        match self.0.get(at) {
            Some(CommandValue::Str(value)) => Ok(value),
            _ => Err(wrong(at, "str")),
        }
    }

    /// The number at a position.
    pub fn int(&self, at: usize) -> Result<i64, CommandError> {
        match self.0.get(at) {
            Some(CommandValue::Int(value)) => Ok(*value),
            _ => Err(wrong(at, "int")),
        }
    }

    /// The switch at a position.
    pub fn bool(&self, at: usize) -> Result<bool, CommandError> {
        match self.0.get(at) {
            Some(CommandValue::Bool(value)) => Ok(*value),
            _ => Err(wrong(at, "bool")),
        }
    }

    /// The bytes at a position.
    pub fn bytes(&self, at: usize) -> Result<&[u8], CommandError> {
        match self.0.get(at) {
            Some(CommandValue::Bytes(value)) => Ok(value),
            _ => Err(wrong(at, "bytes")),
        }
    }

    /// The list of texts at a position.
    pub fn list(&self, at: usize) -> Result<&[String], CommandError> {
        match self.0.get(at) {
            Some(CommandValue::StrList(value)) => Ok(value),
            _ => Err(wrong(at, "str[]")),
        }
    }

    /// The flows at a position.
    pub fn flows(&self, at: usize) -> Result<&[FlowId], CommandError> {
        match self.0.get(at) {
            Some(CommandValue::Flows(value)) => Ok(value),
            _ => Err(wrong(at, "flow[]")),
        }
    }

    /// The single flow at a position.
    pub fn flow(&self, at: usize) -> Result<&FlowId, CommandError> {
        match self.flows(at)? {
            [flow] => Ok(flow),
            _ => Err(wrong(at, "flow")),
        }
    }
}

fn wrong(at: usize, expected: &str) -> CommandError {
    CommandError::NativeMismatch(format!("argument {} is no {expected}", at + 1))
}
