//! Content views of scripts, for whoever shows content.

use std::sync::{Arc, PoisonError, RwLock};

/// What a view of a script is told about a message.
#[derive(Clone, Copy, Debug, Default)]
pub struct ViewedMessage<'a> {
    /// Value of the content-type field as received.
    pub content_type: Option<&'a str>,
    /// `http`, `websocket`, `tcp`, `udp` or `dns`.
    pub kind: &'static str,
}

/// A content view that a script has registered. Its methods wait for the script.
pub trait ScriptView: Send + Sync {
    /// Display name; looked up without regard to case.
    fn name(&self) -> &str;

    /// How the text is coloured, in mitmproxy's words: `css`, `javascript`, `xml`, `yaml`, `none` or `error`.
    fn syntax(&self) -> &str;

    /// How well the view suits the content; negative if it must not be chosen by itself.
    fn priority(&self, data: &[u8], message: ViewedMessage<'_>) -> f64;

    /// The content as text.
    ///
    /// # Errors
    /// What the script says, one line.
    fn prettify(&self, data: &[u8], message: ViewedMessage<'_>) -> Result<String, String>;
}

/// All views of scripts, in order of registration.
#[derive(Default)]
pub struct ScriptViews(RwLock<Vec<Arc<dyn ScriptView>>>);

impl ScriptViews {
    /// Adds a view, or replaces the one of the same name.
    pub fn add(&self, view: Arc<dyn ScriptView>) {
        let mut views = self.0.write().unwrap_or_else(PoisonError::into_inner);
        views.retain(|old| !old.name().eq_ignore_ascii_case(view.name()));
        views.push(view);
    }

    /// The views at present.
    pub fn all(&self) -> Vec<Arc<dyn ScriptView>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
