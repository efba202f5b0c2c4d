//! `host[:port]`, as it stands in Host, in CONNECT and in absolute-form targets.

use std::net::Ipv6Addr;

use super::chars::is_host;

/// Splits `host[:port]` and checks both parts; `None` if it is anything else.
///
/// The host keeps its spelling, an IPv6 address its brackets. Userinfo, blanks, lists, paths, bytes above 0x7F,
/// broken addresses and ports above 65535 do not pass; `host:` has no port (RFC 3986 §3.2.2, §3.2.3).
pub fn parse_authority(authority: &[u8]) -> Option<(&str, Option<u16>)> {
    let (host, port) = split_authority(authority)?;
    Some((std::str::from_utf8(host).ok()?, port))
}

/// The same without the cost of a `str`.
pub(super) fn split_authority(authority: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let end = match authority {
        [b'[', rest @ ..] => memchr::memchr(b']', rest)? + 2,
        _ => memchr::memchr(b':', authority).unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end)?;
    let valid = match host {
        [b'[', address @ .., b']'] => is_ipv6(address),
        _ => is_name(host),
    };
    if !valid {
        return None;
    }
    let port = match port {
        [] | [b':'] => None,
        [b':', digits @ ..] => Some(parse_port(digits)?),
        _ => return None,
    };
    Some((host, port))
}

fn is_ipv6(address: &[u8]) -> bool {
    std::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

fn is_name(name: &[u8]) -> bool {
    if name.iter().all(|byte| is_host(*byte)) {
        return !name.is_empty();
    }
    let mut rest = name;
    loop {
        rest = match rest {
            [] => return !name.is_empty(),
            [b'%', a, b, rest @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => rest,
            [byte, rest @ ..] if is_host(*byte) => rest,
            _ => return false,
        }
    }
}

fn parse_port(digits: &[u8]) -> Option<u16> {
    let mut port: u16 = 0;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|d| *d < 10)?;
        port = port.checked_mul(10)?.checked_add(u16::from(digit))?;
    }
    Some(port)
}

#[cfg(test)]
mod tests {
    use super::parse_authority;

    #[test]
    fn authorities() {
        let check =
            |text: &str, expected| assert_eq!(parse_authority(text.as_bytes()), expected, "{text}");
        check("Example.com", Some(("Example.com", None)));
        check("a_b-c.d~e%2f:8080", Some(("a_b-c.d~e%2f", Some(8080))));
        check("10.0.0.1:", Some(("10.0.0.1", None)));
        check("[::1]:65535", Some(("[::1]", Some(65535))));
        for bad in [
            "", ":80", "a b", "a,b", "a/b", "u@a", "a:65536", "a:-1", "a:8x", "a:1:2", "::1",
            "[::1", "[::g]", "[::1]x", "a%2", "a%zz", "[]", "é", "a\t", "a?b", "a#b", "a\\b",
        ] {
            check(bad, None);
        }
    }
}
