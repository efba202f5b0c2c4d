//! HTTP/2 from clients: every stream is an exchange of its own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use midwire_wire::http1::Framing;
use midwire_wire::{RequestHead, TargetForm, Version};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::exchange::{self, After};
use super::super::message::{Destination, Pseudo};
use super::super::stream::{Inbound, Incoming, Outbound};
use super::convert::Names;
use super::order::{Ordered, Orders};
use super::watch::{PREFACE, Watched};
use super::{
    CONNECTION_WINDOW, HPACK_TABLE, SEND_BUFFER, STREAM_WINDOW, SharedWay, Sink, Source, Way,
    convert, max_resets, source, upgrade,
};
use crate::conn;
use crate::fault::Fault;
use crate::io::{Io, Patient, Reset, seconds_limit};
use crate::session::Session;

/// How long exchanges may take to notice that their client is gone.
const LINGER: Duration = Duration::from_secs(5);

/// Serves the streams of a connection until it ends.
///
/// # Cancellation
/// All exchanges are ended where they are.
pub(crate) async fn serve(session: &Session, io: Io, to: &Destination) {
    let options = session.options();
    let limits = session.engine.limits();
    let max_resets = max_resets(&options);
    let resets = usize::try_from(max_resets).unwrap_or(usize::MAX);
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(limits.header_size).unwrap_or(u32::MAX))
        .header_table_size(HPACK_TABLE)
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(resets)
        .max_local_error_reset_streams(Some(resets))
        // Whatever the server speaks: one that does not know it is asked for an upgrade in HTTP/1.
        .enable_connect_protocol();
    if let Ok(max @ 1..) = u32::try_from(options.http2_max_concurrent_streams) {
        builder.max_concurrent_streams(max);
    }
    let (io, alarm) = Watched::new(io, (PREFACE, 0), max_resets);
    let (io, orders) = Ordered::new(io, (PREFACE, 0), HPACK_TABLE as usize);
    let shaken = crate::within(options.client_header_timeout, builder.handshake(io)).await;
    let mut connection = match shaken {
        Some(Ok(connection)) => connection,
        Some(Err(error)) => {
            tracing::warn!(client = %session.peer(), "HTTP/2 handshake failed: {error}");
            return;
        }
        None => return,
    };
    let session = Arc::new(session.clone());
    let to = Arc::new(to.clone());
    let mut streams = JoinSet::new();
    let mut idle_since = Instant::now();
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    let to = Arc::clone(&to);
                    streams.spawn(stream(Arc::clone(&session), to, (request, respond), orders.clone()));
                }
                Some(Err(error)) => {
                    // The error would come again and again: the connection is over.
                    tracing::debug!(client = %session.peer(), "HTTP/2 connection ended: {error}");
                    break;
                }
                None => break,
            },
            Some(_) = streams.join_next() => idle_since = Instant::now(),
            () = alarm.raised() => {
                tracing::warn!(client = %session.peer(), "HTTP/2 connection closed: too many resets or control frames");
                connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                close(&mut connection).await;
                break;
            }
            () = idle(session.options().client_idle_timeout, idle_since), if streams.is_empty() => {
                connection.graceful_shutdown();
                close(&mut connection).await;
                break;
            }
        }
    }
    drop(connection);
    let ended = async { while streams.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LINGER, ended).await;
}

/// Writes the goodbye and waits for the end.
async fn close(connection: &mut Connection<Ordered<Watched<Io>>, Bytes>) {
    let closed = std::future::poll_fn(|cx| connection.poll_closed(cx));
    let _ = tokio::time::timeout(LINGER, closed).await;
}

async fn idle(seconds: i64, since: Instant) {
    match u64::try_from(seconds) {
        Ok(0) | Err(_) => std::future::pending().await,
        Ok(seconds) => tokio::time::sleep_until(since + Duration::from_secs(seconds)).await,
    }
}

