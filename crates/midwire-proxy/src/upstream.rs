//! Connections to servers: opening them with all hooks, and what is known about them.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use midwire_core::hooks::{Hook, ServerHookData, TlsHookData};
use midwire_flow::{Address, Certificate, ServerConn};
use midwire_wire::Version;
use midwire_wire::http1::Limits;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::fault::ConnectFault;
use crate::http::stream::{Inbound, Outbound};
use crate::http::{h1, h2};
use crate::io::{Io, rewind, seconds_limit};
use crate::session::{Outcome, Session};
use crate::slots::{Slot, Slotted};
use crate::via::{self, Hop, How};

/// How long one address of a name is tried before the next one is tried beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// Shared connections that are tried for one exchange when they close as soon as they are used.
const ATTEMPTS: usize = 3;

/// Where a connection is to lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) tls: bool,
    /// Name to ask for in TLS; an address literal is not sent.
    pub(crate) sni: Option<String>,
    /// The proxy on the way.
    pub(crate) via: Option<Hop>,
}

impl Target {
    /// Where the socket leads: to the proxy on the way, or the server itself.
    pub(crate) fn hop_address(&self) -> &Address {
        self.via
            .as_ref()
            .map_or(&self.address, |hop| &hop.via.address)
    }

    /// True if requests go to a proxy that forwards them, so that their targets have to name the server.
    pub(crate) fn is_forwarded(&self) -> bool {
        self.via.as_ref().is_some_and(|hop| hop.how == How::Forward)
    }
}

/// A connection that has been opened, with TLS if the target wants it.
pub(crate) struct Opened {
    pub(crate) target: Target,
    pub(crate) server: ServerConn,
    pub(crate) io: Io,
    /// The connection of which this is one stream.
    pub(crate) shared: Option<Arc<h2::Shared>>,
    /// How much of `server_connect_timeout` is used up.
    pub(crate) spent: Duration,
}

/// An HTTP/1 connection to a server.
pub(crate) struct Link {
    pub(crate) target: Target,
    pub(crate) server: Arc<ServerConn>,
    pub(crate) source: h1::Source,
    pub(crate) sink: h1::Sink,
    /// An exchange has used it before.
    pub(crate) used: bool,
}

/// A way to a server for one exchange.
pub(crate) enum Route {
    /// A connection of its own.
    H1(Box<Link>),
    /// A stream of a shared connection.
    H2(Box<h2::Call>),
}

/// A connection that could not be made, with what is known of it.
pub(crate) struct Failure {
    pub(crate) fault: ConnectFault,
    pub(crate) server: ServerConn,
}

impl Opened {
    /// Speaks HTTP/1 over the connection.
    pub(crate) fn into_link(self, limits: Limits) -> Link {
        let (source, mut sink) = h1::split(self.io, limits);
        sink.to_proxy = self.target.is_forwarded();
        Link {
            target: self.target,
            server: Arc::new(self.server),
            source,
            sink,
            used: false,
        }
    }

    /// True if HTTP/2 was agreed on.
    pub(crate) fn speaks_h2(&self) -> bool {
        self.server.alpn.as_deref() == Some(b"h2")
    }

    /// Says that the connection has ended; the socket closes with the drop.
    pub(crate) async fn close(self, session: &Session) {
        drop(self.io);
        ended(session, self.server, self.shared).await;
    }
}

impl Link {
    /// True if exchanges for this target can use the connection.
    pub(crate) fn serves(&self, target: &Target) -> bool {
        self.target == *target
    }

    /// True if the server has closed the connection, or sent what nobody asked for, while it was idle.
    pub(crate) async fn is_stale(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.source.gone() => true,
            () = std::future::ready(()) => self.source.has_surplus(),
        }
    }

    /// Gives memory back while no exchange uses the connection.
    pub(crate) fn rest(&mut self) {
        self.source.rest();
        self.sink.rest();
    }

    /// Closes the connection and says so.
    pub(crate) async fn close(self, session: &Session) {
        drop((self.source, self.sink));
        let server = Arc::try_unwrap(self.server).unwrap_or_else(|shared| (*shared).clone());
        disconnected(session, server).await;
    }
}

impl Route {
    /// The facts of the connection.
    pub(crate) fn server(&self) -> &Arc<ServerConn> {
        match self {
            Self::H1(link) => &link.server,
            Self::H2(call) => &call.shared.server,
        }
    }

