//! One exchange: a request and its responses, from head to end, the same for every protocol version.

mod request;
mod response;

use std::sync::Arc;

use midwire_core::explain;
use midwire_core::hooks::{ContentNeed, FlowRef, Part};
use midwire_flow::{Flow, FlowError, FlowInfo, HttpFlow, Id, Passed, ServerConn, Value};
use midwire_wire::Version;
use midwire_wire::http1::{self, Framing};

use super::capture::Capture;
use super::filters::Filters;
use super::message::{self, Destination};
use super::pace::Pace;
use super::page;
use super::passing::Tee;
use super::stream::{Inbound, Incoming, Outbound};
use crate::fault::{ConnectFault, Fault, Side};
use crate::session::Session;
use crate::upstream::{self, Route, Target};
use crate::via::{Hop, How};

/// What is to happen with the client's connection after an exchange.
pub(crate) enum After {
    /// The next request may come.
    Next,
    /// It is to be closed in an orderly way.
    Close,
    /// It is to be cut, so that the client sees that a message is incomplete.
    Cut,
    /// Both sides go on with another protocol after 101.
    Switch(Box<Switched>),
}

/// Both sides of an exchange that goes on with another protocol.
pub(crate) struct Switched {
    pub(crate) route: Route,
    pub(crate) flow: HttpFlow,
}

struct Exchange<'a> {
    session: &'a Session,
    to: &'a Destination,
    flow: HttpFlow,
    framing: Framing,
    content: Inbound<'a>,
    reply: Outbound<'a>,
    client_version: Version,
    /// A response head has gone to the client.
    answered: bool,
    /// The end of the connection is the end of the response.
    until_close: bool,
    /// Content that was read whole until it proved too large for that.
    begun: Option<Capture>,
    /// The hook `response` has run, so that there is none for errors.
    ended: bool,
    /// The server was promised content that it did not get.
    withheld: bool,
    /// A way to the server that can have no other exchange.
    spent: Option<Route>,
}

/// Runs one exchange.
///
/// # Cancellation
/// The client and server connections are closed where they are; the flow gets no further hook.
pub(crate) async fn run(session: &Session, to: &Destination, incoming: Incoming<'_>) -> After {
    let Incoming {
        head,
        pseudo,
        framing,
        content,
        mut reply,
        began,
    } = incoming;
    let request = match pseudo {
        Some(pseudo) => message::request_with(&head, pseudo, to, began),
        None => message::request(&head, to, began),
    };
    let mut request = match request {
        Ok(request) => request,
        Err(fault) => return refuse(session, &mut reply, &fault).await,
    };
    if let Some(target) = session.reverse()
        && !session.options().keep_host_header
    {
        message::name_host(&mut request, &target.host_field());
    }
    let server = Arc::new(ServerConn {
        address: to.address(),
        via: session.via.clone(),
        ..ServerConn::default()
    });
    let flow = HttpFlow {
        info: FlowInfo::new(Arc::clone(&session.client), server),
        request,
        response: None,
        websocket: None,
    };
    let client_version = head.version;
    let mut exchange = Exchange {
        session,
        to,
        flow,
        framing,
        content,
        reply,
        client_version,
        answered: false,
        until_close: false,
        begun: None,
        ended: false,
        withheld: false,
        spent: None,
    };
    let after = match exchange.story().await {
        Ok(after) => after,
        Err(fault) => exchange.fail(fault).await,
    };
    session.kills.forget(&exchange.flow.info.id);
    match after {
        After::Next if !exchange.content.is_done() => After::Close,
        after => after,
    }
}

/// Sends the request of a recorded flow again. All hooks run; the response goes to nobody.
///
/// # Cancellation
/// The server connection is closed where it is; the flow gets no further hook.
pub(crate) async fn replay(session: &Session, to: &Destination, mut flow: HttpFlow) {
    flow.info.passed = Passed::default();
    // The identifier is that of the recorded flow, which may have been killed.
    session.kills.forget(&flow.info.id);
    let mut exchange = Exchange {
        session,
        to,
        flow,
        framing: Framing::None,
        content: Inbound::Nothing,
        reply: Outbound::Nobody,
        client_version: Version::Http11,
        answered: false,
        until_close: false,
        begun: None,
        ended: false,
        withheld: false,
        spent: None,
    };
    match exchange.story().await {
        Ok(After::Switch(switched)) => switched.route.close(session).await,
        Ok(_) => {}
        Err(fault) => {
            exchange.fail(fault).await;
        }
    }
}

