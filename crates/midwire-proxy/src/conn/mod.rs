//! A client connection: its layers are peeled one after another until the traffic is understood.

mod connect;
mod detect;
mod http;
mod known;
mod peek;
mod place;
mod socks;
mod tunnel;

pub(crate) use self::detect::Next;
pub(crate) use self::http::converse;
pub(crate) use self::tunnel::ask;

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use midwire_core::ConnectionGuard;
use midwire_core::hooks::Hook;
use midwire_flow::{Address, ClientConn, Connection};
use tokio::net::TcpStream;

use self::place::Place;
use crate::engine::Engine;
use crate::http::h2;
use crate::http::message::Destination;
use crate::io::{Io, Patient, Resettable};
use crate::mode::{Mode, ModeSpec};
use crate::session::Session;

/// What we offer to servers for requests that we send in HTTP/1.
pub(crate) static HTTP1_ALPN: LazyLock<Vec<Bytes>> =
    LazyLock::new(|| vec![Bytes::from_static(b"http/1.1")]);

/// Serves one TCP connection of a client from its first byte to its last.
///
/// # Cancellation
/// All connections are closed where they are.
pub(crate) async fn serve(
    engine: Arc<Engine>,
    mode: Arc<ModeSpec>,
    (tcp, peer): (TcpStream, SocketAddr),
    _counted: ConnectionGuard,
) {
    let _ = tcp.set_nodelay(true);
    let mut sockname = tcp.local_addr().ok().map(Address::from);
    if mode.mode == Mode::Transparent {
        match known::original_destination(&engine, &tcp) {
            Ok(address) => sockname = Some(address),
            Err(error) => {
                let reason = crate::io_reason(&error);
                tracing::error!(client = %Address::from(peer), "Transparent mode failure: {reason}");
                return;
            }
        }
    }
    let mut client = ClientConn {
        connection: Connection {
            peername: Some(Address::from(peer)),
            sockname,
            timestamp_start: Some(crate::now()),
            ..Connection::default()
        },
        mitmcert: None,
        proxy_mode: mode.full.clone(),
    };
    engine.kernel.client_connected(&mut client).await;
    let mut session = None;
    if let Some(error) = &client.error {
        // Who refused it has said so, within bounds.
        tracing::debug!(client = %Address::from(peer), "client connection refused: {error}");
    } else {
        tracing::info!(client = %Address::from(peer), "client connect");
        let begun = Session::new(Arc::clone(&engine), client.clone(), mode);
        let io = Patient::new(
            Resettable::new(tcp, begun.reset.clone()),
            begun.options().client_write_timeout,
            begun.reset.clone(),
        );
        let io = crate::trace::layer(&begun, "client tcp", Box::new(io));
        let ended = Box::pin(layers(begun, io)).await;
        client = (*ended.client).clone();
        session = Some(ended);
    }
    client.timestamp_end = Some(crate::now());
    tracing::info!(client = %Address::from(peer), "client disconnect");
    if engine
        .kernel
        .chain()
        .interest()
        .contains(Hook::ClientDisconnected)
    {
        engine.kernel.client_disconnected(&mut client).await;
    }
    // Addons see the client go before the servers that were kept for it.
    if let Some(session) = session {
        session.close_idle().await;
    }
}

async fn layers(session: Session, io: Io) -> Session {
    let mode = Arc::clone(&session.mode);
    match &mode.mode {
        Mode::Regular | Mode::Upstream(_) => Box::pin(connect::explicit(session, io)).await,
        Mode::Socks5 => Box::pin(socks::serve(session, io)).await,
        Mode::Reverse(server) => Box::pin(known::serve(session, io, Place::reverse(server))).await,
        Mode::Transparent => match session.client.sockname.clone() {
            Some(address) => Box::pin(known::serve(session, io, Place::unknown(address))).await,
            None => session,
        },
        // Such specifications are refused before anything listens.
        Mode::Dns => {
            crate::dns::serve_stream(&session, io, None).await;
            session
        }
        Mode::Wireguard(_) | Mode::Local(_) | Mode::Tun(_) => session,
    }
}

/// Serves HTTP on a connection that leads to one place.
pub(crate) async fn fixed(session: &Session, io: Io, to: Destination) {
    if session.client.alpn.as_deref() == Some(b"h2") {
        Box::pin(h2::serve(session, io, &to)).await;
    } else {
        Box::pin(http::serve(session, io, &to)).await;
    }
}
