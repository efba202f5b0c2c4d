//! What the browser interface is given of proxy and addons.

use std::sync::{Arc, Weak};

use midwire_core::{BoxFuture, Kernel};
use midwire_flow::Flow;
use midwire_proxy::Engine;
use midwire_views::Registry;
use midwire_web::{Host, Server, Web};

/// Opens the sockets of the interface.
pub(crate) async fn bind(kernel: &Arc<Kernel>, engine: &Arc<Engine>) -> anyhow::Result<Web> {
    let around = Around {
        kernel: Arc::downgrade(kernel),
        engine: Arc::downgrade(engine),
        built_in: Registry::new(),
    };
    midwire_web::write_static_viewer(kernel, &around.views())?;
    Ok(Web::bind(kernel, Arc::new(around)).await?)
}

struct Around {
    kernel: Weak<Kernel>,
    engine: Weak<Engine>,
    built_in: Registry,
}

impl Host for Around {
    fn servers(&self) -> Vec<Server> {
        let Some(engine) = self.engine.upgrade() else {
            return Vec::new();
        };
        let servers = engine.servers();
        let servers = servers.iter().map(|state| Server {
            spec: state.spec.clone(),
            kind: first_word(&state.spec),
            description: state.description.clone(),
            addresses: state.addresses.clone(),
            error: state.error.clone(),
        });
        servers.collect()
    }

    fn views(&self) -> Registry {
        match self.kernel.upgrade() {
            Some(kernel) => midwire_addons::with_script_views(&kernel, &self.built_in).into_owned(),
            None => self.built_in.clone(),
        }
    }

    fn load(&self, flow: Flow) -> BoxFuture<'static, ()> {
        let kernel = self.kernel.clone();
        Box::pin(async move {
            if let Some(kernel) = kernel.upgrade() {
                midwire_addons::replay(&kernel, flow).await;
            }
        })
    }
}

fn first_word(spec: &str) -> String {
    let word = spec.split([':', '@']).next().unwrap_or_default();
    word.to_ascii_lowercase()
}
