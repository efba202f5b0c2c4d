//! Files that make programs trust our authority beside the roots of the system, for programs that take a path.

use std::io;
use std::path::{Path, PathBuf};

use p12_keystore::error::Error as Pkcs12Error;
use p12_keystore::{Certificate as Pkcs12Certificate, KeyStore, KeyStoreEntry};

use crate::certificate::{Certificate, encode};

/// Password of the PKCS#12 trust store. It protects nothing; Java wants one, and this is its own default.
pub const STORE_PASSWORD: &str = "changeit";

/// Paths of the files, all in one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustFiles {
    /// Roots of the system and our authority, PEM.
    pub bundle: PathBuf,
    /// Our authority alone, PEM, for programs that add to their own roots.
    pub authority: PathBuf,
    /// The same as `bundle` as PKCS#12 with [`STORE_PASSWORD`], for Java.
    pub store: PathBuf,
    /// Folder with one file of PHP settings.
    pub php: PathBuf,
    /// Settings of wget: those of the user and our bundle.
    pub wgetrc: PathBuf,
}

/// Why the files cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TrustFilesError {
    /// A file cannot be written.
    #[error("cannot write {path}: {error}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The PKCS#12 trust store.
    #[error("cannot make a PKCS#12 trust store: {0}")]
    Store(#[from] Pkcs12Error),
}

impl TrustFiles {
    /// Writes the files into a folder. Roots that cannot be read are left out. Blocks on disk.
    ///
    /// # Errors
    /// A file cannot be written, or no PKCS#12 can be made of the authority.
    pub fn write(folder: &Path, authority: &Certificate) -> Result<Self, TrustFilesError> {
        let files = Self {
            bundle: folder.join("ca-bundle.pem"),
            authority: folder.join("ca.pem"),
            store: folder.join("ca-bundle.p12"),
            php: folder.join("php"),
            wgetrc: folder.join("wgetrc"),
        };
        let roots = system_roots();
        put(&files.bundle, bundle(&roots, authority).as_bytes())?;
        put(&files.authority, authority.pem().as_bytes())?;
        put(&files.store, &trust_store(&roots, authority)?)?;
        std::fs::create_dir_all(&files.php).map_err(unwritable(&files.php))?;
        put(
            &files.php.join("midwire.ini"),
            files.php_settings().as_bytes(),
        )?;
        put(&files.wgetrc, &files.wget_settings())?;
        Ok(files)
    }

    fn php_settings(&self) -> String {
        let bundle = self.bundle.display();
        format!("openssl.cafile=\"{bundle}\"\ncurl.cainfo=\"{bundle}\"\n")
    }

    fn wget_settings(&self) -> Vec<u8> {
        let own = std::env::var_os("WGETRC")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".wgetrc")));
        let mut settings = own
            .and_then(|path| std::fs::read(path).ok())
            .unwrap_or_default();
        if !settings.is_empty() && !settings.ends_with(b"\n") {
            settings.push(b'\n');
        }
        let line = format!("ca_certificate = {}\n", self.bundle.display());
        settings.extend_from_slice(line.as_bytes());
        settings
    }
}

/// Certificates that the system trusts, DER; also those that the user's own variables name.
fn system_roots() -> Vec<Vec<u8>> {
    let found = rustls_native_certs::load_native_certs();
    found.certs.into_iter().map(|der| der.to_vec()).collect()
}

fn bundle(roots: &[Vec<u8>], authority: &Certificate) -> String {
    let mut text = authority.pem();
    for root in roots {
        text.push_str(&encode(root));
    }
    text
}

fn trust_store(roots: &[Vec<u8>], authority: &Certificate) -> Result<Vec<u8>, Pkcs12Error> {
    let mut store = KeyStore::new();
    let entry = |der: &[u8]| Pkcs12Certificate::from_der(der).map(KeyStoreEntry::Certificate);
    for (number, root) in roots.iter().enumerate() {
        // A root with a form that Java could not read either is no loss.
        if let Ok(entry) = entry(root) {
            store.add_entry(&format!("root-{number}"), entry);
        }
    }
    store.add_entry(&authority.nickname(), entry(&authority.der)?);
    store.writer(STORE_PASSWORD).write()
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), TrustFilesError> {
    std::fs::write(path, bytes).map_err(unwritable(path))
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> TrustFilesError + '_ {
    move |error| TrustFilesError::Unwritable {
        path: path.to_owned(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use p12_keystore::Pkcs12ImportPolicy;

    use super::*;
    use crate::certificate::tests::authority;

    #[test]
    fn our_authority_is_in_every_file() {
        let folder = tempfile::tempdir().unwrap();
        let authority = authority(folder.path());
        let files = TrustFiles::write(folder.path(), &authority).unwrap();
        for path in [&files.bundle, &files.authority] {
            let text = std::fs::read_to_string(path).unwrap();
            assert!(text.contains(&authority.pem()), "{}", path.display());
        }
        let store = std::fs::read(&files.store).unwrap();
        let policy = Pkcs12ImportPolicy::Relaxed;
        let store = KeyStore::from_pkcs12(&store, STORE_PASSWORD, policy).unwrap();
        let found = store.entries().any(|(_, entry)| {
            matches!(entry, KeyStoreEntry::Certificate(found) if found.as_der() == authority.der)
        });
        assert!(found);
    }

    #[test]
    fn no_key_leaves_the_authority() {
        let folder = tempfile::tempdir().unwrap();
        let authority = authority(folder.path());
        let out = tempfile::tempdir().unwrap();
        TrustFiles::write(out.path(), &authority).unwrap();
        for entry in std::fs::read_dir(out.path()).unwrap().flatten() {
            if entry.path().is_file() {
                let bytes = std::fs::read(entry.path()).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                assert!(!text.contains("PRIVATE KEY"), "{}", entry.path().display());
            }
        }
    }
}
