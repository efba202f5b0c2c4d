//! Requests made by hand.

use std::sync::Arc;

use bytes::Bytes;
use midwire_flow::access::HttpMessage;
use midwire_flow::{ClientConn, Flow, FlowInfo, HttpFlow, Request, ServerConn};
use midwire_wire::Fields;
use serde_json::{Value as Json, json};

use super::{actions, curl};
use crate::call::{Call, Problem, Reply, json};
use crate::routes::edit::{base64, field_lines};

/// `POST /api/v1/compose`: makes a flow of a request and sends it.
pub(crate) async fn send(call: Call) -> Reply {
    let body = call.json()?;
    let flow = flow(&body)?;
    let id = flow.info().id.clone();
    let kernel = &call.app.kernel;
    kernel.store().add(flow);
    if let Err(error) = actions::send(kernel, &id).await {
        return Err(Problem::new(axum::http::StatusCode::CONFLICT, error));
    }
    Ok(json(&json!({ "id": id.to_string() })))
}

/// `POST /api/v1/compose/curl`: reads a curl command line, and sends nothing.
pub(crate) async fn from_curl(call: Call) -> Reply {
    let body = call.json()?;
    let line = body["curl"]
        .as_str()
        .ok_or_else(|| Problem::bad("curl is needed"))?;
    Ok(json(&curl::parse(line)?))
}

fn flow(body: &Json) -> Result<Flow, Problem> {
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let method = if text("method").is_empty() {
        "GET"
    } else {
        text("method")
    };
    if !method.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::bad("this is no method"));
    }
    let fields = match &body["headers"] {
        Json::Null => Fields::new(),
        headers => field_lines(headers)?,
    };
    let content = match &body["content_base64"] {
        Json::String(content) => base64(content)?,
        _ => Bytes::copy_from_slice(text("content").as_bytes()),
    };
    let has_host = fields.contains("host");
    let mut request = Request::make(method, text("url"), Bytes::new(), fields)
        .map_err(|error| Problem::bad(format!("Invalid URL: {error}")))?;
    if !content.is_empty() {
        request.set_content(content);
    } else if !request.fields.contains("content-length") {
        request.content = Bytes::new().into();
    }
    if !has_host {
        let scheme = String::from_utf8_lossy(&request.scheme).into_owned();
        let host = midwire_flow::access::url::host_port(&scheme, &request.host, request.port);
        request.fields.insert(0, "Host", host);
    }
    if text("content").is_empty()
        && body["content_base64"].is_null()
        && matches!(method, "GET" | "HEAD")
    {
        request.fields.remove("content-length");
    }
    match text("http_version") {
        "" => {}
        version @ ("HTTP/1.0" | "HTTP/1.1" | "HTTP/2.0" | "HTTP/3") => {
            request.version = Bytes::copy_from_slice(version.as_bytes());
        }
        _ => {
            return Err(Problem::bad(
                "http_version is HTTP/1.0, HTTP/1.1, HTTP/2.0 or HTTP/3",
            ));
        }
    }
    let server = ServerConn {
        address: Some(midwire_flow::Address::new(
            request.host.clone(),
            request.port,
        )),
        ..ServerConn::default()
    };
    let mut info = FlowInfo::new(Arc::new(ClientConn::default()), Arc::new(server));
    info.live = false;
    Ok(Flow::Http(Box::new(HttpFlow {
        info,
        request,
        response: None,
        websocket: None,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_made_from_json() {
        let made = flow(
            &json!({ "method": "POST", "url": "http://a.example:81/x", "headers": [["A", "b"]], "content": "hi" }),
        );
        let Ok(Flow::Http(http)) = made else {
            panic!("no request");
        };
        let fields = crate::json::fields(&http.request.fields);
        assert_eq!(fields[0], json!(["Host", "a.example:81"]));
        assert_eq!(http.request.fields.get("content-length"), Some(&b"2"[..]));
        for bad in [
            json!({ "url": "" }),
            json!({ "url": "http://a/", "method": "G T" }),
            json!({ "url": "http://a/", "headers": [["A", "b\r\nC: d"]] }),
            json!({ "url": "http://a/", "http_version": "HTTP/9" }),
        ] {
            assert!(flow(&bad).is_err(), "{bad}");
        }
    }
}
