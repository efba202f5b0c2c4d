//! One script process: its frames, its calls, and its mirror.

mod outbox;
mod process;

use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use midwire_flow::Value;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use crate::frame::{Frame, Head, Kind, Op};
use crate::mirror::Mirror;
use crate::value::{self, Writer};

use outbox::Outbox;
pub(crate) use process::{Ended, Output, Setup, start};

/// Hooks and stream pieces that may be with the host at the same time; more wait. With the largest inline content of
/// both messages that is at most 128 MiB in a host that does not read, and a few MiB in practice.
const IN_FLIGHT: usize = 1024;

/// Bytes of notes that may wait for a host that does not read; newer ones are dropped then, since they are only news.
const NOTES_LIMIT: usize = 4 << 20;

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The other side says why.
    #[error("{0}")]
    Failed(String),
    /// The process has ended.
    #[error("the script host has ended")]
    Gone,
    /// It took too long.
    #[error("the script host does not answer")]
    TimedOut,
}

type Answer = Result<Value, CallError>;

enum Waiter {
    Async(oneshot::Sender<Answer>),
    Blocking(std::sync::mpsc::SyncSender<Answer>),
}

/// A running script process.
pub(crate) struct Worker {
    /// Which of the processes this is.
    pub(crate) index: usize,
    /// For messages and signals.
    pub(crate) pid: u32,
    out: Outbox,
    waiters: Mutex<HashMap<u32, Waiter>>,
    next: AtomicU32,
    mirror: Mutex<Mirror>,
    permits: Semaphore,
    /// It ends because we want it to.
    pub(crate) ending: AtomicBool,
    /// Cancelled when the process is gone.
    pub(crate) gone: CancellationToken,
    /// Cancelled when both of its outputs have ended.
    pub(crate) quiet: CancellationToken,
    kill: CancellationToken,
    status: Mutex<Option<String>>,
    /// Another handle of the socket, to close it while threads wait in it.
    socket: UnixStream,
}

impl Worker {
    fn new(index: usize, pid: u32, socket: UnixStream, out: UnixStream) -> Self {
        Self {
            index,
            pid,
            out: Outbox::new(out),
            waiters: Mutex::default(),
            next: AtomicU32::new(1),
            mirror: Mutex::default(),
            permits: Semaphore::new(IN_FLIGHT),
            ending: AtomicBool::new(false),
            gone: CancellationToken::new(),
            quiet: CancellationToken::new(),
            kill: CancellationToken::new(),
            status: Mutex::default(),
            socket,
        }
    }

