//! Loading and saving captures.

use midwire_core::store::Cancel;
use serde_json::json;

use super::query::{Column, condition, judge};
use crate::call::{Call, Problem, Reply, blocking, json};
use crate::routes::content::attachment;
use crate::routes::dump;

/// `POST /api/v1/load`: the flows of a file come to those that are there.
pub(crate) async fn load(call: Call) -> Reply {
    let (loaded, fault) = dump::load(&call.app, call.file()).await?;
    let (error, offset) = fault.map_or((None, None), |(error, offset)| (Some(error), Some(offset)));
    Ok(json(
        &json!({ "loaded": loaded, "error": error, "offset": offset }),
    ))
}

/// `GET /api/v1/dump`.
pub(crate) async fn save(call: Call) -> Reply {
    let judge = judge(condition(&call)?, Column::default());
    let is_har = match call.arg("format") {
        None | Some("" | "flow") => false,
        Some("har") => true,
        Some(_) => return Err(Problem::bad("format is flow or har")),
    };
    blocking(move || {
        let list = call
            .app
            .kernel
            .store()
            .list(judge, false, &Cancel::default());
        let list = list.ok_or_else(|| Problem::internal("cancelled"))?;
        let rows = list.window(0, usize::MAX);
        let flows = rows.iter().map(|stored| &stored.flow);
        Ok(if is_har {
            attachment(dump::har_file(flows)?, "flows.har")
        } else {
            attachment(dump::flow_file(flows)?, "flows")
        })
    })
    .await?
}
