//! `midwire ca`: the authority's certificate, and the trust stores of this machine.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use clap::{Parser, Subcommand, ValueEnum};
use midwire_setup::certificate::{AUTHORITY_FILE, CERTIFICATE_FILE, Certificate};
use midwire_setup::stores::Target;

use super::Confdir;

/// Shows, exports and installs the certificate of the authority.
#[derive(Parser)]
#[command(name = "midwire ca")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    confdir: Confdir,
}

#[derive(Subcommand)]
enum Action {
    /// Print the path of the certificate.
    Path,
    /// Print the certificate's subject, validity and fingerprint, and the certificate.
    Show,
    /// Write the certificate to a file, without its key.
    Export {
        /// Form of the file.
        #[arg(long, value_enum, default_value = "pem")]
        format: Format,
        /// The file; `-` is standard output.
        file: PathBuf,
    },
    /// Put the certificate into trust stores of this machine.
    Install(Targets),
    /// Take the certificate out of trust stores of this machine.
    Uninstall(Targets),
    /// Say which trust stores hold the certificate.
    Status(Targets),
    /// Use an authority of your own: a PEM file with key and certificate chain.
    Import {
        /// The file, as mitmproxy-ca.pem of another installation or a company's intermediate authority.
        file: PathBuf,
        /// Replace the authority that is there; it is kept beside as a .bak file.
        #[arg(long)]
        replace: bool,
        /// Password of the key, if it is encrypted.
        #[arg(long)]
        passphrase: Option<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Pem,
    Der,
    P12,
}

#[derive(clap::Args)]
struct Targets {
    /// system, nss (Firefox, Chromium), java; android, ios and docker print instructions. May be repeated.
    #[arg(long = "target", value_name = "TARGET", default_value = "system")]
    targets: Vec<String>,
}

pub(super) fn call(args: Args) -> anyhow::Result<ExitCode> {
    if let Action::Import {
        file,
        replace,
        passphrase,
    } = &args.action
    {
        return import(&args.confdir.path(), file, *replace, passphrase.as_deref());
    }
    let authority = args.confdir.authority()?;
    let certificate = args.confdir.path().join(CERTIFICATE_FILE);
    match args.action {
        Action::Path => Ok(crate::output(&format!("{}\n", certificate.display()), 0)),
        Action::Show => Ok(crate::output(&describe(&authority), 0)),
        Action::Export { format, file } => export(&args.confdir.path(), &authority, format, &file),
        Action::Install(targets) => change(&targets, &authority, Target::install),
        Action::Uninstall(targets) => change(&targets, &authority, Target::uninstall),
        Action::Status(targets) => status(&targets, &authority),
        Action::Import { .. } => Ok(ExitCode::SUCCESS),
    }
}

fn describe(authority: &Certificate) -> String {
    format!(
        "subject:     {}\nserial:      {}\nvalid from:  {}\nvalid until: {}\nsha256:      {}\n{}",
        authority.subject,
        authority.serial,
        day(authority.not_before),
        day(authority.not_after),
        authority.sha256(),
        authority.pem(),
    )
}

fn day(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        Err(_) => format!("{seconds} s after 1970-01-01"),
    }
}

