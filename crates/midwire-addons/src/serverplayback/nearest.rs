//! Which recorded request comes nearest to one that has no answer, and what differs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::ops::Bound::{Excluded, Included, Unbounded};

use midwire_core::options::Options;
use midwire_flow::HttpFlow;
use midwire_flow::access::Pairs;

use super::key::path;

/// Requests that one question looks at.
const CANDIDATES: usize = 64;
/// Paths before and after one that is not recorded.
const NEIGHBOURS: usize = 8;
/// Characters of a value that are shown.
const VALUE_MAX: usize = 60;
/// Differences that are listed.
const DIFFERENCES_MAX: usize = 12;

/// What is remembered of recorded requests, used up or not.
#[derive(Default)]
pub(super) struct Nearest {
    by_path: BTreeMap<Box<[u8]>, Vec<Summary>>,
    hasher: RandomState,
}

/// A request in short.
#[derive(PartialEq, Eq)]
struct Summary {
    method: Box<[u8]>,
    scheme: Box<[u8]>,
    host: Box<str>,
    port: u16,
    query: Pairs,
    content: Option<(u64, u64)>,
    fields: Vec<(String, Option<Vec<u8>>)>,
}

/// One difference: what it is, here, there, and the option that makes it not matter.
struct Difference {
    what: String,
    here: String,
    recorded: String,
    option: Option<String>,
    weight: u32,
}

impl Nearest {
    pub(super) fn clear(&mut self) {
        self.by_path.clear();
    }

    /// Remembers a request.
    pub(super) fn add(&mut self, flow: &HttpFlow, options: &Options) {
        let summary = self.summary(flow, options);
        let place = self.by_path.entry(path(&flow.request.path).into());
        let place = place.or_default();
        if place.len() < CANDIDATES && !place.contains(&summary) {
            place.push(summary);
        }
    }

    /// Says which recorded request comes nearest and what differs, in some lines.
    pub(super) fn explain(&self, flow: &HttpFlow, options: &Options) -> String {
        let request = self.summary(flow, options);
        let own = path(&flow.request.path);
        let url = |summary: &Summary, path: &[u8]| {
            let method = String::from_utf8_lossy(&summary.method);
            let scheme = String::from_utf8_lossy(&summary.scheme);
            let mut query = String::new();
            for (n, (name, value)) in summary.query.iter().enumerate() {
                query.push(if n == 0 { '?' } else { '&' });
                let _ = write!(
                    query,
                    "{}={}",
                    String::from_utf8_lossy(name),
                    String::from_utf8_lossy(value)
                );
            }
            let path = String::from_utf8_lossy(path);
            let (host, port) = (&summary.host, summary.port);
            shown(
                &format!("{method} {scheme}://{host}:{port}{path}{query}"),
                500,
            )
        };
        let mut text = format!(
            "no recorded response for this request\n\nrequest: {}\n",
            url(&request, own)
        );
        let best = self
            .candidates(own)
            .map(|(path, summary)| {
                let differences = differences(&request, own, summary, path, options);
                (path, summary, differences)
            })
            .min_by_key(|(.., differences)| differences.iter().map(|d| d.weight).sum::<u32>());
        let Some((path, summary, differences)) = best else {
            text.push_str("nothing like it is recorded\n");
            return text;
        };
        let _ = write!(text, "nearest: {}\n\n", url(summary, path));
        if differences.is_empty() {
            text.push_str(
                "nothing differs: its recorded responses were used up, or it has none (server_replay_reuse=true gives them again)\n",
            );
        }
        let total = differences.len();
        for difference in differences.into_iter().take(DIFFERENCES_MAX) {
            let Difference {
                what,
                here,
                recorded,
                option,
                ..
            } = difference;
            let _ = write!(text, "{what}: {here}, recorded {recorded}");
            if let Some(option) = option {
                let _ = write!(text, " ({option} would ignore it)");
            }
            text.push('\n');
        }
        if total > DIFFERENCES_MAX {
            let _ = writeln!(text, "and {} more", total - DIFFERENCES_MAX);
        }
        text
    }

    /// Requests for this path, or for those next to it in order, which have the longest beginning in common.
    fn candidates<'a>(&'a self, own: &[u8]) -> impl Iterator<Item = (&'a [u8], &'a Summary)> {
        let exact = self.by_path.get_key_value(own);
        let neighbours = if exact.is_some() { 0 } else { NEIGHBOURS };
        let before = self
            .by_path
            .range::<[u8], _>((Unbounded, Excluded(own)))
            .rev()
            .take(neighbours);
        let after = self
            .by_path
            .range::<[u8], _>((Included(own), Unbounded))
            .take(neighbours);
        exact
            .into_iter()
            .chain(before)
            .chain(after)
            .flat_map(|(path, summaries)| summaries.iter().map(|summary| (&**path, summary)))
            .take(CANDIDATES * 2)
    }

    fn summary(&self, flow: &HttpFlow, options: &Options) -> Summary {
        let request = &flow.request;
        let content = request.content.bytes().filter(|bytes| !bytes.is_empty());
        let field = |name: &String| {
            let value = request.fields.get_folded(name);
            (name.clone(), value.map(std::borrow::Cow::into_owned))
        };
        Summary {
            method: request.method[..].into(),
            scheme: request.scheme[..].into(),
            host: request.pretty_host().into(),
            port: request.port,
            query: request.query(),
            content: content.map(|bytes| (bytes.len() as u64, self.hasher.hash_one(&bytes))),
            fields: options
                .server_replay_use_headers
                .iter()
                .map(field)
                .collect(),
        }
    }
}

