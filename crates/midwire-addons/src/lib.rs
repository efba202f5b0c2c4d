//! midwire-addons.

use std::sync::Arc;

use midwire_core::options::Tool;
use midwire_core::{Kernel, Link};

/// The addons of a tool, in their order.
pub fn default_links(_kernel: &Arc<Kernel>, _tool: Tool) -> Vec<Link> {
    Vec::new()
}
