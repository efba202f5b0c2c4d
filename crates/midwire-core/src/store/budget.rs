//! Bounded memory: content beyond a budget moves to a temporary file, and beyond that goes.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use midwire_flow::{Content, Flow, Spill};

use super::Store;
use super::change::Change;
use super::entry::{WORTH_MOVING, Weight, contents_mut, drop_content, place};
use super::inner::{Inner, keep};

/// How much the store may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Flows (`view_flow_limit`); 0 for any number.
    pub flows: usize,
    /// Bytes of content in memory (`view_memory_limit`).
    pub memory: u64,
    /// Bytes of content in the temporary file (`view_disk_limit`).
    pub disk: u64,
}

/// The accounts, and which flows can help when they are overdrawn.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) memory: u64,
    pub(super) disk: u64,
    pub(super) memory_limit: u64,
    pub(super) disk_limit: u64,
    pub(super) evicted: u64,
    /// Finished flows with content that is worth moving.
    movable: BTreeSet<u64>,
    /// Finished flows without a mark that have content.
    evictable: BTreeSet<u64>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            memory: 0,
            disk: 0,
            memory_limit: u64::MAX,
            disk_limit: u64::MAX,
            evicted: 0,
            movable: BTreeSet::new(),
            evictable: BTreeSet::new(),
        }
    }
}

impl Budget {
    pub(super) fn reweigh(&mut self, old: Weight, new: Weight) {
        self.memory = (self.memory + new.memory).saturating_sub(old.memory);
        self.disk = (self.disk + new.disk).saturating_sub(old.disk);
    }

    pub(super) fn sort_in(&mut self, seq: u64, weight: Weight, finished: bool, marked: bool) {
        keep(&mut self.movable, seq, finished && weight.movable > 0);
        let has_content = weight.memory + weight.disk > 0;
        keep(&mut self.evictable, seq, finished && !marked && has_content);
    }

    pub(super) fn forget(&mut self, seq: u64, weight: Weight) {
        self.reweigh(weight, Weight::default());
        self.movable.remove(&seq);
        self.evictable.remove(&seq);
    }

    pub(super) fn is_overdrawn(&self) -> bool {
        self.memory > self.memory_limit || self.disk > self.disk_limit
    }
}

/// The temporary file: segments that are only appended to.
///
/// A segment has no name. When the last content in it goes, the system takes its space back.
#[derive(Debug, Default)]
pub(super) struct Segments(Option<Segment>);

#[derive(Debug)]
struct Segment {
    file: Arc<Mutex<File>>,
    end: u64,
}

/// Bytes after which a new segment is begun. Smaller ones give space back sooner, larger ones need fewer descriptors.
const SEGMENT: u64 = 64 << 20;

impl Segments {
    fn append(&mut self, bytes: &[u8]) -> io::Result<Spill> {
        let segment = match self.0.take() {
            Some(segment) if segment.end < SEGMENT => segment,
            _ => Segment {
                file: Arc::new(Mutex::new(tempfile::tempfile()?)),
                end: 0,
            },
        };
        let segment = self.0.insert(segment);
        {
            let mut file = segment.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(segment.end))?;
            file.write_all(bytes)?;
        }
        let start = segment.end;
        segment.end += bytes.len() as u64;
        Ok(Spill::part(
            Arc::clone(&segment.file),
            start,
            bytes.len() as u64,
        ))
    }
}

/// What is to be done next to get within the budget.
enum Step {
    Done,
    Move(u64, Arc<Flow>),
    Evict,
}

impl Store {
    /// Sets how much may be held, and drops what is beyond that.
    pub fn set_limits(&self, limits: Limits) {
        let dropped = {
            let mut inner = self.lock();
            inner.flow_limit = limits.flows;
            inner.budget.memory_limit = limits.memory;
            inner.budget.disk_limit = limits.disk;
            inner.enforce_limit()
        };
        drop(dropped);
        self.tidy_soon();
    }

