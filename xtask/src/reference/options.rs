//! The page of options.

use std::fmt::Write as _;

use midwire_core::options::cli::flags;
use midwire_core::options::{OptionSpec, SPECS, Tool, Value};

use super::{MADE, only};

/// The page of options, in alphabetical order.
pub fn options() -> String {
    let mut out = format!(
        "{MADE}# Options\n\n\
         Every option can be set with `--set NAME=VALUE` and in `config.yaml` of the configuration folder; some have\n\
         flags of their own. A size is a number of bytes, or a number with `k`, `m` or `g`. Names and meanings are those\n\
         of mitmproxy, unless an option is marked as midwire's own.\n"
    );
    for spec in SPECS {
        entry(&mut out, spec);
    }
    out
}

fn entry(out: &mut String, spec: &OptionSpec) {
    let mut facts = vec![format!(
        "{}, default {}",
        kind(spec),
        value(&spec.default_value())
    )];
    facts.extend(only(spec.meta.tools));
    if spec.meta.own {
        facts.push("midwire's own".to_owned());
    }
    let flags = spellings(spec);
    if !flags.is_empty() {
        facts.push(flags.join(" "));
    }
    let _ = write!(
        out,
        "\n### `{}`\n\n{}.\n\n{}\n",
        spec.name,
        facts.join("; "),
        spec.help
    );
    if !spec.meta.choices.is_empty() {
        let choices: Vec<String> = spec
            .meta
            .choices
            .iter()
            .map(|choice| format!("`{choice}`"))
            .collect();
        let more = if spec.meta.open {
            ", or others that scripts add"
        } else {
            ""
        };
        let _ = writeln!(out, "\nChoices: {}{more}.", choices.join(", "));
    }
}

fn kind(spec: &OptionSpec) -> &'static str {
    use midwire_core::options::Kind;
    match spec.kind {
        Kind::Bool => "Switch",
        Kind::Int => "Number",
        Kind::OptInt => "Number or nothing",
        Kind::Str => "Text",
        Kind::OptStr => "Text or nothing",
        Kind::Seq => "List of texts",
        Kind::Size => "Size",
        Kind::OptSize => "Size or nothing",
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "unset".to_owned(),
        Value::Bool(on) => format!("`{on}`"),
        Value::Int(number) => format!("`{number}`"),
        Value::Str(text) if text.is_empty() => "empty".to_owned(),
        Value::Str(text) => format!("`{text}`"),
        Value::Seq(items) if items.is_empty() => "empty".to_owned(),
        Value::Seq(items) => format!("`{}`", items.join(", ")),
    }
}

/// The flags of an option in any tool, each once.
fn spellings(spec: &OptionSpec) -> Vec<String> {
    let mut found = Vec::new();
    for tool in [Tool::Dump, Tool::Console, Tool::Web] {
        for flag in flags(tool) {
            if flag.option().is_none_or(|option| option.name != spec.name) {
                continue;
            }
            for name in &flag.names {
                let text = match flag.metavar {
                    Some(metavar) => format!("`{name} {metavar}`"),
                    None => format!("`{name}`"),
                };
                if !found.contains(&text) {
                    found.push(text);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_type_default_flags_and_choices() {
        let page = options();
        for expected in [
            "### `listen_port`\n\nNumber or nothing, default unset; `--listen-port PORT` `-p PORT`.\n",
            "### `header_size_limit`\n\nSize, default `256k`; midwire's own.\n",
            "Choices: `exit`, `continue`.\n",
            "in mitmweb only; `--web-port PORT`.\n",
            "`--no-server` `-n` `--server`.\n",
        ] {
            assert!(page.contains(expected), "{expected}");
        }
        assert_eq!(page.matches("\n### ").count(), SPECS.len());
    }
}
