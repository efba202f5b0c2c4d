//! Running flows that are to be cut off, for what has no inbox of its own: exchanges and DNS queries.
//!
//! A flow costs nothing here. A kill wakes all connections, and each looks whether one of its flows is meant.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use midwire_flow::Id;
use tokio::sync::Notify;

/// Kills that are remembered until their flow has noticed. A flow that is over never does, so old ones go.
const WANTED_MAX: usize = 256;

/// Kills of all connections.
#[derive(Clone, Default)]
pub(crate) struct Kills(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Something is wanted.
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    wanted: VecDeque<Id>,
    ears: Vec<Weak<Notify>>,
}

/// The kills that one connection listens to.
#[derive(Clone)]
pub(crate) struct Ear {
    kills: Kills,
    notify: Arc<Notify>,
}

impl Kills {
    /// Wants a flow to end.
    pub(crate) fn kill(&self, id: &Id) {
        let mut state = self.state();
        if state.wanted.len() >= WANTED_MAX {
            state.wanted.pop_front();
        }
        state.wanted.push_back(id.clone());
        self.0.any.store(true, Ordering::Release);
        state.ears.retain(|ear| {
            let ear = ear.upgrade();
            if let Some(ear) = &ear {
                ear.notify_waiters();
            }
            ear.is_some()
        });
    }

    /// For one connection.
    pub(crate) fn listen(&self) -> Ear {
        let notify = Arc::new(Notify::new());
        let mut state = self.state();
        // Those that are gone are swept when there is no room, so that this costs little on average.
        if state.ears.len() == state.ears.capacity() {
            state.ears.retain(|ear| ear.strong_count() > 0);
        }
        state.ears.push(Arc::downgrade(&notify));
        Ear {
            kills: self.clone(),
            notify,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ear {
    /// True if this flow is to end.
    pub(crate) fn wants(&self, id: &Id) -> bool {
        self.kills.0.any.load(Ordering::Acquire) && self.kills.state().wanted.contains(id)
    }

    /// Waits until this flow is to end.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn killed(&self, id: &Id) {
        self.one_of(|| self.wants(id).then_some(())).await;
    }

    /// Waits until `find` finds a flow that is to end; it is asked again after each kill.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn one_of<T>(&self, mut find: impl FnMut() -> Option<T>) -> T {
        loop {
            let mut notified = std::pin::pin!(self.notify.notified());
            notified.as_mut().enable();
            if let Some(found) = find() {
                return found;
            }
            notified.await;
        }
    }

    /// Forgets that a flow was to end: it has, or it begins again.
    pub(crate) fn forget(&self, id: &Id) {
        if !self.kills.0.any.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.kills.state();
        state.wanted.retain(|wanted| wanted != id);
        let any = !state.wanted.is_empty();
        self.kills.0.any.store(any, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_kill_reaches_its_flow_and_no_other() {
        let kills = Kills::default();
        let (one, other) = (kills.listen(), kills.listen());
        let (id, stranger) = (Id::random(), Id::random());
        let wait = one.killed(&id);
        let kill = async { kills.kill(&id) };
        tokio::join!(wait, kill);
        assert!(other.wants(&id) && !other.wants(&stranger));
        one.forget(&id);
        assert!(!one.wants(&id));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let kills = Kills::default();
        let ear = kills.listen();
        let first = Id::random();
        kills.kill(&first);
        for _ in 0..WANTED_MAX {
            kills.kill(&Id::random());
        }
        assert!(!ear.wants(&first));
        for _ in 0..1000 {
            drop(kills.listen());
        }
        assert!(kills.state().ears.len() < 16);
    }
}
