//! HTTP exchanges.

use midwire_flow::access::{human, status};
use midwire_flow::{HttpFlow, Replay, Request, Response};
use midwire_views::{Clean, MessageKind};
use midwire_wire::Fields;

use super::body::Message;
use super::{Printer, url_width};
use crate::show;
use crate::style::{BLUE, GREEN, MAGENTA, RED, Style, YELLOW};

impl Printer<'_> {
    /// Request, response and error of an exchange.
    pub(super) fn http(&mut self, flow: &HttpFlow) {
        self.request_line(flow);
        self.request_rest(flow);
        if let Some(response) = &flow.response {
            self.response_line(flow, response);
            self.response_rest(flow, response);
        }
        if let Some(error) = &flow.info.error {
            self.error_line(&error.msg);
        }
        self.account(&flow.info);
    }

    pub(super) fn error_line(&mut self, text: &str) {
        self.page
            .paint(
                Clean::line(&format!(" << {text}")),
                Style::colour(RED).bold(),
            )
            .line();
    }

    fn request_line(&mut self, flow: &HttpFlow) {
        let request = &flow.request;
        self.client(&flow.info);
        let mut method = show::bytes(&request.method).to_string();
        if flow.info.meta("h2-pushed-stream").is_some() {
            method.push_str(" PUSH_PROMISE");
        }
        let colour = match method.to_ascii_uppercase().as_str() {
            "GET" => GREEN,
            "DELETE" => RED,
            _ => MAGENTA,
        };
        let url = self.url(request);
        self.page
            .push(": ")
            .paint(Clean::line(&method), Style::colour(colour).bold())
            .push(" ")
            .paint(url, Style::BOLD);
        let other = flow
            .response
            .as_ref()
            .map_or(b"HTTP/1.1".as_slice(), |response| &response.version);
        if !is_http1(&request.version) || request.version != other {
            self.page.push(" ").push(show::bytes(&request.version));
        }
        self.page.line();
    }

    fn url(&self, request: &Request) -> Clean<'static> {
        let url = if self.settings.show_host {
            request.pretty_url()
        } else {
            request.url()
        };
        if self.settings.detail > 1 {
            return Clean::line(&url).into_owned();
        }
        let width = url_width();
        match url.char_indices().nth(width) {
            None => Clean::line(&url).into_owned(),
            Some((end, _)) => {
                let cut = url.get(..end).unwrap_or(&url);
                Clean::line(&format!("{cut}…")).into_owned()
            }
        }
    }

    fn request_rest(&mut self, flow: &HttpFlow) {
        let request = &flow.request;
        self.fields(&request.fields);
        if self.settings.detail >= 3 {
            self.body(Message::Http(flow, MessageKind::Request));
        }
        self.trailers(request.trailers.as_ref());
    }

    fn response_line(&mut self, flow: &HttpFlow, response: &Response) {
        let mut version = String::new();
        if !is_http1(&response.version) || flow.request.version != response.version {
            version = format!("{} ", show::bytes(&response.version));
        }
        let replay = match flow.info.is_replay {
            Some(Replay::Response) => "[replay]",
            _ => "",
        };
        if self.settings.detail == 1 {
            let client = show::address(flow.info.client_conn.peername.as_ref());
            let used = 2 + version.chars().count() + replay.len();
            let pad = client.as_str().chars().count().saturating_sub(used);
            // The replay mark stands in front of the padding, so that status codes stay below each other.
            self.page.paint(replay, replay_style(replay));
            self.page.push(Clean::blanks(pad));
        } else {
            self.page.paint(replay, replay_style(replay));
        }
        let style = Style::BOLD.with_colour(match response.status {
            200..300 => Some(GREEN),
            300..400 => Some(MAGENTA),
            400..600 => Some(RED),
            _ => None,
        });
        let code = match response.status {
            418 => style.blink(),
            _ => style,
        };
        let reason = match &response.version[..] {
            b"HTTP/2.0" | b"HTTP/3" => status::reason(response.status).into(),
            _ => show::bytes(&response.reason),
        };
        let size = response
            .content
            .size()
            .map_or_else(|| "(content missing)".to_owned(), human::pretty_size);
        self.page
            .paint(" <<", Style::BOLD)
            .push(" ")
            .push(Clean::line(&version))
            .paint(response.status, code)
            .push(" ")
            .paint(reason, style)
            .push(" ")
            .paint(Clean::line(&size), Style::BOLD)
            .line();
    }

    fn response_rest(&mut self, flow: &HttpFlow, response: &Response) {
        self.fields(&response.fields);
        if self.settings.detail >= 3 {
            self.body(Message::Http(flow, MessageKind::Response));
        }
        self.trailers(response.trailers.as_ref());
    }

    fn fields(&mut self, fields: &Fields) {
        if self.settings.detail < 2 {
            return;
        }
        for (name, value) in fields.iter() {
            let (name, value) = (
                Clean::escaped(name.trim_ascii_start()),
                Clean::escaped(value),
            );
            let value = value.trim_end();
            self.page
                .push("    ")
                .paint(&name, Style::colour(BLUE))
                .push(if value.as_str().is_empty() { ":" } else { ": " })
                .push(&value)
                .line();
        }
    }

    fn trailers(&mut self, trailers: Option<&Fields>) {
        let Some(trailers) = trailers.filter(|fields| !fields.is_empty()) else {
            return;
        };
        if self.settings.detail < 2 {
            return;
        }
        self.page
            .push("    ")
            .paint("--- HTTP Trailers", Style::colour(MAGENTA))
            .line();
        self.fields(trailers);
    }
}

fn replay_style(text: &str) -> Style {
    if text.is_empty() {
        Style::PLAIN
    } else {
        Style::colour(YELLOW).bold()
    }
}

fn is_http1(version: &[u8]) -> bool {
    matches!(version, b"HTTP/1.0" | b"HTTP/1.1")
}
