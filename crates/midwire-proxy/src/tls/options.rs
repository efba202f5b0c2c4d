//! The option values for versions, ciphers and curves, as far as rustls can follow them.

use std::str::FromStr;
use std::sync::Arc;

use rustls::SupportedCipherSuite;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};

use super::TlsConfigError;
use super::facts::openssl_cipher_name;

/// A value of `tls_version_client_min` and its three siblings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// `UNBOUNDED`
    Unbounded,
    /// `SSL3`
    Ssl3,
    /// `TLS1`
    Tls1,
    /// `TLS1_1`
    Tls1_1,
    /// `TLS1_2`
    Tls1_2,
    /// `TLS1_3`
    Tls1_3,
}

const VERSION_NAMES: [(&str, TlsVersion); 6] = [
    ("UNBOUNDED", TlsVersion::Unbounded),
    ("SSL3", TlsVersion::Ssl3),
    ("TLS1", TlsVersion::Tls1),
    ("TLS1_1", TlsVersion::Tls1_1),
    ("TLS1_2", TlsVersion::Tls1_2),
    ("TLS1_3", TlsVersion::Tls1_3),
];

impl FromStr for TlsVersion {
    type Err = TlsConfigError;

    fn from_str(name: &str) -> Result<Self, TlsConfigError> {
        let known = VERSION_NAMES.iter().find(|(known, _)| *known == name);
        known
            .map(|(_, version)| *version)
            .ok_or_else(|| TlsConfigError::Version(name.to_owned()))
    }
}

/// The versions from `min` to `max`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VersionRange {
    /// The oldest version.
    pub min: TlsVersion,
    /// The newest version.
    pub max: TlsVersion,
}

impl Default for VersionRange {
    fn default() -> Self {
        Self {
            min: TlsVersion::Tls1_2,
            max: TlsVersion::Unbounded,
        }
    }
}

impl VersionRange {
    /// Whether the range asks for versions that are not offered all the same (below TLS 1.2);
    /// the user should be warned.
    pub fn reaches_below_tls12(self) -> bool {
        !matches!(self.min, TlsVersion::Tls1_2 | TlsVersion::Tls1_3)
    }

    pub(super) fn supported(
        self,
    ) -> Result<Vec<&'static rustls::SupportedProtocolVersion>, TlsConfigError> {
        let reaches = |version| {
            self.min <= version && (self.max == TlsVersion::Unbounded || version <= self.max)
        };
        let versions: Vec<_> = [
            (TlsVersion::Tls1_3, &rustls::version::TLS13),
            (TlsVersion::Tls1_2, &rustls::version::TLS12),
        ]
        .into_iter()
        .filter_map(|(version, supported)| reaches(version).then_some(supported))
        .collect();
        if versions.is_empty() {
            Err(TlsConfigError::NoVersionLeft)
        } else {
            Ok(versions)
        }
    }
}

/// TLS 1.2 ciphers chosen by `ciphers_client` or `ciphers_server`. Those of TLS 1.3 are always on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ciphers {
    /// `None`: what rustls offers.
    tls12: Option<Vec<&'static str>>,
    unavailable: Vec<String>,
}

impl Ciphers {
    /// Reads an OpenSSL cipher string: names and groups (`ECDHE+AESGCM`) joined by `:`, `,` or
    /// blanks, `!` and `-` to take some away, `+` to move some to the end, `@SECLEVEL` and
    /// `@STRENGTH` without effect.
    ///
    /// # Errors
    /// When nothing of the string is available. What is left out of a string that leaves
    /// something is in [`Self::unavailable`].
    pub fn parse(text: &str) -> Result<Self, TlsConfigError> {
        let mut chosen: Vec<&'static str> = Vec::new();
        let mut banned: Vec<&'static str> = Vec::new();
        let mut unavailable = Vec::new();
        for word in text.split([':', ',', ' ']).filter(|word| !word.is_empty()) {
            if word.starts_with('@') {
                continue;
            }
            let name = word.trim_start_matches(['!', '-', '+']);
            let found = matching(name);
            match word.as_bytes().first() {
                Some(b'!') => {
                    chosen.retain(|cipher| !found.contains(cipher));
                    banned.extend(found);
                }
                Some(b'-') => chosen.retain(|cipher| !found.contains(cipher)),
                Some(b'+') => {
                    let (moved, kept): (Vec<_>, Vec<_>) = chosen
                        .into_iter()
                        .partition(|cipher| found.contains(cipher));
                    chosen = [kept, moved].concat();
                }
                _ if found.is_empty() && !TLS13_NAMES.contains(&name) => {
                    unavailable.push(name.to_owned());
                }
                _ => {
                    for cipher in found {
                        if !chosen.contains(&cipher) && !banned.contains(&cipher) {
                            chosen.push(cipher);
                        }
                    }
                }
            }
        }
        let only_tls13 = text
            .split([':', ',', ' '])
            .any(|word| TLS13_NAMES.contains(&word));
        if chosen.is_empty() && !only_tls13 {
            return Err(TlsConfigError::Ciphers {
                asked: text.to_owned(),
                possible: tls12_suites()
                    .map(openssl_cipher_name)
                    .collect::<Vec<_>>()
                    .join(":"),
            });
        }
        Ok(Self {
            tls12: Some(chosen),
            unavailable,
        })
    }

