//! The hooks of a flow that was recorded, in the order of a live one (events.md §10).

use midwire_core::Kernel;
use midwire_core::hooks::FlowRef;
use midwire_flow::access::url;
use midwire_flow::{DnsFlow, Flow, HttpFlow, MessageFlow};

/// Runs the hooks of a recorded flow.
///
/// # Cancellation
/// Dropping the future leaves out the hooks that have not run yet.
pub async fn replay(kernel: &Kernel, flow: Flow) {
    match flow {
        Flow::Http(mut flow) => {
            retarget(kernel, &mut flow);
            http(kernel, &mut flow).await;
        }
        Flow::Tcp(mut flow) => tcp(kernel, &mut flow).await,
        Flow::Udp(mut flow) => udp(kernel, &mut flow).await,
        Flow::Dns(mut flow) => dns(kernel, &mut flow).await,
    }
}

/// Directs requests to the target of a single reverse mode, so that they can be replayed against it.
fn retarget(kernel: &Kernel, flow: &mut HttpFlow) {
    let options = kernel.options().load();
    let [mode] = options.mode.as_slice() else {
        return;
    };
    let Some(target) = mode.strip_prefix("reverse:") else {
        return;
    };
    let target = match target.split_once('@') {
        Some((target, _)) => target,
        None => target,
    };
    let with_scheme = if target.contains("://") {
        target.to_owned()
    } else {
        format!("https://{target}")
    };
    let Ok(parts) = url::parse(&with_scheme) else {
        return;
    };
    let request = &mut flow.request;
    request.set_host(&parts.host);
    request.set_port(parts.port);
    request.scheme = parts.scheme.into();
}

/// Runs hooks one after another, each followed by the news that the flow was changed.
macro_rules! hooks {
    ($kernel:expr, $kind:ident($flow:expr): $($hook:ident),+) => {
        $(
            $kernel.$hook($flow).await;
            $kernel.update(&[FlowRef::$kind($flow)]);
        )+
    };
}

async fn http(kernel: &Kernel, flow: &mut HttpFlow) {
    hooks!(kernel, Http(flow): requestheaders, request);
    if flow.response.is_some() {
        hooks!(kernel, Http(flow): responseheaders, response);
    }
    if let Some(websocket) = &mut flow.websocket {
        let messages = std::mem::take(&mut websocket.messages);
        hooks!(kernel, Http(flow): websocket_start);
        for message in messages {
            if let Some(websocket) = &mut flow.websocket {
                websocket.messages.push(message);
            }
            hooks!(kernel, Http(flow): websocket_message);
        }
        hooks!(kernel, Http(flow): websocket_end);
    } else if flow.info.error.is_some() {
        hooks!(kernel, Http(flow): error);
    }
}

async fn tcp(kernel: &Kernel, flow: &mut MessageFlow) {
    let messages = std::mem::take(&mut flow.messages);
    hooks!(kernel, Tcp(flow): tcp_start);
    for message in messages {
        flow.messages.push(message);
        hooks!(kernel, Tcp(flow): tcp_message);
    }
    if flow.info.error.is_some() {
        hooks!(kernel, Tcp(flow): tcp_error);
    } else {
        hooks!(kernel, Tcp(flow): tcp_end);
    }
}

async fn udp(kernel: &Kernel, flow: &mut MessageFlow) {
    let messages = std::mem::take(&mut flow.messages);
    hooks!(kernel, Udp(flow): udp_start);
    for message in messages {
        flow.messages.push(message);
        hooks!(kernel, Udp(flow): udp_message);
    }
    if flow.info.error.is_some() {
        hooks!(kernel, Udp(flow): udp_error);
    } else {
        hooks!(kernel, Udp(flow): udp_end);
    }
}

async fn dns(kernel: &Kernel, flow: &mut DnsFlow) {
    hooks!(kernel, Dns(flow): dns_request);
    if flow.response.is_some() {
        hooks!(kernel, Dns(flow): dns_response);
    }
    if flow.info.error.is_some() {
        hooks!(kernel, Dns(flow): dns_error);
    }
}
