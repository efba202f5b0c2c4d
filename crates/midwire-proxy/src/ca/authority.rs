//! Loading, creating and using the authority that signs every minted certificate.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use p12_keystore as p12;
use rcgen::{KeyPair, PublicKeyData, RsaKeySize, SigningKey};
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

use super::files::{self, Access};
use super::{CaError, PemFile, der};

/// The key of a newly made authority. An existing authority keeps the key it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum KeyKind {
    /// ECDSA on P-256: a leaf costs some 25 µs to sign instead of some 300 µs.
    #[default]
    EcdsaP256,
    /// RSA of this many bits, for users who set `key_size`: 2048, 3072 or 4096.
    Rsa(u32),
}

/// Something about an authority that its user should know; it works nevertheless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaWarning {
    /// Other users of the machine can read the key.
    #[error("others can read the key in {}; run: chmod 600 {}", .0.display(), .0.display())]
    ReadableByOthers(PathBuf),
    /// Clients will refuse everything signed by it.
    #[error("the certificate authority in {} has expired; delete it to have a new one made", .0.display())]
    Expired(PathBuf),
}

/// The certificate authority of this installation. The key stays inside.
pub struct Authority {
    key: KeyPair,
    certificate: Bytes,
    chain: Vec<Bytes>,
    subject: Vec<u8>,
    key_id: Option<Vec<u8>>,
    serial: String,
    warnings: Vec<CaWarning>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Takes the authority in `confdir`, or makes one when `mitmproxy-ca.pem` is missing.
    ///
    /// An existing one is used as it is, with an RSA, ECDSA or Ed25519 key in PKCS#8 (also
    /// encrypted, then with `passphrase`), PKCS#1 or SEC1 form and any chain after it. It is never
    /// written to. `key` matters for a new one only. Blocks on disk, and for an RSA key for up
    /// to some seconds.
    pub fn load_or_create(
        confdir: &Path,
        key: KeyKind,
        passphrase: Option<&str>,
    ) -> Result<Self, CaError> {
        let path = confdir.join(CA_FILE);
        match std::fs::read(&path) {
            Ok(bytes) => Self::read(&path, &bytes, passphrase),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                files::make_directory(confdir)?;
                // Of two programs that start at once, one makes the authority and the other,
                // having waited, finds it.
                let _lock = files::lock_directory(confdir)?;
                match std::fs::read(&path) {
                    Ok(bytes) => Self::read(&path, &bytes, passphrase),
                    Err(_) => Self::create(confdir, key),
                }
            }
            Err(error) => Err(CaError::unreadable(&path, &error)),
        }
    }

    /// The authority's certificate, DER.
    pub fn certificate_der(&self) -> &Bytes {
        &self.certificate
    }

    /// The authority's certificate as the onboarding page hands it out.
    pub fn certificate_pem(&self) -> String {
        encode_pem("CERTIFICATE", &self.certificate)
    }

    /// The authority's certificate as PKCS#12 without a key and without a password.
    pub fn certificate_p12(&self) -> Result<Vec<u8>, CaError> {
        certificate_p12(&self.certificate)
    }

    /// What clients get after a leaf: nothing for a plain root, else all certificates of the file.
    pub fn chain(&self) -> &[Bytes] {
        &self.chain
    }

    /// What to tell the user once.
    pub fn warnings(&self) -> &[CaWarning] {
        &self.warnings
    }

    /// The path under which minted certificates announce a revocation list: `/mitmproxy-SERIAL.crl`.
    pub fn crl_path(&self) -> String {
        format!("/mitmproxy-{}.crl", self.serial)
    }

    /// An empty revocation list, valid for seven days from now; DER.
    pub fn empty_crl(&self) -> Result<Bytes, CaError> {
        let now = unix_now();
        let to_be_signed = der::sequence(&[
            &der::positive_integer(&[1]),
            self.signature_algorithm()?,
            &self.subject,
            &der::time(now),
            &der::time(now.saturating_add(7 * DAY)),
        ]);
        self.sign(&to_be_signed).map(Bytes::from)
    }

    /// Whether this public key (the bits of its BIT STRING) is the authority's own.
    pub(super) fn owns_public_key(&self, public_key: &[u8]) -> bool {
        self.key.der_bytes() == public_key
    }

    /// The key in a form that rustls takes, for certificates of the user made for this key.
    pub(super) fn key_der(&self) -> &[u8] {
        self.key.serialized_der()
    }

    pub(super) fn subject(&self) -> &[u8] {
        &self.subject
    }

    pub(super) fn key_id(&self) -> Option<&[u8]> {
        self.key_id.as_deref()
    }

    /// The AlgorithmIdentifier of [`Self::sign`], encoded.
    pub(super) fn signature_algorithm(&self) -> Result<&'static [u8], CaError> {
        signature_algorithm(&self.key)
    }

    /// Wraps what is to be signed, the algorithm and the signature into one structure.
    pub(super) fn sign(&self, to_be_signed: &[u8]) -> Result<Vec<u8>, CaError> {
        sign(&self.key, to_be_signed)
    }

    fn read(path: &Path, bytes: &[u8], passphrase: Option<&str>) -> Result<Self, CaError> {
        let broken = |reason: &dyn fmt::Display| CaError::unreadable(path, reason);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(broken(&"it is empty"));
        }
        let file = PemFile::parse(bytes).map_err(|error| broken(&error))?;
        let Some(certificate) = file.certificates.first() else {
            return Err(broken(&"it holds no certificate"));
        };
        let key = file
            .private_key(passphrase)
            .map_err(|error| broken(&error))?;
        let key = KeyPair::try_from(&key)
            .map_err(|error| broken(&format!("its private key is not usable: {error}")))?;
        let chain = match file.certificates.as_slice() {
            [_] => Vec::new(),
            all => all.iter().map(|der| Bytes::copy_from_slice(der)).collect(),
        };
        let mut authority = Self::assemble(key, Bytes::copy_from_slice(certificate), chain)
            .map_err(|error| broken(&error))?;
        if authority.is_expired() {
            authority.warnings.push(CaWarning::Expired(path.to_owned()));
        }
        if files::readable_by_others(path) {
            authority
                .warnings
                .push(CaWarning::ReadableByOthers(path.to_owned()));
        }
        Ok(authority)
    }

    fn assemble(key: KeyPair, certificate: Bytes, chain: Vec<Bytes>) -> Result<Self, String> {
        let (rest, parsed) = X509Certificate::from_der(&certificate)
            .map_err(|error| format!("its certificate is broken: {error}"))?;
        if !rest.is_empty() {
            return Err("its certificate is broken: bytes follow it".to_owned());
        }
        if parsed.public_key().subject_public_key.data.as_ref() != key.der_bytes() {
            return Err("its private key does not belong to its first certificate".to_owned());
        }
        if signature_algorithm(&key).is_err() {
            return Err("its key is of a kind that cannot sign certificates here".to_owned());
        }
        let key_id =
            parsed
                .extensions()
                .iter()
                .find_map(|extension| match extension.parsed_extension() {
                    ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
                    _ => None,
                });
        let subject = parsed.subject().as_raw().to_vec();
        let serial = parsed.serial.to_string();
        Ok(Self {
            key,
            certificate,
            chain,
            subject,
            key_id,
            serial,
            warnings: Vec::new(),
        })
    }

    fn is_expired(&self) -> bool {
        X509Certificate::from_der(&self.certificate)
            .is_ok_and(|(_, parsed)| parsed.validity().not_after.timestamp() < unix_now())
    }

    fn create(confdir: &Path, kind: KeyKind) -> Result<Self, CaError> {
        files::remove_leftovers(confdir);
        let key = generate(kind)?;
        let certificate = Bytes::from(self_signed(&key)?);
        store(confdir, &key, std::slice::from_ref(&certificate))?;
        Self::assemble(key, certificate, Vec::new()).map_err(CaError::Crypto)
    }

    /// Makes the authority of a PEM file, with its key and any chain, the one in `confdir`.
    ///
    /// An authority that is there is kept as `mitmproxy-ca.pem.bak`. The key is stored without a password, as the
    /// original does with its own. Blocks on disk.
    ///
    /// # Errors
    /// The file holds no usable key, its certificate may not sign others, or the files cannot be written; then the
    /// present authority stays.
    pub fn import(
        confdir: &Path,
        source: &Path,
        passphrase: Option<&str>,
    ) -> Result<Self, CaError> {
        let bytes = std::fs::read(source).map_err(|error| CaError::unreadable(source, &error))?;
        let authority = Self::read(source, &bytes, passphrase)?;
        if !authority.may_sign() {
            return Err(CaError::unreadable(
                source,
                &"its first certificate is not one of an authority (basic constraints)",
            ));
        }
        files::make_directory(confdir)?;
        let _lock = files::lock_directory(confdir)?;
        files::set_aside(confdir, CA_FILE)?;
        let chain = match authority.chain.as_slice() {
            [] => std::slice::from_ref(&authority.certificate),
            chain => chain,
        };
        store(confdir, &authority.key, chain)?;
        Ok(authority)
    }

    fn may_sign(&self) -> bool {
        X509Certificate::from_der(&self.certificate).is_ok_and(|(_, parsed)| parsed.is_ca())
    }
}

