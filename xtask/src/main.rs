//! Runs a development task: `cargo xtask TASK`.

use std::process::ExitCode;

use xtask::{generated, root, say, setup, tidy, web};

const USAGE: &str = "\
usage: cargo xtask TASK

tasks:
  test [-- ARGUMENTS]  install what tests need where that is possible, then run
                       cargo test with ARGUMENTS; without any, --workspace
                       and pytest on every CPython that is there
  pytest               only the latter
  tidy                 check the rules for files and documents
  docs                 write docs/reference from the tables of the program
  completions          write docs/completions and docs/man from the flags
  web [--check]        build the browser interface, or check that what is
                       committed is what would be built
  web --test           run the tests of the browser interface";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test"] => setup::test(&[]),
        ["test", "--", rest @ ..] | ["test", rest @ ..] => setup::test(rest),
        ["pytest"] => setup::pytest(),
        ["tidy"] => tidy::run(&root()),
        ["docs"] => generated::write(&root(), &generated::reference()),
        ["web"] => web::write(&root()),
        ["web", "--check"] => web::check(&root()),
        ["web", "--test"] => web::test(&root()),
        ["completions"] => generated::write(&root(), &generated::command_line()),
        _ => {
            say(USAGE);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
