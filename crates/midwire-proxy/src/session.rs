//! What the exchanges of one client connection share: the client's facts and its idle upstream connections.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use midwire_core::options::Options;
use midwire_core::{Kernel, Missed};
use midwire_flow::{Address, ClientConn, ServerConn, Via};

use crate::engine::Engine;
use crate::fault::ConnectFault;
use crate::http::h2;
use crate::io::Reset;
use crate::kills::Ear;
use crate::mode::{Mode, ModeSpec, ServerSpec};
use crate::slots::Slots;
use crate::upstream::{Link, Target};
use crate::via::Hop;

/// Idle upstream connections that one client connection may keep.
const IDLE_MAX: usize = 8;

/// One client connection, seen from its exchanges. Clones share all connections.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) engine: Arc<Engine>,
    pub(crate) client: Arc<ClientConn>,
    /// The mode that accepted the client.
    pub(crate) mode: Arc<ModeSpec>,
    /// The proxy that traffic goes through.
    pub(crate) via: Option<Via>,
    pub(crate) slots: Slots,
    /// Whether the client's connection is to end with a reset.
    pub(crate) reset: Reset,
    /// Kills of its flows.
    pub(crate) kills: Ear,
    /// Why the connection is passed on untouched, if it is.
    pub(crate) passed: Option<Missed>,
    pool: Arc<Pool>,
}

/// Connections to servers, kept for one client connection.
#[derive(Default)]
struct Pool {
    /// HTTP/1 connections without a request.
    idle: Mutex<Vec<Link>>,
    /// HTTP/2 connections.
    shared: Mutex<Vec<Arc<h2::Shared>>>,
    /// Connections that are being opened, so that exchanges that come meanwhile can share them.
    opening: Mutex<Vec<(Target, Opening)>>,
    /// A server that was tried before the client's handshake and failed; its requests are answered with the reason.
    failed: Mutex<Option<(Target, ConnectFault, Arc<ServerConn>)>>,
}

/// A connection that is being opened.
pub(crate) type Opening = Arc<OnceCell<Outcome>>;

/// What came of opening a connection that several exchanges wait for.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// All can use it.
    Shared(Arc<h2::Shared>),
    /// The server speaks HTTP/1: everybody needs a connection of their own.
    Single,
    /// It failed for all.
    Failed(ConnectFault, Arc<ServerConn>),
}

impl Session {
    pub(crate) fn new(engine: Arc<Engine>, client: ClientConn, mode: Arc<ModeSpec>) -> Self {
        Self {
            kills: engine.kills.listen(),
            engine,
            client: Arc::new(client),
            via: match &mode.mode {
                Mode::Upstream(server) => Some(server.via()),
                _ => None,
            },
            mode,
            slots: Slots::default(),
            reset: Reset::default(),
            passed: None,
            pool: Arc::default(),
        }
    }

    /// The same client without its connections, for tasks that must not keep them alive.
    pub(crate) fn alone(&self) -> Self {
        Self {
            engine: Arc::clone(&self.engine),
            client: Arc::clone(&self.client),
            mode: Arc::clone(&self.mode),
            via: self.via.clone(),
            slots: Slots::default(),
            reset: Reset::default(),
            kills: self.kills.clone(),
            passed: self.passed,
            pool: Arc::default(),
        }
    }

    /// The same connections with newer facts about the client.
    pub(crate) fn with_client(self, client: ClientConn) -> Self {
        Self {
            client: Arc::new(client),
            ..self
        }
    }

    /// The same connections, which are passed on untouched; counts that for this host.
    pub(crate) fn passed_for(self, reason: Missed, host: &str) -> Self {
        self.kernel().ledger().note(host, reason);
        Self {
            passed: Some(reason),
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

    /// True if a server is connected to before a request is there for it.
    pub(crate) fn connects_ahead(&self) -> bool {
        let options = self.options();
        options.connection_strategy == "eager" && !options.offline
    }

    /// True if this is the host of the onboarding page, which no server has (modes.md §16).
    pub(crate) fn is_onboarding(&self, host: &str) -> bool {
        let options = self.options();
        options.onboarding && options.onboarding_host.eq_ignore_ascii_case(host)
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
        let mut idle = lock(&self.pool.idle);
        let at = idle.iter().position(|link| link.serves(target))?;
        Some(idle.swap_remove(at))
    }

    /// Takes an idle connection to this address, to make room for another one.
    pub(crate) fn take_any(&self, address: &Address) -> Option<Link> {
        let mut idle = lock(&self.pool.idle);
        let at = idle
            .iter()
            .position(|link| link.target.hop_address() == address)?;
        Some(idle.swap_remove(at))
    }

    /// Keeps a connection for the next exchange; gives one back that has to be closed when there are too many.
    pub(crate) fn keep(&self, link: Link) -> Option<Link> {
        let mut idle = lock(&self.pool.idle);
        idle.push(link);
        (idle.len() > IDLE_MAX).then(|| idle.remove(0))
    }

    /// An HTTP/2 connection to this target.
    pub(crate) fn shared(&self, target: &Target) -> Option<Arc<h2::Shared>> {
        let mut shared = lock(&self.pool.shared);
        shared.retain(|one| !one.is_retired());
        shared.iter().find(|one| one.serves(target)).cloned()
    }

    /// Lets other exchanges use an HTTP/2 connection.
    pub(crate) fn share(&self, shared: &Arc<h2::Shared>) {
        lock(&self.pool.shared).push(Arc::clone(shared));
    }

    /// The attempt to reach this target that is under way, or a new one.
    pub(crate) fn opening(&self, target: &Target) -> Opening {
        let mut opening = lock(&self.pool.opening);
        if let Some((_, found)) = opening.iter().find(|(to, _)| to == target) {
            return Arc::clone(found);
        }
        let new = Opening::default();
        opening.push((target.clone(), Arc::clone(&new)));
        new
    }

    /// Ends an attempt: the next exchange begins a new one.
    pub(crate) fn opened(&self, attempt: &Opening) {
        lock(&self.pool.opening).retain(|(_, one)| !Arc::ptr_eq(one, attempt));
    }

    /// Remembers that a server could not be reached.
    pub(crate) fn remember_failure(
        &self,
        target: Target,
        fault: ConnectFault,
        server: Arc<ServerConn>,
    ) {
        *lock(&self.pool.failed) = Some((target, fault, server));
    }

    /// Why this target could not be reached before, if so.
    pub(crate) fn failure(&self, target: &Target) -> Option<(ConnectFault, Arc<ServerConn>)> {
        let failed = lock(&self.pool.failed);
        failed
            .as_ref()
            .filter(|(to, ..)| {
                (&to.address, to.tls, &to.via) == (&target.address, target.tls, &target.via)
            })
            .map(|(_, fault, server)| (fault.clone(), Arc::clone(server)))
    }

    /// Closes all connections that are kept.
    ///
    /// # Cancellation
    /// Connections are closed, but the remaining `server_disconnected` hooks are left out.
    pub(crate) async fn close_idle(&self) {
        let links = std::mem::take(&mut *lock(&self.pool.idle));
        for link in links {
            link.close(self).await;
        }
        let shared = std::mem::take(&mut *lock(&self.pool.shared));
        for one in shared {
            one.close().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
