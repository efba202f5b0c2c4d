//! Reference pages in Markdown: options, commands, hooks, filters.

mod commands;
mod options;

pub use commands::commands;
pub use options::options;

use std::fmt::Write as _;

use midwire_core::hooks::Hook;
use midwire_core::options::{Tool, Tools};

/// The note at the top of every page.
const MADE: &str =
    "<!-- Made by `cargo xtask docs` from the tables of the program. Do not edit. -->\n\n";

/// The page of hooks, in the order of their table.
pub fn hooks() -> String {
    let mut out = format!(
        "{MADE}# Hooks\n\n\
         A hook is a named point where addons run. The hooks of one flow run one after another; one that waits holds up\n\
         its own exchange only. The names are those of mitmproxy.\n\n\
         | Hook | When it runs |\n| --- | --- |\n"
    );
    for hook in Hook::ALL {
        let doc = joined(hook.doc());
        let _ = writeln!(out, "| `{}` | {} |", hook.name(), cell(&doc));
    }
    out
}

/// The page of filter expressions.
pub fn filters() -> String {
    let mut out = format!(
        "{MADE}# Filter expressions\n\n\
         Expressions choose flows: for `intercept`, `view_filter`, the filter part of many options, and the words at the\n\
         end of a `midwire dump` command line. Regular expressions match anywhere unless anchored and ignore the case\n\
         of letters, unless `MITMPROXY_CASE_SENSITIVE_FILTERS=1` is in the environment. A word on its own is a pattern\n\
         for the URL. Two expressions side by side must both hold.\n\n\
         | Expression | What it chooses |\n| --- | --- |\n"
    );
    for (syntax, meaning) in midwire_flow::filter::help() {
        let _ = writeln!(out, "| `{}` | {} |", cell(&syntax), cell(&meaning));
    }
    out
}

/// A text as a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// A documentation comment as one line.
fn joined(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The programs of a set, by name; nothing for all of them.
fn only(tools: Tools) -> Option<String> {
    if tools == Tools::ALL {
        return None;
    }
    let names: Vec<&str> = [Tool::Dump, Tool::Console, Tool::Web]
        .into_iter()
        .filter(|tool| tools.contains(*tool))
        .map(Tool::program)
        .collect();
    Some(format!("in {} only", names.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_name_every_row() {
        let page = hooks();
        assert!(page.contains("| `requestheaders` | The head of a request was read. |"));
        let page = filters();
        assert!(page.contains("| `~bq regex` |") && page.contains("| `\\|` | or |"));
    }

    #[test]
    fn sets_of_tools_are_named() {
        assert_eq!(only(Tools::ALL), None);
        let expected = "in mitmproxy and mitmweb only";
        assert_eq!(only(Tools::INTERACTIVE).as_deref(), Some(expected));
    }
}
