//! JSON.

use super::{FITS, NEVER};
use crate::{ContentView, Metadata, Out, Syntax, ViewError, json};

/// Re-indents JSON.
pub(crate) struct Json;

impl ContentView for Json {
    fn name(&self) -> &'static str {
        "JSON"
    }

    fn syntax(&self) -> Syntax {
        Syntax::Yaml
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        let is_json = meta.media_type().is_some_and(|media| {
            media == "application/json-rpc"
                || (media.starts_with("application/") && media.ends_with("json"))
        });
        if is_json && !data.is_empty() {
            FITS
        } else {
            NEVER
        }
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        let mut out = Out::for_input(data.len());
        json::pretty(data, "    ", &mut out)?;
        Ok(out.finish())
    }
}
