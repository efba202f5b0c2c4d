//! The script host: its processes, from start to end.

mod convert;
mod hooks;
mod link;
mod requests;
mod stream;
mod view;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use midwire_core::hooks::{Hook, HookSet};
use midwire_core::log::Level;
use midwire_core::options::{Options, Tool, expand_home};
use midwire_core::{BoxFuture, Kernel, Link};
use midwire_flow::{Flow, Id, Value};
use tokio::sync::watch;

use crate::error::ScriptError;
use crate::files::Files;
use crate::frame::{self, Op};
use crate::worker::{self, CallError, Ended, Output, Setup, Worker};
use crate::{interpreter, package};

/// Runs the hooks of a flow that a script has made or loaded.
pub type Loader = fn(Arc<Kernel>, Flow) -> BoxFuture<'static, ()>;

/// Restarts within [`RESTART_WINDOW`]; then scripts stay off (security.md §10).
const RESTARTS: usize = 5;
const RESTART_WINDOW: Duration = Duration::from_mins(1);

/// How long flows wait for a host that is being started again.
const START_WAIT: Duration = Duration::from_secs(15);

/// How long a host may take to accept options. A script that blocks its host is no reason to refuse them.
const CONFIGURE_WAIT: Duration = Duration::from_secs(10);

/// How long `done` may take at the end of the program.
const DONE_WAIT: Duration = Duration::from_secs(5);

/// How long a host may take to show that it lives.
const PING_WAIT: Duration = Duration::from_secs(2);

/// How long the last output may take.
const OUTPUT_WAIT: Duration = Duration::from_millis(500);

/// The script host. A cloneable handle; nothing runs before [`ScriptHost::start`], or without scripts.
#[derive(Clone)]
pub struct ScriptHost(Arc<Inner>);

struct Inner {
    this: Weak<Self>,
    kernel: Weak<Kernel>,
    runtime: tokio::runtime::Handle,
    loader: Loader,
    slots: OnceLock<Vec<watch::Sender<Slot>>>,
    files: OnceLock<Arc<Files>>,
    wanted: Mutex<Wanted>,
    restarts: Mutex<VecDeque<Instant>>,
    started: AtomicBool,
    running: AtomicBool,
    stopping: AtomicBool,
    /// The log is passed on to scripts.
    listening: AtomicBool,
    scripts: Mutex<Vec<String>>,
}

/// Whether a process is there.
#[derive(Clone)]
enum Slot {
    /// None is wanted.
    Off,
    /// It loads scripts.
    Starting(Option<Arc<Worker>>),
    /// It takes hooks.
    Up(Arc<Worker>),
}

impl Slot {
    fn worker(&self) -> Option<&Arc<Worker>> {
        match self {
            Self::Off => None,
            Self::Starting(worker) => worker.as_ref(),
            Self::Up(worker) => Some(worker),
        }
    }
}

/// What the scripts want.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    hooks: HookSet,
    /// Hooks whose handlers all say that they only look on.
    observed: HookSet,
    configure: bool,
    update: bool,
    log: bool,
}

impl ScriptHost {
    /// A host for the scripts of this kernel's options. To be called inside of a runtime.
    pub fn new(kernel: &Arc<Kernel>, loader: Loader) -> Self {
        Self(Arc::new_cyclic(|this| Inner {
            this: Weak::clone(this),
            kernel: Arc::downgrade(kernel),
            runtime: tokio::runtime::Handle::current(),
            loader,
            slots: OnceLock::new(),
            files: OnceLock::new(),
            wanted: Mutex::default(),
            restarts: Mutex::default(),
            started: AtomicBool::new(false),
            running: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            listening: AtomicBool::new(false),
            scripts: Mutex::default(),
        }))
    }

    /// The link for the chain of addons.
    pub fn link(&self) -> Link {
        Link::Async(Arc::clone(&self.0) as Arc<_>)
    }

    /// Loads the scripts that the options name. What goes wrong inside of a script is logged and no error here.
    ///
    /// # Cancellation
    /// Scripts may be half loaded; only for the end of the program.
    pub async fn start(&self) -> Result<(), ScriptError> {
        let Some(kernel) = self.0.kernel.upgrade() else {
            return Ok(());
        };
        let options = kernel.options().load();
        let scripts = check_scripts(&options.scripts, &[])?;
        self.0.started.store(true, Ordering::Release);
        lock(&self.0.scripts).clone_from(&scripts);
        if scripts.is_empty() {
            return Ok(());
        }
        self.0.start_all(&kernel).await
    }

