//! Raw TCP: bytes passed on, as a flow or untouched.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use midwire_core::hooks::{FlowRef, Hook};
use midwire_flow::{FlowError, FlowInfo, MessageFlow, Number, StreamMessage};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::io::Io;
use crate::session::Session;
use crate::upstream::Opened;

/// Largest piece that is read at once.
const PIECE: usize = 64 * 1024;

/// Passes bytes on without a flow.
///
/// # Cancellation
/// Both connections are closed.
pub(crate) async fn relay(session: &Session, mut client: Io, server: Opened) {
    let Opened { mut io, server, .. } = server;
    let idle = session.options().tcp_timeout;
    let copied = copy(&mut client, &mut io, idle).await;
    drop((client, io));
    if let Err(error) = copied {
        tracing::debug!(client = %session.peer(), "relay ended: {error}");
    }
    crate::upstream::disconnected(session, server).await;
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

/// One direction of a conversation that is recorded.
struct Half {
    reader: ReadHalf<Io>,
    open: bool,
}

/// Passes bytes on with a flow and its hooks.
///
/// # Cancellation
/// Both connections are closed; the flow gets no further hook.
pub(crate) async fn conversation(session: &Session, client: Io, server: Opened) {
    let Opened { io, server, .. } = server;
    let shared = Arc::new(server);
    let info = FlowInfo::new(Arc::clone(&session.client), Arc::clone(&shared));
    let mut flow = MessageFlow {
        info,
        messages: Vec::new(),
    };
    let kernel = session.kernel();
    kernel.tcp_start(&mut flow).await;
    kernel.update(&[FlowRef::Tcp(&flow)]);
    let (client_in, mut client_out) = tokio::io::split(client);
    let (server_in, mut server_out) = tokio::io::split(io);
    let mut from_client = Half {
        reader: client_in,
        open: true,
    };
    let mut from_server = Half {
        reader: server_in,
        open: true,
    };
    let (mut client_buf, mut server_buf) = (BytesMut::new(), BytesMut::new());
    let idle = session.options().tcp_timeout;
    let result = loop {
        if flow.info.killed() || !(from_client.open || from_server.open) {
            break Ok(());
        }
        client_buf.reserve(PIECE);
        server_buf.reserve(PIECE);
        let read = async {
            tokio::select! {
                n = from_client.reader.read_buf(&mut client_buf), if from_client.open => (true, n),
                n = from_server.reader.read_buf(&mut server_buf), if from_server.open => (false, n),
            }
        };
        let Some((is_client, read)) = crate::within(idle, read).await else {
            break Err(std::io::ErrorKind::TimedOut.into());
        };
        let (half, out, buf) = match is_client {
            true => (&mut from_client, &mut server_out, &mut client_buf),
            false => (&mut from_server, &mut client_out, &mut server_buf),
        };
        match read {
            Err(error) => break Err(error),
            Ok(0) => {
                half.open = false;
                let _ = out.shutdown().await;
            }
            Ok(_) => {
                let data = Bytes::copy_from_slice(&buf.split());
                if let Err(error) = pass(session, &mut flow, data, is_client, out).await {
                    break Err(error);
                }
            }
        }
    };
    drop((from_client, from_server, client_out, server_out));
    flow.info.live = false;
    match result {
        Ok(()) => kernel.tcp_end(&mut flow).await,
        Err(error) => {
            flow.info.error = Some(FlowError::new(crate::io_reason(&error)));
            kernel.tcp_error(&mut flow).await;
        }
    }
    kernel.update(&[FlowRef::Tcp(&flow)]);
    drop(flow);
    let server = Arc::try_unwrap(shared).unwrap_or_else(|shared| (*shared).clone());
    crate::upstream::disconnected(session, server).await;
}

async fn pass(
    session: &Session,
    flow: &mut MessageFlow,
    data: Bytes,
    from_client: bool,
    out: &mut WriteHalf<Io>,
) -> std::io::Result<()> {
    let kernel = session.kernel();
    let interest = kernel.chain().interest();
    // Without anybody who wants the conversation at its end, only the last message is kept.
    if !(interest.contains(Hook::TcpEnd)
        || interest.contains(Hook::TcpError)
        || interest.wants_updates())
    {
        flow.messages.clear();
    }
    flow.messages.push(StreamMessage {
        from_client,
        content: data,
        timestamp: Number::now(),
    });
    kernel.tcp_message(flow).await;
    kernel.update(&[FlowRef::Tcp(flow)]);
    let Some(message) = flow.messages.last() else {
        return Ok(());
    };
    if message.content.is_empty() {
        return Ok(());
    }
    out.write_all(&message.content).await?;
    out.flush().await
}
