//! WebSocket after 101 (RFC 6455): messages are recorded, shown to hooks and passed on; without interest, frames are.

#[cfg(test)]
mod tests;
mod way;

use std::time::{Duration, Instant};

use midwire_core::Kernel;
use midwire_core::hooks::{FlowRef, Hook};
use midwire_core::options::Options;
use midwire_flow::{Flow, HttpFlow, Number, WebSocketMessage};
use midwire_wire::websocket::{
    Close, DeflateParameters, Item, Limits, Message, MessageKind, Role, WebSocketError, negotiate,
};

use self::way::{Masks, Piece, Way};
use crate::duplex::{Duplex, Event};
use crate::fault::Side;
use crate::io::Io;
use crate::live::{Injected, Killed, Kind, settle};
use crate::session::Session;
use crate::upstream::Opened;

/// How long the other peer may take to answer a close frame.
const CLOSE_WAIT: Duration = Duration::from_secs(3);
/// How long a side may go on speaking when the other one broke the protocol.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Close code for a conversation that we end (RFC 6455 §7.4.1).
const GOING_AWAY: u16 = 1001;
/// What is recorded for a close frame without code, and for an end without close frame.
const NO_CODE: u16 = 1005;
const ABNORMAL: u16 = 1006;

/// True if a 101 response turns the connection into a WebSocket that is to be looked into.
pub(crate) fn is_websocket(flow: &HttpFlow, options: &Options) -> bool {
    let Some(response) = &flow.response else {
        return false;
    };
    options.websocket
        && response.status == 101
        && response.fields.has_token("upgrade", "websocket")
        && flow.request.fields.get("sec-websocket-version") == Some(b"13")
}

/// Serves a WebSocket conversation from the end of the handshake to its own end.
///
/// # Cancellation
/// Both connections are closed; the flow gets no further hook.
pub(crate) async fn serve(session: &Session, client: Io, server: Opened, flow: HttpFlow) {
    let Opened {
        io, server, shared, ..
    } = server;
    let peers = Duplex::new(client, io);
    converse(session, peers, flow).await;
    crate::upstream::ended(session, server, shared).await;
}

async fn converse(session: &Session, peers: Duplex, flow: HttpFlow) {
    let conversation = Conversation::new(session, peers, flow);
    // A box, since a conversation has large buffers and lives inside many other futures.
    Box::pin(conversation.story()).await;
}

struct Conversation<'a> {
    session: &'a Session,
    flow: HttpFlow,
    peers: Duplex,
    from_client: Way,
    from_server: Way,
    masks: Masks,
    /// Compression was agreed on.
    deflate: bool,
    /// The first close frame.
    close: Option<FirstClose>,
    /// An injected message that waits for the end of the message that is passing.
    waiting: Option<Injected>,
    /// A side that has been told already that the other one broke the protocol.
    told: Option<Side>,
}

struct FirstClose {
    by: Side,
    close: Close,
    /// Until when the other side may answer.
    until: Instant,
}

/// How a conversation ends.
enum End {
    /// Both sides have said so, or one has and the other went away or did not answer.
    Closed,
    /// A side went away without a word.
    Lost(Side),
    /// A side broke the protocol or a limit.
    Fault(Side, WebSocketError),
    /// A user or addon killed it.
    Killed,
    /// We end it, for this reason.
    Ours(&'static str),
}

impl From<Killed> for End {
    fn from(_: Killed) -> Self {
        Self::Killed
    }
}

enum Step {
    Net(Event),
    Injected(Injected),
    Killed,
    Idle,
    Shutdown,
}

impl<'a> Conversation<'a> {
    fn new(session: &'a Session, peers: Duplex, mut flow: HttpFlow) -> Self {
        flow.websocket.get_or_insert_default();
        let deflate = agreed(session, &flow);
        let interest = session.kernel().chain().interest();
        let is_watched = interest.contains(Hook::WebsocketMessage)
            || interest.contains(Hook::WebsocketEnd)
            || interest.wants_updates();
        let limits = Limits {
            message_bytes: session.options().websocket_message_limit.as_usize(),
            ..Limits::default()
        };
        let way = |sender: Role| {
            if is_watched {
                Way::whole(sender, deflate, limits)
            } else {
                Way::live(sender, deflate)
            }
        };
        Self {
            session,
            flow,
            peers,
            from_client: way(Role::Client),
            from_server: way(Role::Server),
            masks: Masks::default(),
            deflate: is_watched && deflate.is_some(),
            close: None,
            waiting: None,
            told: None,
        }
    }

