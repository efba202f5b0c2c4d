//! Explicit proxying: requests with absolute targets, and tunnels asked for by CONNECT (RFC 9110 §9.3.6).

use std::sync::Arc;

use bytes::Bytes;
use midwire_core::hooks::FlowRef;
use midwire_flow::{Address, Content, FlowInfo, HttpFlow, Number, Response, ServerConn};
use midwire_wire::http1::{self, Framing};
use midwire_wire::{Fields, RequestHead, Version};

use super::http::{self, End};
use super::peek::Peek;
use super::place::Place;
use super::tunnel;
use crate::fault::Fault;
use crate::http::h1::{self, Sink, Source};
use crate::http::message::{self, Destination};
use crate::http::page;
use crate::http::stream::Outbound;
use crate::io::{Io, rewind};
use crate::session::Session;
use crate::upstream::{self, Opened};

/// Serves a client that knows that it talks to a proxy. Its first bytes may be a TLS handshake with the proxy itself.
pub(crate) async fn explicit(session: Session, io: Io) -> Session {
    let mut peek = Peek::new(io);
    let wait = session.options().client_header_timeout;
    let decided = crate::within(wait, async {
        loop {
            match midwire_wire::client_hello::looks_like_tls(peek.seen()) {
                Some(is_tls) => return is_tls,
                None if peek.is_full() => return false,
                None => peek.more().await,
            }
        }
    });
    let Some(is_tls) = decided.await else {
        return session;
    };
    if peek.eof && peek.seen().is_empty() {
        return session;
    }
    tunnel::ask(&session, peek.seen(), None).await;
    let (session, io) = if is_tls {
        match Box::pin(tunnel::secure_proxy(session, peek)).await {
            (session, Some(io)) => (session, io),
            (session, None) => return session,
        }
    } else {
        (session, peek.into_io())
    };
    let (mut session, mut io) = (session, io);
    loop {
        let served = Box::pin(http::serve(&session, io, &Destination::Named)).await;
        let (head, source, sink, began) = match served {
            End::Closed => return session,
            End::Connect(asked) => (asked.head, asked.source, asked.sink, asked.began),
        };
        // A client whose tunnel was refused may try again, e.g. with credentials.
        match Box::pin(connect(session, head, (source, sink), began)).await {
            (same, Then::Again(again)) => (session, io) = (same, again),
            (same, Then::Inside(tunnel)) => {
                let Tunnel { io, place, opened } = *tunnel;
                return Box::pin(tunnel::serve(same, io, place, opened)).await;
            }
            (same, Then::Closed) => return same,
        }
    }
}

/// What follows a request for a tunnel.
enum Then {
    /// It was refused, and the client may go on.
    Again(Io),
    /// The client is in the tunnel.
    Inside(Box<Tunnel>),
    /// The client is gone.
    Closed,
}

/// A tunnel, with the connection that was made ahead.
struct Tunnel {
    io: Io,
    place: Place,
    opened: Option<Opened>,
}

