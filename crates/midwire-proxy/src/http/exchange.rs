//! One exchange: a request and its responses, from head to end, the same for every protocol version.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use midwire_core::hooks::{ContentNeed, FlowRef, Part};
use midwire_flow::{Content, Flow, FlowError, FlowInfo, HttpFlow, Number, ServerConn, Value, WebSocketData};
use midwire_wire::http1::{self, Expected, Framing};
use midwire_wire::{Fields, ResponseHead, Version};

use super::capture::Capture;
use super::message::{self, Destination};
use super::page;
use super::stream::{Frame, Inbound, Incoming, Outbound, read_fault};
use crate::fault::{ConnectFault, Fault, Side};
use crate::session::Session;
use crate::upstream::{self, Link, Target};
use crate::via::{Hop, How};

/// Interim responses that one exchange passes on (security.md §1.3).
const INTERIM_MAX: usize = 16;
/// How long the server may take to answer `Expect: 100-continue` before the client is told to go on.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

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
    pub(crate) link: Link,
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
}

/// Runs one exchange.
///
/// # Cancellation
/// The client and server connections are closed where they are; the flow gets no further hook.
pub(crate) async fn run(session: &Session, to: &Destination, incoming: Incoming<'_>) -> After {
    let Incoming {
        head,
        framing,
        content,
        mut reply,
        began,
    } = incoming;
    let mut request = match message::request(&head, to, began) {
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
    };
    let after = match exchange.story().await {
        Ok(after) => after,
        Err(fault) => exchange.fail(fault).await,
    };
    match after {
        After::Next if !exchange.content.is_done() => After::Close,
        after => after,
    }
}

/// Answers a request of which no flow can be made.
pub(crate) async fn refuse(session: &Session, reply: &mut Outbound<'_>, fault: &Fault) -> After {
    tracing::warn!(client = %session.peer(), "{fault}");
    if let Some(status) = fault.status() {
        let _ = send_page(reply, status, &fault.to_string(), false).await;
    }
    After::Close
}

async fn send_page(
    reply: &mut Outbound<'_>,
    status: u16,
    reason: &str,
    head_only: bool,
) -> std::io::Result<()> {
    let (head, content) = page::error(status, reason);
    if head_only {
        reply.response_head(&head, Framing::None);
    } else {
        reply.response_head(&head, Framing::Length(content.len() as u64));
        reply.data(content).await?;
    }
    reply.end(None).await
}

