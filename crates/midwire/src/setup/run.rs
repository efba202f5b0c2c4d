//! `midwire run`: a program under capture.
//!
//! This process is a supervisor. The proxy is a child of its own, so that it has all flags of its tool, and so that it
//! notices, by a socket that closes, when the supervisor is killed, and takes back what was set up.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use midwire_setup::certificate::Certificate;
use midwire_setup::private_folder::{self, PrivateFolder};
use midwire_setup::trust_files::TrustFiles;
use midwire_setup::variables::{Variable, variables};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};

use crate::launch::GUARD_SOCKET;

const HELP: &str = "\
usage: midwire run [--web] [FLAGS] -- PROGRAM [ARGUMENTS]

Starts a proxy on a free port, runs a program with variables that lead it through the proxy and make it trust the
proxy's authority, and ends with the program's own exit status.

  --web    with the browser interface instead of printed flows
  FLAGS    every flag of `midwire dump` (or `midwire web`), for example -w FILE, -s SCRIPT, --set OPTION=VALUE

Flows are printed to standard error. Nothing is left behind: the trust files are in a private temporary folder.

exit status: the program's own; 128 + N if signal N ended it; 127 if it was not found; 126 if it cannot be run;
125 if the proxy could not be started.
";

/// How long the proxy may take to listen; scripts are loaded before that.
const START: Duration = Duration::from_mins(1);

/// How long the proxy may take to end; longer than its own grace for connections.
const END: Duration = Duration::from_secs(10);

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Tool that is the proxy.
    pub(super) tool: &'static str,
    /// Flags of the tool.
    pub(super) flags: Vec<OsString>,
    /// The program.
    pub(super) program: OsString,
    /// Its arguments.
    pub(super) arguments: Vec<OsString>,
}

pub(super) fn run(args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    if args.is_empty()
        || args
            .first()
            .is_some_and(|arg| arg == "--help" || arg == "-h")
    {
        return Ok(crate::output(HELP, 0));
    }
    let plan = Plan::parse(args)?;
    private_folder::sweep();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(supervise(plan))
}

impl Plan {
    fn parse(args: Vec<OsString>) -> anyhow::Result<Self> {
        let mut flags = args;
        let Some(place) = flags.iter().position(|arg| arg == "--") else {
            bail!("the program stands after `--`: midwire run [FLAGS] -- PROGRAM [ARGUMENTS]");
        };
        let mut program = flags.split_off(place).into_iter().skip(1);
        let Some(name) = program.next() else {
            bail!("no program after `--`");
        };
        let count = flags.len();
        flags.retain(|flag| flag != "--web");
        Ok(Self {
            tool: if flags.len() < count { "web" } else { "dump" },
            flags,
            program: name,
            arguments: program.collect(),
        })
    }
}

async fn supervise(plan: Plan) -> anyhow::Result<ExitCode> {
    let folder = PrivateFolder::new().context("cannot make a temporary folder")?;
    let mut proxy = Proxy::start(&plan, folder.path(), Stdio::from(standard_error()?)).await?;
    let files = TrustFiles::write(folder.path(), &proxy.authority)?;
    let variables = variables(proxy.address, &files);
    let status = run_to_end(&plan, &variables, &mut proxy).await;
    proxy.end().await;
    status
}

/// The proxy, a child process.
pub(super) struct Proxy {
    child: Child,
    guard: BufReader<UnixStream>,
    /// Where it listens.
    pub(super) address: std::net::SocketAddr,
    /// Whose certificates it shows.
    pub(super) authority: Certificate,
}

impl Proxy {
    /// Starts the proxy, which prints to `output`, and waits until it listens.
    pub(super) async fn start(plan: &Plan, folder: &Path, output: Stdio) -> anyhow::Result<Self> {
        let listener = UnixListener::bind(folder.join(GUARD_SOCKET))
            .context("cannot listen in the temporary folder")?;
        let mut child = Self::command(plan, folder)?
            .stdout(output)
            .spawn()
            .context("cannot start the proxy")?;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            status = child.wait() => bail!("the proxy did not start ({})", status?),
            () = tokio::time::sleep(START) => bail!("the proxy did not listen within {} s", START.as_secs()),
        };
        let mut guard = BufReader::new(accepted.context("cannot talk to the proxy")?.0);
        let mut line = String::new();
        guard
            .read_line(&mut line)
            .await
            .context("cannot talk to the proxy")?;
        let (address, certificate) = understand(&line)?;
        Ok(Self {
            child,
            guard,
            address,
            authority: Certificate::read(&certificate)?,
        })
    }

    fn command(plan: &Plan, folder: &Path) -> anyhow::Result<tokio::process::Command> {
        let own = std::env::current_exe().context("cannot find the program file of midwire")?;
        let mut command = Command::new(own);
        command
            .arg0("midwire")
            .arg(plan.tool)
            .args(["--listen-host", "127.0.0.1", "--listen-port", "0"])
            .args(&plan.flags)
            .arg("--guard")
            .arg(folder)
            .stdin(Stdio::null())
            // Interrupts of the terminal are for the program; the proxy ends after it.
            .process_group(0);
        let mut command = tokio::process::Command::from(command);
        command.kill_on_drop(true);
        Ok(command)
    }

    /// Ends the proxy in its own way, by force if that takes too long.
    pub(super) async fn end(self) {
        let Self {
            mut child, guard, ..
        } = self;
        drop(guard);
        if tokio::time::timeout(END, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }
}

