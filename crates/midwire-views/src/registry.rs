//! The set of views and the choice among them.

use std::sync::Arc;

use crate::highlight::Syntax;
use crate::metadata::Metadata;
use crate::view::{ContentView, ViewError};
use crate::{clean_text, text, views};

/// Name that asks for the automatic choice.
const AUTO: &str = "auto";

/// A message as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text, safe for a terminal.
    pub text: String,
    /// How it is coloured.
    pub syntax: Syntax,
    /// Display name of the view; empty when there was no content.
    pub view_name: String,
    /// Notes for the reader such as `[failed to parse as JSON]`; empty when there are none.
    pub description: String,
    /// Why the view that was chosen first did not work, in one line.
    pub failure: Option<String>,
    /// A warning to log, e.g. about an unknown view name.
    pub warning: Option<String>,
}

impl Rendered {
    /// What is shown for a message whose content was not kept.
    pub fn missing() -> Self {
        Self {
            text: "Content is missing.".to_owned(),
            syntax: Syntax::Error,
            view_name: String::new(),
            description: String::new(),
            failure: None,
            warning: None,
        }
    }
}

/// All views in order of registration; cheap to clone.
#[derive(Clone)]
pub struct Registry {
    views: Vec<Arc<dyn ContentView>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            views: views::built_in(),
        }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.views.iter().map(|view| view.name()))
            .finish()
    }
}

impl Registry {
    /// The built-in views.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a view, or replaces the one of the same name in its place.
    pub fn add(&mut self, view: Arc<dyn ContentView>) {
        match self
            .views
            .iter_mut()
            .find(|old| old.name().eq_ignore_ascii_case(view.name()))
        {
            Some(old) => *old = view,
            None => self.views.push(view),
        }
    }

    /// Removes a view; true if it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.views.len();
        self.views
            .retain(|view| !view.name().eq_ignore_ascii_case(name));
        self.views.len() < before
    }

    /// The view of a name, without regard to case.
    pub fn view(&self, name: &str) -> Option<&Arc<dyn ContentView>> {
        self.views
            .iter()
            .find(|view| view.name().eq_ignore_ascii_case(name))
    }

    /// Names for lists: lower case, sorted, `auto` first.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .views
            .iter()
            .map(|view| view.name().to_lowercase())
            .collect();
        names.sort();
        names.insert(0, AUTO.to_owned());
        names
    }

    /// Shows content as text with the view of the given name, or with the best one for `auto`. Never fails.
    ///
    /// A view that was chosen automatically and cannot read the content gives way to raw text; one that was named
    /// leads to an error text. An unknown name leads to the automatic choice and a warning.
    pub fn render(&self, data: &[u8], meta: &Metadata<'_>, name: &str) -> Rendered {
        let named = if name.eq_ignore_ascii_case(AUTO) {
            None
        } else {
            self.view(name)
        };
        let warning = (named.is_none() && !name.eq_ignore_ascii_case(AUTO)).then(|| {
            format!(
                "unknown content view {:?}, using the best match",
                crate::clean_line(name)
            )
        });
        let Some(view) = named.or_else(|| self.best(data, meta)) else {
            return Rendered {
                warning,
                ..raw(data)
            };
        };
        let rendered = match view.prettify(data, meta) {
            Ok(text) => Rendered {
                text,
                syntax: view.syntax(),
                view_name: view.name().to_owned(),
                description: String::new(),
                failure: None,
                warning: None,
            },
            Err(error) if named.is_some() => failed(view.name(), &error),
            Err(error) => Rendered {
                description: format!("[failed to parse as {}]", view.name()),
                failure: Some(reason(&error)),
                ..raw(data)
            },
        };
        Rendered {
            text: clean_text(&rendered.text).into_owned(),
            warning,
            ..rendered
        }
    }

    /// Turns edited text back into content.
    pub fn reencode(
        &self,
        text: &str,
        meta: &Metadata<'_>,
        name: &str,
    ) -> Result<Vec<u8>, ViewError> {
        let view = self.view(name).ok_or(ViewError::NotApplicable(
            "there is no content view of this name",
        ))?;
        view.reencode(text, meta)
    }

    /// The view of highest priority; the one registered first among equals.
    fn best(&self, data: &[u8], meta: &Metadata<'_>) -> Option<&Arc<dyn ContentView>> {
        let mut best: Option<(&Arc<dyn ContentView>, f64)> = None;
        for view in &self.views {
            let priority = view.render_priority(data, meta);
            // A NaN of a script view compares as false and so counts as no priority.
            if best.is_none_or(|(_, highest)| priority > highest) && !priority.is_nan() {
                best = Some((view, priority));
            }
        }
        best.map(|(view, _)| view)
    }
}

