//! `midwire doctor`: why nothing is captured, and what to do.

mod finding;
mod here;
mod network;
mod url;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use anyhow::Context as _;
use clap::Parser;
use midwire_setup::certificate::Certificate;
use midwire_setup::private_folder::PrivateFolder;
use midwire_setup::trust_files::TrustFiles;
use midwire_setup::variables::variables;

use self::finding::Findings;
use self::network::Listener;
use self::url::Url;
use super::Confdir;
use super::run::{Plan, Proxy};

/// Examines authority, trust, variables, proxy and server, and says what to do.
///
/// Where no proxy listens, one is started for the examination with the options given here. With a program behind `--`, that
/// program is run under capture and the log of the proxy is searched for the reason of its failure.
#[derive(Parser)]
#[command(name = "midwire doctor")]
pub(super) struct Args {
    /// A URL that should be captured.
    url: Option<String>,
    /// Address of the proxy.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    proxy: String,
    /// Findings as JSON.
    #[arg(long)]
    json: bool,
    /// Look for rules that lead to a transparent listener on the proxy's port.
    #[arg(long)]
    transparent: bool,
    /// An option for the proxy that is started here.
    #[arg(long, value_name = "OPTION=VALUE")]
    set: Vec<String>,
    /// A script for the proxy that is started here.
    #[arg(short, value_name = "SCRIPT")]
    script: Vec<OsString>,
    #[command(flatten)]
    confdir: Confdir,
    /// A program that should be captured.
    #[arg(last = true)]
    program: Vec<OsString>,
}

/// Looks at everything; status 1 if something is wrong.
pub(super) fn examine(args: &Args) -> anyhow::Result<ExitCode> {
    let url = args.url.as_deref().map(Url::parse).transpose()?;
    let proxy = super::env::address(&args.proxy)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let findings = runtime.block_on(look(args, url.as_ref(), proxy));
    let text = if args.json {
        findings.json()
    } else {
        findings.text()
    };
    Ok(crate::output(&text, u8::from(findings.is_bad())))
}

async fn look(args: &Args, url: Option<&Url>, proxy: SocketAddr) -> Findings {
    let mut findings = Findings::default();
    let read = Certificate::of_confdir(&args.confdir.path());
    let authority = here::authority(&mut findings, read);
    if let Some(authority) = &authority {
        here::trust(&mut findings, authority);
    }
    here::variables(&mut findings, &args.proxy, url, &|name| {
        std::env::var(name).ok()
    });
    if args.transparent {
        here::rules(&mut findings, proxy.port());
    }
    if let Some(url) = url {
        network::server(&mut findings, url, args.trusted()).await;
    }
    match (
        network::listener(&mut findings, proxy, authority.as_ref()).await,
        &authority,
    ) {
        (Listener::Ours, Some(authority)) => {
            if let Some(url) = url {
                network::round_trip(&mut findings, proxy, authority, url).await;
            }
        }
        (Listener::Nobody, _) => {
            let text = format!("no proxy listens at {proxy}");
            findings.doubtful("proxy", text, "midwire dump, or midwire run -- PROGRAM");
        }
        _ => {}
    }
    if let Err(error) = own(args, url, &mut findings).await {
        findings.bad(
            "start",
            format!("{error:#}"),
            "mend what the line says, then try again",
        );
    }
    findings
}

impl Args {
    /// What the option for trusted authorities says, so that the direct test knows it as well.
    fn trusted(&self) -> Option<PathBuf> {
        let value = self
            .set
            .iter()
            .find_map(|set| set.strip_prefix("ssl_verify_upstream_trusted_ca="));
        value.map(PathBuf::from)
    }

    fn plan(&self) -> Plan {
        let confdir = format!("confdir={}", self.confdir.path().display());
        let mut flags = vec![OsString::from("--set"), OsString::from(confdir)];
        flags.extend(self.set.iter().flat_map(|set| ["--set".into(), set.into()]));
        flags.extend(
            self.script
                .iter()
                .flat_map(|script| ["-s".into(), script.clone()]),
        );
        let mut program = self.program.iter().cloned();
        Plan {
            tool: "dump",
            flags,
            program: program.next().unwrap_or_default(),
            arguments: program.collect(),
        }
    }
}

