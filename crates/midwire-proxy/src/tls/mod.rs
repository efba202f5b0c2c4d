//! TLS towards clients ([`ServerSide`]) and towards servers ([`ClientSide`]).
//!
//! Both sides share the option types ([`VersionRange`], [`Ciphers`], [`Curve`]), the key log and
//! the facts that flows record ([`TlsFacts`]). The provider is always aws-lc-rs, passed
//! explicitly. TLS 1.0 and 1.1, static RSA, DHE, CBC and 3DES do not exist in rustls; options that
//! ask for nothing else are refused with the list of what is possible.

mod client;
mod client_certs;
mod error;
mod facts;
mod key_log;
mod options;
mod refusals;
mod roots;
mod server;
mod verify;

pub use client::{ClientSide, Target, UpstreamTls};
pub use error::{HandshakeLog, TlsConfigError, TlsError, VerifyError};
pub use facts::TlsFacts;
pub use key_log::KeyLogFile;
pub use options::{Ciphers, Curve, TlsVersion, VersionRange};
pub(crate) use refusals::{AfterRefusal, Refusals};
pub use roots::{Roots, Verify};
pub use server::{DownstreamTls, ServerParameters, ServerSide};

/// What a TLS connection runs over.
pub trait Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send> Io for T {}

#[cfg(test)]
mod tests;
