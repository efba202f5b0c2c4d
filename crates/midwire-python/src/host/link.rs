//! The script host as a link of the addon chain.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use midwire_core::hooks::{Addon, ContentNeed, Event, FlowRef, Hook, HookSet, Part, StreamFilter};
use midwire_core::options::{Changed, Options};
use midwire_core::{AsyncAddon, BoxFuture, Kernel};
use midwire_flow::{HttpFlow, Id};

use super::stream::ScriptStream;
use super::{Inner, hooks};
use crate::frame::{LAST, Op};
use crate::mirror::Streamed;
use crate::worker::{CallError, Worker};

/// Hooks by which we learn that flows and connections are over, whatever the scripts define.
const ENDS: HookSet = HookSet::of(&[
    Hook::ClientDisconnected,
    Hook::ServerDisconnected,
    Hook::ServerConnectError,
]);

impl Addon for Inner {
    fn name(&self) -> &'static str {
        "scriptloader"
    }

    fn interest(&self, _options: &Options) -> HookSet {
        let wanted = self.wanted();
        if wanted.hooks == HookSet::EMPTY && !wanted.update {
            return HookSet::EMPTY;
        }
        let mut set = wanted.hooks.union(ENDS);
        if HTTP_CONTENT.iter().any(|hook| wanted.hooks.contains(*hook)) {
            set = set.union(HookSet::CONTENT);
        }
        if wanted.update {
            set = set.union(HookSet::UPDATE);
        }
        set
    }

    fn configure(
        &self,
        kernel: &Kernel,
        options: &Options,
        changed: &Changed,
    ) -> Result<(), String> {
        if !self.started.load(Ordering::Acquire) {
            return Ok(());
        }
        let Some(this) = self.this.upgrade() else {
            return Ok(());
        };
        let names: Vec<&str> = changed.names().collect();
        this.configure_scripts(kernel, options, &names)
    }

    fn update(&self, _kernel: &Kernel, flows: &[FlowRef<'_>]) {
        for flow in flows {
            let Some(worker) = self.worker_now(&flow.info().client_conn.id) else {
                continue;
            };
            worker.note(Op::Update, |w, mirror| {
                hooks::put_flow_in_passing(w, mirror, *flow);
            });
        }
    }

    fn content_need(&self, _kernel: &Kernel, flow: &HttpFlow, part: Part) -> ContentNeed {
        let wanted = self.wanted();
        let hook = match part {
            Part::Request => Hook::Request,
            Part::Response => Hook::Response,
        };
        // Scripts may look at the request at any later hook.
        let later = HookSet::of(&[
            Hook::Responseheaders,
            Hook::Response,
            Hook::Error,
            Hook::WebsocketStart,
            Hook::WebsocketMessage,
        ]);
        let looks = wanted.hooks.contains(hook)
            || part == Part::Request && !(wanted.hooks.is_disjoint(later));
        if !looks || self.streamed(flow, part) != Streamed::No {
            return ContentNeed::Nothing;
        }
        if !wanted.hooks.contains(hook) || wanted.observed.contains(hook) || is_live(flow, part) {
            return ContentNeed::Copy;
        }
        ContentNeed::Whole
    }

    fn stream_filter(
        &self,
        _kernel: &Kernel,
        flow: &HttpFlow,
        part: Part,
    ) -> Option<Box<dyn StreamFilter>> {
        if self.streamed(flow, part) != Streamed::Filtered {
            return None;
        }
        let worker = self.worker_now(&flow.info.client_conn.id)?;
        Some(Box::new(ScriptStream {
            worker,
            flow: flow.info.id.clone(),
            part,
        }))
    }
}

/// Hooks of HTTP flows that decide about content.
const HTTP_CONTENT: &[Hook] = &[
    Hook::Requestheaders,
    Hook::Request,
    Hook::Responseheaders,
    Hook::Response,
    Hook::Error,
];

