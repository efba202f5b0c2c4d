//! Asks servers not to compress (option `anticomp`).

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, Hook, HookSet};
use midwire_core::options::Options;
use midwire_flow::HttpFlow;

use crate::rules::may_stream;

/// Sets Accept-Encoding to `identity`.
pub struct AntiComp;

impl Addon for AntiComp {
    fn name(&self) -> &'static str {
        "anticomp"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.anticomp {
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
        flow.request.anticomp();
    }
}

#[cfg(test)]
mod tests {
    use midwire_core::options::Value;
    use midwire_wire::Fields;

    use super::*;
    use crate::testing::{http_flow, kernel};

    #[test]
    fn only_identity_is_accepted() {
        let mut flow = http_flow("GET http://example.com/");
        flow.request.fields = Fields::from_pairs([("Accept-Encoding", "gzip, br")]);
        AntiComp.request(&kernel(&[]), &mut flow);
        let accepted = flow.request.fields.get("accept-encoding");
        assert_eq!(accepted, Some(&b"identity"[..]));
    }

    #[test]
    fn nothing_is_done_unless_asked_for() {
        let interest =
            |on| AntiComp.interest(&kernel(&[("anticomp", Value::Bool(on))]).options().load());
        assert_eq!(interest(false), HookSet::EMPTY);
        assert!(interest(true).contains(Hook::Request));
    }
}
