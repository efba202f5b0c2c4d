//! Saves flows to a file as they end (modes.md §15).

mod target;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, FlowRef, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options};
use midwire_flow::{DnsFlow, Flow, HttpFlow, Id, MessageFlow};

use self::target::Target;
pub(crate) use self::target::probe;
use self::writer::{OnError, Writer};
use crate::condition::Condition;
use crate::output::reason;

/// Writes flows that match `save_stream_filter` to `save_stream_file`.
pub struct Save {
    kernel: Weak<Kernel>,
    state: Mutex<State>,
}

/// Appends flows to one file, as `save_stream_file=+PATH` does. Dropping it waits until everything is written.
pub(crate) struct Appender {
    path: String,
    writer: Writer,
}

impl Appender {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// The system has no thread.
    pub(crate) fn start(kernel: Weak<Kernel>, path: &str, on_error: &str) -> io::Result<Self> {
        let writer = Writer::start(kernel, Target::append(path), OnError::parse(on_error))?;
        Ok(Self {
            path: path.to_owned(),
            writer,
        })
    }

    /// True if this is its file.
    pub(crate) fn writes_to(&self, path: &str) -> bool {
        self.path == path
    }

    /// Hands a flow over; waits while many wait for the disk.
    pub(crate) fn add(&self, flow: Flow) {
        self.writer.save(flow);
    }
}

#[derive(Default)]
struct State {
    /// What the options ask for.
    wanted: Option<Target>,
    filter: Condition,
    on_error: Option<OnError>,
    /// What is being done. It follows `wanted` with the next flow, when the options are settled.
    writing: Option<(Target, Writer)>,
    /// Flows that run, as they were last seen.
    active: HashMap<Id, Flow>,
}

const HOOKS: HookSet = HookSet::of(&[
    Hook::Request,
    Hook::Responseheaders,
    Hook::Response,
    Hook::Error,
    Hook::WebsocketStart,
    Hook::WebsocketMessage,
    Hook::WebsocketEnd,
    Hook::TcpStart,
    Hook::TcpMessage,
    Hook::TcpEnd,
    Hook::TcpError,
    Hook::UdpStart,
    Hook::UdpMessage,
    Hook::UdpEnd,
    Hook::UdpError,
    Hook::DnsRequest,
    Hook::DnsResponse,
    Hook::DnsError,
])
.union(HookSet::CONTENT);

