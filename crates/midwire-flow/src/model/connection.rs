//! Facts about the connections of a flow (flowfile.md §4).

use std::fmt;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};

use bytes::Bytes;

use super::id::Id;

/// A host (name or address literal) and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Name or address literal without brackets.
    pub host: String,
    /// Port number.
    pub port: u16,
    /// Flow information and scope of an IPv6 socket address, if a file has them.
    pub v6: Option<(u32, u32)>,
}

impl Address {
    /// An address of a host name or literal.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            v6: None,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(addr: SocketAddr) -> Self {
        match addr {
            SocketAddr::V4(_) => Self::new(addr.ip().to_string(), addr.port()),
            SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
                Some(v4) => Self::new(v4.to_string(), addr.port()),
                None => Self {
                    host: v6.ip().to_string(),
                    port: v6.port(),
                    v6: Some((v6.flowinfo(), v6.scope_id())),
                },
            },
        }
    }
}

impl fmt::Display for Address {
    /// `host:port`, with brackets around an IPv6 literal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// What carries a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// A byte stream.
    #[default]
    Tcp,
    /// Datagrams, QUIC included.
    Udp,
}

impl Transport {
    /// `tcp` or `udp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A certificate, DER or PEM as it was met.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate(Bytes);

impl Certificate {
    /// A certificate in DER.
    pub fn from_der(der: impl Into<Bytes>) -> Self {
        Self(der.into())
    }

    /// A certificate in PEM, kept to the letter.
    pub fn from_pem(pem: impl Into<Bytes>) -> Self {
        Self(pem.into())
    }

    /// The PEM text (RFC 7468), with a final line feed.
    pub fn to_pem(&self) -> Bytes {
        use base64::Engine as _;
        if self.is_pem() {
            return self.0.clone();
        }
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        let body = base64::engine::general_purpose::STANDARD.encode(&self.0);
        for line in body.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem.into()
    }

    /// The DER bytes; `None` if the PEM text is broken.
    pub fn to_der(&self) -> Option<Bytes> {
        use base64::Engine as _;
        if !self.is_pem() {
            return Some(self.0.clone());
        }
        let text = std::str::from_utf8(&self.0).ok()?;
        let body = text
            .split("-----BEGIN CERTIFICATE-----")
            .nth(1)?
            .split("-----END")
            .next()?;
        let body: String = body.split_whitespace().collect();
        base64::engine::general_purpose::STANDARD
            .decode(body)
            .ok()
            .map(Bytes::from)
    }

    /// At least the length of the PEM text.
    pub(crate) fn size_hint(&self) -> usize {
        self.0.len() * 3 / 2 + 80
    }

    fn is_pem(&self) -> bool {
        self.0.starts_with(b"-----")
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} bytes)", self.0.len())
    }
}

/// What is known of a connection on either side. Times are seconds since the epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Identifier.
    pub id: Id,
    /// Address of the peer.
    pub peername: Option<Address>,
    /// Our own address.
    pub sockname: Option<Address>,
    /// TCP or UDP.
    pub transport_protocol: Transport,
    /// Why the connection failed.
    pub error: Option<String>,
    /// TLS is spoken, or wanted.
    pub tls: bool,
    /// Certificates that the peer showed, its own first.
    pub certificate_list: Vec<Certificate>,
    /// Protocol agreed on by ALPN; empty when ALPN was used and nothing was agreed on.
    pub alpn: Option<Bytes>,
    /// Protocols offered by the TLS client.
    pub alpn_offers: Vec<Bytes>,
    /// Cipher suite in use, OpenSSL's name.
    pub cipher: Option<String>,
    /// Cipher suites offered by the TLS client.
    pub cipher_list: Vec<String>,
    /// TLS version in use, e.g. `TLSv1.3`.
    pub tls_version: Option<String>,
    /// Server name that the TLS client sent.
    pub sni: Option<String>,
    /// When the connection was begun.
    pub timestamp_start: Option<f64>,
    /// When it ended.
    pub timestamp_end: Option<f64>,
    /// When the TLS handshake was done.
    pub timestamp_tls_setup: Option<f64>,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            id: Id::random(),
            peername: None,
            sockname: None,
            transport_protocol: Transport::Tcp,
            error: None,
            tls: false,
            certificate_list: Vec::new(),
            alpn: None,
            alpn_offers: Vec::new(),
            cipher: None,
            cipher_list: Vec::new(),
            tls_version: None,
            sni: None,
            timestamp_start: None,
            timestamp_end: None,
            timestamp_tls_setup: None,
        }
    }
}

/// The connection between a client and us.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientConn {
    /// What both sides have in common.
    pub connection: Connection,
    /// Certificate that we showed to the client.
    pub mitmcert: Option<Certificate>,
    /// Specification of the mode that accepted it, e.g. `regular`.
    pub proxy_mode: String,
}

/// The connection between us and a server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerConn {
    /// What both sides have in common.
    pub connection: Connection,
    /// Where to connect to; `None` while it is not known.
    pub address: Option<Address>,
    /// When the TCP handshake was done.
    pub timestamp_tcp_setup: Option<f64>,
    /// The proxy in between.
    pub via: Option<Via>,
}

/// A proxy on the way to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// `http` or `https`.
    pub scheme: String,
    /// Its address.
    pub address: Address,
}

impl Deref for ClientConn {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for ClientConn {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Deref for ServerConn {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for ServerConn {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_and_der_are_two_views_of_one_certificate() {
        let der = Bytes::from(vec![7_u8; 100]);
        let pem = Certificate::from_der(der.clone()).to_pem();
        assert!(pem.ends_with(b"-----END CERTIFICATE-----\n"));
        assert_eq!(Certificate::from_pem(pem).to_der(), Some(der));
    }

    #[test]
    fn addresses_bracket_ipv6() {
        assert_eq!(Address::new("::1", 80).to_string(), "[::1]:80");
        let mapped: SocketAddr = "[::ffff:127.0.0.1]:9".parse().unwrap();
        assert_eq!(Address::from(mapped).to_string(), "127.0.0.1:9");
    }
}