impl Exchange<'_> {
    async fn story(&mut self) -> Result<After, Fault> {
        let kernel = self.session.kernel();
        self.drop_foreign_upgrade();
        let expects =
            http1::expects_continue(&self.flow.request.fields).map_err(Fault::BadRequest)?;
        kernel.requestheaders(&mut self.flow).await;
        self.hooked().await?;

        let (need, who) = kernel
            .chain()
            .content_need(kernel, &self.flow, Part::Request);
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
        self.read_request(need).await?;
        kernel.request(&mut self.flow).await;
        self.hooked().await?;
        if self.flow.response.is_some() {
            return self.answer().await;
        }
        self.fetch(expects).await
    }

    /// Reads the whole content of the request.
    async fn read_request(&mut self, need: ContentNeed) -> Result<(), Fault> {
        let mut capture = if need > ContentNeed::Nothing || self.framing != Framing::None {
            Capture::copy()
        } else {
            Capture::count()
        };
        let limit = self.body_limit();
        check_length(self.framing, limit, Side::Client)?;
        while let Some(frame) = self.content.next(Side::Client).await? {
            match frame {
                Frame::Data(data) => {
                    capture.take(&data);
                    check_size(&capture, limit, Side::Client)?;
                }
                Frame::Trailers(trailers) => self.flow.request.trailers = Some(trailers),
            }
        }
        if self.flow.request.content == Content::Missing {
            self.flow.request.content = capture.finish();
        }
        self.flow.request.timestamp_end = Some(Number::now());
        Ok(())
    }

    /// Sends a request whose content is all here, and takes the response.
    async fn fetch(&mut self, expected_continue: bool) -> Result<After, Fault> {
        if expected_continue {
            self.flow.request.fields.remove("expect");
        }
        let mut fresh_only = false;
        loop {
            let mut link = self.link(fresh_only).await?;
            let reused = link.used;
            link.used = true;
            let got = match self.send_whole(&mut link).await {
                Ok(()) => self.response_head(&mut link).await,
                Err(error) => Err(Fault::ServerIo(error)),
            };
            match got {
                Ok((head, framing)) => return self.pass_response(link, head, framing).await,
                Err(fault) => {
                    link.close(self.session).await;
                    let lost = matches!(fault, Fault::NoResponse | Fault::ServerIo(_));
                    if !(lost && reused && is_idempotent(&self.flow.request.method)) {
                        return Err(fault);
                    }
                    tracing::debug!(client = %self.session.peer(), "the reused connection was closed, trying a new one");
                    fresh_only = true;
                }
            }
        }
    }

    async fn send_whole(&mut self, link: &mut Link) -> std::io::Result<()> {
        let request = &self.flow.request;
        let mut head = message::forward_request(request);
        if link.target.is_forwarded() {
            message::make_absolute(&mut head, request);
        }
        let size = request.content.size().unwrap_or(0);
        let framing = message::frame_whole(&mut head.fields, size, request.trailers.is_some());
        link.sink.request_head(&head, framing);
        send_content(&mut Outbound::H1(&mut link.sink), &request.content).await?;
        link.sink.end(request.trailers.as_ref()).await
    }

    /// Waits for the final response head; interim ones are passed on.
    async fn response_head(&mut self, link: &mut Link) -> Result<(ResponseHead, Framing), Fault> {
        let expected = expected(&self.flow.request.method);
        let limit = self.session.options().server_response_timeout;
        for _ in 0..=INTERIM_MAX {
            let wait = crate::within(limit, link.source.response_head(expected));
            let got = tokio::select! {
                biased;
                got = wait => got,
                () = self.content.gone() => return Err(Fault::ClientGone),
            };
            let (head, framing) = match got {
                Some(got) => got.map_err(|fault| read_fault(fault, Side::Server))?,
                None => return Err(response_timeout(limit)),
            };
            if head.status >= 200 || head.status == 101 {
                return Ok((head, framing));
            }
            self.interim(&head).await?;
        }
        Err(Fault::ResponseCut(format!(
            "more than {INTERIM_MAX} interim responses"
        )))
    }

    async fn interim(&mut self, head: &ResponseHead) -> Result<(), Fault> {
        if self.client_version == Version::Http10 {
            return Ok(());
        }
        self.reply.response_head(head, Framing::None);
        self.reply.flush().await.map_err(|_| Fault::ClientGone)
    }

    /// Tells the client to send its content.
    async fn go_on(&mut self) -> Result<(), Fault> {
        let head = ResponseHead {
            version: Version::Http11,
            status: 100,
            reason: Bytes::from_static(b"Continue"),
            fields: Fields::new(),
        };
        self.interim(&head).await
    }

    /// Passes request content on as it arrives. An early response is passed on beside it.
    async fn stream_request(&mut self, need: ContentNeed, expects: bool) -> Result<After, Fault> {
        let limit = self.body_limit();
        check_length(self.framing, limit, Side::Client)?;
        let mut link = self.link(false).await?;
        if link.used && !is_idempotent(&self.flow.request.method) && link.is_stale().await {
            link.close(self.session).await;
            link = self.link(true).await?;
        }
        link.used = true;
        let mut head = message::forward_request(&self.flow.request);
        if link.target.is_forwarded() {
            message::make_absolute(&mut head, &self.flow.request);
        }
        let framing = message::frame_stream(&mut head.fields, self.framing);
        link.sink.request_head(&head, framing);
        link.sink.flush().await.map_err(Fault::ServerIo)?;

        if expects && let Some((head, framing)) = self.wait_for_continue(&mut link).await? {
            // The server has decided without the content; the client is not asked for it.
            return self.pass_response(link, head, framing).await;
        }
        let kernel = self.session.kernel();
        let session = self.session;
        let wanted = expected(&self.flow.request.method);
        let mut capture = if need >= ContentNeed::Copy {
            Capture::copy()
        } else {
            Capture::count()
        };
        let Link { source, sink, .. } = &mut link;
        let mut out = Outbound::H1(sink);
        let early = {
            let send = pump(
                &mut self.content,
                &mut out,
                &mut capture,
                Side::Client,
                limit,
            );
            let mut send = std::pin::pin!(send);
            let receive = source.response_head(wanted);
            let mut receive = std::pin::pin!(receive);
            tokio::select! {
                biased;
                sent = &mut send => Sent::All(sent),
                got = &mut receive => Sent::Early(got),
            }
        };
        match early {
            Sent::All(sent) => {
                self.sent_request(sent, capture)?;
                kernel.request(&mut self.flow).await;
                self.hooked().await?;
                let (head, framing) = match self.response_head(&mut link).await {
                    Ok(got) => got,
                    Err(fault) => {
                        link.close(session).await;
                        return Err(fault);
                    }
                };
                self.pass_response(link, head, framing).await
            }
            Sent::Early(got) => {
                let got = got.map_err(|fault| read_fault(fault, Side::Server));
                self.early_response(link, got, capture, limit).await
            }
        }
    }

    /// Waits for the server's word on `Expect: 100-continue`; a final response means that no content is wanted.
    async fn wait_for_continue(
        &mut self,
        link: &mut Link,
    ) -> Result<Option<(ResponseHead, Framing)>, Fault> {
        let wanted = expected(&self.flow.request.method);
        let got = tokio::time::timeout(CONTINUE_WAIT, link.source.response_head(wanted)).await;
        match got {
            Err(_) => self.go_on().await.map(|()| None),
            Ok(Err(fault)) => Err(read_fault(fault, Side::Server)),
            Ok(Ok((head, _))) if head.status < 200 && head.status != 101 => {
                self.interim(&head).await.map(|()| None)
            }
            Ok(Ok(got)) => Ok(Some(got)),
        }
    }

    /// The server answers while the request is still being sent: both directions go on together.
    async fn early_response(
        &mut self,
        mut link: Link,
        got: Result<(ResponseHead, Framing), Fault>,
        mut capture: Capture,
        limit: Option<u64>,
    ) -> Result<After, Fault> {
        let (mut head, mut framing) = match got {
            Ok(got) => got,
            Err(fault) => {
                link.close(self.session).await;
                return Err(fault);
            }
        };
        let wanted = expected(&self.flow.request.method);
        let mut interim = 0;
        while head.status < 200 {
            interim += 1;
            if interim > INTERIM_MAX || head.status == 101 {
                link.close(self.session).await;
                return Err(Fault::ResponseCut(
                    "interim responses without end".to_owned(),
                ));
            }
            self.interim(&head).await?;
            (head, framing) = link
                .source
                .response_head(wanted)
                .await
                .map_err(|fault| read_fault(fault, Side::Server))?;
        }
        let kernel = self.session.kernel();
        self.flow.response = Some(message::response(head, crate::now()));
        kernel.responseheaders(&mut self.flow).await;
        self.hooked().await?;
        let (need, _) = kernel
            .chain()
            .content_need(kernel, &self.flow, Part::Response);
        let mut received = if need >= ContentNeed::Copy {
            Capture::copy()
        } else {
            Capture::count()
        };
        let framing = self.send_response_head(framing);
        let Link { source, sink, .. } = &mut link;
        let mut to_server = Outbound::H1(sink);
        let mut from_server = Inbound::H1(source);
        let (sent, passed) = {
            let send = pump(
                &mut self.content,
                &mut to_server,
                &mut capture,
                Side::Client,
                limit,
            );
            let receive = pump(
                &mut from_server,
                &mut self.reply,
                &mut received,
                Side::Server,
                limit,
            );
            both(send, receive).await
        };
        let trailers = passed?;
        self.received_response(received, trailers);
        kernel.response(&mut self.flow).await;
        self.hooked_finally().await;
        // What the server did not want is not an error: it has answered.
        let complete = sent.is_ok();
        if let Ok(trailers) = sent {
            self.flow.request.trailers = trailers;
        }
        self.flow.request.content = capture.finish();
        self.flow.request.timestamp_end = Some(Number::now());
        kernel.request(&mut self.flow).await;
        self.hooked_finally().await;
        self.finish(link, framing, complete).await
    }

    fn sent_request(
        &mut self,
        sent: Result<Option<Fields>, Fault>,
        capture: Capture,
    ) -> Result<(), Fault> {
        self.flow.request.trailers = sent?;
        self.flow.request.content = capture.finish();
        self.flow.request.timestamp_end = Some(Number::now());
        Ok(())
    }

    /// Takes the response from the server and passes it on, whole or as it arrives.
    async fn pass_response(
        &mut self,
        mut link: Link,
        head: ResponseHead,
        framing: Framing,
    ) -> Result<After, Fault> {
        let kernel = self.session.kernel();
        if head.status == 101 {
            return self.switch(link, head).await;
        }
        self.flow.response = Some(message::response(head, crate::now()));
        kernel.responseheaders(&mut self.flow).await;
        self.hooked().await?;
        let limit = self.body_limit();
        let (need, who) = kernel
            .chain()
            .content_need(kernel, &self.flow, Part::Response);
        if let Err(fault) = check_length(framing, limit, Side::Server) {
            link.close(self.session).await;
            return Err(fault);
        }
        if need == ContentNeed::Whole && framing != Framing::None {
            self.say_who_buffers("buffered_response", who);
            if let Err(fault) = self.read_response(&mut link, limit).await {
                link.close(self.session).await;
                return Err(fault);
            }
            kernel.response(&mut self.flow).await;
            self.hooked().await?;
            let framing = self.send_response_whole().await?;
            return self.finish(link, framing, true).await;
        }
        let mut capture = if need >= ContentNeed::Copy {
            Capture::copy()
        } else {
            Capture::count()
        };
        let framing = self.send_response_head(framing);
        let passed = {
            let mut from = Inbound::H1(&mut link.source);
            pump(
                &mut from,
                &mut self.reply,
                &mut capture,
                Side::Server,
                limit,
            )
            .await
        };
        match passed {
            Ok(trailers) => self.received_response(capture, trailers),
            Err(fault) => {
                if let Some(response) = &mut self.flow.response {
                    response.content = capture.finish();
                }
                link.close(self.session).await;
                return Err(fault);
            }
        }
        kernel.response(&mut self.flow).await;
        self.hooked_finally().await;
        self.finish(link, framing, true).await
    }

    async fn read_response(&mut self, link: &mut Link, limit: Option<u64>) -> Result<(), Fault> {
        let mut capture = Capture::copy();
        let mut trailers = None;
        let mut from = Inbound::H1(&mut link.source);
        loop {
            let next = tokio::select! {
                biased;
                next = from.next(Side::Server) => next?,
                () = self.content.gone() => return Err(Fault::ClientGone),
            };
            match next {
                Some(Frame::Data(data)) => {
                    capture.take(&data);
                    check_size(&capture, limit, Side::Server)?;
                }
                Some(Frame::Trailers(fields)) => trailers = Some(fields),
                None => break,
            }
        }
        self.received_response(capture, trailers);
        Ok(())
    }

    fn received_response(&mut self, capture: Capture, trailers: Option<Fields>) {
        if let Some(response) = &mut self.flow.response {
            response.content = capture.finish();
            response.trailers = trailers;
            response.timestamp_end = Some(Number::now());
        }
    }

    /// Answers with a response that an addon has set.
    async fn answer(&mut self) -> Result<After, Fault> {
        let kernel = self.session.kernel();
        kernel.responseheaders(&mut self.flow).await;
        self.hooked().await?;
        kernel.response(&mut self.flow).await;
        self.hooked().await?;
        let framing = self.send_response_whole().await?;
        Ok(self.after(framing))
    }

    /// Puts the response head into the buffer; its content follows as it arrives.
    fn send_response_head(&mut self, framing: Framing) -> Framing {
        let Some(response) = &self.flow.response else {
            return Framing::None;
        };
        let mut head = message::reply(response);
        let mut framing = message::frame_stream(&mut head.fields, framing);
        if framing == Framing::Chunked && self.client_version == Version::Http10 {
            head.fields.remove("transfer-encoding");
            framing = Framing::UntilClose;
        }
        if head.status == 204 {
            head.fields.remove("content-length");
        }
        self.reply.response_head(&head, framing);
        self.answered = true;
        framing
    }

    /// Sends a response whose content is all here.
    async fn send_response_whole(&mut self) -> Result<Framing, Fault> {
        let Some(response) = &self.flow.response else {
            return Ok(Framing::None);
        };
        let mut head = message::reply(response);
        let bodyless = response.status < 200
            || matches!(response.status, 204 | 304)
            || self.flow.request.method.eq_ignore_ascii_case(b"HEAD");
        let size = response.content.size().unwrap_or(0);
        let mut framing = match bodyless {
            true => Framing::None,
            false => message::frame_whole(&mut head.fields, size, response.trailers.is_some()),
        };
        if framing == Framing::Chunked && self.client_version == Version::Http10 {
            head.fields.remove("transfer-encoding");
            head.fields.set("Content-Length", size.to_string());
            framing = Framing::Length(size);
        }
        if framing == Framing::None && !bodyless && !head.fields.contains("content-length") {
            head.fields.append("Content-Length", "0");
        }
        self.answered = true;
        self.reply.response_head(&head, framing);
        let sent = async {
            if !bodyless {
                send_content(&mut self.reply, &response.content).await?;
            }
            self.reply.end(response.trailers.as_ref()).await
        };
        sent.await.map_err(|_| Fault::ClientGone)?;
        Ok(framing)
    }

    /// Hands both connections over to another protocol.
    async fn switch(&mut self, link: Link, head: ResponseHead) -> Result<After, Fault> {
        let kernel = self.session.kernel();
        if !self.flow.request.fields.contains("upgrade") {
            link.close(self.session).await;
            return Err(Fault::ResponseCut(
                "101 without a matching Upgrade in the request".to_owned(),
            ));
        }
        self.flow.response = Some(message::response(head, crate::now()));
        kernel.responseheaders(&mut self.flow).await;
        self.hooked().await?;
        self.received_response(Capture::count(), None);
        if crate::ws::is_websocket(&self.flow, &self.session.options()) {
            self.flow.websocket = Some(WebSocketData::default());
        }
        kernel.response(&mut self.flow).await;
        self.hooked().await?;
        let is_switched = |response: &midwire_flow::Response| response.status == 101;
        if !self.flow.response.as_ref().is_some_and(is_switched) {
            self.flow.websocket = None;
            link.close(self.session).await;
            self.send_response_whole().await?;
            return Ok(After::Close);
        }
        self.send_response_head(Framing::None);
        self.reply.end(None).await.map_err(|_| Fault::ClientGone)?;
        let flow = self.flow.clone();
        Ok(After::Switch(Box::new(Switched { link, flow })))
    }

    /// Puts the server's connection away and says what follows for the client's.
    async fn finish(
        &mut self,
        link: Link,
        framing: Framing,
        sent_all: bool,
    ) -> Result<After, Fault> {
        let reusable = sent_all
            && self.flow.response.as_ref().is_some_and(|response| {
                http1::persists(
                    response.protocol().unwrap_or(Version::Http10),
                    &response.fields,
                )
            })
            && http1::persists(Version::Http11, &self.flow.request.fields)
            && link.source.is_done()
            && !link.source.has_surplus();
        let surplus = if reusable {
            self.session.keep(link)
        } else {
            Some(link)
        };
        if let Some(link) = surplus {
            link.close(self.session).await;
        }
        if self.flow.info.killed() {
            return Ok(After::Cut);
        }
        Ok(self.after(framing))
    }

    fn after(&self, framing: Framing) -> After {
        let persists = framing != Framing::UntilClose
            && http1::persists(self.client_version, &self.flow.request.fields)
            && self.flow.response.as_ref().is_none_or(|response| {
                http1::persists(
                    response.protocol().unwrap_or(Version::Http11),
                    &response.fields,
                )
            });
        if persists { After::Next } else { After::Close }
    }

    /// A connection to the server of this request: an idle one, or a new one.
    async fn link(&mut self, fresh_only: bool) -> Result<Link, Fault> {
        let target = self.target();
        while !fresh_only && let Some(mut link) = self.session.take(&target) {
            if link.is_stale().await {
                link.close(self.session).await;
                continue;
            }
            self.flow.info.server_conn = Arc::clone(&link.server);
            return Ok(link);
        }
        if let Some((fault, server)) = self.session.failure(&target) {
            self.flow.info.server_conn = server;
            return Err(fault.into());
        }
        let opened = async {
            let opened = upstream::open(self.session, target).await?;
            if !opened.target.tls {
                return Ok(opened);
            }
            upstream::secure(self.session, opened, &crate::conn::HTTP1_ALPN).await
        };
        let gone = self.content.gone();
        let opened = tokio::select! {
            biased;
            opened = opened => opened,
            () = gone => return Err(Fault::ClientGone),
        };
        match opened {
            Ok(opened) => {
                let link = opened.into_link(self.session.engine.limits());
                self.flow.info.server_conn = Arc::clone(&link.server);
                Ok(link)
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
        kernel.update(&[FlowRef::Http(&self.flow)]);
        if self.flow.info.intercepted {
            let held = kernel
                .parked()
                .hold(Flow::Http(Box::new(self.flow.clone())));
            let back = tokio::select! {
                back = held => back,
                () = self.content.gone() => return Err(Fault::ClientGone),
            };
            match back {
                Some(Flow::Http(flow)) => self.flow = *flow,
                _ => return Err(Fault::Killed),
            }
        }
        if self.flow.info.killed() {
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
        if self.flow.info.error.is_none() {
            self.flow.info.error = Some(FlowError::new(&text));
        }
        if !matches!(fault, Fault::Killed | Fault::ClientGone) {
            tracing::debug!(client = %self.session.peer(), "{text}");
        }
        self.flow.info.live = false;
        kernel.error(&mut self.flow).await;
        kernel.update(&[FlowRef::Http(&self.flow)]);
        let Some(status) = fault.status() else {
            return After::Cut;
        };
        if self.answered {
            let _ = self.reply.flush().await;
            return After::Cut;
        }
        let head_only = self.flow.request.method.eq_ignore_ascii_case(b"HEAD");
        match send_page(&mut self.reply, status, &text, head_only).await {
            Ok(()) => After::Close,
            Err(_) => After::Cut,
        }
    }

    /// Only upgrades to WebSocket are passed on (security.md §1.1).
    fn drop_foreign_upgrade(&mut self) {
        let fields = &mut self.flow.request.fields;
        if !fields.contains("upgrade") || fields.has_token("upgrade", "websocket") {
            return;
        }
        if fields.has_token("upgrade", "h2c") {
            tracing::warn!(client = %self.session.peer(), "HTTP/2 without TLS is not supported: the Upgrade field was removed");
        }
        fields.remove("upgrade");
        fields.remove("http2-settings");
        let kept: Vec<Bytes> = fields
            .get_all("connection")
            .flat_map(|value| value.split(|b| *b == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|option| {
                !option.is_empty()
                    && !option.eq_ignore_ascii_case(b"upgrade")
                    && !option.eq_ignore_ascii_case(b"http2-settings")
            })
            .map(Bytes::copy_from_slice)
            .collect();
        if kept.is_empty() {
            fields.remove("connection");
        } else {
            fields.set("Connection", kept.join(&b", "[..]));
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

/// Which came first: the end of the request, or the head of the response.
enum Sent {
    All(Result<Option<Fields>, Fault>),
    Early(Result<(ResponseHead, Framing), super::h1::ReadFault>),
}

/// Passes content on as it arrives. Small pieces that are there together go out together.
async fn pump(
    from: &mut Inbound<'_>,
    to: &mut Outbound<'_>,
    capture: &mut Capture,
    from_side: Side,
    limit: Option<u64>,
) -> Result<Option<Fields>, Fault> {
    let write_fault = |error| match from_side {
        Side::Client => Fault::ServerIo(error),
        Side::Server => Fault::ClientGone,
    };
    let mut trailers = None;
    loop {
        let frame = {
            let next = from.next(from_side);
            let mut next = std::pin::pin!(next);
            let ready = tokio::select! {
                biased;
                frame = &mut next => Some(frame),
                () = std::future::ready(()) => None,
            };
            match ready {
                Some(frame) => frame,
                None => {
                    // Nothing more is here right now: what is buffered must not wait for it.
                    to.flush().await.map_err(write_fault)?;
                    next.await
                }
            }
        };
        match frame? {
            Some(Frame::Data(data)) => {
                capture.take(&data);
                check_size(capture, limit, from_side)?;
                to.data(data).await.map_err(write_fault)?;
            }
            Some(Frame::Trailers(fields)) => trailers = Some(fields),
            None => break,
        }
    }
    to.end(trailers.as_ref()).await.map_err(write_fault)?;
    Ok(trailers)
}

/// Runs both directions together. When the response is complete, a request that is still being sent is given up.
async fn both<A, B, S, R>(send: S, receive: R) -> (Result<A, Fault>, Result<B, Fault>)
where
    S: Future<Output = Result<A, Fault>>,
    R: Future<Output = Result<B, Fault>>,
{
    let mut send = std::pin::pin!(send);
    let mut receive = std::pin::pin!(receive);
    tokio::select! {
        biased;
        received = &mut receive => {
            let given_up = || Err(Fault::ResponseCut("answered before the request was complete".to_owned()));
            // The rest of the request has a moment to arrive, so that keep-alive survives a quick answer.
            let sent = tokio::time::timeout(Duration::from_millis(100), send).await.unwrap_or_else(|_| given_up());
            (sent, received)
        }
        sent = &mut send => (sent, receive.await),
    }
}

/// Sends content that is all here; large content is read from its file in pieces.
async fn send_content(to: &mut Outbound<'_>, content: &Content) -> std::io::Result<()> {
    const PIECE: usize = 128 * 1024;
    match content {
        Content::Missing | Content::Passed { .. } => Ok(()),
        Content::Memory(bytes) if bytes.is_empty() => Ok(()),
        Content::Memory(bytes) => to.data(bytes.clone()).await,
        Content::Spilled(spill) => {
            let mut offset = 0;
            while offset < spill.len() {
                let piece = spill.read(offset, PIECE)?;
                if piece.is_empty() {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                offset += piece.len() as u64;
                to.data(piece).await?;
            }
            Ok(())
        }
    }
}

fn check_length(framing: Framing, limit: Option<u64>, side: Side) -> Result<(), Fault> {
    match (framing, limit) {
        (Framing::Length(len), Some(limit)) if len > limit => Err(Fault::TooLarge { side }),
        _ => Ok(()),
    }
}

fn check_size(capture: &Capture, limit: Option<u64>, side: Side) -> Result<(), Fault> {
    if limit.is_some_and(|limit| capture.size() > limit) {
        Err(Fault::TooLarge { side })
    } else {
        Ok(())
    }
}

fn expected(method: &[u8]) -> Expected {
    match method {
        b"HEAD" => Expected::Head,
        b"CONNECT" => Expected::Connect,
        _ => Expected::Other,
    }
}

/// Methods that may be sent twice (RFC 9110 §9.2.2).
fn is_idempotent(method: &[u8]) -> bool {
    matches!(
        method,
        b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"PUT" | b"DELETE"
    )
}

fn response_timeout(limit: i64) -> Fault {
    Fault::TimedOut {
        what: "the response",
        seconds: limit.unsigned_abs(),
        side: Side::Server,
    }
}

impl From<Box<upstream::Failure>> for ConnectFault {
    fn from(failure: Box<upstream::Failure>) -> Self {
        failure.fault
    }
}
