//! Prints flows as they end (modes.md §19).

mod body;
mod dns;
mod http;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;
use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, FlowRef, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options, Size};
use midwire_flow::{DnsFlow, HttpFlow, MessageFlow, Replay};
use midwire_views::{Clean, Registry};

use crate::condition::Condition;
use crate::heavy::Work;
use crate::output::{self, Output};
use crate::script_views::with_script_views;
use crate::show;
use crate::style::{Page, Style, YELLOW};

/// Prints flows that match `dumper_filter`, each in one piece.
pub struct Dumper {
    output: Output,
    views: Registry,
    settings: ArcSwap<Settings>,
}

/// What the options say.
#[derive(Clone, Debug, Default)]
struct Settings {
    filter: Condition,
    detail: i64,
    explain: bool,
    show_host: bool,
    view: String,
    cutoff_lines: usize,
    /// Bytes of content that are decoded.
    size_limit: Option<Size>,
    protobuf_definitions: Option<String>,
}

/// A page about one flow that is being written.
struct Printer<'a> {
    page: Page,
    settings: &'a Settings,
    views: &'a Registry,
}

const HOOKS: HookSet = HookSet::of(&[
    Hook::Response,
    Hook::Error,
    Hook::HttpConnectError,
    Hook::WebsocketMessage,
    Hook::WebsocketEnd,
    Hook::TcpMessage,
    Hook::TcpError,
    Hook::UdpMessage,
    Hook::UdpError,
    Hook::DnsResponse,
    Hook::DnsError,
]);

impl Dumper {
    /// A dumper that prints to `output`.
    pub fn new(output: Output) -> Self {
        Self {
            output,
            views: Registry::new(),
            settings: ArcSwap::default(),
        }
    }

    fn print<'a>(
        &self,
        kernel: &Kernel,
        flow: impl Into<Shown<'a>>,
        write: impl FnOnce(&mut Printer<'_>),
    ) {
        let settings = self.settings.load();
        let flow = flow.into().0;
        if settings.detail < 1 || !settings.filter.admits(flow) {
            return;
        }
        let views = with_script_views(kernel, &self.views);
        let mut printer = Printer {
            page: Page::new(self.output.colour()),
            settings: &settings,
            views: &views,
        };
        if settings.detail >= 3 {
            Work::on(flow).run(|| write(&mut printer));
        } else {
            write(&mut printer);
        }
        self.output.print(kernel, &printer.page);
    }
}

/// A flow to look at.
struct Shown<'a>(FlowRef<'a>);

impl<'a> From<&'a HttpFlow> for Shown<'a> {
    fn from(flow: &'a HttpFlow) -> Self {
        Self(FlowRef::Http(flow))
    }
}

impl<'a> From<&'a DnsFlow> for Shown<'a> {
    fn from(flow: &'a DnsFlow) -> Self {
        Self(FlowRef::Dns(flow))
    }
}

impl<'a> From<FlowRef<'a>> for Shown<'a> {
    fn from(flow: FlowRef<'a>) -> Self {
        Self(flow)
    }
}

