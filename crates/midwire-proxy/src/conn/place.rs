//! Where a connection leads, and what is known beforehand of what is spoken there.

use midwire_flow::Address;

use super::detect::Next;
use crate::http::message::Destination;
use crate::mode::ServerSpec;

/// Where a connection leads.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) address: Address,
    pub(crate) inner: Inner,
    pub(crate) server_tls: ServerTls,
}

/// What is spoken inside a connection, TLS aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inner {
    /// What the first bytes look like.
    Detect,
    /// HTTP.
    Http,
    /// DNS with length prefixes.
    Dns,
    /// Bytes without known structure.
    Raw,
}

/// Whether the server speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerTls {
    /// If the client does.
    AsClient,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Place {
    /// A place of which nothing but the address is known.
    pub(crate) fn unknown(address: Address) -> Self {
        Self {
            address,
            inner: Inner::Detect,
            server_tls: ServerTls::AsClient,
        }
    }

    /// The target of a reverse proxy (modes.md §5).
    pub(crate) fn reverse(server: &ServerSpec) -> Self {
        let (inner, server_tls) = match server.scheme.as_str() {
            "http" => (Inner::Http, ServerTls::Never),
            "https" => (Inner::Http, ServerTls::Always),
            "tls" => (Inner::Raw, ServerTls::Always),
            "dns" => (Inner::Dns, ServerTls::Never),
            _ => (Inner::Raw, ServerTls::Never),
        };
        Self {
            address: server.address(),
            inner,
            server_tls,
        }
    }

    /// Where the requests of the connection go.
    pub(crate) fn to(self, tls: bool) -> Destination {
        Destination::Fixed {
            host: self.address.host,
            port: self.address.port,
            tls,
        }
    }

    /// What is spoken inside, if the mode says so.
    pub(crate) fn known(&self) -> Option<Next> {
        match self.inner {
            Inner::Detect => None,
            Inner::Http => Some(Next::Http),
            Inner::Dns => Some(Next::Dns),
            Inner::Raw => Some(Next::Raw),
        }
    }

    /// True if TLS is spoken with the server although the client speaks none.
    pub(crate) fn always_tls(&self) -> bool {
        self.server_tls == ServerTls::Always
    }

    /// True if TLS is spoken with the server of a client that speaks it.
    pub(crate) fn tls_behind_tls(&self) -> bool {
        self.server_tls != ServerTls::Never
    }
}
