//! Modes that know where a connection leads before its first byte: reverse and transparent.

use std::net::SocketAddr;
use std::sync::Arc;

use midwire_flow::Address;
use tokio::net::TcpStream;

use super::place::{Inner, Place};
use super::tunnel;
use crate::engine::Engine;
use crate::io::Io;
use crate::session::Session;
use crate::upstream;

/// Serves a connection that leads to a known place, which is connected to at once unless the strategy is lazy.
pub(crate) async fn serve(session: Session, io: Io, place: Place) -> Session {
    let mut opened = None;
    // DNS servers are connected to for the first query that needs them.
    if session.connects_ahead() && place.inner != Inner::Dns {
        let target = session.target(place.address.clone(), false);
        match upstream::open(&session, target).await {
            Ok(connection) => opened = Some(connection),
            // An HTTP client gets the reason as an answer; others see the same as if they had connected themselves.
            Err(failure) if place.inner == Inner::Http => {
                let target = session.target(place.address.clone(), place.always_tls());
                session.remember_failure(target, failure.fault, Arc::new(failure.server));
            }
            Err(_) => return session,
        }
    }
    Box::pin(tunnel::serve(session, io, place, opened)).await
}

/// Where a connection was going that a firewall rule led here.
pub(crate) fn original_destination(
    engine: &Engine,
    stream: &TcpStream,
) -> std::io::Result<Address> {
    let local = stream.local_addr()?;
    let destination = match midwire_sys::original_destination(stream) {
        Ok(destination) => destination,
        // TPROXY keeps the destination as our own address.
        Err(_) if is_foreign(engine, local) => local,
        Err(error) => return Err(error),
    };
    Ok(Address::from(destination))
}

/// True if a connection came to an address that this process does not listen on.
fn is_foreign(engine: &Engine, local: SocketAddr) -> bool {
    !upstream::is_own(
        engine,
        SocketAddr::new(local.ip().to_canonical(), local.port()),
    )
}
