//! `GET /api/v1/stats`: counts, sizes and times by host, path, status, type or client.

use std::collections::HashMap;
use std::sync::Arc;

use midwire_flow::Flow;
use serde_json::{Value as Json, json};

use super::query::condition;
use super::{kind, row, tree};
use crate::call::{Call, Problem, Reply, blocking, json};

/// Rows of the answer, at most; the rest is left out from the small end.
const ROWS: usize = 1000;

/// Numbers about some flows.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) count: usize,
    pub(crate) errors: usize,
    pub(crate) up: u64,
    pub(crate) down: u64,
    /// Seconds.
    times: Vec<f32>,
}

impl Tally {
    pub(crate) fn add(&mut self, flow: &Flow) {
        self.count += 1;
        let failed =
            flow.info().error.is_some() || row::status(flow).is_some_and(|code| code >= 400);
        self.errors += usize::from(failed);
        self.up += row::request_size(flow).unwrap_or(0);
        self.down += row::size(flow).unwrap_or(0);
        if let (Some(time), _) = row::times(flow) {
            self.times.push(time as f32);
        }
    }

    /// The time that this share of the flows does not exceed.
    pub(crate) fn quantiles<const N: usize>(&mut self, shares: [f64; N]) -> [Option<f32>; N] {
        self.times.sort_unstable_by(f32::total_cmp);
        let last = self.times.len().saturating_sub(1);
        shares.map(|share| {
            self.times
                .get((share * last as f64).round() as usize)
                .copied()
        })
    }
}

pub(crate) async fn get(call: Call) -> Reply {
    let condition = condition(&call)?;
    let key: fn(&Flow) -> String = match call.arg("by") {
        None | Some("" | "host") => |flow| row::host(flow).into_owned(),
        Some("path") => |flow| format!("{}{}", row::host(flow), tree::template(&row::path(flow))),
        Some("status") => {
            |flow| row::status(flow).map_or_else(|| "none".to_owned(), |code| code.to_string())
        }
        Some("type") => |flow| kind::of(flow).to_owned(),
        Some("client") => |flow| {
            let peer = flow.info().client_conn.peername.as_ref();
            peer.map_or_else(String::new, |peer| peer.host.clone())
        },
        Some(_) => return Err(Problem::bad("by is host, path, status, type or client")),
    };
    blocking(move || {
        let flows: Vec<Arc<Flow>> = call.app.kernel.store().all();
        let mut tallies: HashMap<String, Tally> = HashMap::new();
        for flow in flows.iter().filter(|flow| condition.matches(flow)) {
            tallies.entry(key(flow)).or_default().add(flow);
        }
        let mut tallies: Vec<(String, Tally)> = tallies.into_iter().collect();
        tallies.sort_by(|(a, one), (b, other)| other.count.cmp(&one.count).then(a.cmp(b)));
        let rows: Vec<Json> = tallies
            .into_iter()
            .take(ROWS)
            .map(|(key, tally)| shown(&key, tally))
            .collect();
        Ok(json(&json!({ "rows": rows })))
    })
    .await?
}

fn shown(key: &str, mut tally: Tally) -> Json {
    let [p50, p95, max] = tally.quantiles([0.5, 0.95, 1.0]);
    json!({
        "key": key,
        "count": tally.count,
        "errors": tally.errors,
        "bytes_up": tally.up,
        "bytes_down": tally.down,
        "p50": p50,
        "p95": p95,
        "max": max,
    })
}
