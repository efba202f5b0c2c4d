//! Trust stores of this machine: look whether our authority is in them, put it in, take exactly that out again.
//!
//! Everything is idempotent: what is there already is not put in again, what is not there is not taken out.

mod java;
mod nss;
mod system;
mod tool;

use std::path::PathBuf;

use crate::certificate::Certificate;

pub use tool::StoreError;

/// A kind of trust store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The store of the system, which OpenSSL, curl, Go and most programs use.
    System,
    /// Databases of Firefox and, on Linux, Chromium.
    Nss,
    /// The store of the Java installation in use.
    Java,
}

impl Target {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::System, Self::Nss, Self::Java];

    /// The target of a name as users type it.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    /// The name as users type it.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Nss => "nss",
            Self::Java => "java",
        }
    }

    /// Whether the authority is trusted, for each store of this kind. Blocks; starts programs of the system.
    ///
    /// # Errors
    /// The stores cannot be looked at; the error says what is missing.
    pub fn status(self, authority: &Certificate) -> Result<Vec<Entry>, StoreError> {
        match self {
            Self::System => system::status(authority),
            Self::Nss => nss::status(authority),
            Self::Java => java::status(authority),
        }
    }

    /// Puts the authority into all stores of this kind; gives what was changed. Blocks; starts programs of the system.
    ///
    /// # Errors
    /// A store cannot be changed. What was changed before that stays.
    pub fn install(self, authority: &Certificate) -> Result<Vec<Change>, StoreError> {
        match self {
            Self::System => system::install(authority),
            Self::Nss => nss::install(authority),
            Self::Java => java::install(authority),
        }
    }

    /// Takes the authority out of all stores of this kind; gives what was changed. Blocks; starts programs of the system.
    ///
    /// # Errors
    /// A store cannot be changed. What was changed before that stays.
    pub fn uninstall(self, authority: &Certificate) -> Result<Vec<Change>, StoreError> {
        match self {
            Self::System => system::uninstall(authority),
            Self::Nss => nss::uninstall(authority),
            Self::Java => java::uninstall(authority),
        }
    }
}

/// One store and whether the authority is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The file or folder of the store.
    pub store: PathBuf,
    /// True if programs that use this store trust the authority.
    pub trusted: bool,
}

/// One thing that was changed, as a line for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change(pub String);