/// Starts a proxy of this examination, sends the request and runs the program through it, and reads its log.
async fn own(args: &Args, url: Option<&Url>, findings: &mut Findings) -> anyhow::Result<()> {
    let folder = PrivateFolder::new().context("cannot make a temporary folder")?;
    // The proxy removes the other folder when it ends.
    let kept = PrivateFolder::new().context("cannot make a temporary folder")?;
    let log = kept.path().join("log");
    let out = std::fs::File::create(&log).context("cannot write in the temporary folder")?;
    let plan = args.plan();
    let proxy = Proxy::start(&plan, folder.path(), Stdio::from(out)).await;
    let proxy = match proxy {
        Ok(proxy) => proxy,
        Err(error) => {
            let said = last_complaint(&log);
            return Err(said.map_or(error, |said| {
                anyhow::anyhow!("a proxy with these options does not start: {said}")
            }));
        }
    };
    findings.good("start", "a proxy with these options starts");
    if let Some(url) = url {
        network::round_trip(findings, proxy.address, &proxy.authority, url).await;
    }
    if !args.program.is_empty() {
        run(&plan, &proxy, folder.path(), findings).await?;
    }
    proxy.end().await;
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    judge_log(findings, &text, !args.program.is_empty());
    Ok(())
}

async fn run(
    plan: &Plan,
    proxy: &Proxy,
    folder: &std::path::Path,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let files = TrustFiles::write(folder, &proxy.authority)?;
    let set = variables(proxy.address, &files);
    let status = tokio::process::Command::new(&plan.program)
        .args(&plan.arguments)
        .envs(set.iter().map(|variable| (variable.name, &variable.value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await
        .with_context(|| format!("{} cannot be run", plan.program.display()))?;
    let name = plan.program.display();
    if status.success() {
        findings.good("program", format!("{name} ended well"));
    } else {
        let text = format!("{name} ended with {status}");
        findings.doubtful("program", text, "see what else is found here");
    }
    Ok(())
}

/// The last line of the log with the word error, without its time.
fn last_complaint(log: &std::path::Path) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    let line = text
        .lines()
        .rev()
        .find(|line| line.to_lowercase().contains("error"))?;
    Some(without_time(line).to_owned())
}

fn without_time(line: &str) -> &str {
    line.split_once("] ").map_or(line, |(_, rest)| rest)
}

/// What the proxy has said about clients and scripts.
fn judge_log(findings: &mut Findings, log: &str, ran: bool) {
    let mut captured = false;
    for line in log.lines() {
        captured |= line.contains("client connect");
        if line.contains("trust the proxy's certificate") {
            findings.bad(
                "client",
                without_time(line).to_owned(),
                "the client has its own trust store or a pinned certificate: install the authority there (midwire ca \
                 install --target nss|java), or let the host pass: --ignore-hosts HOST",
            );
        }
        if line.contains("Addon error") || line.contains("Traceback") || line.contains("in script ")
        {
            findings.bad(
                "script",
                without_time(line).to_owned(),
                "mend the script; the proxy goes on without it",
            );
        }
    }
    if ran && !captured {
        let text = "the program sent nothing through the proxy";
        findings.bad("client", text, "it takes no notice of proxy variables; configure the proxy in it, or use transparent mode");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_names_client_and_script() {
        let log = "[12:00:00.000] Client TLS handshake failed. The client does not trust the proxy's certificate for x (tlsv1)\n\
                   [12:00:00.001] Addon error: boom\n";
        let mut findings = Findings::default();
        judge_log(&mut findings, log, true);
        let checks: Vec<_> = findings.0.iter().map(|finding| finding.check).collect();
        assert_eq!(checks, ["client", "script", "client"]);
    }
}
