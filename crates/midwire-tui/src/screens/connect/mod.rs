//! How clients connect: listeners with their real addresses, the certificate authority, a QR code, recipes (ui.md §4.10).

mod recipes;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use midwire_core::options::expand_home;
use qrcode::{Color, QrCode};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use x509_parser::pem::parse_x509_pem;

use crate::console::Listener;
use crate::doc::{Builder, Doc};
use crate::env::{Effects, Env, Nav, Screen};
use crate::keymap::Context;
use crate::screens::flowlist::row::zoned;
use crate::screens::flowview::detail::digest;
use crate::screens::list::Scroll;
use crate::text::{Pen, put_clean};
use crate::theme::Role;

/// Cells from which on the QR code stands beside the text.
const BESIDE: u16 = 100;

/// Cells of names before what they name.
const NAMES: usize = 14;

/// The screen, also the content of an empty list.
#[derive(Default)]
pub(crate) struct Connect {
    doc: Doc,
    made_of: Option<Source>,
    qr: Vec<String>,
    scroll: Scroll,
    area: Rect,
}

/// What the text follows from.
#[derive(Clone, PartialEq)]
struct Source {
    listeners: Vec<Listener>,
    server: bool,
    page: String,
    ca: Result<Authority, String>,
    ca_path: PathBuf,
    width: u16,
}

/// The certificate of the authority.
#[derive(Clone, PartialEq)]
struct Authority {
    digest: String,
    until: f64,
}

impl Authority {
    fn read(path: &Path) -> Result<Self, String> {
        let pem = std::fs::read(path).map_err(|error| error.to_string())?;
        let (_, pem) = parse_x509_pem(&pem).map_err(|error| error.to_string())?;
        let certificate = pem.parse_x509().map_err(|error| error.to_string())?;
        Ok(Self {
            digest: digest(&pem.contents),
            until: certificate.validity().not_after.timestamp() as f64,
        })
    }
}

impl Connect {
    fn source(&self, env: &Env, width: u16) -> Source {
        let ca_path = expand_home(&env.options.confdir).join("mitmproxy-ca-cert.pem");
        // What was read once does not change while the program runs; what could not be read may come.
        let known = self.made_of.as_ref();
        let known = known.filter(|known| known.ca_path == ca_path && known.ca.is_ok());
        let ca = known.map_or_else(|| Authority::read(&ca_path), |known| known.ca.clone());
        Source {
            listeners: (env.listeners)(),
            server: env.options.server,
            page: format!("http://{}/", env.options.onboarding_host),
            ca,
            ca_path,
            width,
        }
    }

    fn build(&mut self, env: &Env, source: &Source, is_beside: bool) {
        let mut builder = Builder::new(source.width);
        let b = &mut builder;
        listeners(b, source);
        authority(b, source, env.now);
        b.blank();
        if let Some((listener, address)) = proxy(&source.listeners) {
            let host = host(address.ip());
            let ca = source.ca_path.display().to_string();
            let found = recipes::all(&recipes::Proxy {
                scheme: if listener.kind() == "socks5" {
                    "socks5"
                } else {
                    "http"
                },
                host: &host,
                port: address.port(),
                ca: &ca,
            });
            for (title, lines) in found {
                b.line(title, Role::Header);
                for line in lines {
                    b.add_clean("  ", Role::Text).hang();
                    b.line(&line, Role::Text);
                }
            }
            b.blank();
        }
        self.qr = if env.glyphs.utf8 {
            code(&source.page)
        } else {
            Vec::new()
        };
        if !is_beside {
            for row in &self.qr {
                b.add_clean(row, Role::Qr).end();
            }
            if !self.qr.is_empty() {
                b.line(&source.page, Role::Dim);
            }
        }
        self.doc = builder.build();
    }

    /// True if there is room for the QR code beside the text.
    fn is_beside(area: Rect) -> bool {
        area.width >= BESIDE && area.height >= 16
    }
}

fn named(b: &mut Builder, name: &str, value: &str, role: Role) {
    b.add_clean(&crate::text::left(name, NAMES), Role::Dim)
        .hang();
    b.line(value, role);
}

fn listeners(b: &mut Builder, source: &Source) {
    b.line("Proxy", Role::Header);
    if !source.server {
        named(b, "  off", "the option `server` is false", Role::Warn);
    } else if source.listeners.is_empty() {
        named(b, "  starting", "nothing is listened on yet", Role::Dim);
    }
    for listener in &source.listeners {
        let kind = format!("  {}", listener.kind());
        if let Some(error) = &listener.error {
            named(b, &kind, &format!("failed: {error}"), Role::Error);
            continue;
        }
        let places = listener.addresses.iter().map(ToString::to_string);
        let places = places.collect::<Vec<_>>().join("  ");
        let text = format!("{places}  {}", listener.description);
        named(b, &kind, text.trim(), Role::Text);
    }
    if let Some(own) = outside(&source.listeners) {
        named(b, "  from outside", &own, Role::Text);
    }
    b.blank();
}

