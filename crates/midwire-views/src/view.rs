//! The interface of a content view and what can go wrong in one.

use crate::highlight::Syntax;
use crate::metadata::Metadata;

/// Shows one format as text.
pub trait ContentView: Send + Sync {
    /// Display name; looked up without regard to case.
    fn name(&self) -> &str;

    /// How the text is coloured.
    fn syntax(&self) -> Syntax {
        Syntax::None
    }

    /// How well the view suits the content; the automatic choice takes the highest, above 0.1 to beat raw text.
    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64;

    /// The content as text.
    fn prettify(&self, data: &[u8], meta: &Metadata<'_>) -> Result<String, ViewError>;

    /// True when [`ContentView::reencode`] works, so an editor may offer the text for change.
    fn is_interactive(&self) -> bool {
        false
    }

    /// Turns edited text back into content.
    fn reencode(&self, text: &str, meta: &Metadata<'_>) -> Result<Vec<u8>, ViewError> {
        let _ = (text, meta);
        Err(ViewError::NotInteractive)
    }
}

/// Why a view could not show its input.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The input does not follow the format.
    #[error("expected {expected} at byte {at}")]
    Expected {
        /// What the format asks for.
        expected: &'static str,
        /// Offset in the input.
        at: usize,
    },
    /// The input ends too early.
    #[error("input ends inside {0}")]
    Truncated(&'static str),
    /// Nesting beyond the limit.
    #[error("nested deeper than {0} levels")]
    TooDeep(usize),
    /// The text would be larger than the limit.
    #[error("text larger than {0} bytes")]
    TooLarge(usize),
    /// A code that the format does not define.
    #[error("unknown {what} {value}")]
    Unknown {
        /// Kind of code.
        what: &'static str,
        /// The code.
        value: u64,
    },
    /// The view does not apply to this message.
    #[error("{0}")]
    NotApplicable(&'static str),
    /// Text that is not UTF-8.
    #[error("not utf-8 at byte {0}")]
    NotUtf8(usize),
    /// The text of an edit cannot be turned into content.
    #[error("this view cannot turn text back into content")]
    NotInteractive,
    /// The reader of a library or a script view failed.
    #[error("{0}")]
    Other(String),
}

impl From<std::str::Utf8Error> for ViewError {
    fn from(error: std::str::Utf8Error) -> Self {
        Self::NotUtf8(error.valid_up_to())
    }
}
