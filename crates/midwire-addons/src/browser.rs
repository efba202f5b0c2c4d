//! Starts browsers that use the proxy, with profiles of their own (command `browser.start`).

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, HookSet};
use midwire_core::options::Options;
use tempfile::TempDir;

use crate::output::reason;

/// Browsers that run; they end with the program, and their profiles are removed.
#[derive(Default)]
pub struct Browser {
    running: Mutex<Vec<Running>>,
    /// Where programs are looked for in place of `PATH`.
    path: Option<OsString>,
}

struct Running {
    child: Child,
    /// Removed when dropped.
    profile: TempDir,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Chrome,
    Firefox,
}

impl Kind {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "chrome" | "chromium" => Some(Self::Chrome),
            "firefox" => Some(Self::Firefox),
            _ => None,
        }
    }

    /// Programs in the order in which they are tried.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Chrome => &[
                "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
                r"C:\Program Files\Google\Chrome\Application\chrome.exe",
                r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
                "google-chrome",
                "google-chrome-stable",
                "chrome",
                "chromium",
                "chromium-browser",
                "google-chrome-unstable",
            ],
            Self::Firefox => &[
                "/Applications/Firefox.app/Contents/MacOS/firefox",
                r"C:\Program Files\Mozilla Firefox\firefox.exe",
                "firefox",
                "firefox-esr",
                "mozilla-firefox",
            ],
        }
    }

    /// Names among Flatpak applications.
    fn flatpaks(self) -> &'static [&'static str] {
        match self {
            Self::Chrome => &[
                "com.google.Chrome",
                "org.chromium.Chromium",
                "io.github.ungoogled_software.ungoogled_chromium",
                "com.google.ChromeDev",
            ],
            Self::Firefox => &["org.mozilla.firefox"],
        }
    }

    fn arguments(self, profile: &Path, proxy: &Proxy) -> Vec<OsString> {
        let mut arguments = match self {
            Self::Chrome => {
                let mut folder = OsString::from("--user-data-dir=");
                folder.push(profile);
                vec![
                    folder,
                    format!("--proxy-server={}", proxy.authority()).into(),
                    // Chrome leaves this machine out otherwise.
                    "--proxy-bypass-list=<-loopback>".into(),
                    "--no-first-run".into(),
                    "--no-default-browser-check".into(),
                    "--disable-extensions".into(),
                ]
            }
            Self::Firefox => vec![
                "--no-remote".into(),
                "--profile".into(),
                profile.into(),
                "--new-window".into(),
            ],
        };
        arguments.push("about:blank".into());
        arguments
    }
}

/// Where the browser finds us.
struct Proxy {
    host: String,
    port: i64,
}

impl Proxy {
    fn of(options: &Options) -> Self {
        let host = options.listen_host.trim();
        Self {
            host: match host {
                "" | "0.0.0.0" | "::" => "127.0.0.1",
                host => host,
            }
            .to_owned(),
            port: options.listen_port.unwrap_or(8080),
        }
    }

    fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Settings of a Firefox profile.
    fn preferences(&self) -> String {
        // The host is the user's own option, but may still hold anything.
        let host = self.host.escape_default();
        let port = self.port;
        let mut text = String::new();
        for (name, value) in [
            ("network.proxy.type", "1".to_owned()),
            ("network.proxy.http", format!("\"{host}\"")),
            ("network.proxy.http_port", port.to_string()),
            ("network.proxy.ssl", format!("\"{host}\"")),
            ("network.proxy.ssl_port", port.to_string()),
            ("network.proxy.allow_hijacking_localhost", "true".to_owned()),
            // What Firefox does by itself would fill the list of flows.
            ("app.normandy.enabled", "false".to_owned()),
            ("app.update.enabled", "false".to_owned()),
            ("browser.newtab.preload", "false".to_owned()),
            ("browser.region.update.enabled", "false".to_owned()),
            (
                "browser.safebrowsing.downloads.remote.enabled",
                "false".to_owned(),
            ),
            ("browser.shell.checkDefaultBrowser", "false".to_owned()),
            (
                "datareporting.policy.dataSubmissionEnabled",
                "false".to_owned(),
            ),
            ("dom.push.connection.enabled", "false".to_owned()),
            ("extensions.update.enabled", "false".to_owned()),
            ("network.captive-portal-service.enabled", "false".to_owned()),
            ("network.connectivity-service.enabled", "false".to_owned()),
            ("services.settings.server", "\"\"".to_owned()),
            ("toolkit.telemetry.server", "\"\"".to_owned()),
        ] {
            let _ = writeln!(text, "user_pref(\"{name}\", {value});");
        }
        text
    }
}

impl Browser {
    /// Starts `chrome`, `chromium` or `firefox`. What goes wrong is an alert in the log.
    pub fn start(&self, options: &Options, name: &str) {
        let Some(kind) = Kind::parse(name) else {
            tracing::info!(alert = true, "Invalid browser name.");
            return;
        };
        let Some(mut command) = self.find(kind) else {
            tracing::info!(
                alert = true,
                "No {name} was found on this machine. Looked for {} and among Flatpak applications.",
                kind.programs().join(", ")
            );
            return;
        };
        let mut running = self.running();
        running.retain_mut(|running| matches!(running.child.try_wait(), Ok(None)));
        if !running.is_empty() {
            tracing::info!(alert = true, "Starting additional browser");
        }
        match launch(&mut command, kind, &Proxy::of(options)) {
            Ok(started) => running.push(started),
            Err(error) => {
                tracing::info!(alert = true, "Cannot start {name}: {}", reason(&error));
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, kind: Kind) -> Option<Command> {
        let path = self.path.clone().or_else(|| std::env::var_os("PATH"));
        let path = path.unwrap_or_default();
        let program = kind.programs().iter().find_map(|name| which(name, &path));
        if let Some(program) = program {
            return Some(Command::new(program));
        }
        let flatpak = which("flatpak", &path)?;
        let is_installed = |name: &&&str| {
            let mut info = Command::new(&flatpak);
            let info = quiet(info.args(["info", name]));
            info.status().is_ok_and(|status| status.success())
        };
        let name = kind.flatpaks().iter().find(is_installed)?;
        let mut command = Command::new(&flatpak);
        command.args(["run", "-p", name]);
        Some(command)
    }
}

impl Addon for Browser {
    fn name(&self) -> &'static str {
        "browser"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::EMPTY
    }

    fn done(&self, _: &Kernel) {
        for mut running in self.running().drain(..) {
            // It may have ended by itself.
            let _ = running.child.kill();
            let _ = running.child.wait();
            if let Err(error) = running.profile.close() {
                tracing::warn!("cannot remove the browser's profile: {}", reason(&error));
            }
        }
    }
}

fn launch(command: &mut Command, kind: Kind, proxy: &Proxy) -> io::Result<Running> {
    let profile = TempDir::with_prefix("midwire-browser-")?;
    if kind == Kind::Firefox {
        fs::write(profile.path().join("user.js"), proxy.preferences())?;
    }
    let child = quiet(command.args(kind.arguments(profile.path(), proxy))).spawn()?;
    Ok(Running { child, profile })
}

fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// The program of this name in the folders of `path`; an absolute name stands for itself.
fn which(name: &str, path: &OsStr) -> Option<PathBuf> {
    let program = Path::new(name);
    if program.is_absolute() {
        return is_program(program).then(|| program.to_owned());
    }
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|program| is_program(program))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file() || path.with_extension("exe").is_file()
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
