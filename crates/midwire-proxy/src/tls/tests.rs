use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_rustls::TlsStream;

use super::*;
use crate::ca::{Authority, CustomCerts, KeyKind, Leaf, LeafNames, LeafStore, San};

mod matrix;
mod openssl;

/// An authority in a directory of its own, which holds the test's other files as well.
struct Fixture {
    directory: tempfile::TempDir,
    leaves: LeafStore,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority =
            Authority::load_or_create(directory.path(), KeyKind::EcdsaP256, None).unwrap();
        Self {
            directory,
            leaves: LeafStore::new(authority, CustomCerts::default()).unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn leaf(&self, name: &str) -> Arc<Leaf> {
        let sans = vec![San::parse(name).unwrap()];
        self.leaves
            .leaf(&LeafNames {
                sans,
                ..LeafNames::default()
            })
            .unwrap()
    }

    fn server(&self, name: &str, alpn: &[&'static str]) -> ServerParameters {
        ServerParameters {
            leaf: self.leaf(name),
            alpn: protocols(alpn),
        }
    }

    /// Options that trust this authority.
    fn trusting(&self) -> UpstreamTls {
        UpstreamTls {
            verify: trusting(&self.path("mitmproxy-ca-cert.pem")),
            ..Default::default()
        }
    }
}

fn trusting(bundle: &Path) -> Verify {
    let roots = Roots::Given {
        bundle: Some(bundle.to_owned()),
        directory: None,
    };
    Verify::Full { roots }
}

fn protocols(names: &[&'static str]) -> Vec<Bytes> {
    names
        .iter()
        .map(|name| Bytes::from_static(name.as_bytes()))
        .collect()
}

type Outcome = Result<(TlsStream<DuplexStream>, TlsFacts), TlsError>;

/// Both sides of a handshake in memory. One byte is sent afterwards each way, so that tickets
/// and late alerts arrive.
async fn handshake(
    server: &ServerSide,
    parameters: &ServerParameters,
    client: &ClientSide,
    name: (&str, Option<&str>, &[&'static str]),
) -> (Outcome, Outcome) {
    let (near, far) = tokio::io::duplex(65_536);
    let config = server.config(parameters).unwrap();
    let (host, sni, alpn) = name;
    let alpn = protocols(alpn);
    let (mut accepted, mut connected) = tokio::join!(
        ServerSide::accept(near, config),
        client.connect(far, host, sni, &alpn)
    );
    if let (Ok((near, _)), Ok((far, _))) = (&mut accepted, &mut connected) {
        let mut byte = [0];
        near.write_all(b"s").await.unwrap();
        far.read_exact(&mut byte).await.unwrap();
        far.write_all(b"c").await.unwrap();
        near.read_exact(&mut byte).await.unwrap();
    }
    (accepted, connected)
}

fn server_side(options: DownstreamTls) -> ServerSide {
    ServerSide::new(options).unwrap()
}

#[tokio::test]
async fn facts_of_both_sides_agree() {
    let fixture = Fixture::new();
    let server = server_side(DownstreamTls::default());
    let client = ClientSide::new(fixture.trusting()).unwrap();
    let parameters = fixture.server("a.test", &["h2", "http/1.1"]);
    let name = ("a.test", Some("a.test"), ["http/1.1"].as_slice());
    let (accepted, connected) = handshake(&server, &parameters, &client, name).await;
    let (accepted, connected) = (accepted.unwrap().1, connected.unwrap().1);
    let expected = TlsFacts {
        version: "TLSv1.3",
        cipher: "TLS_AES_128_GCM_SHA256",
        alpn: Some(Bytes::from_static(b"http/1.1")),
        peer_certificates: Vec::new(),
        sni: Some("a.test".to_owned()),
        resumed: false,
    };
    assert_eq!(accepted, expected);
    let peer_certificates = vec![parameters.leaf.cert_der.clone()];
    assert_eq!(
        connected,
        TlsFacts {
            peer_certificates,
            ..expected
        }
    );
}

#[tokio::test]
async fn sessions_resume_across_configurations() {
    let fixture = Fixture::new();
    let versions = [
        VersionRange::default(),
        VersionRange {
            max: TlsVersion::Tls1_2,
            ..Default::default()
        },
    ];
    for versions in versions {
        let server = server_side(DownstreamTls {
            versions,
            ..Default::default()
        });
        let client = ClientSide::new(fixture.trusting()).unwrap();
        for (round, alpn) in [["h2"], ["http/1.1"], ["h2"]].iter().enumerate() {
            let parameters = fixture.server("a.test", alpn);
            let name = ("a.test", Some("a.test"), alpn.as_slice());
            let (accepted, connected) = handshake(&server, &parameters, &client, name).await;
            let (accepted, connected) = (accepted.unwrap().1, connected.unwrap().1);
            assert_eq!(accepted.resumed, round > 0, "{versions:?} {round}");
            assert_eq!(connected.resumed, round > 0, "{versions:?} {round}");
            assert_eq!(
                connected.peer_certificates.len(),
                1,
                "kept across resumption"
            );
        }
    }
}

#[tokio::test]
async fn no_protocol_is_agreed_to_without_a_list() {
    let fixture = Fixture::new();
    let server = server_side(DownstreamTls::default());
    let client = ClientSide::new(fixture.trusting()).unwrap();
    let offered = ("a.test", Some("a.test"), ["h2"].as_slice());
    let none = fixture.server("a.test", &[]);
    let (accepted, connected) = handshake(&server, &none, &client, offered).await;
    assert_eq!(
        (accepted.unwrap().1.alpn, connected.unwrap().1.alpn),
        (None, None)
    );
    let other = fixture.server("a.test", &["http/1.1"]);
    let (accepted, connected) = handshake(&server, &other, &client, offered).await;
    assert!(matches!(accepted, Err(TlsError::Protocol(_))));
    let text = connected.unwrap_err().to_string();
    assert_eq!(text, "tlsv1 alert no application protocol");
}

#[tokio::test]
async fn an_address_is_verified_and_not_sent() {
    let fixture = Fixture::new();
    let server = server_side(DownstreamTls::default());
    for (certificate, host, sni, passes) in [
        ("127.0.0.1", "127.0.0.1", None, true),
        ("127.0.0.1", "127.0.0.1", Some("127.0.0.1"), true),
        ("::1", "[::1]", None, true),
        ("127.0.0.2", "127.0.0.1", None, false),
        ("a.test", "127.0.0.1", None, false),
        ("a.test", "a.test", None, true),
        ("b.test", "a.test", None, false),
        ("b.test", "a.test", Some("b.test"), true),
        ("a.test", "A.TEST.", Some("A.TEST."), true),
    ] {
        // A client of its own each time: a resumed session is not verified again.
        let client = ClientSide::new(fixture.trusting()).unwrap();
        let parameters = fixture.server(certificate, &[]);
        let (accepted, connected) =
            handshake(&server, &parameters, &client, (host, sni, &[])).await;
        assert_eq!(
            connected.is_ok(),
            passes,
            "{certificate} {host} {sni:?}: {connected:?}"
        );
        if let Err(error) = &connected {
            let kind = if host == "127.0.0.1" {
                "IP address"
            } else {
                "hostname"
            };
            let expected = format!(
                "Certificate verify failed: {kind} mismatch, certificate is not valid for '{host}'"
            );
            assert_eq!(error.to_string(), expected);
        }
        if let Ok((_, facts)) = accepted {
            let sent = sni.filter(|name| name.parse::<std::net::IpAddr>().is_err());
            let sent = sent.map(|name| name.trim_end_matches('.').to_lowercase());
            assert_eq!(facts.sni, sent, "{certificate} {host} {sni:?}");
        }
    }
}

#[tokio::test]
async fn names_that_cannot_be_verified() {
    let fixture = Fixture::new();
    let server = server_side(DownstreamTls::default());
    let parameters = fixture.server("a.test", &[]);
    let strict = ClientSide::new(fixture.trusting()).unwrap();
    let insecure = ClientSide::new(UpstreamTls {
        verify: Verify::None,
        ..Default::default()
    })
    .unwrap();
    for hostile in ["", "a b", "a\0b", "*", "<x>", "ä.test"] {
        let name = (hostile, Some(hostile), [].as_slice());
        let (_, connected) = handshake(&server, &parameters, &strict, name).await;
        assert!(
            matches!(connected, Err(TlsError::InvalidName(_))),
            "{hostile:?}"
        );
        let (accepted, connected) = handshake(&server, &parameters, &insecure, name).await;
        assert_eq!(connected.unwrap().1.sni, None, "{hostile:?}");
        assert_eq!(accepted.unwrap().1.sni, None, "{hostile:?}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_trust_us_is_told_apart() {
    let (fixture, other) = (Fixture::new(), Fixture::new());
    let server = server_side(DownstreamTls::default());
    let client = ClientSide::new(other.trusting()).unwrap();
    let parameters = fixture.server("a.test", &[]);
    let name = ("a.test", Some("a.test"), [].as_slice());
    let (accepted, connected) = handshake(&server, &parameters, &client, name).await;
    assert_eq!(
        connected.unwrap_err().to_string(),
        "Certificate verify failed: unable to get local issuer certificate"
    );
    let error = accepted.unwrap_err();
    assert!(
        matches!(error, TlsError::PeerRejectedCertificate(_)),
        "{error:?}"
    );
    let log = error.client_log("a.test");
    assert_eq!(log.level, tracing::Level::WARN);
    assert_eq!(
        log.text,
        "Client TLS handshake failed. The client does not trust the proxy's certificate for \
         a.test (tlsv1 alert unknown ca)"
    );
}

#[tokio::test]
async fn versions_that_do_not_meet_are_told_apart() {
    let fixture = Fixture::new();
    let only = |version| VersionRange {
        min: version,
        max: version,
    };
    let (old, new) = (only(TlsVersion::Tls1_2), only(TlsVersion::Tls1_3));
    for (server_has, client_has) in [(old, new), (new, old)] {
        let server = server_side(DownstreamTls {
            versions: server_has,
            ..Default::default()
        });
        let options = UpstreamTls {
            versions: client_has,
            ..fixture.trusting()
        };
        let client = ClientSide::new(options).unwrap();
        let parameters = fixture.server("a.test", &[]);
        let name = ("a.test", Some("a.test"), [].as_slice());
        let (accepted, connected) = handshake(&server, &parameters, &client, name).await;
        let error = accepted.unwrap_err();
        assert!(matches!(error, TlsError::VersionMismatch(_)), "{error:?}");
        let text = error.client_log("a.test").text;
        assert!(text.starts_with(
            "Client TLS handshake failed. Client and mitmproxy cannot agree on a TLS version to use. "
        ));
        let error = connected.unwrap_err();
        assert!(matches!(error, TlsError::VersionMismatch(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_close_inside_the_handshake_is_no_warning() {
    let fixture = Fixture::new();
    let server = server_side(DownstreamTls::default());
    let config = server.config(&fixture.server("a.test", &[])).unwrap();
    let (near, mut far) = tokio::io::duplex(1024);
    far.write_all(&[22, 3, 1]).await.unwrap();
    drop(far);
    let error = ServerSide::accept(near, config).await.unwrap_err();
    assert!(matches!(error, TlsError::Closed), "{error:?}");
    let log = error.client_log("a.test");
    assert_eq!(log.level, tracing::Level::INFO);
    assert!(
        log.text.contains(
            "disconnected during the handshake. If this happens consistently for a.test,"
        )
    );
}

#[tokio::test]
async fn garbage_is_a_protocol_error() {
    let fixture = Fixture::new();
    let server = server_side(DownstreamTls::default());
    let config = server.config(&fixture.server("a.test", &[])).unwrap();
    let (near, mut far) = tokio::io::duplex(1024);
    far.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let error = ServerSide::accept(near, config).await.unwrap_err();
    assert!(matches!(error, TlsError::Protocol(_)), "{error:?}");
    let text = error.client_log("a.test").text;
    assert!(
        text.contains("The client may not trust the proxy's certificate for a.test ("),
        "{text}"
    );
    let mut alert = Vec::new();
    far.read_to_end(&mut alert).await.unwrap();
    assert_eq!(alert.first(), Some(&21), "the alert has been sent");
}

#[tokio::test]
async fn client_certificates_are_shown_and_any_is_taken() {
    let (fixture, other) = (Fixture::new(), Fixture::new());
    // The authority's own file is key and certificate too: one that no client should have, and
    // which is taken all the same.
    let pem = fs::read(other.path("mitmproxy-ca.pem")).unwrap();
    let directory = fixture.path("client-certs");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("a.test.pem"), &pem).unwrap();
    fs::write(fixture.path("b.test.pem"), &pem).unwrap();
    let single = other.path("mitmproxy-ca.pem");
    let cases = [
        (&single, "b.test", 1),
        (&directory, "a.test", 1),
        (&directory, "A.test", 1),
        (&directory, "b.test", 0),
    ];
    for versions in [TlsVersion::Tls1_2, TlsVersion::Tls1_3] {
        let versions = VersionRange {
            min: versions,
            max: versions,
        };
        let options = DownstreamTls {
            request_client_cert: true,
            versions,
            ..Default::default()
        };
        let server = server_side(options);
        for (path, name, expected) in cases {
            let client_certs = Some(path.to_str().unwrap().to_owned());
            let client = ClientSide::new(UpstreamTls {
                client_certs,
                ..fixture.trusting()
            })
            .unwrap();
            let parameters = fixture.server(&name.to_lowercase(), &[]);
            let name = (name, Some(name), [].as_slice());
            let (accepted, _) = handshake(&server, &parameters, &client, name).await;
            assert_eq!(
                accepted.unwrap().1.peer_certificates.len(),
                expected,
                "{path:?} {name:?}"
            );
        }
    }
    let client_certs = Some(directory.to_str().unwrap().to_owned());
    let client = ClientSide::new(UpstreamTls {
        client_certs,
        verify: Verify::None,
        ..Default::default()
    })
    .unwrap();
    let server = server_side(DownstreamTls {
        request_client_cert: true,
        ..Default::default()
    });
    let parameters = fixture.server("a.test", &[]);
    let escape = ("../b.test", Some("../b.test"), [].as_slice());
    let (accepted, _) = handshake(&server, &parameters, &client, escape).await;
    assert_eq!(accepted.unwrap().1.peer_certificates.len(), 0);

    let missing = fixture.path("missing").to_str().unwrap().to_owned();
    let options = UpstreamTls {
        client_certs: Some(missing.clone()),
        ..Default::default()
    };
    let error = ClientSide::new(options).err().unwrap();
    assert_eq!(
        error.to_string(),
        format!("Client certificate path does not exist: {missing}")
    );
}

#[tokio::test]
async fn the_chosen_cipher_and_curve_are_used() {
    let fixture = Fixture::new();
    let old = VersionRange {
        min: TlsVersion::Tls1_2,
        max: TlsVersion::Tls1_2,
    };
    let server = server_side(DownstreamTls::default());
    let parameters = fixture.server("a.test", &[]);
    for cipher in [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ] {
        let ciphers = Ciphers::parse(cipher).unwrap();
        let options = UpstreamTls {
            ciphers,
            versions: old,
            curve: Some(Curve::Secp384r1),
            ..fixture.trusting()
        };
        let client = ClientSide::new(options).unwrap();
        let name = ("a.test", Some("a.test"), [].as_slice());
        let (accepted, connected) = handshake(&server, &parameters, &client, name).await;
        assert_eq!(accepted.unwrap().1.cipher, cipher);
        let facts = connected.unwrap().1;
        assert_eq!((facts.cipher, facts.version), (cipher, "TLSv1.2"));
    }
}

#[test]
fn cipher_strings() {
    let check = |text: &str, expected: &str, unavailable: &[&str]| {
        let ciphers = Ciphers::parse(text).unwrap();
        let provider = options::provider(&ciphers, None);
        let names: Vec<_> = provider
            .cipher_suites
            .iter()
            .filter(|suite| suite.tls13().is_none())
            .map(|suite| facts::openssl_cipher_name(*suite))
            .collect();
        assert_eq!(names.join(":"), expected, "{text}");
        assert_eq!(ciphers.unavailable(), unavailable, "{text}");
        assert_eq!(
            provider.cipher_suites.len() - names.len(),
            3,
            "TLS 1.3 stays"
        );
    };
    let aes128 = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
    check(
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        &[],
    );
    check("ECDHE+AES128:@SECLEVEL=0", aes128, &[]);
    check(
        "DHE-RSA-AES128-SHA,AES128 AES128",
        aes128,
        &["DHE-RSA-AES128-SHA"],
    );
    check(
        "ALL:!ECDSA:-CHACHA20:!AES256:ECDSA",
        "ECDHE-RSA-AES128-GCM-SHA256",
        &[],
    );
    check(
        "AES128:+ECDSA",
        "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256",
        &[],
    );
    check("TLS_AES_128_GCM_SHA256", "", &[]);
    for nothing in ["", "AES128-SHA", "ALL:!ALL", "@SECLEVEL=0"] {
        let error = Ciphers::parse(nothing).unwrap_err().to_string();
        let start = format!("no cipher of '{nothing}' is available; possible: ECDHE-");
        assert!(error.starts_with(&start), "{error}");
    }
}

#[test]
fn every_cipher_of_the_provider_has_a_name() {
    for suite in rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES {
        assert_ne!(facts::openssl_cipher_name(*suite), "", "{suite:?}");
    }
}

#[test]
fn versions_and_curves_by_name() {
    let range = |min: &str, max: &str| {
        let range = VersionRange {
            min: min.parse().unwrap(),
            max: max.parse().unwrap(),
        };
        range.supported().map(|versions| versions.len())
    };
    assert_eq!(range("TLS1_2", "UNBOUNDED").unwrap(), 2);
    assert_eq!(range("UNBOUNDED", "UNBOUNDED").unwrap(), 2);
    assert_eq!(range("SSL3", "TLS1_2").unwrap(), 1);
    assert_eq!(range("TLS1_3", "TLS1_3").unwrap(), 1);
    assert!(range("TLS1", "TLS1_1").is_err());
    assert!(range("TLS1_3", "TLS1_2").is_err());
    assert!("TLS1.2".parse::<TlsVersion>().is_err());
    assert!(
        VersionRange {
            min: TlsVersion::Tls1,
            ..Default::default()
        }
        .reaches_below_tls12()
    );
    assert!(!VersionRange::default().reaches_below_tls12());

    assert_eq!("secp256r1".parse::<Curve>().unwrap(), Curve::Secp256r1);
    let text = |name: &str| name.parse::<Curve>().unwrap_err().to_string();
    assert_eq!(
        text("secp521r1"),
        "curve 'secp521r1' is not available; possible: secp256r1, secp384r1, x25519"
    );
    assert_eq!(
        text("x"),
        "Invalid ECDH curve: 'x'. Valid curves are: secp192r1, secp224r1, secp256k1, secp256r1, \
         secp384r1, secp521r1, brainpoolP256r1, brainpoolP384r1, brainpoolP512r1"
    );
}

#[tokio::test]
async fn secrets_are_logged_for_the_owner_only() {
    let fixture = Fixture::new();
    let path = fixture.path("deep/er/keys.log");
    let key_log = Some(KeyLogFile::at(&path));
    let server = server_side(DownstreamTls {
        key_log: key_log.clone(),
        ..Default::default()
    });
    let client = ClientSide::new(UpstreamTls {
        key_log,
        ..fixture.trusting()
    })
    .unwrap();
    assert!(!path.exists(), "not before there is something to write");
    let name = ("a.test", Some("a.test"), [].as_slice());
    handshake(&server, &fixture.server("a.test", &[]), &client, name)
        .await
        .0
        .unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with('\n') && text.ends_with('\n'));
    let secrets = text.matches("CLIENT_TRAFFIC_SECRET_0 ").count();
    assert_eq!(secrets, 2, "one of each side: {text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[test]
fn caches_are_bounded_and_stable() {
    let fixture = Fixture::new();
    let server = server_side(DownstreamTls::default());
    let parameters = |n: usize| ServerParameters {
        leaf: fixture.leaf("a.test"),
        alpn: vec![Bytes::from(format!("p{n}"))],
    };
    let first = server.config(&parameters(0)).unwrap();
    assert!(Arc::ptr_eq(&first, &server.config(&parameters(0)).unwrap()));
    for n in 1..=ServerSide::CAPACITY {
        server.config(&parameters(n)).unwrap();
    }
    assert!(!Arc::ptr_eq(
        &first,
        &server.config(&parameters(0)).unwrap()
    ));
}

#[test]
fn closed_connections_are_no_faults_of_the_protocol() {
    for kind in [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset] {
        assert!(matches!(
            TlsError::from(io::Error::from(kind)),
            TlsError::Closed
        ));
    }
    assert!(matches!(
        TlsError::from(io::Error::other("x")),
        TlsError::Io(_)
    ));
}
