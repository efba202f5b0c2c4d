//! HTTP/2 to servers: one connection for all requests of a client to one target.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Connection, SendRequest};
use midwire_flow::ServerConn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use super::convert::Names;
use super::order::{Ordered, Orders};
use super::watch::{Activity, Flag, PREFACE, Watched};
use super::{
    CONNECTION_WINDOW, HPACK_TABLE, SEND_BUFFER, STREAM_WINDOW, SharedWay, Sink, Source, Way,
    max_resets,
};
use crate::fault::ConnectFault;
use crate::io::seconds_limit;
use crate::session::Session;
use crate::upstream::{self, Failure, Opened, Target};

/// Streams that are opened before the server has said how many it allows.
const STREAMS_AT_FIRST: usize = 10;
/// How long a server may take to say whether it knows extended CONNECT.
const SETTINGS_WAIT: Duration = Duration::from_secs(5);
/// How long a connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_millis(500);

/// An HTTP/2 connection to a server, shared by the exchanges of one client connection.
pub(crate) struct Shared {
    target: Target,
    pub(crate) server: Arc<ServerConn>,
    sender: Mutex<Option<SendRequest<Bytes>>>,
    /// No new requests are to use it.
    retired: AtomicBool,
    driver: Mutex<Option<AbortOnDropHandle<()>>>,
    orders: Orders,
    names: Names,
    /// The server's settings are known.
    settled: Flag,
}

/// One request and its response on a shared connection. Dropped before its end, it resets the stream.
pub(crate) struct Call {
    pub(crate) shared: Arc<Shared>,
    pub(crate) source: Source,
    pub(crate) sink: Sink,
}

impl Call {
    /// Makes an extended CONNECT of the request (RFC 8441 §4).
    pub(crate) fn upgrade(&mut self) {
        self.source.upgrade();
        self.sink.upgrade();
    }

    /// The stream as a connection.
    pub(crate) fn into_opened(self) -> Opened {
        Opened {
            target: self.shared.target.clone(),
            server: (*self.shared.server).clone(),
            io: Box::new(self.source.into_tunnel()),
            shared: Some(self.shared),
            spent: Duration::ZERO,
        }
    }
}

/// Speaks HTTP/2 over a connection.
pub(crate) async fn start(session: &Session, opened: Opened) -> Result<Arc<Shared>, Box<Failure>> {
    let options = session.options();
    let Opened {
        target, server, io, ..
    } = opened;
    let limits = session.engine.limits();
    let mut builder = h2::client::Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(limits.header_size).unwrap_or(u32::MAX))
        .header_table_size(HPACK_TABLE)
        .max_send_buffer_size(SEND_BUFFER)
        .initial_max_send_streams(STREAMS_AT_FIRST);
    let (io, alarm) = Watched::new(io, (0, PREFACE), max_resets(&options));
    let (settled, activity) = (io.settled(), io.activity());
    let (io, orders) = Ordered::new(io, (0, PREFACE), HPACK_TABLE as usize);
    let (sender, connection) = match builder.handshake(io).await {
        Ok(started) => started,
        Err(error) => {
            let fault = ConnectFault::Network {
                to: target.address.to_string(),
                reason: error.to_string(),
            };
            upstream::disconnected(session, server.clone()).await;
            return Err(Box::new(Failure { fault, server }));
        }
    };
    let server = Arc::new(server);
    let shared = Arc::new(Shared {
        target,
        server: Arc::clone(&server),
        sender: Mutex::new(Some(sender)),
        retired: AtomicBool::new(false),
        driver: Mutex::default(),
        orders,
        names: Names::of(&options),
        settled,
    });
    let weak = Arc::downgrade(&shared);
    let alone = session.alone();
    let keepalive = options.http2_ping_keepalive;
    let driver = tokio::spawn(async move {
        tokio::select! {
            () = drive(connection, keepalive, activity) => {}
            () = alarm.raised() => {
                tracing::warn!(client = %alone.peer(), "HTTP/2 server connection closed: too many resets or control frames");
            }
        }
        if let Some(shared) = weak.upgrade() {
            shared.retire();
        }
        upstream::disconnected(&alone, (*server).clone()).await;
    });
    *lock(&shared.driver) = Some(AbortOnDropHandle::new(driver));
    Ok(shared)
}

impl Shared {
    /// True if requests for this target can use the connection.
    pub(crate) fn serves(&self, target: &Target) -> bool {
        !self.is_retired() && self.target == *target
    }

    /// True if no new requests are to use it.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    /// Lets no new requests use it. Those under way are finished.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
        *lock(&self.sender) = None;
    }

    /// Prepares a request; `None` if the connection takes no more.
    pub(crate) async fn call(self: &Arc<Self>) -> Option<Call> {
        let sender = lock(&self.sender).clone()?;
        let Ok(sender) = sender.ready().await else {
            self.retire();
            return None;
        };
        let (sent, head) = oneshot::channel();
        let way: SharedWay = Arc::new(Mutex::new(Way::Request(Box::new(sender), Some(sent))));
        Some(Call {
            shared: Arc::clone(self),
            source: Source::response(Arc::clone(&way), head, self.orders.clone()),
            sink: Sink::new(way, self.names),
        })
    }

    /// True if the server takes extended CONNECT requests. Its settings come with its first frame.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn takes_upgrades(&self) -> bool {
        let _ = tokio::time::timeout(SETTINGS_WAIT, self.settled.raised()).await;
        lock(&self.sender)
            .as_ref()
            .is_some_and(SendRequest::is_extended_connect_protocol_enabled)
    }

    /// Says goodbye and closes.
    ///
    /// # Cancellation
    /// The connection is closed without a goodbye.
    pub(crate) async fn close(&self) {
        self.retire();
        let driver = lock(&self.driver).take();
        if let Some(driver) = driver {
            let _ = tokio::time::timeout(GOODBYE, driver).await;
        }
    }
}

/// Moves frames until the connection ends. When nothing has passed for `keepalive` seconds, a PING is sent, so that
/// nobody on the way takes the connection for dead.
pub(super) async fn drive<T: AsyncRead + AsyncWrite + Unpin>(
    mut connection: Connection<T, Bytes>,
    keepalive: i64,
    activity: Activity,
) {
    let pings = connection.ping_pong();
    let ask = async {
        let (Some(mut pings), Some(idle)) = (pings, seconds_limit(keepalive)) else {
            return std::future::pending().await;
        };
        loop {
            let due = activity.last() + idle;
            tokio::time::sleep_until(due).await;
            if activity.last() + idle > due {
                continue;
            }
            if pings.ping(h2::Ping::opaque()).await.is_err() {
                return std::future::pending().await;
            }
        }
    };
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            tracing::debug!("HTTP/2 connection to a server ended: {error}");
        },
        () = ask => {}
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
