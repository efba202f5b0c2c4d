//! The text of `--help`.

use std::fmt::Write as _;

use super::flags::{Effect, FlagDef, flags};
use crate::options::{spec::Tool, wrap::wrap};

/// Columns of the whole text, and where explanations begin.
const WIDTH: usize = 79;
const INDENT: usize = 24;

/// The first line.
pub(super) fn usage(tool: Tool) -> String {
    let words = match tool {
        Tool::Dump => " [filter]",
        Tool::Console | Tool::Web => "",
    };
    format!("usage: {} [options]{words}", tool.program())
}

/// The whole text, grouped by what the flags are for.
pub fn help(tool: Tool) -> String {
    let mut out = usage(tool);
    out.push('\n');
    if tool == Tool::Dump {
        out.push_str("\npositional arguments:\n");
        entry(
            &mut out,
            "filter",
            "Filter expression: which flows are printed, saved and read from files. Everything from the first word on belongs to it.",
        );
    }
    let flags = flags(tool);
    for group in GROUPS {
        let mut flags = flags
            .iter()
            .filter(|flag| group_of(flag) == *group)
            .peekable();
        if flags.peek().is_none() {
            continue;
        }
        let _ = write!(out, "\n{group}:\n");
        for flag in flags {
            entry(&mut out, &heading(flag), &flag.help);
        }
    }
    out
}

const GROUPS: &[&str] = &[
    "options",
    "Proxy",
    "TLS",
    "Client replay",
    "Server replay",
    "Changing messages",
    "Terminal interface",
    "Web interface",
];

fn group_of(flag: &FlagDef) -> &'static str {
    let Some(spec) = flag.option() else {
        return "options";
    };
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| spec.name.starts_with(prefix));
    if starts(&["server_replay"]) {
        "Server replay"
    } else if starts(&["client_replay"]) {
        "Client replay"
    } else if starts(&["map_", "modify_", "anti", "sticky"]) {
        "Changing messages"
    } else if starts(&["cert", "ssl_"]) {
        "TLS"
    } else if starts(&["web_"]) {
        "Web interface"
    } else if starts(&["console_", "intercept", "view_"]) {
        "Terminal interface"
    } else if starts(&[
        "mode",
        "listen_",
        "server",
        "ignore_",
        "allow_",
        "tcp_",
        "upstream_",
        "proxyauth",
        "store_",
        "rawtcp",
        "http2",
    ]) {
        "Proxy"
    } else {
        "options"
    }
}

fn heading(flag: &FlagDef) -> String {
    let value = match (flag.metavar, flag.effect) {
        (Some(_), Effect::Value(spec)) if !spec.meta.choices.is_empty() => {
            let choices = spec.meta.choices.join(",");
            format!(" {{{choices}}}")
        }
        (Some(metavar), _) => format!(" {metavar}"),
        (None, _) => String::new(),
    };
    let names: Vec<String> = flag
        .names
        .iter()
        .map(|name| format!("{name}{value}"))
        .collect();
    names.join(", ")
}

fn entry(out: &mut String, heading: &str, text: &str) {
    let lines = wrap(text, WIDTH - INDENT);
    let mut lines = lines.iter();
    let _ = write!(out, "  {heading}");
    if heading.len() + 4 <= INDENT
        && let Some(first) = lines.next()
    {
        let gap = INDENT - heading.len() - 2;
        let _ = write!(out, "{}{first}", " ".repeat(gap));
    }
    out.push('\n');
    for line in lines {
        let _ = writeln!(out, "{}{line}", " ".repeat(INDENT));
    }
}
