//! `GET /api/v1/tree`: flows by host and path, with identifiers in paths folded.

use std::collections::BTreeMap;
use std::sync::Arc;

use midwire_flow::Flow;
use serde_json::{Map, Value as Json, json};

use super::query::condition;
use super::row;
use super::stats::Tally;
use crate::call::{Call, Reply, blocking, json};

/// Parts of a path that become nodes; what is deeper belongs to the last one.
const DEPTH: usize = 12;

/// Nodes of a tree; what has no place any more belongs to its parent.
const NODES: usize = 20_000;

#[derive(Default)]
struct Node {
    tally: Tally,
    methods: BTreeMap<String, usize>,
    statuses: BTreeMap<String, usize>,
    children: BTreeMap<String, Node>,
}

pub(crate) async fn get(call: Call) -> Reply {
    let condition = condition(&call)?;
    blocking(move || {
        let flows: Vec<Arc<Flow>> = call.app.kernel.store().all();
        let mut root = Node::default();
        let mut room = NODES;
        for flow in flows.iter().filter(|flow| condition.matches(flow)) {
            let host = row::host(flow).into_owned();
            let template = template(&row::path(flow));
            let parts = template
                .split('/')
                .filter(|part| !part.is_empty())
                .take(DEPTH);
            let path = std::iter::once(host).chain(parts.map(|part| format!("/{part}")));
            root.add(flow, path, &mut room);
        }
        let nodes = root
            .children
            .into_iter()
            .map(|(name, node)| node.shown(&name));
        Ok(json(&Json::Array(nodes.collect())))
    })
    .await?
}

impl Node {
    /// Counts a flow in all nodes of its path, and its method and status in the last one.
    fn add(&mut self, flow: &Flow, path: impl Iterator<Item = String>, room: &mut usize) {
        let mut node = self;
        for part in path {
            if !node.children.contains_key(&part) {
                if *room == 0 {
                    break;
                }
                *room -= 1;
            }
            node = node.children.entry(part).or_default();
            node.tally.add(flow);
        }
        *node
            .methods
            .entry(row::method(flow).into_owned())
            .or_default() += 1;
        let status = row::status(flow).map_or_else(String::new, |code| code.to_string());
        if !status.is_empty() {
            *node.statuses.entry(status).or_default() += 1;
        }
    }

    /// The depth is bounded by [`DEPTH`].
    fn shown(mut self, name: &str) -> Json {
        let [p95] = self.tally.quantiles([0.95]);
        let counts = |counts: BTreeMap<String, usize>| {
            let counts = counts.into_iter().map(|(name, count)| (name, json!(count)));
            Json::Object(counts.collect::<Map<_, _>>())
        };
        let children = self
            .children
            .into_iter()
            .map(|(name, node)| node.shown(&name));
        json!({
            "name": name,
            "count": self.tally.count,
            "errors": self.tally.errors,
            "bytes": self.tally.down,
            "p95": p95,
            "methods": counts(self.methods),
            "statuses": counts(self.statuses),
            "children": children.collect::<Vec<_>>(),
        })
    }
}

/// A path without its query, numbers and other identifiers folded.
pub(crate) fn template(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').map(fold).collect();
    parts.join("/")
}

fn fold(part: &str) -> &str {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_uuid = part.len() == 36
        && part.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if !part.is_empty() && digits == part.len() {
        "{id}"
    } else if is_uuid {
        "{uuid}"
    } else if part.len() >= 16 && hex && digits > 0 {
        "{hash}"
    } else {
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_fold() {
        for (path, expected) in [
            ("/api/users/7?q=1", "/api/users/{id}"),
            ("/a/123e4567-e89b-12d3-a456-426614174000/b", "/a/{uuid}/b"),
            ("/d41d8cd98f00b204e9800998ecf8427e", "/{hash}"),
            ("/feed", "/feed"),
            ("/v1/cafe", "/v1/cafe"),
            ("/", "/"),
            ("", ""),
        ] {
            assert_eq!(template(path), expected, "{path}");
        }
    }
}