    /// Both directions.
    pub(crate) fn halves(&mut self) -> (Inbound<'_>, Outbound<'_>) {
        match self {
            Self::H1(link) => (Inbound::H1(&mut link.source), Outbound::H1(&mut link.sink)),
            Self::H2(call) => (Inbound::H2(&mut call.source), Outbound::H2(&mut call.sink)),
        }
    }

    /// The direction from the server.
    pub(crate) fn inbound(&mut self) -> Inbound<'_> {
        self.halves().0
    }

    /// The connection as bytes, those that were read ahead first.
    pub(crate) fn into_opened(self) -> Opened {
        match self {
            Self::H1(link) => {
                let (io, ahead) = h1::unsplit(link.source, link.sink);
                Opened {
                    target: link.target,
                    server: Arc::unwrap_or_clone(link.server),
                    io: rewind(ahead, io),
                    shared: None,
                    spent: Duration::ZERO,
                }
            }
            Self::H2(call) => call.into_opened(),
        }
    }

    /// Notes that a request uses it; true if one did before, so that the server may have closed it since.
    pub(crate) fn begin(&mut self) -> bool {
        match self {
            Self::H1(link) => std::mem::replace(&mut link.used, true),
            Self::H2(_) => false,
        }
    }

    /// Gives the exchange up. A connection of its own is closed, a stream is reset.
    pub(crate) async fn close(self, session: &Session) {
        if let Self::H1(link) = self {
            link.close(session).await;
        }
    }

    /// After the server has given up: the next exchange gets another connection.
    pub(crate) async fn retire(self, session: &Session) {
        match self {
            Self::H1(link) => link.close(session).await,
            Self::H2(call) => call.shared.retire(),
        }
    }
}

/// Finds or opens a way to a target.
///
/// # Cancellation
/// Safe: an attempt that others wait for is taken over by one of them.
pub(crate) async fn reach(session: &Session, target: &Target) -> Result<Route, Box<Failure>> {
    // Boxes, since opening is large and most exchanges find a connection.
    let offers = alpn_offers(session);
    if !target.tls || !offers.iter().any(|offer| offer == "h2") {
        return Box::pin(single(session, target, &offers)).await;
    }
    for _ in 0..ATTEMPTS {
        if let Some(shared) = session.shared(target) {
            if let Some(call) = shared.call().await {
                return Ok(Route::H2(Box::new(call)));
            }
            continue;
        }
        let attempt = session.opening(target);
        let mut mine = None;
        let outcome = attempt
            .get_or_init(|| async {
                if let Some(shared) = session.shared(target) {
                    return Outcome::Shared(shared);
                }
                match Box::pin(connect_tls(session, target, &offers)).await {
                    Ok(Wire::H2(shared)) => Outcome::Shared(shared),
                    Ok(Wire::H1(link)) => {
                        mine = Some(link);
                        Outcome::Single
                    }
                    Err(failure) => Outcome::Failed(failure.fault, Arc::new(failure.server)),
                }
            })
            .await
            .clone();
        match outcome {
            // What everybody learned from this attempt stays known: nobody waits for others again.
            Outcome::Single => {}
            _ => session.opened(&attempt),
        }
        match (outcome, mine) {
            (Outcome::Shared(shared), _) => {
                if let Some(call) = shared.call().await {
                    return Ok(Route::H2(Box::new(call)));
                }
            }
            (Outcome::Single, Some(link)) => return Ok(Route::H1(link)),
            (Outcome::Single, None) => return Box::pin(single(session, target, &offers)).await,
            (Outcome::Failed(fault, server), _) => {
                return Err(Box::new(Failure {
                    fault,
                    server: (*server).clone(),
                }));
            }
        }
    }
    Box::pin(single(session, target, &offers)).await
}

/// Finds or opens a way to a target for a request that asks for WebSocket: a stream of HTTP/2 if the client speaks it
/// and the server knows extended CONNECT (RFC 8441), else a connection of HTTP/1.
///
/// # Cancellation
/// As with [`reach`].
pub(crate) async fn reach_upgrade(
    session: &Session,
    target: &Target,
    client: Version,
) -> Result<Route, Box<Failure>> {
    if !client.is_http1() {
        match reach(session, target).await? {
            Route::H2(mut call) => {
                if call.shared.takes_upgrades().await {
                    call.upgrade();
                    return Ok(Route::H2(call));
                }
            }
            route @ Route::H1(_) => return Ok(route),
        }
    }
    single(session, target, &crate::conn::HTTP1_ALPN).await
}

/// What a new connection speaks.
enum Wire {
    H1(Box<Link>),
    H2(Arc<h2::Shared>),
}

