//! The engine: what all connections share, made from the options and remade when they change.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use midwire_core::Kernel;
use midwire_core::options::Options;
use midwire_wire::http1::{Limits, Validation};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::ca::{Authority, CaError, CustomCertError, CustomCerts, KeyKind, LeafStore};
use crate::hosts::HostRules;
use crate::kills::Kills;
use crate::listener::ListenError;
use crate::live::Live;
use crate::mode::ModeError;
use crate::names::Names;
use crate::requests;
use crate::servers::{self, Servers};
use crate::tls::{
    Ciphers, ClientSide, Curve, DownstreamTls, KeyLogFile, Refusals, Roots, ServerSide,
    TlsConfigError, TlsVersion, UpstreamTls, Verify, VersionRange,
};

/// The engine, shared by all connections.
pub struct Engine {
    pub(crate) kernel: Arc<Kernel>,
    tls: ArcSwap<TlsContext>,
    hosts: ArcSwap<HostRules>,
    limits: ArcSwap<Limits>,
    servers: Servers,
    pub(crate) live: Live,
    pub(crate) names: Names,
    pub(crate) kills: Kills,
    tasks: TaskTracker,
    key_log: Option<Arc<KeyLogFile>>,
    pub(crate) refusals: Refusals,
}

/// Both sides of TLS as the options want them.
pub(crate) struct TlsContext {
    pub(crate) leaves: LeafStore,
    pub(crate) server: ServerSide,
    pub(crate) client: ClientSide,
}

/// Why the engine cannot be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The certificate authority.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// A certificate of the option `certs`.
    #[error(transparent)]
    Cert(#[from] CustomCertError),
    /// A TLS option.
    #[error(transparent)]
    Tls(#[from] TlsConfigError),
    /// A mode specification.
    #[error(transparent)]
    Mode(#[from] ModeError),
    /// A mode that cannot be served.
    #[error(
        "mode {0} is not available in this version of midwire; available: regular, transparent (Linux), socks5, upstream, dns, and reverse to http, https, tcp, tls, udp and dns"
    )]
    ModeUnavailable(String),
    /// Two modes on one address.
    #[error("Cannot spawn multiple servers on the same address: {0}")]
    SameAddress(String),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

impl Engine {
    /// Makes the engine; reads or makes the certificate authority in confdir.
    ///
    /// # Errors
    /// One line that says which option or file is at fault.
    pub fn new(kernel: &Arc<Kernel>) -> Result<Arc<Self>, EngineError> {
        let options = kernel.options().load();
        servers::specs(&options)?;
        let key_log = KeyLogFile::from_env();
        let tls = TlsContext::new(&options, key_log.as_ref())?;
        for warning in tls.leaves.authority().warnings() {
            tracing::warn!("{warning}");
        }
        let engine = Arc::new(Self {
            kernel: Arc::clone(kernel),
            tls: ArcSwap::from_pointee(tls),
            hosts: ArcSwap::from_pointee(HostRules::new(&options)),
            limits: ArcSwap::from_pointee(limits(&options)),
            servers: Servers::default(),
            live: Live::default(),
            names: Names::default(),
            kills: Kills::default(),
            tasks: TaskTracker::new(),
            key_log,
            refusals: Refusals::default(),
        });
        engine.follow_options();
        Ok(engine)
    }

    /// Remakes what depends on options when they change; what cannot be made is refused.
    fn follow_options(self: &Arc<Self>) {
        let engine = Arc::downgrade(self);
        self.kernel.options().listen(move |options, changed| {
            let Some(engine) = engine.upgrade() else {
                return Ok(());
            };
            if servers::OPTIONS.iter().any(|name| changed.contains(name)) {
                servers::specs(options).map_err(|error| error.to_string())?;
            }
            if TLS_OPTIONS.iter().any(|name| changed.contains(name)) {
                let tls = TlsContext::new(options, engine.key_log.as_ref())
                    .map_err(|error| error.to_string())?;
                engine.tls.store(Arc::new(tls));
            }
            engine.hosts.store(Arc::new(HostRules::new(options)));
            engine.limits.store(Arc::new(limits(options)));
            Ok(())
        });
    }

    /// Opens the listeners of all modes, unless the option `server` is off. From then on they follow the options.
    ///
    /// # Errors
    /// All failures, a line each; nothing stays open then.
    pub async fn listen(self: &Arc<Self>) -> Result<(), Vec<EngineError>> {
        let options = self.kernel.options().load();
        if let Err(failures) = self.servers.follow(self, &options).await {
            self.servers.stop().await;
            return Err(failures);
        }
        if let Some(requests) = self.kernel.engine().serve() {
            self.spawn(requests::serve(Arc::clone(self), requests));
        }
        let engine = Arc::downgrade(self);
        let runtime = Handle::current();
        self.kernel.options().observe(move |_, changed| {
            let concerned = servers::OPTIONS.iter().any(|name| changed.contains(name));
            if let Some(engine) = engine.upgrade().filter(|_| concerned) {
                runtime.spawn(engine.follow_listeners());
            }
        });
        Ok(())
    }

    /// Opens and closes listeners as the options say now, also those that failed before.
    pub(crate) async fn rebind(self: &Arc<Self>) -> Result<(), String> {
        let options = self.kernel.options().load();
        self.servers
            .follow(self, &options)
            .await
            .map_err(|failures| {
                let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
                lines.join("; ")
            })
    }

    /// Path of the revocation list that our certificates name, and the list, which is empty.
    ///
    /// # Errors
    /// The list cannot be signed.
    pub fn revocation_list(&self) -> Result<(String, Bytes), EngineError> {
        let tls = self.tls();
        let authority = tls.leaves.authority();
        Ok((authority.crl_path(), authority.empty_crl()?))
    }

    async fn follow_listeners(self: Arc<Self>) {
        // Loaded here, so that of several changes the last one counts.
        let options = self.kernel.options().load();
        if let Err(failures) = self.servers.follow(&self, &options).await {
            for failure in failures {
                tracing::error!("{failure}");
            }
        }
    }

    /// Waits until all connections have ended.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Runs a task that ends with the engine. A panic in it ends only its own connection.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.tasks.spawn(task)
    }

    pub(crate) fn tls(&self) -> Arc<TlsContext> {
        self.tls.load_full()
    }

    pub(crate) fn host_rules(&self) -> Arc<HostRules> {
        self.hosts.load_full()
    }

    pub(crate) fn limits(&self) -> Limits {
        **self.limits.load()
    }

    /// True if a listener of this process has this port.
    pub(crate) fn listens_on(&self, port: u16) -> bool {
        self.servers
            .addresses()
            .iter()
            .any(|address| address.port() == port)
    }

    /// State of all listeners, also of those that could not be opened.
    pub fn servers(&self) -> Arc<Vec<servers::ServerState>> {
        self.servers.states()
    }

    /// Addresses that are listened on.
    pub fn listening(&self) -> Vec<SocketAddr> {
        self.servers.addresses().to_vec()
    }
}

