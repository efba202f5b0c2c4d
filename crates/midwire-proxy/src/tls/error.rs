//! What goes wrong in configurations and handshakes, and how it is told.

use std::io;
use std::path::PathBuf;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, PeerIncompatible};

/// Why TLS cannot be set up as the options say.
#[derive(Debug, thiserror::Error)]
pub enum TlsConfigError {
    /// Not the name of a version.
    #[error("'{0}' is no TLS version; possible: UNBOUNDED, SSL3, TLS1, TLS1_1, TLS1_2, TLS1_3")]
    Version(String),
    /// The bounds leave neither TLS 1.2 nor TLS 1.3.
    #[error("no TLS version is left between minimum and maximum; available: TLS1_2, TLS1_3")]
    NoVersionLeft,
    /// No cipher of the string exists here.
    #[error("no cipher of '{asked}' is available; possible: {possible}")]
    Ciphers {
        /// The option's value.
        asked: String,
        /// All TLS 1.2 ciphers by OpenSSL's names.
        possible: String,
    },
    /// Not the name of a curve.
    #[error("Invalid ECDH curve: '{name}'. Valid curves are: {valid}")]
    InvalidCurve {
        /// The option's value.
        name: String,
        /// The names that are known.
        valid: String,
    },
    /// A known curve that rustls does not have.
    #[error("curve '{0}' is not available; possible: secp256r1, secp384r1, x25519")]
    CurveUnavailable(String),
    /// `client_certs` names nothing.
    #[error("Client certificate path does not exist: {}", .0.display())]
    ClientCertMissing(PathBuf),
    /// A file or directory of certificates cannot be used.
    #[error("cannot use {}: {reason}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it, one line.
        reason: String,
    },
    /// rustls refuses the combination.
    #[error("cannot set up TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

/// Why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The peer does not accept the certificate we showed.
    #[error("{0}")]
    PeerRejectedCertificate(&'static str),
    /// No version in common.
    #[error("{0}")]
    VersionMismatch(&'static str),
    /// The peer closed or reset the connection before the handshake was over.
    #[error("connection closed during the TLS handshake")]
    Closed,
    /// The server's certificate does not pass.
    #[error("Certificate verify failed: {0}")]
    Verification(VerifyError),
    /// The peer ended the handshake for another reason.
    #[error("{0}")]
    Alert(&'static str),
    /// The peer broke the protocol, or shares no parameters with us.
    #[error("{0}")]
    Protocol(rustls::Error),
    /// The name cannot be verified, being neither host name nor address.
    #[error("'{0}' is no host name or address for TLS")]
    InvalidName(String),
    /// The transport failed.
    #[error("{0}")]
    Io(io::Error),
    /// The certificate for the server cannot be read.
    #[error(transparent)]
    Config(#[from] TlsConfigError),
}

/// How and what to log about a client whose handshake failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeLog {
    /// `info` for a plain close, which many clients do for their own reasons, else `warn`.
    pub level: tracing::Level,
    /// The whole line.
    pub text: String,
}

/// Alerts about our certificate beside those of [`TlsError::PeerRejectedCertificate`].
const ABOUT_CERTIFICATES: [AlertDescription; 3] = [
    AlertDescription::UnsupportedCertificate,
    AlertDescription::CertificateRevoked,
    AlertDescription::CertificateExpired,
];

impl TlsError {
    /// True if the peer said in an alert that it refuses our certificate. A connection that closes or breaks says nothing.
    pub fn refuses_certificate(&self) -> bool {
        match self {
            Self::PeerRejectedCertificate(_) => true,
            Self::Alert(text) => ABOUT_CERTIFICATES
                .iter()
                .any(|alert| alert_text(*alert) == *text),
            _ => false,
        }
    }

    /// The log line for a client whose handshake failed; `asked` is its SNI, else the address it
    /// wanted. Nothing is to be logged for a client that closes before it sends a byte, which the
    /// caller knows.
    pub fn client_log(&self, asked: &str) -> HandshakeLog {
        let mut level = tracing::Level::WARN;
        let reason = match self {
            Self::PeerRejectedCertificate(alert) => {
                format!("The client does not trust the proxy's certificate for {asked} ({alert})")
            }
            Self::VersionMismatch(_) => "Client and mitmproxy cannot agree on a TLS version to \
                use. TLS 1.2 and 1.3 are available, limited by tls_version_client_min and \
                tls_version_client_max."
                .to_owned(),
            Self::Closed => {
                level = tracing::Level::INFO;
                format!(
                    "The client disconnected during the handshake. If this happens consistently \
                     for {asked}, the client may not trust the proxy's certificate."
                )
            }
            other => {
                format!("The client may not trust the proxy's certificate for {asked} ({other})")
            }
        };
        HandshakeLog {
            level,
            text: format!("Client TLS handshake failed. {reason}"),
        }
    }
}

impl From<io::Error> for TlsError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(inner) = inner {
            return inner.clone().into();
        }
        match error.kind() {
            Kind::UnexpectedEof
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        use AlertDescription as Alert;
        match &error {
            rustls::Error::AlertReceived(alert) => match alert {
                Alert::UnknownCA | Alert::BadCertificate | Alert::CertificateUnknown => {
                    Self::PeerRejectedCertificate(alert_text(*alert))
                }
                Alert::ProtocolVersion => Self::VersionMismatch(alert_text(*alert)),
                other => Self::Alert(alert_text(*other)),
            },
            rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                // Only a hello older than TLS 1.2 comes without this extension.
                | PeerIncompatible::SignatureAlgorithmsExtensionRequired
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::Tls13RequiredForQuic,
            ) => Self::VersionMismatch("unsupported protocol"),
            rustls::Error::InvalidCertificate(reason) => Self::Verification(reason.into()),
            rustls::Error::NoCertificatesPresented => Self::Verification(VerifyError::Missing),
            _ => Self::Protocol(error),
        }
    }
}