async fn single(
    session: &Session,
    target: &Target,
    offers: &[Bytes],
) -> Result<Route, Box<Failure>> {
    if !target.tls {
        let opened = open(session, target.clone()).await?;
        if !opened.target.tls {
            let link = opened.into_link(session.engine.limits());
            return Ok(Route::H1(Box::new(link)));
        }
    }
    match connect_tls(session, target, offers).await? {
        Wire::H1(link) => Ok(Route::H1(link)),
        Wire::H2(shared) => match shared.call().await {
            Some(call) => Ok(Route::H2(Box::new(call))),
            None => Err(Box::new(Failure {
                fault: ConnectFault::Network {
                    to: target.address.to_string(),
                    reason: "closed at once".to_owned(),
                },
                server: (*shared.server).clone(),
            })),
        },
    }
}

async fn connect_tls(
    session: &Session,
    target: &Target,
    offers: &[Bytes],
) -> Result<Wire, Box<Failure>> {
    let opened = open(session, target.clone()).await?;
    let opened = secure(session, opened, offers).await?;
    if !opened.speaks_h2() {
        let link = opened.into_link(session.engine.limits());
        return Ok(Wire::H1(Box::new(link)));
    }
    // It is found again by what was asked for, even if an addon has led it elsewhere.
    let opened = Opened {
        target: target.clone(),
        ..opened
    };
    let shared = h2::start(session, opened).await?;
    session.share(&shared);
    Ok(Wire::H2(shared))
}

/// Keeps a connection that was opened ahead for the exchanges to come.
pub(crate) async fn keep(session: &Session, opened: Opened) {
    if opened.speaks_h2() {
        if let Ok(shared) = h2::start(session, opened).await {
            session.share(&shared);
        }
    } else if let Some(link) = session.keep(opened.into_link(session.engine.limits())) {
        link.close(session).await;
    }
}

/// What is offered to servers by ALPN: what the client offers, as far as we speak it.
pub(crate) fn alpn_offers(session: &Session) -> Vec<Bytes> {
    let offers = &session.client.alpn_offers;
    if offers.is_empty() {
        return crate::conn::HTTP1_ALPN.clone();
    }
    let http2 = session.options().http2;
    offers
        .iter()
        .filter(|offer| offer.starts_with(b"http/") || (http2 && *offer == "h2"))
        .cloned()
        .collect()
}

/// Says that a connection has ended, unless it was one stream of a connection that goes on.
pub(crate) async fn ended(session: &Session, server: ServerConn, shared: Option<Arc<h2::Shared>>) {
    if shared.is_none() {
        disconnected(session, server).await;
    }
}

/// Says that a connection has ended.
pub(crate) async fn disconnected(session: &Session, mut server: ServerConn) {
    server.timestamp_end = Some(crate::now());
    // The socket led to the proxy on the way, and so says the hook.
    if let Some(via) = server.via.take() {
        server.address = Some(via.address);
    }
    if let Some(address) = &server.address {
        tracing::info!(client = %session.peer(), "server disconnect {}", Shown(address, server.peername.as_ref()));
    }
    if session
        .kernel()
        .chain()
        .interest()
        .contains(Hook::ServerDisconnected)
    {
        let mut data = ServerHookData {
            server,
            client: Arc::clone(&session.client),
        };
        session.kernel().server_disconnected(&mut data).await;
    }
}

/// Opens a connection with the hooks around it, through the proxy on the way if there is one. TLS comes after, with [`secure`].
///
/// # Cancellation
/// Safe: the attempt is given up; of the hooks, only `server_connect` may have run.
pub(crate) async fn open(session: &Session, mut target: Target) -> Result<Opened, Box<Failure>> {
    let mut server = ServerConn {
        address: Some(target.hop_address().clone()),
        ..ServerConn::default()
    };
    match &target.via {
        None => {
            server.tls = target.tls;
            server.sni.clone_from(&target.sni);
        }
        Some(hop) if hop.is_tls() => {
            server.tls = true;
            server.sni = Some(hop.via.address.host.clone());
        }
        Some(_) => {}
    }
    let mut data = ServerHookData {
        server,
        client: Arc::clone(&session.client),
    };
    session.kernel().server_connect(&mut data).await;
    if let Some(error) = data.server.error.clone() {
        return Err(refuse(session, data, ConnectFault::Killed(error)).await);
    }
    redirect(&mut target, &mut data.server);
    if session.options().offline {
        let fault = ConnectFault::Offline(target.hop_address().to_string());
        return Err(refuse(session, data, fault).await);
    }
    data.server.timestamp_start = Some(crate::now());
    let began = Instant::now();
    let tcp = match dial(session, target.hop_address()).await {
        Ok(tcp) => tcp,
        Err(fault) => return Err(refuse(session, data, fault).await),
    };
    data.server.timestamp_tcp_setup = Some(crate::now());
    let (peer, own) = (tcp.get_ref().peer_addr(), tcp.get_ref().local_addr());
    data.server.peername = peer.ok().map(Address::from);
    data.server.sockname = own.ok().map(Address::from);
    tracing::info!(
        client = %session.peer(),
        "server connect {}",
        Shown(target.hop_address(), data.server.peername.as_ref())
    );
    session.kernel().server_connected(&mut data).await;
    let hop = target.via.clone();
    let opened = Opened {
        target,
        server: data.server,
        io: crate::trace::layer(session, "server tcp", Box::new(tcp)),
        shared: None,
        spent: began.elapsed(),
    };
    match hop {
        Some(hop) => via::pass(session, opened, &hop).await,
        None => Ok(opened),
    }
}

