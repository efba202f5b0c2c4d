//! A client connection: its layers are peeled one after another until the traffic is understood.

mod connect;
mod detect;
mod http;
mod peek;
mod tunnel;

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use midwire_core::hooks::Hook;
use midwire_flow::{Address, ClientConn, Connection};
use tokio::net::TcpStream;

use crate::engine::Engine;
use crate::http::h2;
use crate::http::message::Destination;
use crate::io::Io;
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
    tcp: TcpStream,
    peer: SocketAddr,
) {
    let _guard = engine.kernel.count_connection();
    let _ = tcp.set_nodelay(true);
    let mut client = ClientConn {
        connection: Connection {
            peername: Some(Address::from(peer)),
            sockname: tcp.local_addr().ok().map(Address::from),
            timestamp_start: Some(crate::now()),
            ..Connection::default()
        },
        mitmcert: None,
        proxy_mode: mode.full.clone(),
    };
    engine.kernel.client_connected(&mut client).await;
    if let Some(error) = &client.error {
        tracing::warn!(client = %Address::from(peer), "client connection refused: {error}");
    } else {
        tracing::info!(client = %Address::from(peer), "client connect");
        let session = Session::new(Arc::clone(&engine), client.clone());
        client = layers(session, &mode, Box::new(tcp)).await;
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
}

async fn layers(session: Session, mode: &ModeSpec, io: Io) -> ClientConn {
    let session = match &mode.mode {
        Mode::Regular => connect::explicit(session, io).await,
        _ => session,
    };
    let client = (*session.client).clone();
    session.close_idle().await;
    client
}

/// Serves HTTP on a connection that leads to one place.
pub(crate) async fn fixed(session: &Session, io: Io, to: Destination) {
    if session.client.alpn.as_deref() == Some(b"h2") {
        h2::serve(session, io, &to).await;
    } else {
        http::serve(session, io, &to).await;
    }
}
