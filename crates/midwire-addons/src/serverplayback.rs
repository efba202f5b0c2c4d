//! Server replay: answers requests from recorded flows (modes.md §11).

mod key;
mod nearest;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options, expand_home};
use midwire_flow::{Flow, FlowError, HttpFlow, Replay, Response, Value};
use midwire_wire::Fields;

use crate::commands::{read_flows, read_whole_records};
use crate::rules::comes_too_late;
use key::{Key, Keyer};
use nearest::Nearest;
use record::{Recorder, unfit};

/// Metadata with the reason that the client of a killed flow gets.
const KILL_REASON: &str = "kill_reason";

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
    recorder: Recorder,
}

#[derive(Default)]
struct Recorded {
    by_key: HashMap<Key, VecDeque<(u64, Arc<Flow>)>>,
    /// Flows in `by_key`.
    left: usize,
    nearest: Nearest,
    /// Number of the next flow, to keep the order when keys change.
    next: u64,
    /// `server_replay` is read once.
    loaded: bool,
}

impl Recorded {
    fn clear(&mut self) {
        self.by_key.clear();
        self.nearest.clear();
        self.left = 0;
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
            self.left = self.left.saturating_sub(1);
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
    /// Nothing recorded yet.
    pub fn new(kernel: Weak<Kernel>) -> Self {
        Self {
            recorder: Recorder::new(kernel),
            ..Self::default()
        }
    }

    /// Adds recorded flows; only HTTP flows count.
    pub fn add(&self, kernel: &Kernel, flows: &[Arc<Flow>]) {
        self.add_with(&kernel.options().load(), flows);
        self.counted(kernel);
        kernel.chain().refresh(&kernel.options().load());
    }

    /// Forgets all recorded flows.
    pub fn clear(&self, kernel: &Kernel) {
        self.recorded().clear();
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
            recorded.left += 1;
            recorded.nearest.add(http, options);
        }
    }

    /// Makes all keys anew after an option has changed what they are made of.
    fn rekey(&self, options: &Options) {
        let mut flows: Vec<_> = {
            let mut recorded = self.recorded();
            let by_key = std::mem::take(&mut recorded.by_key);
            recorded.clear();
            by_key.into_values().flatten().collect()
        };
        flows.sort_unstable_by_key(|(number, _)| *number);
        let flows: Vec<_> = flows.into_iter().map(|(_, flow)| flow).collect();
        self.add_with(options, &flows);
    }

    fn counted(&self, kernel: &Kernel) {
        let count = self.recorded().left;
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

    fn interest(&self, options: &Options) -> HookSet {
        if options.server_replay_record_new {
            return HookSet::of(&[Hook::Request, Hook::Response]).union(HookSet::CONTENT);
        }
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
        if options.server_replay_record_new {
            Recorder::check(options)?;
        }
        if !options.server_replay.is_empty() && !self.recorded().loaded {
            let mut flows = Vec::new();
            for path in &options.server_replay {
                flows.extend(load(path, options)?);
            }
            let mut recorded = self.recorded();
            recorded.loaded = true;
            recorded.clear();
            drop(recorded);
            self.add_with(options, &flows);
        } else if KEY_OPTIONS.iter().any(|name| changed.contains(name)) {
            self.rekey(options);
        }
        self.counted(kernel);
        Ok(())
    }

    fn content_need(&self, kernel: &Kernel, _: &HttpFlow, part: Part) -> ContentNeed {
        let options = kernel.options().load();
        // Nothing of a request that is answered here may go to the server, even if its content does not matter.
        if part == Part::Request {
            return ContentNeed::Whole;
        }
        if options.server_replay_record_new {
            return ContentNeed::Copy;
        }
        ContentNeed::Nothing
    }

    fn request(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        let options = kernel.options().load();
        if self.recorded().by_key.is_empty() || comes_too_late("server_replay", flow) {
            return;
        }
        let key = self.keyer.key(flow, &options);
        // What is recorded to save the way to the server is good for more than once.
        let reuse = options.server_replay_reuse
            || options.server_replay_nopop
            || options.server_replay_record_new;
        let found = self.recorded().answer(key, reuse);
        self.counted(kernel);
        let recorded = found.as_deref().and_then(Flow::as_http);
        if let Some(response) = recorded.and_then(|http| http.response.as_ref()) {
            replay(flow, response.clone(), &options);
        } else {
            self.refuse(flow, &options);
        }
    }

    fn response(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        let options = kernel.options().load();
        if !options.server_replay_record_new || flow.info.is_replay.is_some() {
            return;
        }
        if let Some(why) = unfit(flow) {
            tracing::info!(
                "server_playback: {} is not recorded: {why}",
                flow.request.url()
            );
            return;
        }
        let recorded = Flow::Http(Box::new(flow.clone()));
        self.add_with(&options, &[Arc::new(recorded.clone())]);
        self.counted(kernel);
        self.recorder.add(&options, recorded);
    }

    fn done(&self, _: &Kernel) {
        self.recorder.finish();
    }
}

/// Reads a recording. One that new flows are added to may be missing or empty.
fn load(path: &str, options: &Options) -> Result<Vec<Arc<Flow>>, String> {
    let size = std::fs::metadata(expand_home(path)).map(|file| file.len());
    if options.server_replay_record_new {
        // What a killed run has left at the end is cut off before the first flow is added.
        return match size {
            Ok(0) | Err(_) => Ok(Vec::new()),
            Ok(_) => read_whole_records(path),
        };
    }
    let flows = read_flows(path)?;
    let answers = |flow: &Arc<Flow>| flow.as_http().is_some_and(|http| http.response.is_some());
    if !flows.iter().any(answers) {
        return Err(match flows.len() {
            0 => format!("cannot replay {path}: it holds no flows"),
            many => format!("cannot replay {path}: none of its {many} flows has an HTTP response"),
        });
    }
    Ok(flows)
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

impl ServerPlayback {
    /// What becomes of a request that no recorded flow answers (`server_replay_extra`).
    fn refuse(&self, flow: &mut HttpFlow, options: &Options) {
        let url = flow.request.url();
        let extra = &options.server_replay_extra;
        let explain = || self.recorded().nearest.explain(flow, options);
        if options.server_replay_kill_extra || extra == "kill" {
            tracing::warn!("server_playback: killed non-replay request {url}");
            let lines = explain();
            let lines: Vec<&str> = lines.lines().filter(|line| !line.is_empty()).collect();
            let why = format!("server_replay_extra=kill: {}", lines.join("; "));
            flow.info.set_meta(KILL_REASON, Value::from(why));
            flow.info.error = Some(FlowError::new(FlowError::KILLED));
            return;
        }
        // Anything but a status code, which is `forward`, lets the request go on.
        let (status, shown) = match extra.parse() {
            Ok(status) => (status, extra.as_str()),
            Err(_) if options.offline => (502, "502"),
            Err(_) => return,
        };
        let mut text = explain();
        if options.offline {
            text.insert_str(0, "offline: ");
        }
        tracing::warn!("server_playback: returned {shown} non-replay request {url}");
        let content = if status == 204 { String::new() } else { text };
        let fields = if content.is_empty() {
            Fields::new()
        } else {
            Fields::from_pairs([
                ("Content-Type", "text/plain; charset=utf-8"),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
            ])
        };
        flow.response = Some(Response::make(status, content, fields));
        flow.info.is_replay = Some(Replay::Response);
    }
}