/// Answers a request of which no flow can be made.
pub(crate) async fn refuse(session: &Session, reply: &mut Outbound<'_>, fault: &Fault) -> After {
    tracing::warn!(client = %session.peer(), "{fault}");
    if let Some(status) = fault.status() {
        let _ = page::send(reply, status, &fault.to_string(), false).await;
    }
    After::Close
}

impl Exchange<'_> {
    async fn story(&mut self) -> Result<After, Fault> {
        let kernel = self.session.kernel();
        if message::drop_foreign_upgrade(&mut self.flow.request.fields) {
            tracing::warn!(client = %self.session.peer(), "HTTP/2 without TLS is not supported: the Upgrade field was removed");
        }
        let expects =
            http1::expects_continue(&self.flow.request.fields).map_err(Fault::BadRequest)?;
        kernel.requestheaders(&mut self.flow).await;
        self.hooked().await?;

        let (need, who) = self.need(Part::Request, self.framing);
        let local = self.flow.response.is_some();
        let whole = local || need == ContentNeed::Whole || self.content.holds_all(self.framing);
        if need == ContentNeed::Whole && self.framing != Framing::None {
            self.say_who_buffers("buffered_request", who);
        }
        if !whole {
            return self.stream_request(need, expects).await;
        }
        if expects && !self.content.holds_all(self.framing) {
            self.go_on().await?;
        }
        if let Some(begun) = self.read_request(need).await? {
            self.begun = Some(begun);
            return self.stream_request(ContentNeed::Nothing, false).await;
        }
        kernel.request(&mut self.flow).await;
        self.hooked().await?;
        if self.flow.response.is_some() {
            return self.answer().await;
        }
        self.fetch(expects).await
    }

    /// What addons need of the content of a message, as far as `stream_large_bodies` lets them have it.
    fn need(&self, part: Part, framing: Framing) -> (ContentNeed, Option<&'static str>) {
        let kernel = self.session.kernel();
        let (need, who) = kernel.chain().content_need(kernel, &self.flow, part);
        let large = match (framing, self.stream_limit()) {
            (Framing::Length(len), Some(limit)) => len > limit,
            _ => false,
        };
        if !large {
            return (need, who);
        }
        self.say_streaming(part);
        let kept = if self.session.options().store_streamed_bodies {
            ContentNeed::Copy
        } else {
            ContentNeed::Nothing
        };
        (kept, None)
    }

    /// What is to be done with content that passes.
    fn tee(&mut self, need: ContentNeed, limit: Option<u64>, part: Part) -> Tee {
        let kernel = self.session.kernel();
        let side = match part {
            Part::Request => Side::Client,
            Part::Response => Side::Server,
        };
        let mut tee = Tee::new(need, limit, side);
        if !self.session.options().store_streamed_bodies {
            tee.keep = self.stream_limit();
        }
        tee.filters = Filters::new(kernel.chain().stream_filters(kernel, &self.flow, part));
        if part == Part::Request {
            tee.pace = Pace::new(self.session.options().client_body_timeout);
        }
        if let Some(begun) = &mut self.begun {
            // What was read goes through the filters too, and what they make of it is recorded.
            let store = self.session.options().store_streamed_bodies;
            tee.capture = match (store, tee.filters.is_empty()) {
                (true, true) => begun.fork(),
                (true, false) => Capture::copy(),
                (false, true) => Capture::Count(begun.size()),
                (false, false) => Capture::count(),
            };
        }
        match part {
            Part::Request => self.flow.info.passed.request = true,
            Part::Response => self.flow.info.passed.response = true,
        }
        tee
    }

    /// The option `stream_large_bodies`.
    fn stream_limit(&self) -> Option<u64> {
        let options = self.session.options();
        options
            .stream_large_bodies
            .as_ref()
            .map(midwire_core::options::Size::bytes)
    }

    fn say_streaming(&self, part: Part) {
        let host = &self.flow.request.host;
        match part {
            Part::Request => {
                tracing::info!(client = %self.session.peer(), "Streaming request to {host}.");
            }
            Part::Response => {
                tracing::info!(client = %self.session.peer(), "Streaming response from {host}.");
            }
        }
    }

    /// Puts the server's connection away and says what follows for the client's.
    async fn finish(
        &mut self,
        route: Route,
        framing: Framing,
        sent_all: bool,
    ) -> Result<After, Fault> {
        let after = if self.flow.info.killed() {
            self.reply.abort(&Fault::Killed);
            After::Cut
        } else {
            self.after(framing)
        };
        let Route::H1(link) = route else {
            return Ok(after);
        };
        let reusable = sent_all
            && !self.withheld
            && self.flow.response.as_ref().is_some_and(|response| {
                http1::persists(
                    response.protocol().unwrap_or(Version::Http10),
                    &response.fields,
                )
            })
            && http1::persists(Version::Http11, &self.flow.request.fields)
            && link.source.is_done()
            && !link.source.has_surplus();
        let mut link = link;
        let surplus = if reusable {
            link.rest();
            self.session.keep(*link)
        } else {
            Some(*link)
        };
        if let Some(link) = surplus {
            link.close(self.session).await;
        }
        Ok(after)
    }

    fn after(&self, framing: Framing) -> After {
        // A 101 that is no switch of ours: what follows from the client cannot be trusted to be requests.
        let switched = self
            .flow
            .response
            .as_ref()
            .is_some_and(|response| response.status == 101);
        let persists = framing != Framing::UntilClose
            && !switched
            && http1::persists(self.client_version, &self.flow.request.fields)
            && self.flow.response.as_ref().is_none_or(|response| {
                http1::persists(
                    response.protocol().unwrap_or(Version::Http11),
                    &response.fields,
                )
            });
        if persists { After::Next } else { After::Close }
    }

    /// A way to the server of this request: one that is there, or a new one.
    async fn route(&mut self, fresh_only: bool) -> Result<Route, Fault> {
        let target = self.target();
        while !fresh_only && let Some(mut link) = self.session.take(&target) {
            if link.is_stale().await {
                link.close(self.session).await;
                continue;
            }
            self.flow.info.server_conn = Arc::clone(&link.server);
            self.explain(if link.used {
                "server connection: used again"
            } else {
                "server connection: made ahead"
            });
            return Ok(Route::H1(Box::new(link)));
        }
        if let Some((fault, server)) = self.session.failure(&target) {
            self.flow.info.server_conn = server;
            return Err(fault.into());
        }
        let reach = async {
            if !self.flow.request.fields.contains("upgrade") {
                return upstream::reach(self.session, &target).await;
            }
            Box::pin(upstream::reach_upgrade(
                self.session,
                &target,
                self.client_version,
            ))
            .await
        };
        let reached = tokio::select! {
            biased;
            reached = reach => reached,
            fault = outside(&mut self.content, self.session, &self.flow.info.id) => return Err(fault),
        };
        match reached {
            Ok(route) => {
                self.flow.info.server_conn = Arc::clone(route.server());
                self.explain(match route {
                    Route::H1(_) => "server connection: new",
                    Route::H2(_) => "server connection: a stream of a shared one",
                });
                Ok(route)
            }
            Err(failure) => {
                self.flow.info.server_conn = Arc::new(failure.server);
                Err(failure.fault.into())
            }
        }
    }

    fn target(&self) -> Target {
        let request = &self.flow.request;
        let tls = request.scheme.eq_ignore_ascii_case(b"https");
        let address = midwire_flow::Address::new(request.host.clone(), request.port);
        let to_named = matches!(self.to, Destination::Fixed { host, .. } if *host == request.host);
        let mut target = self.session.target(address, tls);
        if tls && !to_named {
            // The name that the client asked us for is that of another server.
            target.sni = Some(request.host.clone());
        }
        let how = match self.to {
            Destination::Named if !tls => How::Forward,
            _ => How::Tunnel,
        };
        let via = self.flow.info.server_conn.via.clone();
        target.via = via.map(|via| Hop { via, how });
        target
    }

    /// After a hook: tells who watches, waits while the flow is held, ends if it was killed.
    async fn hooked(&mut self) -> Result<(), Fault> {
        let kernel = self.session.kernel();
        if self.ended && !self.flow.info.intercepted {
            self.flow.info.live = false;
        }
        kernel.update(&[FlowRef::Http(&self.flow)]);
        if self.flow.info.intercepted {
            let held = kernel
                .parked()
                .hold(Flow::Http(Box::new(self.flow.clone())));
            let back = tokio::select! {
                back = held => back,
                fault = outside(&mut self.content, self.session, &self.flow.info.id) => return Err(fault),
            };
            match back {
                Some(Flow::Http(flow)) => self.flow = *flow,
                _ => return Err(Fault::Killed),
            }
            if self.ended {
                self.flow.info.live = false;
                kernel.update(&[FlowRef::Http(&self.flow)]);
            }
        }
        if self.flow.info.killed() || self.session.kills.wants(&self.flow.info.id) {
            Err(Fault::Killed)
        } else {
            Ok(())
        }
    }

    /// After the last hook, when everything has been sent already.
    async fn hooked_finally(&mut self) {
        let _ = self.hooked().await;
    }

    /// Ends a failed exchange: page or cut for the client, error for the flow.
    async fn fail(&mut self, fault: Fault) -> After {
        let kernel = self.session.kernel();
        let text = fault.to_string();
        if self.flow.info.error.is_none() && !self.ended {
            self.flow.info.error = Some(FlowError::new(&text));
        }
        if !matches!(fault, Fault::Killed | Fault::ClientGone) {
            tracing::debug!(client = %self.session.peer(), "{text}");
        }
        self.flow.info.live = false;
        // Each flow has one end: `response` or `error` (events.md §5).
        if !self.ended {
            kernel.error(&mut self.flow).await;
        }
        kernel.update(&[FlowRef::Http(&self.flow)]);
        if let Some(route) = self.spent.take() {
            route.close(self.session).await;
        }
        if self.until_close {
            self.session.reset.wanted();
        }
        let (status, text) = match (fault.status(), self.kill_reason(&fault)) {
            (Some(status), _) => (status, text),
            (None, Some(reason)) => (502, reason),
            (None, None) => {
                self.reply.abort(&fault);
                return After::Cut;
            }
        };
        if self.answered {
            let _ = self.reply.flush().await;
            self.reply.abort(&fault);
            return After::Cut;
        }
        let head_only = self.flow.request.method.eq_ignore_ascii_case(b"HEAD");
        match page::send(&mut self.reply, status, &text, head_only).await {
            Ok(()) => After::Close,
            Err(_) => After::Cut,
        }
    }

    /// What an addon that killed the flow wants the client to know.
    fn kill_reason(&self, fault: &Fault) -> Option<String> {
        match (fault, self.flow.info.meta("kill_reason")) {
            (Fault::Killed, Some(Value::Text(reason))) => Some(reason.clone()),
            _ => None,
        }
    }

    /// Records a fact with the flow, if that is asked for.
    fn explain(&mut self, line: &str) {
        if self.session.kernel().chain().explains() {
            explain::note(&mut self.flow.info, line);
        }
    }

    fn say_who_buffers(&mut self, key: &str, who: Option<&'static str>) {
        if let Some(who) = who {
            self.flow.info.set_meta(key, Value::from(who));
        }
    }

    fn body_limit(&self) -> Option<u64> {
        self.session
            .options()
            .body_size_limit
            .as_ref()
            .map(midwire_core::options::Size::bytes)
    }
}

/// Waits until an exchange has to end for what is outside of it: its client went away, or it was killed.
///
/// # Cancellation
/// Safe.
async fn outside(content: &mut Inbound<'_>, session: &Session, id: &Id) -> Fault {
    tokio::select! {
        () = content.gone() => Fault::ClientGone,
        () = session.kills.killed(id) => Fault::Killed,
    }
}

impl From<Box<upstream::Failure>> for ConnectFault {
    fn from(failure: Box<upstream::Failure>) -> Self {
        failure.fault
    }
}