    fn kernel(&self) -> &'a Kernel {
        self.session.kernel()
    }

    fn way(&mut self, from: Side) -> &mut Way {
        match from {
            Side::Client => &mut self.from_client,
            Side::Server => &mut self.from_server,
        }
    }

    async fn story(mut self) {
        let kernel = self.kernel();
        kernel.websocket_start(&mut self.flow).await;
        let end = match self.settle().await {
            Ok(()) => self.talk().await,
            Err(Killed) => End::Killed,
        };
        self.finish(end).await;
    }

    async fn talk(&mut self) -> End {
        let shutdown = self.kernel().shutdown().clone();
        let engine = &self.session.engine;
        let mut inbox = engine.live.register(&self.flow.info.id, Kind::WebSocket);
        let killed = inbox.killed();
        loop {
            let idle = self.idle();
            let step = tokio::select! {
                biased;
                () = shutdown.cancelled() => Step::Shutdown,
                () = killed.cancelled() => Step::Killed,
                injected = inbox.next(), if self.waiting.is_none() && self.close.is_none() => {
                    Step::Injected(injected)
                }
                event = self.peers.next() => Step::Net(event),
                () = sleep(idle) => Step::Idle,
            };
            let done = match step {
                Step::Net(Event::Data(side)) => self.data(side).await,
                // The other side may still be speaking, and has to say goodbye.
                Step::Net(Event::End(side)) if self.has_closed(side) => Ok(()),
                Step::Net(Event::End(side) | Event::Failed(side, _)) => Err(self.gone(side)),
                Step::Net(Event::Done) => Err(End::Closed),
                Step::Injected(injected) => self.inject(injected).await,
                Step::Killed => Err(End::Killed),
                Step::Idle if self.close.is_some() => Err(End::Closed),
                Step::Idle => Err(End::Ours("no traffic for tcp_timeout")),
                Step::Shutdown => Err(End::Ours("proxy is shutting down")),
            };
            if let Err(end) = done {
                if let End::Fault(side, error) = &end {
                    self.last_words((*side).other(), error).await;
                }
                return end;
            }
        }
    }

    /// A side has to hear that the other one broke the protocol. What it was still saying passes, as it would have
    /// if the two had talked to each other.
    async fn last_words(&mut self, to: Side, error: &WebSocketError) {
        if self.close.is_some() || self.way(to.other()).is_inside_frame() {
            return;
        }
        let close = Close {
            code: Some(error.close_code()),
            reason: error.to_string(),
        };
        if self.send(to, &Item::Close(close)).is_err() {
            return;
        }
        self.told = Some(to);
        let deadline = tokio::time::Instant::now() + LAST_WORDS;
        loop {
            let event = tokio::time::timeout_at(deadline, self.peers.next()).await;
            match event {
                Ok(Event::Data(side)) if side == to => {
                    if self.data(side).await.is_err() || self.way(to).is_closed() {
                        return;
                    }
                }
                Ok(Event::Data(side)) => self.peers.peer(side).input.clear(),
                Ok(Event::End(side)) if side != to => {}
                _ => return,
            }
        }
    }

