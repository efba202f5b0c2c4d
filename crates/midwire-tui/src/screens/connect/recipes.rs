//! How programs are made to use the proxy, with its real address and certificate.

/// What recipes are made from.
pub(super) struct Proxy<'a> {
    /// `http` or `socks5`.
    pub(super) scheme: &'a str,
    /// As it stands in a URL.
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// File of the certificate authority.
    pub(super) ca: &'a str,
}

/// A title and lines to copy.
pub(super) type Recipe = (&'static str, Vec<String>);

/// Recipes for programs that are often used.
pub(super) fn all(proxy: &Proxy<'_>) -> Vec<Recipe> {
    let Proxy {
        scheme,
        host,
        port,
        ca,
    } = proxy;
    let url = format!("{scheme}://{host}:{port}");
    let ca = shell(ca);
    vec![
        (
            "One program, with all it needs",
            vec!["midwire run -- COMMAND".to_owned()],
        ),
        (
            "curl",
            vec![format!("curl -x {url} --cacert {ca} https://example.com/")],
        ),
        (
            "Environment",
            vec![
                format!("export http_proxy={url} https_proxy={url}"),
                format!("export SSL_CERT_FILE={ca} CURL_CA_BUNDLE={ca}"),
            ],
        ),
        (
            "Python",
            vec![format!(
                "HTTPS_PROXY={url} REQUESTS_CA_BUNDLE={ca} python app.py"
            )],
        ),
        (
            "Node.js",
            vec![format!(
                "NODE_USE_ENV_PROXY=1 HTTPS_PROXY={url} NODE_EXTRA_CA_CERTS={ca} node app.js"
            )],
        ),
        (
            "Java",
            vec![
                format!(
                    "keytool -importcert -noprompt -alias midwire -file {ca} -keystore midwire.p12 -storetype PKCS12 -storepass changeit"
                ),
                java(proxy),
            ],
        ),
    ]
}

fn java(proxy: &Proxy<'_>) -> String {
    let (host, port) = (proxy.host.trim_matches(['[', ']']), proxy.port);
    let trust =
        "-Djavax.net.ssl.trustStore=midwire.p12 -Djavax.net.ssl.trustStorePassword=changeit";
    if proxy.scheme == "socks5" {
        return format!(
            "java -DsocksProxyHost={host} -DsocksProxyPort={port} {trust} -jar app.jar"
        );
    }
    format!("java -Dhttps.proxyHost={host} -Dhttps.proxyPort={port} {trust} -jar app.jar")
}

/// A word for a shell.
fn shell(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_have_address_and_certificate() {
        let proxy = Proxy {
            scheme: "http",
            host: "[::1]",
            port: 4711,
            ca: "/home/o'hara/ca.pem",
        };
        let text: Vec<String> = all(&proxy)
            .into_iter()
            .flat_map(|(_, lines)| lines)
            .collect();
        let text = text.join("\n");
        assert!(text.contains(r"curl -x http://[::1]:4711 --cacert '/home/o'\''hara/ca.pem'"));
        assert!(text.contains("-Dhttps.proxyHost=::1 -Dhttps.proxyPort=4711"));
        let socks = java(&Proxy {
            scheme: "socks5",
            ..proxy
        });
        assert!(socks.contains("-DsocksProxyPort=4711"));
    }
}
