//! Server replay: answers requests from recorded flows (modes.md §11).

mod key;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options};
use midwire_flow::{Flow, FlowError, HttpFlow, Replay, Response};
use midwire_wire::Fields;

use crate::commands::read_flows;
use key::{Key, Keyer};

/// Options that say which requests are alike.
const KEY_OPTIONS: [&str; 6] = [
    "server_replay_ignore_content",
    "server_replay_ignore_host",
    "server_replay_ignore_params",
    "server_replay_ignore_payload_params",
    "server_replay_ignore_port",
    "server_replay_use_headers",
];

/// Recorded responses and the requests they answer.
#[derive(Default)]
pub struct ServerPlayback {
    keyer: Keyer,
    recorded: Mutex<Recorded>,
}

#[derive(Default)]
struct Recorded {
    by_key: HashMap<Key, VecDeque<(u64, Arc<Flow>)>>,
    /// Number of the next flow, to keep the order when keys change.
    next: u64,
    /// `server_replay` is read once.
    loaded: bool,
}

impl Recorded {
    fn count(&self) -> usize {
        self.by_key.values().map(VecDeque::len).sum()
    }

    /// The flow that answers a request next. Used up unless it is to be reused.
    fn answer(&mut self, key: Key, reuse: bool) -> Option<Arc<Flow>> {
        let has_response = |flow: &Flow| flow.as_http().is_some_and(|http| http.response.is_some());
        let flows = self.by_key.get_mut(&key)?;
        if reuse {
            let mut flows = flows.iter();
            return flows
                .find(|(_, flow)| has_response(flow))
                .map(|(_, flow)| Arc::clone(flow));
        }
        let mut found = None;
        while let Some((_, flow)) = flows.pop_front() {
            if has_response(&flow) {
                found = Some(flow);
                break;
            }
        }
        if flows.is_empty() {
            self.by_key.remove(&key);
        }
        found
    }
}

impl ServerPlayback {
    /// Adds recorded flows; only HTTP flows count.
    pub fn add(&self, kernel: &Kernel, flows: &[Arc<Flow>]) {
        self.add_with(&kernel.options().load(), flows);
        self.counted(kernel);
        kernel.chain().refresh(&kernel.options().load());
    }

    /// Forgets all recorded flows.
    pub fn clear(&self, kernel: &Kernel) {
        self.recorded().by_key.clear();
        self.counted(kernel);
        kernel.chain().refresh(&kernel.options().load());
    }

    fn add_with(&self, options: &Options, flows: &[Arc<Flow>]) {
        for flow in flows {
            let Flow::Http(http) = &**flow else {
                continue;
            };
            // Reading content may take its time, so the lock is taken for each flow anew.
            let key = self.keyer.key(http, options);
            let mut recorded = self.recorded();
            let number = recorded.next;
            recorded.next += 1;
            let place = recorded.by_key.entry(key).or_default();
            place.push_back((number, Arc::clone(flow)));
        }
    }

    /// Makes all keys anew after an option has changed what they are made of.
    fn rekey(&self, options: &Options) {
        let mut flows: Vec<_> = {
            let mut recorded = self.recorded();
            let by_key = std::mem::take(&mut recorded.by_key);
            by_key.into_values().flatten().collect()
        };
        flows.sort_unstable_by_key(|(number, _)| *number);
        let flows: Vec<_> = flows.into_iter().map(|(_, flow)| flow).collect();
        self.add_with(options, &flows);
    }

    fn counted(&self, kernel: &Kernel) {
        let count = self.recorded().count();
        kernel.replays().server.store(count, Ordering::SeqCst);
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Addon for ServerPlayback {
    fn name(&self) -> &'static str {
        "serverplayback"
    }

    fn interest(&self, _: &Options) -> HookSet {
        if self.recorded().by_key.is_empty() {
            return HookSet::EMPTY;
        }
        HookSet::of(&[Hook::Request]).union(HookSet::CONTENT)
    }

    fn configure(
        &self,
        kernel: &Kernel,
        options: &Options,
        changed: &Changed,
    ) -> Result<(), String> {
        if options.server_replay_kill_extra && changed.contains("server_replay_kill_extra") {
            tracing::warn!(
                "server_replay_kill_extra has been deprecated, please update your config to use server_replay_extra='kill'."
            );
        }
        if options.server_replay_nopop && changed.contains("server_replay_nopop") {
            tracing::error!(
                "server_replay_nopop has been renamed to server_replay_reuse, please update your config."
            );
        }
        if !options.server_replay.is_empty() && !self.recorded().loaded {
            let mut flows = Vec::new();
            for path in &options.server_replay {
                flows.extend(read_flows(path)?);
            }
            let mut recorded = self.recorded();
            recorded.loaded = true;
            recorded.by_key.clear();
            drop(recorded);
            self.add_with(options, &flows);
        } else if KEY_OPTIONS.iter().any(|name| changed.contains(name)) {
            self.rekey(options);
        }
        self.counted(kernel);
        Ok(())
    }

    fn content_need(&self, kernel: &Kernel, _: &HttpFlow, part: Part) -> ContentNeed {
        if part == Part::Request && !kernel.options().load().server_replay_ignore_content {
            return ContentNeed::Whole;
        }
        ContentNeed::Nothing
    }

    fn request(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        if self.recorded().by_key.is_empty() {
            return;
        }
        let options = kernel.options().load();
        let key = self.keyer.key(flow, &options);
        let reuse = options.server_replay_reuse || options.server_replay_nopop;
        let found = self.recorded().answer(key, reuse);
        self.counted(kernel);
        let recorded = found.as_deref().and_then(Flow::as_http);
        if let Some(response) = recorded.and_then(|http| http.response.as_ref()) {
            replay(flow, response.clone(), &options);
        } else {
            refuse(flow, &options);
        }
    }
}

fn replay(flow: &mut HttpFlow, mut response: Response, options: &Options) {
    if options.server_replay_refresh {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let unread = response.refresh(now.map_or(0.0, |now| now.as_secs_f64()));
        if unread > 0 {
            tracing::warn!("server_playback: {unread} Set-Cookie fields could not be refreshed");
        }
    }
    flow.response = Some(response);
    flow.info.is_replay = Some(Replay::Response);
}

/// What becomes of a request that no recorded flow answers (`server_replay_extra`).
fn refuse(flow: &mut HttpFlow, options: &Options) {
    let url = flow.request.url();
    let extra = &options.server_replay_extra;
    if options.server_replay_kill_extra || extra == "kill" {
        tracing::warn!("server_playback: killed non-replay request {url}");
        flow.info.error = Some(FlowError::new(FlowError::KILLED));
        return;
    }
    // Anything but a status code, which is `forward`, lets the request go on.
    if let Ok(status) = extra.parse() {
        tracing::warn!("server_playback: returned {extra} non-replay request {url}");
        flow.response = Some(Response::make(status, "", Fields::new()));
        flow.info.is_replay = Some(Replay::Response);
    }
}
