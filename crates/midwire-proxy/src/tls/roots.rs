//! Which authorities are trusted to name servers.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;

use super::TlsConfigError;
use super::verify::{Browserlike, Insecure};
use crate::ca::PemFile;

/// Whether and against what the certificates of servers are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verify {
    /// As a browser does.
    Full {
        /// The trusted authorities.
        roots: Roots,
    },
    /// Not at all (`ssl_insecure`).
    None,
}

impl Default for Verify {
    fn default() -> Self {
        Self::Full {
            roots: Roots::default(),
        }
    }
}

/// Where the trusted authorities come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Roots {
    /// Those of the system, or Mozilla's where the system has none.
    #[default]
    System,
    /// `ssl_verify_upstream_trusted_ca` and `ssl_verify_upstream_trusted_confdir`, at least one.
    Given {
        /// A file of PEM certificates.
        bundle: Option<PathBuf>,
        /// A directory of PEM files named by hash (`openssl rehash`).
        directory: Option<PathBuf>,
    },
}

impl Verify {
    pub(super) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, TlsConfigError> {
        let roots = match self {
            Self::None => return Ok(Arc::new(Insecure)),
            Self::Full { roots } => roots,
        };
        let mut store = RootCertStore::empty();
        let mut pinned = HashSet::new();
        match roots {
            Roots::System => add_system_roots(&mut store),
            Roots::Given { bundle, directory } => {
                for certificate in given(bundle.as_deref(), directory.as_deref())? {
                    pinned.insert(certificate.to_vec());
                    store.add_parsable_certificates([certificate]);
                }
            }
        }
        let verifier =
            Browserlike::new(store, pinned, provider).map_err(|reason| TlsConfigError::File {
                path: roots.path(),
                reason,
            })?;
        Ok(Arc::new(verifier))
    }
}

impl Roots {
    fn path(&self) -> PathBuf {
        match self {
            Self::System => PathBuf::from("the certificates of the system"),
            Self::Given { bundle, directory } => bundle
                .clone()
                .or_else(|| directory.clone())
                .unwrap_or_default(),
        }
    }
}

fn add_system_roots(store: &mut RootCertStore) {
    let loaded = rustls_native_certs::load_native_certs();
    for error in &loaded.errors {
        tracing::debug!(%error, "a certificate of the system cannot be read");
    }
    store.add_parsable_certificates(loaded.certs);
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
}

fn given(
    bundle: Option<&Path>,
    directory: Option<&Path>,
) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let mut certificates = Vec::new();
    if let Some(path) = bundle {
        certificates.extend(read(path)?);
    }
    if let Some(path) = directory {
        let hashed = hashed_files(path)?;
        if hashed.is_empty() {
            let reason = "it has no certificates named by hash; run `openssl rehash` on it";
            return Err(TlsConfigError::File {
                path: path.to_owned(),
                reason: reason.to_owned(),
            });
        }
        for file in hashed {
            certificates.extend(read(&file)?);
        }
    }
    Ok(certificates)
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let failed = |reason: String| TlsConfigError::File {
        path: path.to_owned(),
        reason,
    };
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let file = PemFile::parse(&bytes).map_err(failed)?;
    if file.certificates.is_empty() {
        return Err(failed("it holds no certificate".to_owned()));
    }
    Ok(file.certificates)
}

/// The files that OpenSSL would look at: eight hexadecimal digits, a dot, a number.
fn hashed_files(directory: &Path) -> Result<Vec<PathBuf>, TlsConfigError> {
    let entries = std::fs::read_dir(directory).map_err(|error| TlsConfigError::File {
        path: directory.to_owned(),
        reason: error.to_string(),
    })?;
    let is_hashed = |name: &str| {
        name.split_once('.').is_some_and(|(hash, number)| {
            hash.len() == 8
                && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    Ok(entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_hashed))
        .map(|entry| entry.path())
        .collect())
}