    /// Ciphers that were asked for and do not exist here; the user should be told.
    pub fn unavailable(&self) -> &[String] {
        &self.unavailable
    }
}

const TLS13_NAMES: [&str; 3] = [
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256",
];

fn tls12_suites() -> impl Iterator<Item = SupportedCipherSuite> {
    let all = aws_lc_rs::ALL_CIPHER_SUITES.iter().copied();
    all.filter(|suite| suite.tls13().is_none())
}

/// The TLS 1.2 ciphers that have all properties named in `A+B+C`, or that one name.
fn matching(group: &str) -> Vec<&'static str> {
    let has = |cipher: &str, property: &str| match property {
        "ALL" | "DEFAULT" | "HIGH" | "COMPLEMENTOFALL" | "ECDHE" | "EECDH" | "kECDHE"
        | "kEECDH" | "AEAD" | "TLSv1.2" => true,
        "ECDSA" | "aECDSA" => cipher.contains("-ECDSA-"),
        "RSA" | "aRSA" => cipher.contains("-RSA-"),
        "AES" => cipher.contains("AES"),
        "AES128" | "AES256" => cipher.contains(property),
        "AESGCM" => cipher.contains("GCM"),
        "CHACHA20" => cipher.contains("CHACHA20"),
        "SHA256" | "SHA384" => cipher.ends_with(property),
        name => cipher == name,
    };
    tls12_suites()
        .map(openssl_cipher_name)
        .filter(|cipher| group.split('+').all(|property| has(cipher, property)))
        .collect()
}

/// A value of `tls_ecdh_curve_client` or `tls_ecdh_curve_server`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// `secp256r1`
    Secp256r1,
    /// `secp384r1`
    Secp384r1,
    /// `x25519`; mitmproxy has no name for it.
    X25519,
}

/// The names that mitmproxy takes, in its order, available here or not.
const CURVE_NAMES: [&str; 9] = [
    "secp192r1",
    "secp224r1",
    "secp256k1",
    "secp256r1",
    "secp384r1",
    "secp521r1",
    "brainpoolP256r1",
    "brainpoolP384r1",
    "brainpoolP512r1",
];

impl FromStr for Curve {
    type Err = TlsConfigError;

    fn from_str(name: &str) -> Result<Self, TlsConfigError> {
        match name {
            "secp256r1" => Ok(Self::Secp256r1),
            "secp384r1" => Ok(Self::Secp384r1),
            "x25519" => Ok(Self::X25519),
            known if CURVE_NAMES.contains(&known) => {
                Err(TlsConfigError::CurveUnavailable(name.to_owned()))
            }
            _ => Err(TlsConfigError::InvalidCurve {
                name: name.to_owned(),
                valid: CURVE_NAMES.join(", "),
            }),
        }
    }
}

impl Curve {
    fn group(self) -> &'static dyn SupportedKxGroup {
        match self {
            Self::Secp256r1 => aws_lc_rs::kx_group::SECP256R1,
            Self::Secp384r1 => aws_lc_rs::kx_group::SECP384R1,
            Self::X25519 => aws_lc_rs::kx_group::X25519,
        }
    }
}

/// The aws-lc-rs provider narrowed to the chosen ciphers and curve.
pub(super) fn provider(ciphers: &Ciphers, curve: Option<Curve>) -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    // Processors compute SHA-256 several times faster than SHA-384, and a handshake is mostly hashing; browsers ask
    // for this suite first as well.
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    if let Some(chosen) = &ciphers.tls12 {
        let (tls13, tls12): (Vec<_>, Vec<_>) = provider
            .cipher_suites
            .iter()
            .partition(|suite| suite.tls13().is_some());
        let in_order = chosen.iter().filter_map(|name| {
            tls12
                .iter()
                .copied()
                .find(|suite| openssl_cipher_name(*suite) == *name)
        });
        provider.cipher_suites = tls13.into_iter().chain(in_order).collect();
    }
    if let Some(curve) = curve {
        provider.kx_groups = vec![curve.group()];
    }
    Arc::new(provider)
}
