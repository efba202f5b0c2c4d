//! Listeners: sockets that clients connect to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use midwire_core::options::Options;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::conn;
use crate::engine::Engine;
use crate::mode::ModeSpec;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// Pause after a failed accept, so that running out of descriptors does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The sockets of one mode.
pub(crate) struct Listener {
    spec: Arc<ModeSpec>,
    sockets: Vec<TcpListener>,
    shown: String,
}

/// Why a listener cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("{mode} failed to listen on {address} with {reason}{hint}")]
pub struct ListenError {
    mode: String,
    address: String,
    reason: String,
    hint: String,
}

impl Listener {
    /// Binds the sockets of a mode: the address of the specification, else that of the options, else all addresses.
    pub(crate) async fn bind(spec: Arc<ModeSpec>, options: &Options) -> Result<Self, ListenError> {
        let host = spec
            .host
            .clone()
            .or_else(|| Some(options.listen_host.clone()).filter(|host| !host.is_empty()));
        let port = spec
            .port
            .or_else(|| options.listen_port.and_then(|port| port.try_into().ok()))
            .or(spec.default_port())
            .unwrap_or(0);
        let shown = |port: u16| match &host {
            None => format!("*:{port}"),
            Some(host) if host.contains(':') => format!("[{host}]:{port}"),
            Some(host) => format!("{host}:{port}"),
        };
        let fail = |error: &io::Error| {
            let in_use = error.kind() == io::ErrorKind::AddrInUse;
            let hint = match in_use && spec.port.is_none() {
                true => format!(
                    "\nTry specifying a different port by using `--mode {}@{}`.",
                    spec.full,
                    port.saturating_add(2)
                ),
                false => String::new(),
            };
            let reason = match error.raw_os_error() {
                Some(number) => format!("[Errno {number}] {}", crate::io_reason(error)),
                None => error.to_string(),
            };
            ListenError {
                mode: spec.description(),
                address: shown(port),
                reason,
                hint,
            }
        };
        let addresses = resolve(host.as_deref(), port)
            .await
            .map_err(|error| fail(&error))?;
        let mut sockets: Vec<TcpListener> = Vec::new();
        for mut address in addresses {
            // Port 0 means any free port, but the same one for every address family.
            if address.port() == 0
                && let Some(first) = sockets.first().and_then(|socket| socket.local_addr().ok())
            {
                address.set_port(first.port());
            }
            match open(address) {
                Ok(socket) => sockets.push(socket),
                // A machine without IPv6 is served over IPv4 alone.
                Err(error)
                    if host.is_none()
                        && address.is_ipv6()
                        && error.kind() != io::ErrorKind::AddrInUse =>
                {
                    tracing::debug!("cannot listen on {address}: {error}");
                }
                Err(error) => return Err(fail(&error)),
            }
        }
        let port = sockets
            .first()
            .and_then(|socket| socket.local_addr().ok())
            .map_or(port, |address| address.port());
        let shown = shown(port);
        Ok(Self {
            spec,
            sockets,
            shown,
        })
    }

    /// What the log says when it is open.
    pub(crate) fn announcement(&self) -> String {
        format!("{} listening at {}.", self.spec.description(), self.shown)
    }

    /// Addresses of the sockets.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets
            .iter()
            .filter_map(|socket| socket.local_addr().ok())
            .collect()
    }

    /// Accepts connections until the program ends.
    pub(crate) fn start(self, engine: &Arc<Engine>) {
        for socket in self.sockets {
            engine.spawn(accept(Arc::clone(engine), Arc::clone(&self.spec), socket));
        }
    }
}

async fn accept(engine: Arc<Engine>, spec: Arc<ModeSpec>, socket: TcpListener) {
    let shutdown = engine.kernel.shutdown().clone();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((tcp, peer)) => {
                let served = conn::serve(Arc::clone(&engine), Arc::clone(&spec), tcp, peer);
                engine.spawn(served);
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn resolve(host: Option<&str>, port: u16) -> io::Result<Vec<SocketAddr>> {
    match host {
        None => Ok(vec![
            SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
            SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port),
        ]),
        Some(host) => Ok(tokio::net::lookup_host((host, port)).await?.collect()),
    }
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
