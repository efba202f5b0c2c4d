//! What can be seen without a connection: the authority, who trusts it, variables, rules of the system.

use std::time::{SystemTime, UNIX_EPOCH};

use midwire_setup::certificate::{Certificate, CertificateError};
use midwire_setup::stores::Target;

use super::finding::Findings;
use super::url::Url;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The authority's certificate, and whether the clock agrees with it.
pub(super) fn authority(
    findings: &mut Findings,
    read: Result<Certificate, CertificateError>,
) -> Option<Certificate> {
    let authority = match read {
        Ok(authority) => authority,
        Err(error @ CertificateError::Missing(_)) => {
            findings.doubtful("authority", error.to_string(), "midwire dump");
            return None;
        }
        Err(error) => {
            let remedy = "move the file away and start midwire, which makes a new authority";
            findings.bad("authority", error.to_string(), remedy);
            return None;
        }
    };
    validity(findings, &authority, now());
    Some(authority)
}

fn validity(findings: &mut Findings, authority: &Certificate, now: i64) {
    let path = authority.path.display();
    if now < authority.not_before {
        let text = format!("{path} is not valid yet: the clock of this machine is wrong");
        findings.bad(
            "clock",
            text,
            "set the clock, for example with timedatectl set-ntp true",
        );
    } else if now > authority.not_after {
        let text = format!("{path} has expired");
        let remedy = "move the file away, start midwire, then midwire ca install";
        findings.bad("authority", text, remedy);
    } else {
        let days = authority
            .not_after
            .saturating_sub(now)
            .checked_div(DAY)
            .unwrap_or(0);
        findings.good("authority", format!("{path} is valid for {days} more days"));
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// Which stores of this machine trust the authority.
pub(super) fn trust(findings: &mut Findings, authority: &Certificate) {
    for target in Target::ALL {
        let name = target.name();
        let entries = match target.status(authority) {
            Ok(entries) => entries,
            Err(error) => {
                findings.unknown("trust", format!("{name}: {error}"));
                continue;
            }
        };
        for entry in entries {
            let store = entry.store.display();
            if entry.trusted {
                findings.good("trust", format!("{name}: {store} holds the authority"));
            } else {
                let text =
                    format!("{name}: programs that use this store do not trust the authority");
                let remedy =
                    format!("midwire ca install --target {name}, or midwire run -- PROGRAM");
                findings.doubtful("trust", text, remedy);
            }
        }
    }
}

/// Looks a variable up.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where the proxy variables of this shell lead, and what they leave out.
pub(super) fn variables(
    findings: &mut Findings,
    proxy: &str,
    url: Option<&Url>,
    lookup: Lookup<'_>,
) {
    let value = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let names = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"];
    let set: Vec<_> = names
        .iter()
        .filter_map(|name| Some((*name, value(name)?)))
        .collect();
    if set.is_empty() {
        let text = "no proxy variable is set: programs started here go to servers directly";
        let remedy = format!("eval \"$(midwire env --proxy {proxy})\", or midwire run -- PROGRAM");
        findings.doubtful("variables", text, remedy);
    }
    for (name, value) in set {
        if value.trim_end_matches('/').ends_with(proxy) {
            findings.good("variables", format!("{name} leads to {proxy}"));
        } else {
            let text = format!("{name} leads to {value}, not to {proxy}");
            findings.doubtful(
                "variables",
                text,
                format!("eval \"$(midwire env --proxy {proxy})\""),
            );
        }
    }
    for name in ["no_proxy", "NO_PROXY"] {
        let Some(value) = value(name) else { continue };
        let remedy = format!("unset {name}");
        match url {
            Some(url) if leaves_out(&value, &url.host) => {
                let text = format!("{name}={value} leaves {} out", url.host);
                findings.bad("variables", text, remedy);
            }
            _ => findings.doubtful(
                "variables",
                format!("{name}={value} leaves hosts out"),
                remedy,
            ),
        }
    }
}

/// Whether a list like `localhost,.example.com,*` covers a host.
fn leaves_out(list: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    list.split(',')
        .map(|item| item.trim().to_ascii_lowercase())
        .any(|item| {
            let name = item.trim_start_matches("*.").trim_start_matches('.');
            item == "*"
                || (!name.is_empty() && (host == name || host.ends_with(&format!(".{name}"))))
        })
}

/// Whether rules send traffic to the listener of a transparent mode.
pub(super) fn rules(findings: &mut Findings, port: u16) {
    let mut readable = false;
    for (program, args) in [
        ("nft", &["list", "ruleset"][..]),
        ("iptables-save", &[]),
        ("ip6tables-save", &[]),
    ] {
        let Ok(output) = std::process::Command::new(program).args(args).output() else {
            continue;
        };
        readable |= output.status.success();
        if redirects(&String::from_utf8_lossy(&output.stdout), port) {
            findings.good(
                "rules",
                format!("{program} shows a rule that leads to port {port}"),
            );
            return;
        }
    }
    if !readable {
        findings.unknown(
            "rules",
            "the rules of the system cannot be read; run the command as root",
        );
        return;
    }
    findings.bad(
        "rules",
        format!("no rule leads to port {port}: nothing reaches a transparent listener"),
        format!("midwire transparent setup --apply --port {port}"),
    );
}

/// Whether a listing holds a redirection or TPROXY rule for a port.
fn redirects(rules: &str, port: u16) -> bool {
    let port = port.to_string();
    rules.lines().any(|line| {
        let leads = ["redirect", "REDIRECT", "tproxy", "TPROXY", "dnat", "DNAT"];
        let mut numbers = line.split(|letter: char| !letter.is_ascii_digit());
        leads.iter().any(|word| line.contains(word)) && numbers.any(|number| number == port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_exceptions_cover_hosts_and_what_is_below() {
        for (list, host, expected) in [
            ("*", "a.example", true),
            ("localhost, .example.com", "api.example.com", true),
            ("example.com", "example.com", true),
            ("*.example.com", "api.example.com", true),
            ("ample.com", "example.com", false),
            ("", "example.com", false),
            (",", "example.com", false),
        ] {
            assert_eq!(leaves_out(list, host), expected, "{list} {host}");
        }
    }

    #[test]
    fn rules_must_name_the_port() {
        for (rules, expected) in [
            ("tcp dport { 80, 443 } redirect to :8080", true),
            ("-A PREROUTING -p tcp -j REDIRECT --to-ports 8080", true),
            ("tcp dport 8080 accept", false),
            ("tcp dport 80 redirect to :18080", false),
        ] {
            assert_eq!(redirects(rules, 8080), expected, "{rules}");
        }
    }

    #[test]
    fn clock_and_expiry_are_told_apart() {
        let certificate = |not_before, not_after| Certificate {
            path: "ca.pem".into(),
            der: Vec::new(),
            subject: String::new(),
            serial: String::new(),
            not_before,
            not_after,
        };
        for (from, to, check, bad) in [
            (0, 200, "authority", false),
            (150, 200, "clock", true),
            (0, 50, "authority", true),
        ] {
            let mut findings = Findings::default();
            validity(&mut findings, &certificate(from, to), 100);
            assert_eq!((findings.0[0].check, findings.is_bad()), (check, bad));
        }
    }

    #[test]
    fn a_host_that_is_left_out_is_bad() {
        let url = Url::parse("https://api.example.com/").unwrap();
        let mut findings = Findings::default();
        let lookup = |name: &str| match name {
            "https_proxy" => Some("http://127.0.0.1:8080".to_owned()),
            "NO_PROXY" => Some("example.com".to_owned()),
            _ => None,
        };
        variables(&mut findings, "127.0.0.1:8080", Some(&url), &lookup);
        assert!(
            findings
                .text()
                .contains("ok  variables   https_proxy leads to 127.0.0.1:8080")
        );
        assert!(findings.is_bad());
    }
}