const TLS_OPTIONS: &[&str] = &[
    "cert_passphrase",
    "certs",
    "ciphers_client",
    "ciphers_server",
    "client_certs",
    "confdir",
    "key_size",
    "request_client_cert",
    "ssl_insecure",
    "ssl_verify_upstream_trusted_ca",
    "ssl_verify_upstream_trusted_confdir",
    "tls_ecdh_curve_client",
    "tls_ecdh_curve_server",
    "tls_version_client_max",
    "tls_version_client_min",
    "tls_version_server_max",
    "tls_version_server_min",
];

impl TlsContext {
    fn new(options: &Options, key_log: Option<&Arc<KeyLogFile>>) -> Result<Self, EngineError> {
        let confdir = expand(&options.confdir);
        let key = match options.key_size {
            // The reference program's default stands for "not set": a small, fast key serves everybody.
            2048 => KeyKind::EcdsaP256,
            bits => KeyKind::Rsa(u32::try_from(bits).unwrap_or(0)),
        };
        let passphrase = options.cert_passphrase.as_deref();
        let authority = Authority::load_or_create(&confdir, key, passphrase)?;
        let custom = CustomCerts::load(&options.certs, passphrase, &authority)?;
        let server = ServerSide::new(DownstreamTls {
            versions: versions(
                &options.tls_version_client_min,
                &options.tls_version_client_max,
            ),
            ciphers: ciphers(options.ciphers_client.as_deref())?,
            curve: curve(options.tls_ecdh_curve_client.as_deref())?,
            request_client_cert: options.request_client_cert,
            key_log: key_log.cloned(),
        })?;
        let client = ClientSide::new(UpstreamTls {
            verify: verify(options),
            versions: versions(
                &options.tls_version_server_min,
                &options.tls_version_server_max,
            ),
            ciphers: ciphers(options.ciphers_server.as_deref())?,
            curve: curve(options.tls_ecdh_curve_server.as_deref())?,
            client_certs: options.client_certs.clone(),
            key_log: key_log.cloned(),
        })?;
        Ok(Self {
            leaves: LeafStore::new(authority, custom)?,
            server,
            client,
        })
    }
}

fn verify(options: &Options) -> Verify {
    if options.ssl_insecure {
        return Verify::None;
    }
    let bundle = options
        .ssl_verify_upstream_trusted_ca
        .as_deref()
        .map(expand);
    let directory = options
        .ssl_verify_upstream_trusted_confdir
        .as_deref()
        .map(expand);
    let roots = if bundle.is_none() && directory.is_none() {
        Roots::System
    } else {
        Roots::Given { bundle, directory }
    };
    Verify::Full { roots }
}

fn versions(min: &str, max: &str) -> VersionRange {
    VersionRange {
        min: min.parse().unwrap_or(TlsVersion::Tls1_2),
        max: max.parse().unwrap_or(TlsVersion::Unbounded),
    }
}

fn ciphers(text: Option<&str>) -> Result<Ciphers, TlsConfigError> {
    text.map(Ciphers::parse)
        .transpose()
        .map(Option::unwrap_or_default)
}

fn curve(name: Option<&str>) -> Result<Option<Curve>, TlsConfigError> {
    name.map(str::parse::<Curve>).transpose()
}

fn limits(options: &Options) -> Limits {
    Limits {
        header_size: options.header_size_limit.as_usize(),
        header_count: match usize::try_from(options.header_count_limit) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(count) => count,
        },
        validation: if options.validate_inbound_headers {
            Validation::Strict
        } else {
            Validation::Lenient
        },
    }
}

/// A path with `~` for the home directory.
fn expand(path: &str) -> PathBuf {
    match (path.strip_prefix('~'), std::env::home_dir()) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            home.join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(path),
    }
}
