//! Hooks on their way to the host, and what comes back.

use std::sync::Arc;

use bytes::Bytes;
use midwire_core::hooks::{
    ClientHelloData, Event, FlowRef, NextLayerChoice, NextLayerData, ServerHookData,
    Socks5AuthData, TlsHookData,
};
use midwire_flow::{ClientConn, Flow, FlowError, Id, Response, ServerConn, Value};

use crate::files::Files;
use crate::mirror::connection::{put_open_client, put_open_server, take_client, take_server};
use crate::mirror::put::{View, follow, put_flow};
use crate::mirror::take::{Refused, take_flow};
use crate::mirror::{Mirror, Streamed};
use crate::value::Writer;

/// A script that stands in for a layer is given at most this much of what was peeked.
const PEEKED_MAX: usize = 64 * 1024;

/// The client for whom something happens: it decides which process is asked.
pub(super) fn client_of(event: &Event<'_>) -> Id {
    match event {
        Event::ClientConnected(client) | Event::ClientDisconnected(client) => client.id.clone(),
        Event::ServerConnect(data)
        | Event::ServerConnected(data)
        | Event::ServerConnectError(data)
        | Event::ServerDisconnected(data) => data.client.id.clone(),
        Event::NextLayer(data) => data.client.id.clone(),
        Event::TlsClienthello(data) => data.client.id.clone(),
        Event::TlsStartClient(data)
        | Event::TlsStartServer(data)
        | Event::TlsEstablishedClient(data)
        | Event::TlsEstablishedServer(data)
        | Event::TlsFailedClient(data)
        | Event::TlsFailedServer(data)
        | Event::QuicStartClient(data)
        | Event::QuicStartServer(data) => data.client.id.clone(),
        Event::Socks5Auth(data) => data.client.id.clone(),
        event => flow_of(event).map_or_else(Id::random, |flow| flow.info().client_conn.id.clone()),
    }
}

/// The flow of a flow hook.
pub(super) fn flow_of<'a>(event: &'a Event<'_>) -> Option<FlowRef<'a>> {
    Some(match event {
        Event::HttpConnect(flow)
        | Event::HttpConnectUpstream(flow)
        | Event::HttpConnected(flow)
        | Event::HttpConnectError(flow)
        | Event::Requestheaders(flow)
        | Event::Request(flow)
        | Event::Responseheaders(flow)
        | Event::Response(flow)
        | Event::Error(flow)
        | Event::WebsocketStart(flow)
        | Event::WebsocketMessage(flow)
        | Event::WebsocketEnd(flow) => FlowRef::Http(flow),
        Event::TcpStart(flow)
        | Event::TcpMessage(flow)
        | Event::TcpEnd(flow)
        | Event::TcpError(flow) => FlowRef::Tcp(flow),
        Event::UdpStart(flow)
        | Event::UdpMessage(flow)
        | Event::UdpEnd(flow)
        | Event::UdpError(flow) => FlowRef::Udp(flow),
        Event::DnsRequest(flow) | Event::DnsResponse(flow) | Event::DnsError(flow) => {
            FlowRef::Dns(flow)
        }
        _ => return None,
    })
}

/// Whether this hook is the last of its flow.
pub(super) fn is_last(event: &Event<'_>) -> bool {
    match event {
        Event::Response(flow) => flow.websocket.is_none(),
        Event::Error(_)
        | Event::WebsocketEnd(_)
        | Event::HttpConnectError(_)
        | Event::HttpConnectUpstream(_)
        | Event::TcpEnd(_)
        | Event::TcpError(_)
        | Event::UdpEnd(_)
        | Event::UdpError(_)
        | Event::DnsError(_) => true,
        Event::DnsResponse(flow) => flow.info.error.is_none(),
        _ => false,
    }
}