    /// Tells scripts that the listeners are up.
    ///
    /// # Cancellation
    /// Scripts may not have been told.
    pub async fn running(&self) {
        if self.0.running.swap(true, Ordering::AcqRel) {
            return;
        }
        for worker in self.0.workers() {
            if let Err(error) = worker.call(Op::Running, crate::value::Writer::null).await {
                tracing::debug!("running: {error}");
            }
        }
    }

    /// Tells scripts that the program ends, and ends their processes.
    ///
    /// # Cancellation
    /// The processes end with this one.
    pub async fn stop(&self) {
        self.0.stopping.store(true, Ordering::Release);
        for worker in self.0.workers() {
            worker.ending.store(true, Ordering::Release);
            let done = worker.call(Op::Done, crate::value::Writer::null);
            if tokio::time::timeout(DONE_WAIT, done).await.is_err() {
                tracing::warn!("scripts do not end, stopping them");
            }
            if tokio::time::timeout(OUTPUT_WAIT, worker.gone.cancelled())
                .await
                .is_err()
            {
                worker.kill();
            }
            // Processes that a script has started may keep the outputs open.
            let _ = tokio::time::timeout(OUTPUT_WAIT, worker.quiet.cancelled()).await;
        }
    }
}

impl Inner {
    /// All processes, also those that are still loading.
    fn workers(&self) -> Vec<Arc<Worker>> {
        let slots = self.slots.get().map(Vec::as_slice).unwrap_or_default();
        slots
            .iter()
            .filter_map(|slot| slot.borrow().worker().cloned())
            .collect()
    }

    /// The process that serves flows of this client; waits while it is being started.
    async fn worker_for(&self, client: &Id) -> Option<Arc<Worker>> {
        let slots = self.slots.get()?;
        let slot = slots.get(shard(client, slots.len()))?;
        if let Slot::Up(worker) = &*slot.borrow() {
            return Some(Arc::clone(worker));
        }
        let mut slot = slot.subscribe();
        let settled = slot.wait_for(|slot| !matches!(slot, Slot::Starting(_)));
        let settled = tokio::time::timeout(START_WAIT, settled).await.ok()?.ok()?;
        match &*settled {
            Slot::Up(worker) => Some(Arc::clone(worker)),
            Slot::Off | Slot::Starting(_) => None,
        }
    }

    /// The process that serves flows of this client, if it is there right now.
    fn worker_now(&self, client: &Id) -> Option<Arc<Worker>> {
        let slots = self.slots.get()?;
        let slot = slots.get(shard(client, slots.len()))?;
        match &*slot.borrow() {
            Slot::Up(worker) => Some(Arc::clone(worker)),
            Slot::Off | Slot::Starting(_) => None,
        }
    }

    async fn start_all(self: &Arc<Self>, kernel: &Arc<Kernel>) -> Result<(), ScriptError> {
        let count = usize::try_from(kernel.options().load().script_workers)
            .unwrap_or(1)
            .max(1);
        let slots = self
            .slots
            .get_or_init(|| (0..count).map(|_| watch::Sender::new(Slot::Off)).collect());
        for index in 0..slots.len() {
            self.start_one(kernel, index).await?;
        }
        Ok(())
    }

    /// Starts a process and loads all scripts in it.
    async fn start_one(
        self: &Arc<Self>,
        kernel: &Arc<Kernel>,
        index: usize,
    ) -> Result<(), ScriptError> {
        let Some(slot) = self.slots.get().and_then(|slots| slots.get(index)) else {
            return Ok(());
        };
        slot.send_replace(Slot::Starting(None));
        let outcome = self.launch(kernel, index, slot).await;
        if outcome.is_err() {
            slot.send_replace(Slot::Off);
        }
        outcome
    }

