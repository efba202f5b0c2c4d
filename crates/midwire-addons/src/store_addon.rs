//! Feeds the flow store of interactive tools, and applies the options of the flow list to it.

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, FlowRef, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options};
use midwire_core::store::{Limits, Order};
use midwire_flow::filter::Filter;
use midwire_flow::{DnsFlow, HttpFlow, MessageFlow};

/// Puts flows into the store when they begin and keeps them up to date. Flows that a user removed stay away.
pub struct StoreAddon;

impl Addon for StoreAddon {
    fn name(&self) -> &'static str {
        "view"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::of(&[
            Hook::Requestheaders,
            Hook::TcpStart,
            Hook::UdpStart,
            Hook::DnsRequest,
        ])
        .union(HookSet::UPDATE)
        .union(HookSet::CONTENT)
    }

    fn configure(
        &self,
        kernel: &Kernel,
        options: &Options,
        changed: &Changed,
    ) -> Result<(), String> {
        let store = kernel.store();
        if changed.contains("view_filter") {
            let filter = match options.view_filter.as_deref() {
                None | Some("") => None,
                Some(expression) => {
                    Some(Filter::parse(expression).map_err(|error| error.to_string())?)
                }
            };
            store.set_filter(filter.as_ref());
        }
        if changed.contains("view_order") {
            let unknown = || format!("Unknown flow order: {}", options.view_order);
            store.set_order(Order::parse(&options.view_order).ok_or_else(unknown)?);
        }
        if changed.contains("view_order_reversed") {
            store.set_reversed(options.view_order_reversed);
        }
        if changed.contains("console_focus_follow") {
            store.set_follow(options.console_focus_follow);
        }
        let limits = ["view_flow_limit", "view_memory_limit", "view_disk_limit"];
        if limits.iter().any(|name| changed.contains(name)) {
            store.set_limits(Limits {
                flows: usize::try_from(options.view_flow_limit).unwrap_or_default(),
                memory: options.view_memory_limit.bytes(),
                disk: options.view_disk_limit.bytes(),
            });
        }
        Ok(())
    }

    fn update(&self, kernel: &Kernel, flows: &[FlowRef<'_>]) {
        for flow in flows {
            kernel.store().update(*flow);
        }
    }

    fn content_need(&self, _: &Kernel, _: &HttpFlow, _: Part) -> ContentNeed {
        ContentNeed::Copy
    }

    fn requestheaders(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        kernel.store().put(FlowRef::Http(flow));
    }

    fn tcp_start(&self, kernel: &Kernel, flow: &mut MessageFlow) {
        kernel.store().put(FlowRef::Tcp(flow));
    }

    fn udp_start(&self, kernel: &Kernel, flow: &mut MessageFlow) {
        kernel.store().put(FlowRef::Udp(flow));
    }

    fn dns_request(&self, kernel: &Kernel, flow: &mut DnsFlow) {
        kernel.store().put(FlowRef::Dns(flow));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use midwire_core::Link;
    use midwire_core::log::LogStream;
    use midwire_core::options::{OptionStore, Tool, Value};

    use super::*;
    use crate::testing::http_flow;

    fn kernel() -> Arc<Kernel> {
        let kernel = Arc::new(Kernel::new(
            OptionStore::new(Tool::Web),
            LogStream::default(),
        ));
        let links = vec![Link::Sync(Arc::new(StoreAddon))];
        kernel.set_addons(links).unwrap();
        kernel
    }

    #[tokio::test]
    async fn flows_come_with_their_first_hook_and_stay_current() {
        let kernel = kernel();
        let mut flow = http_flow("GET http://example.com/");
        let id = flow.info.id.clone();
        kernel.update(&[FlowRef::Http(&flow)]);
        assert!(kernel.store().get(&id).is_none(), "not begun");
        kernel.requestheaders(&mut flow).await;
        flow.info.comment = "new".to_owned();
        kernel.update(&[FlowRef::Http(&flow)]);
        assert_eq!(kernel.store().get(&id).unwrap().info().comment, "new");
        kernel.store().remove([&id]);
        kernel.update(&[FlowRef::Http(&flow)]);
        assert!(kernel.store().get(&id).is_none(), "removed by the user");
    }

    #[tokio::test]
    async fn options_reach_the_list() {
        let kernel = kernel();
        let mut flow = http_flow("GET http://example.com/");
        kernel.requestheaders(&mut flow).await;
        let set = |name: &str, value: Value| kernel.options().update([(name, value)]);
        set("view_filter", Value::from("~m POST")).unwrap();
        set("view_order", Value::from("url")).unwrap();
        set("view_order_reversed", Value::Bool(true)).unwrap();
        let store = kernel.store();
        assert_eq!(store.counts().shown, 0);
        assert_eq!((store.order(), store.is_reversed()), (Order::Url, true));
        let error = set("view_filter", Value::from("~zz")).unwrap_err();
        assert_eq!(error.to_string(), "Invalid filter expression: '~zz'");
        assert_eq!(store.filter().unwrap(), Filter::parse("~m POST").unwrap());
        set("view_flow_limit", Value::Int(1)).unwrap();
        kernel
            .requestheaders(&mut http_flow("GET http://example.com/b"))
            .await;
        assert_eq!(store.counts().total, 1);
    }
}
