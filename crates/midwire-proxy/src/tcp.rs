//! Raw TCP: bytes passed on, as a flow or untouched.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use midwire_flow::{FlowError, FlowInfo, ServerConn, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::duplex::{Duplex, Event};
use crate::io::Io;
use crate::live::{Injected, Killed, Kind};
use crate::raw::Raw;
use crate::session::Session;
use crate::upstream::{self, Failure, Opened, Target};

/// Largest piece that is read at once.
const PIECE: usize = 64 * 1024;

/// Passes bytes on without a flow.
///
/// # Cancellation
/// Both connections are closed.
pub(crate) async fn relay(session: &Session, mut client: Io, server: Opened) {
    let Opened {
        mut io,
        server,
        shared,
        ..
    } = server;
    let idle = session.options().tcp_timeout;
    let copied = copy(&mut client, &mut io, idle).await;
    drop((client, io));
    if let Err(error) = copied {
        tracing::debug!(client = %session.peer(), "relay ended: {error}");
    }
    upstream::ended(session, server, shared).await;
}

async fn copy(client: &mut Io, server: &mut Io, idle: i64) -> std::io::Result<()> {
    let (client_in, client_out) = tokio::io::split(client);
    let (server_in, server_out) = tokio::io::split(server);
    let activity = tokio::sync::Notify::new();
    let both = async {
        tokio::try_join!(
            one_way(client_in, server_out, &activity),
            one_way(server_in, client_out, &activity)
        )
    };
    let mut both = std::pin::pin!(both);
    loop {
        tokio::select! {
            biased;
            done = &mut both => return done.map(|_| ()),
            waited = crate::within(idle, activity.notified()) => if waited.is_none() {
                return Err(std::io::ErrorKind::TimedOut.into());
            },
        }
    }
}

async fn one_way<R, W>(
    mut from: R,
    mut to: W,
    activity: &tokio::sync::Notify,
) -> std::io::Result<()>
where
    R: tokio::io::AsyncRead + Unpin,
    W: tokio::io::AsyncWrite + Unpin,
{
    let mut buf = vec![0; PIECE];
    loop {
        let n = from.read(&mut buf).await?;
        if n == 0 {
            return to.shutdown().await;
        }
        activity.notify_one();
        to.write_all(buf.get(..n).unwrap_or_default()).await?;
        to.flush().await?;
    }
}

/// The server of a conversation, which may have been connected ahead.
pub(crate) struct Server {
    pub(crate) target: Target,
    pub(crate) opened: Option<Opened>,
}

impl Server {
    /// A server that is connected.
    pub(crate) fn of(opened: Opened) -> Self {
        Self {
            target: opened.target.clone(),
            opened: Some(opened),
        }
    }

    /// What is known of the server now.
    pub(crate) fn facts(&self) -> ServerConn {
        match &self.opened {
            Some(opened) => opened.server.clone(),
            None => ServerConn {
                address: Some(self.target.address.clone()),
                ..ServerConn::default()
            },
        }
    }

    /// The connection that was opened ahead, or a new one; with TLS if the target wants it.
    ///
    /// # Cancellation
    /// The connection is closed.
    pub(crate) async fn open(self, session: &Session) -> Result<Opened, Box<Failure>> {
        let opened = match self.opened {
            Some(opened) if opened.server.timestamp_tls_setup.is_some() => return Ok(opened),
            Some(opened) => Opened {
                target: self.target,
                ..opened
            },
            None => upstream::open(session, self.target).await?,
        };
        if !opened.target.tls {
            return Ok(opened);
        }
        let secured = upstream::secure(session, opened, &[]).await;
        if let Err(failure) = &secured {
            tracing::warn!(client = %session.peer(), "{}", failure.fault);
        }
        secured
    }
}

/// Passes bytes on with a flow and its hooks. Without a server it ends with `tcp_error`.
///
/// # Cancellation
/// Both connections are closed; the flow gets no further hook.
pub(crate) async fn conversation(session: &Session, client: Io, server: Server) {
    // A box, since a conversation lives inside many other futures.
    Box::pin(story(session, client, server)).await;
}

async fn story(session: &Session, client: Io, server: Server) {
    let mut info = FlowInfo::new(Arc::clone(&session.client), Arc::new(server.facts()));
    if let Some(reason) = session.passed {
        info.set_meta("not_captured", Value::from(reason.text()));
    }
    let mut raw = Raw::new(session, Kind::Tcp, info);
    let started = raw.start().await;
    if started.is_err() && server.opened.is_none() {
        return raw.end(Ok(())).await;
    }
    let opened = match server.open(session).await {
        Ok(opened) => opened,
        Err(failure) => {
            raw.flow.info.server_conn = Arc::new(failure.server);
            drop(client);
            return raw.end(Err(failure.fault.to_string())).await;
        }
    };
    let Opened {
        io, server, shared, ..
    } = opened;
    let mut peers = Duplex::new(client, io);
    raw.flow.info.server_conn = Arc::new(server.clone());
    let ended = match started {
        Ok(()) => talk(session, &mut raw, &mut peers).await,
        Err(Killed) => Err(FlowError::KILLED.to_owned()),
    };
    peers.meanwhile(raw.end(ended)).await;
    if raw.flow.info.error.is_some() {
        // What is cut must not look complete.
        drop(peers);
    } else {
        peers.finish().await;
    }
    upstream::ended(session, server, shared).await;
}

enum Step {
    Net(Event),
    Injected(Injected),
    Killed,
    Idle,
    Shutdown,
}

/// Passes bytes on until both directions have ended.
async fn talk(session: &Session, raw: &mut Raw<'_>, peers: &mut Duplex) -> Result<(), String> {
    let shutdown = session.kernel().shutdown().clone();
    let mut inbox = session.engine.live.register(&raw.flow.info.id, raw.kind);
    let idle = session.options().tcp_timeout;
    let killed = inbox.killed();
    loop {
        let step = tokio::select! {
            biased;
            () = shutdown.cancelled() => Step::Shutdown,
            () = killed.cancelled() => Step::Killed,
            injected = inbox.next() => Step::Injected(injected),
            event = crate::within(idle, peers.next()) => event.map_or(Step::Idle, Step::Net),
        };
        let (from, content) = match step {
            Step::Net(Event::Data(from)) => (from, peers.peer(from).take()),
            Step::Injected(injected) => (injected.from(), injected.content),
            Step::Net(Event::End(from)) => {
                peers.peer(from.other()).close();
                continue;
            }
            Step::Net(Event::Failed(_, error)) => return Err(crate::io_reason(&error)),
            Step::Net(Event::Done) | Step::Shutdown => return Ok(()),
            Step::Killed => return Err(FlowError::KILLED.to_owned()),
            Step::Idle => return Err(format!("no traffic for {idle} s")),
        };
        let passed = peers.meanwhile(raw.message(from, content)).await;
        let Ok(content) = passed else {
            return Err(FlowError::KILLED.to_owned());
        };
        peers.peer(from.other()).output.extend_from_slice(&content);
    }
}
