//! Why an option cannot be set.

/// A refused change of options. The texts are those that users of mitmproxy know, hence their form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// No option has this name.
    #[error("Unknown option(s): {}", .0.join(", "))]
    Unknown(Vec<String>),
    /// The value has the wrong type.
    #[error("Expected {expected} for {name}, but got {got}.")]
    Type {
        /// The option.
        name: String,
        /// The type it has.
        expected: &'static str,
        /// The type of the value.
        got: &'static str,
    },
    /// The text is not a size.
    #[error("Invalid {name} specification: {text}")]
    Size {
        /// The option.
        name: String,
        /// The text.
        text: String,
    },
    /// The value is not among those allowed.
    #[error("Invalid value for {name}: '{value}' (choose from {})", quoted(.choices))]
    Choice {
        /// The option.
        name: String,
        /// The value.
        value: String,
        /// What is allowed.
        choices: Vec<String>,
    },
    /// An option that needs a value was given none.
    #[error("Option is required: {0}")]
    Required(String),
    /// Text that is not a number.
    #[error("Failed to parse option {name}: not an integer: {text}")]
    NotAnInteger {
        /// The option.
        name: String,
        /// The text.
        text: String,
    },
    /// Text that is not a switch.
    #[error(
        "Failed to parse option {name}: boolean must be true, false or toggle, or left out for true, got {text}"
    )]
    NotABool {
        /// The option.
        name: String,
        /// The text.
        text: String,
    },
    /// Several values for an option that takes one.
    #[error("Received multiple values for {name}: [{}]", quoted(.values))]
    Multiple {
        /// The option.
        name: String,
        /// The values.
        values: Vec<String>,
    },
    /// A component does not accept the new values.
    #[error("{0}")]
    Refused(String),
    /// A script gave a built-in option another kind.
    #[error("option {name} is built in and stays {kind}")]
    BuiltinKind {
        /// The option.
        name: String,
        /// The kind it keeps.
        kind: &'static str,
    },
    /// Others kept changing options meanwhile.
    #[error("options keep changing, giving up")]
    Busy,
}

/// Texts in single quotes, with commas between them.
fn quoted(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("'{item}'")).collect();
    items.join(", ")
}
