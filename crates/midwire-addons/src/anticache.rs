//! Keeps servers from answering 304, so that content is seen (option `anticache`).

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, Hook, HookSet};
use midwire_core::options::Options;
use midwire_flow::HttpFlow;

use crate::rules::may_stream;

/// Removes conditions from requests.
pub struct AntiCache;

impl Addon for AntiCache {
    fn name(&self) -> &'static str {
        "anticache"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.anticache {
            HookSet::of(&[Hook::Requestheaders, Hook::Request])
        } else {
            HookSet::EMPTY
        }
    }

    fn requestheaders(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        if may_stream(flow) {
            self.request(kernel, flow);
        }
    }

    fn request(&self, _: &Kernel, flow: &mut HttpFlow) {
        flow.request.anticache();
    }
}

#[cfg(test)]
mod tests {
    use midwire_core::options::Value;
    use midwire_wire::Fields;

    use super::*;
    use crate::testing::{http_flow, kernel};

    #[test]
    fn conditions_are_removed() {
        let mut flow = http_flow("GET http://example.com/");
        flow.request.fields = Fields::from_pairs([("If-None-Match", "x"), ("A", "b")]);
        AntiCache.request(&kernel(&[]), &mut flow);
        assert_eq!(flow.request.fields, Fields::from_pairs([("A", "b")]));
    }

    #[test]
    fn nothing_is_done_unless_asked_for() {
        let interest =
            |on| AntiCache.interest(&kernel(&[("anticache", Value::Bool(on))]).options().load());
        assert_eq!(interest(false), HookSet::EMPTY);
        assert!(interest(true).contains(Hook::Request));
    }
}
