//! Raw TCP and UDP conversations as flows: their hooks, and what of them is kept.

use bytes::Bytes;
use midwire_core::Kernel;
use midwire_core::hooks::{FlowRef, Hook};
use midwire_flow::{Flow, FlowError, FlowInfo, MessageFlow, Number, StreamMessage};

use crate::fault::Side;
use crate::live::{Killed, Kind, settle};
use crate::session::Session;

/// The flow of a conversation.
pub(crate) struct Raw<'a> {
    kernel: &'a Kernel,
    /// TCP or UDP.
    pub(crate) kind: Kind,
    pub(crate) flow: MessageFlow,
}

impl<'a> Raw<'a> {
    pub(crate) fn new(session: &'a Session, kind: Kind, info: FlowInfo) -> Self {
        Self {
            kernel: session.kernel(),
            kind,
            flow: MessageFlow {
                info,
                messages: Vec::new(),
            },
        }
    }

    /// Says that it begins.
    pub(crate) async fn start(&mut self) -> Result<(), Killed> {
        match self.kind {
            Kind::Udp => self.kernel.udp_start(&mut self.flow).await,
            _ => self.kernel.tcp_start(&mut self.flow).await,
        }
        self.settle().await
    }

    /// Records bytes, shows them to the hooks and gives what is to be passed on.
    pub(crate) async fn message(&mut self, from: Side, content: Bytes) -> Result<Bytes, Killed> {
        // Without anybody who wants the conversation at its end, only the last message is kept.
        if !self.is_kept() {
            self.flow.messages.clear();
        }
        self.flow.messages.push(StreamMessage {
            from_client: from == Side::Client,
            content,
            timestamp: Number::now(),
        });
        match self.kind {
            Kind::Udp => self.kernel.udp_message(&mut self.flow).await,
            _ => self.kernel.tcp_message(&mut self.flow).await,
        }
        self.settle().await?;
        let last = self.flow.messages.last();
        Ok(last.map(|last| last.content.clone()).unwrap_or_default())
    }

    /// Says that it has ended, with an error if it failed or was killed.
    pub(crate) async fn end(&mut self, result: Result<(), String>) {
        let info = &mut self.flow.info;
        info.live = false;
        if let Err(error) = result
            && info.error.is_none()
        {
            info.error = Some(FlowError::new(error));
        }
        let failed = info.error.is_some();
        let flow = &mut self.flow;
        match (self.kind, failed) {
            (Kind::Udp, false) => self.kernel.udp_end(flow).await,
            (Kind::Udp, true) => self.kernel.udp_error(flow).await,
            (_, false) => self.kernel.tcp_end(flow).await,
            (_, true) => self.kernel.tcp_error(flow).await,
        }
        self.kernel.update(&[self.view()]);
    }

    fn is_kept(&self) -> bool {
        let interest = self.kernel.chain().interest();
        let (end, error) = match self.kind {
            Kind::Udp => (Hook::UdpEnd, Hook::UdpError),
            _ => (Hook::TcpEnd, Hook::TcpError),
        };
        interest.contains(end) || interest.contains(error) || interest.wants_updates()
    }

    fn view(&self) -> FlowRef<'_> {
        match self.kind {
            Kind::Udp => FlowRef::Udp(&self.flow),
            _ => FlowRef::Tcp(&self.flow),
        }
    }

    async fn settle(&mut self) -> Result<(), Killed> {
        match settle(self.kernel, self.view()).await {
            Ok(None) => Ok(()),
            Ok(Some(Flow::Tcp(flow) | Flow::Udp(flow))) => {
                self.flow = flow;
                Ok(())
            }
            _ => {
                let killed = FlowError::new(FlowError::KILLED);
                self.flow.info.error.get_or_insert(killed);
                Err(Killed)
            }
        }
    }
}
