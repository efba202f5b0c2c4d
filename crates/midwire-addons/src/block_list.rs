//! Answers requests with a status code of our own, or not at all (option `block_list`).

use std::sync::Arc;

use arc_swap::ArcSwap;
use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options};
use midwire_flow::{FlowError, HttpFlow, Response, Value};
use midwire_wire::Fields;

use crate::answer::SERVER;
use crate::rules::{StatusRule, comes_too_late, is_open, parse_all};

/// The status code that stands for no answer at all.
const NO_RESPONSE: u16 = 444;

/// Blocks requests that match a rule; later rules override earlier ones.
#[derive(Default)]
pub struct BlockList {
    rules: ArcSwap<Vec<StatusRule>>,
}

impl Addon for BlockList {
    fn name(&self) -> &'static str {
        "blocklist"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.block_list.is_empty() {
            return HookSet::EMPTY;
        }
        HookSet::of(&[Hook::Request]).union(HookSet::CONTENT)
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        if changed.contains("block_list") {
            let rules = parse_all("block_list", &options.block_list, StatusRule::parse)?;
            self.rules.store(Arc::new(rules));
        }
        Ok(())
    }

    fn content_need(&self, _: &Kernel, flow: &HttpFlow, part: Part) -> ContentNeed {
        // Nothing of a request that is refused may go to its server.
        let may_apply = self
            .rules
            .load()
            .iter()
            .any(|rule| rule.condition.reads_content() || rule.condition.admits_http(flow));
        if part == Part::Request && may_apply {
            ContentNeed::Whole
        } else {
            ContentNeed::Nothing
        }
    }

    fn request(&self, _: &Kernel, flow: &mut HttpFlow) {
        if !is_open(flow) {
            return;
        }
        for rule in self.rules.load().iter() {
            if !rule.condition.admits_http(flow) {
                continue;
            }
            if comes_too_late("block_list", flow) {
                return;
            }
            flow.info.set_meta("blocklisted", Value::Bool(true));
            if rule.status == NO_RESPONSE {
                flow.info.error = Some(FlowError::new(FlowError::KILLED));
            } else {
                let fields = Fields::from_pairs([("Server", SERVER)]);
                flow.response = Some(Response::make(rule.status, "", fields));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{http_flow, kernel_with};

    #[test]
    fn matching_requests_are_blocked() {
        let check = |rules: &[&str], expected: Option<u16>, killed: bool| {
            let addon = Arc::new(BlockList::default());
            let kernel = kernel_with(addon.clone(), "block_list", rules).unwrap();
            let mut flow = http_flow("GET http://example.com/a");
            addon.request(&kernel, &mut flow);
            assert_eq!(flow.response.map(|r| r.status), expected, "{rules:?}");
            assert_eq!(flow.info.killed(), killed, "{rules:?}");
            let blocked = expected.is_some() || killed;
            assert_eq!(flow.info.meta("blocklisted").is_some(), blocked);
        };
        check(&[":~u example.com:404"], Some(404), false);
        check(&[":~u example.org:404"], None, false);
        check(&[":~u example.com:444"], None, true);
        check(&[":~m GET:403", ":~u /a:418"], Some(418), false);
    }

    #[test]
    fn answered_and_recorded_flows_are_left_alone() {
        let addon = Arc::new(BlockList::default());
        let kernel = kernel_with(addon.clone(), "block_list", &[":~all:404"]).unwrap();
        let mut flow = http_flow("GET http://example.com/a");
        flow.info.live = false;
        addon.request(&kernel, &mut flow);
        assert!(flow.response.is_none());
        flow.info.live = true;
        flow.response = Some(Response::make(200, "", Fields::new()));
        addon.request(&kernel, &mut flow);
        assert_eq!(flow.response.map(|r| r.status), Some(200));
    }

    #[test]
    fn bad_rules_are_refused() {
        let addon = Arc::new(BlockList::default());
        let error = kernel_with(addon, "block_list", &["/x/y/z"]).err().unwrap();
        assert_eq!(
            error,
            "Cannot parse block_list option /x/y/z: Invalid number of parameters (2 are expected)"
        );
    }
}
