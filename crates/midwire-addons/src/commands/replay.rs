//! Client replay: the queue of requests that are sent again; and the commands of both replays.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use midwire_core::Kernel;
use midwire_core::commands::{Args, CommandError};
use midwire_core::engine::{EngineError, EngineRequest};
use midwire_core::hooks::{Addon, HookSet};
use midwire_core::options::{Changed, Options, expand_home};
use midwire_flow::{Flow, HttpFlow, Id, Replay, file};

use super::{CommandAddons, Outcome, Registrar, flows, io_text, nothing, number};

/// Requests under way when an option asks for all at once. Each has its connections.
const ALL_AT_ONCE: usize = 128;

/// Sends recorded requests again, one after another or many at once (`client_replay_concurrency`). A cloneable handle.
#[derive(Clone)]
pub struct ClientPlayback {
    kernel: Weak<Kernel>,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Box<HttpFlow>>,
    running: Vec<Id>,
}

impl ClientPlayback {
    /// An empty queue.
    pub fn new(kernel: Weak<Kernel>) -> Self {
        Self {
            kernel,
            queue: Arc::default(),
        }
    }

    /// Queues flows; those that cannot be sent again are left out with a warning.
    ///
    /// They are sent once the program runs.
    ///
    /// # Errors
    /// The program runs, but nobody serves requests.
    pub fn start(&self, kernel: &Kernel, flows: &[Arc<Flow>]) -> Result<(), EngineError> {
        if kernel.is_running() && !kernel.engine().is_served() {
            return Err(EngineError::NotRunning);
        }
        self.queue_up(kernel, flows);
        if kernel.is_running() {
            self.pump();
        }
        Ok(())
    }

    fn queue_up(&self, kernel: &Kernel, flows: &[Arc<Flow>]) {
        let mut queued = Vec::new();
        for flow in flows {
            if let Some(refusal) = self.refusal(flow) {
                tracing::warn!("{refusal}");
                continue;
            }
            let id = &flow.info().id;
            let prepared = kernel.store().edit(id, prepare).unwrap_or_else(|| {
                let mut flow = Flow::clone(flow);
                prepare(&mut flow);
                Arc::new(flow)
            });
            if let Flow::Http(http) = &*prepared {
                self.queue().waiting.push_back(http.clone());
                queued.push(prepared);
            }
        }
        self.count(kernel);
        kernel.updated(&queued);
    }

    fn refusal(&self, flow: &Flow) -> Option<&'static str> {
        let info = flow.info();
        if info.live || self.queue().running.contains(&info.id) {
            return Some("Can't replay live flow.");
        }
        if info.intercepted {
            return Some("Can't replay intercepted flow.");
        }
        let Flow::Http(http) = flow else {
            return Some("Can only replay HTTP flows.");
        };
        if !http.request.content.is_present() {
            return Some("Can't replay flow with missing content.");
        }
        if http.websocket.is_some() {
            return Some("Can't replay WebSocket flows.");
        }
        None
    }

    /// Empties the queue and reverts its flows; those under way go on.
    fn stop(&self, kernel: &Kernel) {
        let waiting = std::mem::take(&mut self.queue().waiting);
        self.count(kernel);
        let reverted: Vec<Arc<Flow>> = waiting
            .iter()
            .filter_map(|flow| kernel.store().edit(&flow.info.id, Flow::revert))
            .collect();
        kernel.updated(&reverted);
        tracing::info!(alert = true, "Client replay queue cleared.");
    }

    /// Hands over as many requests as may be under way.
    fn pump(&self) {
        let Some(kernel) = self.kernel.upgrade() else {
            return;
        };
        let at_once = match kernel.options().load().client_replay_concurrency {
            1 => 1,
            _ => ALL_AT_ONCE,
        };
        while let Some(flow) = self.next(at_once) {
            let (this, kernel) = (self.clone(), Arc::clone(&kernel));
            tokio::spawn(async move { this.send(&kernel, flow).await });
        }
    }

    fn next(&self, at_once: usize) -> Option<Box<HttpFlow>> {
        let mut queue = self.queue();
        if queue.running.len() >= at_once {
            return None;
        }
        let flow = queue.waiting.pop_front()?;
        queue.running.push(flow.info.id.clone());
        Some(flow)
    }

    async fn send(self, kernel: &Kernel, flow: Box<HttpFlow>) {
        let id = flow.info.id.clone();
        let outcome = kernel
            .engine()
            .ask(|reply| EngineRequest::Replay { flow, reply })
            .await;
        if let Err(reason) = outcome {
            tracing::error!("cannot replay: {reason}");
            if let Some(flow) = kernel.store().edit(&id, Flow::revert) {
                kernel.updated(&[flow]);
            }
        }
        self.queue().running.retain(|running| *running != id);
        self.count(kernel);
        self.pump();
    }

    fn count(&self, kernel: &Kernel) {
        let queue = self.queue();
        let open = queue.waiting.len() + queue.running.len();
        kernel.replays().client.store(open, Ordering::SeqCst);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn prepare(flow: &mut Flow) {
    flow.backup();
    let info = flow.info_mut();
    info.is_replay = Some(Replay::Request);
    info.error = None;
    if let Flow::Http(http) = flow {
        http.response = None;
    }
}

impl Addon for ClientPlayback {
    fn name(&self) -> &'static str {
        "clientplayback"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::EMPTY
    }

    fn configure(
        &self,
        kernel: &Kernel,
        options: &Options,
        changed: &Changed,
    ) -> Result<(), String> {
        if !changed.contains("client_replay") || options.client_replay.is_empty() {
            return Ok(());
        }
        let mut flows = Vec::new();
        for path in &options.client_replay {
            flows.extend(read_flows(path)?);
        }
        self.queue_up(kernel, &flows);
        if kernel.is_running() {
            self.pump();
        }
        Ok(())
    }

    fn running(&self, _: &Kernel) {
        self.pump();
    }
}

