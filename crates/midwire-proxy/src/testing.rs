//! What tests of conversations share.

use std::sync::{Arc, Mutex};

use midwire_core::hooks::{Addon, FlowRef, Hook, HookSet};
use midwire_core::log::LogStream;
use midwire_core::options::{OptionStore, Options, Tool};
use midwire_core::{Kernel, Link};
use midwire_flow::{ClientConn, DnsFlow, Flow, HttpFlow, MessageFlow};

use crate::engine::Engine;
use crate::io::Io;
use crate::mode::ModeSpec;
use crate::session::Session;

/// A session with an engine of its own.
pub(crate) fn session(addon: Option<Arc<dyn Addon>>, settings: &[&str]) -> Session {
    session_of(addon.into_iter().map(Link::Sync).collect(), settings)
}

/// A session with an engine of its own and these addons.
pub(crate) fn session_of(links: Vec<Link>, settings: &[&str]) -> Session {
    let confdir = tempfile::tempdir().unwrap();
    let options = OptionStore::new(Tool::Dump);
    let mut all = vec![format!("confdir={}", confdir.path().display())];
    all.extend(settings.iter().map(|&setting| setting.to_owned()));
    options.set(&all).unwrap();
    let kernel = Arc::new(Kernel::new(options, LogStream::default()));
    kernel.set_addons(links).unwrap();
    let engine = Engine::new(&kernel).unwrap();
    let mode = Arc::new(ModeSpec::parse("regular").unwrap());
    Session::new(engine, ClientConn::default(), mode)
}

/// Two ends of a connection in memory.
pub(crate) fn pipe() -> (Io, Io) {
    let (near, far) = tokio::io::duplex(16 * 1024);
    (Box::new(near), Box::new(far))
}

type Edit<T> = Box<dyn Fn(&mut T) + Send + Sync>;

/// An addon that writes down hooks, keeps the last state of a flow, and edits messages.
#[derive(Default)]
pub(crate) struct Watcher {
    pub(crate) hooks: Mutex<Vec<&'static str>>,
    pub(crate) last: Mutex<Option<Flow>>,
    pub(crate) first_dns: Mutex<Option<midwire_flow::Id>>,
    pub(crate) edit_websocket: Option<Edit<HttpFlow>>,
    pub(crate) edit_raw: Option<Edit<MessageFlow>>,
    pub(crate) edit_dns: Option<Edit<DnsFlow>>,
}

impl Watcher {
    fn note(&self, hook: Hook, flow: FlowRef<'_>) {
        self.hooks.lock().unwrap().push(hook.name());
        if let FlowRef::Dns(flow) = &flow {
            let mut first = self.first_dns.lock().unwrap();
            first.get_or_insert_with(|| flow.info.id.clone());
        }
        *self.last.lock().unwrap() = Some(flow.to_flow());
    }

    fn none<T>() -> Option<&'static Edit<T>> {
        None
    }

    fn websocket(&self) -> Option<&Edit<HttpFlow>> {
        self.edit_websocket.as_ref()
    }

    fn raw(&self) -> Option<&Edit<MessageFlow>> {
        self.edit_raw.as_ref()
    }

    fn dns(&self) -> Option<&Edit<DnsFlow>> {
        self.edit_dns.as_ref()
    }

    pub(crate) fn hooks(&self) -> Vec<&'static str> {
        self.hooks.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> Flow {
        self.last.lock().unwrap().clone().unwrap()
    }
}

macro_rules! note {
    (@edit $this:ident none) => { Self::none() };
    (@edit $this:ident $edit:ident) => { $this.$edit() };
    ($($name:ident $hook:ident $view:ident $flow:ident $edit:ident;)+) => {$(
        fn $name(&self, _: &Kernel, flow: &mut $flow) {
            if let Some(edit) = note!(@edit self $edit) {
                edit(flow);
            }
            self.note(Hook::$hook, FlowRef::$view(flow));
        }
    )+};
}

impl Addon for Watcher {
    fn name(&self) -> &'static str {
        "watcher"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::of(Hook::ALL)
    }

    note! {
        websocket_start WebsocketStart Http HttpFlow none;
        websocket_message WebsocketMessage Http HttpFlow websocket;
        websocket_end WebsocketEnd Http HttpFlow none;
        tcp_start TcpStart Tcp MessageFlow none;
        tcp_message TcpMessage Tcp MessageFlow raw;
        tcp_end TcpEnd Tcp MessageFlow none;
        tcp_error TcpError Tcp MessageFlow none;
        udp_start UdpStart Udp MessageFlow none;
        udp_message UdpMessage Udp MessageFlow raw;
        udp_end UdpEnd Udp MessageFlow none;
        udp_error UdpError Udp MessageFlow none;
        dns_request DnsRequest Dns DnsFlow dns;
        dns_response DnsResponse Dns DnsFlow none;
        dns_error DnsError Dns DnsFlow none;
    }
}
