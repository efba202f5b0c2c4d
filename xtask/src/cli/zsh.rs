//! Completions for zsh.

use std::fmt::Write as _;

use midwire_core::options::cli::FlagDef;

use super::{Expects, Program, expects, repeats, summary, words};

/// The completion script of all programs.
pub fn zsh(programs: &[Program]) -> String {
    let files: Vec<&str> = programs
        .iter()
        .filter(|program| program.word.is_none())
        .map(|program| program.file)
        .collect();
    let mut out = format!(
        "#compdef midwire {}\n# Made by `cargo xtask completions`. Do not edit.\n",
        files.join(" ")
    );
    for program in programs {
        function(&mut out, program);
    }
    dispatch(&mut out, programs);
    out
}

fn function(out: &mut String, program: &Program) {
    let _ = write!(
        out,
        "\n{}() {{\n    local -a names\n    names=(\n",
        program.function()
    );
    for (name, _) in program.options() {
        let _ = writeln!(out, "        {name}");
    }
    out.push_str("    )\n    _arguments -s -S \\\n");
    for flag in program.flags() {
        let _ = writeln!(out, "        {} \\", spec(&flag));
    }
    out.push_str("        '*:filter: '\n}\n");
}

/// One flag in the notation of `_arguments`.
fn spec(flag: &FlagDef) -> String {
    let action = match expects(flag) {
        Expects::Nothing => String::new(),
        Expects::Option => ":option:compadd -q -S= -a names".to_owned(),
        Expects::Choice(choices) => {
            let choices: Vec<String> = choices
                .iter()
                .map(|choice| choice.replace(' ', "\\ "))
                .collect();
            format!(":value:({})", choices.join(" "))
        }
        Expects::File => ":file:_files".to_owned(),
        Expects::Folder => ":folder:_files -/".to_owned(),
        Expects::Text => format!(
            ":{}: ",
            flag.metavar.unwrap_or_default().replace(':', "\\:")
        ),
    };
    let text = quoted(&format!("[{}]{action}", bracketed(&summary(flag))));
    let names = match flag.names.as_slice() {
        [name] => name.clone(),
        names => format!("{{{}}}", names.join(",")),
    };
    match (repeats(flag), flag.names.as_slice()) {
        (true, _) => format!("'*'{names}{text}"),
        (false, [_]) => format!("{names}{text}"),
        (false, all) => format!("'({})'{names}{text}", all.join(" ")),
    }
}

/// A text between square brackets.
fn bracketed(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('[', "\\[")
        .replace(']', "\\]")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn dispatch(out: &mut String, programs: &[Program]) {
    out.push_str("\n_midwire() {\n    case $service in\n");
    for program in programs.iter().filter(|program| program.word.is_none()) {
        let _ = writeln!(
            out,
            "        {}) {}; return ;;",
            program.file,
            program.function()
        );
    }
    let _ = write!(
        out,
        "    esac\n    if (( CURRENT == 2 )); then\n        compadd {} -- --help --version\n        return\n    fi\n    local word=$words[2]\n    shift words\n    (( CURRENT-- ))\n    case $word in\n",
        words(programs).join(" ")
    );
    for program in programs {
        if let Some(word) = program.word {
            let _ = writeln!(out, "        {word}) {} ;;", program.function());
        }
    }
    out.push_str("    esac\n}\n\n_midwire \"$@\"\n");
}
