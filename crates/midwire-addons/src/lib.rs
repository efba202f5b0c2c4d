//! The bundled addons, a file each. Everything the program does with traffic beyond passing it on is here.

mod answer;
mod anticache;
mod anticomp;
mod block;
mod block_list;
mod browser;
mod condition;
mod crl;
mod dumper;
mod errorcheck;
mod intercept;
mod keepserving;
mod map_local;
mod map_remote;
mod modify_body;
mod modify_headers;
mod onboarding;
mod output;
mod readfile;
mod rules;
mod save;
mod savehar;
mod show;
mod stickyauth;
mod stickycookie;
mod stream_rewrite;
mod strip_dns_https_records;
mod style;
mod termlog;
#[cfg(test)]
mod testing;
mod update_alt_svc;

use std::sync::Arc;

use midwire_core::hooks::Addon;
use midwire_core::options::Tool;
use midwire_core::{Kernel, Link};

pub use anticache::AntiCache;
pub use anticomp::AntiComp;
pub use block::Block;
pub use block_list::BlockList;
pub use browser::Browser;
pub use crl::Crl;
pub use dumper::Dumper;
pub use errorcheck::ErrorCheck;
pub use intercept::Intercept;
pub use keepserving::{Busy, KeepServing};
pub use map_local::MapLocal;
pub use map_remote::MapRemote;
pub use modify_body::ModifyBody;
pub use modify_headers::ModifyHeaders;
pub use onboarding::Onboarding;
pub use output::{Colour, Output};
pub use readfile::{ReadFile, replay};
pub use save::Save;
pub use savehar::SaveHar;
pub use stickyauth::StickyAuth;
pub use stickycookie::StickyCookie;
pub use stream_rewrite::{NotStreamable, Rewriter, Rule as RewriteRule};
pub use strip_dns_https_records::StripDnsHttpsRecords;
pub use termlog::TermLog;
pub use update_alt_svc::UpdateAltSvc;

/// The addons of a program in their order, which scripts can see (events.md §9).
pub fn default_links(kernel: &Arc<Kernel>, tool: Tool) -> Vec<Link> {
    let weak = || Arc::downgrade(kernel);
    let output = Output::stdout();
    let mut addons: Vec<Arc<dyn Addon>> = Vec::new();
    if tool != Tool::Console {
        addons.push(Arc::new(TermLog::new(&weak(), output.clone())));
    }
    addons.extend::<[Arc<dyn Addon>; 15]>([
        Arc::new(Block),
        Arc::new(StripDnsHttpsRecords),
        Arc::new(BlockList::default()),
        Arc::new(AntiCache),
        Arc::new(AntiComp),
        Arc::new(Onboarding),
        Arc::new(MapRemote::default()),
        Arc::new(MapLocal::default()),
        Arc::new(ModifyBody::default()),
        Arc::new(ModifyHeaders::default()),
        Arc::new(StickyAuth::default()),
        Arc::new(StickyCookie::default()),
        Arc::new(Save::new(weak())),
        Arc::new(SaveHar::new(output.clone())),
        Arc::new(UpdateAltSvc),
    ]);
    if tool == Tool::Dump {
        addons.push(Arc::new(Dumper::new(output)));
    }
    if tool != Tool::Dump {
        addons.push(Arc::new(Intercept::default()));
    }
    addons.push(Arc::new(ReadFile::new(weak())));
    // It looks for work that begins when the program runs, so it comes after whoever has some.
    if tool == Tool::Dump {
        addons.push(Arc::new(KeepServing::new(weak(), Vec::new())));
    }
    addons.push(Arc::new(ErrorCheck::new(kernel)));
    addons.into_iter().map(Link::Sync).collect()
}
