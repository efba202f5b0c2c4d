//! UDP: the datagrams of a listener sorted by client, connections to servers, and raw conversations.

mod listen;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use midwire_core::hooks::ServerHookData;
use midwire_flow::{Address, FlowError, FlowInfo, ServerConn, Transport};
use tokio::net::UdpSocket;

pub(crate) use self::listen::{Datagrams, serve};
use crate::fault::{ConnectFault, Side};
use crate::live::{Injected, Kind};
use crate::raw::Raw;
use crate::session::Session;
use crate::upstream::{self, Failure};

/// How long a client may be silent before its conversation counts as ended.
pub(crate) const IDLE: Duration = Duration::from_secs(20);
/// Largest datagram.
const DATAGRAM_MAX: usize = 65535;

/// Opens a socket to a server, with the hooks around it.
///
/// # Cancellation
/// Safe: the socket is closed; of the hooks, only `server_connect` may have run.
pub(crate) async fn connect(
    session: &Session,
    address: Address,
) -> Result<(UdpSocket, ServerConn), Box<Failure>> {
    let mut data = ServerHookData {
        server: placeholder(&address),
        client: Arc::clone(&session.client),
    };
    let kernel = session.kernel();
    kernel.server_connect(&mut data).await;
    let opened = if let Some(error) = &data.server.error {
        Err(ConnectFault::Killed(error.clone()))
    } else {
        let to = data.server.address.clone().unwrap_or(address);
        let offline = session.options().offline;
        data.server.timestamp_start = Some(crate::now());
        if offline {
            Err(ConnectFault::Offline(to.to_string()))
        } else {
            open(session, &to).await
        }
    };
    match opened {
        Ok(socket) => {
            data.server.peername = socket.peer_addr().ok().map(Address::from);
            data.server.sockname = socket.local_addr().ok().map(Address::from);
            kernel.server_connected(&mut data).await;
            Ok((socket, data.server))
        }
        Err(fault) => {
            tracing::info!(client = %session.peer(), "error establishing server connection: {fault}");
            data.server.error = Some(fault.to_string());
            kernel.server_connect_error(&mut data).await;
            Err(Box::new(Failure {
                fault,
                server: data.server,
            }))
        }
    }
}

async fn open(session: &Session, to: &Address) -> Result<UdpSocket, ConnectFault> {
    let address = match to.host.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, to.port),
        Err(_) => tokio::net::lookup_host((to.host.as_str(), to.port))
            .await
            .ok()
            .and_then(|mut found| found.next())
            .ok_or_else(|| ConnectFault::NameNotFound(to.host.clone()))?,
    };
    if upstream::is_own(&session.engine, address) {
        tracing::warn!(client = %session.peer(), "refused to send to {address}: it is this program");
        return Err(ConnectFault::Loop(to.to_string()));
    }
    dial(address).await.map_err(|error| ConnectFault::Network {
        to: to.to_string(),
        reason: crate::io_reason(&error),
    })
}

/// A socket that sends to one address and takes datagrams from it alone.
pub(crate) async fn dial(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(address).await?;
    Ok(socket)
}

/// The next datagram of a connected socket. No buffer is held while waiting.
///
/// # Cancellation
/// Safe.
pub(crate) async fn receive(socket: &UdpSocket) -> std::io::Result<Bytes> {
    loop {
        socket.readable().await?;
        let mut buf = BytesMut::with_capacity(DATAGRAM_MAX);
        match socket.try_recv_buf(&mut buf) {
            Ok(_) => return Ok(Bytes::copy_from_slice(&buf)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// A server of which only the address is known.
pub(crate) fn placeholder(address: &Address) -> ServerConn {
    let mut server = ServerConn {
        address: Some(address.clone()),
        ..ServerConn::default()
    };
    server.transport_protocol = Transport::Udp;
    server
}

/// Passes datagrams on without a flow, until the client is silent for long.
///
/// # Cancellation
/// Safe.
pub(crate) async fn relay(session: &Session, mut client: Datagrams, to: Address) {
    let Ok((socket, server)) = connect(session, to).await else {
        return;
    };
    let shutdown = session.kernel().shutdown().clone();
    loop {
        let sent = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            datagram = client.receive() => match datagram {
                Some(datagram) => socket.send(&datagram).await.map(|_| ()),
                None => break,
            },
            datagram = receive(&socket) => match datagram {
                Ok(datagram) => client.send(&datagram).await,
                Err(_) => break,
            },
            () = tokio::time::sleep(IDLE) => break,
        };
        if let Err(error) = sent {
            tracing::debug!(client = %session.peer(), "datagram lost: {error}");
        }
    }
    drop(socket);
    upstream::disconnected(session, server).await;
}

enum Step {
    Client(Option<Bytes>),
    Server(std::io::Result<Bytes>),
    Injected(Injected),
    Killed,
    End,
}

/// Passes datagrams on with a flow and its hooks, until the client is silent for long.
///
/// # Cancellation
/// The flow gets no further hook.
pub(crate) async fn conversation(session: &Session, mut client: Datagrams, to: Address) {
    let info = FlowInfo::new(Arc::clone(&session.client), Arc::new(placeholder(&to)));
    let mut raw = Raw::new(session, Kind::Udp, info);
    if raw.start().await.is_err() {
        return raw.end(Ok(())).await;
    }
    let (socket, server) = match connect(session, to).await {
        Ok(connected) => connected,
        Err(failure) => {
            raw.flow.info.server_conn = Arc::new(failure.server);
            return raw.end(Err(failure.fault.to_string())).await;
        }
    };
    raw.flow.info.server_conn = Arc::new(server.clone());
    let ended = talk(session, &mut raw, &mut client, &socket).await;
    raw.end(ended).await;
    drop(socket);
    upstream::disconnected(session, server).await;
}

async fn talk(
    session: &Session,
    raw: &mut Raw<'_>,
    client: &mut Datagrams,
    server: &UdpSocket,
) -> Result<(), String> {
    let shutdown = session.kernel().shutdown().clone();
    let mut inbox = session.engine.live.register(&raw.flow.info.id, raw.kind);
    let killed = inbox.killed();
    loop {
        let step = tokio::select! {
            biased;
            () = shutdown.cancelled() => Step::End,
            () = killed.cancelled() => Step::Killed,
            injected = inbox.next() => Step::Injected(injected),
            datagram = client.receive() => Step::Client(datagram),
            datagram = receive(server) => Step::Server(datagram),
            () = tokio::time::sleep(IDLE) => Step::End,
        };
        let (from, content) = match step {
            Step::Client(Some(content)) => (Side::Client, content),
            Step::Server(Ok(content)) => (Side::Server, content),
            Step::Injected(injected) => (injected.from(), injected.content),
            Step::Killed => return Err(FlowError::KILLED.to_owned()),
            Step::Server(Err(error)) => return Err(crate::io_reason(&error)),
            Step::Client(None) | Step::End => return Ok(()),
        };
        let Ok(content) = raw.message(from, content).await else {
            return Err(FlowError::KILLED.to_owned());
        };
        if content.is_empty() {
            continue;
        }
        let sent = match from {
            Side::Client => server.send(&content).await.map(|_| ()),
            Side::Server => client.send(&content).await,
        };
        // Datagrams may be lost; one that cannot be sent is.
        if let Err(error) = sent {
            tracing::debug!(client = %session.peer(), "datagram lost: {error}");
        }
    }
}
