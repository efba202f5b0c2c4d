//! Password files of the Apache web server: bcrypt, SHA-1 and Apache's MD5 entries.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::{Digest as _, Sha1};
use tokio::sync::Semaphore;

use super::basic::Credentials;
use super::validator::same;

/// Largest password file that is read, in bytes.
const FILE_MAX: u64 = 16 * 1024 * 1024;
/// Passwords that are checked at a time: bcrypt is slow on purpose and must not take all processors.
static CHECKS: LazyLock<Semaphore> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Semaphore::new(processors.div_ceil(2))
});

/// Users with their hashed passwords.
#[derive(Debug)]
pub(super) struct Htpasswd {
    users: Arc<HashMap<String, Hash>>,
    /// Passwords that were right once, so that each is hashed only once. At most one per user.
    checked: Mutex<HashMap<String, Secret>>,
}

/// A password that no log shows.
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// A hashed password.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Hash {
    /// `$2y$…`
    Bcrypt(String),
    /// `{SHA}…`, decoded.
    Sha1(Vec<u8>),
    /// `$apr1$SALT$HASH`
    Apr1 { salt: String, hash: String },
}

/// Why a file is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum HtpasswdError {
    /// It cannot be read.
    #[error("Could not open htpasswd file: {0}")]
    Open(String),
    /// A line is no entry.
    #[error("Invalid htpasswd entry in line {0}: there is no colon")]
    NoColon(usize),
    /// A hash is of an unknown kind; it is not repeated here.
    #[error("Unsupported htpasswd entry for user {0:?}: only bcrypt, {{SHA}} and $apr1$ are")]
    Unsupported(String),
}

impl Htpasswd {
    /// Reads a file; `~` stands for the home directory.
    pub(super) fn load(path: &str) -> Result<Self, HtpasswdError> {
        let open = || HtpasswdError::Open(path.to_owned());
        let full = match (path.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        };
        let size = std::fs::metadata(&full).map_err(|_| open())?.len();
        if size > FILE_MAX {
            return Err(open());
        }
        let text = std::fs::read_to_string(&full).map_err(|_| open())?;
        Self::parse(&text)
    }

    /// Reads the text of a file.
    pub(super) fn parse(text: &str) -> Result<Self, HtpasswdError> {
        let mut users = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (user, hash) = line
                .split_once(':')
                .ok_or(HtpasswdError::NoColon(number + 1))?;
            let hash =
                Hash::parse(hash).ok_or_else(|| HtpasswdError::Unsupported(user.to_owned()))?;
            users.insert(user.to_owned(), hash);
        }
        Ok(Self {
            users: Arc::new(users),
            checked: Mutex::default(),
        })
    }

    /// True if the file has this user with this password.
    ///
    /// # Cancellation
    /// Safe.
    pub(super) async fn accepts(&self, given: &Credentials) -> bool {
        if self.was_right(given) {
            return true;
        }
        let Ok(permit) = CHECKS.acquire().await else {
            return false;
        };
        let (users, asked) = (Arc::clone(&self.users), given.clone());
        let check = tokio::task::spawn_blocking(move || {
            let found = users.get(&asked.user);
            // Unknown users take as long as known ones.
            let hash = found.or_else(|| users.values().next());
            let right = hash.is_some_and(|hash| hash.is_of(&asked.password));
            right && found.is_some()
        });
        let right = check.await.unwrap_or(false);
        drop(permit);
        if right {
            let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
            checked.insert(given.user.clone(), Secret(given.password.clone()));
        }
        right
    }

    fn was_right(&self, given: &Credentials) -> bool {
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        checked
            .get(&given.user)
            .is_some_and(|secret| same(&secret.0, &given.password))
    }
}

impl Hash {
    fn parse(text: &str) -> Option<Self> {
        if ["$2y$", "$2b$", "$2a$"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            return Some(Self::Bcrypt(text.to_owned()));
        }
        if let Some(encoded) = text.strip_prefix("{SHA}") {
            return STANDARD.decode(encoded).ok().map(Self::Sha1);
        }
        let (salt, hash) = text.strip_prefix("$apr1$")?.split_once('$')?;
        Some(Self::Apr1 {
            salt: salt.to_owned(),
            hash: hash.to_owned(),
        })
    }

    /// True if this is the hash of the password. Takes long with bcrypt.
    fn is_of(&self, password: &str) -> bool {
        match self {
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::Sha1(hash) => same(Sha1::digest(password.as_bytes()), hash),
            Self::Apr1 { salt, hash } => same(apr1(password.as_bytes(), salt.as_bytes()), hash),
        }
    }
}

/// Apache's MD5 password hash: the digest is fed to itself a thousand times, with password and salt mixed in
/// (`passwords/passwd_md5` of the Apache documentation).
fn apr1(password: &[u8], salt: &[u8]) -> String {
    const MAGIC: &[u8] = b"$apr1$";
    let salt = salt.get(..8).unwrap_or(salt);
    let inner = Md5::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize();
    let mut first = Md5::new()
        .chain_update(password)
        .chain_update(MAGIC)
        .chain_update(salt);
    for byte in inner.iter().cycle().take(password.len()) {
        first.update([*byte]);
    }
    let mut bits = password.len();
    while bits > 0 {
        let byte = match bits & 1 {
            1 => 0,
            _ => password.first().copied().unwrap_or(0),
        };
        first.update([byte]);
        bits >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        let odd = round % 2 == 1;
        if odd {
            next.update(password);
        } else {
            next.update(digest);
        }
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        if odd {
            next.update(digest);
        } else {
            next.update(password);
        }
        digest = next.finalize();
    }
    letters(&digest)
}

/// The digest in the letters and the order of bytes that crypt uses.
fn letters(digest: &[u8]) -> String {
    const LETTERS: &[u8] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const ORDER: [&[usize]; 6] = [
        &[0, 6, 12],
        &[1, 7, 13],
        &[2, 8, 14],
        &[3, 9, 15],
        &[4, 10, 5],
        &[11],
    ];
    let mut text = String::new();
    for group in ORDER {
        let mut value = group.iter().fold(0_usize, |value, at| {
            (value << 8) | usize::from(digest.get(*at).copied().unwrap_or(0))
        });
        let count = if group.len() == 1 { 2 } else { 4 };
        for _ in 0..count {
            text.push(char::from(
                LETTERS.get(value & 0x3f).copied().unwrap_or(b'.'),
            ));
            value >>= 6;
        }
    }
    text
}
