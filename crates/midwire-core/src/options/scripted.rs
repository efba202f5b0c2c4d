//! Options that scripts declare while the program runs.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    spec::OptionSpec,
    value::{Kind, Value},
};

/// Everything about an option that was not written into the table but given at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name.
    pub name: String,
    /// The kind of values.
    pub kind: Kind,
    /// The value before anybody set one.
    pub default: Value,
    /// A text for people.
    pub help: String,
    /// The values allowed, empty if any will do.
    pub choices: Vec<String>,
}

impl Definition {
    /// The definition of a built-in option.
    pub fn builtin(spec: &OptionSpec) -> Self {
        Self {
            name: spec.name.to_owned(),
            kind: spec.kind,
            default: spec.default_value(),
            help: spec.help.to_owned(),
            choices: spec.meta.choices.iter().map(|&s| s.to_owned()).collect(),
        }
    }
}

/// The run-time part of [`Options`](super::Options).
#[derive(Clone, Debug, Default)]
pub(super) struct Scripted {
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    definition: Arc<Definition>,
    /// `None` for an override of a built-in option, whose value stays in the typed struct.
    value: Option<Value>,
}

impl Scripted {
    pub(super) fn definition(&self, name: &str) -> Option<&Arc<Definition>> {
        Some(&self.entries.get(name)?.definition)
    }

    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.entries.get(name)?.value.as_ref()
    }

    /// Sets the value of a declared option; the caller has checked its kind.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        if let Some(slot) = self
            .entries
            .get_mut(name)
            .and_then(|entry| entry.value.as_mut())
        {
            *slot = value;
        }
    }

    /// Adds an option with its default value.
    pub(super) fn declare(&mut self, definition: Definition) {
        let value = Some(definition.default.clone());
        self.insert(definition, value);
    }

    /// Replaces what is known about a built-in option.
    pub(super) fn redefine_builtin(&mut self, definition: Definition) {
        self.insert(definition, None);
    }

    fn insert(&mut self, definition: Definition, value: Option<Value>) {
        let entry = Entry {
            definition: Arc::new(definition),
            value,
        };
        self.entries.insert(entry.definition.name.clone(), entry);
    }

    pub(super) fn definitions(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.entries.values().map(|entry| &entry.definition)
    }
}
