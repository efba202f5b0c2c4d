//! The subcommands of the first minute: run a program under capture, print its variables, install the authority.

mod ca;
#[cfg(unix)]
mod doctor;
mod env;
mod explain;
#[cfg(unix)]
mod run;
mod transparent;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use midwire_core::options::expand_home;

/// Status of `midwire run` when the proxy, not the program, failed; as `timeout` and container tools have it.
const OWN_FAILURE: u8 = 125;

/// Names of the subcommands here.
pub(crate) const NAMES: &[&str] = &["run", "env", "ca", "doctor", "explain", "transparent"];

/// Carries one of [`NAMES`] out.
pub(crate) fn call(name: &str, args: Vec<OsString>) -> ExitCode {
    let (outcome, failure) = match name {
        "run" => (run_program(args), OWN_FAILURE),
        #[cfg(unix)]
        "doctor" => (parsed("doctor", args, |args| doctor::examine(&args)), 1),
        "explain" => (parsed(name, args, |args| explain::print(&args)), 1),
        "transparent" => (parsed(name, args, |args| transparent::call(&args)), 1),
        "env" => (parsed("env", args, |args| env::print(&args)), 1),
        _ => (parsed("ca", args, ca::call), 1),
    };
    outcome.unwrap_or_else(|error| {
        crate::complain(&format!("midwire {name}"), &format!("{error:#}"));
        ExitCode::from(failure)
    })
}

#[cfg(unix)]
fn run_program(args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    run::run(args)
}

#[cfg(not(unix))]
fn run_program(_args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    anyhow::bail!("this system has no Unix sockets; use `midwire dump` and `midwire env`")
}

/// Parses the arguments, or prints what is wrong with them.
fn parsed<A: Parser>(
    name: &str,
    args: Vec<OsString>,
    then: impl FnOnce(A) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let line = std::iter::once(OsString::from(format!("midwire {name}"))).chain(args);
    match A::try_parse_from(line) {
        Ok(args) => then(args),
        Err(error) => {
            let _ = error.print();
            Ok(ExitCode::from(u8::from(error.use_stderr())))
        }
    }
}

/// Where the files of the authority are.
#[derive(clap::Args)]
struct Confdir {
    /// Folder with the files of the authority.
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        default_value = "~/.mitmproxy"
    )]
    confdir: String,
}

impl Confdir {
    fn path(&self) -> PathBuf {
        expand_home(&self.confdir)
    }

    /// The authority, which is made if there is none.
    fn authority(&self) -> anyhow::Result<midwire_setup::certificate::Certificate> {
        use midwire_proxy::ca::{Authority, KeyKind};
        let confdir = self.path();
        Authority::load_or_create(&confdir, KeyKind::EcdsaP256, None)
            .context("cannot make an authority")?;
        Ok(midwire_setup::certificate::Certificate::of_confdir(
            &confdir,
        )?)
    }
}
