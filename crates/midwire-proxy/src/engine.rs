//! The engine: what all connections share, made from the options and remade when they change.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use midwire_core::Kernel;
use midwire_core::options::Options;
use midwire_flow::Id;
use midwire_wire::http1::{Limits, Validation};
use tokio_util::task::TaskTracker;

use crate::ca::{Authority, CaError, CustomCertError, CustomCerts, KeyKind, LeafStore};
use crate::hosts::HostRules;
use crate::listener::{ListenError, Listener};
use crate::live::{InjectError, Injected, Kind, Live};
use crate::mode::{ModeError, ModeSpec};
use crate::tls::{
    Ciphers, ClientSide, Curve, DownstreamTls, KeyLogFile, Roots, ServerSide, TlsConfigError,
    TlsVersion, UpstreamTls, Verify, VersionRange,
};

/// The engine, shared by all connections.
pub struct Engine {
    pub(crate) kernel: Arc<Kernel>,
    tls: ArcSwap<TlsContext>,
    hosts: ArcSwap<HostRules>,
    limits: ArcSwap<Limits>,
    listening: Mutex<Vec<SocketAddr>>,
    pub(crate) live: Live,
    tasks: TaskTracker,
    key_log: Option<Arc<KeyLogFile>>,
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
    #[error("mode {0} is not available in this version of midwire; available: regular")]
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
            listening: Mutex::default(),
            live: Live::default(),
            tasks: TaskTracker::new(),
            key_log,
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

    /// Opens the listeners of all modes.
    ///
    /// # Errors
    /// All failures, a line each; nothing stays open then.
    pub async fn listen(self: &Arc<Self>) -> Result<(), Vec<EngineError>> {
        let options = self.kernel.options().load();
        let specs = mode_specs(&options).map_err(|error| vec![error])?;
        let mut listeners = Vec::new();
        let mut failures = Vec::new();
        for spec in specs {
            match Listener::bind(Arc::new(spec), &options).await {
                Ok(listener) => listeners.push(listener),
                Err(error) => failures.push(EngineError::from(error)),
            }
        }
        if !failures.is_empty() {
            return Err(failures);
        }
        for listener in listeners {
            tracing::info!("{}", listener.announcement());
            self.listening
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(listener.addresses());
            listener.start(self);
        }
        Ok(())
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
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Puts a message into a WebSocket conversation that is going on.
    ///
    /// # Errors
    /// If the flow is not live or of another kind, or too many messages wait.
    pub fn inject_websocket(&self, flow: &Id, message: Injected) -> Result<(), InjectError> {
        self.live.inject(flow, &[Kind::WebSocket], message)
    }

    /// Puts bytes into a TCP or UDP conversation that is going on.
    ///
    /// # Errors
    /// If the flow is not live or of another kind, or too many messages wait.
    pub fn inject_tcp(&self, flow: &Id, message: Injected) -> Result<(), InjectError> {
        self.live.inject(flow, &[Kind::Tcp, Kind::Udp], message)
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
        self.listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .any(|address| address.port() == port)
    }

    /// Addresses that are listened on.
    pub fn listening(&self) -> Vec<SocketAddr> {
        self.listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Checks the option `mode` and gives its specifications.
fn mode_specs(options: &Options) -> Result<Vec<ModeSpec>, EngineError> {
    let mut specs: Vec<ModeSpec> = Vec::new();
    for text in &options.mode {
        let spec = ModeSpec::parse(text)?;
        if spec.mode != crate::mode::Mode::Regular {
            return Err(EngineError::ModeUnavailable(spec.full));
        }
        let address = |spec: &ModeSpec| {
            (
                spec.host.clone(),
                spec.port
                    .or(options.listen_port.and_then(|p| p.try_into().ok())),
            )
        };
        if specs.iter().any(|other| address(other) == address(&spec)) && address(&spec).1 != Some(0)
        {
            let (host, port) = address(&spec);
            let shown = format!(
                "{}:{}",
                host.as_deref().unwrap_or("*"),
                port.or(spec.default_port()).unwrap_or(0)
            );
            return Err(EngineError::SameAddress(shown));
        }
        specs.push(spec);
    }
    Ok(specs)
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
        header_count: usize::try_from(options.header_count_limit).unwrap_or(1000),
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