fn differences(
    here: &Summary,
    here_path: &[u8],
    recorded: &Summary,
    recorded_path: &[u8],
    options: &Options,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |what: &str, here: String, recorded: String, option: Option<&str>, weight| {
        found.push(Difference {
            what: what.to_owned(),
            here,
            recorded,
            option: option.map(str::to_owned),
            weight,
        });
    };
    if here.method != recorded.method {
        differ(
            "method",
            value(&here.method),
            value(&recorded.method),
            None,
            4,
        );
    }
    if here.scheme != recorded.scheme {
        differ(
            "scheme",
            value(&here.scheme),
            value(&recorded.scheme),
            None,
            2,
        );
    }
    if here.host != recorded.host && !options.server_replay_ignore_host {
        let (a, b) = (value(here.host.as_bytes()), value(recorded.host.as_bytes()));
        differ("host", a, b, Some("server_replay_ignore_host"), 6);
    }
    if here.port != recorded.port && !options.server_replay_ignore_port {
        let (a, b) = (here.port.to_string(), recorded.port.to_string());
        differ("port", a, b, Some("server_replay_ignore_port"), 3);
    }
    if here_path != recorded_path {
        let common = here_path
            .iter()
            .zip(recorded_path)
            .take_while(|(a, b)| a == b)
            .count();
        let weight =
            8 + u32::try_from(here_path.len().saturating_sub(common).min(64)).unwrap_or(64);
        differ("path", value(here_path), value(recorded_path), None, weight);
    }
    for (name, a, b) in query_differences(&here.query, &recorded.query, options) {
        let option = format!("server_replay_ignore_params={}", shown(&name, VALUE_MAX));
        differ(
            &format!("query {}", shown(&name, VALUE_MAX)),
            a,
            b,
            Some(&option),
            1,
        );
    }
    if here.content != recorded.content && !options.server_replay_ignore_content {
        let size = |content: Option<(u64, u64)>| match content {
            Some((size, _)) => format!("{size} bytes"),
            None => "none".to_owned(),
        };
        let (mut a, b) = (size(here.content), size(recorded.content));
        if a == b {
            a.push_str(" of other content");
        }
        differ("content", a, b, Some("server_replay_ignore_content"), 1);
    }
    for ((name, a), (_, b)) in here.fields.iter().zip(&recorded.fields) {
        if a != b {
            let text =
                |field: &Option<Vec<u8>>| field.as_deref().map_or("absent".to_owned(), value);
            differ(
                &format!("field {}", shown(name, VALUE_MAX)),
                text(a),
                text(b),
                None,
                1,
            );
        }
    }
    found
}

/// Query parameters with other values, in order of their names.
fn query_differences(
    here: &Pairs,
    recorded: &Pairs,
    options: &Options,
) -> Vec<(String, String, String)> {
    let mut names: BTreeMap<&[u8], [Vec<&[u8]>; 2]> = BTreeMap::new();
    for (name, value) in here {
        names.entry(name).or_default()[0].push(value);
    }
    for (name, value) in recorded {
        names.entry(name).or_default()[1].push(value);
    }
    let text = |values: &Vec<&[u8]>| match values.as_slice() {
        [] => "absent".to_owned(),
        [one] => value(one),
        many => value(&many.join(&b", "[..])),
    };
    names
        .into_iter()
        .filter(|(_, [a, b])| a != b)
        .map(|(name, [a, b])| {
            (
                String::from_utf8_lossy(name).into_owned(),
                text(&a),
                text(&b),
            )
        })
        .filter(|(name, ..)| !options.server_replay_ignore_params.contains(name))
        .collect()
}

/// A value in quotes, cut where it is long.
fn value(bytes: &[u8]) -> String {
    let shown = shown(&String::from_utf8_lossy(bytes), VALUE_MAX);
    format!("\"{shown}\"")
}

/// Text of one line that a terminal may get, cut where it is long.
fn shown(text: &str, max: usize) -> String {
    let clean = midwire_views::clean_line(text);
    if clean.chars().count() <= max {
        return clean.into_owned();
    }
    let mut cut: String = clean.chars().take(max).collect();
    cut.push('…');
    cut
}
