//! One exchange: a request and its responses, from head to end, the same for every protocol version.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use midwire_core::hooks::{ContentNeed, FlowRef, Part};
use midwire_flow::{
    Content, Flow, FlowError, FlowInfo, HttpFlow, Number, ServerConn, Value, WebSocketData,
};
use midwire_wire::http1::{self, Framing};
use midwire_wire::{Fields, ResponseHead, Version};

use super::capture::Capture;
use super::h2::Reset;
use super::message::{self, Destination};
use super::page;
use super::passing::{Tee, both, check_length, check_size, given_up, pump, send_content};
use super::stream::{Amount, Frame, Inbound, Incoming, Outbound, write_fault};
use crate::fault::{ConnectFault, Fault, Side};
use crate::session::Session;
use crate::upstream::{self, Link, Route, Target};
use crate::via::{Hop, How};

/// Interim responses that one exchange passes on (security.md §1.3).
const INTERIM_MAX: usize = 16;
/// How long the server may take to answer `Expect: 100-continue` before the client is told to go on.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);
/// How long the answer of a server may take that stopped taking the request.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long the rest of a request is waited for after its response, where it must arrive for the next request.
const PATIENCE: Duration = Duration::from_millis(100);

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
    /// Content that was read whole until it proved too large for that.
    begun: Option<Capture>,
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
        begun: None,
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