impl Save {
    /// Saves nothing until the options say where.
    pub fn new(kernel: Weak<Kernel>) -> Self {
        Self {
            kernel,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a flow that runs, to save it if the program ends first.
    fn begin(&self, flow: FlowRef<'_>) {
        let mut state = self.state();
        if state.wanted.is_some() {
            state.active.insert(flow.info().id.clone(), flow.to_flow());
        }
    }

    /// Adds the last message of a flow to what is remembered, without copying those before it.
    fn extend(&self, flow: FlowRef<'_>) {
        let mut state = self.state();
        let Some(seen) = state.active.get_mut(&flow.info().id) else {
            return;
        };
        match (seen, flow) {
            (Flow::Tcp(seen), FlowRef::Tcp(flow)) | (Flow::Udp(seen), FlowRef::Udp(flow)) => {
                seen.messages.extend(flow.messages.last().cloned());
            }
            (Flow::Http(seen), FlowRef::Http(flow)) => {
                if let (Some(seen), Some(now)) = (&mut seen.websocket, &flow.websocket) {
                    seen.messages.extend(now.messages.last().cloned());
                }
            }
            _ => {}
        }
    }

    /// Writes a flow that has ended.
    fn end(&self, kernel: &Kernel, flow: FlowRef<'_>) {
        let mut state = self.state();
        state.active.remove(&flow.info().id);
        if state.wanted.is_none() || !state.filter.admits(flow) {
            return;
        }
        state.follow(kernel, &self.kernel);
        if let Some((_, writer)) = &state.writing {
            writer.save(flow.to_flow());
        }
    }
}

impl State {
    /// Starts or stops the thread so that it does what the options ask for.
    fn follow(&mut self, kernel: &Kernel, weak: &Weak<Kernel>) {
        let now = self.writing.as_ref().map(|(target, _)| target);
        if now == self.wanted.as_ref() {
            return;
        }
        self.writing = None;
        let Some(target) = self.wanted.clone() else {
            return;
        };
        let on_error = self.on_error.unwrap_or(OnError::Exit);
        match Writer::start(weak.clone(), target.clone(), on_error) {
            Ok(writer) => self.writing = Some((target, writer)),
            Err(error) => kernel.fail(format!("cannot save flows: {}", reason(&error))),
        }
    }

    /// Writes the flows that still run, and waits until all is written.
    fn finish(&mut self) {
        let active = std::mem::take(&mut self.active);
        let Some((_, writer)) = self.writing.take() else {
            return;
        };
        let mut flows: Vec<Flow> = active.into_values().collect();
        flows.sort_by(|a, b| {
            let time = |flow: &Flow| flow.info().timestamp_created.as_f64();
            time(a).total_cmp(&time(b))
        });
        flows
            .into_iter()
            .filter(|flow| self.filter.admits(FlowRef::from(flow)))
            .for_each(|flow| writer.save(flow));
    }
}

impl Addon for Save {
    fn name(&self) -> &'static str {
        "save"
    }

    fn interest(&self, options: &Options) -> HookSet {
        match options.save_stream_file {
            Some(_) => HOOKS,
            None => HookSet::EMPTY,
        }
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        let mut state = self.state();
        if changed.contains("save_stream_filter") {
            state.filter = Condition::parse(options.save_stream_filter.as_deref())?;
        }
        let on_error = OnError::parse(&options.save_stream_error);
        if state.on_error.replace(on_error) != Some(on_error)
            && let Some((_, writer)) = &state.writing
        {
            writer.set_on_error(on_error);
        }
        if !changed.contains("save_stream_file") {
            return Ok(());
        }
        let path = options.save_stream_file.as_deref();
        let target = path.filter(|path| !path.is_empty()).map(Target::parse);
        let writing = state.writing.as_ref().map(|(target, _)| target);
        if let Some(target) = &target
            && writing != Some(target)
        {
            target.probe()?;
        }
        state.wanted = target;
        if state.wanted.is_none() {
            state.finish();
        }
        Ok(())
    }

    fn running(&self, kernel: &Kernel) {
        self.state().follow(kernel, &self.kernel);
    }

    fn done(&self, _: &Kernel) {
        self.state().finish();
    }

    fn content_need(&self, _: &Kernel, _: &HttpFlow, _: Part) -> ContentNeed {
        ContentNeed::Copy
    }

    fn request(&self, _: &Kernel, flow: &mut HttpFlow) {
        self.begin(FlowRef::Http(flow));
    }

    fn responseheaders(&self, _: &Kernel, flow: &mut HttpFlow) {
        self.begin(FlowRef::Http(flow));
    }

    fn response(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        // A WebSocket flow ends later.
        if flow.websocket.is_none() {
            self.end(kernel, FlowRef::Http(flow));
        }
    }

    fn error(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        self.response(kernel, flow);
    }

    fn websocket_start(&self, _: &Kernel, flow: &mut HttpFlow) {
        self.begin(FlowRef::Http(flow));
    }

    fn websocket_message(&self, _: &Kernel, flow: &mut HttpFlow) {
        self.extend(FlowRef::Http(flow));
    }

    fn websocket_end(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        self.end(kernel, FlowRef::Http(flow));
    }

    fn tcp_start(&self, _: &Kernel, flow: &mut MessageFlow) {
        self.begin(FlowRef::Tcp(flow));
    }

    fn tcp_message(&self, _: &Kernel, flow: &mut MessageFlow) {
        self.extend(FlowRef::Tcp(flow));
    }

    fn tcp_end(&self, kernel: &Kernel, flow: &mut MessageFlow) {
        self.end(kernel, FlowRef::Tcp(flow));
    }

    fn tcp_error(&self, kernel: &Kernel, flow: &mut MessageFlow) {
        self.end(kernel, FlowRef::Tcp(flow));
    }

    fn udp_start(&self, _: &Kernel, flow: &mut MessageFlow) {
        self.begin(FlowRef::Udp(flow));
    }

    fn udp_message(&self, _: &Kernel, flow: &mut MessageFlow) {
        self.extend(FlowRef::Udp(flow));
    }

    fn udp_end(&self, kernel: &Kernel, flow: &mut MessageFlow) {
        self.end(kernel, FlowRef::Udp(flow));
    }

    fn udp_error(&self, kernel: &Kernel, flow: &mut MessageFlow) {
        self.end(kernel, FlowRef::Udp(flow));
    }

    fn dns_request(&self, _: &Kernel, flow: &mut DnsFlow) {
        self.begin(FlowRef::Dns(flow));
    }

    fn dns_response(&self, kernel: &Kernel, flow: &mut DnsFlow) {
        self.end(kernel, FlowRef::Dns(flow));
    }

    fn dns_error(&self, kernel: &Kernel, flow: &mut DnsFlow) {
        self.end(kernel, FlowRef::Dns(flow));
    }
}
