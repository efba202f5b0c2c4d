//! Who may use the interface: one token, and a cookie for browsers that showed it (security.md §8).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use argon2::password_hash::PasswordHash;
use argon2::{Argon2, PasswordVerifier as _};
use sha2::{Digest as _, Sha256};

/// Wrong tokens that are looked at in a second; further ones are refused unseen.
const WRONG_TRIES: u32 = 10;

/// How long a login lasts.
const COOKIE_AGE: Duration = Duration::from_hours(400 * 24);

/// A token longer than this is none of ours.
const LONGEST_TOKEN: usize = 4096;

/// The keeper of the token.
pub(crate) struct Auth {
    secret: ArcSwap<Secret>,
    /// Signs cookies; made at each start.
    key: [u8; 32],
    cookie: String,
    tries: Mutex<Tries>,
    /// The token that was made because there is no password.
    made: String,
}

/// What tokens are compared with.
enum Secret {
    /// The digest of the token.
    Plain([u8; 32]),
    /// A hash in PHC notation, and the digest of a token that was found to fit it.
    Argon2(String, Mutex<Option<[u8; 32]>>),
}

struct Tries {
    since: Instant,
    wrong: u32,
}

/// What came of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    Wrong,
    /// Too many wrong ones came before.
    NotLookedAt,
}

/// Why `web_password` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    #[error("`web_password` looks like an argon2 hash but is none: {0}")]
    Hash(String),
    #[error("the system gives no random numbers: {0}")]
    Random(String),
}

impl Auth {
    /// Takes the password of the options, or makes a token. `port` distinguishes the cookies of several programs.
    pub(crate) fn new(password: &str, port: u16) -> Result<Self, PasswordError> {
        let mut key = [0; 32];
        let mut token = [0; 16];
        for bytes in [&mut key[..], &mut token[..]] {
            getrandom::fill(bytes).map_err(|error| PasswordError::Random(error.to_string()))?;
        }
        let made = hex(&token);
        let secret = Secret::new(password, &made)?;
        Ok(Self {
            secret: ArcSwap::from_pointee(secret),
            key,
            cookie: format!("mitmproxy-auth-{port}"),
            tries: Mutex::new(Tries {
                since: Instant::now(),
                wrong: 0,
            }),
            made,
        })
    }

    /// Takes another password from now on. Cookies that were given stay good.
    pub(crate) fn change(&self, password: &str) -> Result<(), PasswordError> {
        self.secret
            .store(Arc::new(Secret::new(password, &self.made)?));
        Ok(())
    }

    /// The token that was made at the start.
    pub(crate) fn made_token(&self) -> &str {
        &self.made
    }

    /// Name of the login cookie.
    pub(crate) fn cookie_name(&self) -> &str {
        &self.cookie
    }

    /// Compares a token. A hash takes its time: call it where that may be.
    pub(crate) fn try_token(&self, token: &str) -> Verdict {
        if self.is_shut() {
            return Verdict::NotLookedAt;
        }
        if token.len() <= LONGEST_TOKEN && self.secret.load().fits(token) {
            return Verdict::Right;
        }
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.wrong += 1;
        Verdict::Wrong
    }

    fn is_shut(&self) -> bool {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.since.elapsed() >= Duration::from_secs(1) {
            tries.since = Instant::now();
            tries.wrong = 0;
        }
        tries.wrong >= WRONG_TRIES
    }

    /// The field that gives a browser its login.
    pub(crate) fn set_cookie(&self) -> String {
        let until = now() + COOKIE_AGE.as_secs();
        format!(
            "{}={}; Max-Age={}; Path=/; HttpOnly; SameSite=Strict",
            self.cookie,
            self.sign(until),
            COOKIE_AGE.as_secs()
        )
    }

    /// True for the value of a login cookie that was given since the start and has not expired.
    pub(crate) fn accepts_cookie(&self, value: &str) -> bool {
        let Some((until, _)) = value
            .strip_prefix("y.")
            .and_then(|rest| rest.split_once('.'))
        else {
            return false;
        };
        let Ok(until) = until.parse::<u64>() else {
            return false;
        };
        equal(value.as_bytes(), self.sign(until).as_bytes()) && until > now()
    }

    fn sign(&self, until: u64) -> String {
        let said = format!("y.{until}");
        let mac = hmac(&self.key, format!("{}={said}", self.cookie).as_bytes());
        format!("{said}.{}", hex(&mac))
    }
}