/// Takes over what addons have changed in `server_connect`: the address of the socket, or a proxy on the way.
fn redirect(target: &mut Target, server: &mut ServerConn) {
    if let Some(via) = server.via.take() {
        server.address = Some(via.address.clone());
        match &mut target.via {
            Some(hop) => hop.via = via,
            None => target.via = Some(Hop::tunnel(via)),
        }
    } else if let Some(address) = &server.address {
        match &mut target.via {
            Some(hop) => hop.via.address = address.clone(),
            None => target.address = address.clone(),
        }
    }
}

async fn refuse(session: &Session, mut data: ServerHookData, fault: ConnectFault) -> Box<Failure> {
    tracing::info!(client = %session.peer(), "error establishing server connection: {fault}");
    data.server.error = Some(fault.to_string());
    session.kernel().server_connect_error(&mut data).await;
    Box::new(Failure {
        fault,
        server: data.server,
    })
}

/// Shakes hands with the server.
///
/// # Cancellation
/// The connection is closed.
pub(crate) async fn secure(
    session: &Session,
    opened: Opened,
    alpn: &[Bytes],
) -> Result<Opened, Box<Failure>> {
    let Opened {
        target,
        mut server,
        io,
        spent,
        ..
    } = opened;
    server.tls = true;
    server.sni.clone_from(&target.sni);
    server.alpn_offers = alpn.to_vec();
    start_server(session, &server).await;
    let limit = session.options().server_connect_timeout;
    let began = Instant::now();
    let shake = async {
        session
            .engine
            .tls()
            .client
            .connect(io, &target.address.host, target.sni.as_deref(), alpn)
            .await
    };
    let shaken = rest_of(limit, spent, shake).await;
    let error = match shaken {
        Some(Ok((io, facts))) => {
            server.timestamp_tls_setup = Some(crate::now());
            server.tls_version = Some(facts.version.to_owned());
            server.cipher = Some(facts.cipher.to_owned());
            server.alpn = facts.alpn.or_else(|| (!alpn.is_empty()).then(Bytes::new));
            server.certificate_list = facts
                .peer_certificates
                .into_iter()
                .map(Certificate::from_der)
                .collect();
            if session
                .kernel()
                .chain()
                .interest()
                .contains(Hook::TlsEstablishedServer)
            {
                let mut data = tls_data(session, &server);
                session.kernel().tls_established_server(&mut data).await;
            }
            return Ok(Opened {
                target,
                server,
                io: crate::trace::layer(session, "server tls", Box::new(io)),
                shared: None,
                spent: spent + began.elapsed(),
            });
        }
        Some(Err(error)) => ConnectFault::Tls(error.to_string()),
        None => took_too_long(&target.address, limit),
    };
    server.error = Some(error.to_string());
    if session
        .kernel()
        .chain()
        .interest()
        .contains(Hook::TlsFailedServer)
    {
        let mut data = tls_data(session, &server);
        session.kernel().tls_failed_server(&mut data).await;
    }
    let failed = server.clone();
    disconnected(session, server).await;
    Err(Box::new(Failure {
        fault: error,
        server: failed,
    }))
}

async fn start_server(session: &Session, server: &ServerConn) {
    if session
        .kernel()
        .chain()
        .interest()
        .contains(Hook::TlsStartServer)
    {
        let mut data = tls_data(session, server);
        session.kernel().tls_start_server(&mut data).await;
    }
}

fn tls_data(session: &Session, server: &ServerConn) -> TlsHookData {
    TlsHookData {
        client: Arc::clone(&session.client),
        server: Arc::new(server.clone()),
        is_dtls: false,
    }
}

