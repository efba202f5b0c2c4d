//! TLS towards clients: configurations per certificate, and the handshake.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustls::crypto::CryptoProvider;
use rustls::server::{
    ProducesTickets, ServerConfig, ServerSessionMemoryCache, StoresServerSessions,
};
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::options::provider;
use super::verify::AnyClient;
use super::{Ciphers, Curve, Io, KeyLogFile, TlsConfigError, TlsError, TlsFacts, VersionRange};
use crate::ca::Leaf;

/// The options that hold for all connections of clients.
#[derive(Clone, Debug, Default)]
pub struct DownstreamTls {
    /// `tls_version_client_min` and `_max`.
    pub versions: VersionRange,
    /// `ciphers_client`.
    pub ciphers: Ciphers,
    /// `tls_ecdh_curve_client`.
    pub curve: Option<Curve>,
    /// `request_client_cert`: any certificate is accepted, none as well.
    pub request_client_cert: bool,
    /// Where secrets are logged.
    pub key_log: Option<Arc<KeyLogFile>>,
}

/// What differs between connections of clients.
#[derive(Clone, Debug)]
pub struct ServerParameters {
    /// The certificate to show.
    pub leaf: Arc<Leaf>,
    /// Protocols to agree to, preferred first. Empty: none is agreed to, whatever the client
    /// offers; else a client that offers others only is refused.
    pub alpn: Vec<Bytes>,
}

/// Makes and keeps the configurations towards clients. Clones share everything.
///
/// All configurations share session tickets and the session store, so a client resumes whichever
/// configuration it meets. At most [`ServerSide::CAPACITY`] are kept, the oldest goes first.
#[derive(Clone)]
pub struct ServerSide {
    inner: Arc<Inner>,
}

struct Inner {
    options: DownstreamTls,
    versions: Vec<&'static rustls::SupportedProtocolVersion>,
    provider: Arc<CryptoProvider>,
    tickets: Arc<dyn ProducesTickets>,
    sessions: Arc<dyn StoresServerSessions>,
    cache: Mutex<Cache>,
}

/// Everything of [`ServerParameters`] that a client can see.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Key {
    certificate: Bytes,
    chain: Vec<Bytes>,
    alpn: Vec<Bytes>,
}

#[derive(Default)]
struct Cache {
    configs: HashMap<Key, Arc<ServerConfig>>,
    oldest_first: VecDeque<Key>,
}

impl ServerSide {
    /// Configurations that are kept; as many as certificates.
    pub const CAPACITY: usize = 1000;

    /// Checks the options and makes the ticket keys.
    pub fn new(options: DownstreamTls) -> Result<Self, TlsConfigError> {
        let inner = Inner {
            versions: options.versions.supported()?,
            provider: provider(&options.ciphers, options.curve),
            tickets: rustls::crypto::aws_lc_rs::Ticketer::new()?,
            sessions: ServerSessionMemoryCache::new(SESSIONS),
            cache: Mutex::default(),
            options,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The configuration for these parameters, the same one for the same parameters.
    pub fn config(
        &self,
        parameters: &ServerParameters,
    ) -> Result<Arc<ServerConfig>, TlsConfigError> {
        let key = Key {
            certificate: parameters.leaf.cert_der.clone(),
            chain: parameters.leaf.chain.clone(),
            alpn: parameters.alpn.clone(),
        };
        let mut cache = self
            .inner
            .cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = cache.configs.get(&key) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.inner.build(parameters)?);
        while cache.configs.len() >= Self::CAPACITY {
            let Some(oldest) = cache.oldest_first.pop_front() else {
                break;
            };
            cache.configs.remove(&oldest);
        }
        cache.oldest_first.push_back(key.clone());
        cache.configs.insert(key, Arc::clone(&config));
        Ok(config)
    }

    /// Performs the handshake with a client.
    ///
    /// # Errors
    /// The alert that tells the client has been sent when this returns.
    ///
    /// # Cancellation
    /// Dropping it drops `io`: the client sees the connection close inside the handshake.
    pub async fn accept<S: Io>(
        io: S,
        config: Arc<ServerConfig>,
    ) -> Result<(TlsStream<S>, TlsFacts), TlsError> {
        let stream = TlsAcceptor::from(config).accept(io).await?;
        let (_, connection) = stream.get_ref();
        let sni = connection.server_name().map(str::to_owned);
        let facts = TlsFacts::new(connection, sni);
        Ok((stream.into(), facts))
    }
}

impl Inner {
    fn build(&self, parameters: &ServerParameters) -> Result<ServerConfig, TlsConfigError> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&self.versions)?;
        let builder = if self.options.request_client_cert {
            builder.with_client_cert_verifier(Arc::new(AnyClient::new(&self.provider)))
        } else {
            builder.with_no_client_auth()
        };
        let certified = Arc::clone(&parameters.leaf.certified);
        let resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
        let mut config = builder.with_cert_resolver(resolver);
        config.alpn_protocols = parameters.alpn.iter().map(|name| name.to_vec()).collect();
        config.ticketer = Arc::clone(&self.tickets);
        config.session_storage = Arc::clone(&self.sessions);
        // A client spends one ticket for each connection, and each connection brings it the next.
        config.send_tls13_tickets = 1;
        if let Some(log) = &self.options.key_log {
            config.key_log = Arc::<KeyLogFile>::clone(log);
        }
        Ok(config)
    }
}

/// Sessions of clients that resume without tickets; about 1 KiB each.
const SESSIONS: usize = 1024;
