//! HTTP/1 from a client: requests one after another, each an exchange.

use std::time::Duration;

use midwire_wire::http1;
use midwire_wire::{RequestHead, TargetForm};

use crate::fault::{Fault, Side};
use crate::http::exchange::{self, After, Switched};
use crate::http::h1::{self, ReadFault, Sink, Source};
use crate::http::message::Destination;
use crate::http::stream::{Inbound, Incoming, Outbound};
use crate::io::{Io, rewind};
use crate::session::Session;
use crate::tcp;
use crate::ws;

/// How long the rest of a refused message is read, so that the client can see the answer before a reset.
const LINGER: Duration = Duration::from_millis(500);

/// What a client connection turns into when HTTP ends on it.
pub(crate) enum End {
    /// It was closed.
    Closed,
    /// The client asked for a tunnel.
    Connect(Box<Asked>),
}

/// A client's connection with its request for a tunnel.
pub(crate) struct Asked {
    pub(crate) head: RequestHead,
    pub(crate) source: Source,
    pub(crate) sink: Sink,
    pub(crate) began: f64,
}

/// Serves requests until the connection ends or a tunnel is asked for.
///
/// # Cancellation
/// Connections are closed where they are.
pub(crate) async fn serve(session: &Session, io: Io, to: &Destination) -> End {
    let (mut source, mut sink) = h1::split(io, session.engine.limits());
    let mut first = true;
    loop {
        source.rest();
        sink.rest();
        let options = session.options();
        let wait = if first {
            options.client_header_timeout
        } else {
            options.client_idle_timeout
        };
        match crate::within(wait, source.ready()).await {
            Some(Ok(true)) => {}
            _ => return End::Closed,
        }
        first = false;
        let began = crate::now();
        let head = crate::within(options.client_header_timeout, source.request_head()).await;
        let (head, framing) = match head {
            Some(Ok(got)) => got,
            Some(Err(ReadFault::Violation(violation))) => {
                return Box::pin(refuse(session, source, sink, &Fault::BadRequest(violation)))
                    .await;
            }
            Some(Err(_)) => return End::Closed,
            None => {
                let seconds = options.client_header_timeout.unsigned_abs();
                let fault = Fault::TimedOut {
                    what: "the request head",
                    seconds,
                    side: Side::Client,
                };
                return Box::pin(refuse(session, source, sink, &fault)).await;
            }
        };
        if *to == Destination::Named
            && let Err(violation) = http1::check_host(&head)
        {
            return Box::pin(refuse(session, source, sink, &Fault::BadRequest(violation))).await;
        }
        if head.form == TargetForm::Authority {
            if *to == Destination::Named {
                return End::Connect(Box::new(Asked {
                    head,
                    source,
                    sink,
                    began,
                }));
            }
            let text =
                "CONNECT inside a tunnel or reverse proxy: is the client misconfigured?".to_owned();
            let fault = Fault::Refused { status: 400, text };
            return Box::pin(refuse(session, source, sink, &fault)).await;
        }
        let incoming = Incoming {
            head,
            pseudo: None,
            framing,
            content: Inbound::H1(&mut source),
            reply: Outbound::H1(&mut sink),
            began,
        };
        // On the heap, so that a silent connection does not keep the room for it.
        match Box::pin(exchange::run(session, to, incoming)).await {
            After::Next => {}
            After::Close => {
                Box::pin(linger(source, sink)).await;
                return End::Closed;
            }
            After::Cut => return End::Closed,
            After::Switch(switched) => {
                Box::pin(switch(session, source, sink, *switched)).await;
                return End::Closed;
            }
        }
    }
}

/// Answers a request that cannot be served and closes.
pub(crate) async fn refuse(
    session: &Session,
    source: Source,
    mut sink: Sink,
    fault: &Fault,
) -> End {
    exchange::refuse(session, &mut Outbound::H1(&mut sink), fault).await;
    linger(source, sink).await;
    End::Closed
}

/// Closes so that the client gets all that was written: first our direction, then the rest is read for a moment.
pub(crate) async fn linger(mut source: Source, mut sink: Sink) {
    let closing = async {
        if sink.close().await.is_ok() {
            source.drain().await;
        }
    };
    let _ = tokio::time::timeout(LINGER, closing).await;
}

/// After 101: both sides go on as WebSocket or with plain bytes, those that were read ahead first.
async fn switch(session: &Session, source: Source, sink: Sink, switched: Switched) {
    let (client, ahead) = h1::unsplit(source, sink);
    converse(session, rewind(ahead, client), switched).await;
}

/// Both sides of an exchange go on as WebSocket or with plain bytes.
pub(crate) async fn converse(session: &Session, client: Io, switched: Switched) {
    let Switched { route, flow } = switched;
    let server = route.into_opened();
    if flow.websocket.is_some() {
        ws::serve(session, client, server, flow).await;
    } else if session.options().rawtcp {
        tcp::conversation(session, client, tcp::Server::of(server)).await;
    } else {
        tracing::warn!(client = %session.peer(), "101 response, but neither websocket nor rawtcp is on: closed");
        server.close(session).await;
    }
}

#[cfg(test)]
mod tests;
