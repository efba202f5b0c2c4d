//! The bundled addons, a file each. Everything the program does with traffic beyond passing it on is here.

mod answer;
mod anticache;
mod anticomp;
mod block;
mod block_list;
mod condition;
mod dumper;
mod errorcheck;
mod keepserving;
mod map_local;
mod map_remote;
mod modify_body;
mod modify_headers;
mod output;
mod readfile;
mod rules;
mod save;
mod show;
mod stickyauth;
mod stickycookie;
mod style;
mod termlog;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use midwire_core::hooks::Addon;
use midwire_core::options::Tool;
use midwire_core::{Kernel, Link};

pub use anticache::AntiCache;
pub use anticomp::AntiComp;
pub use block::Block;
pub use block_list::BlockList;
pub use dumper::Dumper;
pub use errorcheck::ErrorCheck;
pub use keepserving::{Busy, KeepServing};
pub use map_local::MapLocal;
pub use map_remote::MapRemote;
pub use modify_body::ModifyBody;
pub use modify_headers::ModifyHeaders;
pub use output::{Colour, Output};
pub use readfile::{ReadFile, replay};
pub use save::Save;
pub use stickyauth::StickyAuth;
pub use stickycookie::StickyCookie;
pub use termlog::TermLog;

/// The addons of a program in their order, which scripts can see (events.md §9).
pub fn default_links(kernel: &Arc<Kernel>, tool: Tool) -> Vec<Link> {
    let weak = || Arc::downgrade(kernel);
    let output = Output::stdout();
    let mut addons: Vec<Arc<dyn Addon>> = Vec::new();
    if tool != Tool::Console {
        addons.push(Arc::new(TermLog::new(&weak(), output.clone())));
    }
    addons.extend::<[Arc<dyn Addon>; 11]>([
        Arc::new(Block),
        Arc::new(BlockList::default()),
        Arc::new(AntiCache),
        Arc::new(AntiComp),
        Arc::new(MapRemote::default()),
        Arc::new(MapLocal::default()),
        Arc::new(ModifyBody::default()),
        Arc::new(ModifyHeaders::default()),
        Arc::new(StickyAuth::default()),
        Arc::new(StickyCookie::default()),
        Arc::new(Save::new(weak())),
    ]);
    if tool == Tool::Dump {
        addons.push(Arc::new(Dumper::new(output)));
    }
    addons.push(Arc::new(ReadFile::new(weak())));
    // It looks for work that begins when the program runs, so it comes after whoever has some.
    if tool == Tool::Dump {
        addons.push(Arc::new(KeepServing::new(weak(), Vec::new())));
    }
    addons.push(Arc::new(ErrorCheck::new(kernel)));
    addons.into_iter().map(Link::Sync).collect()
}