/// A copy of standard error, so that what the program prints stays apart from flows.
fn standard_error() -> anyhow::Result<OwnedFd> {
    io::stderr()
        .as_fd()
        .try_clone_to_owned()
        .context("cannot use standard error")
}

/// Address of the first regular listener, and the certificate of the authority.
fn understand(line: &str) -> anyhow::Result<(std::net::SocketAddr, PathBuf)> {
    let ready: serde_json::Value =
        serde_json::from_str(line).context("the proxy did not say where it listens")?;
    let modes = ready["modes"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let is_regular = |mode: &serde_json::Value| {
        let mode = mode.as_str().unwrap_or_default();
        mode.split('@').next() == Some("regular") || mode.starts_with("upstream:")
    };
    let place = modes.iter().position(is_regular).ok_or_else(|| {
        anyhow!("a program can be run only through a listener of mode regular or upstream")
    })?;
    let listener = &ready["listeners"][place];
    let host = listener["host"].as_str().and_then(|host| host.parse().ok());
    let port = listener["port"]
        .as_u64()
        .and_then(|port| u16::try_from(port).ok());
    let (Some(host), Some(port)) = (host, port) else {
        bail!("the proxy does not listen; `server=false` has no use here");
    };
    let certificate = ready["ca"].as_str().unwrap_or_default();
    Ok((
        std::net::SocketAddr::new(host, port),
        PathBuf::from(certificate),
    ))
}

async fn run_to_end(
    plan: &Plan,
    variables: &[Variable],
    proxy: &mut Proxy,
) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut command = tokio::process::Command::new(&plan.program);
    command.args(&plan.arguments).envs(
        variables
            .iter()
            .map(|variable| (variable.name, &variable.value)),
    );
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(not_started(&plan.program, &error)),
    };
    let mut proxy_lives = true;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(exit_code(status?)),
            // The terminal has sent these to the program as well.
            _ = interrupt.recv() => {}
            _ = quit.recv() => {}
            _ = terminate.recv() => pass_on(&child, rustix::process::Signal::TERM),
            _ = hangup.recv() => pass_on(&child, rustix::process::Signal::HUP),
            _ = proxy.child.wait(), if proxy_lives => {
                proxy_lives = false;
                crate::complain("midwire run", "the proxy has ended; the program goes on without it");
            }
        }
    }
}

fn pass_on(child: &Child, signal: rustix::process::Signal) {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(id) = id.and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(id, signal);
    }
}

fn not_started(program: &OsStr, error: &io::Error) -> ExitCode {
    let (code, reason) = match error.kind() {
        io::ErrorKind::NotFound => (
            127,
            "not found; give its path or put its folder on PATH".to_owned(),
        ),
        io::ErrorKind::PermissionDenied => (126, "it is not executable for you".to_owned()),
        _ => (126, error.to_string()),
    };
    crate::complain("midwire run", &format!("{}: {reason}", program.display()));
    ExitCode::from(code)
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let signal = status.signal().map(|signal| signal.saturating_add(128));
    let code = status.code().or(signal).unwrap_or(1);
    ExitCode::from(u8::try_from(code & 0xff).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Vec<OsString> {
        line.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_program_stands_behind_the_dashes() {
        let plan = Plan::parse(words(&["-w", "x", "--", "curl", "--", "y"])).unwrap();
        let expected = Plan {
            tool: "dump",
            flags: words(&["-w", "x"]),
            program: "curl".into(),
            arguments: words(&["--", "y"]),
        };
        assert_eq!(plan, expected);
        assert_eq!(
            Plan::parse(words(&["--web", "--", "x"])).unwrap().tool,
            "web"
        );
        for bad in [vec!["curl"], vec!["--"]] {
            assert!(Plan::parse(words(&bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_a_regular_listener_will_do() {
        let line = |modes: &str| {
            format!(
                r#"{{"modes":{modes},"listeners":[{{"host":"127.0.0.1","port":1}},{{"host":"127.0.0.1","port":2}}],"ca":"/x"}}"#
            )
        };
        let (address, ca) = understand(&line(r#"["socks5","regular@127.0.0.1:2"]"#)).unwrap();
        assert_eq!((address.port(), ca), (2, PathBuf::from("/x")));
        assert!(understand(&line(r#"["socks5"]"#)).is_err());
        assert!(understand("").is_err());
    }
}
