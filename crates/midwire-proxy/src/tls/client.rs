//! TLS towards servers: configurations per protocol list and client certificate, the handshake.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustls::SignatureScheme;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ClientConfig, ResolvesClientCert, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::{TlsConnector, TlsStream};

use super::client_certs::ClientCerts;
use super::options::provider;
use super::{
    Ciphers, Curve, Io, KeyLogFile, TlsConfigError, TlsError, TlsFacts, Verify, VersionRange,
};

/// The options that hold for all connections to servers.
#[derive(Clone, Debug, Default)]
pub struct UpstreamTls {
    /// `ssl_insecure` and the trusted roots.
    pub verify: Verify,
    /// `tls_version_server_min` and `_max`.
    pub versions: VersionRange,
    /// `ciphers_server`.
    pub ciphers: Ciphers,
    /// `tls_ecdh_curve_server`.
    pub curve: Option<Curve>,
    /// `client_certs`: a file, or a directory with `NAME.pem`.
    pub client_certs: Option<String>,
    /// Where secrets are logged.
    pub key_log: Option<Arc<KeyLogFile>>,
}

/// Makes and keeps the configurations towards servers. Clones share everything.
///
/// Sessions of all configurations are in one store; rustls resumes one only with the client
/// certificate and verification it was made with. At most [`ClientSide::CAPACITY`] configurations
/// are kept, the oldest goes first.
#[derive(Clone)]
pub struct ClientSide {
    inner: Arc<Inner>,
}

struct Inner {
    versions: Vec<&'static rustls::SupportedProtocolVersion>,
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
    is_insecure: bool,
    client_certs: Option<ClientCerts>,
    no_certificate: Arc<dyn ResolvesClientCert>,
    key_log: Option<Arc<KeyLogFile>>,
    resumption: Resumption,
    cache: Mutex<Cache>,
}

#[derive(PartialEq, Eq, Hash, Clone)]
struct Key {
    alpn: Vec<Bytes>,
    /// The address of the certificate, which lives as long as [`ClientCerts`].
    client_cert: Option<usize>,
    sends_sni: bool,
}

#[derive(Default)]
struct Cache {
    configs: HashMap<Key, Arc<ClientConfig>>,
    oldest_first: VecDeque<Key>,
}

impl ClientSide {
    /// Configurations that are kept. Protocol lists come from clients, so they are bounded.
    pub const CAPACITY: usize = 256;

    /// Checks the options and reads the roots; blocks on disk.
    pub fn new(options: UpstreamTls) -> Result<Self, TlsConfigError> {
        let provider = provider(&options.ciphers, options.curve);
        let inner = Inner {
            versions: options.versions.supported()?,
            verifier: options.verify.verifier(&provider)?,
            is_insecure: options.verify == Verify::None,
            client_certs: options
                .client_certs
                .as_deref()
                .map(ClientCerts::at)
                .transpose()?,
            no_certificate: Arc::new(NoCertificate),
            key_log: options.key_log,
            resumption: Resumption::in_memory_sessions(SERVERS_REMEMBERED),
            cache: Mutex::default(),
            provider,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Performs the handshake with a server; [`Self::target`] says what the names do.
    ///
    /// # Errors
    /// The alert that tells the server has been sent when this returns.
    ///
    /// # Cancellation
    /// Dropping it drops `io`: the server sees the connection close inside the handshake.
    pub async fn connect<S: Io>(
        &self,
        io: S,
        server_name: &str,
        sni: Option<&str>,
        alpn: &[Bytes],
    ) -> Result<(TlsStream<S>, TlsFacts), TlsError> {
        let target = self.target(server_name, sni, alpn)?;
        let connector = TlsConnector::from(target.config);
        let stream = connector.connect(target.name, io).await?;
        let (_, connection) = stream.get_ref();
        let facts = TlsFacts::new(connection, target.sni);
        Ok((stream.into(), facts))
    }

    /// What a handshake needs, for transports that perform their own (QUIC).
    ///
    /// The certificate is verified against `sni`, or against `server_name` (host or address)
    /// when no SNI is to be sent. An address in `sni` is verified but not sent (RFC 6066 §3).
    /// With `ssl_insecure` the names may be anything; one that is no host name is not sent.
    pub fn target(
        &self,
        server_name: &str,
        sni: Option<&str>,
        alpn: &[Bytes],
    ) -> Result<Target, TlsError> {
        let asked = sni.unwrap_or(server_name);
        let name = self.inner.name(asked)?;
        let sni = match &name {
            ServerName::DnsName(name) if sni.is_some() => Some(name.as_ref().to_owned()),
            _ => None,
        };
        let config = self.inner.config(asked, alpn, sni.is_some())?;
        Ok(Target { config, name, sni })
    }
}

/// A configuration and the name to use it with.
#[derive(Clone, Debug)]
pub struct Target {
    /// Sends the SNI, protocols and client certificate, and verifies.
    pub config: Arc<ClientConfig>,
    /// What the certificate is verified against.
    pub name: ServerName<'static>,
    /// What is sent.
    pub sni: Option<String>,
}

impl Inner {
    fn name(&self, asked: &str) -> Result<ServerName<'static>, TlsError> {
        let bare = asked
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(asked);
        let bare = bare.strip_suffix('.').unwrap_or(bare);
        match ServerName::try_from(bare.to_ascii_lowercase()) {
            Ok(name) => Ok(name),
            // rustls wants a name; an address is not sent, and nothing is compared with it.
            Err(_) if self.is_insecure => Ok(ServerName::from(IpAddr::from(Ipv4Addr::UNSPECIFIED))),
            Err(_) => Err(TlsError::InvalidName(asked.escape_debug().to_string())),
        }
    }

    fn config(
        &self,
        server: &str,
        alpn: &[Bytes],
        sends_sni: bool,
    ) -> Result<Arc<ClientConfig>, TlsConfigError> {
        let certificate = match &self.client_certs {
            Some(certs) => certs.find(server, &self.provider)?,
            None => None,
        };
        let key = Key {
            alpn: alpn.to_vec(),
            client_cert: certificate
                .as_ref()
                .map(|certificate| Arc::as_ptr(certificate).addr()),
            sends_sni,
        };
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = cache.configs.get(&key) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.build(&key, certificate)?);
        while cache.configs.len() >= ClientSide::CAPACITY {
            let Some(oldest) = cache.oldest_first.pop_front() else {
                break;
            };
            cache.configs.remove(&oldest);
        }
        cache.oldest_first.push_back(key.clone());
        cache.configs.insert(key, Arc::clone(&config));
        Ok(config)
    }

    fn build(
        &self,
        key: &Key,
        certificate: Option<Arc<SingleCertAndKey>>,
    ) -> Result<ClientConfig, TlsConfigError> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&self.versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&self.verifier));
        let mut config = builder.with_client_cert_resolver(match certificate {
            Some(certificate) => certificate,
            None => Arc::clone(&self.no_certificate),
        });
        config.alpn_protocols = key.alpn.iter().map(|name| name.to_vec()).collect();
        config.enable_sni = key.sends_sni;
        config.resumption = self.resumption.clone();
        if let Some(log) = &self.key_log {
            config.key_log = Arc::<KeyLogFile>::clone(log);
        }
        Ok(config)
    }
}

/// Shows no certificate. rustls resumes a session only with the very object it was made with, so
/// all configurations share one instead of having rustls make one each.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Servers whose sessions are kept for resumption, some KiB each.
const SERVERS_REMEMBERED: usize = 512;
