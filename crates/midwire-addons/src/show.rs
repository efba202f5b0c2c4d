//! Parts of flows as clean text for one line.

use std::net::IpAddr;

use midwire_flow::Address;
use midwire_views::Clean;

/// Bytes as clean text, what is not UTF-8 as `\xNN`.
pub(crate) fn bytes(data: &[u8]) -> Clean<'static> {
    Clean::bytes(data)
}

/// An address as people write it: `*` for the unspecified address, brackets around IPv6 literals.
pub(crate) fn address(address: Option<&Address>) -> Clean<'static> {
    let Some(address) = address else {
        return "<no address>".into();
    };
    let (host, port) = (&address.host, address.port);
    // A scope such as %eth0 is part of the address, but not of the type.
    let literal = host.split('%').next().unwrap_or(host);
    let text = match literal.parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() => format!("*:{port}"),
        Ok(IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
            Some(v4) => format!("{v4}:{port}"),
            None => format!("[{host}]:{port}"),
        },
        Ok(IpAddr::V4(_)) | Err(_) => format!("{host}:{port}"),
    };
    Clean::line(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_people_do() {
        let check = |host: &str, expected: &str| {
            assert_eq!(address(Some(&Address::new(host, 80))).as_str(), expected);
        };
        check("127.0.0.1", "127.0.0.1:80");
        check("::1", "[::1]:80");
        check("fe80::1%eth0", "[fe80::1%eth0]:80");
        check("::ffff:1.2.3.4", "1.2.3.4:80");
        check("0.0.0.0", "*:80");
        check("::", "*:80");
        check("example.com", "example.com:80");
        check("a\x1bb", "a.b:80");
        assert_eq!(address(None).as_str(), "<no address>");
    }
}