fn raw(data: &[u8]) -> Rendered {
    Rendered {
        text: clean_text(&text::show_bytes(text::without_mark(data))).into_owned(),
        syntax: Syntax::None,
        view_name: "Raw".to_owned(),
        description: String::new(),
        failure: None,
        warning: None,
    }
}

fn failed(name: &str, error: &ViewError) -> Rendered {
    Rendered {
        text: format!("Couldn't parse as {name}:\n{error}"),
        syntax: Syntax::Error,
        view_name: name.to_owned(),
        description: String::new(),
        failure: Some(reason(error)),
        warning: None,
    }
}

fn reason(error: &ViewError) -> String {
    crate::clean_line(&error.to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shout(&'static str, f64);

    impl ContentView for Shout {
        fn name(&self) -> &str {
            self.0
        }
        fn render_priority(&self, _: &[u8], _: &Metadata<'_>) -> f64 {
            self.1
        }
        fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
            if data == b"bad" {
                return Err(ViewError::Other("no\nway".to_owned()));
            }
            Ok(format!("\x1b{}", text::show_bytes(data).to_uppercase()))
        }
    }

    #[test]
    fn names_are_sorted_with_auto_first() {
        assert_eq!(
            Registry::new().names().join(", "),
            "auto, dns, graphql, grpc, hex dump, hex stream, http/3 frames, image, javascript, json, mqtt, msgpack, \
             multipart form, protobuf, query, raw, socket.io, url-encoded, viewcss, wbxml, xml/html, zip archive"
        );
    }

    #[test]
    fn views_can_be_added_replaced_and_removed() {
        let mut registry = Registry::new();
        let meta = Metadata::default();
        assert_eq!(registry.render(b"x", &meta, "shout").view_name, "Raw");
        registry.add(Arc::new(Shout("Shout", 9.0)));
        assert_eq!(registry.render(b"x", &meta, "auto").text, ".X");
        registry.add(Arc::new(Shout("shout", f64::NAN)));
        assert_eq!(registry.render(b"x", &meta, "auto").view_name, "Raw");
        assert_eq!(registry.render(b"x", &meta, "SHOUT").text, ".X");
        assert!(registry.remove("Shout"));
        assert!(!registry.remove("Shout"));
    }

    #[test]
    fn first_registered_wins_among_equals() {
        let mut registry = Registry::new();
        registry.add(Arc::new(Shout("one", 2.0)));
        registry.add(Arc::new(Shout("two", 2.0)));
        assert_eq!(
            registry
                .render(b"x", &Metadata::default(), "auto")
                .view_name,
            "one"
        );
    }

    #[test]
    fn failure_falls_back_or_is_told() {
        let mut registry = Registry::new();
        registry.add(Arc::new(Shout("Shout", 2.0)));
        let meta = Metadata::default();
        let auto = registry.render(b"bad", &meta, "auto");
        assert_eq!(
            (auto.text.as_str(), auto.view_name.as_str()),
            ("bad", "Raw")
        );
        assert_eq!(auto.description, "[failed to parse as Shout]");
        assert_eq!(auto.failure.as_deref(), Some("no.way"));
        let named = registry.render(b"bad", &meta, "shout");
        assert_eq!(named.text, "Couldn't parse as Shout:\nno\nway");
        assert_eq!(
            (named.syntax, named.view_name.as_str()),
            (Syntax::Error, "Shout")
        );
    }

    #[test]
    fn unknown_names_are_warned_of() {
        let rendered = Registry::new().render(b"abc", &Metadata::default(), "nosuch");
        assert_eq!(
            (rendered.text.as_str(), rendered.view_name.as_str()),
            ("abc", "Raw")
        );
        assert!(
            rendered
                .warning
                .is_some_and(|warning| warning.contains("nosuch"))
        );
    }
}
