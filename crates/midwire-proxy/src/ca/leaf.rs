//! Minting and keeping one certificate per set of names.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SigningKey};

use super::authority::{DAY, random_serial, unix_now};
use super::{Authority, CaError, CustomCerts, LeafNames, San, UpstreamNames, Wanted, der};

/// A certificate to show to clients, with the key and the chain that go with it.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Certificate, chain and key in the form that rustls takes.
    pub certified: Arc<CertifiedKey>,
    /// The certificate itself, DER.
    pub cert_der: Bytes,
    /// What is sent after it, DER.
    pub chain: Vec<Bytes>,
    /// Seconds since 1970 after which another one has to be made.
    fresh_until: i64,
}

impl Leaf {
    pub(super) fn new(cert_der: Bytes, chain: Vec<Bytes>, key: Arc<dyn SigningKey>) -> Self {
        let certificates = std::iter::once(&cert_der)
            .chain(&chain)
            .map(|der| CertificateDer::from(der.to_vec()))
            .collect();
        let certified = Arc::new(CertifiedKey::new(certificates, key));
        Self {
            certified,
            cert_der,
            chain,
            fresh_until: i64::MAX,
        }
    }

    /// The same certificate with more certificates behind it
    /// (`add_upstream_certs_to_client_chain`).
    #[must_use]
    pub fn with_extra_chain(&self, extra: &[Bytes]) -> Self {
        let chain = [self.chain.as_slice(), extra].concat();
        let leaf = Self::new(
            self.cert_der.clone(),
            chain,
            Arc::clone(&self.certified.key),
        );
        Self {
            fresh_until: self.fresh_until,
            ..leaf
        }
    }
}

/// Hands out certificates: the user's where one fits, else minted ones. Clones share everything.
///
/// At most [`LeafStore::CAPACITY`] minted certificates are kept, the oldest goes first. Asking
/// twice at once for the same names mints once; the second caller blocks for that moment
/// (25 µs under an ECDSA authority, 300 µs under an RSA one).
#[derive(Clone)]
pub struct LeafStore {
    inner: Arc<Inner>,
}

struct Inner {
    authority: Authority,
    custom: CustomCerts,
    key: KeyPair,
    signing_key: Arc<dyn SigningKey>,
    cache: Mutex<Cache>,
}

/// One place per set of names; the lock of a place is held while its certificate is made.
type Place = Arc<Mutex<Option<Arc<Leaf>>>>;

#[derive(Default)]
struct Cache {
    places: HashMap<Arc<LeafNames>, Place>,
    oldest_first: VecDeque<Arc<LeafNames>>,
}

impl LeafStore {
    /// Minted certificates that are kept.
    pub const CAPACITY: usize = 1000;

    /// Makes the one key that all minted certificates of this process share.
    pub fn new(authority: Authority, custom: CustomCerts) -> Result<Self, CaError> {
        let key = KeyPair::generate().map_err(CaError::crypto)?;
        let der = PrivatePkcs8KeyDer::from(key.serialize_der());
        let signing_key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der.into())
            .map_err(CaError::crypto)?;
        let cache = Mutex::default();
        Ok(Self {
            inner: Arc::new(Inner {
                authority,
                custom,
                key,
                signing_key,
                cache,
            }),
        })
    }

    /// The authority behind the minted certificates.
    pub fn authority(&self) -> &Authority {
        &self.inner.authority
    }

    /// The names for a connection: those of the server's certificate (pass `None` when
    /// `upstream_cert` is off), then the SNI or the local address, then the target. Names that
    /// are no valid host names or addresses are left out; all of them may be.
    pub fn names_for(&self, upstream: Option<&UpstreamNames>, wanted: &Wanted<'_>) -> LeafNames {
        LeafNames::merge(upstream, wanted, &self.inner.authority.crl_path())
    }

    /// The certificate for these names, the same one for the same names.
    pub fn leaf(&self, names: &LeafNames) -> Result<Arc<Leaf>, CaError> {
        if let Some(leaf) = self.inner.custom.find(&names.sans) {
            return Ok(leaf);
        }
        check(names)?;
        let place = lock(&self.inner.cache).place(names);
        let mut place = lock(&place);
        if let Some(leaf) = place.as_ref().filter(|leaf| unix_now() < leaf.fresh_until) {
            return Ok(Arc::clone(leaf));
        }
        let leaf = Arc::new(self.inner.mint(names)?);
        *place = Some(Arc::clone(&leaf));
        Ok(leaf)
    }

    #[cfg(test)]
    pub(super) fn cached(&self) -> usize {
        lock(&self.inner.cache).places.len()
    }
}

