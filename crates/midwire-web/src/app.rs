//! What all requests share.

use std::sync::Arc;

use midwire_core::options::Changed;
use midwire_core::{BoxFuture, Kernel};
use midwire_flow::Flow;
use midwire_views::Registry;
use tokio::sync::{Semaphore, broadcast};

use crate::auth::{Auth, Verdict};

/// State of one listener of the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Mode specification, as the option `mode` has it.
    pub spec: String,
    /// First word of the specification.
    pub kind: String,
    /// What it is, for people.
    pub description: String,
    /// Addresses that are listened on; none while it is not running.
    pub addresses: Vec<std::net::SocketAddr>,
    /// Why it is not running.
    pub error: Option<String>,
}

/// What the program around the interface gives it, since this crate knows neither proxy nor addons.
pub trait Host: Send + Sync {
    /// The listeners of the proxy.
    fn servers(&self) -> Vec<Server>;
    /// All content views, those of scripts included.
    fn views(&self) -> Registry;
    /// Takes a recorded flow in, through all hooks.
    fn load(&self, flow: Flow) -> BoxFuture<'static, ()>;
}

/// Files that are uploaded at a time; further ones wait. Each may be in memory whole.
const UPLOADS: usize = 2;

/// Notices of changed options that wait for a connection; one that falls behind further loads all again.
const OPTION_NOTICES: usize = 64;

/// The shared state of the interface.
pub(crate) struct App {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) auth: Auth,
    pub(crate) uploads: Semaphore,
    /// Names of options that were changed.
    pub(crate) options: broadcast::Sender<Changed>,
    /// Where options came from at the start.
    pub(crate) origins: crate::v1::options::Origins,
    /// Rules as the user ordered them, with those that are off.
    pub(crate) rules: std::sync::Mutex<Vec<crate::v1::rules::Rule>>,
    /// Requests that are looked at with a hash; a hash needs memory and time.
    hashing: Semaphore,
}

impl App {
    pub(crate) fn new(kernel: &Arc<Kernel>, host: Arc<dyn Host>, auth: Auth) -> Arc<Self> {
        let (options, _) = broadcast::channel(OPTION_NOTICES);
        let notices = options.clone();
        kernel.options().observe(move |_, changed| {
            let _ = notices.send(changed.clone());
        });
        Arc::new(Self {
            kernel: Arc::clone(kernel),
            host,
            auth,
            uploads: Semaphore::new(UPLOADS),
            options,
            origins: crate::v1::options::Origins::now(kernel.options()),
            rules: std::sync::Mutex::default(),
            hashing: Semaphore::new(1),
        })
    }

    /// Compares a token beside the network threads.
    pub(crate) async fn try_token(self: &Arc<Self>, token: String) -> Verdict {
        let Ok(_permit) = self.hashing.acquire().await else {
            return Verdict::NotLookedAt;
        };
        let app = Arc::clone(self);
        let work = move || app.auth.try_token(&token);
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or(Verdict::Wrong)
    }
}