/// Writes all files of an authority.
///
/// The file that makes the authority exist comes last: whatever interrupts before leaves none, and the next start
/// makes all of them anew.
fn store(confdir: &Path, key: &KeyPair, chain: &[Bytes]) -> Result<(), CaError> {
    let Some(certificate) = chain.first() else {
        return Err(CaError::Crypto(
            "an authority needs a certificate".to_owned(),
        ));
    };
    let certificate_pem = encode_pem("CERTIFICATE", certificate);
    let all = chain.iter().map(|der| encode_pem("CERTIFICATE", der));
    let ca_file = key.serialize_pem() + &all.collect::<String>();
    let (certificate_p12, key_p12) = (certificate_p12(certificate)?, key_p12(key, certificate)?);
    for (name, content, access) in [
        (
            "mitmproxy-ca-cert.pem",
            certificate_pem.as_bytes(),
            Access::Everybody,
        ),
        (
            "mitmproxy-ca-cert.cer",
            certificate_pem.as_bytes(),
            Access::Everybody,
        ),
        ("mitmproxy-ca-cert.p12", &certificate_p12, Access::Everybody),
        ("mitmproxy-ca.p12", &key_p12, Access::Owner),
        (CA_FILE, ca_file.as_bytes(), Access::Owner),
    ] {
        files::write(confdir, name, content, access)?;
    }
    Ok(())
}

