//! Proxies on the way to a server: the tunnel through them is asked for by CONNECT (RFC 9110 §9.3.6).

use std::sync::Arc;

use bytes::Bytes;
use midwire_core::hooks::Hook;
use midwire_flow::{
    Address, Connection, Content, FlowInfo, HttpFlow, Number, Request, ServerConn, Via,
};
use midwire_wire::http1::{Expected, Framing};
use midwire_wire::{Fields, RequestHead, ResponseHead, TargetForm, Version};

use crate::fault::ConnectFault;
use crate::http::h1::{self, ReadFault};
use crate::io::rewind;
use tokio::time::Instant;

use crate::session::Session;
use crate::upstream::{self, Failure, Opened};

/// Interim responses that a proxy may send before it answers CONNECT.
const INTERIM_MAX: usize = 16;

/// A proxy on the way, and what it is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) via: Via,
    pub(crate) how: How,
}

/// What a proxy on the way is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// To forward requests, whose targets name the server.
    Forward,
    /// To open a tunnel to the server.
    Tunnel,
}

impl Hop {
    /// A tunnel through this proxy.
    pub(crate) fn tunnel(via: Via) -> Self {
        Self {
            via,
            how: How::Tunnel,
        }
    }

    /// True if TLS is spoken with the proxy itself.
    pub(crate) fn is_tls(&self) -> bool {
        self.via.scheme.eq_ignore_ascii_case("https")
    }
}

/// Makes an open connection to a proxy one to the server behind it.
pub(crate) async fn pass(
    session: &Session,
    mut opened: Opened,
    hop: &Hop,
) -> Result<Opened, Box<Failure>> {
    if hop.is_tls() {
        let target = opened.target.clone();
        opened.target.address = hop.via.address.clone();
        opened.target.sni = Some(hop.via.address.host.clone());
        opened = upstream::secure(session, opened, &crate::conn::HTTP1_ALPN).await?;
        opened.target = target;
    }
    if hop.how == How::Tunnel {
        opened = tunnel(session, opened, hop).await?;
    }
    let Opened {
        target,
        server,
        io,
        shared,
        spent,
    } = opened;
    Ok(Opened {
        server: behind(server, &target.address, hop),
        target,
        io,
        shared,
        spent,
    })
}

/// The facts of a connection to a proxy as those of one to the server behind it. TLS with the proxy is no TLS with the server.
fn behind(proxy: ServerConn, address: &Address, hop: &Hop) -> ServerConn {
    let old = proxy.connection;
    ServerConn {
        connection: Connection {
            id: old.id,
            peername: old.peername,
            sockname: old.sockname,
            timestamp_start: old.timestamp_start,
            ..Connection::default()
        },
        address: Some(address.clone()),
        timestamp_tcp_setup: proxy.timestamp_tcp_setup,
        via: Some(hop.via.clone()),
    }
}

async fn tunnel(session: &Session, opened: Opened, hop: &Hop) -> Result<Opened, Box<Failure>> {
    let Opened {
        target,
        server,
        io,
        shared,
        spent,
    } = opened;
    let facts = behind(server.clone(), &target.address, hop);
    let request = ask(session, &target.address, facts).await;
    let (mut source, mut sink) = h1::split(io, session.engine.limits());
    let limit = session.options().server_connect_timeout;
    let began = Instant::now();
    let asked = async {
        sink.request_head(&request, Framing::None);
        sink.end(None).await?;
        for _ in 0..=INTERIM_MAX {
            let (head, _) = source.response_head(Expected::Connect).await?;
            if head.status >= 200 {
                return Ok(Some(head));
            }
        }
        Ok::<_, ReadFault>(None)
    };
    let answer = upstream::rest_of(limit, spent, asked).await;
    let fault = match answer {
        Some(Ok(Some(head))) if (200..300).contains(&head.status) => {
            let (io, ahead) = h1::unsplit(source, sink);
            return Ok(Opened {
                target,
                server,
                io: rewind(ahead, io),
                shared,
                spent: spent + began.elapsed(),
            });
        }
        Some(Ok(Some(head))) => refusal(hop, &head),
        Some(Ok(None)) => format!(
            "Upstream proxy {} sent interim responses without end",
            hop.via.address
        ),
        Some(Err(fault)) => format!(
            "Upstream proxy {} did not answer HTTP CONNECT request: {}",
            hop.via.address,
            reason(&fault)
        ),
        None => {
            let fault = ConnectFault::TimedOut {
                to: format!("{} through {}", target.address, hop.via.address),
                seconds: limit.unsigned_abs(),
            };
            return Err(give_up(session, server, fault).await);
        }
    };
    Err(give_up(session, server, ConnectFault::Upstream(fault)).await)
}

async fn give_up(session: &Session, mut server: ServerConn, fault: ConnectFault) -> Box<Failure> {
    server.error = Some(fault.to_string());
    tracing::info!(client = %session.peer(), "error establishing server connection: {fault}");
    upstream::disconnected(session, server.clone()).await;
    Box::new(Failure { fault, server })
}

/// The CONNECT request, after addons have seen it.
async fn ask(session: &Session, to: &Address, server: ServerConn) -> RequestHead {
    let authority = to.to_string();
    let mut fields = Fields::new();
    if session.options().http_connect_send_host_header {
        fields.append("Host", authority.clone());
    }
    let mut head = RequestHead {
        method: Bytes::from_static(b"CONNECT"),
        target: authority.into(),
        form: TargetForm::Authority,
        version: Version::Http11,
        fields,
    };
    let kernel = session.kernel();
    if !kernel
        .chain()
        .interest()
        .contains(Hook::HttpConnectUpstream)
    {
        return head;
    }
    let mut flow = HttpFlow {
        info: FlowInfo {
            live: false,
            ..FlowInfo::new(Arc::clone(&session.client), Arc::new(server))
        },
        request: Request {
            host: to.host.clone(),
            port: to.port,
            method: head.method.clone(),
            scheme: Bytes::new(),
            authority: head.target.clone(),
            path: Bytes::new(),
            version: Bytes::from_static(Version::Http11.as_str().as_bytes()),
            fields: head.fields.clone(),
            content: Content::Memory(Bytes::new()),
            trailers: None,
            timestamp_start: Number::now(),
            timestamp_end: Some(Number::now()),
        },
        response: None,
        websocket: None,
    };
    kernel.http_connect_upstream(&mut flow).await;
    head.method = flow.request.method;
    head.target = flow.request.authority;
    head.fields = flow.request.fields;
    head
}

fn refusal(hop: &Hop, head: &ResponseHead) -> String {
    format!(
        "Upstream proxy {} refused HTTP CONNECT request: {} {}",
        hop.via.address,
        head.status,
        String::from_utf8_lossy(&head.reason)
    )
}

fn reason(fault: &ReadFault) -> String {
    match fault {
        ReadFault::Io(error) => crate::io_reason(error),
        ReadFault::Violation(violation) => violation.to_string(),
        ReadFault::Closed | ReadFault::CutHead => "it closed the connection".to_owned(),
    }
}
