//! The forms of the option `proxyauth`.

use midwire_core::options::Options;

use super::basic::Credentials;
use super::htpasswd::{Htpasswd, HtpasswdError};
#[cfg(feature = "ldap")]
use super::ldap::{Directory, LdapSpecError};

/// Decides whose credentials are good.
#[derive(Debug)]
pub(super) enum Validator {
    /// Everybody's.
    Any,
    /// Those of one user.
    Single(Credentials),
    /// Those of the users in a file.
    File(Htpasswd),
    /// Those that a directory knows.
    #[cfg(feature = "ldap")]
    Directory(Box<Directory>),
}

/// Why the option is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpecError {
    /// `user:password` with a colon too many.
    #[error("Invalid single-user auth specification.")]
    Single,
    /// No known form.
    #[error("Invalid proxyauth specification.")]
    Unknown,
    /// LDAP.
    #[cfg(feature = "ldap")]
    #[error(transparent)]
    Ldap(#[from] LdapSpecError),
    /// LDAP in a build without it.
    #[cfg(not(feature = "ldap"))]
    #[error("proxyauth with LDAP is not part of this build: use any, user:pass or @htpasswd")]
    Ldap,
    /// The file.
    #[error(transparent)]
    File(#[from] HtpasswdError),
}

impl Validator {
    /// Reads the option.
    pub(super) fn parse(spec: &str, options: &Options) -> Result<Self, SpecError> {
        if spec == "any" {
            return Ok(Self::Any);
        }
        if let Some(path) = spec.strip_prefix('@') {
            return Ok(Self::File(Htpasswd::load(path)?));
        }
        if spec.starts_with("ldap:") || spec.starts_with("ldaps:") {
            #[cfg(feature = "ldap")]
            return Ok(Self::Directory(Box::new(Directory::new(spec, options)?)));
            #[cfg(not(feature = "ldap"))]
            {
                let _ = options;
                return Err(SpecError::Ldap);
            }
        }
        let (user, password) = spec.split_once(':').ok_or(SpecError::Unknown)?;
        if password.contains(':') {
            return Err(SpecError::Single);
        }
        Ok(Self::Single(Credentials {
            user: user.to_owned(),
            password: password.to_owned(),
        }))
    }

    /// True if the credentials are good.
    ///
    /// # Cancellation
    /// Safe.
    pub(super) async fn accepts(&self, given: &Credentials) -> bool {
        match self {
            Self::Any => true,
            Self::Single(right) => {
                let user = same(&right.user, &given.user);
                let password = same(&right.password, &given.password);
                user & password
            }
            Self::File(file) => file.accepts(given).await,
            #[cfg(feature = "ldap")]
            Self::Directory(directory) => directory.accepts(given).await,
        }
    }
}

/// Compares secrets in a time that does not tell where they differ.
pub(super) fn same(one: impl AsRef<[u8]>, other: impl AsRef<[u8]>) -> bool {
    let (one, other) = (one.as_ref(), other.as_ref());
    if one.len() != other.len() {
        return false;
    }
    let differences = one.iter().zip(other).fold(0, |differences, (a, b)| {
        std::hint::black_box(differences | (a ^ b))
    });
    differences == 0
}
