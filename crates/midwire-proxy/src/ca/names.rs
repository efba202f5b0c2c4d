//! The names a minted certificate carries, and what may never become one.

use std::net::IpAddr;

use x509_parser::prelude::{
    DistributionPointName, FromDer, GeneralName, ParsedExtension, X509Certificate,
};

/// One subject alternative name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum San {
    /// A DNS name in lower case, or a wildcard taken over from a server's certificate.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl San {
    /// Reads what a client or user named: an address (also in brackets) or a host name.
    /// Anything else, wildcards included, is `None`.
    pub fn parse(name: &str) -> Option<Self> {
        let bare = name
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(name);
        match bare.parse() {
            Ok(address) => Some(Self::Ip(address)),
            Err(_) => host_name(name).map(Self::Dns),
        }
    }

    /// As [`Self::parse`], but lets through a wildcard that is not too wide.
    fn from_certificate(name: &str) -> Option<Self> {
        let Some(parent) = name.strip_prefix("*.") else {
            return Self::parse(name);
        };
        let parent = host_name(parent)?;
        is_registrable(&parent).then(|| Self::Dns(format!("*.{parent}")))
    }
}

impl std::fmt::Display for San {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// What goes into a minted certificate; equal names give the same certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LeafNames {
    /// Without duplicates; the first is the common name as well.
    pub sans: Vec<San>,
    /// The organization of the server's certificate.
    pub organization: Option<String>,
    /// Where the certificate says that a revocation list is.
    pub crl_url: Option<String>,
}

/// What the connection says about the name it wants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// The name in the ClientHello. A hostile one counts as none.
    pub sni: Option<&'a str>,
    /// The address on which the client reached us; stands in for a missing SNI.
    pub local: Option<IpAddr>,
    /// Host name or address of the server, without port.
    pub target: Option<&'a str>,
}

/// The names in the certificate of a server; all of them are only claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamNames {
    sans: Vec<San>,
    organization: Option<String>,
    crl_origin: Option<String>,
}

impl UpstreamNames {
    /// Takes common name, alternative names, organization and revocation URL from a certificate.
    /// Invalid ones are left out, and names beyond the hundredth; `None` when it is no certificate.
    pub fn from_der(certificate: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let subject = parsed.subject();
        let mut names = Self::default();
        let common_name = subject.iter_common_name().next();
        if let Some(name) = common_name.and_then(|name| name.as_str().ok()) {
            names.add(San::from_certificate(name));
        }
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(san) => {
                    for name in san.general_names.iter().take(MAX_NAMES_READ) {
                        names.add(san_of(name));
                    }
                }
                ParsedExtension::CRLDistributionPoints(points) => {
                    names.crl_origin =
                        points
                            .iter()
                            .find_map(|point| match &point.distribution_point {
                                Some(DistributionPointName::FullName(names)) => {
                                    names.iter().find_map(crl_origin)
                                }
                                _ => None,
                            });
                }
                _ => {}
            }
        }
        let organization = subject
            .iter_organization()
            .next()
            .and_then(|name| name.as_str().ok());
        names.organization = organization.and_then(printable).map(str::to_owned);
        Some(names)
    }

    fn add(&mut self, san: Option<San>) {
        let Some(san) = san else { return };
        if self.sans.len() < MAX_UPSTREAM_NAMES && !self.sans.contains(&san) {
            self.sans.push(san);
        }
    }
}

impl LeafNames {
    /// Joins the server's names with what is wanted: the server's come first, then the SNI or
    /// the local address, then the target. `crl_path` follows the origin of the server's
    /// revocation URL.
    pub(super) fn merge(
        upstream: Option<&UpstreamNames>,
        wanted: &Wanted<'_>,
        crl_path: &str,
    ) -> Self {
        let mut names = Self::default();
        if let Some(upstream) = upstream {
            names.sans.clone_from(&upstream.sans);
            names.organization.clone_from(&upstream.organization);
            names.crl_url = upstream
                .crl_origin
                .as_ref()
                .map(|origin| format!("{origin}{crl_path}"));
        }
        let asked = wanted
            .sni
            .and_then(San::parse)
            .or(wanted.local.map(San::Ip));
        for san in [asked, wanted.target.and_then(San::parse)]
            .into_iter()
            .flatten()
        {
            if !names.sans.contains(&san) {
                names.sans.push(san);
            }
        }
        names
    }
}

/// Names of a server's certificate that are taken over (security limit).
const MAX_UPSTREAM_NAMES: usize = 100;
/// Names of a server's certificate that are looked at, valid or not.
const MAX_NAMES_READ: usize = 1000;
/// Characters of an organization (upper bound of RFC 5280) and of a URL that are taken over.
const MAX_ORGANIZATION: usize = 64;
const MAX_URL: usize = 512;

/// A DNS host name in lower case, without the dot of the root: at most 253 bytes in labels of 1
/// to 63 letters, digits, `-` and `_`. The underscore is no host name but occurs in practice.
pub fn host_name(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    // A last label of digits alone would be read as an address by some (RFC 3696 §2).
    let numeric = name
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    let valid = name.len() <= 253 && !numeric && name.split('.').all(is_label);
    valid.then(|| name.to_ascii_lowercase())
}

/// Whether a name can belong to one owner, so that a wildcard below it is not too wide. Without
/// the public suffix list: two labels, unless they look like `co.uk`.
fn is_registrable(name: &str) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    match labels.as_slice() {
        [] | [_] => false,
        [second, top] => !(top.len() == 2 && SHARED_SECOND_LEVELS.contains(second)),
        _ => true,
    }
}

/// Second-level labels under which registries of countries hand out names.
const SHARED_SECOND_LEVELS: [&str; 12] = [
    "ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ne", "net", "or", "org",
];

fn san_of(name: &GeneralName<'_>) -> Option<San> {
    match name {
        GeneralName::DNSName(name) => San::from_certificate(name),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(IpAddr::from)
            .or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from))
            .ok()
            .map(San::Ip),
        _ => None,
    }
}

fn crl_origin(name: &GeneralName<'_>) -> Option<String> {
    let GeneralName::URI(url) = name else {
        return None;
    };
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let plain = host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    let usable = matches!(scheme, "http" | "https") && plain && !host.is_empty();
    (usable && url.len() <= MAX_URL).then(|| format!("{scheme}://{host}"))
}

fn printable(text: &str) -> Option<&str> {
    let fits = !text.is_empty() && text.chars().count() <= MAX_ORGANIZATION;
    (fits && !text.chars().any(char::is_control)).then_some(text)
}
