//! What goes wrong on the data path: whose fault it is, what the client gets, what the flow records.

use std::io;

use midwire_wire::http1::Violation;

use crate::http::h2::Reset;
use crate::io::Stalled;

/// The side that caused a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The client.
    Client,
    /// The server, or the way to it.
    Server,
}

impl Side {
    /// The opposite side.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A fault that ends an exchange.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The client broke HTTP.
    #[error("invalid request: {0}")]
    BadRequest(Violation),
    /// The request cannot be served as it is.
    #[error("{text}")]
    Refused {
        /// Status for the client.
        status: u16,
        /// Why, one line.
        text: String,
    },
    /// The server broke HTTP.
    #[error("invalid response: {0}")]
    BadResponse(Violation),
    /// The client went away.
    #[error("client disconnected")]
    ClientGone,
    /// The client stopped reading.
    #[error(transparent)]
    ClientStalled(Stalled),
    /// The server closed before a response head was whole.
    #[error("server closed the connection without a response")]
    NoResponse,
    /// The server broke off inside a message.
    #[error("server closed the connection inside the response: {0}")]
    ResponseCut(String),
    /// Reading from or writing to the server failed.
    #[error("server connection failed: {0}")]
    ServerIo(io::Error),
    /// The server broke HTTP/2.
    #[error("invalid HTTP/2 response: {0}")]
    BadHttp2(String),
    /// The server gave a stream up.
    #[error("server reset the stream: {0}")]
    ServerReset(Reset),
    /// No connection could be made.
    #[error("{0}")]
    Connect(ConnectFault),
    /// Something took longer than its limit.
    #[error("{what} took longer than {seconds} s")]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// The limit.
        seconds: u64,
        /// Whom we waited for.
        side: Side,
    },
    /// A message is larger than `body_size_limit`.
    #[error("{} body exceeds body_size_limit", if *side == Side::Client { "request" } else { "response" })]
    TooLarge {
        /// Who sent it.
        side: Side,
    },
    /// A function of an addon failed on content that streams.
    #[error("{0}")]
    Filter(String),
    /// A user or addon killed the flow.
    #[error("Connection killed.")]
    Killed,
}

impl Fault {
    /// The status of the page that the client gets, or `None` if its connection is just closed (security.md §4).
    pub(crate) fn status(&self) -> Option<u16> {
        Some(match self {
            Self::BadRequest(violation) => violation.status(),
            Self::Refused { status, .. } => *status,
            Self::ClientGone | Self::ClientStalled(_) | Self::Killed => return None,
            Self::TimedOut {
                side: Side::Client, ..
            } => 408,
            Self::TimedOut {
                side: Side::Server, ..
            }
            | Self::Connect(ConnectFault::TimedOut { .. }) => 504,
            Self::TooLarge { side: Side::Client } => 413,
            _ => 502,
        })
    }
}

/// Why no connection to a server could be made.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ConnectFault {
    /// No address is known for the name.
    #[error("name not found: {0}")]
    NameNotFound(String),
    /// The server, or a firewall, refused.
    #[error("connection refused: {0}")]
    Refused(String),
    /// Another failure of the network.
    #[error("cannot connect to {to}: {reason}")]
    Network {
        /// Address.
        to: String,
        /// The system's words.
        reason: String,
    },
    /// `server_connect_timeout` ran out.
    #[error("connecting to {to} took longer than {seconds} s")]
    TimedOut {
        /// Address.
        to: String,
        /// The limit.
        seconds: u64,
    },
    /// The destination is one of our own listeners.
    #[error("proxy loop: {0} is this program")]
    Loop(String),
    /// The TLS handshake failed.
    #[error("{0}")]
    Tls(String),
    /// A proxy on the way refused, or did not answer.
    #[error("{0}")]
    Upstream(String),
    /// The option `offline` is on.
    #[error("offline: no connection to {0} is opened")]
    Offline(String),
    /// An addon refused in `server_connect`.
    #[error("Connection killed: {0}")]
    Killed(String),
}

impl From<ConnectFault> for Fault {
    fn from(fault: ConnectFault) -> Self {
        Self::Connect(fault)
    }
}