/// Writes the argument of a hook.
pub(super) fn put_event(w: &mut Writer, mirror: &mut Mirror, event: &Event<'_>) {
    match event {
        Event::ClientConnected(client) | Event::ClientDisconnected(client) => {
            w.tuple(1);
            put_client_ref(w, mirror, &Arc::new((**client).clone()));
        }
        Event::ServerConnect(data)
        | Event::ServerConnected(data)
        | Event::ServerConnectError(data)
        | Event::ServerDisconnected(data) => {
            w.tuple(2);
            put_client_ref(w, mirror, &data.client);
            put_server_ref(w, mirror, &Arc::new(data.server.clone()));
        }
        Event::NextLayer(data) => put_next_layer(w, mirror, data),
        Event::TlsClienthello(data) => {
            w.tuple(5);
            put_client_ref(w, mirror, &data.client);
            put_server_ref(w, mirror, &data.server);
            w.bytes(&data.client_hello.body());
            w.bool(data.ignore_connection);
            w.bool(data.establish_server_tls_first);
        }
        Event::TlsStartClient(data)
        | Event::TlsStartServer(data)
        | Event::TlsEstablishedClient(data)
        | Event::TlsEstablishedServer(data)
        | Event::TlsFailedClient(data)
        | Event::TlsFailedServer(data)
        | Event::QuicStartClient(data)
        | Event::QuicStartServer(data) => {
            w.tuple(3);
            put_client_ref(w, mirror, &data.client);
            put_server_ref(w, mirror, &data.server);
            w.bool(data.is_dtls);
        }
        Event::Socks5Auth(data) => {
            w.tuple(4);
            put_client_ref(w, mirror, &data.client);
            w.text(&data.username);
            w.text(&data.password);
            w.bool(data.valid);
        }
        event => match flow_of(event) {
            Some(flow) => put_flow_ref(w, mirror, flow),
            None => w.null(),
        },
    }
}

fn put_next_layer(w: &mut Writer, mirror: &mut Mirror, data: &NextLayerData) {
    let start = |bytes: &Bytes| bytes.slice(..bytes.len().min(PEEKED_MAX));
    w.tuple(5);
    put_client_ref(w, mirror, &data.client);
    put_server_ref(w, mirror, &data.server);
    w.bytes(&start(&data.data_client));
    w.bytes(&start(&data.data_server));
    w.opt(data.layer, |w, layer| {
        w.text(match layer {
            NextLayerChoice::Http => "http",
            NextLayerChoice::Tls => "tls",
            NextLayerChoice::Tcp => "tcp",
            NextLayerChoice::Udp => "udp",
            NextLayerChoice::Dns => "dns",
            NextLayerChoice::Ignore => "ignore",
        });
    });
}

/// `id`, or `(id, state)` if something is new.
fn put_client_ref(w: &mut Writer, mirror: &mut Mirror, client: &Arc<ClientConn>) {
    if mirror.client_is_news(client) {
        w.tuple(2);
        w.id(&client.id);
        put_open_client(w, client);
    } else {
        w.id(&client.id);
    }
}

/// `id`, or `(id, state)` if something is new.
fn put_server_ref(w: &mut Writer, mirror: &mut Mirror, server: &Arc<ServerConn>) {
    if mirror.server_is_news(server) {
        w.tuple(2);
        w.id(&server.id);
        put_open_server(w, server);
    } else {
        w.id(&server.id);
    }
}

/// `(id, type, live, whole, client, server, newer parts)`, and notes that the host has them then.
pub(super) fn put_flow_ref(w: &mut Writer, mirror: &mut Mirror, flow: FlowRef<'_>) {
    let info = flow.info();
    let flow = flow.to_flow();
    w.tuple(7);
    w.id(&info.id);
    w.text(flow.kind());
    w.bool(info.live);
    // The host may have let go of what is not live, so it gets all of it.
    let has_it = mirror.flows.get(&info.id).is_some_and(|known| known.live);
    w.bool(!has_it);
    put_client_ref(w, mirror, &info.client_conn);
    put_server_ref(w, mirror, &info.server_conn);
    if let Some(known) = mirror.flows.get_mut(&info.id) {
        let old = has_it.then_some(&known.flow);
        w.dict(|w| put_flow(w, old, &flow, &View::of(known.streamed)));
        follow(&mut known.flow, &flow);
        known.live = true;
        known.dirty = false;
    } else {
        w.dict(|w| put_flow(w, None, &flow, &View::of([Streamed::No; 2])));
        mirror.keep(&info.id, flow);
    }
}

