//! The request half of an exchange: its content, whole or as it arrives, on the way to the server.

use std::time::Duration;

use bytes::Bytes;
use midwire_core::hooks::{ContentNeed, Part};
use midwire_flow::{Content, Number};
use midwire_wire::http1::Framing;
use midwire_wire::{Fields, ResponseHead, Version};

use super::response::INTERIM_MAX;
use super::{After, Exchange};
use crate::fault::{Fault, Side};
use crate::http::capture::Capture;
use crate::http::h2::Reset;
use crate::http::message;
use crate::http::pace::Pace;
use crate::http::passing::{Tee, check_length, check_size, lead, pump, send_content};
use crate::http::stream::{Amount, Frame, write_fault};
use crate::upstream::Route;

/// How long the server may take to answer `Expect: 100-continue` before the client is told to go on.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);
/// How long the answer of a server may take that stopped taking the request.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Exchange<'_> {
    /// Reads the whole content of the request. Content that grows beyond `stream_large_bodies` comes back as far as
    /// it was read: the rest is to be passed on as it arrives.
    pub(super) async fn read_request(
        &mut self,
        need: ContentNeed,
    ) -> Result<Option<Capture>, Fault> {
        let mut capture = if need > ContentNeed::Nothing || self.framing != Framing::None {
            Capture::copy()
        } else {
            Capture::count()
        };
        let limit = self.body_limit();
        let whole = self.stream_limit().filter(|_| self.flow.response.is_none());
        check_length(self.framing, limit, Side::Client)?;
        let mut pace = Pace::new(self.session.options().client_body_timeout);
        loop {
            let next = self.content.next(Side::Client);
            let next = async {
                match &mut pace {
                    Some(pace) => pace.wait(next).await?,
                    None => next.await,
                }
            };
            let next = tokio::select! {
                biased;
                next = next => next?,
                () = self.session.kills.killed(&self.flow.info.id) => return Err(Fault::Killed),
            };
            let Some(frame) = next else { break };
            match frame {
                Frame::Data(data) => {
                    if let Some(pace) = &mut pace {
                        pace.count(data.len());
                    }
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
    pub(super) async fn fetch(&mut self, expected_continue: bool) -> Result<After, Fault> {
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
                return self.give_up(route, fault);
            }
            tracing::debug!(client = %self.session.peer(), "the server did not take the request, trying a new connection");
            self.explain("the server did not take the request, tried again");
            route.retire(self.session).await;
            fresh_only = true;
        }
    }

    pub(super) async fn send_whole(&mut self, route: &mut Route) -> Result<(), Fault> {
        let request = &self.flow.request;
        let kills = &self.session.kills;
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
        tokio::select! {
            biased;
            sent = sent => sent.map_err(|error| write_fault(error, Side::Server)),
            () = kills.killed(&self.flow.info.id) => Err(Fault::Killed),
        }
    }

    /// The answer of a server that does not take the rest of the request.
    pub(super) async fn last_words(
        &mut self,
        route: &mut Route,
    ) -> Option<(ResponseHead, Framing)> {
        let said = tokio::time::timeout(LAST_WORDS, self.response_head(route)).await;
        said.ok()?.ok()
    }

    /// Tells the client to send its content.
    pub(super) async fn go_on(&mut self) -> Result<(), Fault> {
        let head = ResponseHead {
            version: Version::Http11,
            status: 100,
            reason: Bytes::from_static(b"Continue"),
            fields: Fields::new(),
        };
        self.interim(&head).await
    }

    /// Passes request content on as it arrives. An early response is passed on beside it.
    pub(super) async fn stream_request(
        &mut self,
        need: ContentNeed,
        expects: bool,
    ) -> Result<After, Fault> {
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
            let failed = |error| write_fault(error, Side::Server);
            out.request_head(&self.flow.request, Amount::Live(framing))
                .map_err(failed)?;
            if let Some(content) = &ahead {
                lead(content, &mut out, &mut upload).await?;
            }
            out.flush().await.map_err(failed)
        };
        if let Err(fault) = begun.await {
            return self.give_up(route, fault);
        }
        if expects {
            match self.wait_for_continue(&mut route).await {
                // The server has decided without the content; the client is not asked for it.
                Ok(Some((head, framing))) => {
                    self.withheld = true;
                    return self.pass_response(route, head, framing).await;
                }
                Ok(None) => {}
                Err(fault) => return self.give_up(route, fault),
            }
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
                    () = self.session.kills.killed(&self.flow.info.id) => First::Sent(Err(Fault::Killed)),
                }
            };
            match first {
                First::Sent(Ok(())) => return self.after_upload(route, upload).await,
                First::Sent(Err(fault)) => match self.rest_of(&mut route, &fault).await {
                    Some((head, framing)) => {
                        upload.given_up = true;
                        return Box::pin(self.early_response(route, (head, framing), upload)).await;
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
                    // A box, since few exchanges come here and all would be larger.
                    return Box::pin(self.early_response(route, got, upload)).await;
                }
                First::Answered(Err(fault)) => break fault,
            }
        };
        self.give_up(route, fault)
    }

    /// What a server says that stopped taking the request; nothing if it was the client that stopped.
    pub(super) async fn rest_of(
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
    pub(super) async fn after_upload(
        &mut self,
        mut route: Route,
        upload: Tee,
    ) -> Result<After, Fault> {
        let kernel = self.session.kernel();
        self.sent_request(upload);
        kernel.request(&mut self.flow).await;
        if let Err(fault) = self.hooked().await {
            return self.give_up(route, fault);
        }
        match self.response_head(&mut route).await {
            Ok((head, framing)) => self.pass_response(route, head, framing).await,
            Err(fault) => self.give_up(route, fault),
        }
    }

    /// Waits for the server's word on `Expect: 100-continue`; a final response means that no content is wanted.
    pub(super) async fn wait_for_continue(
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

    pub(super) fn sent_request(&mut self, upload: Tee) {
        self.flow.request.trailers = upload.trailers;
        self.flow.request.content = upload.capture.finish();
        self.flow.request.timestamp_end = Some(Number::now());
    }
}

/// Which came first: the end of the request, or a head of the response.
enum First {
    Sent(Result<(), Fault>),
    Answered(Result<(ResponseHead, Framing), Fault>),
}
