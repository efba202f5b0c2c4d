//! The browser interface: mitmweb's REST and WebSocket API, a versioned one beside it, and the page that uses them.
//!
//! Everything here is a client of the kernel; what it needs of proxy and addons comes through [`Host`]. JSON shapes
//! live in this crate and nowhere else. Who may call, and what every answer carries, is decided in one place, `guard`.

mod app;
mod assets;
mod auth;
mod browser;
mod call;
mod guard;
mod json;
mod login;
mod openapi;
mod routes;
mod server;
mod shown;
mod static_viewer;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod updates;
mod v1;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use midwire_core::Kernel;
use midwire_core::options::Options;
use tokio::net::TcpListener;

use crate::app::App;
use crate::auth::{Auth, PasswordError};

pub use app::{Host, Server};
pub use openapi::{document as openapi, reference};
pub use static_viewer::write as write_static_viewer;

/// Why the interface cannot be started. One line for the user each.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address is taken, or not ours.
    #[error(
        "Web server failed to listen on {host}:{port} with {error}\n\
         Try specifying a different port by using `--set web_port={}`.", .port.saturating_add(2)
    )]
    Listen {
        /// Option `web_host`.
        host: String,
        /// Option `web_port`.
        port: u16,
        /// What the system says.
        error: io::Error,
    },
    /// The option `web_port` is no port number.
    #[error("web_port is no port number: {0}")]
    Port(i64),
    /// The option `web_password`.
    #[error("{0}")]
    Password(String),
}

impl From<PasswordError> for WebError {
    fn from(error: PasswordError) -> Self {
        Self::Password(error.to_string())
    }
}

/// The interface with its sockets open, not serving yet.
pub struct Web {
    app: Arc<App>,
    listeners: Vec<TcpListener>,
    address: SocketAddr,
}

impl Web {
    /// Opens the sockets of options `web_host` and `web_port`, and readies the token.
    ///
    /// # Errors
    /// The address cannot be listened on, or the password is no hash.
    pub async fn bind(kernel: &Arc<Kernel>, host: Arc<dyn Host>) -> Result<Self, WebError> {
        let options = kernel.options().load();
        let port = u16::try_from(options.web_port).map_err(|_| WebError::Port(options.web_port))?;
        // A password that cannot be used is a better reason to end than a port.
        Auth::new(&options.web_password, port)?;
        let failed = |error| WebError::Listen {
            host: options.web_host.clone(),
            port,
            error,
        };
        let name = match options.web_host.as_str() {
            "" => "127.0.0.1",
            name => name.trim_matches(['[', ']']),
        };
        let listener = TcpListener::bind((name, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let auth = Auth::new(&options.web_password, address.port())?;
        warn(&options, address.ip());
        let app = App::new(kernel, host, auth);
        follow_password(&app);
        Ok(Self {
            app,
            listeners: vec![listener],
            address,
        })
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address for a browser. The token is in it unless the user chose one.
    pub fn url(&self) -> String {
        let options = self.app.kernel.options().load();
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
            IpAddr::V6(ip) => format!("[{ip}]"),
            IpAddr::V4(ip) => ip.to_string(),
        };
        let base = format!("http://{ip}:{}/", self.address.port());
        if options.web_password.is_empty() {
            format!("{base}?token={}", self.app.auth.made_token())
        } else {
            base
        }
    }

    /// Says where the interface is, opens a browser if the option says so, and serves until the program ends.
    pub async fn serve(self) {
        let url = self.url();
        // Printed, not logged: the event log is shown in pages and must not hold the token.
        say(&format!("Web server listening at {url}"));
        if self.app.kernel.options().load().web_open_browser && !browser::open(&url) {
            say(&format!(
                "No web browser found. Please open a browser and point it to {url}"
            ));
        }
        let router = table::router(&self.app);
        let stop = self.app.kernel.shutdown().clone();
        server::serve(self.listeners, router, stop).await;
    }
}

/// Prints a line for the user; without a terminal nobody misses it.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _ = io::Write::write_all(&mut out, format!("{line}\n").as_bytes());
    let _ = io::Write::flush(&mut out);
}

fn warn(options: &Options, ip: IpAddr) {
    if options.web_password.is_empty() {
        if !ip.is_loopback() {
            tracing::warn!(
                "the web interface can be reached from other machines: set web_password to a password of your own"
            );
        }
    } else if !options.web_password.starts_with('$') {
        tracing::warn!(
            "web_password is in plain text, which whoever reads the command line or config file can use; an argon2 hash is safer"
        );
    }
}

/// The password follows its option; what cannot be used is refused.
fn follow_password(app: &Arc<App>) {
    let weak = Arc::downgrade(app);
    app.kernel.options().listen(move |options, changed| {
        let Some(app) = weak.upgrade().filter(|_| changed.contains("web_password")) else {
            return Ok(());
        };
        app.auth
            .change(&options.web_password)
            .map_err(|error| error.to_string())
    });
}
