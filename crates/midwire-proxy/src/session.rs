//! What the exchanges of one client connection share: the client's facts and its idle upstream connections.

use std::sync::{Arc, Mutex, PoisonError};

use midwire_core::Kernel;
use midwire_core::options::Options;
use midwire_flow::{Address, ClientConn, ServerConn, Via};

use crate::engine::Engine;
use crate::fault::ConnectFault;
use crate::mode::{Mode, ModeSpec, ServerSpec};
use crate::slots::Slots;
use crate::upstream::{Link, Target};
use crate::via::Hop;

/// Idle upstream connections that one client connection may keep.
const IDLE_MAX: usize = 8;

/// One client connection, seen from its exchanges.
pub(crate) struct Session {
    pub(crate) engine: Arc<Engine>,
    pub(crate) client: Arc<ClientConn>,
    /// The mode that accepted the client.
    pub(crate) mode: Arc<ModeSpec>,
    /// The proxy that traffic goes through.
    pub(crate) via: Option<Via>,
    pub(crate) slots: Slots,
    idle: Mutex<Vec<Link>>,
    /// A server that was tried before the client's handshake and failed; its requests are answered with the reason.
    failed: Mutex<Option<(Target, ConnectFault, Arc<ServerConn>)>>,
}

impl Session {
    pub(crate) fn new(engine: Arc<Engine>, client: ClientConn, mode: Arc<ModeSpec>) -> Self {
        Self {
            engine,
            client: Arc::new(client),
            via: match &mode.mode {
                Mode::Upstream(server) => Some(server.via()),
                _ => None,
            },
            mode,
            slots: Slots::default(),
            idle: Mutex::default(),
            failed: Mutex::default(),
        }
    }

    /// The same connections with newer facts about the client.
    pub(crate) fn with_client(self, client: ClientConn) -> Self {
        Self {
            client: Arc::new(client),
            ..self
        }
    }

    /// The same connections with another proxy on the way to those that come.
    pub(crate) fn with_via(self, via: Option<Via>) -> Self {
        Self { via, ..self }
    }

    pub(crate) fn kernel(&self) -> &Kernel {
        &self.engine.kernel
    }

    pub(crate) fn options(&self) -> Arc<Options> {
        self.engine.kernel.options().load()
    }

    /// Address of the client, for the log.
    pub(crate) fn peer(&self) -> &dyn std::fmt::Display {
        match &self.client.peername {
            Some(address) => address,
            None => &"client",
        }
    }

    /// The target of a reverse proxy.
    pub(crate) fn reverse(&self) -> Option<&ServerSpec> {
        match &self.mode.mode {
            Mode::Reverse(server) => Some(server),
            _ => None,
        }
    }

    /// What a connection to the one place that a client connection leads to is asked for: a tunnel, or a reverse proxy's server.
    pub(crate) fn target(&self, address: Address, tls: bool) -> Target {
        Target {
            sni: tls.then(|| self.server_name(&address.host)),
            address,
            tls,
            via: self.via.clone().map(Hop::tunnel),
        }
    }

    /// The name that a server is asked for by the client's choice, or a reverse proxy's.
    fn server_name(&self, host: &str) -> String {
        if self.reverse().is_some() && !self.options().keep_host_header {
            return host.to_owned();
        }
        self.client.sni.clone().unwrap_or_else(|| host.to_owned())
    }

    /// An idle connection to this target.
    pub(crate) fn take(&self, target: &Target) -> Option<Link> {
        let mut idle = lock(&self.idle);
        let at = idle.iter().position(|link| link.serves(target))?;
        Some(idle.swap_remove(at))
    }

    /// Takes an idle connection to this address, to make room for another one.
    pub(crate) fn take_any(&self, address: &Address) -> Option<Link> {
        let mut idle = lock(&self.idle);
        let at = idle
            .iter()
            .position(|link| link.target.hop_address() == address)?;
        Some(idle.swap_remove(at))
    }

    /// Keeps a connection for the next exchange; gives one back that has to be closed when there are too many.
    pub(crate) fn keep(&self, link: Link) -> Option<Link> {
        let mut idle = lock(&self.idle);
        idle.push(link);
        (idle.len() > IDLE_MAX).then(|| idle.remove(0))
    }

    /// Remembers that a server could not be reached.
    pub(crate) fn remember_failure(
        &self,
        target: Target,
        fault: ConnectFault,
        server: Arc<ServerConn>,
    ) {
        *lock(&self.failed) = Some((target, fault, server));
    }

    /// Why this target could not be reached before, if so.
    pub(crate) fn failure(&self, target: &Target) -> Option<(ConnectFault, Arc<ServerConn>)> {
        let failed = lock(&self.failed);
        failed
            .as_ref()
            .filter(|(to, ..)| {
                (&to.address, to.tls, &to.via) == (&target.address, target.tls, &target.via)
            })
            .map(|(_, fault, server)| (fault.clone(), Arc::clone(server)))
    }

    /// Closes all idle connections.
    ///
    /// # Cancellation
    /// Connections are closed, but the remaining `server_disconnected` hooks are left out.
    pub(crate) async fn close_idle(&self) {
        let links = std::mem::take(&mut *lock(&self.idle));
        for link in links {
            link.close(self).await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