    async fn launch(
        self: &Arc<Self>,
        kernel: &Arc<Kernel>,
        index: usize,
        slot: &watch::Sender<Slot>,
    ) -> Result<(), ScriptError> {
        let options = kernel.options().load();
        let python = interpreter::choose(options.script_python.as_deref())?;
        let files = self.files()?;
        let setup = Setup {
            index,
            python: python.clone(),
            package: package::unpack(files.folder())?,
            output: match kernel.options().tool() {
                Tool::Console => Output::Log,
                _ => Output::Through,
            },
        };
        let on_frame = {
            let inner = Arc::downgrade(self);
            move |worker: &Arc<Worker>, frame| {
                if let Some(inner) = inner.upgrade() {
                    inner.take_frame(worker, &frame);
                }
            }
        };
        let on_end = {
            let inner = Arc::downgrade(self);
            move |worker: &Arc<Worker>, ended: Ended| {
                if let Some(inner) = inner.upgrade() {
                    inner.ended(worker, &ended);
                }
            }
        };
        let name = python.display().to_string();
        let host_error = |reason: String| ScriptError::Host {
            python: name.clone(),
            reason,
        };
        let worker = worker::start(&setup, on_frame, on_end)
            .map_err(|error| host_error(error.to_string()))?;
        slot.send_replace(Slot::Starting(Some(Arc::clone(&worker))));
        let scripts = lock(&self.scripts).clone();
        let greeting = convert::Greeting {
            kernel,
            scripts: &scripts,
            index,
            running: self.running.load(Ordering::Acquire),
            folder: files.folder(),
        };
        let loaded = worker.call(Op::Load, |writer| greeting.put(writer)).await;
        match loaded {
            Ok(wanted) => {
                self.set_wanted(kernel, &wanted);
                slot.send_replace(Slot::Up(worker));
                Ok(())
            }
            Err(CallError::Failed(reason)) => {
                worker.ending.store(true, Ordering::Release);
                worker.kill();
                Err(host_error(reason))
            }
            Err(error) => {
                worker.ending.store(true, Ordering::Release);
                // The socket may close a moment before it is known how the process has ended.
                let _ = tokio::time::timeout(PING_WAIT, worker.gone.cancelled()).await;
                let reason = why_it_ended(&worker).unwrap_or_else(|| error.to_string());
                Err(host_error(reason))
            }
        }
    }

    fn files(&self) -> Result<Arc<Files>, ScriptError> {
        if let Some(files) = self.files.get() {
            return Ok(Arc::clone(files));
        }
        let files = Arc::new(Files::new()?);
        Ok(Arc::clone(self.files.get_or_init(|| files)))
    }

    /// Takes over what the scripts want, as the host reports it.
    fn set_wanted(&self, kernel: &Kernel, report: &Value) {
        let hooks = |key: &str| {
            let names = match report.get(key) {
                Some(Value::List(names)) => names.as_slice(),
                _ => &[],
            };
            Hook::ALL
                .iter()
                .filter(|hook| names.iter().any(|name| name.as_text() == Some(hook.name())))
                .fold(HookSet::EMPTY, |set, hook| set.union(HookSet::of(&[*hook])))
        };
        let says = |key: &str| report.get(key).is_some_and(Value::is_truthy);
        *lock(&self.wanted) = Wanted {
            hooks: hooks("hooks"),
            observed: hooks("observed"),
            configure: says("configure"),
            update: says("update"),
            log: says("add_log"),
        };
        if says("add_log") && !self.listening.swap(true, Ordering::AcqRel) {
            self.listen_to_log(kernel);
        }
        kernel.chain().refresh(&kernel.options().load());
    }

    /// Passes the lines of the log on to scripts that still define `add_log`.
    fn listen_to_log(&self, kernel: &Kernel) {
        let inner = Weak::clone(&self.this);
        kernel.log().subscribe(Level::Debug, move |entry| {
            let Some(inner) = inner
                .upgrade()
                .filter(|inner| inner.wanted().log && !requests::is_echo())
            else {
                return;
            };
            let time = entry
                .time
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            for worker in inner.workers() {
                worker.news(Op::LogEntry, |w| {
                    w.tuple(4);
                    w.text(entry.level.as_str());
                    w.text(&entry.message);
                    w.float(time.as_secs_f64());
                    w.opt(entry.client.as_deref(), crate::value::Writer::text);
                });
            }
        });
    }

    fn wanted(&self) -> Wanted {
        *lock(&self.wanted)
    }

    /// A process has ended. Unless that was wanted it is started again, with a limit.
    fn ended(self: &Arc<Self>, worker: &Arc<Worker>, ended: &Ended) {
        worker.set_status(ended.to_string());
        if worker.ending.load(Ordering::Acquire) || self.stopping.load(Ordering::Acquire) {
            return;
        }
        let (Some(kernel), Some(slot)) = (
            self.kernel.upgrade(),
            self.slots.get().and_then(|slots| slots.get(worker.index)),
        ) else {
            return;
        };
        if !matches!(&*slot.borrow(), Slot::Up(up) if Arc::ptr_eq(up, worker)) {
            // It was still loading: whoever started it reports that.
            return;
        }
        if !self.may_restart() {
            slot.send_replace(Slot::Off);
            tracing::error!(
                "The script host has ended ({ended}) for the {RESTARTS}th time within a minute: scripts stay off until the scripts option changes."
            );
            return;
        }
        tracing::error!(
            "The script host (process {}) has ended ({ended}), starting it again.",
            worker.pid
        );
        slot.send_replace(Slot::Starting(None));
        let inner = Arc::clone(self);
        let index = worker.index;
        self.runtime.spawn(async move {
            if let Err(error) = inner.start_one(&kernel, index).await {
                tracing::error!("{error}");
            }
        });
    }

