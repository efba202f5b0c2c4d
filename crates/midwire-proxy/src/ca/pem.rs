//! Reading PEM files that hold certificates, private keys, or both.

use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};

/// Why no private key could be taken from a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("it holds no private key")]
    Missing,
    #[error("its private key is encrypted and no cert_passphrase is set")]
    PassphraseNeeded,
    #[error("its private key cannot be decrypted: wrong cert_passphrase or unknown encryption")]
    Decrypt,
    #[error(
        "its private key is encrypted in the old form of PEM; convert it with `openssl pkcs8 -topk8`"
    )]
    OldEncryption,
}

/// The sections of a PEM file that matter here.
pub(crate) struct PemFile {
    /// All certificates in the order of the file.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    key: Option<KeySection>,
}

enum KeySection {
    Plain(PrivateKeyDer<'static>),
    Encrypted(Vec<u8>),
    OldEncrypted,
}

impl PemFile {
    /// Reads all sections; text between them and sections of other kinds are skipped.
    /// The first private key counts. Errors are one line.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let sections = pem::parse_many(bytes).map_err(|error| format!("broken PEM: {error}"))?;
        let mut file = Self {
            certificates: Vec::new(),
            key: None,
        };
        for section in sections {
            if section.tag() == "CERTIFICATE" || section.tag() == "X509 CERTIFICATE" {
                file.certificates.push(section.into_contents().into());
            } else if file.key.is_none() {
                file.key = KeySection::read(section);
            }
        }
        Ok(file)
    }

    /// The private key, decrypted with `passphrase` where it is encrypted. A passphrase for a key
    /// that needs none is no fault.
    pub(crate) fn private_key(
        &self,
        passphrase: Option<&str>,
    ) -> Result<PrivateKeyDer<'static>, KeyError> {
        let encrypted = match &self.key {
            None => return Err(KeyError::Missing),
            Some(KeySection::Plain(key)) => return Ok(key.clone_key()),
            Some(KeySection::OldEncrypted) => return Err(KeyError::OldEncryption),
            Some(KeySection::Encrypted(der)) => der,
        };
        let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
        let info = EncryptedPrivateKeyInfoRef::try_from(encrypted.as_slice())
            .map_err(|_| KeyError::Decrypt)?;
        let document = info.decrypt(passphrase).map_err(|_| KeyError::Decrypt)?;
        Ok(PrivatePkcs8KeyDer::from(document.as_bytes().to_vec()).into())
    }
}

impl KeySection {
    fn read(section: pem::Pem) -> Option<Self> {
        if section
            .headers()
            .get("Proc-Type")
            .is_some_and(|kind| kind.contains("ENCRYPTED"))
        {
            return Some(Self::OldEncrypted);
        }
        let tag = section.tag().to_owned();
        let der = section.into_contents();
        match tag.as_str() {
            "PRIVATE KEY" => Some(Self::Plain(PrivatePkcs8KeyDer::from(der).into())),
            "RSA PRIVATE KEY" => Some(Self::Plain(PrivatePkcs1KeyDer::from(der).into())),
            "EC PRIVATE KEY" => Some(Self::Plain(PrivateSec1KeyDer::from(der).into())),
            "ENCRYPTED PRIVATE KEY" => Some(Self::Encrypted(der)),
            _ => None,
        }
    }
}
