//! The list that front ends show: windows, order, filter, focus, settings.

use std::collections::HashMap;
use std::sync::Arc;

use midwire_flow::filter::Filter;
use midwire_flow::{Flow, Id};

use super::Store;
use super::entry::Entry;
use super::inner::{Inner, Item, Rules};
use super::order::{Key, Order};
use super::sorted::Sorted;

/// Numbers about the store for a status line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Flows stored.
    pub total: usize,
    /// Flows shown.
    pub shown: usize,
    /// Bytes of content in memory.
    pub memory: u64,
    /// Bytes of content in the temporary file.
    pub disk: u64,
    /// Flows whose content was dropped to save memory, since the start.
    pub evicted: u64,
}

/// What filter and order say of a flow as it was.
struct Verdict {
    flow: Arc<Flow>,
    key: Key,
    show: bool,
}

impl Store {
    /// Numbers for a status line.
    pub fn counts(&self) -> Counts {
        let inner = self.lock();
        Counts {
            total: inner.entries.len(),
            shown: inner.shown.len(),
            memory: inner.budget.memory,
            disk: inner.budget.disk,
            evicted: inner.budget.evicted,
        }
    }

    /// The window of at most `count` shown flows from row `offset` on.
    pub fn rows(&self, offset: usize, count: usize) -> Vec<Arc<Flow>> {
        let inner = self.lock();
        let len = inner.shown.len();
        let count = count.min(len.saturating_sub(offset));
        let flow = |item: &Item| {
            let entry = inner.entries.get(&item.seq)?;
            Some(Arc::clone(&entry.flow))
        };
        if !inner.rules.reversed {
            let items = inner.shown.iter_from(offset).take(count);
            return items.filter_map(flow).collect();
        }
        let first = len.saturating_sub(offset + count);
        let items = inner.shown.iter_from(first).take(count);
        let mut rows: Vec<Arc<Flow>> = items.filter_map(flow).collect();
        rows.reverse();
        rows
    }

    /// The row of a flow, if it is shown.
    pub fn row_of(&self, id: &Id) -> Option<usize> {
        let inner = self.lock();
        inner.row_of(*inner.ids.get(id)?)
    }

    /// The number of a flow in this capture: 1 for the first that came. It stays while others go.
    pub fn number(&self, id: &Id) -> Option<u64> {
        Some(self.lock().ids.get(id)?.saturating_add(1))
    }

    /// The filter in force.
    pub fn filter(&self) -> Option<Filter> {
        self.lock().rules.filter.clone()
    }

    /// Shows only flows that match; `None` shows all.
    pub fn set_filter(&self, filter: Option<&Filter>) {
        self.change_rules(|rules| rules.filter = filter.cloned());
    }

    /// What the list is sorted by.
    pub fn order(&self) -> Order {
        self.lock().rules.order
    }

    /// Sorts the list by something else.
    pub fn set_order(&self, order: Order) {
        self.change_rules(|rules| rules.order = order);
    }

    /// True if the list runs from last to first.
    pub fn is_reversed(&self) -> bool {
        self.lock().rules.reversed
    }

    /// Lets the list run from last to first, or not.
    pub fn set_reversed(&self, reversed: bool) {
        let mut inner = self.lock();
        if inner.rules.reversed != reversed {
            let mut rules = Rules::clone(&inner.rules);
            rules.reversed = reversed;
            inner.rules = Arc::new(rules);
            let _ = inner.changes.send(super::Change::Refreshed);
        }
    }

    /// True if only marked flows are shown.
    pub fn is_marked_only(&self) -> bool {
        self.lock().rules.marked_only
    }

    /// Shows only marked flows, or all that match the filter.
    pub fn set_marked_only(&self, marked_only: bool) {
        self.change_rules(|rules| rules.marked_only = marked_only);
    }

    /// The focused flow.
    pub fn focus(&self) -> Option<Arc<Flow>> {
        let inner = self.lock();
        let entry = inner.entries.get(&inner.focus?)?;
        Some(Arc::clone(&entry.flow))
    }

    /// The row of the focused flow.
    pub fn focus_row(&self) -> Option<usize> {
        let inner = self.lock();
        inner.row_of(inner.focus?)
    }

    /// Focuses a flow; false if it is not shown.
    pub fn set_focus(&self, id: &Id) -> bool {
        let mut inner = self.lock();
        let seq = inner.ids.get(id).copied();
        let Some(seq) = seq.filter(|seq| inner.row_of(*seq).is_some()) else {
            return false;
        };
        inner.set_focus(Some(seq));
        true
    }

    /// Focuses a row: the nearest there is; negative ones count from the end.
    pub fn focus_go(&self, row: i64) {
        let mut inner = self.lock();
        let last = inner.shown.len().saturating_sub(1);
        let row = match usize::try_from(row) {
            Ok(row) => row.min(last),
            Err(_) => (last + 1).saturating_sub(row.unsigned_abs() as usize),
        };
        if let Some(seq) = inner.seq_at(row) {
            inner.set_focus(Some(seq));
        }
    }

    /// Moves the focus by some rows; stays if there is no such row.
    pub fn focus_move(&self, rows: isize) {
        let mut inner = self.lock();
        let row = inner.focus.and_then(|seq| inner.row_of(seq));
        let next = row.and_then(|row| row.checked_add_signed(rows));
        if let Some(seq) = next.and_then(|row| inner.seq_at(row)) {
            inner.set_focus(Some(seq));
        }
    }

    /// Lets the focus go to each new flow (`console_focus_follow`), or not.
    pub fn set_follow(&self, follow: bool) {
        self.lock().follow = follow;
    }

    /// A setting of a flow in the user interface. It is not saved.
    pub fn setting(&self, id: &Id, key: &str) -> Option<String> {
        let inner = self.lock();
        inner.entry(id)?.settings.get(key).cloned()
    }

