//! Content views of scripts beside the built-in ones.

use std::borrow::Cow;
use std::sync::Arc;

use midwire_core::Kernel;
use midwire_core::script_views::{ScriptView, ViewedMessage};
use midwire_views::{ContentView, MessageKind, Metadata, Registry, Syntax, ViewError};

/// The views of a registry with those of scripts, as they are at this moment.
pub fn with_script_views<'a>(kernel: &Kernel, built_in: &'a Registry) -> Cow<'a, Registry> {
    let views = kernel.script_views().all();
    if views.is_empty() {
        return Cow::Borrowed(built_in);
    }
    let mut registry = built_in.clone();
    for view in views {
        registry.add(Arc::new(Foreign(view)));
    }
    Cow::Owned(registry)
}

/// A view of a script as a view.
struct Foreign(Arc<dyn ScriptView>);

fn about<'a>(meta: &Metadata<'a>) -> ViewedMessage<'a> {
    ViewedMessage {
        content_type: meta.content_type,
        kind: match meta.message {
            MessageKind::Request | MessageKind::Response => "http",
            MessageKind::WebSocket => "websocket",
            MessageKind::Tcp => "tcp",
            MessageKind::Udp => "udp",
            MessageKind::Dns => "dns",
        },
    }
}

impl ContentView for Foreign {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn syntax(&self) -> Syntax {
        match self.0.syntax() {
            "css" => Syntax::Css,
            "javascript" => Syntax::JavaScript,
            "xml" => Syntax::Xml,
            "yaml" => Syntax::Yaml,
            "error" => Syntax::Error,
            _ => Syntax::None,
        }
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        self.0.priority(data, about(meta))
    }

    fn prettify(&self, data: &[u8], meta: &Metadata<'_>) -> Result<String, ViewError> {
        self.0.prettify(data, about(meta)).map_err(ViewError::Other)
    }
}
