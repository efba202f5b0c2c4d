//! What addons need to know of the mode that accepted a client.

use midwire_flow::ClientConn;

/// Name of the mode: the beginning of its specification, lower case.
fn name(client: &ClientConn) -> String {
    let spec = &client.proxy_mode;
    let end = spec.find([':', '@']).unwrap_or(spec.len());
    spec.get(..end).unwrap_or_default().to_ascii_lowercase()
}

/// True if the client knows that it talks to a proxy in HTTP.
pub(crate) fn is_explicit(client: &ClientConn) -> bool {
    matches!(name(client).as_str(), "regular" | "upstream")
}

/// True in upstream mode.
pub(crate) fn is_upstream(client: &ClientConn) -> bool {
    name(client) == "upstream"
}

/// True in reverse mode.
pub(crate) fn is_reverse(client: &ClientConn) -> bool {
    name(client) == "reverse"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_known_by_their_first_word() {
        let check = |spec: &str, expected: (bool, bool, bool)| {
            let client = ClientConn {
                proxy_mode: spec.to_owned(),
                ..ClientConn::default()
            };
            let got = (
                is_explicit(&client),
                is_upstream(&client),
                is_reverse(&client),
            );
            assert_eq!(got, expected, "{spec}");
        };
        check("regular", (true, false, false));
        check("Regular@8080", (true, false, false));
        check("upstream:http://p:1@2", (true, true, false));
        check("reverse:h", (false, false, true));
        check("socks5@1", (false, false, false));
        check("", (false, false, false));
    }
}
