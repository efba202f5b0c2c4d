//! Completions for bash.

use std::fmt::Write as _;

use super::{Expects, Program, expects, words};

/// The completion script of all programs.
pub fn bash(programs: &[Program]) -> String {
    let mut out =
        "# bash completion for midwire. Made by `cargo xtask completions`. Do not edit.\n"
            .to_owned();
    for program in programs {
        function(&mut out, program);
    }
    dispatch(&mut out, programs);
    for program in programs.iter().filter(|program| program.word.is_none()) {
        let _ = writeln!(out, "complete -F {} {}", program.function(), program.call());
    }
    out.push_str("complete -F _midwire midwire\n");
    out
}

fn function(out: &mut String, program: &Program) {
    let _ = write!(
        out,
        "\n{}() {{\n    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}\n    COMPREPLY=()\n    case $prev in\n",
        program.function()
    );
    let mut all = Vec::new();
    for flag in program.flags() {
        let action = match expects(&flag) {
            Expects::Nothing => None,
            Expects::Option => {
                let names: Vec<String> = program
                    .options()
                    .map(|(name, _)| format!("{name}="))
                    .collect();
                Some(format!(
                    "compopt -o nospace; COMPREPLY=($(compgen -W '{}' -- \"$cur\"))",
                    names.join(" ")
                ))
            }
            Expects::Choice(choices) => {
                // A word with a blank cannot come from a word list.
                let plain: Vec<&str> = choices
                    .iter()
                    .copied()
                    .filter(|choice| !choice.contains(' '))
                    .collect();
                Some(format!(
                    "COMPREPLY=($(compgen -W '{}' -- \"$cur\"))",
                    plain.join(" ")
                ))
            }
            Expects::File => {
                Some("compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))".to_owned())
            }
            Expects::Folder => {
                Some("compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))".to_owned())
            }
            Expects::Text => Some(":".to_owned()),
        };
        if let Some(action) = action {
            let _ = writeln!(out, "        {}) {action}; return ;;", flag.names.join("|"));
        }
        all.extend(flag.names);
    }
    let _ = write!(
        out,
        "    esac\n    [[ $cur == -* ]] && COMPREPLY=($(compgen -W '{}' -- \"$cur\"))\n}}\n",
        all.join(" ")
    );
}

/// The function for `midwire` itself: a word first, then what belongs to it.
fn dispatch(out: &mut String, programs: &[Program]) {
    out.push_str(
        "\n_midwire() {\n    if [[ $COMP_CWORD -gt 1 ]]; then\n        case ${COMP_WORDS[1]} in\n",
    );
    for program in programs {
        if let Some(word) = program.word {
            let _ = writeln!(out, "            {word}) {} ;;", program.function());
        }
    }
    let _ = write!(
        out,
        "        esac\n        return\n    fi\n    COMPREPLY=($(compgen -W '{} --help --version' -- \"${{COMP_WORDS[COMP_CWORD]}}\"))\n}}\n\n",
        words(programs).join(" ")
    );
}
