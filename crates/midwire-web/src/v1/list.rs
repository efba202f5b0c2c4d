//! `GET /api/v1/flows`: a window on a list, for programs that do not hold a connection.

use midwire_core::store::Cancel;
use serde_json::json;

use super::query::{Column, condition, judge};
use super::row::row;
use crate::call::{Call, Problem, Reply, blocking, json};

/// Rows of one answer, at most.
const ROWS: usize = 1000;

pub(crate) async fn list(call: Call) -> Reply {
    let judge = judge(
        condition(&call)?,
        Column::parse(call.arg("sort").unwrap_or_default())?,
    );
    let reversed = call.flag("reverse");
    let offset = call.number("offset")?.unwrap_or(0);
    let count = call.number("count")?.unwrap_or(100);
    if count > ROWS {
        return Err(Problem::bad(format!("count is larger than {ROWS}")));
    }
    blocking(move || {
        let store = call.app.kernel.store();
        let list = store.list(judge, reversed, &Cancel::default());
        let list = list.ok_or_else(|| Problem::internal("cancelled"))?;
        let rows: Vec<_> = list.window(offset, count).iter().map(row).collect();
        Ok(json(&json!({
            "total": list.total(),
            "shown": list.len(),
            "offset": offset,
            "rows": rows,
        })))
    })
    .await?
}
