//! What lies behind the lock.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use midwire_flow::filter::Filter;
use midwire_flow::{Flow, Id};
use tokio::sync::broadcast;

use super::budget::Budget;
use super::change::Change;
use super::entry::{Entry, weigh};
use super::order::{Key, Order};
use super::sorted::Sorted;

/// Which flows are shown, and in which order.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) filter: Option<Filter>,
    pub(super) marked_only: bool,
    pub(super) order: Order,
    pub(super) reversed: bool,
}

impl Rules {
    pub(super) fn show(&self, flow: &Flow) -> bool {
        (!self.marked_only || !flow.info().marked.is_empty())
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matches(flow))
    }
}

/// A place in the list of shown flows. Flows with equal keys stay in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) key: Key,
    pub(super) seq: u64,
}

/// Removed flows that are remembered for views. One that is further behind compares all numbers.
const REMOVALS_KEPT: usize = 4096;

pub(super) struct Inner {
    /// Flows by number, in the order in which they came.
    pub(super) entries: BTreeMap<u64, Entry>,
    pub(super) ids: HashMap<Id, u64>,
    next: u64,
    pub(super) rules: Arc<Rules>,
    pub(super) shown: Sorted<Item>,
    pub(super) focus: Option<u64>,
    pub(super) follow: bool,
    /// Counts changes of flows, to see that nothing happened meanwhile.
    pub(super) commits: u64,
    /// Flows by the number of their last change, so that views find what is new to them.
    pub(super) versions: BTreeMap<u64, u64>,
    /// Flows that were removed, by number of the change; only the latest.
    pub(super) removals: VecDeque<(u64, u64)>,
    /// Views that are older than this cannot tell from `removals` what is gone.
    pub(super) removals_since: u64,
    /// Flows to keep; 0 keeps all.
    pub(super) flow_limit: usize,
    /// Flows that may be dropped: neither marked nor held.
    unmarked: BTreeSet<u64>,
    pub(super) budget: Budget,
    pub(super) changes: broadcast::Sender<Change>,
}

/// What a flow became in the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Added,
    Updated,
}

impl Inner {
    pub(super) fn new(changes: broadcast::Sender<Change>) -> Self {
        Self {
            entries: BTreeMap::new(),
            ids: HashMap::new(),
            next: 0,
            rules: Arc::default(),
            shown: Sorted::default(),
            focus: None,
            follow: false,
            commits: 0,
            versions: BTreeMap::new(),
            removals: VecDeque::new(),
            removals_since: 0,
            flow_limit: 0,
            unmarked: BTreeSet::new(),
            budget: Budget::default(),
            changes,
        }
    }

    pub(super) fn entry(&self, id: &Id) -> Option<&Entry> {
        self.entries.get(self.ids.get(id)?)
    }

    /// Stores a new flow, not shown yet.
    pub(super) fn insert(&mut self, flow: Flow) -> u64 {
        let seq = self.next;
        self.next += 1;
        self.ids.insert(flow.info().id.clone(), seq);
        let key = self.rules.order.key(&flow);
        self.entries.insert(seq, Entry::new(flow, key));
        self.committed(seq);
        seq
    }

    /// Brings accounts up to date after a flow was changed.
    pub(super) fn committed(&mut self, seq: u64) {
        self.commits += 1;
        let Some(entry) = self.entries.get_mut(&seq) else {
            return;
        };
        self.versions.remove(&entry.version);
        entry.version = self.commits;
        self.versions.insert(self.commits, seq);
        let old = std::mem::replace(&mut entry.weight, weigh(&entry.flow));
        let info = entry.flow.info();
        let marked = !info.marked.is_empty();
        let finished = entry.is_finished();
        let new = entry.weight;
        keep(&mut self.unmarked, seq, !marked && !info.intercepted);
        self.budget.reweigh(old, new);
        self.budget.sort_in(seq, new, finished, marked);
    }

    /// Shows or hides a flow, moves it to its place, and tells.
    pub(super) fn place(&mut self, seq: u64, key: Key, show: bool, cause: Cause) {
        let Some(entry) = self.entries.get_mut(&seq) else {
            return;
        };
        let id = entry.flow.info().id.clone();
        let was = entry.shown;
        let stays = was && show && entry.key == key;
        let old = Item {
            key: std::mem::replace(&mut entry.key, key.clone()),
            seq,
        };
        entry.shown = show;
        let (from, to);
        if stays {
            from = self.row(&old);
            to = from;
        } else {
            from = if was { self.take_out(&old) } else { None };
            to = show.then(|| {
                let rank = self.shown.insert(Item { key, seq });
                self.display(rank)
            });
        }
        let _ = self.changes.send(match cause {
            Cause::Added => Change::Added { id, row: to },
            Cause::Updated => Change::Updated { id, from, to },
        });
        let appears = show && !was;
        if show && (self.focus.is_none() || (appears && self.follow)) {
            self.set_focus(Some(seq));
        } else if !show {
            self.focus_left(seq, from);
        }
    }