fn export(
    confdir: &Path,
    authority: &Certificate,
    format: Format,
    file: &Path,
) -> anyhow::Result<ExitCode> {
    let bytes = match format {
        Format::Pem => authority.pem().into_bytes(),
        Format::Der => authority.der.clone(),
        Format::P12 => {
            use midwire_proxy::ca::{Authority, KeyKind};
            Authority::load_or_create(confdir, KeyKind::EcdsaP256, None)?.certificate_p12()?
        }
    };
    if file == Path::new("-") {
        std::io::Write::write_all(&mut std::io::stdout(), &bytes)?;
    } else {
        std::fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A store of this machine, or a device that only instructions can reach.
enum Aim {
    Store(Target),
    Instructions(&'static str),
}

fn aims(targets: &Targets) -> anyhow::Result<Vec<(&str, Aim)>> {
    let aim = |name: &String| match (Target::parse(name), instructions(name)) {
        (Some(target), _) => Ok(Aim::Store(target)),
        (None, Some(text)) => Ok(Aim::Instructions(text)),
        (None, None) => Err(anyhow!(
            "unknown target {name}; known are system, nss, java, android, ios and docker"
        )),
    };
    let named = |name| Ok((String::as_str(name), aim(name)?));
    targets.targets.iter().map(named).collect()
}

fn instructions(name: &str) -> Option<&'static str> {
    Some(match name {
        "android" => {
            "Start midwire on an address that the phone reaches, set the phone's Wi-Fi proxy to it, and open \
             http://mitm.it on the phone. Apps since Android 7 trust user certificates only if they say so in their \
             network security configuration; on rooted phones the Magisk module of that page installs it for all."
        }
        "ios" => {
            "Start midwire on an address that the device reaches, set its Wi-Fi proxy to it, and open \
             http://mitm.it in Safari. Install the profile under Settings, then switch it on under General > About > \
             Certificate Trust Settings."
        }
        "docker" => {
            "Mount the certificate and refresh the store when the container starts: docker run \
             -v \"$(midwire ca path):/usr/local/share/ca-certificates/midwire.crt:ro\" \
             -e https_proxy=http://host.docker.internal:8080 -e http_proxy=http://host.docker.internal:8080 IMAGE \
             sh -c 'update-ca-certificates && exec PROGRAM'. Start midwire with --listen-host 0.0.0.0."
        }
        _ => return None,
    })
}

fn change(
    targets: &Targets,
    authority: &Certificate,
    act: fn(
        Target,
        &Certificate,
    ) -> Result<Vec<midwire_setup::stores::Change>, midwire_setup::stores::StoreError>,
) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    let mut failed = None;
    for (name, aim) in aims(targets)? {
        let target = match aim {
            Aim::Store(target) => target,
            Aim::Instructions(how) => {
                let _ = writeln!(text, "{name}: {how}");
                continue;
            }
        };
        match act(target, authority) {
            Ok(changes) if changes.is_empty() => {
                let _ = writeln!(text, "{name}: nothing to change");
            }
            Ok(changes) => changes.iter().for_each(|change| {
                let _ = writeln!(text, "{name}: {}", change.0);
            }),
            Err(error) => failed = Some((name, error)),
        }
    }
    let code = crate::output(&text, 0);
    match failed {
        Some((name, error)) => Err(anyhow!("{name}: {error}")),
        None => Ok(code),
    }
}

fn status(targets: &Targets, authority: &Certificate) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    for (name, aim) in aims(targets)? {
        let Aim::Store(target) = aim else {
            bail!("{name} cannot be looked at from here");
        };
        for entry in target.status(authority).with_context(|| name.to_owned())? {
            let word = if entry.trusted {
                "trusted"
            } else {
                "not trusted"
            };
            let _ = writeln!(text, "{name}: {word} ({})", entry.store.display());
        }
    }
    Ok(crate::output(&text, 0))
}

fn import(
    confdir: &Path,
    file: &Path,
    replace: bool,
    passphrase: Option<&str>,
) -> anyhow::Result<ExitCode> {
    use midwire_proxy::ca::Authority;
    let old = confdir.join(AUTHORITY_FILE);
    if old.exists() && !replace {
        bail!(
            "{} exists; --replace puts it aside as {AUTHORITY_FILE}.bak",
            old.display()
        );
    }
    Authority::import(confdir, file, passphrase)?;
    let authority = Certificate::of_confdir(confdir)?;
    let text = format!(
        "{} is now the authority: {}, valid until {}\n",
        old.display(),
        authority.subject,
        day(authority.not_after)
    );
    Ok(crate::output(&text, 0))
}