/// The same for a flow that may be over: it is kept no longer than before.
pub(super) fn put_flow_in_passing(w: &mut Writer, mirror: &mut Mirror, flow: FlowRef<'_>) {
    let id = flow.info().id.clone();
    let goes_on = mirror.flows.get(&id).is_some_and(|known| known.live);
    put_flow_ref(w, mirror, flow);
    if !goes_on {
        mirror.end(&id);
    }
}

/// Writes what a script has answered into the argument.
pub(super) fn take_answer(
    event: &mut Event<'_>,
    answer: &Value,
    mirror: &mut Mirror,
    files: &Files,
) -> Result<(), Refused> {
    match event {
        Event::ClientConnected(client) | Event::ClientDisconnected(client) => {
            if let Value::Dict(_) = answer {
                take_client(client, answer)?;
                // The host knows what it has changed itself.
                mirror
                    .clients
                    .insert(client.id.clone(), Arc::new((**client).clone()));
            }
            Ok(())
        }
        Event::ServerConnect(data)
        | Event::ServerConnected(data)
        | Event::ServerConnectError(data)
        | Event::ServerDisconnected(data) => take_server_data(data, answer, mirror),
        Event::NextLayer(data) => take_next_layer(data, answer),
        Event::TlsClienthello(data) => {
            take_hello(data, answer);
            Ok(())
        }
        Event::TlsStartClient(data)
        | Event::TlsStartServer(data)
        | Event::TlsEstablishedClient(data)
        | Event::TlsEstablishedServer(data)
        | Event::TlsFailedClient(data)
        | Event::TlsFailedServer(data)
        | Event::QuicStartClient(data)
        | Event::QuicStartServer(data) => take_tls(data, answer),
        Event::Socks5Auth(data) => {
            take_socks(data, answer);
            Ok(())
        }
        event => take_flow_answer(event, answer, mirror, files),
    }
}

fn take_server_data(
    data: &mut ServerHookData,
    answer: &Value,
    mirror: &mut Mirror,
) -> Result<(), Refused> {
    if let Value::Dict(_) = answer {
        take_server(&mut data.server, answer)?;
        mirror
            .servers
            .insert(data.server.id.clone(), Arc::new(data.server.clone()));
    }
    Ok(())
}

fn take_next_layer(data: &mut NextLayerData, answer: &Value) -> Result<(), Refused> {
    data.layer = Some(match answer.as_text() {
        None => return Ok(()),
        Some("http") => NextLayerChoice::Http,
        Some("tls") => NextLayerChoice::Tls,
        Some("tcp") => NextLayerChoice::Tcp,
        Some("udp") => NextLayerChoice::Udp,
        Some("dns") => NextLayerChoice::Dns,
        Some("ignore") => NextLayerChoice::Ignore,
        Some(_) => return Err(Refused("layer")),
    });
    Ok(())
}

fn take_hello(data: &mut ClientHelloData, answer: &Value) {
    if let Value::List(parts) = answer
        && let [Value::Bool(ignore), Value::Bool(first)] = parts.as_slice()
    {
        data.ignore_connection = *ignore;
        data.establish_server_tls_first = *first;
    }
}

fn take_tls(data: &mut TlsHookData, answer: &Value) -> Result<(), Refused> {
    if let Some(changes @ Value::Dict(_)) = answer.get("client") {
        take_client(Arc::make_mut(&mut data.client), changes)?;
    }
    if let Some(changes @ Value::Dict(_)) = answer.get("server") {
        take_server(Arc::make_mut(&mut data.server), changes)?;
    }
    Ok(())
}

fn take_socks(data: &mut Socks5AuthData, answer: &Value) {
    if let Value::Bool(valid) = answer {
        data.valid = *valid;
    }
}

