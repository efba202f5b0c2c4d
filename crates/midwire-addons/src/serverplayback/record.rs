//! Recording of what was not recorded yet (`server_replay_record_new`).

use std::sync::{Mutex, PoisonError, Weak};

use midwire_core::Kernel;
use midwire_core::options::Options;
use midwire_flow::{Content, Flow, HttpFlow, Replay};

use crate::save::{Appender, probe};

/// Appends responses of servers to the recording.
#[derive(Default)]
pub(super) struct Recorder {
    kernel: Weak<Kernel>,
    open: Mutex<Option<Appender>>,
}

impl Recorder {
    pub(super) fn new(kernel: Weak<Kernel>) -> Self {
        Self {
            kernel,
            open: Mutex::default(),
        }
    }

    /// Checks that the options name one file that can be written.
    ///
    /// # Errors
    /// What is wrong with them, one line.
    pub(super) fn check(options: &Options) -> Result<(), String> {
        let [path] = options.server_replay.as_slice() else {
            return Err(format!(
                "server_replay_record_new needs one file in server_replay to read and add to, not {}",
                options.server_replay.len()
            ));
        };
        if options.server_replay_extra != "forward" || options.server_replay_kill_extra {
            return Err("server_replay_record_new needs server_replay_extra=forward: what is not recorded yet is fetched".to_owned());
        }
        probe(&midwire_core::options::expand_home(path))
    }

    /// Appends a flow.
    pub(super) fn add(&self, options: &Options, flow: Flow) {
        let Some(path) = options.server_replay.first() else {
            return;
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_none_or(|open| !open.writes_to(path)) {
            match Appender::start(self.kernel.clone(), path, &options.save_stream_error) {
                Ok(started) => *open = Some(started),
                Err(error) => {
                    tracing::error!("cannot record to {path}: {}", crate::output::reason(&error));
                    return;
                }
            }
        }
        if let Some(open) = &*open {
            open.add(flow);
        }
    }

    /// Waits until everything is written.
    pub(super) fn finish(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Why the response of a flow is not recorded; `None` if it is.
pub(super) fn unfit(flow: &HttpFlow) -> Option<&'static str> {
    let Some(response) = &flow.response else {
        return Some("there is no response");
    };
    // Without this no server was asked: an addon has answered.
    let from_server = flow.info.server_conn.timestamp_start.is_some();
    if !from_server || flow.info.is_replay == Some(Replay::Response) {
        return Some("it did not come from a server");
    }
    match response.status {
        100..=199 => return Some("it is not final"),
        206 | 304 => return Some("it is only a part or says that nothing has changed"),
        500..=599 => return Some("the server failed"),
        _ => {}
    }
    if matches!(response.content, Content::Missing | Content::Passed { .. })
        || matches!(
            flow.request.content,
            Content::Missing | Content::Passed { .. }
        )
    {
        return Some("its content was streamed without a copy");
    }
    None
}
