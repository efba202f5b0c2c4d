//! Frames on their way to the host.

use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, PoisonError};

use socket2::SockRef;

use super::{CallError, lock};
use crate::frame::{self, Head};

/// Memory that is kept for the next frames.
const KEPT: usize = 256 * 1024;

/// Send, but do not wait for the other side.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NOW: i32 = 0x40;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const NOW: i32 = 0x80;

/// Frames that wait to be sent. Whoever adds one sends it at once; only if the host does not read, a thread takes over
/// until it does. So a call costs no change of threads, and no caller ever waits for the host to read.
pub(super) struct Outbox {
    state: Mutex<State>,
    ready: Condvar,
    socket: UnixStream,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// Somebody will send what is there in a moment.
    claimed: bool,
    /// The thread is sending, or is to.
    stuck: bool,
    closed: bool,
}

/// Sends what is there when it is dropped, so also if whoever claimed that was cancelled.
pub(super) struct Flush<'a>(&'a Outbox);

impl Drop for Flush<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.claimed = false;
        self.0.send(&mut state);
    }
}

impl Outbox {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self {
            state: Mutex::default(),
            ready: Condvar::new(),
            socket,
        }
    }

    /// Adds a frame and sends everything.
    pub(super) fn push(&self, head: Head, payload: &[u8]) -> Result<(), CallError> {
        self.append(head, payload)?;
        self.send(&mut lock(&self.state));
        Ok(())
    }

    /// Adds a frame; [`Outbox::claim`] must follow.
    pub(super) fn append(&self, head: Head, payload: &[u8]) -> Result<(), CallError> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(CallError::Gone);
        }
        frame::encode(&mut state.bytes, head, |out| out.extend_from_slice(payload))
            .map_err(|error| CallError::Failed(error.to_string()))
    }

    /// The duty to send, unless somebody has it already.
    pub(super) fn claim(&self) -> Option<Flush<'_>> {
        let mut state = lock(&self.state);
        if std::mem::replace(&mut state.claimed, true) {
            return None;
        }
        Some(Flush(self))
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.state).bytes.len()
    }

    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.ready.notify_one();
    }

    fn send(&self, state: &mut State) {
        if state.stuck || state.bytes.is_empty() {
            return;
        }
        match SockRef::from(&self.socket).send_with_flags(&state.bytes, NOW) {
            Ok(sent) if sent == state.bytes.len() => {
                state.bytes.clear();
                state.bytes.shrink_to(KEPT);
                return;
            }
            Ok(sent) => drop(state.bytes.drain(..sent)),
            // What is wrong with the socket shows when the thread writes.
            Err(_) => {}
        }
        state.stuck = true;
        self.ready.notify_one();
    }

    /// Writes what could not be sent at once, until the socket or this side is closed.
    pub(super) fn drain(&self) {
        use std::io::Write as _;
        loop {
            let mut state = lock(&self.state);
            while !state.closed && (state.bytes.is_empty() || !state.stuck) {
                state.stuck = false;
                state = self
                    .ready
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if state.bytes.is_empty() {
                break;
            }
            let bytes = std::mem::take(&mut state.bytes);
            drop(state);
            if (&self.socket).write_all(&bytes).is_err() {
                self.close();
                break;
            }
        }
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}
