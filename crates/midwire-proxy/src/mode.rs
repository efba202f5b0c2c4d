//! Mode specifications: `MODE[:DATA][@[HOST:]PORT]` (modes.md §1).

use std::fmt;

use midwire_core::options::Options;
use midwire_flow::{Address, Transport, Via};

/// A parsed mode specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeSpec {
    /// The specification as given.
    pub full: String,
    /// What kind of proxy it is.
    pub mode: Mode,
    /// Address to listen on, if the specification names one.
    pub host: Option<String>,
    /// Port to listen on, if the specification names one.
    pub port: Option<u16>,
}

/// Kinds of proxies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Explicit HTTP(S) proxy.
    Regular,
    /// Redirected traffic with its original destination.
    Transparent,
    /// SOCKS 5.
    Socks5,
    /// Explicit proxy that sends everything on to another one.
    Upstream(ServerSpec),
    /// Stands for one server.
    Reverse(ServerSpec),
    /// DNS server.
    Dns,
    /// WireGuard server with this key file.
    Wireguard(String),
    /// Traffic of local processes.
    Local(String),
    /// TUN interface of this name.
    Tun(String),
}

/// `scheme://host:port` of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSpec {
    /// Scheme, lower case.
    pub scheme: String,
    /// Host name or address literal without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// Why a specification is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid proxy mode specification: {spec} ({reason})")]
pub struct ModeError {
    spec: String,
    reason: String,
}

impl ModeSpec {
    /// Reads a specification.
    ///
    /// # Errors
    /// One line that names the specification and what is wrong with it.
    pub fn parse(spec: &str) -> Result<Self, ModeError> {
        let fail = |reason: String| ModeError {
            spec: spec.to_owned(),
            reason,
        };
        let (head, listen) = match spec.rsplit_once('@') {
            Some((head, listen)) => (head, Some(listen)),
            None => (spec, None),
        };
        let (name, data) = head.split_once(':').unwrap_or((head, ""));
        let (host, port) = match listen {
            None => (None, None),
            Some(listen) => parse_listen(listen).map_err(fail)?,
        };
        let mode = parse_mode(&name.to_ascii_lowercase(), data).map_err(fail)?;
        Ok(Self {
            full: spec.to_owned(),
            mode,
            host,
            port,
        })
    }

    /// The specification `regular`.
    pub(crate) fn regular() -> Self {
        Self {
            full: "regular".to_owned(),
            mode: Mode::Regular,
            host: None,
            port: None,
        }
    }

    /// The port to listen on when neither the specification nor `listen_port` says one; `None` if it does not listen.
    pub fn default_port(&self) -> Option<u16> {
        Some(match &self.mode {
            Mode::Socks5 => 1080,
            Mode::Dns => 53,
            Mode::Reverse(server) if server.scheme == "dns" => 53,
            Mode::Wireguard(_) => 51820,
            Mode::Local(_) | Mode::Tun(_) => return None,
            _ => 8080,
        })
    }

    /// Host and port to listen on; no host means all addresses. `None` if the mode does not listen.
    pub(crate) fn listen_on(&self, options: &Options) -> Option<(Option<String>, u16)> {
        let default = self.default_port()?;
        let host = self
            .host
            .clone()
            .or_else(|| Some(options.listen_host.clone()).filter(|host| !host.is_empty()));
        let port = self
            .port
            .or_else(|| options.listen_port.and_then(|port| port.try_into().ok()))
            .unwrap_or(default);
        Some((host, port))
    }

    /// What carries the traffic that the mode accepts.
    pub(crate) fn transports(&self) -> &'static [Transport] {
        match &self.mode {
            Mode::Dns => &[Transport::Tcp, Transport::Udp],
            Mode::Reverse(server) => match server.scheme.as_str() {
                "dns" => &[Transport::Tcp, Transport::Udp],
                "http3" | "dtls" | "udp" | "quic" => &[Transport::Udp],
                _ => &[Transport::Tcp],
            },
            Mode::Wireguard(_) => &[Transport::Udp],
            Mode::Local(_) | Mode::Tun(_) => &[Transport::Tcp, Transport::Udp],
            _ => &[Transport::Tcp],
        }
    }

    /// True if this version of the program can serve the mode on this system.
    pub(crate) fn is_available(&self) -> bool {
        match &self.mode {
            Mode::Regular | Mode::Socks5 | Mode::Upstream(_) | Mode::Dns => true,
            Mode::Transparent => cfg!(target_os = "linux"),
            Mode::Reverse(server) => !matches!(server.scheme.as_str(), "http3" | "dtls" | "quic"),
            Mode::Wireguard(_) | Mode::Local(_) | Mode::Tun(_) => false,
        }
    }

    /// What the log calls it: `HTTP(S) proxy`.
    pub fn description(&self) -> String {
        match &self.mode {
            Mode::Regular => "HTTP(S) proxy".to_owned(),
            Mode::Transparent => "Transparent Proxy".to_owned(),
            Mode::Socks5 => "SOCKS v5 proxy".to_owned(),
            Mode::Upstream(_) => "HTTP(S) proxy (upstream mode)".to_owned(),
            Mode::Reverse(server) => format!("reverse proxy to {server}"),
            Mode::Dns => "DNS server".to_owned(),
            Mode::Wireguard(_) => "WireGuard server".to_owned(),
            Mode::Local(_) => "Local redirector".to_owned(),
            Mode::Tun(_) => "TUN interface".to_owned(),
        }
    }
}

impl ServerSpec {
    /// Its address.
    pub(crate) fn address(&self) -> Address {
        Address::new(self.host.clone(), self.port)
    }