    /// What the host knows.
    pub(crate) fn mirror(&self) -> MutexGuard<'_, Mirror> {
        lock(&self.mirror)
    }

    /// How the process has ended, once that is known.
    pub(crate) fn status(&self) -> Option<String> {
        lock(&self.status).clone()
    }

    /// Notes how the process has ended.
    pub(crate) fn set_status(&self, status: String) {
        *lock(&self.status) = Some(status);
    }

    /// Ends the process by force.
    pub(crate) fn kill(&self) {
        self.kill.cancel();
        self.out.close();
        // Reader and writer wake up when the socket closes; the reader then ends the process.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }

    /// Calls the host about a flow: `put` writes the payload and may look at the mirror, whose order is that of frames.
    ///
    /// # Cancellation
    /// Safe: the answer is dropped when it comes.
    pub(crate) async fn call_mirrored(
        &self,
        op: Op,
        detail: u16,
        put: impl FnOnce(&mut Writer, &mut Mirror),
    ) -> Answer {
        let Ok(_permit) = self.permits.acquire().await else {
            return Err(CallError::Gone);
        };
        let (send, receive) = oneshot::channel();
        let id = self.expect(Waiter::Async(send));
        let guard = Forget { worker: self, id };
        {
            let mut mirror = self.mirror();
            let mut writer = Writer::default();
            put(&mut writer, &mut mirror);
            self.tell_forgotten(&mut mirror);
            let head = Head {
                kind: Kind::Call,
                op,
                detail,
                id,
            };
            self.out.append(head, &writer.0)?;
        }
        self.flush_with_others().await;
        let answer = receive.await.unwrap_or(Err(CallError::Gone));
        drop(guard);
        answer
    }

    /// Sends what was appended, together with what tasks append that are ready now.
    async fn flush_with_others(&self) {
        let Some(flush) = self.out.claim() else {
            // Whoever was first sends this too.
            return;
        };
        tokio::task::yield_now().await;
        drop(flush);
    }

    /// Calls the host.
    ///
    /// # Cancellation
    /// Safe: the answer is dropped when it comes.
    pub(crate) async fn call(&self, op: Op, put: impl FnOnce(&mut Writer)) -> Answer {
        self.call_mirrored(op, 0, |writer, _| put(writer)).await
    }

    /// Calls the host and blocks this thread until it answers.
    pub(crate) fn call_blocking(
        &self,
        op: Op,
        limit: Duration,
        put: impl FnOnce(&mut Writer),
    ) -> Answer {
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        let id = self.expect(Waiter::Blocking(send));
        let _guard = Forget { worker: self, id };
        let mut writer = Writer::default();
        put(&mut writer);
        self.out.push(
            Head {
                kind: Kind::Call,
                op,
                detail: 0,
                id,
            },
            &writer.0,
        )?;
        receive
            .recv_timeout(limit)
            .unwrap_or(Err(CallError::TimedOut))
    }

    /// Tells the host something that wants no answer. It may be dropped if the host does not read.
    pub(crate) fn note(&self, op: Op, put: impl FnOnce(&mut Writer, &mut Mirror)) {
        self.note_about(op, 0, put);
    }

    /// The same with a detail.
    pub(crate) fn note_about(
        &self,
        op: Op,
        detail: u16,
        put: impl FnOnce(&mut Writer, &mut Mirror),
    ) {
        let mut mirror = self.mirror();
        if self.out.waiting() > NOTES_LIMIT {
            return;
        }
        let mut writer = Writer::default();
        put(&mut writer, &mut mirror);
        self.tell_forgotten(&mut mirror);
        let _ = self.out.push(
            Head {
                kind: Kind::Note,
                op,
                detail,
                id: 0,
            },
            &writer.0,
        );
    }

    /// Tells the host something that has nothing to do with flows; safe while the mirror is in use.
    pub(crate) fn news(&self, op: Op, put: impl FnOnce(&mut Writer)) {
        if self.out.waiting() > NOTES_LIMIT {
            return;
        }
        let mut writer = Writer::default();
        put(&mut writer);
        let head = Head {
            kind: Kind::Note,
            op,
            detail: 0,
            id: 0,
        };
        let _ = self.out.push(head, &writer.0);
    }

    /// Answers a call of the host. `put` may look at the mirror.
    pub(crate) fn answer(&self, call: Head, result: Result<Writer, String>) {
        let (kind, payload) = match result {
            Ok(writer) => (Kind::Answer, writer.0),
            Err(reason) => (Kind::Failure, text(&reason)),
        };
        let head = Head { kind, ..call };
        if self.out.push(head, &payload).is_err() {
            let too_large = text("the answer is too large");
            let _ = self.out.push(
                Head {
                    kind: Kind::Failure,
                    ..call
                },
                &too_large,
            );
        }
    }

    fn tell_forgotten(&self, mirror: &mut Mirror) {
        if mirror.forget.is_empty() {
            return;
        }
        let forget = std::mem::take(&mut mirror.forget);
        let mut writer = Writer::default();
        writer.list(forget.len());
        for id in &forget {
            writer.text(&id.to_string());
        }
        let head = Head {
            kind: Kind::Note,
            op: Op::Forget,
            detail: 0,
            id: 0,
        };
        let _ = self.out.push(head, &writer.0);
    }

    fn expect(&self, waiter: Waiter) -> u32 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.waiters).insert(id, waiter);
        // Whoever comes after the end must not wait for ever.
        if self.gone.is_cancelled() {
            self.fail_all();
        }
        id
    }

    /// Gives an answer to whoever waits for it.
    fn settle(&self, frame: &Frame) {
        let waiter = lock(&self.waiters).remove(&frame.head.id);
        let answer = match (value::decode(&frame.payload), frame.head.kind) {
            (Ok(value), Kind::Answer) => Ok(value),
            (Ok(Value::Text(reason)), _) => Err(CallError::Failed(reason)),
            (Ok(_), _) => Err(CallError::Failed("the script host failed".to_owned())),
            (Err(error), _) => Err(CallError::Failed(format!(
                "broken answer of the script host: {error}"
            ))),
        };
        give(waiter, answer);
    }

    fn fail_all(&self) {
        let waiters = std::mem::take(&mut *lock(&self.waiters));
        for waiter in waiters.into_values() {
            give(Some(waiter), Err(CallError::Gone));
        }
    }
}

fn give(waiter: Option<Waiter>, answer: Answer) {
    // Whoever does not wait any more has dropped the other end.
    match waiter {
        Some(Waiter::Async(sender)) => drop(sender.send(answer)),
        Some(Waiter::Blocking(sender)) => drop(sender.send(answer)),
        None => {}
    }
}

fn text(reason: &str) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.text(reason);
    writer.0
}

/// Forgets a call whose caller has gone away.
struct Forget<'a> {
    worker: &'a Worker,
    id: u32,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(&self.worker.waiters).remove(&self.id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
