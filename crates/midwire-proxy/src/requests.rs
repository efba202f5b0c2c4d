//! Serves what front ends, commands and addons ask of the engine.

use std::sync::Arc;

use bytes::Bytes;
use midwire_core::engine::{EngineError as Refusal, EngineRequest, Injection, InjectionKind};
use midwire_flow::{HttpFlow, Id, ServerConn};
use tokio::sync::mpsc;

use crate::engine::Engine;
use crate::http::exchange;
use crate::http::message::Destination;
use crate::live::{InjectError, Injected, Kind, Receiver};
use crate::mode::ModeSpec;
use crate::session::Session;

/// Serves requests until the program ends.
pub(crate) async fn serve(engine: Arc<Engine>, mut requests: mpsc::Receiver<EngineRequest>) {
    let shutdown = engine.kernel.shutdown().clone();
    loop {
        let request = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            request = requests.recv() => request,
        };
        let Some(request) = request else { return };
        match request {
            EngineRequest::Replay { flow, reply } => {
                let task = Box::pin(replay(Arc::clone(&engine), flow));
                engine.spawn(async move {
                    task.await;
                    let _ = reply.send(Ok(()));
                });
            }
            EngineRequest::Inject {
                flow,
                message,
                reply,
            } => {
                let _ = reply.send(inject(&engine, &flow, message));
            }
            EngineRequest::Kill { flow, reply } => {
                // What is no conversation is an exchange or a query, or over.
                if !engine.live.kill(&flow) {
                    engine.kills.kill(&flow);
                }
                let _ = reply.send(Ok(()));
            }
            EngineRequest::Rebind { reply } => {
                let _ = reply.send(engine.rebind().await.map_err(Refusal::Failed));
            }
        }
    }
}

fn inject(engine: &Engine, flow: &Id, message: Injection) -> Result<(), Refusal> {
    let kinds: &[Kind] = match message.kind {
        InjectionKind::WebSocketText | InjectionKind::WebSocketBinary => &[Kind::WebSocket],
        InjectionKind::Tcp => &[Kind::Tcp],
        InjectionKind::Udp => &[Kind::Udp],
    };
    let injected = Injected {
        to: if message.to_client {
            Receiver::Client
        } else {
            Receiver::Server
        },
        content: message.content,
        is_text: message.kind == InjectionKind::WebSocketText,
    };
    engine
        .live
        .inject(flow, kinds, injected)
        .map_err(|error| match error {
            InjectError::NotLive => Refusal::NotLive,
            other => Refusal::Failed(other.to_string()),
        })
}

/// Sends the request of a flow again, over connections of its own (modes.md §11).
async fn replay(engine: Arc<Engine>, flow: Box<HttpFlow>) {
    let mut flow = *flow;
    let mode = engine.first_mode();
    let mut client = (*flow.info.client_conn).clone();
    client.sni = Some(flow.request.pretty_host().into_owned());
    let session = Session::new(Arc::clone(&engine), client, mode);
    speak_http1(&mut flow);
    flow.info.live = true;
    flow.info.server_conn = Arc::new(ServerConn {
        via: session.via.clone(),
        ..ServerConn::default()
    });
    let tls = flow.request.scheme.eq_ignore_ascii_case(b"https");
    let through_proxy = !tls && session.via.is_some();
    let to = if through_proxy {
        Destination::Named
    } else {
        Destination::Fixed {
            host: flow.request.host.clone(),
            port: flow.request.port,
            tls,
        }
    };
    exchange::replay(&session, &to, flow).await;
    session.close_idle().await;
}

/// A request of HTTP/2 or 3 is sent with the semantics of HTTP/1.1: its authority becomes the Host field.
fn speak_http1(flow: &mut HttpFlow) {
    let request = &mut flow.request;
    if request.version.starts_with(b"HTTP/1") {
        return;
    }
    if !request.authority.is_empty() && !request.fields.contains("host") {
        request.fields.insert(0, "Host", request.authority.clone());
    }
    request.authority = Bytes::new();
    request.version = Bytes::from_static(b"HTTP/1.1");
}

impl Engine {
    /// The specification of the first mode: replays go through it when it is an upstream proxy.
    fn first_mode(&self) -> Arc<ModeSpec> {
        let options = self.kernel.options().load();
        let first = options.mode.first().map_or("regular", String::as_str);
        Arc::new(ModeSpec::parse(first).unwrap_or_else(|_| ModeSpec::regular()))
    }
}
