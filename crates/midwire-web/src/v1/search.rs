//! Looking for a text in the bodies of many flows.

use std::time::{Duration, Instant};

use bytes::Bytes;
use midwire_core::store::{Cancel, Stored};
use midwire_flow::Flow;
use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Value as Json, json};

use crate::call::Problem;
use crate::shown::{self, Side};

/// Decoded bytes of one body that are looked at.
const BODY: usize = 32 << 20;

/// Hits of one search, at most.
const HITS: usize = 5000;

/// Matches of one body that are counted.
const MATCHES: usize = 10_000;

/// How often progress is told.
const PROGRESS: Duration = Duration::from_millis(100);

/// Characters around a match in its preview.
const PREVIEW: usize = 40;

/// What is looked for.
pub(crate) struct Wanted {
    seq: Json,
    pattern: Regex,
}

impl Wanted {
    pub(crate) fn parse(message: &Json) -> Result<Self, Problem> {
        let text = message["text"].as_str().unwrap_or_default();
        if text.is_empty() {
            return Err(Problem::bad("there is nothing to look for"));
        }
        let pattern = if message["regex"].as_bool().unwrap_or(false) {
            text.to_owned()
        } else {
            regex::escape(text)
        };
        let pattern = RegexBuilder::new(&pattern)
            .case_insensitive(!message["case"].as_bool().unwrap_or(false))
            .build()
            .map_err(|error| Problem::bad(super::one_line(&error.to_string())))?;
        Ok(Self {
            seq: message["seq"].clone(),
            pattern,
        })
    }
}

/// Looks through flows and tells what it found now and then, the last time with `done`.
pub(crate) fn run(
    wanted: &Wanted,
    flows: &[Stored],
    cancel: &Cancel,
    mut found: impl FnMut(Json) -> bool,
) {
    let mut search = Search {
        wanted,
        hits: Vec::new(),
        total: 0,
        scanned: 0,
        undecodable: 0,
    };
    let mut told = Instant::now();
    for stored in flows {
        if cancel.is_cancelled() {
            return;
        }
        search.flow(&stored.flow);
        if search.total >= HITS {
            break;
        }
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            if !found(search.message(false)) {
                return;
            }
        }
    }
    found(search.message(true));
}

struct Search<'a> {
    wanted: &'a Wanted,
    hits: Vec<Json>,
    total: usize,
    scanned: usize,
    undecodable: usize,
}

impl Search<'_> {
    fn message(&mut self, done: bool) -> Json {
        json!({
            "type": "search",
            "seq": self.wanted.seq,
            "hits": std::mem::take(&mut self.hits),
            "done": done,
            "scanned": self.scanned,
            "undecodable": self.undecodable,
        })
    }

    fn flow(&mut self, flow: &Flow) {
        self.scanned += 1;
        if let Flow::Http(http) = flow {
            for (part, side) in [("request", Side::Request), ("response", Side::Response)] {
                let Some(message) = shown::message(http, side) else {
                    continue;
                };
                if message.content().size().unwrap_or(0) == 0 {
                    continue;
                }
                let (bytes, _, error) = message.decoded(BODY);
                if error.is_some() || bytes.is_none() {
                    self.undecodable += 1;
                }
                if let Some(bytes) = bytes {
                    self.look(flow, part, &[bytes]);
                }
            }
        }
        if let Some(messages) = shown::messages(flow) {
            let contents: Vec<Bytes> = messages
                .into_iter()
                .map(|(_, content, _)| content)
                .collect();
            self.look(flow, "messages", &contents);
        }
    }

    fn look(&mut self, flow: &Flow, part: &str, contents: &[Bytes]) {
        let mut count = 0;
        let mut preview = None;
        for content in contents {
            for found in self.wanted.pattern.find_iter(content).take(MATCHES) {
                count += 1;
                preview.get_or_insert_with(|| around(content, found.start(), found.end()));
            }
        }
        let Some(preview) = preview else {
            return;
        };
        self.total += 1;
        self.hits.push(json!({
            "id": flow.info().id.to_string(),
            "part": part,
            "count": count,
            "preview": preview,
        }));
    }
}

/// A match with what stands around it, on one line.
fn around(content: &[u8], start: usize, end: usize) -> String {
    let from = start.saturating_sub(PREVIEW);
    let to = end
        .min(start + 4 * PREVIEW)
        .saturating_add(PREVIEW)
        .min(content.len());
    let text = String::from_utf8_lossy(content.get(from..to).unwrap_or_default());
    midwire_views::clean_line(&text).into_owned()
}
