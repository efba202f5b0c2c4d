//! Asks servers not to compress (option `anticomp`).

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, Hook, HookSet};
use midwire_core::options::Options;
use midwire_flow::HttpFlow;

/// Sets Accept-Encoding to `identity`.
pub struct AntiComp;

impl Addon for AntiComp {
    fn name(&self) -> &'static str {
        "anticomp"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.anticomp {
            HookSet::of(&[Hook::Request])
        } else {
            HookSet::EMPTY
        }
    }

    fn request(&self, _: &Kernel, flow: &mut HttpFlow) {
        flow.request.anticomp();
    }
}
