//! What front ends, commands and addons ask of the engine: a closed list of requests and one bounded channel.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use midwire_flow::{HttpFlow, Id};
use tokio::sync::{mpsc, oneshot};

/// A request to the engine. Each carries the way back for its outcome.
#[derive(Debug)]
pub enum EngineRequest {
    /// Send the request of this flow again. The outcome comes when the exchange is over.
    Replay {
        /// The flow, prepared: no response, no error, `is_replay` set. All hooks run; its identifier stays.
        flow: Box<HttpFlow>,
        /// The way back.
        reply: Reply,
    },
    /// Send a message into a running conversation.
    Inject {
        /// The flow.
        flow: Id,
        /// What to send.
        message: Injection,
        /// The way back.
        reply: Reply,
    },
    /// Cut a running flow off.
    Kill {
        /// The flow.
        flow: Id,
        /// The way back.
        reply: Reply,
    },
    /// Close and open listeners as the options now say, also those that failed before.
    Rebind {
        /// The way back.
        reply: Reply,
    },
}

/// A message for a running conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// Which conversations can take it.
    pub kind: InjectionKind,
    /// Towards the client; otherwise towards the server.
    pub to_client: bool,
    /// Bytes.
    pub content: Bytes,
}

/// Kinds of injected messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectionKind {
    /// A WebSocket text message.
    WebSocketText,
    /// A WebSocket binary message.
    WebSocketBinary,
    /// Bytes of a TCP stream.
    Tcp,
    /// A datagram.
    Udp,
}

/// The way back of a request.
pub type Reply = oneshot::Sender<Result<(), EngineError>>;

/// Why the engine did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// No engine serves requests, as with `server=false`.
    #[error("the proxy is not running")]
    NotRunning,
    /// Too many requests wait.
    #[error("the proxy is busy, try again")]
    Busy,
    /// The flow is over, or came from a file.
    #[error("Flow is not from a live connection.")]
    NotLive,
    /// Something else, one line.
    #[error("{0}")]
    Failed(String),
}

/// Requests that wait, at most. They come from people and scripts; more means that the engine is stuck.
const REQUESTS: usize = 256;

/// The channel to the engine. Requests before an engine serves them are refused, not kept.
pub struct EngineChannel {
    requests: mpsc::Sender<EngineRequest>,
    served: Mutex<Served>,
}

enum Served {
    NotYet(mpsc::Receiver<EngineRequest>),
    Taken,
}

impl Default for EngineChannel {
    fn default() -> Self {
        let (requests, receiver) = mpsc::channel(REQUESTS);
        Self {
            requests,
            served: Mutex::new(Served::NotYet(receiver)),
        }
    }
}

impl EngineChannel {
    /// Takes the end that the engine serves; `None` if an engine has it already.
    pub fn serve(&self) -> Option<mpsc::Receiver<EngineRequest>> {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *served, Served::Taken) {
            Served::NotYet(receiver) => Some(receiver),
            Served::Taken => None,
        }
    }

    /// True if an engine serves requests.
    pub fn is_served(&self) -> bool {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(*served, Served::Taken) && !self.requests.is_closed()
    }

    /// Hands a request over; its outcome comes by the returned receiver.
    ///
    /// # Errors
    /// Nobody serves requests, or too many wait.
    pub fn send(
        &self,
        request: impl FnOnce(Reply) -> EngineRequest,
    ) -> Result<oneshot::Receiver<Result<(), EngineError>>, EngineError> {
        if !self.is_served() {
            return Err(EngineError::NotRunning);
        }
        let (reply, outcome) = oneshot::channel();
        match self.requests.try_send(request(reply)) {
            Ok(()) => Ok(outcome),
            Err(mpsc::error::TrySendError::Full(_)) => Err(EngineError::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(EngineError::NotRunning),
        }
    }

    /// Hands a request over and waits for its outcome.
    ///
    /// # Cancellation
    /// The request is carried out all the same; only its outcome is lost.
    pub async fn ask(
        &self,
        request: impl FnOnce(Reply) -> EngineRequest,
    ) -> Result<(), EngineError> {
        self.send(request)?
            .await
            .unwrap_or(Err(EngineError::NotRunning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(future)
    }

    #[test]
    fn requests_need_somebody_who_serves_them() {
        block_on(async {
            let channel = EngineChannel::default();
            let rebind = |reply| EngineRequest::Rebind { reply };
            assert_eq!(channel.ask(rebind).await, Err(EngineError::NotRunning));
            let mut requests = channel.serve().unwrap();
            assert!(channel.serve().is_none());
            let serve = async {
                if let Some(EngineRequest::Rebind { reply }) = requests.recv().await {
                    reply.send(Err(EngineError::NotLive)).unwrap();
                }
            };
            let (outcome, ()) = tokio::join!(channel.ask(rebind), serve);
            assert_eq!(outcome, Err(EngineError::NotLive));
            let kept: Vec<_> = (0..REQUESTS)
                .map(|_| channel.send(rebind).unwrap())
                .collect();
            assert_eq!(channel.send(rebind).unwrap_err(), EngineError::Busy);
            drop((kept, requests));
            assert_eq!(channel.ask(rebind).await, Err(EngineError::NotRunning));
        });
    }
}