    /// As a proxy on the way.
    pub(crate) fn via(&self) -> Via {
        Via {
            scheme: self.scheme.clone(),
            address: self.address(),
        }
    }

    /// `host` or `host:port` as a Host field names it: the port only if it is not that of the scheme.
    pub(crate) fn host_field(&self) -> String {
        let address = self.address().to_string();
        if default_port(&self.scheme) == Some(self.port) {
            let end = address.rfind(':').unwrap_or(address.len());
            return address.get(..end).unwrap_or_default().to_owned();
        }
        address
    }
}

impl fmt::Display for ServerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = default_port(&self.scheme) == Some(self.port);
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if default {
            write!(f, "{}://{host}", self.scheme)
        } else {
            write!(f, "{}://{host}:{}", self.scheme, self.port)
        }
    }
}

fn parse_mode(name: &str, data: &str) -> Result<Mode, String> {
    let plain = |mode: Mode| {
        if data.is_empty() {
            Ok(mode)
        } else {
            Err("mode takes no arguments".to_owned())
        }
    };
    match name {
        "regular" => plain(Mode::Regular),
        "transparent" => plain(Mode::Transparent),
        "socks5" => plain(Mode::Socks5),
        "dns" => plain(Mode::Dns),
        "upstream" => {
            let server = parse_server(data, "http")?;
            match server.scheme.as_str() {
                "http" | "https" => Ok(Mode::Upstream(server)),
                _ => Err("invalid upstream proxy scheme".to_owned()),
            }
        }
        "reverse" => parse_server(data, "https").map(Mode::Reverse),
        "wireguard" => Ok(Mode::Wireguard(data.to_owned())),
        "local" => match data
            .split(',')
            .find(|item| item.trim().trim_start_matches('!').is_empty())
        {
            Some(_) if !data.is_empty() => Err(format!("invalid intercept spec: {data}")),
            _ => Ok(Mode::Local(data.to_owned())),
        },
        "tun" => Ok(Mode::Tun(data.to_owned())),
        "osproxy" => Err("osproxy mode has been renamed to local mode".to_owned()),
        _ => Err("unknown mode".to_owned()),
    }
}

fn parse_listen(listen: &str) -> Result<(Option<String>, Option<u16>), String> {
    let (host, port) = match listen.rsplit_once(':') {
        Some((host, port)) => (
            Some(
                host.trim_start_matches('[')
                    .trim_end_matches(']')
                    .to_owned(),
            ),
            port,
        ),
        None => (None, listen),
    };
    let number = port
        .parse::<u16>()
        .map_err(|_| format!("invalid port: {port}"))?;
    Ok((host.filter(|h| !h.is_empty()), Some(number)))
}

fn parse_server(data: &str, default_scheme: &str) -> Result<ServerSpec, String> {
    let invalid = || format!("Invalid server specification: {data}");
    let (scheme, rest) = data.split_once("://").unwrap_or((default_scheme, data));
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(
        scheme.as_str(),
        "http" | "https" | "http3" | "tls" | "dtls" | "tcp" | "udp" | "dns" | "quic"
    ) {
        return Err(format!("Invalid server scheme: {scheme}"));
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = crate::http::message::authority(rest.as_bytes()).ok_or_else(invalid)?;
    let Some(port) = port.or_else(|| default_port(&scheme)) else {
        return Err("Port specification missing.".to_owned());
    };
    Ok(ServerSpec { scheme, host, port })
}

fn default_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "http" => 80,
        "https" | "http3" | "quic" => 443,
        "dns" => 53,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_specifications() {
        let check = |spec: &str, mode: Mode, host: Option<&str>, port: Option<u16>| {
            let parsed = ModeSpec::parse(spec).unwrap();
            assert_eq!(
                (parsed.mode, parsed.host.as_deref(), parsed.port),
                (mode, host, port),
                "{spec}"
            );
        };
        let server = |scheme: &str, host: &str, port| ServerSpec {
            scheme: scheme.into(),
            host: host.into(),
            port,
        };
        check("regular", Mode::Regular, None, None);
        check("Regular@8081", Mode::Regular, None, Some(8081));
        check(
            "socks5@127.0.0.1:1081",
            Mode::Socks5,
            Some("127.0.0.1"),
            Some(1081),
        );
        check("regular@[::1]:0", Mode::Regular, Some("::1"), Some(0));
        check(
            "reverse:example.com",
            Mode::Reverse(server("https", "example.com", 443)),
            None,
            None,
        );
        check(
            "reverse:http://[::1]:80/@90",
            Mode::Reverse(server("http", "::1", 80)),
            None,
            Some(90),
        );
        check(
            "upstream:proxy:3128",
            Mode::Upstream(server("http", "proxy", 3128)),
            None,
            None,
        );
        check("local:!curl", Mode::Local("!curl".into()), None, None);
    }

    #[test]
    fn bad_specifications() {
        let check = |spec: &str, reason: &str| {
            let error = ModeSpec::parse(spec).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("Invalid proxy mode specification: {spec} ({reason})")
            );
        };
        check("foo", "unknown mode");
        check("socks5:abc", "mode takes no arguments");
        check("regular@99999", "invalid port: 99999");
        check("regular@x", "invalid port: x");
        check("reverse:ftp://x:1", "Invalid server scheme: ftp");
        check("reverse:tcp://1.2.3.4", "Port specification missing.");
        check(
            "reverse:http://h/p",
            "Invalid server specification: http://h/p",
        );
        check("upstream:quic://a:1", "invalid upstream proxy scheme");
        check("local:a,,b", "invalid intercept spec: a,,b");
    }
}