impl Cache {
    fn place(&mut self, names: &LeafNames) -> Place {
        if let Some(place) = self.places.get(names) {
            return Arc::clone(place);
        }
        while self.places.len() >= LeafStore::CAPACITY {
            let Some(oldest) = self.oldest_first.pop_front() else {
                break;
            };
            self.places.remove(&oldest);
        }
        let names = Arc::new(names.clone());
        let place = Place::default();
        self.places.insert(Arc::clone(&names), Arc::clone(&place));
        self.oldest_first.push_back(names);
        place
    }
}

impl Inner {
    fn mint(&self, names: &LeafNames) -> Result<Leaf, CaError> {
        let authority = &self.authority;
        let now = unix_now();
        let not_after = now.saturating_add(AHEAD_DAYS * DAY);
        let common_name = names
            .sans
            .first()
            .map(ToString::to_string)
            .filter(|name| name.len() < MAX_COMMON_NAME);
        let mut subject = Vec::new();
        if let Some(name) = &common_name {
            subject.push((der::oid::COMMON_NAME, name.as_str()));
        }
        if let Some(organization) = &names.organization {
            subject.push((der::oid::ORGANIZATION, organization.as_str()));
        }
        let to_be_signed = der::sequence(&[
            &der::constructed(0xa0, &[&der::positive_integer(&[2])]),
            &der::positive_integer(&random_serial()?),
            authority.signature_algorithm()?,
            authority.subject(),
            &der::sequence(&[
                &der::time(now.saturating_sub(BACK_DAYS * DAY)),
                &der::time(not_after),
            ]),
            &der::distinguished_name(&subject),
            &self.key.subject_public_key_info(),
            &der::constructed(0xa3, &[&self.extensions(names, common_name.is_some())]),
        ]);
        let cert_der = Bytes::from(authority.sign(&to_be_signed)?);
        let chain = authority.chain().to_vec();
        let leaf = Leaf::new(cert_der, chain, Arc::clone(&self.signing_key));
        Ok(Leaf {
            fresh_until: not_after.saturating_sub(DAY),
            ..leaf
        })
    }

    fn extensions(&self, names: &LeafNames, has_common_name: bool) -> Vec<u8> {
        let sans: Vec<u8> = names
            .sans
            .iter()
            .flat_map(|san| match san {
                San::Dns(name) => der::dns_name(name),
                San::Ip(address) => der::ip_address(*address),
            })
            .collect();
        // RFC 5280 §4.2.1.6: critical when the subject says nothing about the name.
        let critical = if has_common_name {
            der::Critical::No
        } else {
            der::Critical::Yes
        };
        let mut extensions = vec![
            der::extended_key_usage_server(),
            der::extension(
                der::oid::SUBJECT_ALT_NAME,
                critical,
                &der::sequence(&[&sans]),
            ),
        ];
        if let Some(key_id) = self.authority.key_id() {
            extensions.push(der::authority_key_id(key_id));
        }
        if let Some(url) = &names.crl_url {
            extensions.push(der::crl_distribution_point(url));
        }
        der::sequence(&[&extensions.concat()])
    }
}

/// Certificates become valid so long before they are made, for clients whose clocks are slow.
const BACK_DAYS: i64 = 2;
/// With the days before 199 in all, below the 200 that browsers allow.
const AHEAD_DAYS: i64 = 197;
/// RFC 5280 allows 64 characters; mitmproxy stays below.
const MAX_COMMON_NAME: usize = 64;

/// [`LeafNames`] has public fields; nothing hostile may get through by that way either.
fn check(names: &LeafNames) -> Result<(), CaError> {
    let is_valid = |san: &San| match san {
        San::Ip(_) => true,
        San::Dns(name) => super::host_name(name.strip_prefix("*.").unwrap_or(name))
            .as_ref()
            .is_some_and(|host| host == name || name.strip_prefix("*.") == Some(host)),
    };
    let url_is_plain = names
        .crl_url
        .iter()
        .all(|url| url.bytes().all(|byte| byte.is_ascii_graphic()));
    let text_is_plain = names
        .organization
        .iter()
        .all(|text| !text.chars().any(char::is_control));
    let valid = !names.sans.is_empty() && names.sans.iter().all(is_valid);
    if valid && url_is_plain && text_is_plain {
        Ok(())
    } else {
        Err(CaError::NoName)
    }
}

/// A panic of another holder leaves nothing half done behind these locks.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
