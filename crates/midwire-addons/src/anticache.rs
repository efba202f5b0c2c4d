//! Keeps servers from answering 304, so that content is seen (option `anticache`).

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, Hook, HookSet};
use midwire_core::options::Options;
use midwire_flow::HttpFlow;

/// Removes conditions from requests.
pub struct AntiCache;

impl Addon for AntiCache {
    fn name(&self) -> &'static str {
        "anticache"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.anticache {
            HookSet::of(&[Hook::Request])
        } else {
            HookSet::EMPTY
        }
    }

    fn request(&self, _: &Kernel, flow: &mut HttpFlow) {
        flow.request.anticache();
    }
}