    /// Removes a flow and gives it back, to be dropped without the lock.
    pub(super) fn remove(&mut self, seq: u64) -> Option<Entry> {
        let entry = self.take(seq)?;
        let id = entry.flow.info().id.clone();
        let row = if entry.shown {
            self.take_out(&Item {
                key: entry.key.clone(),
                seq,
            })
        } else {
            None
        };
        let _ = self.changes.send(Change::Removed { id, row });
        self.focus_left(seq, row);
        Some(entry)
    }

    /// Takes a flow out of all but the list of shown ones.
    pub(super) fn take(&mut self, seq: u64) -> Option<Entry> {
        let entry = self.entries.remove(&seq)?;
        self.ids.remove(&entry.flow.info().id);
        self.commits += 1;
        self.versions.remove(&entry.version);
        if self.removals.len() == REMOVALS_KEPT
            && let Some((version, _)) = self.removals.pop_front()
        {
            self.removals_since = version;
        }
        self.removals.push_back((self.commits, seq));
        self.unmarked.remove(&seq);
        self.budget.forget(seq, entry.weight);
        Some(entry)
    }

    /// Drops the oldest flows beyond the limit.
    pub(super) fn enforce_limit(&mut self) -> Vec<Entry> {
        let mut dropped = Vec::new();
        while self.flow_limit > 0 && self.entries.len() > self.flow_limit {
            let Some(oldest) = self.unmarked.first().copied() else {
                break;
            };
            dropped.extend(self.remove(oldest));
        }
        dropped
    }

    /// Replaces the whole list of shown flows; keys and flags of the entries are right already.
    pub(super) fn reshow(&mut self, rules: Rules, items: Vec<Item>) {
        self.rules = Arc::new(rules);
        self.shown = Sorted::from_ordered(items);
        let _ = self.changes.send(Change::Refreshed);
        let focused = self.focus.and_then(|seq| self.item(seq));
        self.refocus(focused);
    }

    /// The place of a flow, shown or not.
    pub(super) fn item(&self, seq: u64) -> Option<Item> {
        let entry = self.entries.get(&seq)?;
        Some(Item {
            key: entry.key.clone(),
            seq,
        })
    }

    /// After much has changed: keeps the focus, or moves it to the flow that comes after the place of the old one.
    pub(super) fn refocus(&mut self, focused: Option<Item>) {
        let Some(item) = focused else {
            let first = self.seq_at(0);
            self.set_focus(first);
            return;
        };
        if self.shown.position(&item).is_some() {
            return;
        }
        let rank = self.shown.rank(&item);
        let row = if self.rules.reversed {
            self.shown.len() - rank
        } else {
            rank
        };
        let near = self.seq_at(row.min(self.shown.len().saturating_sub(1)));
        self.set_focus(near);
    }

    pub(super) fn set_focus(&mut self, seq: Option<u64>) {
        if self.focus == seq {
            return;
        }
        self.focus = seq;
        let id = seq
            .and_then(|seq| self.entries.get(&seq))
            .map(|entry| entry.flow.info().id.clone());
        let _ = self.changes.send(Change::Focused(id));
    }

    /// The row of a shown flow.
    pub(super) fn row(&self, item: &Item) -> Option<usize> {
        let rank = self.shown.position(item)?;
        Some(self.display(rank))
    }

    pub(super) fn row_of(&self, seq: u64) -> Option<usize> {
        let entry = self.entries.get(&seq).filter(|entry| entry.shown)?;
        self.row(&Item {
            key: entry.key.clone(),
            seq,
        })
    }

    pub(super) fn seq_at(&self, row: usize) -> Option<u64> {
        let rank = if self.rules.reversed {
            self.shown.len().checked_sub(row + 1)?
        } else {
            row
        };
        self.shown.get(rank).map(|item| item.seq)
    }

    /// The focus of a flow that left the list goes to the one that took its row.
    fn focus_left(&mut self, seq: u64, row: Option<usize>) {
        if self.focus != Some(seq) {
            return;
        }
        let last = self.shown.len().saturating_sub(1);
        let next = self.seq_at(row.unwrap_or_default().min(last));
        self.set_focus(next);
    }

    fn take_out(&mut self, item: &Item) -> Option<usize> {
        let before = self.shown.len();
        let rank = self.shown.remove(item)?;
        Some(if self.rules.reversed {
            before - 1 - rank
        } else {
            rank
        })
    }

    fn display(&self, rank: usize) -> usize {
        if self.rules.reversed {
            self.shown.len() - 1 - rank
        } else {
            rank
        }
    }
}

/// Makes a set contain a number, or not.
pub(super) fn keep(set: &mut BTreeSet<u64>, seq: u64, belongs: bool) {
    if belongs {
        set.insert(seq);
    } else {
        set.remove(&seq);
    }
}
