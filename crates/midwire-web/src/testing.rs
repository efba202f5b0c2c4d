//! Helpers for tests.

use std::sync::Arc;

use midwire_flow::{ClientConn, Flow, FlowInfo, HttpFlow, Request, Response, ServerConn};
use midwire_wire::Fields;

/// A finished exchange with an HTML page.
pub(crate) fn exchange(method: &str, url: &str, status: u16) -> Flow {
    let mut request = Request::make(method, url, "", Fields::new()).unwrap();
    let host = request.host.clone();
    request.fields.set("Host", host);
    let fields = Fields::from_pairs([("Content-Type", "text/html; charset=utf-8")]);
    let response = Response::make(status, "<p>hello</p>", fields);
    let mut info = FlowInfo::new(
        Arc::new(ClientConn::default()),
        Arc::new(ServerConn::default()),
    );
    info.live = false;
    Flow::Http(Box::new(HttpFlow {
        info,
        request,
        response: Some(response),
        websocket: None,
    }))
}
