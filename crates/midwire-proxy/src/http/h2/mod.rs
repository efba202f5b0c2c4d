//! HTTP/2 driver: streams of the `h2` crate behind the driver border (RFC 9113).
//!
//! One task per connection moves frames; each stream is an exchange of its own. Windows are given back only as
//! content is passed on, so a slow reader slows down its own stream and nobody else's.

mod client;
mod convert;
mod hpack;
mod hpack_tables;
mod order;
mod server;
mod sink;
mod source;
mod tunnel;
mod upgrade;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use midwire_core::options::Options;
use tokio::sync::oneshot;

pub(crate) use client::{Call, Shared, start};
pub(crate) use server::serve;
pub(crate) use sink::Sink;
pub(crate) use source::Source;
pub(crate) use tunnel::Tunnel;

use crate::fault::{Fault, Side};

/// Bytes that a peer may send ahead on one stream (security.md §2).
const STREAM_WINDOW: u32 = 256 * 1024;
/// Bytes that a peer may send ahead on one connection (security.md §2).
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Bytes of one stream that wait to be written.
const SEND_BUFFER: usize = 256 * 1024;
/// Size of the dynamic HPACK table (security.md §2).
const HPACK_TABLE: u32 = 4096;

/// Streams that may be reset within the time of the watch; the option's 0 stands for any number.
fn max_resets(options: &Options) -> u64 {
    match u64::try_from(options.http2_max_resets) {
        Ok(0) | Err(_) => u64::MAX,
        Ok(max) => max,
    }
}

/// The way to the peer of one stream. Its two halves share it, since a reset is noticed where content is sent.
type SharedWay = Arc<Mutex<Way>>;

/// How far sending on a stream has come.
enum Way {
    /// A request that is not sent yet.
    Request(
        Box<SendRequest<Bytes>>,
        Option<oneshot::Sender<ResponseFuture>>,
    ),
    /// A response that is not sent yet.
    Respond(SendResponse<Bytes>),
    /// The head is sent.
    Open(SendStream<Bytes>),
}

fn lock(way: &Mutex<Way>) -> std::sync::MutexGuard<'_, Way> {
    way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says what a failed read or write means for the exchange.
pub(crate) fn fault(error: &h2::Error, side: Side) -> Fault {
    if side == Side::Client {
        return Fault::ClientGone;
    }
    let reason = error.reason();
    if error.is_library() {
        let what = reason.map_or_else(|| error.to_string(), |reason| format!("{reason:?}"));
        return Fault::BadHttp2(what);
    }
    if let Some(error) = error.get_io() {
        return Fault::ServerIo(std::io::Error::new(error.kind(), error.to_string()));
    }
    match reason {
        // The server says that it has not looked at the request (RFC 9113 §6.8).
        Some(Reason::NO_ERROR) if error.is_go_away() => Fault::ServerReset(Reset::REFUSED),
        Some(reason) if error.is_go_away() => {
            Fault::ServerIo(std::io::Error::other(format!("GOAWAY {reason:?}")))
        }
        Some(reason) => Fault::ServerReset(Reset(reason)),
        None => Fault::ServerIo(std::io::Error::other(error.to_string())),
    }
}

/// Why a stream was reset (RFC 9113 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reset(Reason);

impl Reset {
    /// The request was not processed and may be sent again.
    pub(crate) const REFUSED: Self = Self(Reason::REFUSED_STREAM);
}

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
