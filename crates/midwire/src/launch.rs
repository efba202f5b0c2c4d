//! Flags of every tool that concern whoever starts the program: when it is ready, and when it is to end.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use midwire_core::Kernel;
use midwire_core::options::expand_home;
use midwire_proxy::Engine;
use serde_json::json;

/// What the starter wants to know.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Launch {
    /// `--ready-fd N`: an open descriptor that gets one line when the program listens.
    ready_fd: Option<u32>,
    /// `--ready-file PATH`: a file that gets the same line.
    ready_file: Option<PathBuf>,
    /// `--guard FOLDER`: end, and remove the folder, when its socket closes. For `midwire run`.
    guard: Option<PathBuf>,
}

/// Socket of `midwire run` in the folder that is guarded.
pub(crate) const GUARD_SOCKET: &str = "guard.sock";

impl Launch {
    /// Takes the flags of this page out of the arguments; the others stay in their order.
    pub(crate) fn extract(args: Vec<OsString>) -> anyhow::Result<(Self, Vec<OsString>)> {
        let mut launch = Self::default();
        let mut rest = Vec::with_capacity(args.len());
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let (name, inline) = split(&arg);
            if !["--ready-fd", "--ready-file", "--guard"].contains(&name) {
                rest.push(arg);
                continue;
            }
            let name = name.to_owned();
            let Some(value) = inline.map(OsString::from).or_else(|| args.next()) else {
                bail!("argument {name}: expected one argument");
            };
            launch.set(&name, value)?;
        }
        Ok((launch, rest))
    }

    fn set(&mut self, name: &str, value: OsString) -> anyhow::Result<()> {
        match name {
            "--ready-fd" => {
                let number = value.to_str().and_then(|text| text.parse().ok());
                let Some(number) = number else {
                    bail!(
                        "argument --ready-fd: invalid descriptor {}",
                        value.display()
                    );
                };
                self.ready_fd = Some(number);
            }
            "--ready-file" => self.ready_file = Some(value.into()),
            _ => self.guard = Some(value.into()),
        }
        Ok(())
    }

    /// Says that the program listens. Gives what ends when the starter does.
    pub(crate) async fn announce(
        &self,
        kernel: &Arc<Kernel>,
        engine: &Engine,
    ) -> anyhow::Result<Guard> {
        let line = ready_line(kernel, engine);
        if let Some(number) = self.ready_fd {
            let path = format!("/dev/fd/{number}");
            let put = std::fs::OpenOptions::new().write(true).open(path);
            put.and_then(|mut out| out.write_all(line.as_bytes()))
                .with_context(|| format!("cannot write to descriptor {number}"))?;
        }
        if let Some(path) = &self.ready_file {
            put_whole(path, &line).with_context(|| format!("cannot write {}", path.display()))?;
        }
        match &self.guard {
            Some(folder) => Guard::connect(folder, &line).await,
            None => Ok(Guard::default()),
        }
    }
}

fn split(arg: &OsStr) -> (&str, Option<&str>) {
    let text = arg.to_str().unwrap_or_default();
    match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    }
}

/// One line of JSON: process, listeners, certificate of the authority.
fn ready_line(kernel: &Kernel, engine: &Engine) -> String {
    let options = kernel.options().load();
    let listeners: Vec<_> = engine
        .listening()
        .iter()
        .map(|address| json!({"host": address.ip().to_string(), "port": address.port()}))
        .collect();
    let confdir = expand_home(&options.confdir);
    let certificate = confdir.join(midwire_setup::certificate::CERTIFICATE_FILE);
    let ready = json!({
        "pid": std::process::id(),
        "modes": options.mode,
        "listeners": listeners,
        "confdir": confdir.to_string_lossy(),
        "ca": certificate.to_string_lossy(),
    });
    format!("{ready}\n")
}

/// Whoever reads the file finds the whole line or no file.
fn put_whole(path: &Path, line: &str) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".part");
    std::fs::write(&partial, line)?;
    std::fs::rename(&partial, path)
}

/// Ends when the starter does.
#[derive(Default)]
pub(crate) struct Guard {
    #[cfg(unix)]
    watched: Option<(tokio::net::UnixStream, PathBuf)>,
}

impl Guard {
    #[cfg(unix)]
    async fn connect(folder: &Path, line: &str) -> anyhow::Result<Self> {
        use tokio::io::AsyncWriteExt as _;
        let socket = folder.join(GUARD_SOCKET);
        let mut stream = tokio::net::UnixStream::connect(&socket)
            .await
            .with_context(|| format!("cannot reach {}", socket.display()))?;
        stream.write_all(line.as_bytes()).await?;
        Ok(Self {
            watched: Some((stream, folder.to_owned())),
        })
    }

    #[cfg(not(unix))]
    async fn connect(_folder: &Path, _line: &str) -> anyhow::Result<Self> {
        bail!("--guard needs Unix sockets")
    }

    /// Waits for the end of the starter; without one, for ever.
    ///
    /// # Cancellation
    /// Safe.
    #[cfg(unix)]
    pub(crate) async fn ended(&mut self) {
        use tokio::io::AsyncReadExt as _;
        let Some((stream, _)) = &mut self.watched else {
            return std::future::pending().await;
        };
        // Nothing is ever sent here; whatever comes is the end.
        let _ = stream.read(&mut [0]).await;
    }

    /// Waits for ever: there is nothing to watch.
    #[cfg(not(unix))]
    pub(crate) async fn ended(&mut self) {
        std::future::pending().await
    }
}

#[cfg(unix)]
impl Drop for Guard {
    /// Removes the folder of a starter that was killed; one that lives does so itself.
    fn drop(&mut self) {
        if let Some((_, folder)) = &self.watched {
            midwire_setup::private_folder::remove(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &[&str], expected: &Launch, rest: &[&str]) {
        let args = line.iter().map(OsString::from).collect();
        let (launch, others) = Launch::extract(args).unwrap();
        assert_eq!(&launch, expected, "{line:?}");
        assert_eq!(others, rest, "{line:?}");
    }

    #[test]
    fn flags_of_the_starter_are_taken_out() {
        check(
            &["-q", "--set", "a=b"],
            &Launch::default(),
            &["-q", "--set", "a=b"],
        );
        let both = Launch {
            ready_fd: Some(3),
            ready_file: Some("x".into()),
            guard: None,
        };
        check(&["--ready-fd", "3", "-q", "--ready-file=x"], &both, &["-q"]);
    }

    #[test]
    fn bad_flags_are_refused() {
        for (line, reason) in [
            (
                vec!["--ready-fd"],
                "argument --ready-fd: expected one argument",
            ),
            (
                vec!["--ready-fd", "x"],
                "argument --ready-fd: invalid descriptor x",
            ),
        ] {
            let args = line.iter().map(OsString::from).collect();
            assert_eq!(Launch::extract(args).unwrap_err().to_string(), reason);
        }
    }
}
