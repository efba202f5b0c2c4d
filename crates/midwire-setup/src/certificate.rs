//! The certificate of the authority: reading it from its file and what is to say about it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Name of the file in confdir that holds key and certificate (modes.md, files of the authority).
pub const AUTHORITY_FILE: &str = "mitmproxy-ca.pem";

/// Name of the file in confdir with the certificate alone.
pub const CERTIFICATE_FILE: &str = "mitmproxy-ca-cert.pem";

/// The certificate of the authority, without its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Where it was read from.
    pub path: PathBuf,
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// What the subject says, as RFC 4514 text.
    pub subject: String,
    /// Serial number, hexadecimal digits.
    pub serial: String,
    /// First second of its validity, seconds since the epoch.
    pub not_before: i64,
    /// Last second of its validity, seconds since the epoch.
    pub not_after: i64,
}

/// Why there is no certificate to install.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// No file.
    #[error(
        "{0} does not exist; start midwire once, or import an authority with `midwire ca import FILE`"
    )]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// No certificate in it.
    #[error("{path} holds no certificate: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// One line.
        reason: String,
    },
}

impl Certificate {
    /// Reads the first certificate of a PEM file; keys in it are passed over.
    ///
    /// # Errors
    /// The file is missing, unreadable or holds no certificate.
    pub fn read(path: &Path) -> Result<Self, CertificateError> {
        let bytes = std::fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CertificateError::Missing(path.to_owned()),
            _ => CertificateError::Unreadable {
                path: path.to_owned(),
                error,
            },
        })?;
        let malformed = |reason: String| CertificateError::Malformed {
            path: path.to_owned(),
            reason,
        };
        let blocks = pem::parse_many(&bytes).map_err(|error| malformed(error.to_string()))?;
        let block = blocks
            .into_iter()
            .find(|block| block.tag() == "CERTIFICATE")
            .ok_or_else(|| malformed("no CERTIFICATE block".to_owned()))?;
        Self::from_der(path, block.into_contents())
            .ok_or_else(|| malformed("its certificate cannot be parsed".to_owned()))
    }

    /// The authority in a confdir.
    ///
    /// # Errors
    /// As [`Certificate::read`].
    pub fn of_confdir(confdir: &Path) -> Result<Self, CertificateError> {
        Self::read(&confdir.join(AUTHORITY_FILE))
    }

    fn from_der(path: &Path, der: Vec<u8>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(&der).ok()?;
        let validity = parsed.validity();
        let (subject, serial) = (parsed.subject().to_string(), parsed.raw_serial_as_string());
        let (not_before, not_after) = (
            validity.not_before.timestamp(),
            validity.not_after.timestamp(),
        );
        Some(Self {
            path: path.to_owned(),
            der,
            subject,
            serial: serial.replace(':', ""),
            not_before,
            not_after,
        })
    }

    /// The certificate as PEM, lines ended by LF.
    pub fn pem(&self) -> String {
        encode(&self.der)
    }

    /// SHA-256 of the certificate, upper-case hexadecimal digits.
    pub fn sha256(&self) -> String {
        hex(&Sha256::digest(&self.der)).to_ascii_uppercase()
    }

    /// A name for stores that want one, different for each authority.
    pub fn nickname(&self) -> String {
        let serial = self.serial.get(..16).unwrap_or(&self.serial);
        format!("midwire-{serial}")
    }
}

/// A certificate as PEM, lines ended by LF.
pub fn encode(der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new("CERTIFICATE", der), config)
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An authority in a file, for tests.
    pub(crate) fn authority(folder: &Path) -> Certificate {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "test");
        let key = rcgen::KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        let text = format!("{}{}", key.serialize_pem(), made.pem());
        std::fs::write(folder.join(AUTHORITY_FILE), text).unwrap();
        Certificate::of_confdir(folder).unwrap()
    }

    #[test]
    fn the_certificate_is_found_behind_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let read = authority(folder.path());
        assert!(read.subject.contains("CN=test"), "{}", read.subject);
        assert!(read.not_before < read.not_after);
        assert!(read.pem().starts_with("-----BEGIN CERTIFICATE-----\n"));
        assert!(read.nickname().starts_with("midwire-"));
    }

    #[test]
    fn what_is_no_certificate_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Certificate::of_confdir(folder.path()).unwrap_err();
        assert!(
            missing
                .to_string()
                .contains("does not exist; start midwire once")
        );
        std::fs::write(folder.path().join(AUTHORITY_FILE), "nothing").unwrap();
        let malformed = Certificate::of_confdir(folder.path()).unwrap_err();
        assert!(
            malformed.to_string().ends_with("no CERTIFICATE block"),
            "{malformed}"
        );
    }
}
