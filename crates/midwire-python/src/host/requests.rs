//! What the host asks of the core.

use std::sync::{Arc, Weak};
use std::time::SystemTime;

use midwire_core::Kernel;
use midwire_core::commands::{
    Args, CommandContext, CommandError, CommandFuture, CommandValue, Handler, RESOLVE, Signature,
};
use midwire_core::engine::EngineRequest;
use midwire_core::hooks::FlowRef;
use midwire_core::log::{Level, LogEntry};
use midwire_core::options::Registered;
use midwire_flow::{Flow, Id, Value, codec, file};

use super::view::HostView;
use super::{Inner, convert, hooks};
use crate::frame::{Frame, Head, Kind, Op};
use crate::mirror::put::{View, follow, put_flow, put_state};
use crate::mirror::take::{new_flow, take_flow};
use crate::value::{self, Writer};
use crate::worker::Worker;

/// Most bytes that a content coding may grow to for a script.
const DECODED_MAX: usize = 256 << 20;

/// Answers above this size cross as a file.
const INLINE_ANSWER: usize = 1 << 20;

/// Longest line that a script may log.
const LOG_MAX: usize = 64 * 1024;

impl Inner {
    /// Takes a call or note of the host. It runs on the reader's thread, so what takes long goes elsewhere.
    pub(super) fn take_frame(self: &Arc<Self>, worker: &Arc<Worker>, frame: &Frame) {
        let Some(kernel) = self.kernel.upgrade() else {
            return;
        };
        let payload = match value::decode(&frame.payload) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::warn!("script host: {error}");
                if frame.head.kind == Kind::Call {
                    worker.answer(frame.head, Err(error.to_string()));
                }
                return;
            }
        };
        if frame.head.kind == Kind::Note {
            self.take_note(worker, &kernel, frame.head.op, &payload);
            return;
        }
        let inner = Arc::clone(self);
        let worker = Arc::clone(worker);
        let head = frame.head;
        match head.op {
            Op::CallCommand | Op::Resolve => {
                self.runtime.spawn(async move {
                    let result = match head.op {
                        Op::CallCommand => inner.call_command(&worker, &kernel, &payload).await,
                        _ => inner.resolve(&worker, &kernel, &payload).await,
                    };
                    worker.answer(head, result);
                });
            }
            // Options are shown to the scripts on the way, so their thread must not wait here.
            _ => {
                self.runtime.spawn_blocking(move || {
                    let result = inner.serve(&worker, &kernel, head, &payload);
                    worker.answer(head, result);
                });
            }
        }
    }

    fn take_note(
        self: &Arc<Self>,
        worker: &Arc<Worker>,
        kernel: &Arc<Kernel>,
        op: Op,
        payload: &Value,
    ) {
        match op {
            Op::Log => write_log(kernel, payload),
            Op::Interest => self.set_wanted(kernel, payload),
            Op::Gone => {
                if let Value::List(ids) = payload {
                    let mut mirror = worker.mirror();
                    ids.iter()
                        .filter_map(Value::as_text)
                        .for_each(|id| mirror.gone(&Id::parse(id)));
                }
            }
            Op::Shutdown => kernel.shutdown().cancel(),
            _ => tracing::debug!("script host: unexpected note {op:?}"),
        }
    }

    fn serve(
        self: &Arc<Self>,
        worker: &Arc<Worker>,
        kernel: &Arc<Kernel>,
        head: Head,
        payload: &Value,
    ) -> Result<Writer, String> {
        match head.op {
            Op::SetOptions => set_options(kernel, payload),
            Op::AddOption => add_option(kernel, payload),
            Op::AddCommand => self.add_command(worker, kernel, payload),
            Op::Content => self.content(worker, payload),
            Op::Resume => self.resume(worker, kernel, payload),
            Op::LoadFlow => self.load_flow(worker, kernel, payload),
            Op::Coding => coding(payload),
            Op::ReadFlows => read_flows(payload),
            Op::AddView => self.add_view(worker, kernel, payload),
            op => Err(format!("unexpected call {op:?}")),
        }
    }

    /// `(id, part)`: the content of a message, through a file if it is large.
    fn content(&self, worker: &Worker, payload: &Value) -> Result<Writer, String> {
        let [id, part] = parts(payload)?;
        let part = part
            .as_i64()
            .and_then(|part| usize::try_from(part).ok())
            .unwrap_or_default();
        let content = worker
            .mirror()
            .content(&Id::parse(id.as_text().unwrap_or_default()), part);
        let mut w = Writer::default();
        if !content.is_present() {
            w.null();
        } else if content
            .size()
            .is_some_and(|size| size <= INLINE_ANSWER as u64)
        {
            w.opt(content.bytes().as_deref(), Writer::bytes);
        } else {
            let files = self.files().map_err(|error| error.to_string())?;
            let path = files
                .put(&content)
                .map_err(|error| format!("cannot pass content on: {error}"))?;
            w.text(&path.to_string_lossy());
        }
        Ok(w)
    }

    /// `(id, changes)`: the flow goes on, or ends if the changes say so.
    fn resume(&self, worker: &Worker, kernel: &Kernel, payload: &Value) -> Result<Writer, String> {
        let [id, changes] = parts(payload)?;
        let id = Id::parse(id.as_text().unwrap_or_default());
        let files = self.files().map_err(|error| error.to_string())?;
        let mut killed = false;
        if let Some(known) = worker.mirror().flows.get_mut(&id) {
            take_flow(&mut known.flow, changes, &files).map_err(|error| error.to_string())?;
            known.dirty = true;
            killed = known.flow.info().killed();
        }
        let mut outcome = Ok(());
        kernel
            .parked()
            .edit(&id, |flow| outcome = take_flow(flow, changes, &files));
        outcome.map_err(|error| error.to_string())?;
        if killed {
            if !kernel.parked().kill(&id) && !kernel.kill_flow(&id) {
                // Without a store only the engine knows whether it runs; what does not run needs no end.
                let _ = kernel
                    .engine()
                    .send(|reply| EngineRequest::Kill { flow: id, reply });
            }
        } else {
            kernel.resume_flow(&id);
        }
        Ok(null())
    }

    /// `state`: a flow of a script runs through the hooks.
    fn load_flow(
        &self,
        worker: &Worker,
        kernel: &Arc<Kernel>,
        payload: &Value,
    ) -> Result<Writer, String> {
        let files = self.files().map_err(|error| error.to_string())?;
        let flow = new_flow(payload, &files).map_err(|error| error.to_string())?;
        worker.mirror().adopt(&flow.info().id.clone(), flow.clone());
        self.runtime.spawn((self.loader)(Arc::clone(kernel), flow));
        Ok(null())
    }

    fn add_command(
        self: &Arc<Self>,
        worker: &Arc<Worker>,
        kernel: &Arc<Kernel>,
        payload: &Value,
    ) -> Result<Writer, String> {
        let signature = convert::to_signature(payload).ok_or("malformed command")?;
        // Commands run in one process; all of them have the same.
        if worker.index == 0 {
            let handler = self.command_handler(signature.clone());
            kernel.commands().add(signature, handler);
        }
        Ok(null())
    }

    /// `(name, syntax)`.
    fn add_view(
        &self,
        worker: &Worker,
        kernel: &Kernel,
        payload: &Value,
    ) -> Result<Writer, String> {
        let [name, syntax] = parts(payload)?;
        if worker.index == 0 {
            kernel.script_views().add(Arc::new(HostView {
                host: Weak::clone(&self.this),
                name: name.as_text().unwrap_or_default().to_owned(),
                syntax: syntax.as_text().unwrap_or_default().to_owned(),
            }));
        }
        Ok(null())
    }

    /// Runs a command of a script, in whatever process is there by then.
    fn command_handler(self: &Arc<Self>, signature: Signature) -> Handler {
        let inner = Arc::downgrade(self);
        Arc::new(move |_: CommandContext, args: Args| -> CommandFuture {
            let inner = inner.upgrade();
            let signature = signature.clone();
            Box::pin(async move {
                let gone =
                    || CommandError::failed("the script that has this command is not running");
                let inner = inner.ok_or_else(gone)?;
                let worker = inner.workers().into_iter().next().ok_or_else(gone)?;
                let kernel = inner.kernel.upgrade().ok_or_else(gone)?;
                let flows = flows_of(&args.0, &kernel);
                let answer = worker
                    .call_mirrored(Op::RunCommand, 0, |w, mirror| {
                        w.tuple(3);
                        w.text(&signature.name);
                        w.list(args.0.len());
                        for (at, arg) in args.0.iter().enumerate() {
                            let kind = signature.param_at(at).map(|param| &param.kind);
                            convert::put_command_value(w, arg, kind);
                        }
                        w.list(flows.len());
                        for flow in &flows {
                            hooks::put_flow_in_passing(w, mirror, FlowRef::from(&**flow));
                        }
                    })
                    .await
                    .map_err(CommandError::failed)?;
                inner.finish_command(&worker, &kernel, &signature, &answer)
            })
        })
    }

    /// `(result, [(id, changes), ...])`.
    fn finish_command(
        &self,
        worker: &Worker,
        kernel: &Kernel,
        signature: &Signature,
        answer: &Value,
    ) -> Result<CommandValue, CommandError> {
        let [result, changed] = parts(answer).map_err(CommandError::failed)?;
        if let Value::List(changed) = changed {
            let files = self.files().map_err(CommandError::failed)?;
            let mut flows = Vec::new();
            for item in changed {
                let [id, changes] = parts(item).map_err(CommandError::failed)?;
                let id = Id::parse(id.as_text().unwrap_or_default());
                if let Some(known) = worker.mirror().flows.get_mut(&id) {
                    take_flow(&mut known.flow, changes, &files).map_err(CommandError::failed)?;
                    known.dirty = true;
                }
                flows.extend(kernel.edit_flow(&id, |flow| {
                    // It was checked a moment ago.
                    let _ = take_flow(flow, changes, &files);
                }));
            }
            kernel.updated(&flows);
        }
        convert::to_command_value(result, signature.returns.as_ref()).ok_or_else(|| {
            CommandError::Returned {
                name: signature.name.clone(),
                expected: signature
                    .returns
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            }
        })
    }

    /// `(name, arguments, [(id, whole, changes), ...], words)`. Flows that are not in the store are in it for the time
    /// of the call, since that is where commands look for them.
    async fn call_command(
        &self,
        worker: &Arc<Worker>,
        kernel: &Arc<Kernel>,
        payload: &Value,
    ) -> Result<Writer, String> {
        let [name, args, flows, words] = parts(payload)?;
        let name = name.as_text().ok_or("malformed call")?;
        let (Value::List(args), Value::List(flows)) = (args, flows) else {
            return Err("malformed call".to_owned());
        };
        let mut lent = Lent {
            kernel,
            ids: Vec::new(),
        };
        let mut ids = Vec::new();
        for flow in flows {
            let flow = self.flow_of_script(worker, flow)?;
            ids.push(flow.info().id.clone());
            if !kernel.store().update(FlowRef::from(&flow)) {
                lent.ids.push(flow.info().id.clone());
                kernel.store().add(flow);
            }
        }
        let outcome = if words.is_truthy() {
            let words: Vec<String> = args
                .iter()
                .filter_map(|arg| arg.as_text().map(str::to_owned))
                .collect();
            kernel.commands().call_strings(name, &words).await
        } else {
            let signature = kernel.commands().signature(name);
            let kind = |at: usize| {
                signature
                    .as_ref()
                    .and_then(|s| s.param_at(at))
                    .map(|param| &param.kind)
            };
            let values = args
                .iter()
                .enumerate()
                .map(|(at, arg)| {
                    convert::to_command_value(arg, kind(at)).ok_or_else(|| {
                        format!(
                            "{name}: argument {} has a type that commands do not take",
                            at + 1
                        )
                    })
                })
                .collect::<Result<Vec<_>, _>>()?;
            kernel.commands().call(name, values).await
        };
        let value = outcome.map_err(|error| error.to_string())?;
        let returns = kernel
            .commands()
            .signature(name)
            .and_then(|signature| signature.returns);
        Ok(outcome_with_flows(
            worker,
            kernel,
            &value,
            returns.as_ref(),
            &ids,
        ))
    }

    /// `spec`: flows that a specification means.
    async fn resolve(
        &self,
        worker: &Arc<Worker>,
        kernel: &Arc<Kernel>,
        payload: &Value,
    ) -> Result<Writer, String> {
        let spec = payload.as_text().unwrap_or_default().to_owned();
        let found = kernel
            .commands()
            .call(RESOLVE, vec![CommandValue::Str(spec)])
            .await;
        let found = found.map_err(|error| error.to_string())?;
        Ok(outcome_with_flows(worker, kernel, &found, None, &[]))
    }

    /// `(id, whole, changes)`: the flow as the script has it now.
    fn flow_of_script(&self, worker: &Worker, value: &Value) -> Result<Flow, String> {
        let [id, whole, changes] = parts(value)?;
        let id = Id::parse(id.as_text().unwrap_or_default());
        let files = self.files().map_err(|error| error.to_string())?;
        let mut mirror = worker.mirror();
        if whole.is_truthy() || !mirror.flows.contains_key(&id) {
            let flow = new_flow(changes, &files).map_err(|error| error.to_string())?;
            mirror.adopt(&id, flow.clone());
            return Ok(flow);
        }
        let known = mirror.flows.get_mut(&id).ok_or("unknown flow")?;
        if matches!(changes, Value::Dict(pairs) if !pairs.is_empty()) {
            take_flow(&mut known.flow, changes, &files).map_err(|error| error.to_string())?;
            known.dirty = true;
        }
        Ok(known.flow.clone())
    }
}

