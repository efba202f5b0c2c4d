//! What users do to flows, wherever the flow is at the moment: held, running, or in the store.

use std::sync::Arc;

use midwire_flow::{Flow, FlowError, Id};

use crate::engine::EngineRequest;
use crate::hooks::FlowRef;
use crate::kernel::Kernel;

impl Kernel {
    /// Changes a flow that is held or stored and gives its new state. Observers are not told: that is
    /// [`Kernel::updated`], once for all flows.
    ///
    /// Of a running flow only mark and comment last: what else is changed is replaced by its next state.
    pub fn edit_flow(&self, id: &Id, mut change: impl FnMut(&mut Flow)) -> Option<Arc<Flow>> {
        // The held flow goes on, so it is the one to change; the store gets the same.
        let mut held = None;
        self.parked().edit(id, |flow| {
            change(flow);
            held = Some(flow.clone());
        });
        match held {
            None => self.store().edit(id, change),
            Some(flow) => match self.store().edit(id, |stored| *stored = flow.clone()) {
                None => Some(Arc::new(flow)),
                stored => stored,
            },
        }
    }

    /// Lets a held flow go on; false if it is not held.
    pub fn resume_flow(&self, id: &Id) -> bool {
        if !self.parked().resume(id) {
            return false;
        }
        self.store()
            .edit(id, |flow| flow.info_mut().intercepted = false);
        true
    }

    /// True if a flow is held or running, and not killed yet.
    pub fn is_killable(&self, id: &Id) -> bool {
        self.store().get(id).is_some_and(|flow| {
            let info = flow.info();
            (info.live || info.intercepted) && !info.killed()
        })
    }

    /// Cuts a held or running flow off; false if it is neither, or killed already.
    pub fn kill_flow(&self, id: &Id) -> bool {
        if !self.is_killable(id) {
            return false;
        }
        if !self.parked().kill(id) {
            let kill = self.engine().send(|reply| EngineRequest::Kill {
                flow: id.clone(),
                reply,
            });
            if let Err(reason) = kill {
                tracing::warn!("cannot kill a running flow: {reason}");
                return false;
            }
        }
        self.store().edit(id, |flow| {
            let info = flow.info_mut();
            info.intercepted = false;
            info.error = Some(FlowError::new(FlowError::KILLED));
        });
        true
    }

    /// Removes flows from the store; those that are held or running are cut off first. Gives how many were stored.
    pub fn remove_flows(&self, ids: &[Id]) -> usize {
        for id in ids {
            self.kill_flow(id);
        }
        self.store().remove(ids)
    }

    /// Tells observers that flows were changed, with their present state.
    pub fn updated(&self, flows: &[Arc<Flow>]) {
        let flows: Vec<FlowRef<'_>> = flows.iter().map(|flow| FlowRef::from(&**flow)).collect();
        self.update(&flows);
    }
}

#[cfg(test)]
mod tests {
    use midwire_flow::{FlowInfo, MessageFlow};

    use super::*;
    use crate::log::LogStream;
    use crate::options::{OptionStore, Tool};

    fn held() -> (Kernel, Flow) {
        let kernel = Kernel::new(OptionStore::new(Tool::Web), LogStream::default());
        let mut info = FlowInfo::new(Arc::default(), Arc::default());
        info.intercepted = true;
        let flow = Flow::Tcp(MessageFlow {
            info,
            messages: Vec::new(),
        });
        kernel.store().add(flow.clone());
        (kernel, flow)
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(future)
    }

    #[test]
    fn held_flows_come_back_as_they_were_edited() {
        let (kernel, flow) = held();
        let id = flow.info().id.clone();
        let user = async {
            let edited = kernel.edit_flow(&id, |flow| flow.info_mut().comment = "x".to_owned());
            assert_eq!(edited.unwrap().info().comment, "x");
            assert!(kernel.resume_flow(&id) && !kernel.resume_flow(&id));
        };
        let (back, ()) = block_on(async { tokio::join!(kernel.parked().hold(flow), user) });
        let back = back.unwrap();
        assert_eq!(back.info().comment, "x");
        assert!(!back.info().intercepted);
        let stored = kernel.store().get(&id).unwrap();
        assert!(!stored.info().intercepted && stored.info().comment == "x");
    }

    #[test]
    fn removed_flows_are_killed() {
        let (kernel, flow) = held();
        let id = flow.info().id.clone();
        let user = async { assert_eq!(kernel.remove_flows(std::slice::from_ref(&id)), 1) };
        let (back, ()) = block_on(async { tokio::join!(kernel.parked().hold(flow), user) });
        assert!(back.unwrap().info().killed());
        assert!(kernel.store().get(&id).is_none());
    }

    #[test]
    fn running_flows_are_killed_by_the_engine() {
        let (kernel, flow) = held();
        let id = flow.info().id.clone();
        assert!(!kernel.kill_flow(&id), "neither held nor served");
        let mut requests = kernel.engine().serve().unwrap();
        assert!(kernel.kill_flow(&id) && !kernel.kill_flow(&id));
        assert!(matches!(requests.try_recv(), Ok(EngineRequest::Kill { flow, .. }) if flow == id));
    }
}