impl AsyncAddon for Inner {
    fn call<'a>(&'a self, kernel: &'a Kernel, mut event: Event<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let hook = event.hook();
            let client = hooks::client_of(&event);
            let wanted = self.wanted();
            if wanted.observed.contains(hook) {
                // Whoever only looks on holds nothing up.
                if let Some(worker) = self.worker_now(&client) {
                    worker.note_about(Op::Hook, hook as u16, |w, mirror| {
                        hooks::put_event(w, mirror, &event);
                    });
                }
            } else if wanted.hooks.contains(hook) {
                match self.worker_for(&client).await {
                    Some(worker) => self.call_worker(&worker, kernel, &mut event).await,
                    None => Self::without_scripts(kernel, &mut event),
                }
            }
            let Some(worker) = self.worker_now(&client) else {
                return;
            };
            match &event {
                Event::ClientDisconnected(client) => worker.mirror().end_client(&client.id),
                Event::ServerDisconnected(data) | Event::ServerConnectError(data) => {
                    worker.mirror().end_server(&data.server.id);
                }
                event if hooks::is_last(event) => {
                    if let Some(flow) = hooks::flow_of(event) {
                        worker.mirror().end(&flow.info().id);
                    }
                }
                _ => {}
            }
        })
    }
}

impl Inner {
    async fn call_worker(&self, worker: &Arc<Worker>, kernel: &Kernel, event: &mut Event<'_>) {
        let hook = event.hook();
        let last = hooks::is_last(event)
            .then(|| hooks::flow_of(event))
            .flatten();
        let last = last.map(|flow| flow.info().id.clone());
        let detail = hook as u16 | if last.is_some() { LAST } else { 0 };
        let _ending = last.as_ref().map(|flow| Ending { worker, flow });
        let call = worker.call_mirrored(Op::Hook, detail, |w, mirror| {
            hooks::put_event(w, mirror, event);
            if let Some(id) = &last {
                mirror.begin_end(id);
            }
        });
        let limit = kernel.options().load().script_timeout;
        let answer = match u64::try_from(limit) {
            Ok(0) | Err(_) => call.await,
            Ok(seconds) => match tokio::time::timeout(Duration::from_secs(seconds), call).await {
                Ok(answer) => answer,
                Err(_) => Err(CallError::TimedOut),
            },
        };
        match answer {
            Ok(answer) => {
                let Ok(files) = self.files() else {
                    return;
                };
                let taken = hooks::take_answer(event, &answer, &mut worker.mirror(), &files);
                if let Err(refused) = taken {
                    tracing::error!("Addon error: {refused} in {}.", hook.name());
                }
            }
            Err(CallError::TimedOut) => {
                tracing::error!(
                    "A script has not answered {} within {limit} seconds, {}.",
                    hook.name(),
                    consequence(kernel)
                );
                self.look_after(worker);
                Self::without_scripts(kernel, event);
            }
            Err(CallError::Gone) => Self::without_scripts(kernel, event),
            Err(CallError::Failed(reason)) => {
                tracing::error!("Addon error: {}: {reason}", hook.name());
            }
        }
    }

    /// What `script_error` says for a flow that scripts have not seen.
    fn without_scripts(kernel: &Kernel, event: &mut Event<'_>) {
        if kernel.options().load().script_error == "fail" {
            hooks::refuse(event);
        }
    }

    fn streamed(&self, flow: &HttpFlow, part: Part) -> Streamed {
        let Some(worker) = self.worker_now(&flow.info.client_conn.id) else {
            return Streamed::No;
        };
        let mirror = worker.mirror();
        let Some(known) = mirror.flows.get(&flow.info.id) else {
            return Streamed::No;
        };
        let [request, response] = known.streamed;
        match part {
            Part::Request => request,
            Part::Response => response,
        }
    }
}

/// The last hook of a flow is with the host. However that ends, the host lets go of the flow.
struct Ending<'a> {
    worker: &'a Worker,
    flow: &'a Id,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.worker.mirror().finish_end(self.flow);
    }
}

fn consequence(kernel: &Kernel) -> &'static str {
    match kernel.options().load().script_error.as_str() {
        "fail" => "the flow is refused",
        _ => "the flow goes on without it",
    }
}

/// Content that has no end in sight: scripts get a copy when it is over (architecture.md §1.3).
fn is_live(flow: &HttpFlow, part: Part) -> bool {
    let fields = match (part, &flow.response) {
        (Part::Request, _) => &flow.request.fields,
        (Part::Response, Some(response)) if response.status == 101 => return true,
        (Part::Response, Some(response)) => &response.fields,
        (Part::Response, None) => return false,
    };
    let Some(content_type) = fields.get("content-type") else {
        return false;
    };
    let starts = |what: &[u8]| {
        content_type
            .get(..what.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(what))
    };
    starts(b"text/event-stream") || starts(b"application/grpc")
}
