//! The engine: listeners, modes, layer detection, TLS interception, exchanges and upstream connections.
//!
//! Only the binary uses this crate; front ends, addons and scripts reach it through `midwire-core`.

pub mod ca;
mod conn;
mod dns;
mod duplex;
mod engine;
mod fault;
mod hosts;
mod http;
mod io;
mod kills;
mod listener;
mod live;
mod mode;
mod raw;
mod requests;
mod room;
mod servers;
mod session;
mod slots;
mod tcp;
#[cfg(test)]
mod testing;
pub mod tls;
mod trace;
mod udp;
mod upstream;
mod via;
mod ws;

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use engine::{Engine, EngineError};
pub use mode::{Mode, ModeError, ModeSpec, ServerSpec};
pub use servers::ServerState;

/// Seconds since the epoch.
pub(crate) fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// Runs a future for at most `seconds`; 0 or less means without end.
pub(crate) async fn within<F: Future>(seconds: i64, future: F) -> Option<F::Output> {
    match u64::try_from(seconds) {
        Ok(0) | Err(_) => Some(future.await),
        Ok(seconds) => tokio::time::timeout(Duration::from_secs(seconds), future)
            .await
            .ok(),
    }
}

/// The system's words for an error, without its number.
pub(crate) fn io_reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}
