//! The content as it is.

use crate::text::without_mark;
use crate::{ContentView, Metadata, ViewError, show_bytes};

/// Shows text as it is, and bytes that are no text as `\xNN`.
pub(crate) struct Raw;

impl ContentView for Raw {
    fn name(&self) -> &'static str {
        "Raw"
    }

    fn render_priority(&self, _: &[u8], _: &Metadata<'_>) -> f64 {
        0.1
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        Ok(show_bytes(without_mark(data)))
    }
}