    fn may_restart(&self) -> bool {
        let mut restarts = lock(&self.restarts);
        let now = Instant::now();
        while restarts
            .front()
            .is_some_and(|at| now.duration_since(*at) > RESTART_WINDOW)
        {
            restarts.pop_front();
        }
        if restarts.len() >= RESTARTS {
            return false;
        }
        restarts.push_back(now);
        true
    }

    /// A call has timed out. If the whole host hangs it is ended, and so started again.
    fn look_after(&self, worker: &Arc<Worker>) {
        let worker = Arc::clone(worker);
        self.runtime.spawn(async move {
            let ping = worker.call(Op::Ping, crate::value::Writer::null);
            if tokio::time::timeout(PING_WAIT, ping).await.is_err() {
                worker.kill();
            }
        });
    }

    /// Shows options to the scripts and gives their refusal.
    fn configure_scripts(
        self: &Arc<Self>,
        kernel: &Kernel,
        options: &Options,
        names: &[&str],
    ) -> Result<(), String> {
        let scripts_changed = names.contains(&"scripts");
        if scripts_changed {
            let before = lock(&self.scripts).clone();
            let scripts =
                check_scripts(&options.scripts, &before).map_err(|error| error.to_string())?;
            *lock(&self.scripts) = scripts;
            if self.workers().is_empty() && !options.scripts.is_empty() {
                self.start_later();
                return Ok(());
            }
        }
        let must_wait = scripts_changed || self.wanted().configure;
        let workers = self.workers();
        if workers.is_empty() {
            return Ok(());
        }
        let payload = convert::options(kernel, options, names);
        for worker in workers {
            if !must_wait {
                worker.note(Op::Configure, |writer, _| {
                    writer.0.extend_from_slice(&payload.0);
                });
                continue;
            }
            let put = |writer: &mut crate::value::Writer| writer.0.extend_from_slice(&payload.0);
            match blocking(|| worker.call_blocking(Op::Configure, CONFIGURE_WAIT, put)) {
                Ok(_) | Err(CallError::Gone) => {}
                Err(CallError::Failed(reason)) => return Err(reason),
                Err(CallError::TimedOut) => {
                    tracing::warn!("Scripts are busy and have not seen the new options yet.");
                }
            }
        }
        Ok(())
    }

    fn start_later(self: &Arc<Self>) {
        let Some(kernel) = self.kernel.upgrade() else {
            return;
        };
        lock(&self.restarts).clear();
        let inner = Arc::clone(self);
        self.runtime.spawn(async move {
            if let Err(error) = inner.start_all(&kernel).await {
                tracing::error!("{error}");
            }
        });
    }
}

/// A process that ended while loading has said why by its status.
fn why_it_ended(worker: &Worker) -> Option<String> {
    let status = worker.status()?;
    if status == format!("exit status {}", interpreter::TOO_OLD) {
        return Some("it is older than Python 3.9".to_owned());
    }
    Some(format!("it ended while loading scripts ({status})"))
}

/// The scripts with their arguments, if each new one is there and none stands twice.
fn check_scripts(scripts: &[String], before: &[String]) -> Result<Vec<String>, ScriptError> {
    for (at, script) in scripts.iter().enumerate() {
        if scripts.iter().take(at).any(|other| other == script) {
            return Err(ScriptError::Duplicate);
        }
        if !before.contains(script) && !expand_home(&path_of(script)).is_file() {
            return Err(ScriptError::NoSuchScript(script.clone()));
        }
    }
    Ok(scripts.to_vec())
}

/// The path of `script.py arguments`: all of it if such a file exists.
fn path_of(script: &str) -> String {
    if Path::new(&expand_home(script)).is_file() {
        return script.to_owned();
    }
    match script.find(".py ") {
        Some(at) => script
            .chars()
            .take(script.get(..at + 3).map_or(0, |s| s.chars().count()))
            .collect(),
        None => script.to_owned(),
    }
}

/// Which process serves this client.
fn shard(client: &Id, count: usize) -> usize {
    use std::hash::{DefaultHasher, Hash, Hasher};
    if count < 2 {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    client.hash(&mut hasher);
    (hasher.finish() % count as u64) as usize
}

/// Blocks this thread, with the runtime told so if it is one of its own.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(work)
        }
        _ => work(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The protocol's version and the names of hooks by number, for the greeting.
fn hook_names() -> impl ExactSizeIterator<Item = &'static str> {
    Hook::ALL.iter().map(|hook| hook.name())
}

const _: () = assert!(
    frame::HEADER == 12,
    "the Python side unpacks exactly this header"
);
