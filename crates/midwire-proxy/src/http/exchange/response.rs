//! The response half of an exchange: from the server, or from an addon, on the way to the client.

use std::borrow::Cow;
use std::time::Duration;

use midwire_core::hooks::{ContentNeed, Part};
use midwire_flow::{Number, WebSocketData};
use midwire_wire::http1::Framing;
use midwire_wire::{ResponseHead, Version};

use super::{After, Exchange, Switched};
use crate::fault::{Fault, Side};
use crate::http::capture::Capture;
use crate::http::message;
use crate::http::passing::{Tee, both, check_length, given_up, pump, send_begun, send_content};
use crate::http::stream::{Amount, Frame};
use crate::upstream::{Link, Route};

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
                () = self.content.gone() => return Err(Fault::ClientGone),
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
        self.reply.flush().await.map_err(|_| Fault::ClientGone)
    }

    /// The server answers while the request is still being sent: both directions go on together.
    pub(super) async fn early_response(
        &mut self,
        mut route: Route,
        (head, framing): (ResponseHead, Framing),
        mut upload: Tee,
    ) -> Result<After, Fault> {
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
            return self.give_up(route, fault);
        }
        self.received_response(download);
        kernel.response(&mut self.flow).await;
        self.hooked_finally().await;
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
            return match route {
                Route::H1(link) => self.switch(*link, head).await,
                Route::H2(_) => Err(Fault::BadHttp2("status 101".to_owned())),
            };
        }
        match self.respond(&mut route, head, framing).await {
            Ok(framing) => self.finish(route, framing, true).await,
            Err(fault) => self.give_up(route, fault),
        }
    }

    /// Passes the response on; says how it was framed for the client.
    async fn respond(
        &mut self,
        route: &mut Route,
        head: ResponseHead,
        framing: Framing,
    ) -> Result<Framing, Fault> {
        let kernel = self.session.kernel();
        self.flow.response = Some(message::response(head, crate::now()));
        kernel.responseheaders(&mut self.flow).await;
        self.hooked().await?;
        let limit = self.body_limit();
        let (need, who) = self.need(Part::Response, framing);
        check_length(framing, limit, Side::Server)?;
        if need == ContentNeed::Whole && framing != Framing::None {
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
            send_begun(&mut self.reply, &begun.finish(), &mut download).await?;
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
            return Err(fault);
        }
        self.received_response(download);
        kernel.response(&mut self.flow).await;
        self.ended = true;
        self.hooked_finally().await;
        Ok(framing)
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
    pub(super) async fn switch(&mut self, link: Link, head: ResponseHead) -> Result<After, Fault> {
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
}

fn response_timeout(limit: i64) -> Fault {
    Fault::TimedOut {
        what: "the response",
        seconds: limit.unsigned_abs(),
        side: Side::Server,
    }
}
