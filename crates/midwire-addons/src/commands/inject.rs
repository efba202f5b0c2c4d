//! Commands that concern the engine and what does not belong to flows.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use midwire_core::Kernel;
use midwire_core::commands::{Args, CommandError, CommandValue};
use midwire_core::engine::{EngineError, EngineRequest, Injection, InjectionKind};
use midwire_flow::Flow;

use super::{Outcome, Registrar, nothing, number, one_flow};

pub(super) fn register(to: &Registrar<'_>) -> Result<(), CommandError> {
    to.waiting("inject.websocket", |kernel, args| {
        Box::pin(async move {
            let kind = if args.bool(3)? {
                InjectionKind::WebSocketText
            } else {
                InjectionKind::WebSocketBinary
            };
            inject(&kernel, &args, kind).await
        })
    })?;
    to.waiting("inject.tcp", |kernel, args| {
        Box::pin(async move { inject(&kernel, &args, InjectionKind::Tcp).await })
    })?;
    to.waiting("inject.udp", |kernel, args| {
        Box::pin(async move { inject(&kernel, &args, InjectionKind::Udp).await })
    })?;
    to.quick("proxyserver.active_connections", |kernel, _| {
        number(kernel.connections())
    })?;
    to.quick("readfile.reading", |kernel, _| {
        let reading = kernel.reading().load(Ordering::SeqCst);
        Ok(CommandValue::Bool(reading > 0))
    })?;
    to.quick("eventstore.clear", |kernel, _| {
        kernel.events().clear();
        nothing()
    })?;
    to.quick("script.run", |_, _| {
        Err(CommandError::failed(
            "script.run is not available: there is no script host",
        ))
    })
}

/// What cannot be injected is a warning, not an error: that is what scripts expect.
async fn inject(kernel: &Arc<Kernel>, args: &Args, kind: InjectionKind) -> Outcome {
    let flow = one_flow(kernel, args, 0)?;
    if let Some(complaint) = mismatch(&flow, kind) {
        tracing::warn!("{complaint}");
        return nothing();
    }
    let message = Injection {
        kind,
        to_client: args.bool(1)?,
        content: Bytes::copy_from_slice(args.bytes(2)?),
    };
    let outcome = if flow.info().live {
        let flow = flow.info().id.clone();
        let ask = |reply| EngineRequest::Inject {
            flow,
            message,
            reply,
        };
        kernel.engine().ask(ask).await
    } else {
        Err(EngineError::NotLive)
    };
    if let Err(reason) = outcome {
        tracing::warn!("{reason}");
    }
    nothing()
}

fn mismatch(flow: &Flow, kind: InjectionKind) -> Option<&'static str> {
    match (kind, flow) {
        (InjectionKind::Tcp, Flow::Tcp(_)) | (InjectionKind::Udp, Flow::Udp(_)) => None,
        (InjectionKind::Tcp, _) => Some("Cannot inject TCP messages into non-TCP flows."),
        (InjectionKind::Udp, _) => Some("Cannot inject UDP messages into non-UDP flows."),
        (_, Flow::Http(http)) if http.websocket.is_some() => None,
        _ => Some("Cannot inject WebSocket messages into non-WebSocket flows."),
    }
}
