//! What a command prompt offers while somebody types.

use std::{ops::Range, path::Path};

use super::{kind::ParamKind, lexer, marker, registry::CommandRegistry, signature::Param};
use crate::options::expand_home;

/// A word of an unfinished command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialWord {
    /// Where it stands in the line, in bytes, with its quotes.
    pub range: Range<usize>,
    /// What it means; `None` for a word too many.
    pub kind: Option<ParamKind>,
    /// Whether it can be read as that.
    pub is_valid: bool,
}

/// An unfinished command line, understood as far as it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartialLine {
    /// The words, the command's name first.
    pub words: Vec<PartialWord>,
    /// The parameters without a word yet.
    pub missing: Vec<Param>,
}

/// Most entries of a folder that are offered.
const ENTRIES_OFFERED: usize = 1000;

impl CommandRegistry {
    /// Understands an unfinished command line, to colour it and to show what is missing.
    pub async fn partial(&self, line: &str) -> PartialLine {
        let mut out = PartialLine::default();
        let mut signature = None;
        let words = lexer::tokens(line).into_iter().filter(|t| !t.is_blank);
        for (at, token) in words.enumerate() {
            let word = lexer::unquote(line.get(token.range.clone()).unwrap_or_default());
            let kind = if at == 0 {
                signature = self.signature(word);
                Some(ParamKind::Cmd)
            } else {
                signature
                    .as_ref()
                    .and_then(|signature| signature.param_at(at - 1))
                    .map(|param| param.kind.clone())
            };
            let is_valid = match &kind {
                Some(kind) => self.parse(kind, word).await.is_ok(),
                None => false,
            };
            out.words.push(PartialWord {
                range: token.range,
                kind,
                is_valid,
            });
        }
        if let Some(signature) = signature {
            let given = out.words.len().saturating_sub(1);
            out.missing = signature.params.into_iter().skip(given).collect();
        }
        out
    }

    /// Offers for a word of this type that begins with `prefix`.
    pub async fn complete(&self, kind: &ParamKind, prefix: &str) -> Vec<String> {
        let offers = match kind {
            ParamKind::Bool => owned(&["false", "true"]),
            ParamKind::Cmd => self.names(),
            ParamKind::CutSpec => return cuts(prefix),
            ParamKind::Flow | ParamKind::FlowSeq => owned(FLOW_SPECS),
            ParamKind::Marker => marker::markers().collect(),
            ParamKind::Choice(command) => self.choices(command).await.unwrap_or_default(),
            ParamKind::Path => return paths(prefix),
            _ => Vec::new(),
        };
        starting(offers, prefix)
    }
}

fn owned(items: &[&str]) -> Vec<String> {
    items.iter().map(|&item| item.to_owned()).collect()
}

fn starting(mut offers: Vec<String>, prefix: &str) -> Vec<String> {
    offers.retain(|offer| offer.starts_with(prefix));
    offers
}

/// Completes the last of several cuts.
fn cuts(prefix: &str) -> Vec<String> {
    let (before, last) = match prefix.rsplit_once(',') {
        Some((before, last)) => (format!("{before},"), last),
        None => (String::new(), prefix),
    };
    starting(owned(CUTS), last)
        .into_iter()
        .map(|cut| format!("{before}{cut}"))
        .collect()
}

/// The entries of a folder whose name begins as the path ends; folders end with `/`.
fn paths(prefix: &str) -> Vec<String> {
    let (dir, start) = match prefix.rsplit_once('/') {
        Some((dir, start)) => (format!("{dir}/"), start),
        None => (String::new(), prefix),
    };
    let folder = expand_home(&dir);
    let folder = if dir.is_empty() {
        Path::new(".")
    } else {
        &folder
    };
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    let mut found: Vec<String> = entries
        .take(ENTRIES_OFFERED)
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            if !name.starts_with(start) {
                return None;
            }
            let slash = if entry.path().is_dir() { "/" } else { "" };
            Some(format!("{dir}{name}{slash}"))
        })
        .collect();
    found.sort();
    found
}

/// Flow specifications: markers of sets, and filters without an argument.
const FLOW_SPECS: &[&str] = &[
    "@all",
    "@focus",
    "@shown",
    "@hidden",
    "@marked",
    "@unmarked",
    "~all",
    "~a",
    "~dns",
    "~e",
    "~http",
    "~marked",
    "~q",
    "~replay",
    "~replayq",
    "~replays",
    "~s",
    "~tcp",
    "~udp",
    "~websocket",
    "~b",
    "~bq",
    "~bs",
    "~c",
    "~comment",
    "~d",
    "~dst",
    "~h",
    "~hq",
    "~hs",
    "~m",
    "~marker",
    "~meta",
    "~src",
    "~t",
    "~tq",
    "~ts",
    "~u",
];

/// Cuts that make sense for HTTP flows.
const CUTS: &[&str] = &[
    "request.method",
    "request.scheme",
    "request.host",
    "request.http_version",
    "request.port",
    "request.path",
    "request.url",
    "request.text",
    "request.content",
    "request.raw_content",
    "request.timestamp_start",
    "request.timestamp_end",
    "request.header[",
    "response.status_code",
    "response.reason",
    "response.text",
    "response.content",
    "response.timestamp_start",
    "response.timestamp_end",
    "response.raw_content",
    "response.header[",
    "client_conn.peername.port",
    "client_conn.peername.host",
    "client_conn.tls_version",
    "client_conn.sni",
    "client_conn.tls_established",
    "server_conn.address.port",
    "server_conn.address.host",
    "server_conn.ip_address.host",
    "server_conn.tls_version",
    "server_conn.sni",
    "server_conn.tls_established",
];
