//! What the script host knows of flows and connections, so that only newer parts cross (docs/script-protocol.md).
//!
//! [`put`] writes what differs from the host's copy, [`take`] writes what a script has changed into a flow.

pub(crate) mod connection;
pub(crate) mod put;
pub(crate) mod take;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use midwire_flow::{ClientConn, Content, Flow, Id, ServerConn};

/// Content up to this size crosses with its hook; larger content when the script reads it, through a file.
pub(crate) const INLINE_CONTENT: usize = 64 * 1024;

/// Flows and connections that the host is told to keep alive. The oldest are let go beyond this; a script that holds
/// one loses nothing, since letting go only means that the next hook sends all of it again.
const KEPT: usize = 20_000;

/// How a script wants a message to pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Streamed {
    /// Not said.
    #[default]
    No,
    /// As it arrives, untouched.
    Plain,
    /// As it arrives, through a function of the script.
    Filtered,
}

impl Streamed {
    pub(crate) fn of(number: i64) -> Self {
        match number {
            1 => Self::Plain,
            2 => Self::Filtered,
            _ => Self::No,
        }
    }
}

/// A flow as the host has it.
pub(crate) struct Known {
    pub(crate) flow: Flow,
    /// Request and response.
    pub(crate) streamed: [Streamed; 2],
    /// The host keeps the object alive, since the flow goes on.
    pub(crate) live: bool,
    /// A command or script has changed the copy while a hook of the flow was running.
    pub(crate) dirty: bool,
    /// Its last hook is with the host, which lets go of it afterwards without being told.
    ending: bool,
    /// The host has let go of it, and the answer to its last hook is still on its way here.
    gone: bool,
}

/// Everything the host knows.
#[derive(Default)]
pub(crate) struct Mirror {
    pub(crate) flows: HashMap<Id, Known>,
    order: VecDeque<Id>,
    pub(crate) clients: HashMap<Id, Arc<ClientConn>>,
    pub(crate) servers: HashMap<Id, Arc<ServerConn>>,
    connections: VecDeque<Id>,
    /// What the host may let go, to be told with the next frame.
    pub(crate) forget: Vec<Id>,
}

impl Mirror {
    /// Notes that the host has this flow now.
    pub(crate) fn keep(&mut self, id: &Id, flow: Flow) -> &mut Known {
        if !self.flows.contains_key(id) {
            self.order.push_back(id.clone());
            self.trim();
        }
        let known = self.flows.entry(id.clone()).or_insert(Known {
            flow,
            streamed: [Streamed::No; 2],
            live: true,
            dirty: false,
            ending: false,
            gone: false,
        });
        known.live = true;
        known
    }

    /// Adds a flow that a script has made.
    pub(crate) fn adopt(&mut self, id: &Id, flow: Flow) {
        let known = self.keep(id, flow);
        known.live = false;
    }

    /// The flow is over: the host keeps it only for as long as a script holds it.
    pub(crate) fn end(&mut self, id: &Id) {
        if let Some(known) = self.flows.get_mut(id)
            && std::mem::take(&mut known.live)
        {
            self.forget.push(id.clone());
        }
    }

    /// The last hook of the flow is on its way to the host.
    pub(crate) fn begin_end(&mut self, id: &Id) {
        if let Some(known) = self.flows.get_mut(id) {
            known.ending = true;
            known.gone = false;
        }
    }

    /// The last hook of the flow has been answered, or nobody waits for that any more.
    pub(crate) fn finish_end(&mut self, id: &Id) {
        let Some(known) = self.flows.get_mut(id).filter(|known| known.ending) else {
            return;
        };
        known.ending = false;
        known.live = false;
        if known.gone {
            self.flows.remove(id);
        }
    }

    /// All flows of a connection are over.
    pub(crate) fn end_client(&mut self, client: &Id) {
        let over: Vec<Id> = self
            .flows
            .iter()
            .filter(|(_, known)| {
                known.live && !known.ending && known.flow.info().client_conn.id == *client
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in &over {
            self.end(id);
        }
        if self.clients.remove(client).is_some() {
            self.forget.push(client.clone());
        }
    }

    /// A server connection is over.
    pub(crate) fn end_server(&mut self, server: &Id) {
        if self.servers.remove(server).is_some() {
            self.forget.push(server.clone());
        }
    }

    /// The host says that no script holds the object any more.
    pub(crate) fn gone(&mut self, id: &Id) {
        match self.flows.get_mut(id) {
            // What the last hook has changed is still to be taken over.
            Some(known) if known.ending => known.gone = true,
            Some(known) if !known.live => drop(self.flows.remove(id)),
            _ => {}
        }
    }

    /// Notes the connection, and whether the host has to be told of it.
    pub(crate) fn client_is_news(&mut self, client: &Arc<ClientConn>) -> bool {
        let known = self.clients.get(&client.id);
        if known.is_some_and(|old| Arc::ptr_eq(old, client) || old == client) {
            return false;
        }
        if known.is_none() {
            self.connections.push_back(client.id.clone());
            self.trim();
        }
        self.clients.insert(client.id.clone(), Arc::clone(client));
        true
    }

    /// Notes the connection, and whether the host has to be told of it.
    pub(crate) fn server_is_news(&mut self, server: &Arc<ServerConn>) -> bool {
        let known = self.servers.get(&server.id);
        if known.is_some_and(|old| Arc::ptr_eq(old, server) || old == server) {
            return false;
        }
        if known.is_none() {
            self.connections.push_back(server.id.clone());
            self.trim();
        }
        self.servers.insert(server.id.clone(), Arc::clone(server));
        true
    }

    /// Content of a message as it was when the host last saw it.
    pub(crate) fn content(&self, id: &Id, part: usize) -> Content {
        let Some(Flow::Http(flow)) = self.flows.get(id).map(|known| &known.flow) else {
            return Content::Missing;
        };
        match part {
            0 => flow.request.content.clone(),
            _ => flow
                .response
                .as_ref()
                .map_or(Content::Missing, |response| response.content.clone()),
        }
    }

    fn trim(&mut self) {
        // Flows that are gone already leave their ids behind; at most as many are looked at as were added.
        while self.order.len() > KEPT {
            if let Some(id) = self.order.pop_front() {
                self.end(&id);
            }
        }
        while self.connections.len() > KEPT {
            if let Some(id) = self.connections.pop_front() {
                let client = self.clients.remove(&id).is_some();
                let server = self.servers.remove(&id).is_some();
                if client || server {
                    self.forget.push(id);
                }
            }
        }
    }
}