/// Serves one stream.
async fn stream(
    session: Arc<Session>,
    to: Arc<Destination>,
    (request, respond): (http::Request<RecvStream>, SendResponse<Bytes>),
    orders: Orders,
) {
    let began = crate::now();
    let (parts, content) = request.into_parts();
    let ends = content.is_end_stream();
    let way: SharedWay = Arc::new(Mutex::new(Way::Respond(respond)));
    let mut fields = convert::fields(&parts.headers, (&orders, content.stream_id().as_u32()));
    let mut source = Source::request(Arc::clone(&way), content, orders);
    let patience = seconds_limit(session.options().client_write_timeout);
    let mut sink = Sink::new(way, Names::of(&session.options())).with_patience(patience);
    let uri = parts.uri.into_parts();
    let pseudo = Pseudo {
        scheme: uri.scheme.map_or_else(Bytes::new, |scheme| {
            Bytes::copy_from_slice(scheme.as_str().as_bytes())
        }),
        authority: uri.authority.map_or_else(Bytes::new, |authority| {
            Bytes::copy_from_slice(authority.as_str().as_bytes())
        }),
    };
    let path = uri.path_and_query.map_or_else(Bytes::new, |path| {
        Bytes::copy_from_slice(path.as_str().as_bytes())
    });
    let protocol = parts.extensions.get::<h2::ext::Protocol>();
    let is_upgrade = protocol.is_some_and(|protocol| protocol.as_str() == upgrade::WEBSOCKET);
    let refused = match protocol {
        Some(protocol) if !is_upgrade => Some(Fault::Refused {
            status: 501,
            text: format!("unknown protocol for CONNECT: {}", protocol.as_str()),
        }),
        _ => refusal(&session, &parts.method, &fields, is_upgrade),
    };
    if let Some(fault) = refused {
        exchange::refuse(&session, &mut Outbound::H2(&mut sink), &fault).await;
        return;
    }
    if !pseudo.authority.is_empty()
        && fields
            .get("host")
            .is_some_and(|host| host != pseudo.authority)
    {
        // The authority wins (RFC 9113 §8.3.1).
        fields.set("host", pseudo.authority.clone());
    }
    let mut method = Bytes::copy_from_slice(parts.method.as_str().as_bytes());
    if is_upgrade {
        method = Bytes::from_static(b"GET");
        upgrade::ask(&mut fields);
        source.upgrade();
        sink.upgrade();
    }
    let framing = if ends || is_upgrade {
        Framing::None
    } else {
        source::framing(&fields)
    };
    let form = if path == "*" {
        TargetForm::Asterisk
    } else {
        TargetForm::Origin
    };
    let head = RequestHead {
        method,
        target: path,
        form,
        version: Version::Http2,
        fields,
    };
    let incoming = Incoming {
        head,
        pseudo: Some(pseudo),
        framing,
        content: Inbound::H2(&mut source),
        reply: Outbound::H2(&mut sink),
        began,
    };
    let after = Box::pin(exchange::run(&session, &to, incoming)).await;
    if let After::Switch(switched) = after {
        let limit = session.options().client_write_timeout;
        // Only this stream is cut if the client reads nothing of it.
        let client = Patient::new(source.into_tunnel(), limit, Reset::default());
        Box::pin(conn::converse(&session, Box::new(client), *switched)).await;
    }
}

/// Why a request cannot be served, if so.
fn refusal(
    session: &Session,
    method: &http::Method,
    fields: &midwire_wire::Fields,
    is_upgrade: bool,
) -> Option<Fault> {
    if method == http::Method::CONNECT && !is_upgrade {
        let text =
            "CONNECT inside a tunnel or reverse proxy: is the client misconfigured?".to_owned();
        return Some(Fault::Refused { status: 400, text });
    }
    (fields.len() > session.engine.limits().header_count).then(|| Fault::Refused {
        status: 431,
        text: "too many header fields".to_owned(),
    })
}
