//! The listeners that are open: they follow the options `mode`, `listen_host`, `listen_port` and `server`.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use midwire_core::options::Options;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, EngineError};
use crate::listener::Listener;
use crate::mode::ModeSpec;

/// Options that decide which listeners are open.
pub(crate) const OPTIONS: &[&str] = &["listen_host", "listen_port", "mode", "server"];

/// All listeners of the engine.
#[derive(Default)]
pub(crate) struct Servers {
    running: Mutex<Vec<Running>>,
    addresses: ArcSwap<Vec<SocketAddr>>,
    states: ArcSwap<Vec<ServerState>>,
}

/// State of the listener of a mode, for front ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerState {
    /// Specification, as the option `mode` has it.
    pub spec: String,
    /// What it is, for people.
    pub description: String,
    /// Addresses that are listened on; none if it could not be opened.
    pub addresses: Vec<SocketAddr>,
    /// Why it could not be opened, one line.
    pub error: Option<String>,
}

/// A listener that accepts connections.
struct Running {
    wanted: Wanted,
    shown: String,
    addresses: Vec<SocketAddr>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// What a listener is made from; the same again is the same listener.
#[derive(Clone, PartialEq, Eq)]
struct Wanted {
    spec: Arc<ModeSpec>,
    host: Option<String>,
    port: u16,
}

/// Checks the option `mode` and gives its specifications.
pub(crate) fn specs(options: &Options) -> Result<Vec<ModeSpec>, EngineError> {
    let mut specs: Vec<ModeSpec> = Vec::new();
    for text in &options.mode {
        let spec = ModeSpec::parse(text)?;
        if !spec.is_available() {
            return Err(EngineError::ModeUnavailable(spec.full));
        }
        if let Some((host, port)) = spec.listen_on(options)
            && port != 0
            && specs.iter().any(|other| overlap(other, &spec, options))
        {
            let shown = crate::listener::shown(host.as_deref(), port);
            return Err(EngineError::SameAddress(shown));
        }
        specs.push(spec);
    }
    Ok(specs)
}

fn overlap(one: &ModeSpec, other: &ModeSpec, options: &Options) -> bool {
    one.listen_on(options) == other.listen_on(options)
        && one
            .transports()
            .iter()
            .any(|transport| other.transports().contains(transport))
}

impl Servers {
    /// Closes listeners that are not wanted any more, then opens new ones. Connections that are open go on.
    ///
    /// # Errors
    /// All listeners that could not be opened; the others are open.
    pub(crate) async fn follow(
        &self,
        engine: &Arc<Engine>,
        options: &Options,
    ) -> Result<(), Vec<EngineError>> {
        let mut running = self.running.lock().await;
        let wanted = wanted(options).map_err(|error| vec![error])?;
        let (kept, ended): (Vec<_>, Vec<_>) = std::mem::take(&mut *running)
            .into_iter()
            .partition(|one| wanted.contains(&one.wanted));
        *running = kept;
        for one in ended {
            one.stop().await;
        }
        let mut failures = Vec::new();
        let mut failed = Vec::new();
        for one in wanted {
            if running.iter().any(|other| other.wanted == one) {
                continue;
            }
            match Listener::bind(Arc::clone(&one.spec), (one.host.as_deref(), one.port)).await {
                Ok(listener) => running.push(Running::start(engine, one, listener)),
                Err(error) => {
                    let error = EngineError::from(error);
                    failed.push(ServerState::new(
                        &one.spec,
                        Vec::new(),
                        Some(error.to_string()),
                    ));
                    failures.push(error);
                }
            }
        }
        self.publish(&running, failed);
        if failures.is_empty() {
            Ok(())
        } else {
            Err(failures)
        }
    }

    /// Closes all listeners.
    pub(crate) async fn stop(&self) {
        let mut running = self.running.lock().await;
        for one in running.drain(..) {
            one.stop().await;
        }
        self.publish(&running, Vec::new());
    }

    /// State of all listeners, also of those that could not be opened.
    pub(crate) fn states(&self) -> Arc<Vec<ServerState>> {
        self.states.load_full()
    }

    /// Addresses that are listened on.
    pub(crate) fn addresses(&self) -> Arc<Vec<SocketAddr>> {
        self.addresses.load_full()
    }

    fn publish(&self, running: &[Running], failed: Vec<ServerState>) {
        let all = running.iter().flat_map(|one| one.addresses.clone());
        self.addresses.store(Arc::new(all.collect()));
        let running = running
            .iter()
            .map(|one| ServerState::new(&one.wanted.spec, one.addresses.clone(), None));
        self.states.store(Arc::new(running.chain(failed).collect()));
    }
}

impl ServerState {
    fn new(spec: &ModeSpec, addresses: Vec<SocketAddr>, error: Option<String>) -> Self {
        Self {
            spec: spec.full.clone(),
            description: spec.description(),
            addresses,
            error,
        }
    }
}

fn wanted(options: &Options) -> Result<Vec<Wanted>, EngineError> {
    if !options.server {
        return Ok(Vec::new());
    }
    let specs = specs(options)?;
    let wanted = specs.into_iter().filter_map(|spec| {
        let (host, port) = spec.listen_on(options)?;
        Some(Wanted {
            spec: Arc::new(spec),
            host,
            port,
        })
    });
    Ok(wanted.collect())
}

impl Running {
    fn start(engine: &Arc<Engine>, wanted: Wanted, listener: Listener) -> Self {
        let shown = listener.shown().to_owned();
        tracing::info!("{} listening at {shown}.", wanted.spec.description());
        let addresses = listener.addresses();
        let stop = engine.kernel.shutdown().child_token();
        let tasks = listener.start(engine, &stop);
        Self {
            wanted,
            shown,
            addresses,
            stop,
            tasks,
        }
    }

    /// Closes the sockets; afterwards their address is free again.
    async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            let _ = task.await;
        }
        tracing::info!(
            "{} at {} stopped.",
            self.wanted.spec.description(),
            self.shown
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(modes: &[&str]) -> Options {
        let mut options = Options::default();
        options.mode = modes.iter().map(|&mode| mode.to_owned()).collect();
        options
    }

    #[test]
    fn two_modes_on_one_address_are_refused() {
        let check = |modes: &[&str], expected: Option<&str>| {
            let error = specs(&options(modes)).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), expected, "{modes:?}");
        };
        let at = "Cannot spawn multiple servers on the same address: ";
        check(&["regular"], None);
        check(&["regular", "socks5"], None);
        check(&["regular@0", "regular@0"], None);
        check(&["regular@127.0.0.1:8080", "regular"], None);
        check(&["regular", "transparent"], Some(&format!("{at}*:8080")));
        check(
            &["regular@[::1]:1", "socks5@[::1]:1"],
            Some(&format!("{at}[::1]:1")),
        );
        check(
            &["nonsense"],
            Some("Invalid proxy mode specification: nonsense (unknown mode)"),
        );
    }

    #[test]
    fn what_cannot_be_served_is_refused_in_one_line() {
        for mode in [
            "wireguard",
            "local:curl",
            "tun",
            "reverse:quic://h",
            "reverse:dtls://h:1",
        ] {
            let error = specs(&options(&[mode])).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("mode {mode} is not available")),
                "{error}"
            );
            assert!(!error.contains('\n'));
        }
    }
}