/// Flows that are in the store only for a call.
struct Lent<'a> {
    kernel: &'a Kernel,
    ids: Vec<Id>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if !self.ids.is_empty() {
            self.kernel.store().remove(&self.ids);
        }
    }
}

/// `(value, [flow, ...])`: the result, and flows whose state the host may not have. Those in `held` are in the hands of
/// the script right now, so only what is newer crosses.
fn outcome_with_flows(
    worker: &Worker,
    kernel: &Kernel,
    value: &CommandValue,
    kind: Option<&midwire_core::commands::ParamKind>,
    held: &[Id],
) -> Writer {
    let mut w = Writer::default();
    w.tuple(2);
    convert::put_command_value(&mut w, value, kind);
    let found = match value {
        CommandValue::Flows(ids) => ids.iter().map(|id| Id::parse(id)).collect(),
        _ => Vec::new(),
    };
    let flows: Vec<_> = held
        .iter()
        .chain(found.iter().filter(|id| !held.contains(id)))
        .filter_map(|id| kernel.store().get(id))
        .collect();
    w.list(flows.len());
    let mut mirror = worker.mirror();
    for flow in flows {
        let id = &flow.info().id;
        let known = mirror.flows.get_mut(id);
        if let Some(known) = known.filter(|known| known.live || held.contains(id)) {
            w.tuple(2);
            w.text(&id.to_string());
            w.dict(|w| put_flow(w, Some(&known.flow), &flow, &View::of(known.streamed)));
            let live = known.flow.info().live;
            follow(&mut known.flow, &flow);
            known.flow.info_mut().live = live;
            known.dirty = true;
        } else {
            w.tuple(1);
            hooks::put_flow_in_passing(&mut w, &mut mirror, FlowRef::from(&*flow));
        }
    }
    w
}