    /// How long nothing may happen.
    fn idle(&self) -> Option<Duration> {
        if let Some(first) = &self.close {
            return Some(first.until.saturating_duration_since(Instant::now()));
        }
        let seconds = u64::try_from(self.session.options().tcp_timeout).ok()?;
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    /// True if this side was the first one to say goodbye.
    fn has_closed(&self, side: Side) -> bool {
        self.close.as_ref().is_some_and(|first| first.by == side)
    }

    /// A side sends nothing more.
    fn gone(&self, side: Side) -> End {
        match self.close {
            Some(_) => End::Closed,
            None => End::Lost(side),
        }
    }

    /// Takes what a side has sent.
    async fn data(&mut self, from: Side) -> Result<(), End> {
        loop {
            let way = match from {
                Side::Client => &mut self.from_client,
                Side::Server => &mut self.from_server,
            };
            let input = &mut self.peers.peer(from).input;
            let piece = match way.read(input) {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(error) => return Err(End::Fault(from, error)),
            };
            match piece {
                Piece::Item(Item::Message(message)) => self.message(from, message, false).await?,
                Piece::Item(Item::Close(close)) => self.closing(from, close)?,
                Piece::Item(item) => self.control(from, &item)?,
                Piece::Frame(bytes) => {
                    let output = &mut self.peers.peer(from.other()).output;
                    output.extend_from_slice(&bytes);
                }
            }
        }
        match self.waiting.take() {
            Some(injected) => self.inject(injected).await,
            None => Ok(()),
        }
    }

    /// Records a message, shows it to the hooks and passes it on.
    async fn message(&mut self, from: Side, message: Message, injected: bool) -> Result<(), End> {
        let kernel = self.kernel();
        let interest = kernel.chain().interest();
        let recorded = self.flow.websocket.get_or_insert_default();
        // Without anybody who wants the conversation at its end, only the last message is kept.
        if !(interest.contains(Hook::WebsocketEnd) || interest.wants_updates()) {
            recorded.messages.clear();
        }
        recorded.messages.push(WebSocketMessage {
            opcode: opcode(message.kind),
            from_client: from == Side::Client,
            content: message.content.clone(),
            timestamp: Number::now(),
            dropped: false,
            injected,
        });
        let hook = kernel.websocket_message(&mut self.flow);
        self.peers.meanwhile(hook).await;
        self.settle().await?;
        let last = self
            .flow
            .websocket
            .as_ref()
            .and_then(|ws| ws.messages.last());
        let Some(last) = last.filter(|last| !last.dropped) else {
            return Ok(());
        };
        let message = Message {
            content: last.content.clone(),
            ..message
        };
        self.send(from.other(), &Item::Message(message))
    }

    /// Passes a ping or pong on.
    fn control(&mut self, from: Side, item: &Item) -> Result<(), End> {
        let name = match item {
            Item::Ping(_) => "ping",
            _ => "pong",
        };
        let side = match from {
            Side::Client => "client",
            Side::Server => "server",
        };
        tracing::debug!(client = %self.session.peer(), "received WebSocket {name} from the {side}");
        self.send(from.other(), item)
    }

    /// Passes a close frame on; the second one ends the conversation.
    fn closing(&mut self, from: Side, close: Close) -> Result<(), End> {
        self.send(from.other(), &Item::Close(close.clone()))?;
        match &self.close {
            Some(first) if first.by != from => Err(End::Closed),
            Some(_) => Ok(()),
            None => {
                self.close = Some(FirstClose {
                    by: from,
                    close,
                    until: Instant::now() + CLOSE_WAIT,
                });
                Ok(())
            }
        }
    }

    async fn inject(&mut self, injected: Injected) -> Result<(), End> {
        let from = injected.from();
        if self.way(from).is_inside_message() {
            self.waiting = Some(injected);
            return Ok(());
        }
        let kind = if injected.is_text {
            MessageKind::Text
        } else {
            MessageKind::Binary
        };
        let message = Message {
            kind,
            content: injected.content,
            fragments: Vec::new(),
            compressed: self.deflate,
        };
        self.message(from, message, true).await
    }

    fn send(&mut self, to: Side, item: &Item) -> Result<(), End> {
        let masks = &mut self.masks;
        let output = &mut self.peers.peer(to).output;
        let way = match to {
            Side::Client => &mut self.from_server,
            Side::Server => &mut self.from_client,
        };
        let written = way.writer().write(output, item, &mut || masks.next());
        match written {
            Ok(()) if !self.masks.failed() => Ok(()),
            _ => Err(End::Ours("internal error")),
        }
    }

    /// After a hook.
    async fn settle(&mut self) -> Result<(), Killed> {
        let held = settle(self.kernel(), FlowRef::Http(&self.flow));
        match self.peers.meanwhile(held).await? {
            Some(Flow::Http(flow)) => self.flow = *flow,
            Some(_) => return Err(Killed),
            None => {}
        }
        Ok(())
    }

    /// Tells the peers, records how it ended and runs the last hook.
    async fn finish(mut self, end: End) {
        let (by, close) = match &end {
            End::Closed => match self.close.take() {
                Some(FirstClose { by, close, .. }) => {
                    self.answer_close(by, &close);
                    let code = close.code.unwrap_or(NO_CODE);
                    (Some(by), (code, Some(close.reason)))
                }
                None => (None, (ABNORMAL, None)),
            },
            End::Lost(side) => (Some(*side), (ABNORMAL, None)),
            End::Killed => (None, (ABNORMAL, None)),
            End::Fault(side, error) => {
                tracing::warn!(client = %self.session.peer(), "{error}");
                let close = self.close_both(error.close_code(), &error.to_string());
                (Some(*side), close)
            }
            End::Ours(reason) => (None, self.close_both(GOING_AWAY, reason)),
        };
        if let Some(websocket) = &mut self.flow.websocket {
            websocket.closed_by_client = by.map(|side| side == Side::Client);
            websocket.close_code = Some(i64::from(close.0));
            websocket.close_reason = close.1;
            websocket.timestamp_end = Some(crate::now());
        }
        self.flow.info.live = false;
        let kernel = self.kernel();
        let hook = kernel.websocket_end(&mut self.flow);
        self.peers.meanwhile(hook).await;
        kernel.update(&[FlowRef::Http(&self.flow)]);
        if !matches!(end, End::Killed) {
            self.peers.finish().await;
        }
    }

    /// Answers the side that has closed if the other one did not.
    fn answer_close(&mut self, side: Side, close: &Close) {
        if !self.way(side.other()).is_closed() {
            let _ = self.send(side, &Item::Close(close.clone()));
        }
    }

    /// Sends a close frame to every side that has not got one. It cannot stand inside a message that passes live.
    fn close_both(&mut self, code: u16, reason: &str) -> (u16, Option<String>) {
        let close = Close {
            code: Some(code),
            reason: reason.to_owned(),
        };
        for side in [Side::Client, Side::Server] {
            let is_told = self.told == Some(side);
            let way = self.way(side.other());
            if !is_told && !way.is_closed() && !way.is_inside_frame() {
                let _ = self.send(side, &Item::Close(close.clone()));
            }
        }
        (code, Some(close.reason))
    }
}

/// The compression that both sides agreed on.
fn agreed(session: &Session, flow: &HttpFlow) -> Option<DeflateParameters> {
    const NAME: &str = "sec-websocket-extensions";
    let response = flow.response.as_ref()?;
    let agreed = negotiate(
        flow.request.fields.get_all(NAME),
        response.fields.get_all(NAME),
    );
    match agreed {
        Ok(extensions) => {
            for name in &extensions.unknown {
                tracing::info!(client = %session.peer(), "Ignoring unknown WebSocket extension {name:?}.");
            }
            extensions.deflate
        }
        Err(error) => {
            tracing::warn!(client = %session.peer(), "{error}");
            None
        }
    }
}

fn opcode(kind: MessageKind) -> u8 {
    match kind {
        MessageKind::Text => 1,
        MessageKind::Binary => 2,
    }
}

async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
