//! The bundled addons, a file each. Everything the program does with traffic beyond passing it on is here.

mod answer;
mod anticache;
mod anticomp;
mod block;
mod block_list;
mod browser;
pub mod commands;
mod condition;
mod crl;
mod dumper;
mod errorcheck;
mod heavy;
mod intercept;
mod keepserving;
mod map_local;
mod map_remote;
mod modes;
mod modify_body;
mod modify_headers;
mod onboarding;
mod output;
mod proxyauth;
mod readfile;
mod rules;
mod save;
mod savehar;
mod script_views;
mod serverplayback;
mod show;
mod stickyauth;
mod stickycookie;
mod store_addon;
mod stream_rewrite;
mod strip_dns_https_records;
mod style;
mod termlog;
#[cfg(test)]
mod testing;
mod update_alt_svc;
mod upstream_auth;

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
pub use proxyauth::ProxyAuth;
pub use readfile::{ReadFile, replay};
pub use save::Save;
pub use savehar::SaveHar;
pub use script_views::with_script_views;
pub use serverplayback::ServerPlayback;
pub use stickyauth::StickyAuth;
pub use stickycookie::StickyCookie;
pub use store_addon::StoreAddon;
pub use stream_rewrite::{NotStreamable, Rewriter, Rule as RewriteRule};
pub use strip_dns_https_records::StripDnsHttpsRecords;
pub use termlog::TermLog;
pub use update_alt_svc::UpdateAltSvc;
pub use upstream_auth::UpstreamAuth;

use crate::commands::CommandAddons;

/// What the program adds to the bundled addons.
#[derive(Default)]
pub struct Extra {
    /// The host of the user's scripts.
    pub scripts: Option<Link>,
    /// The answer to requests for our revocation list.
    pub crl: Option<Crl>,
}

/// The addons of a program in their order, which scripts can see (events.md §9).
pub fn default_links(
    kernel: &Arc<Kernel>,
    tool: Tool,
    commands: &CommandAddons,
    extra: Extra,
) -> Vec<Link> {
    let weak = || Arc::downgrade(kernel);
    let output = Output::stdout();
    let mut chain = Builder(Vec::new());
    if tool != Tool::Console {
        chain.add(TermLog::new(&weak(), output.clone()));
    }
    chain.share(commands.browser.clone());
    chain.add(Block::default());
    chain.add(StripDnsHttpsRecords);
    chain.add(BlockList::default());
    chain.add(AntiCache);
    chain.add(AntiComp);
    chain.share(commands.client.clone());
    chain.share(commands.history.clone());
    chain.add(Onboarding);
    if let Some(crl) = extra.crl {
        chain.add(crl);
    }
    chain.0.push(Link::Async(Arc::new(ProxyAuth::default())));
    chain.0.extend(extra.scripts);
    chain.share(commands.server.clone());
    chain.add(MapRemote::default());
    chain.add(MapLocal::default());
    chain.add(ModifyBody::default());
    chain.add(ModifyHeaders::default());
    chain.add(StickyAuth::default());
    chain.add(StickyCookie::default());
    chain.add(Save::new(weak()));
    chain.add(SaveHar::new(output.clone()));
    chain.add(UpstreamAuth);
    chain.add(UpdateAltSvc);
    if tool == Tool::Dump {
        chain.add(Dumper::new(output));
    } else {
        chain.add(Intercept::default());
        chain.add(StoreAddon);
    }
    chain.add(ReadFile::new(weak()));
    // It looks for work that begins when the program runs, so it comes after whoever has some.
    if tool == Tool::Dump {
        chain.add(KeepServing::new(weak(), CommandAddons::busy(kernel)));
    }
    chain.add(ErrorCheck::new(kernel));
    chain.0
}

/// Links in the making.
struct Builder(Vec<Link>);

impl Builder {
    fn add(&mut self, addon: impl Addon + 'static) {
        self.share(Arc::new(addon));
    }

    fn share(&mut self, addon: Arc<dyn Addon>) {
        self.0.push(Link::Sync(addon));
    }
}
