//! The midwire program: parse, build, run, map the outcome to an exit status.

mod launch;
mod program;
mod run;
mod setup;
mod tui;
mod web;

use std::ffi::OsString;
use std::process::ExitCode;

use midwire_core::log::LogStream;
use midwire_core::options::cli::{self, Action, Invocation};
use midwire_core::options::{OptionStore, Tool};

use crate::launch::Launch;
use crate::program::{Call, Program};

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let name = args.next().unwrap_or_default();
    let rest: Vec<OsString> = args.collect();
    match program::call(&name, rest) {
        Call::Help => output(program::HELP, 0),
        Call::Unknown(word) => complain(
            "midwire",
            &format!("unknown subcommand {}\n\n{}", word.display(), program::HELP),
        ),
        Call::Setup(name, args) => setup::call(name, args),
        Call::Tool(program, args) => start(&program, args),
    }
}

fn start(program: &Program, args: Vec<OsString>) -> ExitCode {
    let (launch, args) = match Launch::extract(args) {
        Ok(split) => split,
        Err(error) => return complain(program.name, &error.to_string()),
    };
    let invocation = match cli::parse(program.tool, &args) {
        Ok(invocation) => invocation,
        Err(error) => {
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                error.report(program.tool).as_bytes(),
            );
            return ExitCode::FAILURE;
        }
    };
    if invocation.action == Action::Help {
        return output(&cli::help(program.tool), 0);
    }
    let options = OptionStore::new(program.tool);
    if let Err(error) = invocation.apply(&options) {
        return complain(program.name, &error.to_string());
    }
    match invocation.action {
        Action::Version => output(&program::version(), 0),
        Action::Options if options.load().scripts.is_empty() => {
            output(&options.annotated_defaults(), 0)
        }
        Action::Run if program.tool == Tool::Console && !tui::has_terminal() => {
            tui::refuse(program.name)
        }
        _ => serve(program, &invocation, options, &launch),
    }
}

fn serve(
    program: &Program,
    invocation: &Invocation,
    options: OptionStore,
    launch: &Launch,
) -> ExitCode {
    let log = LogStream::default();
    log.install();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return complain(program.name, &format!("cannot start: {error}")),
    };
    let outcome = runtime.block_on(run::run(options, log, invocation, launch));
    // Threads that are stuck in a system call do not keep the program from ending.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(program.name, &format!("{error:#}")),
    }
}

/// Prints to stdout; a reader that has gone away is not an error.
fn output(text: &str, status: u8) -> ExitCode {
    match std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::from(status),
    }
}

fn complain(name: &str, text: &str) -> ExitCode {
    let _ = std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("{name}: {text}\n").as_bytes(),
    );
    ExitCode::FAILURE
}