fn flows_of(args: &[CommandValue], kernel: &Kernel) -> Vec<Arc<Flow>> {
    let ids = args.iter().filter_map(|arg| match arg {
        CommandValue::Flows(ids) => Some(ids),
        _ => None,
    });
    ids.flatten()
        .filter_map(|id| kernel.store().get(&Id::parse(id)))
        .collect()
}

/// `{name: value}`.
fn set_options(kernel: &Kernel, payload: &Value) -> Result<Writer, String> {
    let Value::Dict(pairs) = payload else {
        return Err("malformed options".to_owned());
    };
    let mut changes = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        let name = name.as_text().ok_or("malformed options")?.to_owned();
        let value =
            convert::to_option(value).ok_or_else(|| format!("malformed value for {name}"))?;
        changes.push((name, value));
    }
    kernel
        .options()
        .update(changes)
        .map_err(|error| error.to_string())?;
    Ok(null())
}

/// Declares an option and gives its value, which may have waited for it.
fn add_option(kernel: &Kernel, payload: &Value) -> Result<Writer, String> {
    let definition = convert::to_definition(payload).ok_or("malformed option")?;
    let registered = kernel
        .options()
        .declare(&definition)
        .map_err(|error| error.to_string())?;
    if registered == Registered::Replaced {
        tracing::warn!("Over-riding existing option {}", definition.name);
    }
    Ok(convert::options(
        kernel,
        &kernel.options().load(),
        &[&definition.name],
    ))
}

