//! Independent lists of flows: every reader has its own filter and order, and pulls what is new when it likes.
//!
//! The store does no work for a list. It only numbers changes; a list asks for those after the last one it knows, so
//! that a reader that sleeps costs nothing, and one that lags catches up in one step.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use midwire_flow::{Flow, Id};

use super::Store;
use super::sorted::Sorted;

/// A stored flow with what the store knows about it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its number in this capture, counted from 0 in the order in which flows came.
    pub number: u64,
    /// The flow.
    pub flow: Arc<Flow>,
    /// Its content was dropped to save memory.
    pub evicted: bool,
}

/// What a list is sorted by. Numbers come before texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    /// A number.
    Number(u64),
    /// A text.
    Text(Arc<str>),
}

impl SortKey {
    /// The key of a float, such that keys sort as the floats do (IEEE 754 §5.10).
    pub fn float(value: f64) -> Self {
        let bits = value.to_bits();
        Self::Number(if bits >> 63 == 0 {
            bits | 1 << 63
        } else {
            !bits
        })
    }
}

/// What a list does with a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placing {
    /// Its place among the others. Flows with equal keys stay in the order in which they came.
    pub key: SortKey,
    /// Whether it is in the list.
    pub shown: bool,
}

/// Decides about flows. It runs without any lock, on several threads.
pub type Judge = Arc<dyn Fn(&Stored) -> Placing + Send + Sync>;

/// Tells a long run that nobody waits for it any more.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Ends the run soon.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A list of flows with a filter and order of its own.
pub struct List {
    store: Store,
    judge: Judge,
    reversed: bool,
    items: Sorted<(SortKey, u64)>,
    /// What was decided about each flow.
    known: HashMap<u64, Placing>,
    /// The last change that is taken over.
    version: u64,
}

/// What [`List::sync`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// Flows that came, changed or were evicted.
    pub changed: Vec<u64>,
    /// Flows that are gone.
    pub removed: Vec<u64>,
}

impl Synced {
    /// True if nothing happened.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty()
    }
}

/// Flows that are judged between two looks at whether anybody still waits.
const CHUNK: usize = 512;

/// Threads that judge flows, at most; the traffic needs the others.
const THREADS: usize = 4;

impl Store {
    /// A list of the flows as they are now; `None` if it was cancelled.
    ///
    /// Judging many flows takes its time: call it where that may be.
    pub fn list(&self, judge: Judge, reversed: bool, cancel: &Cancel) -> Option<List> {
        let (version, flows) = {
            let inner = self.lock();
            let flows: Vec<Stored> = inner
                .entries
                .iter()
                .map(|(number, entry)| Stored {
                    number: *number,
                    flow: Arc::clone(&entry.flow),
                    evicted: entry.evicted,
                })
                .collect();
            (inner.commits, flows)
        };
        let known = judge_all(&judge, &flows, cancel)?;
        let mut items: Vec<(SortKey, u64)> = known
            .iter()
            .filter(|(_, placing)| placing.shown)
            .map(|(number, placing)| (placing.key.clone(), *number))
            .collect();
        items.sort_unstable();
        Some(List {
            store: self.clone(),
            judge,
            reversed,
            items: Sorted::from_ordered(items),
            known: known.into_iter().collect(),
            version,
        })
    }

    /// A stored flow with its number.
    pub fn stored(&self, id: &Id) -> Option<Stored> {
        let inner = self.lock();
        let number = *inner.ids.get(id)?;
        let entry = inner.entries.get(&number)?;
        Some(Stored {
            number,
            flow: Arc::clone(&entry.flow),
            evicted: entry.evicted,
        })
    }

    /// All flows with their numbers, in the order in which they came.
    pub fn all_stored(&self) -> Vec<Stored> {
        let inner = self.lock();
        let stored = inner.entries.iter().map(|(number, entry)| Stored {
            number: *number,
            flow: Arc::clone(&entry.flow),
            evicted: entry.evicted,
        });
        stored.collect()
    }
}