/// Why the certificate of a server is refused, in OpenSSL's words where it has some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No chain to a trusted root.
    #[error("unable to get local issuer certificate")]
    UnknownIssuer,
    /// The certificate has signed itself and is no trusted root.
    #[error("self-signed certificate")]
    SelfSigned,
    /// The chain ends in a root that is not trusted.
    #[error("self-signed certificate in certificate chain")]
    SelfSignedInChain,
    /// After its time.
    #[error("certificate has expired")]
    Expired,
    /// Before its time.
    #[error("certificate is not yet valid")]
    NotYetValid,
    /// Made for other names.
    #[error("hostname mismatch, certificate is not valid for '{0}'")]
    HostnameMismatch(String),
    /// Made for other addresses.
    #[error("IP address mismatch, certificate is not valid for '{0}'")]
    AddressMismatch(String),
    /// Not for servers.
    #[error("unsuitable certificate purpose")]
    Purpose,
    /// A signature of the chain is wrong.
    #[error("certificate signature failure")]
    Signature,
    /// No certificate was sent.
    #[error("no peer certificate available")]
    Missing,
    /// Anything else, in the words of rustls.
    #[error("invalid certificate: {0}")]
    Other(String),
}

impl From<&CertificateError> for VerifyError {
    fn from(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            CertificateError::NotValidForNameContext { expected, .. } => {
                let name = expected.to_str().into_owned();
                match expected {
                    ServerName::IpAddress(_) => Self::AddressMismatch(name),
                    _ => Self::HostnameMismatch(name),
                }
            }
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::BadSignature => Self::Signature,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Self::Purpose
            }
            CertificateError::Other(other) => match other.0.downcast_ref::<Self>() {
                Some(ours) => ours.clone(),
                None => Self::Other(other.to_string()),
            },
            other => Self::Other(other.to_string()),
        }
    }
}

/// An alert in OpenSSL's words, which users find when they search for them.
fn alert_text(alert: AlertDescription) -> &'static str {
    use AlertDescription as Alert;
    match alert {
        Alert::CloseNotify => "close notify",
        Alert::UnexpectedMessage => "ssl/tls alert unexpected message",
        Alert::BadRecordMac => "ssl/tls alert bad record mac",
        Alert::RecordOverflow => "tlsv1 alert record overflow",
        Alert::HandshakeFailure => "ssl/tls alert handshake failure",
        Alert::BadCertificate => "ssl/tls alert bad certificate",
        Alert::UnsupportedCertificate => "ssl/tls alert unsupported certificate",
        Alert::CertificateRevoked => "ssl/tls alert certificate revoked",
        Alert::CertificateExpired => "ssl/tls alert certificate expired",
        Alert::CertificateUnknown => "ssl/tls alert certificate unknown",
        Alert::IllegalParameter => "ssl/tls alert illegal parameter",
        Alert::UnknownCA => "tlsv1 alert unknown ca",
        Alert::AccessDenied => "tlsv1 alert access denied",
        Alert::DecodeError => "tlsv1 alert decode error",
        Alert::DecryptError => "tlsv1 alert decrypt error",
        Alert::ProtocolVersion => "tlsv1 alert protocol version",
        Alert::InsufficientSecurity => "tlsv1 alert insufficient security",
        Alert::InternalError => "tlsv1 alert internal error",
        Alert::UserCanceled => "tlsv1 alert user cancelled",
        Alert::MissingExtension => "tlsv13 alert missing extension",
        Alert::UnsupportedExtension => "tlsv1 unsupported extension",
        Alert::UnrecognisedName => "tlsv1 unrecognized name",
        Alert::UnknownPSKIdentity => "tlsv1 alert unknown psk identity",
        Alert::CertificateRequired => "tlsv13 alert certificate required",
        Alert::NoApplicationProtocol => "tlsv1 alert no application protocol",
        _ => "tls alert of an unknown kind",
    }
}