const CA_FILE: &str = "mitmproxy-ca.pem";
const NAME: &str = "mitmproxy";
pub(super) const DAY: i64 = 86_400;

/// Seconds since 1970.
pub(super) fn unix_now() -> i64 {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

/// A random serial number of 126 bits or more, positive and without a leading zero byte.
pub(super) fn random_serial() -> Result<[u8; 16], CaError> {
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(CaError::crypto)?;
    let [first, ..] = &mut serial;
    *first = (*first & 0x7f) | 0x40;
    Ok(serial)
}

fn generate(kind: KeyKind) -> Result<KeyPair, CaError> {
    let bits = match kind {
        KeyKind::EcdsaP256 => return KeyPair::generate().map_err(CaError::crypto),
        KeyKind::Rsa(2048) => RsaKeySize::_2048,
        KeyKind::Rsa(3072) => RsaKeySize::_3072,
        KeyKind::Rsa(4096) => RsaKeySize::_4096,
        KeyKind::Rsa(other) => return Err(CaError::KeySize(other)),
    };
    KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, bits).map_err(CaError::crypto)
}

fn self_signed(key: &KeyPair) -> Result<Vec<u8>, CaError> {
    let now = unix_now();
    let name = der::distinguished_name(&[
        (der::oid::COMMON_NAME, NAME),
        (der::oid::ORGANIZATION, NAME),
    ]);
    let key_id = rcgen::CertificateParams::default().key_identifier(key);
    let from = now.saturating_sub(2 * DAY);
    let to_be_signed = der::sequence(&[
        &der::constructed(0xa0, &[&der::positive_integer(&[2])]),
        &der::positive_integer(&random_serial()?),
        signature_algorithm(key)?,
        &name,
        &der::sequence(&[
            &der::time(from),
            &der::time(from.saturating_add(3650 * DAY)),
        ]),
        &name,
        &key.subject_public_key_info(),
        &der::constructed(
            0xa3,
            &[&der::sequence(&[
                &der::authority_extensions(&key_id).concat()
            ])],
        ),
    ]);
    sign(key, &to_be_signed)
}