/// Resolves and connects, trying the addresses of a name one beside the other (RFC 8305).
async fn dial(session: &Session, to: &Address) -> Result<Slotted<TcpStream>, ConnectFault> {
    let limit = session.options().server_connect_timeout;
    let dialled = async {
        let slot = slot(session, to).await;
        Ok(Slotted::new(dial_any(session, to).await?, slot))
    };
    match crate::within(limit, dialled).await {
        Some(result) => result,
        None => Err(took_too_long(to, limit)),
    }
}

/// Runs a step of reaching a server within what its steps so far have left of `server_connect_timeout`.
pub(crate) async fn rest_of<F: Future>(limit: i64, spent: Duration, step: F) -> Option<F::Output> {
    match seconds_limit(limit) {
        None => Some(step.await),
        Some(limit) => tokio::time::timeout(limit.saturating_sub(spent), step)
            .await
            .ok(),
    }
}

pub(crate) fn took_too_long(to: &Address, limit: i64) -> ConnectFault {
    ConnectFault::TimedOut {
        to: to.to_string(),
        seconds: limit.unsigned_abs(),
    }
}

/// Waits until the client may have one more connection to an address; idle ones are closed for it.
async fn slot(session: &Session, to: &Address) -> Slot {
    while !session.slots.has_room(to)
        && let Some(link) = session.take_any(to)
    {
        link.close(session).await;
    }
    session.slots.take(to).await
}

async fn dial_any(session: &Session, to: &Address) -> Result<TcpStream, ConnectFault> {
    let addresses = match to.host.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, to.port)],
        Err(_) => session.engine.names.find(to).await,
    };
    if addresses.is_empty() {
        return Err(ConnectFault::NameNotFound(to.host.clone()));
    }
    if let Some(own) = addresses
        .iter()
        .find(|address| is_own(&session.engine, **address))
    {
        tracing::warn!(client = %session.peer(), "refused to connect to {own}: it is this program");
        return Err(ConnectFault::Loop(to.to_string()));
    }
    let source = session
        .options()
        .connect_addr
        .as_ref()
        .and_then(|text| text.parse::<IpAddr>().ok());
    if let [only] = addresses[..] {
        return connect(only, source)
            .await
            .map_err(|error| network(to, &error));
    }
    race(addresses, source)
        .await
        .map_err(|error| network(to, &error))
}

/// Connects to the first address that answers. The next one is tried when the one before has failed or takes long.
async fn race(addresses: Vec<SocketAddr>, source: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut last = std::io::ErrorKind::NotConnected.into();
    loop {
        if let Some(address) = waiting.next() {
            attempts.spawn(connect(address, source));
        }
        let stagger = async {
            match waiting.len() {
                0 => std::future::pending().await,
                _ => tokio::time::sleep(STAGGER).await,
            }
        };
        let done = tokio::select! {
            biased;
            done = attempts.join_next() => done,
            () = stagger => continue,
        };
        match done {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => last = error,
            Some(Err(_)) => {}
            None => return Err(last),
        }
    }
}

async fn connect(address: SocketAddr, source: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if let Some(source) = source
        && source.is_ipv4() == address.is_ipv4()
    {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn network(to: &Address, error: &std::io::Error) -> ConnectFault {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => ConnectFault::Refused(to.to_string()),
        _ => ConnectFault::Network {
            to: to.to_string(),
            reason: crate::io_reason(error),
        },
    }
}

/// True if an address is one that this process listens on.
pub(crate) fn is_own(engine: &Engine, address: SocketAddr) -> bool {
    engine.listens_on(address.port()) && is_local(address.ip())
}

/// True if packets to this address stay on this machine: the system would use the address itself as source.
fn is_local(ip: IpAddr) -> bool {
    let any: IpAddr = if ip.is_ipv4() {
        std::net::Ipv4Addr::UNSPECIFIED.into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    };
    if ip.is_loopback() || ip.is_unspecified() {
        return true;
    }
    let probe = || -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
        socket.connect(SocketAddr::new(ip, 9))?;
        Ok(socket.local_addr()?.ip())
    };
    probe().is_ok_and(|source| source == ip)
}

/// `host:port`, and the peer's address behind it when it says something new.
struct Shown<'a>(&'a Address, Option<&'a Address>);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.1 {
            Some(peer) if peer != self.0 && peer.host != self.0.host => {
                write!(f, "{} ({peer})", self.0)
            }
            _ => write!(f, "{}", self.0),
        }
    }
}
