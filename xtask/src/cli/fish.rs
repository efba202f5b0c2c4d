//! Completions for fish.

use std::fmt::Write as _;

use super::{Expects, Program, expects, summary, words};

/// The completion script of all programs.
pub fn fish(programs: &[Program]) -> String {
    let mut out =
        "# fish completion for midwire. Made by `cargo xtask completions`. Do not edit.\n\n"
            .to_owned();
    let words = words(programs).join(" ");
    let _ = writeln!(
        out,
        "complete -c midwire -n 'not __fish_seen_subcommand_from {words}' -f -a '{words} --help --version'"
    );
    for program in programs {
        let call = program.call();
        let _ = write!(out, "\n# {call}\n");
        let condition = match program.word {
            Some(word) => format!(" -n '__fish_seen_subcommand_from {word}'"),
            None => String::new(),
        };
        let start = format!("complete -c {}{condition}", program.file);
        for flag in program.flags() {
            let mut line = start.clone();
            for name in &flag.names {
                let form = match name.strip_prefix("--") {
                    Some(long) => format!(" -l {long}"),
                    None => format!(" -s {}", name.trim_start_matches('-')),
                };
                line.push_str(&form);
            }
            line.push_str(&argument(program, &expects(&flag)));
            let _ = writeln!(out, "{line} -d {}", quoted(&summary(&flag)));
        }
    }
    out
}

fn argument(program: &Program, expects: &Expects) -> String {
    match expects {
        Expects::Nothing => " -f".to_owned(),
        Expects::Option => {
            let names: Vec<String> = program
                .options()
                .map(|(name, _)| format!("{name}="))
                .collect();
            format!(" -x -a '{}'", names.join(" "))
        }
        Expects::Choice(choices) => {
            let choices: Vec<String> = choices
                .iter()
                .map(|choice| choice.replace(' ', "\\ "))
                .collect();
            format!(" -x -a {}", quoted(&choices.join(" ")))
        }
        Expects::File => " -r -F".to_owned(),
        Expects::Folder => " -x -a '(__fish_complete_directories)'".to_owned(),
        Expects::Text => " -x".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
