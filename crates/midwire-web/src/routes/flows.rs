//! The list of flows, and what is done with one flow.

use std::sync::Arc;

use axum::http::StatusCode;
use midwire_core::Kernel;
use midwire_core::commands::CommandValue;
use midwire_flow::{Flow, Id};
use serde_json::Value as Json;

use crate::call::{Call, Problem, Reply, blocking, done, json, text};
use crate::json;

/// `GET /flows`: the flows of the view in its order.
pub(crate) async fn list(call: Call) -> Reply {
    let flows = call.app.kernel.store().rows(0, usize::MAX);
    let list = blocking(move || {
        let flows = flows.iter().map(|flow| json::flow(flow));
        Json::Array(flows.collect())
    });
    Ok(json(&list.await?))
}

/// Flows that are changed are told about, as commands do it.
pub(crate) fn tell(kernel: &Kernel, ids: &[Id]) {
    let flows: Vec<Arc<Flow>> = ids.iter().filter_map(|id| kernel.store().get(id)).collect();
    kernel.updated(&flows);
}

/// `POST /flows/resume`.
pub(crate) async fn resume_all(call: Call) -> Reply {
    each(&call.app.kernel, Kernel::resume_flow);
    Ok(done())
}

/// `POST /flows/kill`.
pub(crate) async fn kill_all(call: Call) -> Reply {
    each(&call.app.kernel, Kernel::kill_flow);
    Ok(done())
}

fn each(kernel: &Kernel, act: impl Fn(&Kernel, &Id) -> bool) {
    let rows = kernel.store().rows(0, usize::MAX);
    let mut ids: Vec<Id> = rows.iter().map(|flow| flow.info().id.clone()).collect();
    ids.retain(|id| act(kernel, id));
    tell(kernel, &ids);
}

/// `POST /flows/ID/resume`.
pub(crate) async fn resume(call: Call) -> Reply {
    let id = call.flow(0)?.info().id.clone();
    if call.app.kernel.resume_flow(&id) {
        tell(&call.app.kernel, &[id]);
    }
    Ok(done())
}

/// `POST /flows/ID/kill`.
pub(crate) async fn kill(call: Call) -> Reply {
    let id = call.flow(0)?.info().id.clone();
    if call.app.kernel.kill_flow(&id) {
        tell(&call.app.kernel, &[id]);
    }
    Ok(done())
}

/// `DELETE /flows/ID`.
pub(crate) async fn delete(call: Call) -> Reply {
    let id = call.flow(0)?.info().id.clone();
    call.app.kernel.remove_flows(&[id]);
    Ok(done())
}

/// `POST /flows/ID/revert`.
pub(crate) async fn revert(call: Call) -> Reply {
    let id = call.flow(0)?.info().id.clone();
    undo(&call.app.kernel, &id);
    tell(&call.app.kernel, &[id]);
    Ok(done())
}

/// Brings back what a flow was before it was changed. Where it is at the moment does not change.
pub(crate) fn undo(kernel: &Kernel, id: &Id) {
    kernel.edit_flow(id, |flow| {
        let (live, intercepted) = (flow.info().live, flow.info().intercepted);
        flow.revert();
        let info = flow.info_mut();
        info.live = live;
        info.intercepted = intercepted;
    });
}

/// `POST /flows/ID/replay`.
pub(crate) async fn replay(call: Call) -> Reply {
    let id = call.flow(0)?.info().id.to_string();
    let flows = vec![CommandValue::Flows(vec![id])];
    let outcome = call
        .app
        .kernel
        .commands()
        .call("replay.client", flows)
        .await;
    match outcome {
        Ok(_) => Ok(done()),
        Err(error) => Err(Problem::new(StatusCode::CONFLICT, error.to_string())),
    }
}

/// `POST /flows/ID/duplicate`.
pub(crate) async fn duplicate(call: Call) -> Reply {
    let flow = call.flow(0)?;
    Ok(text(copy(&call.app.kernel, &flow).to_string()))
}

/// Adds a copy of a flow and gives its identifier.
pub(crate) fn copy(kernel: &Kernel, flow: &Flow) -> Id {
    let mut copy = flow.copy();
    copy.info_mut().intercepted = false;
    let id = copy.info().id.clone();
    kernel.store().add(copy);
    kernel.store().set_focus(&id);
    id
}