/// All flows of a file.
///
/// # Errors
/// One line: the file cannot be opened, or a part of it cannot be read.
pub(crate) fn read_flows(path: &str) -> Result<Vec<Arc<Flow>>, String> {
    open(path)?
        .map(|flow| flow.map_err(|error| format!("cannot read {path}: {error}")))
        .collect()
}

/// As [`read_flows`], but an incomplete last record is left out.
///
/// # Errors
/// Those of [`read_flows`].
pub(crate) fn read_whole_records(path: &str) -> Result<Vec<Arc<Flow>>, String> {
    open(path)?
        .take_while(|flow| !flow.as_ref().is_err_and(file::ReadError::is_incomplete))
        .map(|flow| flow.map_err(|error| format!("cannot read {path}: {error}")))
        .collect()
}

fn open(path: &str) -> Result<impl Iterator<Item = Result<Arc<Flow>, file::ReadError>>, String> {
    let input = std::fs::File::open(expand_home(path))
        .map_err(|error| format!("cannot read {path}: {}", io_text(&error)))?;
    Ok(file::open_flows(input).map(|flow| flow.map(Arc::new)))
}

pub(super) fn register(to: &Registrar<'_>, addons: &CommandAddons) -> Result<(), CommandError> {
    register_client(to, &addons.client)?;
    register_server(to, addons)
}

fn register_client(to: &Registrar<'_>, client: &Arc<ClientPlayback>) -> Result<(), CommandError> {
    let start = |client: &Arc<ClientPlayback>, kernel: &Kernel, flows: &[Arc<Flow>]| -> Outcome {
        let cannot = |reason| CommandError::failed(format!("cannot replay: {reason}"));
        client.start(kernel, flows).map_err(cannot)?;
        nothing()
    };
    let playback = Arc::clone(client);
    to.quick("replay.client", move |kernel, args| {
        start(&playback, kernel, &flows(kernel, args, 0)?)
    })?;
    let playback = Arc::clone(client);
    to.slow("replay.client.file", move |kernel, args| {
        start(&playback, kernel, &flows_of_file(args)?)
    })?;
    to.quick("replay.client.count", |kernel, _| {
        number(kernel.replays().client.load(Ordering::SeqCst))
    })?;
    let playback = Arc::clone(client);
    to.quick("replay.client.stop", move |kernel, _| {
        playback.stop(kernel);
        nothing()
    })
}

fn register_server(to: &Registrar<'_>, addons: &CommandAddons) -> Result<(), CommandError> {
    let playback = Arc::clone(&addons.server);
    to.slow("replay.server", move |kernel, args| {
        let flows = flows(kernel, args, 0)?;
        playback.clear(kernel);
        playback.add(kernel, &flows);
        kernel.updated(&[]);
        nothing()
    })?;
    let playback = Arc::clone(&addons.server);
    to.slow("replay.server.add", move |kernel, args| {
        playback.add(kernel, &flows(kernel, args, 0)?);
        kernel.updated(&[]);
        nothing()
    })?;
    let playback = Arc::clone(&addons.server);
    to.slow("replay.server.file", move |kernel, args| {
        let flows = flows_of_file(args)?;
        playback.clear(kernel);
        playback.add(kernel, &flows);
        kernel.updated(&[]);
        nothing()
    })?;
    to.quick("replay.server.count", |kernel, _| {
        number(kernel.replays().server.load(Ordering::SeqCst))
    })?;
    let playback = Arc::clone(&addons.server);
    to.quick("replay.server.stop", move |kernel, _| {
        playback.clear(kernel);
        kernel.updated(&[]);
        nothing()
    })
}

fn flows_of_file(args: &Args) -> Result<Vec<Arc<Flow>>, CommandError> {
    let path = args.str(0)?;
    let flows = read_flows(path).map_err(CommandError::failed)?;
    if flows.is_empty() {
        return Err(CommandError::failed(format!("{path} holds no flows")));
    }
    Ok(flows)
}
