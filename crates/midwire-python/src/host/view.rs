//! Content views of scripts.

use std::sync::{Arc, Weak};
use std::time::Duration;

use midwire_core::script_views::{ScriptView, ViewedMessage};
use midwire_flow::Value;

use super::{Inner, blocking};
use crate::frame::Op;
use crate::worker::CallError;

/// How long a view may take; then the built-in ones show the content.
const VIEW_WAIT: Duration = Duration::from_secs(5);

/// A view that a script has registered.
pub(super) struct HostView {
    pub(super) host: Weak<Inner>,
    pub(super) name: String,
    pub(super) syntax: String,
}

impl HostView {
    fn ask(&self, what: &str, data: &[u8], message: ViewedMessage<'_>) -> Result<Value, CallError> {
        let host: Arc<Inner> = self.host.upgrade().ok_or(CallError::Gone)?;
        let worker = host.workers().into_iter().next().ok_or(CallError::Gone)?;
        let put = |w: &mut crate::value::Writer| {
            w.tuple(5);
            w.text(&self.name);
            w.text(what);
            w.bytes(data);
            w.opt(message.content_type, crate::value::Writer::text);
            w.text(message.kind);
        };
        blocking(|| worker.call_blocking(Op::Render, VIEW_WAIT, put))
    }
}

impl ScriptView for HostView {
    fn name(&self) -> &str {
        &self.name
    }

    fn syntax(&self) -> &str {
        &self.syntax
    }

    fn priority(&self, data: &[u8], message: ViewedMessage<'_>) -> f64 {
        match self.ask("priority", data, message) {
            Ok(Value::Float(priority)) => priority,
            Ok(Value::Int(priority)) => priority as f64,
            _ => -1.0,
        }
    }

    fn prettify(&self, data: &[u8], message: ViewedMessage<'_>) -> Result<String, String> {
        match self.ask("prettify", data, message) {
            Ok(Value::Text(text)) => Ok(text),
            Ok(_) => Err("the view gave no text".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}
