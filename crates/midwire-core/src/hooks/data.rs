//! Arguments of hooks that are not flows.

use std::sync::Arc;

use bytes::Bytes;
use midwire_flow::{ClientConn, DnsFlow, Flow, FlowInfo, HttpFlow, MessageFlow, ServerConn};
use midwire_wire::client_hello::ClientHello;

/// Argument of the `server_*` hooks.
#[derive(Debug)]
pub struct ServerHookData {
    /// The connection to the server. In `server_connect` address, via and sockname may be changed, and an error set.
    pub server: ServerConn,
    /// The client for whom it is.
    pub client: Arc<ClientConn>,
}

/// Argument of `tls_clienthello`.
#[derive(Debug)]
pub struct ClientHelloData {
    /// The client's connection.
    pub client: Arc<ClientConn>,
    /// The server's connection as far as it is known.
    pub server: Arc<ServerConn>,
    /// What the client said.
    pub client_hello: Arc<ClientHello>,
    /// Set: pass the bytes on untouched.
    pub ignore_connection: bool,
    /// Set: shake hands with the server before the client.
    pub establish_server_tls_first: bool,
}

/// Argument of the other `tls_*` hooks.
#[derive(Debug)]
pub struct TlsHookData {
    /// The client's connection.
    pub client: Arc<ClientConn>,
    /// The server's connection.
    pub server: Arc<ServerConn>,
    /// DTLS instead of TLS.
    pub is_dtls: bool,
}

/// Argument of `socks5_auth`.
#[derive(Debug)]
pub struct Socks5AuthData {
    /// The client's connection.
    pub client: Arc<ClientConn>,
    /// The name it gave.
    pub username: String,
    /// The password it gave.
    pub password: String,
    /// Set: the login is accepted.
    pub valid: bool,
}

/// What an addon may decide in `next_layer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextLayerChoice {
    /// HTTP.
    Http,
    /// TLS towards the client, and what is inside.
    Tls,
    /// Raw TCP with a flow.
    Tcp,
    /// Raw UDP with a flow.
    Udp,
    /// DNS.
    Dns,
    /// Bytes passed on without a flow.
    Ignore,
}

/// Argument of `next_layer`.
#[derive(Debug)]
pub struct NextLayerData {
    /// The client's connection.
    pub client: Arc<ClientConn>,
    /// The server's connection.
    pub server: Arc<ServerConn>,
    /// What the client has sent so far.
    pub data_client: Bytes,
    /// What the server has sent so far.
    pub data_server: Bytes,
    /// The decision; `None` leaves it to us.
    pub layer: Option<NextLayerChoice>,
}

/// Request or response side of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The request.
    Request,
    /// The response.
    Response,
}

/// What an addon needs of the content of a message. Greater is more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContentNeed {
    /// Nothing: content passes live and no copy is kept.
    #[default]
    Nothing,
    /// A copy, which is complete when the message is; content still passes live.
    Copy,
    /// The whole content before any of it is passed on.
    Whole,
}

/// A flow of any kind, to look at.
#[derive(Clone, Copy, Debug)]
pub enum FlowRef<'a> {
    /// An HTTP flow.
    Http(&'a HttpFlow),
    /// A TCP flow.
    Tcp(&'a MessageFlow),
    /// A UDP flow.
    Udp(&'a MessageFlow),
    /// A DNS flow.
    Dns(&'a DnsFlow),
}

impl FlowRef<'_> {
    /// What flows of every kind have.
    pub fn info(&self) -> &FlowInfo {
        match self {
            Self::Http(flow) => &flow.info,
            Self::Tcp(flow) | Self::Udp(flow) => &flow.info,
            Self::Dns(flow) => &flow.info,
        }
    }

    /// A snapshot: content and fields are shared, not copied.
    pub fn to_flow(self) -> Flow {
        match self {
            Self::Http(flow) => Flow::Http(Box::new(flow.clone())),
            Self::Tcp(flow) => Flow::Tcp(flow.clone()),
            Self::Udp(flow) => Flow::Udp(flow.clone()),
            Self::Dns(flow) => Flow::Dns(Box::new(flow.clone())),
        }
    }
}

impl<'a> From<&'a Flow> for FlowRef<'a> {
    fn from(flow: &'a Flow) -> Self {
        match flow {
            Flow::Http(flow) => Self::Http(flow),
            Flow::Tcp(flow) => Self::Tcp(flow),
            Flow::Udp(flow) => Self::Udp(flow),
            Flow::Dns(flow) => Self::Dns(flow),
        }
    }
}
