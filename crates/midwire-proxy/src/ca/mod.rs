//! The certificate authority: its files, the certificates it makes for intercepted names, and
//! certificates that the user brings along.
//!
//! An [`Authority`] is loaded from, or created in, the configuration directory once. A
//! [`LeafStore`] mints and caches one certificate per set of names on top of it; [`CustomCerts`]
//! holds the entries of the option `certs`, which go before minted ones.

mod authority;
mod custom;
mod der;
mod files;
mod leaf;
mod names;
mod pem;

use std::path::{Path, PathBuf};

pub use authority::{Authority, CaWarning, KeyKind};
pub(crate) use custom::expand_home;
pub use custom::{CustomCertError, CustomCerts};
pub use leaf::{Leaf, LeafStore};
pub use names::{LeafNames, San, UpstreamNames, Wanted, host_name};
pub(crate) use pem::{KeyError, PemFile};

/// Why the authority or one of its certificates is not available.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// The existing authority file cannot be used; it is left as it is.
    #[error("cannot read CA file {}: {reason}", path.display())]
    Unreadable {
        /// The file in the configuration directory.
        path: PathBuf,
        /// What is wrong with it, one line.
        reason: String,
    },
    /// A file of a new authority could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// The file or directory that was to be made.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// `key_size` names a size for which no key can be made.
    #[error("cannot make an RSA key of {0} bits; possible: 2048, 3072, 4096")]
    KeySize(u32),
    /// The cryptographic library failed; nothing a user or peer does leads here.
    #[error("cannot make a key or signature: {0}")]
    Crypto(String),
    /// No valid name or address was asked for, so no certificate can be made.
    #[error("no valid host name or address to make a certificate for")]
    NoName,
}

impl CaError {
    fn unreadable(path: &Path, reason: &dyn std::fmt::Display) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    fn unwritable(path: &Path, source: std::io::Error) -> Self {
        Self::Unwritable {
            path: path.to_owned(),
            source,
        }
    }

    // Takes the error by value to be usable as `map_err(CaError::crypto)`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "used as a function for `map_err`"
    )]
    fn crypto(error: impl ToString) -> Self {
        Self::Crypto(error.to_string())
    }
}

#[cfg(test)]
mod tests;
