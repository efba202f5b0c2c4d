//! Flows of every kind and what they have in common (flowfile.md §2, §3).

use std::sync::Arc;

use bytes::Bytes;
pub use midwire_wire::dns::Message as Dns;

use super::connection::{ClientConn, ServerConn};
use super::id::Id;
use super::message::{Request, Response};
use super::number::{Number, unix_time};
use crate::Value;

/// A recorded exchange or conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Flow {
    /// An HTTP exchange, with the WebSocket messages that followed it.
    Http(Box<HttpFlow>),
    /// A raw TCP conversation.
    Tcp(MessageFlow),
    /// Datagrams between two addresses.
    Udp(MessageFlow),
    /// A DNS query and its answer.
    Dns(Box<DnsFlow>),
}

/// What flows of every kind have.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowInfo {
    /// Identifier.
    pub id: Id,
    /// Why the flow failed.
    pub error: Option<FlowError>,
    /// The client's connection. Shared with the other flows of the connection.
    pub client_conn: Arc<ClientConn>,
    /// The server's connection. Shared with the other flows of the connection.
    pub server_conn: Arc<ServerConn>,
    /// Held for the user.
    pub intercepted: bool,
    /// Whether a replay made it.
    pub is_replay: Option<Replay>,
    /// Mark, e.g. `:default:`; empty without.
    pub marked: String,
    /// Free data of addons.
    pub metadata: Vec<(String, Value)>,
    /// The user's comment.
    pub comment: String,
    /// When the flow was made.
    pub timestamp_created: Number,
    /// The flow before its first change by a user or script.
    pub backup: Option<Box<Flow>>,
    /// Its connection is being served right now. Not stored in files.
    pub live: bool,
    /// Whose content had gone on when its hook ran. Not stored in files.
    pub passed: Passed,
}

/// Messages whose content passed live: changing it later changes the record only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// The request.
    pub request: bool,
    /// The response.
    pub response: bool,
}

/// Which part of a flow came from a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Client replay sent the request.
    Request,
    /// Server replay gave the response.
    Response,
}

impl Replay {
    /// `request` or `response`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// Why a flow failed.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowError {
    /// One line for the user.
    pub msg: String,
    /// Seconds since the epoch.
    pub timestamp: f64,
}

impl FlowError {
    /// What a killed flow says.
    pub const KILLED: &'static str = "Connection killed.";

    /// An error of this moment.
    pub fn new(msg: impl Into<String>) -> Self {
        Self {
            msg: msg.into(),
            timestamp: unix_time(),
        }
    }
}

/// An HTTP exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpFlow {
    /// What flows of every kind have.
    pub info: FlowInfo,
    /// The request.
    pub request: Request,
    /// The final response.
    pub response: Option<Response>,
    /// Messages after an upgrade to WebSocket.
    pub websocket: Option<WebSocketData>,
}

/// Messages and end of a WebSocket conversation (RFC 6455).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebSocketData {
    /// Messages in order.
    pub messages: Vec<WebSocketMessage>,
    /// Who closed it.
    pub closed_by_client: Option<bool>,
    /// Close code (RFC 6455 §7.4).
    pub close_code: Option<i64>,
    /// Close reason.
    pub close_reason: Option<String>,
    /// When it ended.
    pub timestamp_end: Option<f64>,
}

/// One WebSocket message, fragments joined.
#[derive(Clone, Debug, PartialEq)]
pub struct WebSocketMessage {
    /// Opcode: 1 text, 2 binary.
    pub opcode: u8,
    /// Direction.
    pub from_client: bool,
    /// Content, decompressed.
    pub content: Bytes,
    /// When it came.
    pub timestamp: Number,
    /// Not passed on.
    pub dropped: bool,
    /// Made by us.
    pub injected: bool,
}

/// A raw TCP or UDP conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageFlow {
    /// What flows of every kind have.
    pub info: FlowInfo,
    /// Pieces or datagrams in order.
    pub messages: Vec<Message>,
}

/// A piece of a TCP stream, or a datagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Direction.
    pub from_client: bool,
    /// Bytes.
    pub content: Bytes,
    /// When it came.
    pub timestamp: Number,
}

/// A DNS query and its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct DnsFlow {
    /// What flows of every kind have.
    pub info: FlowInfo,
    /// The query.
    pub request: Dns,
    /// When the query came, in seconds since the epoch.
    pub request_timestamp: Number,
    /// The answer.
    pub response: Option<Dns>,
    /// When the answer came.
    pub response_timestamp: Option<Number>,
}

impl FlowInfo {
    /// A new live flow between these connections.
    pub fn new(client_conn: Arc<ClientConn>, server_conn: Arc<ServerConn>) -> Self {
        Self {
            id: Id::random(),
            error: None,
            client_conn,
            server_conn,
            intercepted: false,
            is_replay: None,
            marked: String::new(),
            metadata: Vec::new(),
            comment: String::new(),
            timestamp_created: Number::now(),
            backup: None,
            live: true,
            passed: Passed::default(),
        }
    }

    /// True if the flow was killed by a user or addon.
    pub fn killed(&self) -> bool {
        self.error
            .as_ref()
            .is_some_and(|e| e.msg == FlowError::KILLED)
    }

    /// The metadata value of this key.
    pub fn meta(&self, key: &str) -> Option<&Value> {
        self.metadata.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Sets a metadata value.
    pub fn set_meta(&mut self, key: &str, value: Value) {
        match self.metadata.iter_mut().find(|(k, _)| k == key) {
            Some((_, old)) => *old = value,
            None => self.metadata.push((key.to_owned(), value)),
        }
    }
}

impl Flow {
    /// What flows of every kind have.
    pub fn info(&self) -> &FlowInfo {
        match self {
            Self::Http(flow) => &flow.info,
            Self::Tcp(flow) | Self::Udp(flow) => &flow.info,
            Self::Dns(flow) => &flow.info,
        }
    }

    /// What flows of every kind have, to change it.
    pub fn info_mut(&mut self) -> &mut FlowInfo {
        match self {
            Self::Http(flow) => &mut flow.info,
            Self::Tcp(flow) | Self::Udp(flow) => &mut flow.info,
            Self::Dns(flow) => &mut flow.info,
        }
    }

    /// `http`, `tcp`, `udp` or `dns`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Tcp(_) => "tcp",
            Self::Udp(_) => "udp",
            Self::Dns(_) => "dns",
        }
    }

    /// The flow as an HTTP flow.
    pub fn as_http(&self) -> Option<&HttpFlow> {
        match self {
            Self::Http(flow) => Some(flow),
            _ => None,
        }
    }

    /// Keeps the present state so that [`Flow::revert`] can bring it back; only the first call counts.
    pub fn backup(&mut self) {
        if self.info().backup.is_none() {
            let copy = self.clone();
            self.info_mut().backup = Some(Box::new(copy));
        }
    }

    /// True if the flow differs from its backup.
    pub fn modified(&self) -> bool {
        match &self.info().backup {
            None => false,
            Some(backup) => {
                let mut now = self.clone();
                now.info_mut().backup = None;
                now != **backup
            }
        }
    }

    /// Brings the state of the backup back; without one, nothing happens.
    pub fn revert(&mut self) {
        if let Some(backup) = self.info_mut().backup.take() {
            *self = *backup;
        }
    }

    /// A copy with an identifier of its own, not live.
    pub fn copy(&self) -> Self {
        let mut copy = self.clone();
        let info = copy.info_mut();
        info.id = Id::random();
        info.live = false;
        copy
    }
}
