//! Flow files: download and upload.

use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use midwire_flow::file::{Writer, open_flows};
use midwire_flow::filter::Filter;
use midwire_flow::{Flow, har};

use super::content::attachment;
use crate::app::App;
use crate::call::{Call, Problem, Reply, blocking, done};

/// `GET /flows/dump`.
pub(crate) async fn get(call: Call) -> Reply {
    let filter = match call.arg("filter") {
        None | Some("") => None,
        Some(text) => {
            Some(Filter::parse(text).map_err(|_| Problem::bad("Invalid filter argument / regex"))?)
        }
    };
    let flows = call.app.kernel.store().rows(0, usize::MAX);
    blocking(move || {
        let flows = flows
            .iter()
            .filter(|flow| filter.as_ref().is_none_or(|filter| filter.matches(flow)));
        Ok(attachment(flow_file(flows)?, "flows"))
    })
    .await?
}

/// Flows as a flow file.
pub(crate) fn flow_file<'a>(
    flows: impl Iterator<Item = &'a Arc<Flow>>,
) -> Result<Vec<u8>, Problem> {
    let mut writer = Writer::new(Vec::new());
    for flow in flows {
        writer.add(flow).map_err(Problem::internal)?;
    }
    Ok(writer.into_inner())
}

/// Flows as a HAR file.
pub(crate) fn har_file<'a>(flows: impl Iterator<Item = &'a Arc<Flow>>) -> Result<Vec<u8>, Problem> {
    let mut out = Vec::new();
    har::export(flows.map(|flow| &**flow), &mut out).map_err(Problem::internal)?;
    Ok(out)
}

/// `POST /flows/dump`: what can be read replaces all flows, even if the file is broken further on.
pub(crate) async fn post(call: Call) -> Reply {
    call.app.kernel.store().clear();
    let (_, fault) = load(&call.app, call.file()).await?;
    match fault {
        None => Ok(done()),
        Some((text, _)) => Err(Problem::bad(text)),
    }
}

/// Takes the flows of a file in; gives their number, and why and where reading ended early.
pub(crate) async fn load(
    app: &Arc<App>,
    file: Bytes,
) -> Result<(usize, Option<(String, u64)>), Problem> {
    // Read beside the network threads, taken in here, since hooks may wait.
    let (send, mut receive) = tokio::sync::mpsc::channel(64);
    let reader = tokio::task::spawn_blocking(move || {
        for flow in open_flows(Cursor::new(file)) {
            let fault = match flow {
                Ok(flow) => match send.blocking_send(flow) {
                    Ok(()) => continue,
                    Err(_) => None,
                },
                Err(error) => Some((error.detail(), error.offset)),
            };
            return fault;
        }
        None
    });
    let mut loaded = 0;
    while let Some(mut flow) = receive.recv().await {
        // A file can be loaded again and again.
        if app.kernel.store().get(&flow.info().id).is_some() {
            flow = flow.copy();
        }
        app.host.load(flow).await;
        loaded += 1;
    }
    let fault = reader.await.map_err(Problem::internal)?;
    Ok((loaded, fault))
}
