//! The response half of an exchange: from the server, or from an addon, on the way to the client.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use midwire_core::Missed;
use midwire_core::hooks::{ContentNeed, Part};
use midwire_flow::{Content, HttpFlow, Number, Request, Response, WebSocketData};
use midwire_wire::http1::Framing;
use midwire_wire::{ResponseHead, Version};

use super::{After, Exchange, Switched, outside};
use crate::fault::{Fault, Side};
use crate::http::capture::Capture;
use crate::http::message;
use crate::http::passing::{self, Tee, both, check_length, lead, pump, send_content};
use crate::http::stream::{Amount, Frame, Inbound, Outbound, write_fault};
use crate::upstream::Route;

/// Interim responses that one exchange passes on (security.md §1.3).
pub(super) const INTERIM_MAX: usize = 16;
/// How long the rest of a request is waited for after its response, where it must arrive for the next request.
const PATIENCE: Duration = Duration::from_millis(100);

impl Exchange<'_> {
    /// Waits for the final response head; interim ones are passed on.
    pub(super) async fn response_head(
        &mut self,
        route: &mut Route,
    ) -> Result<(ResponseHead, Framing), Fault> {
        let expected = message::expected(&self.flow.request.method);
        let limit = self.session.options().server_response_timeout;
        let mut from = route.inbound();
        let mut interim = 0;
        loop {
            let wait = crate::within(limit, from.response_head(expected));
            let got = tokio::select! {
                biased;
                got = wait => got,
                fault = outside(&mut self.content, self.session, &self.flow.info.id) => return Err(fault),
            };
            let (head, framing) = match got {
                Some(got) => got?,
                None => return Err(response_timeout(limit)),
            };
            if head.status >= 200 || head.status == 101 {
                return Ok((head, framing));
            }
            interim += 1;
            if interim > INTERIM_MAX {
                return Err(Fault::ResponseCut(format!(
                    "more than {INTERIM_MAX} interim responses"
                )));
            }
            self.interim(&head).await?;
        }
    }

    pub(super) async fn interim(&mut self, head: &ResponseHead) -> Result<(), Fault> {
        if self.client_version == Version::Http10 {
            return Ok(());
        }
        self.reply.response_head(head, Framing::None);
        self.reply
            .flush()
            .await
            .map_err(|error| write_fault(error, Side::Client))
    }

    /// The server answers while the request is still being sent: both directions go on together.
    pub(super) async fn early_response(
        &mut self,
        mut route: Route,
        (head, framing): (ResponseHead, Framing),
        mut upload: Tee,
    ) -> Result<After, Fault> {
        self.note_quic(&head);
        let kernel = self.session.kernel();
        self.flow.response = Some(message::response(head, crate::now()));
        kernel.responseheaders(&mut self.flow).await;
        let allowed = match self.hooked().await {
            Ok(()) => check_length(framing, upload.limit, Side::Server),
            killed => killed,
        };
        if let Err(fault) = allowed {
            return self.give_up(route, fault);
        }
        // From here on it is a conversation, in which the client may be silent as long as it likes.
        upload.pace = None;
        let (need, who) = self.need(Part::Response, framing);
        if need == ContentNeed::Whole && framing != Framing::None {
            self.say_who_buffers("buffered_response", who);
            match self.read_early(&mut route, &mut upload).await {
                Ok(Some(begun)) => self.begun = Some(begun),
                Ok(None) => return self.answer_early(route, upload).await,
                Err(fault) => return self.give_up(route, fault),
            }
        }
        let mut download = self.tee(need, upload.limit, Part::Response);
        let framing = self.send_response_head(download.framing(framing));
        let begun = self.begun.take().map(Capture::finish);
        let receive = async |from: &mut Inbound<'_>, reply: &mut Outbound<'_>| {
            if let Some(begun) = &begun {
                lead(begun, reply, &mut download).await?;
            }
            pump(from, reply, &mut download).await
        };
        let (sent, passed) = self.both_ways(&mut route, &mut upload, receive).await;
        if let Err(fault) = passed {
            return self.give_up(route, fault);
        }
        self.received_response(download);
        kernel.response(&mut self.flow).await;
        self.hooked_finally().await;
        self.end_early(route, upload, (framing, sent)).await
    }

    /// The rest of the request on its way to the server, and the response on its way to the client.
    async fn both_ways<T>(
        &mut self,
        route: &mut Route,
        upload: &mut Tee,
        receive: impl AsyncFnOnce(&mut Inbound<'_>, &mut Outbound<'_>) -> Result<T, Fault>,
    ) -> (Result<(), Fault>, Result<T, Fault>) {
        let (mut from, mut to) = route.halves();
        let patient = from.outlives_response() && self.content.outlives_response();
        let patience = if patient { None } else { Some(PATIENCE) };
        let given_up = upload.given_up;
        let receive = receive(&mut from, &mut self.reply);
        let send = async {
            if given_up {
                return Err(passing::given_up());
            }
            pump(&mut self.content, &mut to, upload).await
        };
        tokio::select! {
            biased;
            done = both(send, receive, patience) => done,
            () = self.session.kills.killed(&self.flow.info.id) => (Err(Fault::Killed), Err(Fault::Killed)),
        }
    }

    /// Reads an early response whole, while the request is passed on. Content that grows beyond
    /// `stream_large_bodies` comes back as far as it was read.
    async fn read_early(
        &mut self,
        route: &mut Route,
        upload: &mut Tee,
    ) -> Result<Option<Capture>, Fault> {
        let mut download = Tee::new(ContentNeed::Whole, upload.limit, Side::Server);
        let whole = self.stream_limit();
        let id = &self.flow.info.id;
        let (mut from, mut to) = route.halves();
        loop {
            let next = if upload.is_over() {
                tokio::select! {
                    biased;
                    next = from.next(Side::Server) => next?,
                    fault = outside(&mut self.content, self.session, id) => return Err(fault),
                }
            } else {
                tokio::select! {
                    biased;
                    next = from.next(Side::Server) => next?,
                    sent = pump(&mut self.content, &mut to, upload) => match sent {
                        Err(Fault::ClientGone) => return Err(Fault::ClientGone),
                        Err(_) => { upload.given_up = true; continue }
                        Ok(()) => continue,
                    },
                    () = self.session.kills.killed(id) => return Err(Fault::Killed),
                }
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

    /// Sends an early response that was read whole, while the rest of the request is passed on.
    async fn answer_early(&mut self, mut route: Route, mut upload: Tee) -> Result<After, Fault> {
        let kernel = self.session.kernel();
        kernel.response(&mut self.flow).await;
        // From here on the flow has ended well, so that a fault is not told again.
        if let Err(fault) = self.hooked().await {
            self.ended = true;
            return self.give_up(route, fault);
        }
        let Some(response) = self.flow.response.take() else {
            return self.give_up(route, Fault::NoResponse);
        };
        let whole = Whole::new(&response, &self.flow.request, self.client_version);
        self.answered = true;
        let deliver = async |_: &mut Inbound<'_>, reply: &mut Outbound<'_>| {
            whole.send(&response, reply).await
        };
        let (sent, delivered) = self.both_ways(&mut route, &mut upload, deliver).await;
        self.flow.response = Some(response);
        match delivered {
            Ok(framing) => self.end_early(route, upload, (framing, sent)).await,
            Err(fault) => {
                self.ended = true;
                self.give_up(route, fault)
            }
        }
    }

    /// After an early response: the hook of the request, and what follows for both connections.
    async fn end_early(
        &mut self,
        route: Route,
        upload: Tee,
        (framing, sent): (Framing, Result<(), Fault>),
    ) -> Result<After, Fault> {
        let kernel = self.session.kernel();
        // What the server did not want is not an error: it has answered.
        let complete = sent.is_ok();
        self.sent_request(upload);
        kernel.request(&mut self.flow).await;
        self.ended = true;
        self.hooked_finally().await;
        self.finish(route, framing, complete).await
    }

    /// Takes the response from the server and passes it on, whole or as it arrives.
    pub(super) async fn pass_response(
        &mut self,
        mut route: Route,
        head: ResponseHead,
        framing: Framing,
    ) -> Result<After, Fault> {
        if head.status == 101 {
            return Box::pin(self.switch(route, head)).await;
        }
        match self.respond(&mut route, head, framing).await {
            Ok(framing) => self.finish(route, framing, true).await,
            Err(fault) => self.give_up(route, fault),
        }
    }

    /// Counts servers that offer HTTP/3 (RFC 7838 §3, RFC 9114 §3.1.1): clients may go there without us.
    fn note_quic(&self, head: &ResponseHead) {
        let offers = head.fields.get_all("alt-svc").any(|value| {
            let mut parts = value.split(|byte| matches!(byte, b',' | b';'));
            parts.any(|part| {
                let part = part.trim_ascii();
                part.starts_with(b"h3=") || part.starts_with(b"h3-")
            })
        });
        if offers {
            let host = &self.flow.request.host;
            self.session.kernel().ledger().note(host, Missed::Quic);
        }
    }

    /// Passes the response on; says how it was framed for the client.
    async fn respond(
        &mut self,
        route: &mut Route,
        head: ResponseHead,
        framing: Framing,
    ) -> Result<Framing, Fault> {
        self.note_quic(&head);
        let kernel = self.session.kernel();
        self.flow.response = Some(message::response(head, crate::now()));
        kernel.responseheaders(&mut self.flow).await;
        self.hooked().await?;
        let limit = self.body_limit();
        let (need, who) = self.need(Part::Response, framing);
        check_length(framing, limit, Side::Server)?;
        self.check_switch()?;
        if need == ContentNeed::Whole {
            self.say_who_buffers("buffered_response", who);
            self.begun = self.read_response(route, limit).await?;
            if self.begun.is_none() {
                kernel.response(&mut self.flow).await;
                self.ended = true;
                self.hooked().await?;
                return self.send_response_whole().await;
            }
        }
        let mut download = self.tee(need, limit, Part::Response);
        let framing = self.send_response_head(download.framing(framing));
        if let Some(begun) = self.begun.take() {
            lead(&begun.finish(), &mut self.reply, &mut download).await?;
        }
        let passed = {
            let mut from = route.inbound();
            let pass = pump(&mut from, &mut self.reply, &mut download);
            tokio::select! {
                biased;
                passed = pass => passed,
                fault = outside(&mut self.content, self.session, &self.flow.info.id) => Err(fault),
            }
        };
        if let Err(fault) = passed {
            if let Some(response) = &mut self.flow.response {
                response.content = download.capture.finish();
            }
            return Err(fault);
        }
        self.received_response(download);
        kernel.response(&mut self.flow).await;
        self.ended = true;
        self.hooked_finally().await;
        Ok(framing)
    }

    /// Over HTTP/2 any success opens the tunnel that was asked for, so there must be none without a 101.
    fn check_switch(&self) -> Result<(), Fault> {
        let status = self
            .flow
            .response
            .as_ref()
            .map_or(0, |response| response.status);
        if self.client_version.is_http1()
            || !self.reply.can_switch()
            || !(200..300).contains(&status)
        {
            return Ok(());
        }
        Err(Fault::Refused {
            status: 502,
            text: format!("the server answered {status} instead of switching to WebSocket"),
        })
    }

    /// Ends the exchange with a fault; the server's connection is closed once the flow has heard of it.
    pub(super) fn give_up<T>(&mut self, route: Route, fault: Fault) -> Result<T, Fault> {
        self.spent = Some(route);
        Err(fault)
    }

    /// Reads the whole content of the response. Content that grows beyond `stream_large_bodies` comes back as far as
    /// it was read: the rest is to be passed on as it arrives.
    pub(super) async fn read_response(
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
                fault = outside(&mut self.content, self.session, &self.flow.info.id) => return Err(fault),
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

    pub(super) fn received_response(&mut self, download: Tee) {
        if let Some(response) = &mut self.flow.response {
            response.content = download.capture.finish();
            response.trailers = download.trailers;
            response.timestamp_end = Some(Number::now());
        }
    }

    /// Answers with a response that an addon has set.
    pub(super) async fn answer(&mut self) -> Result<After, Fault> {
        let kernel = self.session.kernel();
        kernel.responseheaders(&mut self.flow).await;
        self.hooked().await?;
        kernel.response(&mut self.flow).await;
        self.ended = true;
        self.hooked().await?;
        let framing = self.send_response_whole().await?;
        Ok(self.after(framing))
    }

    /// Puts the response head into the buffer; its content follows as it arrives.
    pub(super) fn send_response_head(&mut self, framing: Framing) -> Framing {
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
        let framing = self.reply.response(&sent, Amount::Live(framing));
        self.until_close = framing == Framing::UntilClose && self.client_version.is_http1();
        framing
    }

    /// Sends a response whose content is all here.
    pub(super) async fn send_response_whole(&mut self) -> Result<Framing, Fault> {
        self.check_switch()?;
        let Some(response) = &self.flow.response else {
            return Ok(Framing::None);
        };
        self.answered = true;
        let whole = Whole::new(response, &self.flow.request, self.client_version);
        let sent = whole.send(response, &mut self.reply);
        tokio::select! {
            biased;
            sent = sent => sent,
            () = self.session.kills.killed(&self.flow.info.id) => Err(Fault::Killed),
        }
    }

    /// Hands both connections over to another protocol, unless an addon makes another response of the 101.
    pub(super) async fn switch(
        &mut self,
        route: Route,
        head: ResponseHead,
    ) -> Result<After, Fault> {
        let switched = match self.switch_hooks(head).await {
            Ok(switched) => switched,
            Err(fault) => return self.give_up(route, fault),
        };
        if !switched {
            if let Err(fault) = self.send_response_whole().await {
                return self.give_up(route, fault);
            }
            route.close(self.session).await;
            return Ok(After::Close);
        }
        self.send_response_head(Framing::None);
        if let Err(error) = self.reply.flush().await {
            return self.give_up(route, write_fault(error, Side::Client));
        }
        let flow = self.flow.clone();
        Ok(After::Switch(Box::new(Switched { route, flow })))
    }

    /// The hooks of a 101; true if it still is one. A flow with another response ends with it.
    async fn switch_hooks(&mut self, head: ResponseHead) -> Result<bool, Fault> {
        let kernel = self.session.kernel();
        if !self.flow.request.fields.contains("upgrade") || !self.reply.can_switch() {
            return Err(Fault::ResponseCut(
                "101 without a matching Upgrade in the request".to_owned(),
            ));
        }
        self.flow.response = Some(message::response(head, crate::now()));
        kernel.responseheaders(&mut self.flow).await;
        self.hooked().await?;
        let is_switched = |flow: &HttpFlow| {
            let response = flow.response.as_ref();
            response.is_some_and(|response| response.status == 101)
        };
        if let Some(response) = &mut self.flow.response {
            if response.content == Content::Missing {
                response.content = Content::Memory(Bytes::new());
            }
            response.timestamp_end = Some(Number::now());
        }
        if crate::ws::is_websocket(&self.flow, &self.session.options()) {
            self.flow.websocket = Some(WebSocketData::default());
        }
        kernel.response(&mut self.flow).await;
        if !is_switched(&self.flow) {
            self.flow.websocket = None;
            self.ended = true;
        }
        self.hooked().await?;
        // Somebody may have changed it while it was held.
        let switched = is_switched(&self.flow);
        if !switched {
            self.flow.websocket = None;
            self.ended = true;
            self.flow.info.live = false;
        }
        Ok(switched)
    }
}

/// How a response whose content is all here goes to the client.
struct Whole {
    amount: Amount,
    /// The client speaks HTTP/1.0.
    old: bool,
}

impl Whole {
    fn new(response: &Response, request: &Request, client: Version) -> Self {
        let bodyless = response.status < 200
            || matches!(response.status, 204 | 304)
            || request.method.eq_ignore_ascii_case(b"HEAD");
        let old = client == Version::Http10;
        let amount = if bodyless {
            Amount::None
        } else {
            Amount::Whole {
                len: response.content.size().unwrap_or(0),
                trailers: response.trailers.is_some() && !old,
            }
        };
        Self { amount, old }
    }

    async fn send(&self, response: &Response, to: &mut Outbound<'_>) -> Result<Framing, Fault> {
        let mut sent = Cow::Borrowed(response);
        if self.old && response.fields.contains("transfer-encoding") {
            sent.to_mut().fields.remove("transfer-encoding");
        }
        let framing = to.response(&sent, self.amount);
        let sent = async {
            if self.amount != Amount::None {
                send_content(to, &response.content).await?;
            }
            to.end(response.trailers.as_ref()).await
        };
        sent.await
            .map_err(|error| write_fault(error, Side::Client))?;
        Ok(framing)
    }
}

fn response_timeout(limit: i64) -> Fault {
    Fault::TimedOut {
        what: "the response",
        seconds: limit.unsigned_abs(),
        side: Side::Server,
    }
}
