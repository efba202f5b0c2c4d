//! The script host where there are no Unix sockets: it says so.

use std::sync::{Arc, Weak};

use midwire_core::hooks::{Addon, HookSet};
use midwire_core::options::Options;
use midwire_core::{BoxFuture, Kernel, Link};
use midwire_flow::Flow;

use crate::error::ScriptError;

/// Runs the hooks of a flow that a script has made or loaded.
pub type Loader = fn(Arc<Kernel>, Flow) -> BoxFuture<'static, ()>;

/// The script host of a system that cannot run one.
#[derive(Clone)]
pub struct ScriptHost(Weak<Kernel>);

impl ScriptHost {
    /// A host for the scripts of this kernel's options.
    pub fn new(kernel: &Arc<Kernel>, _loader: Loader) -> Self {
        Self(Arc::downgrade(kernel))
    }

    /// The link for the chain of addons.
    pub fn link(&self) -> Link {
        Link::Sync(Arc::new(NoScripts))
    }

    /// Refuses scripts.
    pub async fn start(&self) -> Result<(), ScriptError> {
        let wanted = self
            .0
            .upgrade()
            .is_some_and(|kernel| !kernel.options().load().scripts.is_empty());
        if wanted {
            return Err(ScriptError::NoPython("they need a Unix system".to_owned()));
        }
        Ok(())
    }

    /// Nothing to tell.
    pub async fn running(&self) {}

    /// Nothing to end.
    pub async fn stop(&self) {}
}

struct NoScripts;

impl Addon for NoScripts {
    fn name(&self) -> &'static str {
        "scriptloader"
    }

    fn interest(&self, _options: &Options) -> HookSet {
        HookSet::EMPTY
    }
}
