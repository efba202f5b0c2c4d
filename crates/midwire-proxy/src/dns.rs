//! DNS conversations: queries of a client, answered by hooks, by a server, or in `dns` mode by the resolver (modes.md §8).

mod resolver;
mod strip;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use midwire_core::hooks::FlowRef;
use midwire_flow::{
    Address, Dns, DnsFlow, Flow, FlowError, FlowInfo, Number, ServerConn, Transport,
};
use midwire_wire::dns::response_codes;

use self::resolver::Resolver;
use self::wire::{Wire, WireError};
use crate::io::Io;
use crate::live::settle;
use crate::session::Session;
use crate::tcp;
use crate::udp::{self, Datagrams};
use crate::upstream;

/// Queries of one client that may wait for answers.
const PENDING_MAX: usize = 1000;
/// How long an answer is waited for.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// Where queries go.
enum Upstream {
    /// To a server over TCP or TLS.
    Stream(Box<tcp::Server>),
    /// To a server over UDP.
    Datagrams(Address),
    /// To the resolver; what it cannot answer goes on over the client's transport.
    Resolver(Transport),
}

/// Serves queries with length prefixes; without a server the resolver answers.
///
/// # Cancellation
/// Connections are closed; flows get no further hook.
pub(crate) async fn serve_stream(session: &Session, client: Io, server: Option<tcp::Server>) {
    let upstream = match server {
        Some(server) => Upstream::Stream(Box::new(server)),
        None => Upstream::Resolver(Transport::Tcp),
    };
    Box::pin(Dialogue::new(session, Wire::stream(client), upstream).story()).await;
}

/// Serves queries in datagrams; without a server the resolver answers.
///
/// # Cancellation
/// Flows get no further hook.
pub(crate) async fn serve_datagrams(session: &Session, client: Datagrams, server: Option<Address>) {
    let upstream = match server {
        Some(address) => Upstream::Datagrams(address),
        None => Upstream::Resolver(Transport::Udp),
    };
    Box::pin(Dialogue::new(session, Wire::Client(client), upstream).story()).await;
}

struct Dialogue<'a> {
    session: &'a Session,
    client: Wire,
    upstream: Upstream,
    server: Option<Server>,
    /// Flows that wait for an answer, by the id of their query.
    pending: HashMap<u16, DnsFlow>,
}

struct Server {
    wire: Wire,
    conn: Arc<ServerConn>,
}

/// The conversation cannot go on.
struct End;

enum Step {
    Client(Result<Option<Bytes>, WireError>),
    Server(Result<Option<Bytes>, WireError>),
    Idle,
    Shutdown,
}

impl<'a> Dialogue<'a> {
    fn new(session: &'a Session, client: Wire, upstream: Upstream) -> Self {
        Self {
            session,
            client,
            upstream,
            server: None,
            pending: HashMap::new(),
        }
    }

    async fn story(mut self) {
        let shutdown = self.session.kernel().shutdown().clone();
        let mut client_open = true;
        while client_open || !self.pending.is_empty() {
            let idle = self.idle();
            let server = self.server.as_mut();
            let step = tokio::select! {
                biased;
                () = shutdown.cancelled() => Step::Shutdown,
                got = self.client.receive(), if client_open => Step::Client(got),
                got = receive(server) => Step::Server(got),
                () = sleep(idle) => Step::Idle,
            };
            let done = match step {
                Step::Client(Ok(Some(bytes))) => self.query(bytes).await,
                Step::Client(Ok(None)) => {
                    client_open = false;
                    Ok(())
                }
                Step::Client(Err(error)) => {
                    tracing::warn!(client = %self.session.peer(), "invalid DNS over TCP: {error}");
                    Err(End)
                }
                Step::Server(Ok(Some(bytes))) => self.response(bytes).await,
                Step::Server(got) => {
                    let reason = match got {
                        Err(error) => format!("server connection failed: {error}"),
                        _ => "server closed the connection without an answer".to_owned(),
                    };
                    self.lose_server(&reason).await;
                    Ok(())
                }
                Step::Idle if !self.pending.is_empty() => {
                    self.fail_all("no answer from the server").await;
                    Ok(())
                }
                Step::Idle | Step::Shutdown => Err(End),
            };
            if done.is_err() {
                break;
            }
        }
        self.lose_server("connection closed before the answer")
            .await;
    }