impl Addon for Dumper {
    fn name(&self) -> &'static str {
        "dumper"
    }

    fn interest(&self, options: &Options) -> HookSet {
        let settings = self.settings.load();
        if options.flow_detail < 1 {
            HookSet::EMPTY
        } else if settings.detail >= 3 || settings.filter.reads_content() {
            HOOKS.union(HookSet::CONTENT)
        } else {
            HOOKS
        }
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        let before = self.settings.load();
        let filter = if changed.contains("dumper_filter") {
            Condition::parse(options.dumper_filter.as_deref())?
        } else {
            before.filter.clone()
        };
        self.settings.store(Arc::new(Settings {
            filter,
            detail: options.flow_detail,
            explain: options.explain,
            show_host: options.showhost,
            view: options.dumper_default_contentview.clone(),
            cutoff_lines: usize::try_from(options.content_view_lines_cutoff).unwrap_or_default(),
            size_limit: Some(options.content_view_size_limit.clone()),
            protobuf_definitions: options.protobuf_definitions.clone(),
        }));
        Ok(())
    }

    fn done(&self, kernel: &Kernel) {
        if self.settings.load().detail >= 1 {
            let mut page = Page::new(self.output.colour());
            missed(kernel, &mut page);
            if !page.as_str().is_empty() {
                self.output.print(kernel, &page);
            }
        }
    }

    fn content_need(&self, _: &Kernel, _: &HttpFlow, part: Part) -> ContentNeed {
        let settings = self.settings.load();
        if settings.detail >= 3 {
            return ContentNeed::Copy;
        }
        settings.filter.content_need(part)
    }

    fn response(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        self.print(kernel, &*flow, |printer| printer.http(flow));
    }

    fn error(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        self.print(kernel, &*flow, |printer| printer.http(flow));
    }

    fn http_connect_error(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        self.print(kernel, &*flow, |printer| printer.http(flow));
    }

    fn websocket_message(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        self.print(kernel, &*flow, |printer| printer.websocket_message(flow));
    }

    fn websocket_end(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        self.print(kernel, &*flow, |printer| printer.websocket_end(flow));
    }

    fn tcp_message(&self, kernel: &Kernel, flow: &mut MessageFlow) {
        self.print(kernel, FlowRef::Tcp(flow), |p| {
            p.message(flow, &stream::TCP);
        });
    }

    fn tcp_error(&self, kernel: &Kernel, flow: &mut MessageFlow) {
        self.print(kernel, FlowRef::Tcp(flow), |p| {
            p.failure(flow, &stream::TCP);
        });
    }

    fn udp_message(&self, kernel: &Kernel, flow: &mut MessageFlow) {
        self.print(kernel, FlowRef::Udp(flow), |p| {
            p.message(flow, &stream::UDP);
        });
    }

    fn udp_error(&self, kernel: &Kernel, flow: &mut MessageFlow) {
        self.print(kernel, FlowRef::Udp(flow), |p| {
            p.failure(flow, &stream::UDP);
        });
    }

    fn dns_response(&self, kernel: &Kernel, flow: &mut DnsFlow) {
        self.print(kernel, &*flow, |printer| printer.dns_response(flow));
    }

    fn dns_error(&self, kernel: &Kernel, flow: &mut DnsFlow) {
        self.print(kernel, &*flow, |printer| printer.dns_error(flow));
    }
}

/// Hosts of the summary; the command `ledger.show` has all.
const MISSED_SHOWN: usize = 20;

/// What was not captured and why, a line for each host; empty if all was.
fn missed(kernel: &Kernel, page: &mut Page) {
    let rows = kernel.ledger().rows();
    if rows.is_empty() {
        return;
    }
    page.push("Not captured:").line();
    for row in rows.iter().take(MISSED_SHOWN) {
        let line = format!("{}: {} ({}x)", row.host, row.reason.text(), row.count);
        page.push("    ").push(Clean::line(&line)).line();
    }
    if rows.len() > MISSED_SHOWN {
        let more = format!("and {} more", rows.len() - MISSED_SHOWN);
        page.push("    ").push(Clean::line(&more)).line();
    }
}

impl Printer<'_> {
    /// What is known about the making of a flow, if that is asked for.
    fn account(&mut self, info: &midwire_flow::FlowInfo) {
        if !self.settings.explain {
            return;
        }
        for line in midwire_core::explain::account(info) {
            self.page.push("    | ").push(Clean::line(&line)).line();
        }
    }

    /// Who sent the request.
    fn client(&mut self, info: &midwire_flow::FlowInfo) {
        if info.is_replay == Some(Replay::Request) {
            self.page.paint("[replay]", Style::colour(YELLOW).bold());
        } else if let Some(peer) = &info.client_conn.peername {
            self.page.push(show::address(Some(peer)));
        }
    }
}

/// Characters of a URL that fit one line.
fn url_width() -> usize {
    output::columns().saturating_sub(25).max(50)
}