/// `(direction, data, coding)`.
fn coding(payload: &Value) -> Result<Writer, String> {
    let [encode, Value::Bytes(data), coding] = parts(payload)? else {
        return Err("malformed call".to_owned());
    };
    let coding = coding.as_text().unwrap_or_default();
    let done = if encode.is_truthy() {
        codec::encode(data, coding)
    } else {
        codec::decode(data, coding, DECODED_MAX)
    };
    let mut w = Writer::default();
    w.bytes(&done.map_err(|error| error.to_string())?);
    Ok(w)
}

/// Bytes of a flow file of any version, or of a HAR file: the states of its flows.
fn read_flows(payload: &Value) -> Result<Writer, String> {
    let Value::Bytes(data) = payload else {
        return Err("malformed call".to_owned());
    };
    let flows: Result<Vec<Flow>, _> = file::open_flows(&data[..]).collect();
    let flows = flows.map_err(|error| error.to_string())?;
    let mut w = Writer::default();
    w.list(flows.len());
    for flow in &flows {
        put_state(&mut w, flow);
    }
    Ok(w)
}

thread_local! {
    /// The line that is being written was logged by `add_log` itself.
    static ECHO: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// True while a line is written that scripts have logged about a line: they are not told of it, or it would not end.
pub(super) fn is_echo() -> bool {
    ECHO.get()
}

/// `(level, text, client or None, echo)`, the level as Python's number.
fn write_log(kernel: &Kernel, payload: &Value) {
    let Ok([level, message, client, echo]) = parts(payload) else {
        return;
    };
    let level = match level.as_i64().unwrap_or(20) {
        40.. => Level::Error,
        30.. => Level::Warn,
        21.. => Level::Alert,
        20 => Level::Info,
        _ => Level::Debug,
    };
    let mut message = message.as_text().unwrap_or_default().to_owned();
    if message.len() > LOG_MAX {
        message = message
            .chars()
            .take(LOG_MAX / 4)
            .chain("...".chars())
            .collect();
    }
    ECHO.set(echo.is_truthy());
    kernel.log().write(&LogEntry {
        level,
        message,
        client: client.as_text().map(str::to_owned),
        time: SystemTime::now(),
    });
    ECHO.set(false);
}

fn null() -> Writer {
    let mut w = Writer::default();
    w.null();
    w
}

/// The items of a tuple of this length.
fn parts<const N: usize>(value: &Value) -> Result<&[Value; N], String> {
    match value {
        Value::List(items) => items
            .as_slice()
            .try_into()
            .map_err(|_| "malformed call".to_owned()),
        _ => Err("malformed call".to_owned()),
    }
}
