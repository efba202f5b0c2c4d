//! The flow store: flows that are seen, held or done, and the list of them that front ends show.
//!
//! A [`Store`] is a cloneable handle around one short plain lock (architecture.md §5). Flows are shared snapshots;
//! filters run without the lock. Changes go out as a broadcast; a reader that lags loads its window again.

mod budget;
mod change;
mod entry;
mod inner;
mod list;
mod order;
mod sorted;
mod spec;
mod view;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use midwire_flow::filter::Filter;
use midwire_flow::{Flow, Id};
use tokio::sync::broadcast;

pub use budget::Limits;
pub use change::Change;
pub use list::{Cancel, Judge, List, Placing, SortKey, Stored, Synced};
pub use order::Order;
pub use view::Counts;

use crate::hooks::FlowRef;
use budget::Segments;
use inner::{Cause, Inner};

/// The flow store, a cloneable handle.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    inner: Mutex<Inner>,
    changes: broadcast::Sender<Change>,
    segments: Mutex<Segments>,
    tidying: AtomicBool,
}

/// Times that a filter is run again without the lock when the flow changes meanwhile; then it runs under the lock.
const PATIENCE: usize = 4;

impl Default for Store {
    fn default() -> Self {
        let (changes, _) = broadcast::channel(change::CHANGES_KEPT);
        Self(Arc::new(Shared {
            inner: Mutex::new(Inner::new(changes.clone())),
            changes,
            segments: Mutex::default(),
            tidying: AtomicBool::new(false),
        }))
    }
}

impl Store {
    /// An empty store without limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes from now on. A reader that lags is told so by the channel and loads its window again.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.0.changes.subscribe()
    }

    /// Adds a flow, or takes over its new state if it is stored already.
    pub fn put(&self, flow: FlowRef<'_>) {
        if !self.update(flow) {
            self.add(flow.to_flow());
        }
    }

    /// Adds a flow; false if one with its identifier is stored already.
    pub fn add(&self, flow: Flow) -> bool {
        let (seq, dropped, evicted);
        {
            let mut inner = self.lock();
            if inner.ids.contains_key(&flow.info().id) {
                return false;
            }
            seq = inner.insert(flow);
            dropped = inner.enforce_limit();
            evicted = inner.hold_the_line();
        }
        drop((dropped, evicted));
        self.settle(seq, Cause::Added);
        self.tidy_soon();
        true
    }

    /// Takes over the new state of a stored flow; false if it is not stored.
    ///
    /// A mark or comment that a user gave stays until the owner of the flow gives another.
    pub fn update(&self, flow: FlowRef<'_>) -> bool {
        let (seq, evicted);
        {
            let mut inner = self.lock();
            let Some(&found) = inner.ids.get(&flow.info().id) else {
                return false;
            };
            seq = found;
            let Some(entry) = inner.entries.get_mut(&seq) else {
                return false;
            };
            // What came from here is here.
            if same_place(&entry.flow, flow) {
                return true;
            }
            entry.absorb(flow);
            inner.committed(seq);
            evicted = inner.hold_the_line();
        }
        drop(evicted);
        self.settle(seq, Cause::Updated);
        self.tidy_soon();
        true
    }

    /// Changes a stored flow and gives its new state; `None` if it is not stored.
    ///
    /// The change runs on a copy without the lock, again if the flow was changed meanwhile. A running flow has another
    /// owner, whose next state replaces what was changed here, except mark and comment.
    pub fn edit(&self, id: &Id, mut change: impl FnMut(&mut Flow)) -> Option<Arc<Flow>> {
        loop {
            let old = self.get(id)?;
            let mut flow = Flow::clone(&old);
            change(&mut flow);
            flow.info_mut().id = id.clone();
            let new = Arc::new(flow);
            let seq;
            {
                let mut inner = self.lock();
                seq = *inner.ids.get(id)?;
                let entry = inner.entries.get_mut(&seq)?;
                if !Arc::ptr_eq(&entry.flow, &old) {
                    continue;
                }
                entry.flow = Arc::clone(&new);
                inner.committed(seq);
            }
            self.settle(seq, Cause::Updated);
            self.tidy_soon();
            return Some(new);
        }
    }

    /// A stored flow.
    pub fn get(&self, id: &Id) -> Option<Arc<Flow>> {
        self.lock().entry(id).map(|entry| Arc::clone(&entry.flow))
    }

    /// True if the content of a flow was dropped to save memory.
    pub fn was_evicted(&self, id: &Id) -> bool {
        self.lock().entry(id).is_some_and(|entry| entry.evicted)
    }

    /// All flows in the order in which they came.
    pub fn all(&self) -> Vec<Arc<Flow>> {
        let inner = self.lock();
        let flows = inner.entries.values();
        flows.map(|entry| Arc::clone(&entry.flow)).collect()
    }

    /// The flows that match a filter, in the order in which they came. Runs without the lock.
    pub fn select(&self, filter: &Filter) -> Vec<Arc<Flow>> {
        let mut flows = self.all();
        flows.retain(|flow| filter.matches(flow));
        flows
    }

    /// Removes flows; gives how many of them were stored.
    pub fn remove<'a>(&self, ids: impl IntoIterator<Item = &'a Id>) -> usize {
        let mut gone = Vec::new();
        {
            let mut inner = self.lock();
            for id in ids {
                if let Some(seq) = inner.ids.get(id).copied() {
                    gone.extend(inner.remove(seq));
                }
            }
        }
        gone.len()
    }

    /// Removes all flows.
    pub fn clear(&self) {
        self.clear_where(|_| true);
    }

    /// Removes all flows without a mark.
    pub fn clear_unmarked(&self) {
        self.clear_where(|flow| flow.info().marked.is_empty());
    }

    /// Evaluates filter and order for a flow without the lock, then puts it into its place.
    fn settle(&self, seq: u64, cause: Cause) {
        for _ in 0..PATIENCE {
            let (flow, rules) = {
                let inner = self.lock();
                let Some(entry) = inner.entries.get(&seq) else {
                    return;
                };
                (Arc::clone(&entry.flow), Arc::clone(&inner.rules))
            };
            let show = rules.show(&flow);
            let key = rules.order.key(&flow);
            let mut inner = self.lock();
            let unchanged = Arc::ptr_eq(&rules, &inner.rules)
                && inner
                    .entries
                    .get(&seq)
                    .is_some_and(|entry| Arc::ptr_eq(&entry.flow, &flow));
            if unchanged {
                inner.place(seq, key, show, cause);
                return;
            }
        }
        let mut inner = self.lock();
        let Some(flow) = inner.entries.get(&seq).map(|entry| Arc::clone(&entry.flow)) else {
            return;
        };
        let (key, show) = (inner.rules.order.key(&flow), inner.rules.show(&flow));
        inner.place(seq, key, show, cause);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn same_place(stored: &Flow, given: FlowRef<'_>) -> bool {
    match (stored, given) {
        (Flow::Http(stored), FlowRef::Http(given)) => std::ptr::eq(&raw const **stored, given),
        (Flow::Tcp(stored), FlowRef::Tcp(given)) | (Flow::Udp(stored), FlowRef::Udp(given)) => {
            std::ptr::eq(stored, given)
        }
        (Flow::Dns(stored), FlowRef::Dns(given)) => std::ptr::eq(&raw const **stored, given),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
