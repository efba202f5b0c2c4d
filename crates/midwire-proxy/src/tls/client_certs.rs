//! The certificate that we show to servers that ask for one (option `client_certs`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::TlsConfigError;
use crate::ca::{KeyError, PemFile, San, expand_home};

/// A file for all servers, or a directory with `NAME.pem` for some.
#[derive(Debug)]
pub(super) struct ClientCerts {
    path: PathBuf,
    is_directory: bool,
    loaded: Mutex<HashMap<PathBuf, Arc<SingleCertAndKey>>>,
}

impl ClientCerts {
    pub(super) fn at(path: &str) -> Result<Self, TlsConfigError> {
        let path = expand_home(path);
        let Ok(kind) = std::fs::metadata(&path) else {
            return Err(TlsConfigError::ClientCertMissing(path));
        };
        Ok(Self {
            is_directory: kind.is_dir(),
            path,
            loaded: Mutex::default(),
        })
    }

    /// The certificate for a server, the same object each time so that sessions resume. It is
    /// read once. A directory without a file for the server gives none.
    pub(super) fn find(
        &self,
        server: &str,
        provider: &CryptoProvider,
    ) -> Result<Option<Arc<SingleCertAndKey>>, TlsConfigError> {
        let path = if self.is_directory {
            // Only a valid name becomes part of a path.
            let Some(name) = San::parse(server) else {
                return Ok(None);
            };
            let path = self.path.join(format!("{name}.pem"));
            if !path.is_file() {
                return Ok(None);
            }
            path
        } else {
            self.path.clone()
        };
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = loaded.get(&path) {
            return Ok(Some(Arc::clone(found)));
        }
        // Bounded by the number of files in the user's directory.
        let certificate = Arc::new(SingleCertAndKey::from(load(&path, provider)?));
        loaded.insert(path, Arc::clone(&certificate));
        Ok(Some(certificate))
    }
}

fn load(path: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsConfigError> {
    let failed = |reason: String| TlsConfigError::File {
        path: path.to_owned(),
        reason,
    };
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let file = PemFile::parse(&bytes).map_err(failed)?;
    if file.certificates.is_empty() {
        return Err(failed("it holds no certificate".to_owned()));
    }
    let key = file.private_key(None).map_err(|error| {
        failed(match error {
            KeyError::PassphraseNeeded => {
                "its private key is encrypted, which client_certs cannot use".to_owned()
            }
            other => other.to_string(),
        })
    })?;
    CertifiedKey::from_der(file.certificates, key, provider)
        .map_err(|error| failed(error.to_string()))
}
