//! `midwire transparent`: firewall rules that lead traffic to a transparent listener, in a table of their own.

use std::io::Write as _;
use std::process::{Command, ExitCode, Output, Stdio};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};

/// The table that holds all our rules and nothing else.
const TABLE: &str = "midwire";

/// Prints, applies, checks and takes back rules of nftables that lead traffic to `midwire dump --mode transparent`.
///
/// All rules are in the table `inet midwire`, so that taking it away leaves the rest as it was. Traffic that the machine
/// forwards is led always; that of its own programs only with --user, since the proxy's own must be told apart.
#[derive(Parser)]
#[command(name = "midwire transparent")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Print the rules, or apply them.
    Setup {
        /// Apply the rules instead of printing them; needs root.
        #[arg(long)]
        apply: bool,
        /// The user who runs midwire. Connections of all other users of this machine are led to it too.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Ports whose connections are led to the proxy.
        #[arg(long, value_delimiter = ',', default_values_t = [80, 443], value_name = "PORTS")]
        ports: Vec<u16>,
        #[command(flatten)]
        place: Place,
    },
    /// Say whether the rules are there; status 1 if not.
    Check {
        #[command(flatten)]
        place: Place,
    },
    /// Take the rules away.
    Undo {
        #[command(flatten)]
        place: Place,
    },
}

/// Where the rules are, and where they lead.
#[derive(clap::Args)]
struct Place {
    /// Port of the transparent listener.
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Network namespace: a name of `ip netns`, or a path such as /proc/PID/ns/net.
    #[arg(long, value_name = "NAME")]
    netns: Option<String>,
}

pub(super) fn call(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::Setup {
            apply,
            user,
            ports,
            place,
        } => {
            let rules = rules(place.port, ports, user.as_deref())?;
            if !*apply {
                return Ok(crate::output(&rules, 0));
            }
            place.load(&rules)?;
            let text = format!("table inet {TABLE} leads to port {}\n", place.port);
            Ok(crate::output(&text, 0))
        }
        Action::Check { place } => place.check(),
        Action::Undo { place } => place.undo(),
    }
}

/// The rules as a script that takes the place of older ones in one step.
fn rules(port: u16, ports: &[u16], user: Option<&str>) -> anyhow::Result<String> {
    if ports.is_empty() || ports.contains(&0) {
        bail!("--ports needs numbers from 1 to 65535");
    }
    if ports.contains(&port) {
        bail!("the proxy's own port {port} cannot be led to itself");
    }
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    let lead = format!("tcp dport {{ {} }} redirect to :{port}", ports.join(", "));
    let mut text = format!(
        "add table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n    chain prerouting {{\n        \
         type nat hook prerouting priority -100; policy accept;\n        {lead}\n    }}\n"
    );
    if let Some(user) = user {
        // It is quoted by nobody further on.
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if user.is_empty() || !user.chars().all(is_name) {
            bail!("`{}` is no name of a user", user.escape_debug());
        }
        text = format!(
            "{text}    chain output {{\n        type nat hook output priority -100; policy accept;\n        \
             meta skuid \"{user}\" return\n        oifname \"lo\" return\n        {lead}\n    }}\n"
        );
    }
    Ok(text + "}\n")
}

impl Place {
    /// `nft`, in the namespace if one is named.
    fn nft(&self) -> Command {
        let Some(name) = &self.netns else {
            return Command::new("nft");
        };
        let path = if name.contains('/') {
            name.clone()
        } else {
            format!("/run/netns/{name}")
        };
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={path}")).arg("nft");
        command
    }

    fn run(&self, args: &[&str]) -> anyhow::Result<Output> {
        self.nft()
            .args(args)
            .stdin(Stdio::null())
            .output()
            .context("cannot run nft; install the package nftables")
    }

    fn load(&self, rules: &str) -> anyhow::Result<()> {
        let mut child = self
            .nft()
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run nft; install the package nftables")?;
        if let Some(mut input) = child.stdin.take() {
            // nft says why it stopped reading.
            let _ = input.write_all(rules.as_bytes());
        }
        refused(&child.wait_with_output()?)
    }

    /// Our table as the system has it.
    fn table(&self) -> anyhow::Result<Option<String>> {
        // The list of all tables tells a missing one from a missing right.
        let tables = self.run(&["list", "tables"])?;
        refused(&tables)?;
        let ours = format!("table inet {TABLE}");
        if !String::from_utf8_lossy(&tables.stdout)
            .lines()
            .any(|line| line.trim() == ours)
        {
            return Ok(None);
        }
        let table = self.run(&["list", "table", "inet", TABLE])?;
        refused(&table)?;
        Ok(Some(String::from_utf8_lossy(&table.stdout).into_owned()))
    }

    fn check(&self) -> anyhow::Result<ExitCode> {
        let port = self.port;
        let lead = format!("redirect to :{port}");
        let (text, status) = match self.table()? {
            Some(table) if table.lines().any(|line| line.trim_end().ends_with(&lead)) => {
                (format!("table inet {TABLE} leads to port {port}\n"), 0)
            }
            Some(_) => (
                format!(
                    "table inet {TABLE} does not lead to port {port}; \
                     `midwire transparent setup --apply --port {port}` replaces it\n"
                ),
                1,
            ),
            None => (
                format!(
                    "there is no table inet {TABLE}; \
                     `midwire transparent setup --apply --port {port}` makes it\n"
                ),
                1,
            ),
        };
        Ok(crate::output(&text, status))
    }

    fn undo(&self) -> anyhow::Result<ExitCode> {
        if self.table()?.is_none() {
            return Ok(crate::output("there is nothing to take away\n", 0));
        }
        refused(&self.run(&["delete", "table", "inet", TABLE])?)?;
        Ok(crate::output(&format!("table inet {TABLE} is gone\n"), 0))
    }
}

/// The first line of what nft complains about, if it failed.
fn refused(output: &Output) -> anyhow::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().next().unwrap_or("no reason given").trim();
    if line.contains("not permitted") || line.contains("must be root") {
        bail!("nft: {line}; run the command as root");
    }
    bail!("nft: {line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_lead_forwarded_traffic_and_that_of_other_users() {
        let text = rules(8080, &[80, 443], None).unwrap();
        assert!(text.contains("tcp dport { 80, 443 } redirect to :8080"));
        assert!(!text.contains("hook output"));
        let text = rules(1234, &[80], Some("proxy")).unwrap();
        let (_, output) = text.split_once("hook output").unwrap();
        let own = output.find("meta skuid \"proxy\" return").unwrap();
        assert!(own < output.find("redirect to :1234").unwrap());
    }

    #[test]
    fn what_cannot_be_a_rule_is_refused() {
        let check = |port, ports: &[u16], user, expected: &str| {
            let error = rules(port, ports, user).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        };
        check(8080, &[], None, "--ports");
        check(8080, &[0], None, "--ports");
        check(80, &[80], None, "cannot be led to itself");
        check(8080, &[80], Some("a\" accept"), "no name of a user");
        check(8080, &[80], Some(""), "no name of a user");
    }
}