/// Sends the request of a recorded flow again. All hooks run; the response goes to nobody.
///
/// # Cancellation
/// The server connection is closed where it is; the flow gets no further hook.
pub(crate) async fn replay(session: &Session, to: &Destination, flow: HttpFlow) {
    let mut exchange = Exchange {
        session,
        to,
        flow,
        framing: Framing::None,
        content: Inbound::Nothing,
        reply: Outbound::Nobody,
        client_version: Version::Http11,
        answered: false,
        begun: None,
    };
    match exchange.story().await {
        Ok(After::Switch(switched)) => switched.link.close(session).await,
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

    /// Reads the whole content of the request. Content that grows beyond `stream_large_bodies` comes back as far as
    /// it was read: the rest is to be passed on as it arrives.
    async fn read_request(&mut self, need: ContentNeed) -> Result<Option<Capture>, Fault> {
        let mut capture = if need > ContentNeed::Nothing || self.framing != Framing::None {
            Capture::copy()
        } else {
            Capture::count()
        };
        let limit = self.body_limit();
        let whole = self.stream_limit().filter(|_| self.flow.response.is_none());
        check_length(self.framing, limit, Side::Client)?;
        while let Some(frame) = self.content.next(Side::Client).await? {
            match frame {
                Frame::Data(data) => {
                    capture.take(&data);
                    check_size(&capture, limit, Side::Client)?;
                    if whole.is_some_and(|whole| capture.size() > whole) {
                        self.say_streaming(Part::Request);
                        return Ok(Some(capture));
                    }
                }
                Frame::Trailers(trailers) => self.flow.request.trailers = Some(trailers),
            }
        }
        if self.flow.request.content == Content::Missing {
            self.flow.request.content = capture.finish();
        }
        self.flow.request.timestamp_end = Some(Number::now());
        Ok(None)
    }

    /// Sends a request whose content is all here, and takes the response.
    async fn fetch(&mut self, expected_continue: bool) -> Result<After, Fault> {
        if expected_continue {
            self.flow.request.fields.remove("expect");
        }
        let mut fresh_only = false;
        loop {
            let mut route = self.route(fresh_only).await?;
            let reused = route.begin();
            let got = match self.send_whole(&mut route).await {
                Ok(()) => self.response_head(&mut route).await,
                // The server may have answered before it closed.
                Err(fault) => self.last_words(&mut route).await.ok_or(fault),
            };
            let fault = match got {
                Ok((head, framing)) => return self.pass_response(route, head, framing).await,
                Err(fault) => fault,
            };
            let lost = matches!(fault, Fault::NoResponse | Fault::ServerIo(_));
            let again = matches!(fault, Fault::ServerReset(Reset::REFUSED))
                || lost && reused && message::is_idempotent(&self.flow.request.method);
            if !again || fresh_only {
                route.close(self.session).await;
                return Err(fault);
            }
            tracing::debug!(client = %self.session.peer(), "the server did not take the request, trying a new connection");
            route.retire(self.session).await;
            fresh_only = true;
        }
    }

    async fn send_whole(&mut self, route: &mut Route) -> Result<(), Fault> {
        let request = &self.flow.request;
        let (_, mut out) = route.halves();
        let amount = Amount::Whole {
            len: request.content.size().unwrap_or(0),
            trailers: request.trailers.is_some(),
        };
        let sent = async {
            out.request_head(request, amount)?;
            send_content(&mut out, &request.content).await?;
            out.end(request.trailers.as_ref()).await
        };
        sent.await.map_err(|error| write_fault(error, Side::Server))
    }

    /// The answer of a server that does not take the rest of the request.
    async fn last_words(&mut self, route: &mut Route) -> Option<(ResponseHead, Framing)> {
        let said = tokio::time::timeout(LAST_WORDS, self.response_head(route)).await;
        said.ok()?.ok()
    }

    /// Waits for the final response head; interim ones are passed on.
    async fn response_head(&mut self, route: &mut Route) -> Result<(ResponseHead, Framing), Fault> {
        let expected = message::expected(&self.flow.request.method);
        let limit = self.session.options().server_response_timeout;
        let mut from = route.inbound();
        for _ in 0..=INTERIM_MAX {
            let wait = crate::within(limit, from.response_head(expected));
            let got = tokio::select! {
                biased;
                got = wait => got,
                () = self.content.gone() => return Err(Fault::ClientGone),
            };
            let (head, framing) = match got {
                Some(got) => got?,
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
        let mut route = self.route(false).await?;
        if let Route::H1(link) = &mut route
            && link.used
            && !message::is_idempotent(&self.flow.request.method)
            && link.is_stale().await
        {
            route.close(self.session).await;
            route = self.route(true).await?;
        }
        route.begin();
        let mut upload = self.tee(need, limit, Part::Request);
        let framing = upload.framing(self.framing);
        let ahead = self.begun.take().map(Capture::finish);
        let (_, mut out) = route.halves();
        let begun = async {
            out.request_head(&self.flow.request, Amount::Live(framing))?;
            if let Some(content) = &ahead {
                send_content(&mut out, content).await?;
            }
            out.flush().await
        };
        begun
            .await
            .map_err(|error| write_fault(error, Side::Server))?;
        if expects && let Some((head, framing)) = self.wait_for_continue(&mut route).await? {
            // The server has decided without the content; the client is not asked for it.
            return self.pass_response(route, head, framing).await;
        }
        let wanted = message::expected(&self.flow.request.method);
        let mut interim = 0;
        let fault = loop {
            let first = {
                let (mut from, mut to) = route.halves();
                let send = pump(&mut self.content, &mut to, &mut upload);
                tokio::select! {
                    biased;
                    sent = send => First::Sent(sent),
                    got = from.response_head(wanted) => First::Answered(got),
                }
            };
            match first {
                First::Sent(Ok(())) => return self.after_upload(route, upload).await,
                First::Sent(Err(fault)) => match self.rest_of(&mut route, &fault).await {
                    Some((head, framing)) => {
                        upload.given_up = true;
                        return self.early_response(route, (head, framing), upload).await;
                    }
                    None => break fault,
                },
                First::Answered(Ok((head, _))) if head.status < 200 => {
                    interim += 1;
                    if interim > INTERIM_MAX || head.status == 101 {
                        break Fault::ResponseCut("interim responses without end".to_owned());
                    }
                    if let Err(fault) = self.interim(&head).await {
                        break fault;
                    }
                }
                First::Answered(Ok(got)) => {
                    return self.early_response(route, got, upload).await;
                }
                First::Answered(Err(fault)) => break fault,
            }
        };
        route.close(self.session).await;
        Err(fault)
    }

    /// What a server says that stopped taking the request; nothing if it was the client that stopped.
    async fn rest_of(
        &mut self,
        route: &mut Route,
        fault: &Fault,
    ) -> Option<(ResponseHead, Framing)> {
        match fault {
            Fault::ServerIo(_) | Fault::ServerReset(_) => self.last_words(route).await,
            _ => None,
        }
    }

    /// The request is sent: its hook, then the response.
    async fn after_upload(&mut self, mut route: Route, upload: Tee) -> Result<After, Fault> {
        let kernel = self.session.kernel();
        self.sent_request(upload);
        kernel.request(&mut self.flow).await;
        self.hooked().await?;
        match self.response_head(&mut route).await {
            Ok((head, framing)) => self.pass_response(route, head, framing).await,
            Err(fault) => {
                route.close(self.session).await;
                Err(fault)
            }
        }
    }

    /// Waits for the server's word on `Expect: 100-continue`; a final response means that no content is wanted.
    async fn wait_for_continue(
        &mut self,
        route: &mut Route,
    ) -> Result<Option<(ResponseHead, Framing)>, Fault> {
        let wanted = message::expected(&self.flow.request.method);
        let mut from = route.inbound();
        let got = tokio::time::timeout(CONTINUE_WAIT, from.response_head(wanted)).await;
        match got {
            Err(_) => self.go_on().await.map(|()| None),
            Ok(Err(fault)) => Err(fault),
            Ok(Ok((head, _))) if head.status < 200 && head.status != 101 => {
                self.interim(&head).await.map(|()| None)
            }
            Ok(Ok(got)) => Ok(Some(got)),
        }
    }

    /// The server answers while the request is still being sent: both directions go on together.
    async fn early_response(
        &mut self,
        mut route: Route,
        (head, framing): (ResponseHead, Framing),
        mut upload: Tee,
    ) -> Result<After, Fault> {
        let kernel = self.session.kernel();
        self.flow.response = Some(message::response(head, crate::now()));
        kernel.responseheaders(&mut self.flow).await;
        self.hooked().await?;
        let (need, _) = self.need(Part::Response, framing);
        let mut download = self.tee(need, upload.limit, Part::Response);
        let framing = self.send_response_head(download.framing(framing));
        let (sent, passed) = {
            let (mut from, mut to) = route.halves();
            let patient = from.outlives_response() && self.content.outlives_response();
            let receive = pump(&mut from, &mut self.reply, &mut download);
            if upload.given_up {
                (Err(given_up()), receive.await)
            } else {
                let send = pump(&mut self.content, &mut to, &mut upload);
                let patience = if patient { None } else { Some(PATIENCE) };
                both(send, receive, patience).await
            }
        };
        if let Err(fault) = passed {
            route.close(self.session).await;
            return Err(fault);
        }
        self.received_response(download);
        kernel.response(&mut self.flow).await;
        self.hooked_finally().await;
        // What the server did not want is not an error: it has answered.
        let complete = sent.is_ok();
        self.sent_request(upload);
        kernel.request(&mut self.flow).await;
        self.hooked_finally().await;
        self.finish(route, framing, complete).await
    }

    fn sent_request(&mut self, upload: Tee) {
        self.flow.request.trailers = upload.trailers;
        self.flow.request.content = upload.capture.finish();
        self.flow.request.timestamp_end = Some(Number::now());
    }

    /// Takes the response from the server and passes it on, whole or as it arrives.
    async fn pass_response(
        &mut self,
        mut route: Route,
        head: ResponseHead,
        framing: Framing,
    ) -> Result<After, Fault> {
        let kernel = self.session.kernel();
        if head.status == 101 {
            return match route {
                Route::H1(link) => self.switch(*link, head).await,
                Route::H2(_) => Err(Fault::BadHttp2("status 101".to_owned())),
            };
        }
        self.flow.response = Some(message::response(head, crate::now()));
        kernel.responseheaders(&mut self.flow).await;
        self.hooked().await?;
        let limit = self.body_limit();
        let (need, who) = self.need(Part::Response, framing);
        if let Err(fault) = check_length(framing, limit, Side::Server) {
            route.close(self.session).await;
            return Err(fault);
        }
        if need == ContentNeed::Whole && framing != Framing::None {
            self.say_who_buffers("buffered_response", who);
            match self.read_response(&mut route, limit).await {
                Ok(None) => {
                    kernel.response(&mut self.flow).await;
                    self.hooked().await?;
                    let framing = self.send_response_whole().await?;
                    return self.finish(route, framing, true).await;
                }
                Ok(Some(begun)) => self.begun = Some(begun),
                Err(fault) => {
                    route.close(self.session).await;
                    return Err(fault);
                }
            }
        }
        let mut download = self.tee(need, limit, Part::Response);
        let framing = self.send_response_head(download.framing(framing));
        if let Some(begun) = self.begun.take() {
            send_content(&mut self.reply, &begun.finish())
                .await
                .map_err(|_| Fault::ClientGone)?;
        }
        let passed = {
            let mut from = route.inbound();
            let pass = pump(&mut from, &mut self.reply, &mut download);
            tokio::select! {
                biased;
                passed = pass => passed,
                () = self.content.gone() => Err(Fault::ClientGone),
            }
        };
        if let Err(fault) = passed {
            if let Some(response) = &mut self.flow.response {
                response.content = download.capture.finish();
            }
            route.close(self.session).await;
            return Err(fault);
        }
        self.received_response(download);
        kernel.response(&mut self.flow).await;
        self.hooked_finally().await;
        self.finish(route, framing, true).await
    }

    /// Reads the whole content of the response. Content that grows beyond `stream_large_bodies` comes back as far as
    /// it was read: the rest is to be passed on as it arrives.
    async fn read_response(
        &mut self,
        route: &mut Route,
        limit: Option<u64>,
    ) -> Result<Option<Capture>, Fault> {
        let mut download = Tee::new(ContentNeed::Whole, limit, Side::Server);
        let whole = self.stream_limit();
        let mut from = route.inbound();
        loop {
            let next = tokio::select! {
                biased;
                next = from.next(Side::Server) => next?,
                () = self.content.gone() => return Err(Fault::ClientGone),
            };
            match next {
                Some(Frame::Data(data)) => {
                    download.take(&data)?;
                    if whole.is_some_and(|whole| download.capture.size() > whole) {
                        self.say_streaming(Part::Response);
                        return Ok(Some(download.capture));
                    }
                }
                Some(Frame::Trailers(fields)) => download.trailers = Some(fields),
                None => break,
            }
        }
        self.received_response(download);
        Ok(None)
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
    fn tee(&self, need: ContentNeed, limit: Option<u64>, part: Part) -> Tee {
        let kernel = self.session.kernel();
        let side = match part {
            Part::Request => Side::Client,
            Part::Response => Side::Server,
        };
        let mut tee = Tee::new(need, limit, side);
        if !self.session.options().store_streamed_bodies {
            tee.keep = self.stream_limit();
        }
        if self.begun.is_some() {
            tee.capture = Capture::count();
        }
        tee.filters = kernel.chain().stream_filters(kernel, &self.flow, part);
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

    fn received_response(&mut self, download: Tee) {
        if let Some(response) = &mut self.flow.response {
            response.content = download.capture.finish();
            response.trailers = download.trailers;
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
        let mut sent = Cow::Borrowed(response);
        let mut framing = framing;
        if framing == Framing::Chunked && self.client_version == Version::Http10 {
            sent.to_mut().fields.remove("transfer-encoding");
            framing = Framing::UntilClose;
        }
        if sent.status == 204 && sent.fields.contains("content-length") {
            sent.to_mut().fields.remove("content-length");
        }
        self.answered = true;
        self.reply.response(&sent, Amount::Live(framing))
    }

    /// Sends a response whose content is all here.
    async fn send_response_whole(&mut self) -> Result<Framing, Fault> {
        let Some(response) = &self.flow.response else {
            return Ok(Framing::None);
        };
        let bodyless = response.status < 200
            || matches!(response.status, 204 | 304)
            || self.flow.request.method.eq_ignore_ascii_case(b"HEAD");
        let old = self.client_version == Version::Http10;
        let amount = if bodyless {
            Amount::None
        } else {
            Amount::Whole {
                len: response.content.size().unwrap_or(0),
                trailers: response.trailers.is_some() && !old,
            }
        };
        let mut sent = Cow::Borrowed(response);
        if old && response.fields.contains("transfer-encoding") {
            sent.to_mut().fields.remove("transfer-encoding");
        }
        self.answered = true;
        let framing = self.reply.response(&sent, amount);
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
        self.received_response(Tee::new(ContentNeed::Nothing, None, Side::Server));
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

    /// A way to the server of this request: one that is there, or a new one.
    async fn route(&mut self, fresh_only: bool) -> Result<Route, Fault> {
        let target = self.target();
        while !fresh_only && let Some(mut link) = self.session.take(&target) {
            if link.is_stale().await {
                link.close(self.session).await;
                continue;
            }
            self.flow.info.server_conn = Arc::clone(&link.server);
            return Ok(Route::H1(Box::new(link)));
        }
        if let Some((fault, server)) = self.session.failure(&target) {
            self.flow.info.server_conn = server;
            return Err(fault.into());
        }
        let reached = tokio::select! {
            biased;
            reached = upstream::reach(self.session, &target) => reached,
            () = self.content.gone() => return Err(Fault::ClientGone),
        };
        match reached {
            Ok(route) => {
                self.flow.info.server_conn = Arc::clone(route.server());
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
            self.reply.abort(&fault);
            return After::Cut;
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

/// Which came first: the end of the request, or a head of the response.
enum First {
    Sent(Result<(), Fault>),
    Answered(Result<(ResponseHead, Framing), Fault>),
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
