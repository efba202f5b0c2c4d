//! Conversations that are going on, and the way into them for messages made by the user or a script.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use midwire_core::Kernel;
use midwire_core::hooks::FlowRef;
use midwire_flow::{Flow, Id};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::fault::Side;

/// Injected messages that may wait for one conversation.
const WAITING_MAX: usize = 64;

/// A message made by us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Injected {
    /// Whom it is for.
    pub(crate) to: Receiver,
    /// What it says.
    pub(crate) content: Bytes,
    /// For WebSocket: a text message.
    pub(crate) is_text: bool,
}

/// Whom an injected message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// The client, as if the server had sent it.
    Client,
    /// The server, as if the client had sent it.
    Server,
}

/// Why a message cannot be injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InjectError {
    /// No conversation with this flow is going on.
    #[error("flow is not live")]
    NotLive,
    /// It is of another kind, e.g. no WebSocket conversation.
    #[error("flow is of another kind")]
    OtherKind,
    /// Too many messages wait already.
    #[error("too many injected messages are waiting")]
    Busy,
}

/// What a conversation is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    WebSocket,
    Tcp,
    Udp,
}

/// All conversations that are going on.
#[derive(Clone, Default)]
pub(crate) struct Live(Arc<Mutex<Conversations>>);

type Conversations = HashMap<Id, Entry>;

struct Entry {
    kind: Kind,
    sender: mpsc::Sender<Injected>,
    killed: CancellationToken,
}

/// The receiving end of one conversation; it is unknown again with the drop.
pub(crate) struct Inbox {
    live: Live,
    id: Id,
    receiver: mpsc::Receiver<Injected>,
    killed: CancellationToken,
}

impl Injected {
    /// The side that seems to have sent it.
    pub(crate) fn from(&self) -> Side {
        match self.to {
            Receiver::Client => Side::Server,
            Receiver::Server => Side::Client,
        }
    }
}

impl Live {
    /// Makes a conversation known.
    pub(crate) fn register(&self, id: &Id, kind: Kind) -> Inbox {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let killed = CancellationToken::new();
        let entry = Entry {
            kind,
            sender,
            killed: killed.clone(),
        };
        self.conversations().insert(id.clone(), entry);
        Inbox {
            live: self.clone(),
            id: id.clone(),
            receiver,
            killed,
        }
    }

    /// Hands a message to a conversation.
    pub(crate) fn inject(
        &self,
        id: &Id,
        kinds: &[Kind],
        injected: Injected,
    ) -> Result<(), InjectError> {
        let conversations = self.conversations();
        let entry = conversations.get(id).ok_or(InjectError::NotLive)?;
        if !kinds.contains(&entry.kind) {
            return Err(InjectError::OtherKind);
        }
        entry
            .sender
            .try_send(injected)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => InjectError::Busy,
                mpsc::error::TrySendError::Closed(_) => InjectError::NotLive,
            })
    }

    /// Ends a conversation; false if it is not going on.
    pub(crate) fn kill(&self, id: &Id) -> bool {
        let conversations = self.conversations();
        let Some(entry) = conversations.get(id) else {
            return false;
        };
        entry.killed.cancel();
        true
    }

    fn conversations(&self) -> std::sync::MutexGuard<'_, Conversations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    /// Waits for the next message.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn next(&mut self) -> Injected {
        match self.receiver.recv().await {
            Some(injected) => injected,
            None => std::future::pending().await,
        }
    }

    /// Cancelled when the conversation is to be ended.
    pub(crate) fn killed(&self) -> CancellationToken {
        self.killed.clone()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.live.conversations().remove(&self.id);
    }
}

/// The flow was killed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Killed;

/// After a hook: tells who watches and waits while the flow is held. Gives the flow back if it was held.
///
/// # Cancellation
/// A held flow is forgotten.
pub(crate) async fn settle(kernel: &Kernel, flow: FlowRef<'_>) -> Result<Option<Flow>, Killed> {
    kernel.update(&[flow]);
    let info = flow.info();
    if !info.intercepted {
        return if info.killed() { Err(Killed) } else { Ok(None) };
    }
    match kernel.parked().hold(flow.to_flow()).await {
        Some(back) if !back.info().killed() => Ok(Some(back)),
        _ => Err(Killed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &'static str) -> Injected {
        Injected {
            to: Receiver::Client,
            content: Bytes::from_static(text.as_bytes()),
            is_text: true,
        }
    }

    #[tokio::test]
    async fn messages_reach_the_conversation_while_it_lives() {
        let live = Live::default();
        let id = Id::random();
        let inject = |kind| live.inject(&id, &[kind], message("hi"));
        assert_eq!(inject(Kind::Tcp), Err(InjectError::NotLive));
        let mut inbox = live.register(&id, Kind::Tcp);
        assert_eq!(inject(Kind::WebSocket), Err(InjectError::OtherKind));
        assert_eq!(inject(Kind::Tcp), Ok(()));
        assert_eq!(inbox.next().await, message("hi"));
        assert!(live.kill(&id) && inbox.killed().is_cancelled());
        drop(inbox);
        assert_eq!(inject(Kind::Tcp), Err(InjectError::NotLive));
        assert!(!live.kill(&id));
    }

    #[tokio::test]
    async fn waiting_messages_are_bounded() {
        let live = Live::default();
        let id = Id::random();
        let _inbox = live.register(&id, Kind::Udp);
        let results: Vec<_> = (0..=WAITING_MAX)
            .map(|_| live.inject(&id, &[Kind::Udp], message("x")))
            .collect();
        assert!(results[..WAITING_MAX].iter().all(Result::is_ok));
        assert_eq!(results[WAITING_MAX], Err(InjectError::Busy));
    }
}