fn judge_all(judge: &Judge, flows: &[Stored], cancel: &Cancel) -> Option<Vec<(u64, Placing)>> {
    let share = |flows: &[Stored]| {
        let mut out = Vec::with_capacity(flows.len());
        for chunk in flows.chunks(CHUNK) {
            if cancel.is_cancelled() {
                return None;
            }
            out.extend(chunk.iter().map(|stored| (stored.number, judge(stored))));
        }
        Some(out)
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(THREADS));
    let size = flows.len().div_ceil(threads).max(8 * CHUNK);
    if flows.len() <= size {
        return share(flows);
    }
    std::thread::scope(|scope| {
        let judges: Vec<_> = flows
            .chunks(size)
            .map(|flows| (flows, scope.spawn(move || share(flows))))
            .collect();
        let mut all = Vec::with_capacity(flows.len());
        for (flows, judge) in judges {
            // A judge that panicked is our bug; its share is judged again, where the panic belongs to the caller.
            all.extend(judge.join().unwrap_or_else(|_| share(flows))?);
        }
        Some(all)
    })
}

impl List {
    /// Takes over what happened since the last time.
    pub fn sync(&mut self) -> Synced {
        let (changed, removed) = self.pull();
        let mut synced = Synced::default();
        for number in removed {
            if let Some(placing) = self.known.remove(&number) {
                if placing.shown {
                    self.items.remove(&(placing.key, number));
                }
                synced.removed.push(number);
            }
        }
        for stored in changed {
            let new = (self.judge)(&stored);
            let old = self.known.get(&stored.number);
            synced.changed.push(stored.number);
            if old == Some(&new) {
                continue;
            }
            if let Some(old) = old.filter(|old| old.shown) {
                self.items.remove(&(old.key.clone(), stored.number));
            }
            if new.shown {
                self.items.insert((new.key.clone(), stored.number));
            }
            self.known.insert(stored.number, new);
        }
        synced
    }

    fn pull(&mut self) -> (Vec<Stored>, Vec<u64>) {
        let inner = self.store.lock();
        let changed = inner.versions.range(self.version + 1..);
        let changed = changed.filter_map(|(_, number)| {
            let entry = inner.entries.get(number)?;
            Some(Stored {
                number: *number,
                flow: Arc::clone(&entry.flow),
                evicted: entry.evicted,
            })
        });
        let changed = changed.collect();
        let removed = if self.version < inner.removals_since {
            let known = self.known.keys().copied();
            known
                .filter(|number| !inner.entries.contains_key(number))
                .collect()
        } else {
            let since = inner.removals.iter().rev();
            since
                .take_while(|(version, _)| *version > self.version)
                .map(|(_, number)| *number)
                .collect()
        };
        self.version = inner.commits;
        (changed, removed)
    }

    /// Flows in the list.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True without any flow in the list.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Flows in the store, as far as the list knows.
    pub fn total(&self) -> usize {
        self.known.len()
    }

    /// At most `count` flows from row `offset` on, in their present state.
    pub fn window(&self, offset: usize, count: usize) -> Vec<Stored> {
        let len = self.items.len();
        let count = count.min(len.saturating_sub(offset));
        let first = if self.reversed {
            len.saturating_sub(offset + count)
        } else {
            offset
        };
        let inner = self.store.lock();
        let items = self.items.iter_from(first).take(count);
        let rows = items.filter_map(|(_, number)| {
            let entry = inner.entries.get(number)?;
            Some(Stored {
                number: *number,
                flow: Arc::clone(&entry.flow),
                evicted: entry.evicted,
            })
        });
        let mut rows: Vec<Stored> = rows.collect();
        if self.reversed {
            rows.reverse();
        }
        rows
    }

    /// The row of a flow, if it is in the list.
    pub fn row(&self, number: u64) -> Option<usize> {
        let placing = self.known.get(&number).filter(|placing| placing.shown)?;
        let rank = self.items.position(&(placing.key.clone(), number))?;
        Some(self.display(rank))
    }