impl Secret {
    fn new(password: &str, made: &str) -> Result<Self, PasswordError> {
        if password.starts_with('$') {
            let hash = PasswordHash::new(password)
                .map_err(|error| PasswordError::Hash(error.to_string()))?;
            if !hash.algorithm.as_str().starts_with("argon2") || hash.hash.is_none() {
                return Err(PasswordError::Hash("another algorithm".to_owned()));
            }
            return Ok(Self::Argon2(password.to_owned(), Mutex::default()));
        }
        let token = if password.is_empty() { made } else { password };
        Ok(Self::Plain(digest(token)))
    }

    /// Digests are compared, so neither length nor content of the token shows in the time.
    fn fits(&self, token: &str) -> bool {
        let given = digest(token);
        match self {
            Self::Plain(wanted) => equal(wanted, &given),
            Self::Argon2(hash, known) => {
                let lock = || known.lock().unwrap_or_else(PoisonError::into_inner);
                if lock().is_some_and(|known| equal(&known, &given)) {
                    return true;
                }
                let fits = PasswordHash::new(hash).is_ok_and(|hash| {
                    Argon2::default()
                        .verify_password(token.as_bytes(), &hash)
                        .is_ok()
                });
                if fits {
                    *lock() = Some(given);
                }
                fits
            }
        }
    }
}

/// Compares without stopping at the first difference.
fn equal(one: &[u8], other: &[u8]) -> bool {
    let mut difference = u8::from(one.len() != other.len());
    for (a, b) in one.iter().zip(other) {
        difference |= a ^ b;
    }
    std::hint::black_box(difference) == 0
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// HMAC with SHA-256 (RFC 2104) for keys of at most one block.
fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let padded = |with: u8| {
        let mut block = [with; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_compared_by_what_the_option_says() {
        let auth = Auth::new("", 1).unwrap();
        assert_eq!(auth.made_token().len(), 32);
        assert_eq!(auth.try_token(auth.made_token()), Verdict::Right);
        assert_eq!(auth.try_token(""), Verdict::Wrong);
        let auth = Auth::new("secret", 1).unwrap();
        assert_eq!(auth.try_token("secret"), Verdict::Right);
        assert_eq!(auth.try_token(auth.made_token()), Verdict::Wrong);
        assert_ne!(
            auth.made_token(),
            Auth::new("", 1).unwrap().made_token(),
            "made anew at each start"
        );
    }

    #[test]
    fn argon2_hashes_are_understood() {
        use argon2::password_hash::{PasswordHasher as _, SaltString};
        let params = argon2::Params::new(64, 1, 1, None).unwrap();
        let hasher = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let salt = SaltString::from_b64("c29tZXNhbHQ").unwrap();
        let hash = hasher.hash_password(b"hunter2", &salt).unwrap().to_string();
        let auth = Auth::new(&hash, 1).unwrap();
        assert_eq!(auth.try_token("hunter2"), Verdict::Right);
        assert_eq!(auth.try_token("hunter2"), Verdict::Right);
        assert_eq!(auth.try_token("hunter3"), Verdict::Wrong);
        for broken in ["$", "$argon2id$nonsense", "$2y$10$abcdefghijklmnopqrstuv"] {
            assert!(Auth::new(broken, 1).is_err(), "{broken}");
        }
    }

    #[test]
    fn only_some_wrong_tries_a_second_are_looked_at() {
        let auth = Auth::new("secret", 1).unwrap();
        for _ in 0..WRONG_TRIES {
            assert_eq!(auth.try_token("no"), Verdict::Wrong);
        }
        assert_eq!(auth.try_token("secret"), Verdict::NotLookedAt);
    }

    #[test]
    fn cookies_are_signed_bound_and_expire() {
        let auth = Auth::new("secret", 8081).unwrap();
        let field = auth.set_cookie();
        assert!(!field.contains("secret"));
        let value = field
            .strip_prefix("mitmproxy-auth-8081=")
            .and_then(|rest| rest.split(';').next())
            .unwrap();
        assert!(auth.accepts_cookie(value));
        let other = Auth::new("secret", 8081).unwrap();
        assert!(!other.accepts_cookie(value), "of another start");
        assert!(!auth.accepts_cookie(&auth.sign(now() - 1)), "expired");
        let (head, mac) = value.rsplit_once('.').unwrap();
        let forged = format!("y.99999999999.{mac}");
        for bad in ["", "y", "y..", head, &forged] {
            assert!(!auth.accepts_cookie(bad), "{bad}");
        }
    }

    #[test]
    fn hmac_of_a_known_message() {
        // Computed with Python's hmac module.
        let key = [0x0b; 32];
        assert_eq!(hex(&hmac(&key, b"Hi There")), EXPECTED);
    }

    const EXPECTED: &str = "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7";
}
