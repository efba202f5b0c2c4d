//! The bundled addons, a file each. Everything the program does with traffic beyond passing it on is here.

mod modes;
mod proxyauth;
mod update_alt_svc;
mod upstream_auth;

use std::sync::Arc;

use midwire_core::options::Tool;
use midwire_core::{Kernel, Link};

pub use proxyauth::ProxyAuth;
pub use update_alt_svc::UpdateAltSvc;
pub use upstream_auth::UpstreamAuth;

/// The addons of a tool, in their order.
pub fn default_links(_kernel: &Arc<Kernel>, _tool: Tool) -> Vec<Link> {
    vec![
        Link::Async(Arc::new(ProxyAuth::default())),
        Link::Sync(Arc::new(UpstreamAuth)),
        Link::Sync(Arc::new(UpdateAltSvc)),
    ]
}
