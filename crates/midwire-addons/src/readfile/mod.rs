//! Reads the flows of `rfile` at start and gives them to the hooks (events.md §10).

mod replay;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, FlowRef, HookSet};
use midwire_core::options::{Changed, Options, Tool, expand_home};
use midwire_flow::Flow;
use midwire_flow::file::{ReadError, open_flows};
use tokio::sync::mpsc;

pub use self::replay::replay;
use crate::condition::Condition;
use crate::output::reason;

/// Reads `rfile` once the program runs.
pub struct ReadFile {
    kernel: Weak<Kernel>,
    filter: Mutex<Condition>,
}

/// Flows that wait for the hooks, in batches.
const QUEUE: usize = 4;

/// Flows of a batch. Flows of standard input are passed on one by one, since it may be a pipe with a live source.
const BATCH: usize = 64;

/// From where flows are read.
struct Source {
    /// As the user wrote it.
    name: String,
    input: Box<dyn Read + Send>,
    batch: usize,
}

impl ReadFile {
    /// Reads nothing until the program runs.
    pub fn new(kernel: Weak<Kernel>) -> Self {
        Self {
            kernel,
            filter: Mutex::default(),
        }
    }
}

impl Addon for ReadFile {
    fn name(&self) -> &'static str {
        "readfile"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::EMPTY
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        if changed.contains("readfile_filter") {
            let filter = Condition::parse(options.readfile_filter.as_deref())?;
            *self.filter.lock().unwrap_or_else(PoisonError::into_inner) = filter;
        }
        Ok(())
    }

    fn running(&self, kernel: &Kernel) {
        let options = kernel.options().load();
        let Some(path) = options.rfile.as_deref().filter(|path| !path.is_empty()) else {
            return;
        };
        let Some(shared) = self.kernel.upgrade() else {
            return;
        };
        let source = match open(path, kernel.options().tool()) {
            Ok(source) => source,
            Err(error) => {
                let why = reason(&error);
                tracing::error!("Cannot load flows: {path}: {why}");
                kernel.fail(format!("cannot read {path}: {why}"));
                return;
            }
        };
        let filter = self
            .filter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let reading = Reading::begin(shared);
        tokio::spawn(reading.read(source, filter));
    }
}

fn open(path: &str, tool: Tool) -> io::Result<Source> {
    if path == "-" && tool != Tool::Console {
        return Ok(Source {
            name: path.to_owned(),
            input: Box::new(io::stdin()),
            batch: 1,
        });
    }
    let file = File::open(expand_home(path))?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(Source {
        name: path.to_owned(),
        input: Box::new(file),
        batch: BATCH,
    })
}

/// Counts as a file that is being read for as long as it lives.
struct Reading(Arc<Kernel>);

impl Reading {
    fn begin(kernel: Arc<Kernel>) -> Self {
        kernel.reading().fetch_add(1, Ordering::SeqCst);
        Self(kernel)
    }

    /// Gives all flows to the hooks, then says how it went.
    async fn read(self, source: Source, filter: Condition) {
        let kernel = &self.0;
        let name = source.name.clone();
        let mut flows = start(source, filter);
        let mut count = 0_usize;
        while let Some(batch) = flows.recv().await {
            match batch {
                Batch::Flows(batch) => {
                    for flow in batch {
                        // Reading may take long; the end of the program does not wait for it.
                        if kernel.shutdown().is_cancelled() {
                            return;
                        }
                        replay(kernel, flow).await;
                        count += 1;
                    }
                    // Without a pause a long file would keep this thread from everything else.
                    tokio::task::yield_now().await;
                }
                Batch::Failed(error) => {
                    report(kernel, &name, count, &error);
                    return;
                }
            }
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.reading().fetch_sub(1, Ordering::SeqCst);
    }
}

/// Says what is wrong with the file, and ends the program.
fn report(kernel: &Kernel, name: &str, count: usize, error: &ReadError) {
    let detail = error.detail();
    if count > 0 {
        tracing::warn!("Flow file corrupted - loaded {count} flows.");
    } else {
        tracing::error!("Flow file corrupted.");
    }
    tracing::error!("Failed to read {name}: {error} ({detail})");
    kernel.fail(format!("{name}: {detail}"));
}

enum Batch {
    Flows(Vec<Flow>),
    Failed(ReadError),
}

/// Reads on a thread of its own: one that waits for standard input must not hold up the end of the program.
fn start(source: Source, filter: Condition) -> mpsc::Receiver<Batch> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let for_failure = sender.clone();
    let thread = std::thread::Builder::new()
        .name("readfile".to_owned())
        .spawn(move || send_flows(source, &filter, &sender));
    if let Err(error) = thread {
        tracing::error!("cannot start a thread: {}", reason(&error));
        drop(for_failure);
    }
    receiver
}

fn send_flows(source: Source, filter: &Condition, sender: &mpsc::Sender<Batch>) {
    let mut batch = Vec::with_capacity(source.batch);
    for flow in open_flows(source.input) {
        let flow = match flow {
            Ok(flow) => flow,
            Err(error) => {
                let _ = sender.blocking_send(Batch::Flows(batch));
                let _ = sender.blocking_send(Batch::Failed(error));
                return;
            }
        };
        if !filter.admits(FlowRef::from(&flow)) {
            continue;
        }
        batch.push(flow);
        if batch.len() < source.batch {
            continue;
        }
        if sender
            .blocking_send(Batch::Flows(std::mem::take(&mut batch)))
            .is_err()
        {
            return;
        }
    }
    let _ = sender.blocking_send(Batch::Flows(batch));
}
