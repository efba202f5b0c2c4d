//! Which bytes of a server name are a host name.

use std::net::IpAddr;

/// Tells whether bytes are a host name or address that may be shown, resolved and put into a certificate.
///
/// At most 253 bytes; labels of 1 to 63 letters, digits, hyphens and underscores; one dot may end the name. Addresses
/// count too: clients do send them, though RFC 6066 §3 forbids it.
pub fn is_valid_host(name: &[u8]) -> bool {
    let address =
        |name| std::str::from_utf8(name).is_ok_and(|text: &str| text.parse::<IpAddr>().is_ok());
    if name.len() > NAME_LIMIT {
        return false;
    }
    let labels = name.strip_suffix(b".").unwrap_or(name);
    labels.split(|byte| *byte == b'.').all(is_valid_label) || address(name)
}

pub(super) fn valid(name: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(name).ok()?;
    is_valid_host(name).then(|| text.to_owned())
}

fn is_valid_label(label: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LABEL_LIMIT).contains(&label.len()) && label.iter().all(allowed)
}

/// The longest name without its root label (RFC 1035 §2.3.4).
const NAME_LIMIT: usize = 253;
const LABEL_LIMIT: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names() {
        let check =
            |name: &str, expected| assert_eq!(is_valid_host(name.as_bytes()), expected, "{name:?}");
        for good in [
            "a.b",
            "a_b.c",
            "-a.b",
            "a.",
            "A.B",
            "localhost",
            "1.2.3.4",
            "::1",
            "xn--9ca.com",
            "_",
        ] {
            check(good, true);
        }
        for bad in [
            "",
            ".",
            ".a",
            "a..b",
            "a..",
            "*.x",
            "[::1]",
            "a b",
            "a\0b",
            "a\x1b[2J",
            "\u{e9}.com",
            "a/b",
            "a.b:80",
            "<b>",
        ] {
            check(bad, false);
        }
        check(&"x".repeat(63), true);
        check(&"x".repeat(64), false);
        check(
            &format!("{0}.{0}.{0}.{1}", "x".repeat(63), "x".repeat(61)),
            true,
        );
        check(
            &format!("{0}.{0}.{0}.{1}", "x".repeat(63), "x".repeat(62)),
            false,
        );
    }
}
