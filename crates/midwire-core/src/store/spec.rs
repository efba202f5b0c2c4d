//! Flow specifications (commands.md §4).

use std::sync::Arc;

use midwire_flow::filter::{Filter, FilterError};
use midwire_flow::{Flow, Id};

use super::Store;

/// Characters that the text after `@` must at least have to be taken for identifiers.
const IDENTIFIER: usize = 36;

impl Store {
    /// The flows that a specification means: a set such as `@shown`, identifiers, or a filter.
    ///
    /// # Errors
    /// A filter that cannot be parsed.
    pub fn resolve(&self, spec: &str) -> Result<Vec<Id>, FilterError> {
        let marked = |flow: &&Arc<Flow>| !flow.info().marked.is_empty();
        Ok(match spec {
            "@all" => ids(&self.all()),
            "@focus" => ids(self.focus().as_slice()),
            "@shown" => ids(&self.rows(0, usize::MAX)),
            "@hidden" => self.hidden(),
            "@marked" => ids(self.all().iter().filter(marked)),
            "@unmarked" => ids(self.all().iter().filter(|flow| !marked(flow))),
            _ => match identifiers(spec) {
                Some(wanted) => {
                    let mut found = ids(&self.all());
                    found.retain(|id| wanted.contains(id));
                    found
                }
                None => ids(&self.select(&Filter::parse(spec)?)),
            },
        })
    }
}

fn ids<'a>(flows: impl IntoIterator<Item = &'a Arc<Flow>>) -> Vec<Id> {
    flows
        .into_iter()
        .map(|flow| flow.info().id.clone())
        .collect()
}

fn identifiers(spec: &str) -> Option<std::collections::HashSet<Id>> {
    let list = spec.strip_prefix('@')?;
    let start = list
        .bytes()
        .take_while(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-' | b','))
        .count();
    (start >= IDENTIFIER).then(|| list.split(',').map(Id::parse).collect())
}
