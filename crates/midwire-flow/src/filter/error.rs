//! Why an expression is refused.

use std::fmt;

use super::repr::repr_text;

/// A filter expression that is refused. `Display` gives [`FilterError::message`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// What mitmproxy says: `Invalid filter expression: '...'` or `Empty filter expression`.
    pub message: String,
    /// Where it went wrong, as a byte offset of the expression.
    pub position: usize,
    /// What went wrong there, one line.
    pub reason: String,
    expression: String,
}

impl FilterError {
    pub(super) fn empty() -> Self {
        Self {
            message: "Empty filter expression".to_owned(),
            position: 0,
            reason: "the expression is empty".to_owned(),
            expression: String::new(),
        }
    }

    pub(super) fn invalid(expression: &str, position: usize, reason: impl Into<String>) -> Self {
        Self {
            message: format!("Invalid filter expression: {}", repr_text(expression)),
            position,
            reason: reason.into(),
            expression: expression.to_owned(),
        }
    }

    /// Three lines for a terminal: the expression, a caret under the place, and the reason.
    pub fn caret(&self) -> String {
        let mut out = String::new();
        // Control characters would move the caret away from its place.
        out.extend(
            self.expression
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c }),
        );
        out.push('\n');
        let before = self.expression.get(..self.position).unwrap_or_default();
        out.extend(std::iter::repeat_n(' ', before.chars().count()));
        let _ = fmt::Write::write_fmt(&mut out, format_args!("^\n{}", self.reason));
        out
    }
}
