//! The three ways of looking at a peer's certificate: as a browser does, not at all, and (for
//! clients) only at the proof that it is the peer's.

use std::collections::HashSet;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

use super::VerifyError;

/// Full verification: chain, dates, purpose, key usage and name.
#[derive(Debug)]
pub(super) struct Browserlike {
    chain: Arc<WebPkiServerVerifier>,
    /// Certificates that are trusted as such, even without being an authority.
    trusted: HashSet<Vec<u8>>,
}

impl Browserlike {
    /// `pinned` are the certificates among the roots that may also be shown by a server itself.
    pub(super) fn new(
        roots: RootCertStore,
        pinned: HashSet<Vec<u8>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let chain =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .build()
                .map_err(|error| error.to_string())?;
        Ok(Self {
            chain,
            trusted: pinned,
        })
    }

    /// A server that shows exactly a trusted certificate, as development servers do: OpenSSL
    /// takes it, webpki wants an issuer above it. Dates, purpose and name still count.
    fn verify_trusted(
        &self,
        end_entity: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<Result<ServerCertVerified, Error>> {
        if !self.trusted.contains(end_entity.as_ref()) {
            return None;
        }
        let (_, parsed) = X509Certificate::from_der(end_entity).ok()?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let usable = match parsed.extended_key_usage() {
            Ok(Some(usage)) => usage.value.server_auth || usage.value.any,
            Ok(None) => true,
            Err(_) => false,
        };
        let verdict = if parsed.validity().not_after.timestamp() < now {
            Err(CertificateError::Expired.into())
        } else if parsed.validity().not_before.timestamp() > now {
            Err(CertificateError::NotValidYet.into())
        } else if usable {
            ParsedCertificate::try_from(end_entity)
                .and_then(|certificate| rustls::client::verify_server_name(&certificate, name))
                .map(|()| ServerCertVerified::assertion())
        } else {
            Err(CertificateError::InvalidPurpose.into())
        };
        Some(verdict)
    }
}

impl ServerCertVerifier for Browserlike {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(verdict) = self.verify_trusted(end_entity, name, now) {
            return verdict;
        }
        // webpki does not look at key usage: an intermediate that may not sign certificates is
        // taken out of the chain, an end entity must be allowed to sign the key exchange.
        let intermediates: Vec<CertificateDer<'_>> = intermediates
            .iter()
            .filter(|der| allows(der, KeyUse::SignCertificates))
            .cloned()
            .collect();
        self.chain
            .verify_server_cert(end_entity, &intermediates, name, ocsp_response, now)
            .map_err(|error| match &error {
                // A wrong signature means that the name of the issuer fits and its key does not.
                Error::InvalidCertificate(
                    CertificateError::UnknownIssuer | CertificateError::BadSignature,
                ) => unknown_issuer(end_entity, &intermediates),
                // An authority that shows itself.
                Error::InvalidCertificate(CertificateError::Other(_))
                    if is_self_issued(end_entity) =>
                {
                    unknown_issuer(end_entity, &intermediates)
                }
                _ => error,
            })
            .and_then(|verified| {
                if allows(end_entity, KeyUse::SignHandshakes) {
                    Ok(verified)
                } else {
                    Err(CertificateError::InvalidPurpose.into())
                }
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

#[derive(Clone, Copy)]
enum KeyUse {
    SignCertificates,
    SignHandshakes,
}

/// Whether the key usage extension, if there is one, allows a use (RFC 5280 §4.2.1.3).
fn allows(certificate: &[u8], wanted: KeyUse) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    parsed
        .extensions()
        .iter()
        .all(|extension| match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => match wanted {
                KeyUse::SignCertificates => usage.key_cert_sign(),
                KeyUse::SignHandshakes => usage.digital_signature(),
            },
            _ => true,
        })
}

fn is_self_issued(certificate: &[u8]) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, parsed)| parsed.issuer().as_raw() == parsed.subject().as_raw())
}

/// Finds the words of OpenSSL for a chain that leads nowhere.
fn unknown_issuer(end_entity: &[u8], intermediates: &[CertificateDer<'_>]) -> Error {
    let reason = if is_self_issued(end_entity) {
        VerifyError::SelfSigned
    } else if intermediates.iter().any(|der| is_self_issued(der)) {
        VerifyError::SelfSignedInChain
    } else {
        return CertificateError::UnknownIssuer.into();
    };
    CertificateError::Other(OtherError(Arc::new(reason))).into()
}

/// `ssl_insecure`: any certificate, however broken, and any signature.
#[derive(Debug)]
pub(super) struct Insecure;

impl ServerCertVerifier for Insecure {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::ED25519,
            SignatureScheme::ED448,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::ECDSA_SHA1_Legacy,
            SignatureScheme::RSA_PKCS1_SHA1,
        ]
    }
}

/// `request_client_cert`: asks, takes any certificate or none. The client must still prove that
/// the certificate is its own, as far as the certificate can be read.
#[derive(Debug)]
pub(super) struct AnyClient {
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyClient {
    pub(super) fn new(provider: &CryptoProvider) -> Self {
        Self {
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        refuse_forgeries(verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.algorithms,
        ))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        refuse_forgeries(verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.algorithms,
        ))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn refuse_forgeries(
    verdict: Result<HandshakeSignatureValid, Error>,
) -> Result<HandshakeSignatureValid, Error> {
    match verdict {
        Err(Error::InvalidCertificate(CertificateError::BadSignature)) => verdict,
        _ => Ok(HandshakeSignatureValid::assertion()),
    }
}
