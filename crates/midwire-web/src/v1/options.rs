//! Options with where their values came from.

use std::collections::BTreeMap;

use midwire_core::options::{OptionStore, Value};

/// Values at the start, to tell what was set since.
pub(crate) struct Origins {
    values: BTreeMap<String, Value>,
}

impl Origins {
    pub(crate) fn now(store: &OptionStore) -> Self {
        let names = store.definitions().into_iter().map(|one| one.name);
        let values = names.filter_map(|name| {
            let value = store.value(&name)?;
            Some((name, value))
        });
        Self {
            values: values.collect(),
        }
    }
}
