//! The thread that writes, so that a slow disk keeps nobody waiting until the queue is full.

use std::io;
use std::path::PathBuf;
use std::sync::Weak;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Zoned;
use midwire_core::Kernel;
use midwire_flow::Flow;
use midwire_flow::file::FlowFile;

use super::target::Target;
use crate::output::reason;

/// Flows that may wait for the disk; then the network waits too.
const QUEUE: usize = 64;

/// Time between attempts to write again, with `save_stream_error=continue`.
const RETRY: Duration = Duration::from_secs(10);

/// What to do when the file cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnError {
    /// End the program: no traffic goes unrecorded.
    Exit,
    /// Go on and try again later.
    Continue,
}

impl OnError {
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "continue" => Self::Continue,
            _ => Self::Exit,
        }
    }
}

enum Job {
    Save(Box<Flow>),
    OnError(OnError),
}

/// A handle to the thread. Dropping it waits until everything is written.
pub(super) struct Writer {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, which opens the file at once.
    pub(super) fn start(
        kernel: Weak<Kernel>,
        target: Target,
        on_error: OnError,
    ) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(QUEUE);
        let writer = Task {
            kernel,
            target,
            on_error,
            open: None,
            failing: None,
        };
        let thread = thread::Builder::new()
            .name("save".to_owned())
            .spawn(move || writer.run(&queue))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Hands a flow over; waits while the queue is full.
    pub(super) fn save(&self, flow: Flow) {
        self.send(Job::Save(Box::new(flow)));
    }

    pub(super) fn set_on_error(&self, on_error: OnError) {
        self.send(Job::OnError(on_error));
    }

    fn send(&self, job: Job) {
        // The thread has ended after a failure that ends the program.
        let _ = self.jobs.as_ref().map(|jobs| jobs.send(job));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread knows.
struct Task {
    kernel: Weak<Kernel>,
    target: Target,
    on_error: OnError,
    open: Option<(PathBuf, FlowFile)>,
    failing: Option<Failing>,
}

/// Writing has failed, and is left alone until the next attempt.
struct Failing {
    again: Instant,
    lost: usize,
}

/// Whether the thread goes on.
enum Next {
    Go,
    Stop,
}

impl Task {
    fn run(mut self, queue: &Receiver<Job>) {
        let opened = self.rotate();
        if matches!(self.settle(opened), Next::Stop) {
            return;
        }
        while let Ok(job) = queue.recv() {
            let flow = match job {
                Job::OnError(on_error) => {
                    self.on_error = on_error;
                    continue;
                }
                Job::Save(flow) => flow,
            };
            if let Some(failing) = &mut self.failing
                && Instant::now() < failing.again
            {
                failing.lost += 1;
                continue;
            }
            let result = self.write(&flow);
            if matches!(self.settle(result), Next::Stop) {
                return;
            }
        }
    }

    fn write(&mut self, flow: &Flow) -> io::Result<()> {
        self.rotate()?;
        if let Some((_, file)) = &mut self.open {
            file.add(flow)?;
        }
        Ok(())
    }

    /// Opens the file of this moment, if another one is open.
    fn rotate(&mut self) -> io::Result<()> {
        let path = self.target.path(&Zoned::now());
        if self.open.as_ref().is_some_and(|(open, _)| *open == path) {
            return Ok(());
        }
        self.open = None;
        let file = self.target.open(path.clone())?;
        if file.cut() > 0 {
            tracing::warn!(
                "{}: cut off an incomplete last record of {} bytes",
                path.display(),
                file.cut()
            );
        }
        self.open = Some((path, file));
        Ok(())
    }

    fn settle(&mut self, result: io::Result<()>) -> Next {
        let Err(error) = result else {
            if let Some(failing) = self.failing.take() {
                tracing::warn!("saving works again; {} flows were not saved", failing.lost);
            }
            return Next::Go;
        };
        let path = match &self.open {
            Some((path, _)) => path.clone(),
            None => self.target.path(&Zoned::now()),
        };
        let what = format!("cannot write {}: {}", path.display(), reason(&error));
        if self.on_error == OnError::Exit {
            if let Some(kernel) = self.kernel.upgrade() {
                kernel.fail(format!("{what}; ending (save_stream_error=exit)"));
            }
            return Next::Stop;
        }
        let before = self.failing.take();
        if before.is_none() {
            tracing::error!("{what}; trying again each 10 s (save_stream_error=continue)");
        }
        let lost = before.map_or(0, |failing| failing.lost);
        self.failing = Some(Failing {
            again: Instant::now() + RETRY,
            lost: lost + 1,
        });
        Next::Go
    }
}