/// Answers CONNECT.
async fn connect(
    session: Session,
    head: RequestHead,
    (source, mut sink): (Source, Sink),
    began: f64,
) -> (Session, Then) {
    let request = match message::request(&head, &Destination::Named, began) {
        Ok(request) => request,
        Err(fault) => {
            Box::pin(http::refuse(&session, source, sink, &fault)).await;
            return (session, Then::Closed);
        }
    };
    let kernel = Arc::clone(&session.engine.kernel);
    let server = ServerConn {
        address: Some(Address::new(request.host.clone(), request.port)),
        via: session.via.clone(),
        ..ServerConn::default()
    };
    let info = FlowInfo::new(Arc::clone(&session.client), Arc::new(server));
    let mut flow = HttpFlow {
        info,
        request,
        response: None,
        websocket: None,
    };
    flow.request.content = Content::Memory(Bytes::new());
    flow.request.timestamp_end = Some(Number::now());
    kernel.http_connect(&mut flow).await;
    kernel.update(&[FlowRef::Http(&flow)]);
    if flow.info.killed() {
        return (session, Then::Closed);
    }
    if flow
        .response
        .as_ref()
        .is_some_and(|response| !(200..300).contains(&response.status))
    {
        return Box::pin(answer(session, flow, source, sink)).await;
    }
    let address = Address::new(flow.request.host.clone(), flow.request.port);
    let session = session.with_via(flow.info.server_conn.via.clone());
    let mut opened = None;
    // Through another proxy the tunnel is opened when it is needed.
    let ahead = session.connects_ahead() && !session.is_onboarding(&address.host);
    if ahead && session.via.is_none() {
        let target = session.target(address.clone(), false);
        match Box::pin(upstream::open(&session, target)).await {
            Ok(connection) => {
                flow.info.server_conn = Arc::new(connection.server.clone());
                opened = Some(connection);
            }
            Err(failure) => {
                flow.info.server_conn = Arc::new(failure.server);
                let fault = Fault::Connect(failure.fault);
                let (head, content) =
                    page::error(fault.status().unwrap_or(502), &fault.to_string());
                flow.response = Some(Response {
                    content: Content::Memory(content),
                    timestamp_end: Some(Number::now()),
                    ..message::response(head, crate::now())
                });
                return Box::pin(answer(session, flow, source, sink)).await;
            }
        }
    }
    if flow.response.is_none() {
        let head = midwire_wire::ResponseHead {
            version: Version::Http11,
            status: 200,
            reason: Bytes::from_static(b"Connection established"),
            fields: Fields::new(),
        };
        flow.response = Some(message::response(head, crate::now()));
    }
    kernel.http_connected(&mut flow).await;
    kernel.update(&[FlowRef::Http(&flow)]);
    if let Some(response) = &flow.response {
        sink.response_head(&message::reply(response), Framing::None);
    }
    if flow.info.killed() || sink.end(None).await.is_err() {
        close(&session, opened).await;
        return (session, Then::Closed);
    }
    let (io, ahead) = h1::unsplit(source, sink);
    let place = Place::unknown(address);
    let io = rewind(ahead, io);
    let tunnel = Tunnel { io, place, opened };
    (session, Then::Inside(Box::new(tunnel)))
}

/// Refuses a tunnel with the response of the flow.
async fn answer(
    session: Session,
    mut flow: HttpFlow,
    source: Source,
    mut sink: Sink,
) -> (Session, Then) {
    flow.info.live = false;
    session.kernel().http_connect_error(&mut flow).await;
    session.kernel().update(&[FlowRef::Http(&flow)]);
    let mut persists = http1::persists(Version::Http11, &flow.request.fields)
        && flow.request.protocol() == Some(Version::Http11);
    if let Some(response) = &flow.response {
        let mut head = message::reply(response);
        persists &= http1::persists(Version::Http11, &head.fields);
        let content = response.content.bytes().unwrap_or_default();
        let framing = message::frame_whole(&mut head.fields, content.len() as u64, false);
        let bodyless = response.status < 200 || matches!(response.status, 204 | 304);
        if framing == Framing::None && !bodyless && !head.fields.contains("content-length") {
            head.fields.append("Content-Length", "0");
        }
        let mut reply = Outbound::H1(&mut sink);
        reply.response_head(&head, framing);
        if !content.is_empty() {
            let _ = reply.data(content).await;
        }
        let _ = reply.end(None).await;
    }
    if persists && flow.response.is_some() {
        let (io, ahead) = h1::unsplit(source, sink);
        return (session, Then::Again(rewind(ahead, io)));
    }
    http::linger(source, sink).await;
    (session, Then::Closed)
}

async fn close(session: &Session, opened: Option<Opened>) {
    if let Some(opened) = opened {
        opened.close(session).await;
    }
}
