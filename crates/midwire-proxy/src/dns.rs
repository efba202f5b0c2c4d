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
use tokio::task::{JoinError, JoinSet};

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
    /// Flows that wait for an answer of the server, by the id of their query.
    pending: HashMap<u16, DnsFlow>,
    /// Hooks and the resolver at work, each for one flow, so that none waits for another.
    work: JoinSet<Done>,
    /// Queries for which that is so before they are answered.
    asking: Vec<Dns>,
}

/// What came of the work for one flow.
enum Done {
    /// Hooks have seen the query; it was these bytes on the wire, if they are still right.
    Asked(Box<DnsFlow>, Dns, Option<Bytes>),
    /// Hooks have seen the answer: these bytes go to the client.
    Answered(Option<Bytes>),
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
    Done(Result<Done, JoinError>),
    Killed(u16),
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
            work: JoinSet::new(),
            asking: Vec::new(),
        }
    }

    async fn story(mut self) {
        let shutdown = self.session.kernel().shutdown().clone();
        let mut client_open = true;
        while client_open || !self.pending.is_empty() || !self.work.is_empty() {
            let idle = self.idle();
            let listening = client_open && self.work.len() < PENDING_MAX;
            let server = self.server.as_mut();
            let (kills, pending) = (&self.session.kills, &self.pending);
            let killed = kills.one_of(|| {
                let mut all = pending.iter();
                all.find_map(|(id, flow)| kills.wants(&flow.info.id).then_some(*id))
            });
            let step = tokio::select! {
                biased;
                () = shutdown.cancelled() => Step::Shutdown,
                id = killed => Step::Killed(id),
                Some(done) = self.work.join_next() => Step::Done(done),
                got = self.client.receive(), if listening => Step::Client(got),
                got = receive(server) => Step::Server(got),
                () = sleep(idle) => Step::Idle,
            };
            let done = match step {
                Step::Client(Ok(Some(bytes))) => self.query(bytes),
                Step::Done(Ok(Done::Asked(flow, query, bytes))) => {
                    self.asking.retain(|asked| *asked != query);
                    self.asked(*flow, bytes).await
                }
                Step::Done(Ok(Done::Answered(Some(bytes)))) => self.send(&bytes).await,
                Step::Done(Ok(Done::Answered(None))) => Ok(()),
                // A panic is a fault of ours; it ends the conversation, as it would have without a task.
                Step::Done(Err(_)) => Err(End),
                Step::Killed(id) => match self.pending.remove(&id) {
                    Some(flow) => self.fail_with(flow, FlowError::KILLED).await,
                    None => Ok(()),
                },
                Step::Client(Ok(None)) => {
                    client_open = false;
                    Ok(())
                }
                Step::Client(Err(error)) => {
                    tracing::warn!(client = %self.session.peer(), "invalid DNS over TCP: {error}");
                    Err(End)
                }
                Step::Server(Ok(Some(bytes))) => self.response(&bytes).await,
                Step::Server(got) => {
                    let reason = match got {
                        Err(error) => format!("server connection failed: {error}"),
                        _ => "server closed the connection without an answer".to_owned(),
                    };
                    self.lose_server(&reason).await;
                    Ok(())
                }
                // Hooks may take their time.
                Step::Idle if self.pending.is_empty() && !self.work.is_empty() => Ok(()),
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
    fn query(&mut self, bytes: Bytes) -> Result<(), End> {
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
        if self.asking.contains(&query) {
            tracing::debug!(client = %session.peer(), "DNS query that is being looked at came again");
            return Ok(());
        }
        // A query that is sent again while it waits goes on with its flow.
        let flow = match self.pending.remove(&query.id) {
            Some(mut flow) => {
                flow.request.clone_from(&query);
                flow
            }
            None => self.flow(query.clone()),
        };
        self.asking.push(query.clone());
        let resolves = match self.upstream {
            Upstream::Resolver(transport) => Some(transport),
            _ => None,
        };
        let work = ask(session.clone(), flow, resolves);
        self.work.spawn(async move {
            let flow = work.await;
            let unchanged = flow.request == query;
            Done::Asked(Box::new(flow), query, unchanged.then_some(bytes))
        });
        Ok(())
    }

    /// Goes on with a query that hooks have seen.
    async fn asked(&mut self, flow: DnsFlow, bytes: Option<Bytes>) -> Result<(), End> {
        if flow.info.error.is_some() {
            return self.fail(flow).await;
        }
        if flow.response.is_some() {
            self.answer(flow, None);
            return Ok(());
        }
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => match flow.request.pack() {
                Ok(packed) => packed.into(),
                Err(error) => return self.fail_with(flow, &error.to_string()).await,
            },
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
    async fn response(&mut self, bytes: &Bytes) -> Result<(), End> {
        let session = self.session;
        let response = match Dns::unpack(bytes) {
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
        self.answer(flow, Some(bytes.clone()));
        Ok(())
    }

    /// Shows the answer to the hooks; it is sent in the server's own bytes if nothing was changed.
    fn answer(&mut self, flow: DnsFlow, bytes: Option<Bytes>) {
        let work = answer(self.session.clone(), flow, bytes);
        self.work.spawn(async move { Done::Answered(work.await) });
    }

    async fn fail_with(&mut self, mut flow: DnsFlow, error: &str) -> Result<(), End> {
        flow.info.error = Some(FlowError::new(error));
        self.fail(flow).await
    }

    /// Ends a flow that has an error; the client is told that we failed.
    async fn fail(&mut self, mut flow: DnsFlow) -> Result<(), End> {
        let kernel = self.session.kernel();
        flow.info.live = false;
        self.session.kills.forget(&flow.info.id);
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

/// Shows a query to the hooks. In `dns` mode, address queries are answered then, and for others the name server is
/// found.
async fn ask(session: Session, mut flow: DnsFlow, resolves: Option<Transport>) -> DnsFlow {
    session.kernel().dns_request(&mut flow).await;
    flow = settled(&session, flow).await;
    let Some(transport) = resolves.filter(|_| flow.info.error.is_none() && flow.response.is_none())
    else {
        return flow;
    };
    let id = flow.info.id.clone();
    tokio::select! {
        biased;
        () = session.kills.killed(&id) => {
            flow.info.error = Some(FlowError::new(FlowError::KILLED));
        }
        () = resolve(&session, &mut flow, transport) => {}
    }
    flow
}

async fn resolve(session: &Session, flow: &mut DnsFlow, transport: Transport) {
    let resolver = Resolver::new(&session.options()).await;
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

/// Shows an answer to the hooks; the bytes for the client, unless it is to get none.
async fn answer(session: Session, mut flow: DnsFlow, bytes: Option<Bytes>) -> Option<Bytes> {
    let original = flow.response.clone();
    if let Some(response) = &mut flow.response {
        strip::strip(response, &session.options());
    }
    session.kernel().dns_response(&mut flow).await;
    flow = settled(&session, flow).await;
    flow.info.live = false;
    session.kills.forget(&flow.info.id);
    if flow.info.killed() {
        return None;
    }
    let response = flow.response.as_ref()?;
    match bytes {
        Some(bytes) if flow.response == original => Some(bytes),
        _ => match response.pack() {
            Ok(packed) => Some(packed.into()),
            Err(error) => {
                tracing::warn!(client = %session.peer(), "{error}");
                None
            }
        },
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
        Ok(None) if session.kills.wants(&flow.info.id) => {
            flow.info.error = Some(FlowError::new(FlowError::KILLED));
            flow
        }
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