    /// Changes a setting of a flow; false if the flow is not stored.
    pub fn set_setting(&self, id: &Id, key: &str, value: &str) -> bool {
        let mut inner = self.lock();
        let Some(seq) = inner.ids.get(id).copied() else {
            return false;
        };
        let Some(entry) = inner.entries.get_mut(&seq) else {
            return false;
        };
        entry.settings.insert(key.to_owned(), value.to_owned());
        true
    }

    /// Flows that are stored but not shown, in the order in which they came.
    pub(super) fn hidden(&self) -> Vec<Id> {
        let inner = self.lock();
        let hidden = inner.entries.values().filter(|entry| !entry.shown);
        hidden.map(|entry| entry.flow.info().id.clone()).collect()
    }

    /// Removes many flows at once: one notice instead of thousands.
    pub(super) fn clear_where(&self, goes: impl Fn(&Flow) -> bool) {
        let gone: Vec<Entry>;
        {
            let mut inner = self.lock();
            let focused = inner.focus.and_then(|seq| inner.item(seq));
            let numbers: Vec<u64> = inner
                .entries
                .iter()
                .filter(|(_, entry)| goes(&entry.flow))
                .map(|(seq, _)| *seq)
                .collect();
            gone = numbers
                .into_iter()
                .filter_map(|seq| inner.take(seq))
                .collect();
            let items = inner.shown_items();
            inner.shown = Sorted::from_ordered(items);
            let _ = inner.changes.send(super::Change::Refreshed);
            inner.refocus(focused);
        }
        // Freeing many flows takes its time, which nobody should wait for.
        drop(gone);
    }

    /// Runs filter and order over all flows without the lock, then puts the new list in place.
    fn change_rules(&self, change: impl Fn(&mut Rules)) {
        while !self.try_change_rules(&change) {}
    }

    /// False if somebody else changed the rules meanwhile.
    fn try_change_rules(&self, change: impl Fn(&mut Rules)) -> bool {
        let (before, commits, flows) = {
            let inner = self.lock();
            let entries = inner.entries.iter();
            let flows: Vec<_> = entries
                .map(|(seq, entry)| (*seq, Arc::clone(&entry.flow)))
                .collect();
            (Arc::clone(&inner.rules), inner.commits, flows)
        };
        let mut rules = Rules::clone(&before);
        change(&mut rules);
        let verdicts = judge(&rules, &flows);
        let shown = verdicts.iter().filter(|(_, verdict)| verdict.show);
        let mut items: Vec<Item> = shown
            .map(|(seq, verdict)| Item {
                key: verdict.key.clone(),
                seq: *seq,
            })
            .collect();
        items.sort_unstable();
        let mut inner = self.lock();
        if !Arc::ptr_eq(&inner.rules, &before) {
            return false;
        }
        if inner.commits == commits {
            inner.apply(verdicts);
        } else {
            items = inner.corrected(&rules, verdicts);
        }
        inner.reshow(rules, items);
        true
    }
}

impl Inner {
    fn apply(&mut self, verdicts: Vec<(u64, Verdict)>) {
        for (entry, (_, verdict)) in self.entries.values_mut().zip(verdicts) {
            entry.key = verdict.key;
            entry.shown = verdict.show;
        }
    }

    /// Flows came, went or changed while the others were judged: judges those again, under the lock.
    fn corrected(&mut self, rules: &Rules, verdicts: Vec<(u64, Verdict)>) -> Vec<Item> {
        let mut verdicts: HashMap<u64, Verdict> = verdicts.into_iter().collect();
        for (seq, entry) in &mut self.entries {
            let verdict = verdicts.remove(seq);
            if let Some(known) = verdict.filter(|known| Arc::ptr_eq(&known.flow, &entry.flow)) {
                entry.key = known.key;
                entry.shown = known.show;
            } else {
                entry.key = rules.order.key(&entry.flow);
                entry.shown = rules.show(&entry.flow);
            }
        }
        self.shown_items()
    }

    fn shown_items(&self) -> Vec<Item> {
        let shown = self.entries.iter().filter(|(_, entry)| entry.shown);
        let mut items: Vec<Item> = shown
            .map(|(seq, entry)| Item {
                key: entry.key.clone(),
                seq: *seq,
            })
            .collect();
        items.sort_unstable();
        items
    }
}

/// Flows from which on a second thread is worth its start.
const SHARE: usize = 8192;

/// Threads that judge flows, at most; the traffic needs the others.
const THREADS: usize = 4;

/// What the rules say of all flows, in the same order.
fn judge(rules: &Rules, flows: &[(u64, Arc<Flow>)]) -> Vec<(u64, Verdict)> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(THREADS));
    let share = flows.len().div_ceil(threads).max(SHARE);
    if flows.len() <= share {
        return judge_share(rules, flows);
    }
    std::thread::scope(|scope| {
        let judges: Vec<_> = flows
            .chunks(share)
            .map(|flows| (flows, scope.spawn(|| judge_share(rules, flows))))
            .collect();
        judges
            .into_iter()
            // A judge that panicked is our bug; its share is judged again, where the panic belongs to the caller.
            .flat_map(|(flows, judge)| judge.join().unwrap_or_else(|_| judge_share(rules, flows)))
            .collect()
    })
}

fn judge_share(rules: &Rules, flows: &[(u64, Arc<Flow>)]) -> Vec<(u64, Verdict)> {
    let verdict = |(seq, flow): &(u64, Arc<Flow>)| {
        let verdict = Verdict {
            key: rules.order.key(flow),
            show: rules.show(flow),
            flow: Arc::clone(flow),
        };
        (*seq, verdict)
    };
    flows.iter().map(verdict).collect()
}