/// `None`, or `(changes or None, request.stream, response.stream)`.
fn take_flow_answer(
    event: &mut Event<'_>,
    answer: &Value,
    mirror: &mut Mirror,
    files: &Files,
) -> Result<(), Refused> {
    let Some(id) = flow_of(event).map(|flow| flow.info().id.clone()) else {
        return Ok(());
    };
    let Some(known) = mirror.flows.get_mut(&id) else {
        return Ok(());
    };
    let mut outcome = Ok(());
    if let Value::List(parts) = answer
        && let [changes, Value::Int(request), Value::Int(response)] = parts.as_slice()
    {
        known.streamed = [Streamed::of(*request), Streamed::of(*response)];
        if *changes != Value::Null {
            outcome = take_flow(&mut known.flow, changes, files);
            known.dirty = true;
        }
    }
    if std::mem::take(&mut known.dirty) {
        give_back(event, &known.flow);
    }
    outcome
}

/// Writes the host's copy into the flow of the hook.
fn give_back(event: &mut Event<'_>, from: &Flow) {
    match (event, from) {
        (
            Event::HttpConnect(flow)
            | Event::HttpConnectUpstream(flow)
            | Event::HttpConnected(flow)
            | Event::HttpConnectError(flow)
            | Event::Requestheaders(flow)
            | Event::Request(flow)
            | Event::Responseheaders(flow)
            | Event::Response(flow)
            | Event::Error(flow)
            | Event::WebsocketStart(flow)
            | Event::WebsocketMessage(flow)
            | Event::WebsocketEnd(flow),
            Flow::Http(from),
        ) => (*flow).clone_from(from),
        (
            Event::TcpStart(flow)
            | Event::TcpMessage(flow)
            | Event::TcpEnd(flow)
            | Event::TcpError(flow)
            | Event::UdpStart(flow)
            | Event::UdpMessage(flow)
            | Event::UdpEnd(flow)
            | Event::UdpError(flow),
            Flow::Tcp(from) | Flow::Udp(from),
        ) => (*flow).clone_from(from),
        (
            Event::DnsRequest(flow) | Event::DnsResponse(flow) | Event::DnsError(flow),
            Flow::Dns(from),
        ) => {
            (*flow).clone_from(from);
        }
        _ => {}
    }
}

/// What happens instead when the scripts are not there and must not be passed by (`script_error=fail`).
pub(super) fn refuse(event: &mut Event<'_>) {
    const REASON: &str = "script host failed";
    match event {
        Event::HttpConnect(flow) | Event::Requestheaders(flow) | Event::Request(flow) => {
            flow.response = Some(bad_gateway());
        }
        Event::Responseheaders(flow) | Event::Response(flow) => flow.response = Some(bad_gateway()),
        Event::WebsocketStart(flow) | Event::WebsocketMessage(flow) => {
            flow.info.error = Some(FlowError::new(FlowError::KILLED));
        }
        Event::TcpStart(flow)
        | Event::TcpMessage(flow)
        | Event::UdpStart(flow)
        | Event::UdpMessage(flow) => {
            flow.info.error = Some(FlowError::new(FlowError::KILLED));
        }
        Event::DnsRequest(flow) => flow.info.error = Some(FlowError::new(REASON)),
        Event::ClientConnected(client) => client.error = Some(REASON.to_owned()),
        Event::ServerConnect(data) => data.server.error = Some(REASON.to_owned()),
        Event::Socks5Auth(data) => data.valid = false,
        _ => {}
    }
}

/// The answer to a client whose flow the scripts should have seen.
fn bad_gateway() -> Response {
    use midwire_flow::{Content, Number};
    let text = Bytes::from_static(b"502 Bad Gateway: the script host failed.\n");
    Response {
        version: Bytes::from_static(b"HTTP/1.1"),
        status: 502,
        reason: Bytes::from_static(b"Bad Gateway"),
        fields: midwire_wire::Fields::from_pairs([
            (
                Bytes::from_static(b"Content-Type"),
                Bytes::from_static(b"text/plain"),
            ),
            (
                Bytes::from_static(b"Content-Length"),
                Bytes::from(text.len().to_string()),
            ),
        ]),
        content: Content::Memory(text),
        trailers: None,
        timestamp_start: Number::now(),
        timestamp_end: Some(Number::now()),
    }
}
