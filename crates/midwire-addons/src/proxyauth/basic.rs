//! User name and password in a field (RFC 7617).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A user name and a password. `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Reads the value of an `Authorization` or `Proxy-Authorization` field. A password may contain colons.
pub(super) fn decode(value: &[u8]) -> Option<Credentials> {
    let (scheme, rest) = value.split_at_checked(5)?;
    if !scheme.eq_ignore_ascii_case(b"basic") || !rest.starts_with(b" ") {
        return None;
    }
    let decoded = STANDARD.decode(rest.trim_ascii()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Credentials {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// The value of a field with `user:password`.
pub(crate) fn encode(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let check = |value: &str, expected: Option<(&str, &str)>| {
            let expected = expected.map(|(user, password)| Credentials {
                user: user.to_owned(),
                password: password.to_owned(),
            });
            assert_eq!(decode(value.as_bytes()), expected, "{value}");
        };
        check(&encode("a:b"), Some(("a", "b")));
        check(&encode("a:b:c"), Some(("a", "b:c")));
        check(&encode(":"), Some(("", "")));
        check("basic  YTpi ", Some(("a", "b")));
        check(&encode("nocolon"), None);
        check("Bearer YTpi", None);
        check("Basic", None);
        check("Basic %%%", None);
        check("Basic /w==", None);
        check("", None);
    }
}
