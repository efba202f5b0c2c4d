//! What a flow records about a TLS connection.

use bytes::Bytes;
use rustls::{CipherSuite, CommonState, HandshakeKind, ProtocolVersion, SupportedCipherSuite};

/// The outcome of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher by OpenSSL's name, as Python shows it.
    pub cipher: &'static str,
    /// The protocol agreed upon.
    pub alpn: Option<Bytes>,
    /// What the peer presented, its own certificate first; DER. Kept across resumption.
    pub peer_certificates: Vec<Bytes>,
    /// The server name sent or received.
    pub sni: Option<String>,
    /// Whether an earlier session was taken up again.
    pub resumed: bool,
}

impl TlsFacts {
    pub(super) fn new(connection: &CommonState, sni: Option<String>) -> Self {
        let peer_certificates = connection.peer_certificates().unwrap_or_default();
        Self {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                _ => "TLSv1.2",
            },
            cipher: connection
                .negotiated_cipher_suite()
                .map_or("", openssl_cipher_name),
            alpn: connection.alpn_protocol().map(Bytes::copy_from_slice),
            peer_certificates: peer_certificates
                .iter()
                .map(|der| Bytes::copy_from_slice(der))
                .collect(),
            sni,
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }
}

pub(super) fn openssl_cipher_name(suite: SupportedCipherSuite) -> &'static str {
    match suite.suite() {
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            "ECDHE-ECDSA-CHACHA20-POLY1305"
        }
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        // A test goes through all suites of the provider.
        _ => "",
    }
}
