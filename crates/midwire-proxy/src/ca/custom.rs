//! Certificates that the user brings along (option `certs`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

use super::{Authority, Leaf, PemFile, San};

/// Why an entry of `certs` is refused.
#[derive(Debug, thiserror::Error)]
pub enum CustomCertError {
    /// There is no such file.
    #[error("Certificate file does not exist: {}", .0.display())]
    Missing(PathBuf),
    /// The file does not hold what it should.
    #[error("Invalid certificate format for {}: {reason}", path.display())]
    Invalid {
        /// The file as the user named it.
        path: PathBuf,
        /// What is wrong with it, one line.
        reason: String,
    },
}

/// The certificates of the option `certs`, by the names they serve.
#[derive(Clone, Debug, Default)]
pub struct CustomCerts {
    by_name: HashMap<String, Arc<Leaf>>,
    warnings: Vec<String>,
}

impl CustomCerts {
    /// Reads all entries, each `[DOMAIN=]PATH`; without a domain it is `*`, for everything.
    /// Later entries go before earlier ones of the same name. A file without a private key is
    /// taken when its certificate was made for the authority's key.
    pub fn load(
        specs: &[String],
        passphrase: Option<&str>,
        authority: &Authority,
    ) -> Result<Self, CustomCertError> {
        let mut certs = Self::default();
        for spec in specs {
            let (domain, path) = spec.split_once('=').unwrap_or(("*", spec));
            certs.add(domain, &expand_home(path), passphrase, authority)?;
        }
        Ok(certs)
    }

    /// What to tell the user once, e.g. that a file holds an authority instead of a leaf.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The first entry for the names in order, each in its forms `a.b.c`, `*.b.c`, `*.c`; then `*`.
    pub fn find(&self, sans: &[San]) -> Option<Arc<Leaf>> {
        if self.by_name.is_empty() {
            return None;
        }
        sans.iter()
            .find_map(|san| match san {
                San::Dns(name) => self.find_name(name),
                San::Ip(address) => self.by_name.get(&address.to_string()),
            })
            .or_else(|| self.by_name.get("*"))
            .cloned()
    }

    fn find_name(&self, name: &str) -> Option<&Arc<Leaf>> {
        let parents = name.match_indices('.').filter_map(|(at, _)| name.get(at..));
        self.by_name.get(name).or_else(|| {
            parents
                .into_iter()
                .find_map(|parent| self.by_name.get(&format!("*{parent}")))
        })
    }

    fn add(
        &mut self,
        domain: &str,
        path: &Path,
        passphrase: Option<&str>,
        authority: &Authority,
    ) -> Result<(), CustomCertError> {
        let invalid = |reason: String| CustomCertError::Invalid {
            path: path.to_owned(),
            reason,
        };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(CustomCertError::Missing(path.to_owned()));
            }
            Err(error) => return Err(invalid(error.to_string())),
        };
        let file = PemFile::parse(&bytes).map_err(invalid)?;
        let Some((first, chain)) = file.certificates.split_first() else {
            return Err(invalid("it holds no certificate".to_owned()));
        };
        let (_, parsed) = X509Certificate::from_der(first)
            .map_err(|error| invalid(format!("its certificate is broken: {error}")))?;
        let shown = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let key = matching_key(&file, &parsed, passphrase, authority).map_err(|mismatch| {
            invalid(match mismatch {
                Mismatch::NoKey(error) => {
                    format!(
                        "Unable to find private key in \"{}\": {error}",
                        shown.display()
                    )
                }
                Mismatch::OtherKey(kinds) => format!(
                    "Private and public keys in \"{}\" do not match: {kinds}",
                    shown.display()
                ),
            })
        })?;
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
            .map_err(|error| invalid(error.to_string()))?;
        if parsed.is_ca() {
            self.warnings.push(format!(
                "\"{}\" is a certificate authority, not a certificate for a server; clients will refuse it",
                shown.display()
            ));
        }
        let chain = chain
            .iter()
            .map(|der| Bytes::copy_from_slice(der))
            .collect();
        let leaf = Arc::new(Leaf::new(Bytes::copy_from_slice(first), chain, key));
        for name in names_in(&parsed)
            .into_iter()
            .chain([domain.to_ascii_lowercase()])
        {
            self.by_name.insert(name, Arc::clone(&leaf));
        }
        Ok(())
    }
}

enum Mismatch {
    NoKey(String),
    OtherKey(String),
}

fn matching_key(
    file: &PemFile,
    certificate: &X509Certificate<'_>,
    passphrase: Option<&str>,
    authority: &Authority,
) -> Result<PrivateKeyDer<'static>, Mismatch> {
    let public_key = certificate.public_key().subject_public_key.data.as_ref();
    let key = match file.private_key(passphrase) {
        Ok(key) => key,
        Err(_) if authority.owns_public_key(public_key) => {
            let der = authority.key_der().to_vec();
            return PrivateKeyDer::try_from(der)
                .or_else(|_| Ok(PrivatePkcs8KeyDer::from(authority.key_der().to_vec()).into()));
        }
        Err(error) => return Err(Mismatch::NoKey(error.to_string())),
    };
    let pair = KeyPair::try_from(&key).map_err(|error| Mismatch::NoKey(error.to_string()))?;
    if pair.der_bytes() == public_key {
        return Ok(key);
    }
    Err(Mismatch::OtherKey(format!(
        "the certificate has a key of {} bytes, the private key one of {} bytes",
        public_key.len(),
        pair.der_bytes().len()
    )))
}

/// Common name and alternative names of a certificate, in lower case; wildcards as they are.
fn names_in(certificate: &X509Certificate<'_>) -> Vec<String> {
    let common = certificate
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok());
    let mut names: Vec<String> = common.map(str::to_ascii_lowercase).collect();
    for extension in certificate.extensions() {
        let ParsedExtension::SubjectAlternativeName(sans) = extension.parsed_extension() else {
            continue;
        };
        for san in &sans.general_names {
            match san {
                GeneralName::DNSName(name) => names.push(name.to_ascii_lowercase()),
                GeneralName::IPAddress([a, b, c, d]) => {
                    names.push(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string());
                }
                GeneralName::IPAddress(bytes) => {
                    if let Ok(octets) = <[u8; 16]>::try_from(*bytes) {
                        names.push(std::net::Ipv6Addr::from(octets).to_string());
                    }
                }
                _ => {}
            }
        }
    }
    names
}

/// Replaces a leading `~` by the home directory.
pub(crate) fn expand_home(path: &str) -> PathBuf {
    let rest = match path.strip_prefix('~') {
        Some("") => "",
        Some(rest) if rest.starts_with('/') => rest.trim_start_matches('/'),
        _ => return PathBuf::from(path),
    };
    match std::env::var_os("HOME") {
        Some(home) => Path::new(&home).join(rest),
        None => PathBuf::from(path),
    }
}