    /// The row nearest to where a flow would be that the filter hides; `None` in an empty list or for unknown flows.
    pub fn near(&self, number: u64) -> Option<usize> {
        let placing = self.known.get(&number)?;
        let last = self.items.len().checked_sub(1)?;
        let rank = self.items.rank(&(placing.key.clone(), number)).min(last);
        Some(self.display(rank))
    }

    fn display(&self, rank: usize) -> usize {
        if self.reversed {
            self.items.len() - 1 - rank
        } else {
            rank
        }
    }
}

#[cfg(test)]
mod tests {
    use midwire_flow::{FlowInfo, MessageFlow};

    use super::*;
    use crate::hooks::FlowRef;

    fn flow(comment: &str) -> Flow {
        let mut info = FlowInfo::new(Arc::default(), Arc::default());
        info.comment = comment.to_owned();
        info.live = false;
        Flow::Tcp(MessageFlow {
            info,
            messages: Vec::new(),
        })
    }

    /// Shows flows whose comment has an `x`, sorted by it.
    fn judge() -> Judge {
        Arc::new(|stored| {
            let comment = &stored.flow.info().comment;
            Placing {
                key: SortKey::Text(comment.as_str().into()),
                shown: comment.contains('x'),
            }
        })
    }

    fn comments(list: &List) -> Vec<String> {
        let rows = list.window(0, usize::MAX);
        rows.iter()
            .map(|row| row.flow.info().comment.clone())
            .collect()
    }

    #[test]
    fn lists_are_independent_and_pull_what_is_new() {
        let store = Store::new();
        let flows = [flow("bx"), flow("hidden"), flow("ax")];
        for flow in &flows {
            store.add(flow.clone());
        }
        let cancel = Cancel::default();
        let mut one = store.list(judge(), false, &cancel).unwrap();
        let mut other = store.list(judge(), true, &cancel).unwrap();
        assert_eq!(comments(&one), ["ax", "bx"]);
        assert_eq!(comments(&other), ["bx", "ax"]);
        assert_eq!(
            (one.row(0), one.row(1), one.near(1)),
            (Some(1), None, Some(1))
        );
        let id = &flows[1].info().id;
        store.edit(id, |flow| flow.info_mut().comment = "0x".to_owned());
        store.remove([&flows[0].info().id]);
        assert_eq!(
            one.sync(),
            Synced {
                changed: vec![1],
                removed: vec![0]
            }
        );
        assert_eq!(comments(&one), ["0x", "ax"]);
        assert!(one.sync().is_empty());
        store.clear();
        assert_eq!(one.sync().removed.len(), 2);
        assert!(!other.sync().is_empty());
        assert!(one.is_empty() && other.is_empty() && one.total() == 0);
    }

    #[test]
    fn a_list_far_behind_compares_everything() {
        let store = Store::new();
        let first = flow("x first");
        store.put(FlowRef::from(&first));
        let mut list = store.list(judge(), false, &Cancel::default()).unwrap();
        store.remove([&first.info().id]);
        for _ in 0..5000 {
            let short = flow("x");
            store.add(short.clone());
            store.remove([&short.info().id]);
        }
        store.add(flow("x last"));
        list.sync();
        assert_eq!(comments(&list), ["x last"]);
        assert_eq!(list.total(), 1);
    }

    #[test]
    fn runs_can_be_cancelled() {
        let store = Store::new();
        store.add(flow("x"));
        let cancel = Cancel::default();
        cancel.cancel();
        assert!(store.list(judge(), false, &cancel).is_none());
    }

    #[test]
    fn numbers_sort_as_floats() {
        let values = [f64::NEG_INFINITY, -1.0, 0.0, 1e-9, 2.0, f64::INFINITY];
        for pair in values.windows(2) {
            assert!(
                SortKey::float(pair[0]) < SortKey::float(pair[1]),
                "{pair:?}"
            );
        }
    }
}