fn sign(key: &KeyPair, to_be_signed: &[u8]) -> Result<Vec<u8>, CaError> {
    let signature = key.sign(to_be_signed).map_err(CaError::crypto)?;
    Ok(der::sequence(&[
        to_be_signed,
        signature_algorithm(key)?,
        &der::bit_string(&signature),
    ]))
}

fn signature_algorithm(key: &KeyPair) -> Result<&'static [u8], CaError> {
    let known: [(&rcgen::SignatureAlgorithm, &[u8]); 7] = [
        (
            &rcgen::PKCS_ECDSA_P256_SHA256,
            b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
        ),
        (
            &rcgen::PKCS_ECDSA_P384_SHA384,
            b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03",
        ),
        (
            &rcgen::PKCS_ECDSA_P521_SHA256,
            b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
        ),
        (
            &rcgen::PKCS_ECDSA_P521_SHA384,
            b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03",
        ),
        (
            &rcgen::PKCS_ECDSA_P521_SHA512,
            b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04",
        ),
        (
            &rcgen::PKCS_RSA_SHA256,
            b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00",
        ),
        (&rcgen::PKCS_ED25519, b"\x30\x05\x06\x03\x2b\x65\x70"),
    ];
    let algorithm = key.algorithm();
    known
        .iter()
        .find_map(|(candidate, encoded)| (*candidate == algorithm).then_some(*encoded))
        .ok_or_else(|| CaError::Crypto("unknown kind of key".to_owned()))
}

fn encode_pem(tag: &str, contents: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(tag, contents), config)
}

fn certificate_p12(certificate: &[u8]) -> Result<Vec<u8>, CaError> {
    let certificate = p12::Certificate::from_der(certificate).map_err(CaError::crypto)?;
    write_p12(p12::KeyStoreEntry::Certificate(certificate))
}

fn key_p12(key: &KeyPair, certificate: &[u8]) -> Result<Vec<u8>, CaError> {
    let certificate = p12::Certificate::from_der(certificate).map_err(CaError::crypto)?;
    let key = p12::PrivateKey::from_der(key.serialized_der()).map_err(CaError::crypto)?;
    let chain = p12::PrivateKeyChain::new(NAME.as_bytes(), key, [certificate]);
    write_p12(p12::KeyStoreEntry::PrivateKeyChain(chain))
}

/// Writes one entry with an empty password. The old algorithms protect nothing here, there being
/// no password, and are the ones that every importer of every age can read.
fn write_p12(entry: p12::KeyStoreEntry) -> Result<Vec<u8>, CaError> {
    let mut store = p12::KeyStore::new();
    store.add_entry(NAME, entry);
    store
        .writer("")
        .encryption_algorithm(p12::EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc)
        .encryption_iterations(P12_ITERATIONS)
        .mac_algorithm(p12::MacAlgorithm::HmacSha1)
        .mac_iterations(P12_ITERATIONS)
        .write()
        .map_err(CaError::crypto)
}

/// What OpenSSL writes; more would only slow down opening a file without a password.
const P12_ITERATIONS: u32 = 2048;