    /// Gets within the budget: moves content of the oldest finished flows to the temporary file, and if that is
    /// full, or cannot be written, drops it. Flows that run or are held keep theirs; marked ones may be moved only.
    ///
    /// This writes to the disk: call it where that may take its time.
    pub fn tidy(&self) {
        let mut disk_failed = false;
        loop {
            let step = self.lock().step(disk_failed);
            match step {
                Step::Done => return,
                Step::Evict => self.evict_oldest(),
                Step::Move(seq, flow) => {
                    if let Err(error) = self.move_out(seq, &flow) {
                        disk_failed = true;
                        tracing::warn!(
                            "cannot write content to a temporary file, the oldest is dropped: {error}"
                        );
                    }
                }
            }
        }
    }

    /// As [`Store::tidy`], beside the caller if that is a task; nothing if all is well or it is being done already.
    pub(super) fn tidy_soon(&self) {
        if !self.lock().budget.is_overdrawn() || self.0.tidying.swap(true, Ordering::AcqRel) {
            return;
        }
        let store = self.clone();
        let work = move || {
            store.tidy();
            store.0.tidying.store(false, Ordering::Release);
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(work)),
            Err(_) => work(),
        }
    }

    fn move_out(&self, seq: u64, flow: &Arc<Flow>) -> io::Result<()> {
        let Flow::Http(http) = &**flow else {
            return Ok(());
        };
        let mut moved = http.clone();
        let mut spills: Vec<(Bytes, Arc<Spill>)> = Vec::new();
        for content in contents_mut(&mut moved) {
            let Content::Memory(bytes) = &*content else {
                continue;
            };
            if bytes.len() as u64 >= WORTH_MOVING {
                let mut segments = self
                    .0
                    .segments
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                let spill = Arc::new(segments.append(bytes)?);
                spills.push((bytes.clone(), Arc::clone(&spill)));
                *content = Content::Spilled(spill);
            }
        }
        // A backup that shares the content would keep it in memory.
        if let Some(Flow::Http(backup)) = moved.info.backup.as_deref_mut() {
            for content in contents_mut(backup) {
                let shared = spills
                    .iter()
                    .find(|(bytes, _)| matches!(&*content, Content::Memory(other) if place(bytes) == place(other)));
                if let Some((_, spill)) = shared {
                    *content = Content::Spilled(Arc::clone(spill));
                }
            }
        }
        let mut inner = self.lock();
        // A flow that was changed meanwhile is looked at again.
        if let Some(entry) = inner.entries.get_mut(&seq)
            && Arc::ptr_eq(&entry.flow, flow)
        {
            entry.flow = Arc::new(Flow::Http(moved));
            inner.committed(seq);
        }
        Ok(())
    }

    fn evict_oldest(&self) {
        let old;
        {
            let mut inner = self.lock();
            old = inner.evict_first();
        }
        drop(old);
    }
}

impl Inner {
    fn step(&self, disk_failed: bool) -> Step {
        let budget = &self.budget;
        let evict = || {
            if budget.evictable.is_empty() {
                Step::Done
            } else {
                Step::Evict
            }
        };
        if budget.disk > budget.disk_limit {
            return evict();
        }
        if budget.memory <= budget.memory_limit {
            return Step::Done;
        }
        let oldest = budget.movable.first().filter(|_| !disk_failed);
        match oldest.and_then(|seq| Some((*seq, self.entries.get(seq)?))) {
            Some((seq, entry)) => Step::Move(seq, Arc::clone(&entry.flow)),
            None => evict(),
        }
    }

    /// Drops the content of the oldest flow that can do without; gives what is to be dropped.
    fn evict_first(&mut self) -> Option<Arc<Flow>> {
        let seq = self.budget.evictable.first().copied()?;
        let entry = self.entries.get_mut(&seq)?;
        let mut flow = Flow::clone(&entry.flow);
        drop_content(&mut flow);
        entry.evicted = true;
        let old = std::mem::replace(&mut entry.flow, Arc::new(flow));
        self.budget.evicted += 1;
        self.committed(seq);
        let row = self.row_of(seq);
        let _ = self.changes.send(Change::Updated {
            id: old.info().id.clone(),
            from: row,
            to: row,
        });
        Some(old)
    }

    /// Without waiting for the disk: keeps memory below twice its limit whatever arrives.
    pub(super) fn hold_the_line(&mut self) -> Vec<Arc<Flow>> {
        let mut dropped = Vec::new();
        while self.budget.memory / 2 > self.budget.memory_limit {
            let Some(flow) = self.evict_first() else {
                break;
            };
            dropped.push(flow);
        }
        dropped
    }
}
