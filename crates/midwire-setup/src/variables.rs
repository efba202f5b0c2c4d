//! The environment variables that lead a program through the proxy and make it trust the authority.
//!
//! One table says them all; `midwire run` sets them for a child, `midwire env` prints them. None of them turns
//! verification off.

use std::net::SocketAddr;
use std::path::Path;

use crate::trust_files::{STORE_PASSWORD, TrustFiles};

/// A variable and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// Where a value comes from.
#[derive(Clone, Copy)]
enum Source {
    /// URL of the proxy.
    Proxy,
    /// Nothing, so that no host is left out.
    Empty,
    /// A constant.
    Fixed(&'static str),
    /// Roots of the system and our authority.
    Bundle,
    /// Our authority, for programs that add it to their own roots.
    Authority,
    /// Arguments of Java virtual machines.
    Java,
    /// Folders that PHP reads settings from.
    Php,
    /// Settings of wget.
    Wget,
}

/// The table: variable, its source, and who reads it.
const TABLE: &[(&str, Source, &str)] = &[
    ("http_proxy", Source::Proxy, "curl and most programs"),
    ("https_proxy", Source::Proxy, "curl and most programs"),
    ("all_proxy", Source::Proxy, "curl"),
    ("HTTP_PROXY", Source::Proxy, "Go, Python, Node"),
    ("HTTPS_PROXY", Source::Proxy, "Go, Python, Node"),
    ("ALL_PROXY", Source::Proxy, "httpx"),
    ("no_proxy", Source::Empty, "all of the above"),
    ("NO_PROXY", Source::Empty, "all of the above"),
    ("grpc_proxy", Source::Proxy, "gRPC"),
    ("npm_config_proxy", Source::Proxy, "npm"),
    ("npm_config_https_proxy", Source::Proxy, "npm"),
    ("npm_config_noproxy", Source::Empty, "npm"),
    (
        "NODE_USE_ENV_PROXY",
        Source::Fixed("1"),
        "fetch and http of Node 24 and 22.21",
    ),
    ("CARGO_HTTP_PROXY", Source::Proxy, "Cargo"),
    (
        "SSL_CERT_FILE",
        Source::Bundle,
        "OpenSSL, Go, Rust, Ruby, PHP, uv, .NET",
    ),
    ("CURL_CA_BUNDLE", Source::Bundle, "curl"),
    ("REQUESTS_CA_BUNDLE", Source::Bundle, "Python requests"),
    ("PIP_CERT", Source::Bundle, "pip"),
    ("HTTPLIB2_CA_CERTS", Source::Bundle, "Python httplib2"),
    ("NODE_EXTRA_CA_CERTS", Source::Authority, "Node"),
    ("npm_config_cafile", Source::Bundle, "npm"),
    ("YARN_HTTPS_CA_FILE_PATH", Source::Bundle, "Yarn"),
    ("DENO_CERT", Source::Authority, "Deno"),
    ("GIT_SSL_CAINFO", Source::Bundle, "Git"),
    ("CARGO_HTTP_CAINFO", Source::Bundle, "Cargo"),
    ("AWS_CA_BUNDLE", Source::Bundle, "AWS command line and SDKs"),
    (
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
        Source::Bundle,
        "gcloud",
    ),
    ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", Source::Bundle, "gRPC"),
    ("BUNDLE_SSL_CA_CERT", Source::Bundle, "Ruby Bundler"),
    ("COMPOSER_CAFILE", Source::Bundle, "PHP Composer"),
    ("PHP_INI_SCAN_DIR", Source::Php, "PHP"),
    ("PERL_LWP_SSL_CA_FILE", Source::Bundle, "Perl LWP"),
    ("HTTPS_CA_FILE", Source::Bundle, "Perl Crypt::SSLeay"),
    ("HEX_CACERTS_PATH", Source::Bundle, "Elixir Hex"),
    ("JULIA_SSL_CA_ROOTS_PATH", Source::Bundle, "Julia"),
    ("NIX_SSL_CERT_FILE", Source::Bundle, "Nix"),
    ("SYSTEM_CERTIFICATE_PATH", Source::Bundle, "Haskell"),
    ("WGETRC", Source::Wget, "wget"),
    ("JAVA_TOOL_OPTIONS", Source::Java, "Java"),
];

/// The variables for a proxy at an address. Values that the user has already set for Java and PHP are kept in front.
pub fn variables(proxy: SocketAddr, files: &TrustFiles) -> Vec<Variable> {
    let of = |&(name, source, _): &(&'static str, Source, &str)| Variable {
        name,
        value: value(name, source, proxy, files),
    };
    TABLE.iter().map(of).collect()
}

/// Names of all variables, for taking them back.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, ..)| *name)
}

/// Names with who reads them, for documentation.
pub fn readers() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.iter().map(|(name, _, reader)| (*name, *reader))
}

fn value(name: &str, source: Source, proxy: SocketAddr, files: &TrustFiles) -> String {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    match source {
        Source::Proxy => format!("http://{proxy}"),
        Source::Empty => String::new(),
        Source::Fixed(value) => value.to_owned(),
        Source::Bundle => text(&files.bundle),
        Source::Authority => text(&files.authority),
        Source::Wget => text(&files.wgetrc),
        // An empty part stands for the folder that PHP was built with.
        Source::Php => format!("{}:{}", inherited(name), text(&files.php)),
        Source::Java => format!("{} {}", inherited(name), java(proxy, files))
            .trim_start()
            .to_owned(),
    }
}

fn inherited(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Java splits the variable at blanks and takes quotes away.
fn java(proxy: SocketAddr, files: &TrustFiles) -> String {
    let (host, port) = (proxy.ip(), proxy.port());
    let store = files.store.display();
    format!(
        "-Dhttp.proxyHost={host} -Dhttp.proxyPort={port} -Dhttps.proxyHost={host} -Dhttps.proxyPort={port} \
         -Dhttp.nonProxyHosts= \"-Djavax.net.ssl.trustStore={store}\" -Djavax.net.ssl.trustStoreType=PKCS12 \
         -Djavax.net.ssl.trustStorePassword={STORE_PASSWORD}"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::certificate::tests::authority;

    #[test]
    fn every_variable_stands_once_and_leads_to_proxy_or_file() {
        let folder = tempfile::tempdir().unwrap();
        let files = TrustFiles::write(folder.path(), &authority(folder.path())).unwrap();
        let all = variables("127.0.0.1:8080".parse().unwrap(), &files);
        let distinct: HashSet<_> = all.iter().map(|variable| variable.name).collect();
        assert_eq!(distinct.len(), all.len());
        let of = |name: &str| &all.iter().find(|one| one.name == name).unwrap().value;
        assert_eq!(of("https_proxy"), "http://127.0.0.1:8080");
        assert_eq!(of("NO_PROXY"), "");
        assert!(Path::new(of("SSL_CERT_FILE")).is_file());
        assert!(of("JAVA_TOOL_OPTIONS").contains("-Dhttps.proxyPort=8080"));
    }

    #[test]
    fn no_variable_turns_verification_off() {
        for name in names() {
            let lower = name.to_ascii_lowercase();
            for word in ["insecure", "reject_unauthorized", "no_verify", "ssl_verify"] {
                assert!(!lower.contains(word), "{name}");
            }
        }
    }
}
