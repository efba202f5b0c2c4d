//! Holds flows for the user (options `intercept` and `intercept_active`).

use std::sync::Arc;

use arc_swap::ArcSwap;
use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, FlowRef, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options};
use midwire_flow::{DnsFlow, HttpFlow, MessageFlow};

use crate::condition::Condition;

/// Marks flows that match the filter as held. Whoever ran the hook then waits until they are resumed.
#[derive(Default)]
pub struct Intercept {
    filter: ArcSwap<Condition>,
}

const HOOKS: HookSet = HookSet::of(&[
    Hook::Request,
    Hook::Response,
    Hook::WebsocketMessage,
    Hook::TcpMessage,
    Hook::UdpMessage,
    Hook::DnsRequest,
    Hook::DnsResponse,
])
.union(HookSet::CONTENT);

impl Intercept {
    fn holds(&self, flow: FlowRef<'_>) -> bool {
        // A replay is the user's own doing.
        flow.info().is_replay.is_none() && self.filter.load().admits(flow)
    }
}

impl Addon for Intercept {
    fn name(&self) -> &'static str {
        "intercept"
    }

    fn interest(&self, options: &Options) -> HookSet {
        let filter = options.intercept.as_deref().unwrap_or_default();
        if options.intercept_active && !filter.is_empty() {
            HOOKS
        } else {
            HookSet::EMPTY
        }
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        if changed.contains("intercept") {
            let filter = Condition::parse(options.intercept.as_deref())?;
            self.filter.store(Arc::new(filter));
        }
        Ok(())
    }

    fn content_need(&self, _: &Kernel, flow: &HttpFlow, _: Part) -> ContentNeed {
        // What was passed on already can no longer be held.
        let may_hold = self.filter.load().reads_content() || self.holds(FlowRef::Http(flow));
        if may_hold && flow.info.is_replay.is_none() {
            ContentNeed::Whole
        } else {
            ContentNeed::Nothing
        }
    }

    fn request(&self, _: &Kernel, flow: &mut HttpFlow) {
        flow.info.intercepted |= self.holds(FlowRef::Http(flow));
    }

    fn response(&self, _: &Kernel, flow: &mut HttpFlow) {
        flow.info.intercepted |= self.holds(FlowRef::Http(flow));
    }

    fn websocket_message(&self, _: &Kernel, flow: &mut HttpFlow) {
        flow.info.intercepted |= self.holds(FlowRef::Http(flow));
    }

    fn tcp_message(&self, _: &Kernel, flow: &mut MessageFlow) {
        flow.info.intercepted |= self.holds(FlowRef::Tcp(flow));
    }

    fn udp_message(&self, _: &Kernel, flow: &mut MessageFlow) {
        flow.info.intercepted |= self.holds(FlowRef::Udp(flow));
    }

    fn dns_request(&self, _: &Kernel, flow: &mut DnsFlow) {
        flow.info.intercepted |= self.holds(FlowRef::Dns(flow));
    }

    fn dns_response(&self, _: &Kernel, flow: &mut DnsFlow) {
        flow.info.intercepted |= self.holds(FlowRef::Dns(flow));
    }
}

#[cfg(test)]
mod tests {
    use midwire_core::Link;
    use midwire_core::log::LogStream;
    use midwire_core::options::{OptionStore, Tool, Value};
    use midwire_flow::{Replay, Response};
    use midwire_wire::Fields;

    use super::*;
    use crate::testing::{http_flow, info};

    fn set_up(filter: &str) -> Result<(Arc<Kernel>, Arc<Intercept>), String> {
        let store = OptionStore::new(Tool::Console);
        store.update([("intercept", Value::from(filter))]).unwrap();
        let kernel = Arc::new(Kernel::new(store, LogStream::default()));
        let addon = Arc::new(Intercept::default());
        kernel.set_addons(vec![Link::Sync(addon.clone())])?;
        Ok((kernel, addon))
    }

    #[tokio::test]
    async fn matching_flows_are_held() {
        let check = async |filter: &str, replay, expected| {
            let (kernel, _) = set_up(filter).unwrap();
            let mut flow = http_flow("GET http://example.com/a");
            flow.info.is_replay = replay;
            kernel.request(&mut flow).await;
            assert_eq!(flow.info.intercepted, expected, "{filter}");
        };
        check("~q", None, true).await;
        check("~s", None, false).await;
        check("~u example", None, true).await;
        check("~u example", Some(Replay::Request), false).await;
        check("~u other", None, false).await;
        check("", None, false).await;
    }

    #[tokio::test]
    async fn other_kinds_of_flows_and_later_hooks_are_held() {
        let (kernel, _) = set_up("~s | ~tcp").unwrap();
        let mut flow = http_flow("GET http://example.com/a");
        flow.response = Some(Response::make(200, "", Fields::new()));
        kernel.response(&mut flow).await;
        assert!(flow.info.intercepted);
        let mut tcp = MessageFlow {
            info: info(),
            messages: Vec::new(),
        };
        kernel.tcp_message(&mut tcp).await;
        assert!(tcp.info.intercepted);
        tcp.info.intercepted = false;
        kernel.udp_message(&mut tcp).await;
        assert!(!tcp.info.intercepted);
    }

    #[tokio::test]
    async fn the_switch_turns_it_off_and_on() {
        let (kernel, _) = set_up("~all").unwrap();
        let intercepted = async || {
            let mut flow = http_flow("GET http://example.com/a");
            kernel.request(&mut flow).await;
            flow.info.intercepted
        };
        let set = |name: &str, value| kernel.options().update([(name, value)]).unwrap();
        assert!(intercepted().await);
        set("intercept_active", Value::Bool(false));
        assert!(!intercepted().await);
        set("intercept", Value::from("~u example"));
        assert!(intercepted().await, "a new filter turns it on");
        set("intercept", Value::Null);
        assert!(!intercepted().await);
    }

    #[test]
    fn content_is_held_back_where_the_filter_may_match() {
        let check = |filter: &str, expected| {
            let (kernel, addon) = set_up(filter).unwrap();
            let flow = http_flow("GET http://example.com/a");
            let need = addon.content_need(&kernel, &flow, Part::Request);
            assert_eq!(need, expected, "{filter}");
        };
        check("~q", ContentNeed::Whole);
        check("~s", ContentNeed::Nothing);
        check("~bq x", ContentNeed::Whole);
    }

    #[test]
    fn bad_filters_are_refused() {
        assert!(set_up("~bogus (").is_err());
    }
}