    /// How long nothing may happen.
    fn idle(&self) -> Option<Duration> {
        if !self.pending.is_empty() {
            return Some(ANSWER_WAIT);
        }
        if self.client.is_datagrams() {
            return Some(udp::IDLE);
        }
        let seconds = u64::try_from(self.session.options().tcp_timeout).ok()?;
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    /// Takes a query of the client.
    async fn query(&mut self, bytes: Bytes) -> Result<(), End> {
        let session = self.session;
        let query = match Dns::unpack(&bytes) {
            Ok(query) => query,
            Err(error) => {
                tracing::warn!(client = %session.peer(), "invalid DNS query: {error}");
                // Datagrams stand alone, but in a stream nothing after this can be trusted.
                return if self.client.is_datagrams() {
                    Ok(())
                } else {
                    Err(End)
                };
            }
        };
        if !query.query {
            tracing::debug!(client = %session.peer(), "DNS response from the client ignored");
            return Ok(());
        }
        // A query that is sent again while it waits goes on with its flow.
        let mut flow = match self.pending.remove(&query.id) {
            Some(mut flow) => {
                flow.request.clone_from(&query);
                flow
            }
            None => self.flow(query.clone()),
        };
        session.kernel().dns_request(&mut flow).await;
        flow = settled(session, flow).await;
        if flow.info.error.is_none() && flow.response.is_none() {
            self.resolve(&mut flow).await;
        }
        if flow.info.error.is_some() {
            return self.fail(flow).await;
        }
        if flow.response.is_some() {
            return self.answer(flow, None).await;
        }
        let bytes = if flow.request == query {
            bytes
        } else {
            match flow.request.pack() {
                Ok(packed) => packed.into(),
                Err(error) => return self.fail_with(flow, &error.to_string()).await,
            }
        };
        self.forward(flow, &bytes).await
    }

    fn flow(&self, query: Dns) -> DnsFlow {
        let mut server = ServerConn::default();
        match &self.upstream {
            Upstream::Stream(known) => server = known.facts(),
            Upstream::Datagrams(address) => server = udp::placeholder(address),
            Upstream::Resolver(transport) => server.transport_protocol = *transport,
        }
        if let Some(connected) = &self.server {
            server.clone_from(&connected.conn);
        }
        DnsFlow {
            info: FlowInfo::new(Arc::clone(&self.session.client), Arc::new(server)),
            request: query,
            request_timestamp: Number::now(),
            response: None,
            response_timestamp: None,
        }
    }

    /// In `dns` mode, answers address queries; for others it finds the name server.
    async fn resolve(&mut self, flow: &mut DnsFlow) {
        let Upstream::Resolver(transport) = self.upstream else {
            return;
        };
        let resolver = Resolver::new(&self.session.options()).await;
        if let Some(answered) = resolver.answer(&flow.request).await {
            match answered {
                Ok(response) => {
                    flow.response = Some(response);
                    flow.response_timestamp = Some(Number::now());
                }
                Err(error) => flow.info.error = Some(FlowError::new(error.to_string())),
            }
            return;
        }
        let Some(server) = resolver.first() else {
            let error = resolver.lack();
            flow.info.error = Some(FlowError::new(error.to_string()));
            return;
        };
        let mut conn = ServerConn {
            address: Some(Address::from(server)),
            ..ServerConn::default()
        };
        conn.transport_protocol = transport;
        flow.info.server_conn = Arc::new(conn);
    }

    /// Sends a query to the server.
    async fn forward(&mut self, mut flow: DnsFlow, bytes: &[u8]) -> Result<(), End> {
        if self.pending.len() >= PENDING_MAX {
            return self
                .fail_with(flow, "too many queries without answer")
                .await;
        }
        if self.server.is_none() {
            match self.connect(&flow).await {
                Ok(server) => self.server = Some(server),
                Err(failure) => {
                    flow.info.server_conn = Arc::new(failure.server);
                    return self.fail_with(flow, &failure.fault.to_string()).await;
                }
            }
        }
        let Some(server) = &mut self.server else {
            return Err(End);
        };
        flow.info.server_conn = Arc::clone(&server.conn);
        let sent = tokio::time::timeout(ANSWER_WAIT, server.wire.send(bytes)).await;
        self.pending.insert(flow.request.id, flow);
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let reason = format!("server connection failed: {error}");
                self.lose_server(&reason).await;
            }
            Err(_) => self.lose_server("the server does not read").await,
        }
        Ok(())
    }

    async fn connect(&mut self, flow: &DnsFlow) -> Result<Server, Box<upstream::Failure>> {
        let session = self.session;
        let address = match &mut self.upstream {
            Upstream::Stream(server) => {
                let ahead = tcp::Server {
                    target: server.target.clone(),
                    opened: server.opened.take(),
                };
                return over_stream(session, ahead).await;
            }
            Upstream::Datagrams(address) => Some(address.clone()),
            Upstream::Resolver(_) => flow.info.server_conn.address.clone(),
        };
        let address = address.unwrap_or_else(|| Address::new("", 53));
        if let Upstream::Resolver(Transport::Tcp) = self.upstream {
            let server = tcp::Server {
                target: session.target(address, false),
                opened: None,
            };
            return over_stream(session, server).await;
        }
        let (socket, conn) = udp::connect(session, address).await?;
        Ok(Server {
            wire: Wire::Server(socket),
            conn: Arc::new(conn),
        })
    }

    /// Takes an answer of the server.
    async fn response(&mut self, bytes: Bytes) -> Result<(), End> {
        let session = self.session;
        let response = match Dns::unpack(&bytes) {
            Ok(response) => response,
            Err(error) => {
                tracing::warn!(client = %session.peer(), "invalid DNS response: {error}");
                if !self.client.is_datagrams() {
                    self.lose_server(&format!("invalid DNS response: {error}"))
                        .await;
                }
                return Ok(());
            }
        };
        let Some(mut flow) = self
            .pending
            .remove(&response.id)
            .filter(|_| !response.query)
        else {
            tracing::debug!(client = %session.peer(), "DNS response without a query ignored");
            return Ok(());
        };
        flow.response = Some(response);
        flow.response_timestamp = Some(Number::now());
        self.answer(flow, Some(bytes)).await
    }

    /// Shows the answer to the hooks and sends it, in the server's own bytes if nothing was changed.
    async fn answer(&mut self, mut flow: DnsFlow, bytes: Option<Bytes>) -> Result<(), End> {
        let session = self.session;
        let original = flow.response.clone();
        if let Some(response) = &mut flow.response {
            strip::strip(response, &session.options());
        }
        session.kernel().dns_response(&mut flow).await;
        flow = settled(session, flow).await;
        flow.info.live = false;
        if flow.info.killed() {
            return Ok(());
        }
        let Some(response) = &flow.response else {
            return Ok(());
        };
        let bytes = match bytes {
            Some(bytes) if flow.response == original => bytes,
            _ => match response.pack() {
                Ok(packed) => packed.into(),
                Err(error) => {
                    tracing::warn!(client = %session.peer(), "{error}");
                    return Ok(());
                }
            },
        };
        self.send(&bytes).await
    }

    async fn fail_with(&mut self, mut flow: DnsFlow, error: &str) -> Result<(), End> {
        flow.info.error = Some(FlowError::new(error));
        self.fail(flow).await
    }

    /// Ends a flow that has an error; the client is told that we failed.
    async fn fail(&mut self, mut flow: DnsFlow) -> Result<(), End> {
        let kernel = self.session.kernel();
        flow.info.live = false;
        kernel.dns_error(&mut flow).await;
        kernel.update(&[FlowRef::Dns(&flow)]);
        let failed = flow.request.fail(response_codes::SERVFAIL as u8);
        match failed.ok().and_then(|response| response.pack().ok()) {
            Some(bytes) => self.send(&bytes).await,
            None => Ok(()),
        }
    }

    async fn fail_all(&mut self, error: &str) {
        for (_, flow) in std::mem::take(&mut self.pending) {
            let _ = self.fail_with(flow, error).await;
        }
    }

    /// Gives the server's connection up, and all queries that wait for it.
    async fn lose_server(&mut self, reason: &str) {
        self.fail_all(reason).await;
        if let Some(Server { wire, conn }) = self.server.take() {
            drop(wire);
            let conn = Arc::try_unwrap(conn).unwrap_or_else(|shared| (*shared).clone());
            upstream::disconnected(self.session, conn).await;
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), End> {
        match tokio::time::timeout(ANSWER_WAIT, self.client.send(bytes)).await {
            Ok(Ok(())) => Ok(()),
            // Datagrams may be lost.
            Ok(Err(_)) if self.client.is_datagrams() => Ok(()),
            _ => Err(End),
        }
    }
}

async fn over_stream(
    session: &Session,
    server: tcp::Server,
) -> Result<Server, Box<upstream::Failure>> {
    let opened = server.open(session).await?;
    Ok(Server {
        wire: Wire::stream(opened.io),
        conn: Arc::new(opened.server),
    })
}

/// After a hook.
async fn settled(session: &Session, mut flow: DnsFlow) -> DnsFlow {
    match settle(session.kernel(), FlowRef::Dns(&flow)).await {
        Ok(None) => flow,
        Ok(Some(Flow::Dns(held))) => *held,
        _ => {
            flow.info.error = Some(FlowError::new(FlowError::KILLED));
            flow
        }
    }
}

async fn receive(server: Option<&mut Server>) -> Result<Option<Bytes>, WireError> {
    match server {
        Some(server) => server.wire.receive().await,
        None => std::future::pending().await,
    }
}

async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
