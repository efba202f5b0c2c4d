//! `midwire env`: variables for a proxy that runs already.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Parser;
use midwire_setup::shell::Shell;
use midwire_setup::trust_files::TrustFiles;
use midwire_setup::variables;

use super::Confdir;

/// Prints the variables that lead programs of a shell through a running proxy.
///
/// Use: eval "$(midwire env)". The trust files are kept in the folder `env` beside the authority.
#[derive(Parser)]
#[command(name = "midwire env")]
pub(super) struct Args {
    /// Address of the proxy.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    proxy: String,
    /// bash, zsh, sh, fish or powershell; by default the shell of `$SHELL`.
    #[arg(long, value_name = "SHELL")]
    shell: Option<String>,
    /// Take the variables away again.
    #[arg(long)]
    unset: bool,
    #[command(flatten)]
    confdir: Confdir,
}

pub(super) fn print(args: &Args) -> anyhow::Result<ExitCode> {
    let shell = shell(args.shell.as_deref())?;
    if args.unset {
        return Ok(crate::output(&shell.unset(variables::names()), 0));
    }
    let proxy = address(&args.proxy)?;
    let authority = args.confdir.authority()?;
    let folder = args.confdir.path().join("env");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let files = TrustFiles::write(&folder, &authority)?;
    let variables = variables::variables(proxy, &files);
    Ok(crate::output(&shell.set(&variables), 0))
}

fn shell(name: Option<&str>) -> anyhow::Result<Shell> {
    if let Some(name) = name {
        return Shell::parse(name).ok_or_else(|| {
            anyhow!("unknown shell {name}; known are bash, zsh, sh, fish and powershell")
        });
    }
    let own = std::env::var("SHELL").unwrap_or_default();
    let name = own.rsplit('/').next().unwrap_or_default();
    Ok(Shell::parse(name).unwrap_or(Shell::Posix))
}

pub(super) fn address(text: &str) -> anyhow::Result<SocketAddr> {
    use std::net::ToSocketAddrs as _;
    let mut found = text
        .to_socket_addrs()
        .with_context(|| format!("`{text}` is no address of the form HOST:PORT"))?;
    found
        .next()
        .ok_or_else(|| anyhow!("`{text}` has no address"))
}
