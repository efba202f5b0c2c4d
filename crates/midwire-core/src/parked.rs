//! Flows that are held for the user, and the way back to their exchanges (architecture.md §5: *Parked*).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use midwire_flow::{Flow, FlowError, Id};
use tokio::sync::oneshot;

/// The place where intercepted flows wait. Whoever holds the flow here is its only owner.
#[derive(Default)]
pub struct Parked(Mutex<HashMap<Id, Slot>>);

struct Slot {
    flow: Flow,
    back: oneshot::Sender<Flow>,
}

impl Parked {
    /// Hands a flow over and waits until it is resumed, killed or dropped.
    ///
    /// # Cancellation
    /// Dropping the future leaves the flow here without a way back; [`Parked::forget`] removes it.
    pub async fn hold(&self, flow: Flow) -> Option<Flow> {
        let (back, resumed) = oneshot::channel();
        let id = flow.info().id.clone();
        let _guard = Forget {
            parked: self,
            id: id.clone(),
        };
        self.slots().insert(id, Slot { flow, back });
        resumed.await.ok()
    }

    /// Sends a flow on; false if it is not here.
    pub fn resume(&self, id: &Id) -> bool {
        let Some(mut slot) = self.slots().remove(id) else {
            return false;
        };
        slot.flow.info_mut().intercepted = false;
        slot.back.send(slot.flow).is_ok()
    }

    /// Ends a flow with the error of killed flows; false if it is not here.
    pub fn kill(&self, id: &Id) -> bool {
        self.edit(id, |flow| {
            flow.info_mut().error = Some(FlowError::new(FlowError::KILLED));
        }) && self.resume(id)
    }

    /// Changes a flow that is held; false if it is not here.
    pub fn edit(&self, id: &Id, change: impl FnOnce(&mut Flow)) -> bool {
        let mut slots = self.slots();
        let Some(slot) = slots.get_mut(id) else {
            return false;
        };
        change(&mut slot.flow);
        true
    }

    /// Number of flows that are held.
    pub fn len(&self) -> usize {
        self.slots().len()
    }

    /// True if no flow is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends all flows on, at the end of the program.
    pub fn resume_all(&self) {
        let ids: Vec<Id> = self.slots().keys().cloned().collect();
        for id in ids {
            self.resume(&id);
        }
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<Id, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the slot of a flow whose exchange has gone away.
struct Forget<'a> {
    parked: &'a Parked,
    id: Id,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.parked.slots().remove(&self.id);
    }
}
