//! The kernel: what front ends, addons, script host and engine share. A handle per process, given to every hook.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::chain::{Chain, Link};
use crate::commands::CommandRegistry;
use crate::engine::EngineChannel;
use crate::eventlog::EventLog;
use crate::hooks::FlowRef;
use crate::ledger::Ledger;
use crate::log::LogStream;
use crate::options::{Changed, OptionStore, Options};
use crate::parked::Parked;
use crate::script_views::ScriptViews;
use crate::store::Store;
use std::sync::Arc;

/// The shared heart of the program.
pub struct Kernel {
    options: OptionStore,
    log: LogStream,
    chain: OnceLock<Chain>,
    parked: Parked,
    shutdown: CancellationToken,
    failure: Mutex<Option<String>>,
    connections: AtomicUsize,
    running: AtomicBool,
    reading: AtomicUsize,
    commands: CommandRegistry,
    store: Store,
    script_views: ScriptViews,
    engine: EngineChannel,
    events: EventLog,
    replays: ReplayCounts,
    ledger: Ledger,
}

/// What replays have still to do, for whoever decides that the program is done.
#[derive(Debug, Default)]
pub struct ReplayCounts {
    /// Requests that are to be sent again or under way.
    pub client: AtomicUsize,
    /// Recorded responses that can be given.
    pub server: AtomicUsize,
}

impl Kernel {
    /// A kernel with these options and this log, without addons yet.
    pub fn new(options: OptionStore, log: LogStream) -> Self {
        Self {
            options,
            log,
            chain: OnceLock::new(),
            parked: Parked::default(),
            shutdown: CancellationToken::new(),
            failure: Mutex::new(None),
            connections: AtomicUsize::new(0),
            running: AtomicBool::new(false),
            reading: AtomicUsize::new(0),
            commands: CommandRegistry::new(),
            store: Store::new(),
            script_views: ScriptViews::default(),
            engine: EngineChannel::default(),
            events: EventLog::default(),
            replays: ReplayCounts::default(),
            ledger: Ledger::default(),
        }
    }

    /// Sets the chain of addons, tells them all options, and keeps them told. Only the first call counts.
    ///
    /// # Errors
    /// The first refusal of an addon, one line.
    pub fn set_addons(self: &Arc<Self>, links: Vec<Link>) -> Result<(), String> {
        let options = self.options.load();
        let _ = self.chain.set(Chain::new(links, &options));
        let weak = Arc::downgrade(self);
        self.options.listen(
            move |options: &Options, changed: &Changed| match weak.upgrade() {
                Some(kernel) => kernel.reconfigure(options, changed),
                None => Ok(()),
            },
        );
        self.reconfigure(&options, &self.options.all_changed())
    }

    fn reconfigure(&self, options: &Options, changed: &Changed) -> Result<(), String> {
        self.chain().configure(self, options, changed)?;
        self.chain().refresh(options);
        Ok(())
    }

    /// The options.
    pub fn options(&self) -> &OptionStore {
        &self.options
    }

    /// The log stream.
    pub fn log(&self) -> &LogStream {
        &self.log
    }

    /// The addons; an empty chain before [`Kernel::set_addons`].
    pub fn chain(&self) -> &Chain {
        self.chain.get_or_init(Chain::default)
    }

    /// Flows that are held for the user.
    pub fn parked(&self) -> &Parked {
        &self.parked
    }

    /// Cancelled when the program is to end.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Ends the program with status 1 and this line; only the first failure is kept.
    pub fn fail(&self, message: impl Into<String>) {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| message.into());
        self.shutdown.cancel();
    }

    /// Why the program ends, if it does for a failure.
    pub fn failure(&self) -> Option<String> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Tells interested addons that flows were changed.
    pub fn update(&self, flows: &[FlowRef<'_>]) {
        self.chain().update(self, flows);
    }

    /// Marks the program as started and tells the addons.
    pub fn start(&self) {
        self.running.store(true, Ordering::Relaxed);
        self.chain().running(self);
    }

    /// True once the listeners are up.
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    /// Number of open client connections.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts a client connection for as long as the guard lives.
    pub fn count_connection(self: &Arc<Self>) -> ConnectionGuard {
        self.connections.fetch_add(1, Ordering::Relaxed);
        ConnectionGuard(Arc::clone(self))
    }

    /// The commands.
    pub fn commands(&self) -> &CommandRegistry {
        &self.commands
    }

    /// The content views of scripts.
    pub fn script_views(&self) -> &ScriptViews {
        &self.script_views
    }

    /// The flow store. It stays empty unless an addon fills it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The way to ask something of the engine.
    pub fn engine(&self) -> &EngineChannel {
        &self.engine
    }

    /// The event log. It stays empty unless it is attached to the log stream.
    pub fn events(&self) -> &EventLog {
        &self.events
    }

    /// What was not captured and why.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What replays have still to do.
    pub fn replays(&self) -> &ReplayCounts {
        &self.replays
    }

    /// Number of flow files that are being read.
    pub fn reading(&self) -> &AtomicUsize {
        &self.reading
    }
}

/// Counts one client connection.
pub struct ConnectionGuard(Arc<Kernel>);

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