fn authority(b: &mut Builder, source: &Source, now: f64) {
    b.line("Certificate authority", Role::Header);
    named(
        b,
        "  file",
        &source.ca_path.display().to_string(),
        Role::Text,
    );
    match &source.ca {
        Ok(ca) => {
            named(b, "  SHA-256", &ca.digest, Role::Text);
            let until = zoned(ca.until, "%Y-%m-%d");
            let (text, role) = if ca.until < now {
                (format!("{until}: it has expired"), Role::Error)
            } else {
                (until, Role::Text)
            };
            named(b, "  valid until", &text, role);
        }
        Err(error) => named(b, "  missing", error, Role::Warn),
    }
    let page = format!("{} through the proxy (PEM, P12, CER)", source.page);
    named(b, "  page", &page, Role::Text);
}

/// The first listener that clients are told to use, and its address as they reach it on this machine.
fn proxy(listeners: &[Listener]) -> Option<(&Listener, SocketAddr)> {
    let explicit =
        |listener: &&Listener| matches!(listener.kind(), "regular" | "upstream" | "socks5");
    let mut found = listeners.iter().filter(explicit);
    let (listener, mut address) =
        found.find_map(|listener| Some((listener, *listener.addresses.first()?)))?;
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::from([127, 0, 0, 1]));
    }
    Some((listener, address))
}

/// The address for other machines, if the proxy can be reached from them. No packet is sent to find it.
fn outside(listeners: &[Listener]) -> Option<String> {
    let mut addresses = listeners.iter().flat_map(|listener| &listener.addresses);
    let open = addresses.find(|address| address.ip().is_unspecified())?;
    let socket = std::net::UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(("192.0.2.1", 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then(|| format!("{ip}:{}", open.port()))
}

fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// A text as a QR code, two modules a cell, dark ones as ink.
fn code(text: &str) -> Vec<String> {
    /// Light modules around the code; ISO 18004 wants four, cameras need two.
    const QUIET: usize = 2;
    let Ok(code) = QrCode::new(text) else {
        return Vec::new();
    };
    let (width, colours) = (code.width(), code.to_colors());
    let is_dark = |x: usize, y: usize| {
        let (Some(x), Some(y)) = (x.checked_sub(QUIET), y.checked_sub(QUIET)) else {
            return false;
        };
        x < width && colours.get(y * width + x) == Some(&Color::Dark)
    };
    let size = width + 2 * QUIET;
    let row = |y: usize| {
        let cell = |x: usize| match (is_dark(x, y), is_dark(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        (0..size).map(cell).collect()
    };
    (0..size).step_by(2).map(row).collect()
}

impl Screen for Connect {
    fn context(&self) -> Context {
        Context::Connect
    }

    fn title(&self, _: &Env) -> (String, String) {
        ("Connect".to_owned(), "B starts a browser".to_owned())
    }

    fn prepare(&mut self, env: &Env, area: Rect, _: &mut Effects) {
        self.area = area;
        let is_beside = Self::is_beside(area);
        let width = if is_beside {
            area.width - 36
        } else {
            area.width
        };
        let source = self.source(env, width.saturating_sub(2));
        if self.made_of.as_ref() != Some(&source) {
            self.build(env, &source, is_beside);
            self.made_of = Some(source);
        }
        self.scroll.fit(self.doc.len(), area.height.into());
    }

    fn ticks(&self) -> bool {
        // Listeners that start and a certificate that is made are seen.
        let unfinished = |source: &Source| source.ca.is_err() || source.listeners.is_empty();
        self.made_of.as_ref().is_none_or(unfinished)
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        let text = Rect {
            x: area.x + 2.min(area.width),
            width: area.width.saturating_sub(2),
            ..area
        };
        self.doc
            .draw(buf, text, self.scroll.offset, (&env.theme, &[]));
        if !Self::is_beside(area) {
            return;
        }
        for (y, row) in self.qr.iter().enumerate() {
            let mut pen = Pen::new(area, y as u16 + 1);
            pen.skip(usize::from(area.width - 33));
            put_clean(buf, &mut pen, row, env.theme.style(Role::Qr));
        }
        let mut pen = Pen::new(area, self.qr.len() as u16 + 2);
        pen.skip(usize::from(area.width - 33));
        if let Some(source) = self.made_of.as_ref().filter(|_| !self.qr.is_empty()) {
            put_clean(buf, &mut pen, &source.page, env.theme.style(Role::Dim));
        }
    }

    fn nav(&mut self, _: &Env, nav: Nav, _: &mut Effects) {
        self.scroll.nav(nav, self.doc.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_finder_patterns() {
        let rows = code("http://mitm.it/");
        assert!(rows.len() >= 12, "{}", rows.len());
        assert_eq!(rows[1].chars().nth(2), Some('█'), "{rows:#?}");
        assert!(rows[0].trim().is_empty());
        let width = rows[0].chars().count();
        assert!(rows.iter().all(|row| row.chars().count() == width));
    }

    #[test]
    fn clients_are_told_an_address_that_they_reach() {
        let listener = |spec: &str, address: &str| Listener {
            spec: spec.to_owned(),
            addresses: vec![address.parse().unwrap()],
            ..Listener::default()
        };
        let list = [
            listener("dns", "127.0.0.1:53"),
            listener("regular@4711", "0.0.0.0:4711"),
        ];
        let (found, address) = proxy(&list).unwrap();
        assert_eq!(
            (found.kind(), address.to_string().as_str()),
            ("regular", "127.0.0.1:4711")
        );
        assert!(proxy(&list[..1]).is_none());
        assert!(outside(&list[..1]).is_none());
    }
}
