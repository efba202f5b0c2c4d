//! Listeners: sockets that clients connect to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use midwire_flow::{Address, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::conn;
use crate::engine::Engine;
use crate::mode::{Mode, ModeSpec};
use crate::udp;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// Pause after a failed accept, so that running out of descriptors does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The sockets of one mode.
pub(crate) struct Listener {
    spec: Arc<ModeSpec>,
    sockets: Vec<Bound>,
    shown: String,
}

/// A socket that is open.
enum Bound {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

impl Bound {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr(),
            Self::Udp(socket) => socket.local_addr(),
        }
    }
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
    /// Binds the sockets of a mode; without a host, on all addresses.
    pub(crate) async fn bind(
        spec: Arc<ModeSpec>,
        (host, port): (Option<&str>, u16),
    ) -> Result<Self, ListenError> {
        let fail = |error: &io::Error| {
            let in_use = error.kind() == io::ErrorKind::AddrInUse;
            let hint = if in_use && spec.port.is_none() {
                format!(
                    "\nTry specifying a different port by using `--mode {}@{}`.",
                    spec.full,
                    port.saturating_add(2)
                )
            } else {
                String::new()
            };
            let reason = match error.raw_os_error() {
                Some(number) => format!("[Errno {number}] {}", crate::io_reason(error)),
                None => error.to_string(),
            };
            ListenError {
                mode: spec.description(),
                address: shown(host, port),
                reason,
                hint,
            }
        };
        let addresses = resolve(host, port).await.map_err(|error| fail(&error))?;
        let mut sockets: Vec<Bound> = Vec::new();
        let wanted = spec.transports().iter();
        let wanted = wanted.flat_map(|&carrier| addresses.iter().map(move |&to| (carrier, to)));
        for (transport, mut address) in wanted {
            // Port 0 means any free port, but the same one for every address family.
            if address.port() == 0
                && let Some(first) = sockets.first().and_then(|socket| socket.local_addr().ok())
            {
                address.set_port(first.port());
            }
            let opened = match transport {
                Transport::Tcp => open(address, &spec).map(Bound::Tcp),
                Transport::Udp => open_udp(address).map(Bound::Udp),
            };
            match opened {
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
        Ok(Self {
            shown: shown(host, port),
            spec,
            sockets,
        })
    }

    /// Where it listens, for the log: `*:8080`.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Addresses of the sockets.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets
            .iter()
            .filter_map(|socket| socket.local_addr().ok())
            .collect()
    }

    /// Accepts connections until it is told to stop; the tasks end when the sockets are closed.
    pub(crate) fn start(
        self,
        engine: &Arc<Engine>,
        stop: &CancellationToken,
    ) -> Vec<JoinHandle<()>> {
        let accept = |socket| {
            let (engine, spec, stop) = (Arc::clone(engine), Arc::clone(&self.spec), stop.clone());
            match socket {
                Bound::Tcp(socket) => Arc::clone(&engine).spawn(accept(engine, spec, socket, stop)),
                Bound::Udp(socket) => {
                    Arc::clone(&engine).spawn(udp::serve(engine, spec, socket, stop))
                }
            }
        };
        self.sockets.into_iter().map(accept).collect()
    }
}

/// `host:port` with `*` for all addresses.
pub(crate) fn shown(host: Option<&str>, port: u16) -> String {
    match host {
        None => format!("*:{port}"),
        Some(host) => Address::new(host, port).to_string(),
    }
}

async fn accept(
    engine: Arc<Engine>,
    spec: Arc<ModeSpec>,
    socket: TcpListener,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = async {
                engine.room().await;
                socket.accept().await
            } => accepted,
        };
        match accepted {
            Ok((tcp, peer)) => {
                // Counted here, so that the next one finds it counted.
                let counted = engine.kernel.count_connection();
                let served =
                    conn::serve(Arc::clone(&engine), Arc::clone(&spec), (tcp, peer), counted);
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

fn open(address: SocketAddr, spec: &ModeSpec) -> io::Result<TcpListener> {
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
    if spec.mode == Mode::Transparent
        && let Err(error) = midwire_sys::accept_foreign_addresses(&socket)
    {
        // Redirected connections are served all the same; only TPROXY needs it.
        tracing::debug!("TPROXY rules cannot be used: {error}");
    }
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn open_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}
