//! Flows and kernels for tests.

use std::sync::Arc;

use midwire_core::hooks::Addon;
use midwire_core::log::LogStream;
use midwire_core::options::{OptionStore, Tool, Value};
use midwire_core::{Kernel, Link};
use midwire_flow::{Address, ClientConn, Connection, FlowInfo, HttpFlow, Request, ServerConn};
use midwire_wire::Fields;

/// A kernel without addons.
pub(crate) fn kernel(options: &[(&str, Value)]) -> Arc<Kernel> {
    let store = OptionStore::new(Tool::Dump);
    store.update(options.iter().cloned()).unwrap();
    Arc::new(Kernel::new(store, LogStream::default()))
}

/// A kernel with one addon that was told the values of a list option.
pub(crate) fn kernel_with(
    addon: Arc<dyn Addon>,
    option: &str,
    values: &[&str],
) -> Result<Arc<Kernel>, String> {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    let kernel = kernel(&[(option, Value::Seq(values))]);
    kernel.set_addons(vec![Link::Sync(addon)])?;
    Ok(kernel)
}

/// Facts about a flow between 127.0.0.1:22 and address:80.
pub(crate) fn info() -> FlowInfo {
    let client = ClientConn {
        connection: Connection {
            peername: Some(Address::new("127.0.0.1", 22)),
            ..Connection::default()
        },
        ..ClientConn::default()
    };
    let server = ServerConn {
        address: Some(Address::new("address", 80)),
        ..ServerConn::default()
    };
    FlowInfo::new(Arc::new(client), Arc::new(server))
}

/// A live flow with a request: `GET http://example.com/`.
pub(crate) fn http_flow(line: &str) -> HttpFlow {
    let (method, url) = line.split_once(' ').unwrap();
    let mut request = Request::make(method, url, "", Fields::new()).unwrap();
    request.fields.clear();
    HttpFlow {
        info: info(),
        request,
        response: None,
        websocket: None,
    }
}
