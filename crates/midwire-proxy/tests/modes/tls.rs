//! The TLS options, each by what both ends of real handshakes see.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use midwire_core::hooks::Event;
use midwire_flow::{ClientConn, ServerConn};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, ServerConfig, SupportedProtocolVersion, version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::{Conn, Proxy, any_client_certificate, exchange, provider};

const MODE: &str = "mode=regular@127.0.0.1:0";
const GET: &str = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// How one end is set up.
#[derive(Clone, Copy)]
struct End {
    versions: &'static [&'static SupportedProtocolVersion],
    alpn: &'static [&'static str],
}

const ANY: End = End {
    versions: rustls::ALL_VERSIONS,
    alpn: &[],
};
const ONLY_12: End = End {
    versions: &[&version::TLS12],
    alpn: &[],
};
const HTTP1: End = End {
    versions: rustls::ALL_VERSIONS,
    alpn: &["http/1.1"],
};
const HTTP2: End = End {
    versions: rustls::ALL_VERSIONS,
    alpn: &["h2", "http/1.1"],
};

fn protocols(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

/// What an end has seen of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    version: String,
    cipher: String,
    alpn: Option<String>,
    resumed: bool,
    /// The chain that the other end has shown.
    chain: Vec<Vec<u8>>,
}

fn seen(tls: &rustls::CommonState) -> Seen {
    let chain = tls.peer_certificates().unwrap_or_default();
    Seen {
        version: format!("{:?}", tls.protocol_version().unwrap()),
        cipher: format!("{:?}", tls.negotiated_cipher_suite().unwrap().suite()),
        alpn: tls
            .alpn_protocol()
            .map(|name| String::from_utf8(name.to_vec()).unwrap()),
        resumed: tls.handshake_kind() == Some(HandshakeKind::Resumed),
        chain: chain.iter().map(|der| der.to_vec()).collect(),
    }
}

/// A server with a certificate for `localhost` and `also.test`, and what it has seen.
struct Origin {
    address: SocketAddr,
    seen: tokio::sync::Mutex<mpsc::Receiver<Seen>>,
    certificate: Vec<u8>,
}

impl Origin {
    async fn new(end: End) -> Self {
        let names = vec!["localhost".to_owned(), "also.test".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(end.versions)
            .unwrap()
            .with_client_cert_verifier(any_client_certificate())
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols(end.alpn);
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (all, seen_ones) = mpsc::channel(64);
        let origin = Self {
            address: listener.local_addr().unwrap(),
            seen: tokio::sync::Mutex::new(seen_ones),
            certificate: made.cert.der().to_vec(),
        };
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, all) = (acceptor.clone(), all.clone());
                tokio::spawn(async move {
                    let Ok(mut tls) = acceptor.accept(tcp).await else {
                        return;
                    };
                    all.send(seen(tls.get_ref().1)).await.unwrap();
                    let mut buf = [0; 4096];
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    while matches!(tls.read(&mut buf).await, Ok(1..)) {
                        if tls.write_all(answer).await.is_err() || tls.flush().await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        origin
    }

    /// What it has seen of the next handshake.
    async fn next(&self) -> Seen {
        let mut seen = self.seen.lock().await;
        let next = tokio::time::timeout(Duration::from_secs(20), seen.recv());
        next.await.unwrap().unwrap()
    }
}

/// A client that trusts the proxy's authority.
fn client(proxy: &Proxy, end: End) -> ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(proxy.authority()).unwrap();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(end.versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols(end.alpn);
    config
}

/// Opens TLS through a tunnel to a server.
async fn open(
    proxy: &Proxy,
    to: SocketAddr,
    config: &Arc<ClientConfig>,
) -> std::io::Result<(Conn, Seen)> {
    let tunnel = proxy.tunnel(&to.to_string()).await;
    let name = ServerName::try_from("localhost").unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
    let tls = connector.connect(name, tunnel).await?;
    let seen = seen(tls.get_ref().1);
    Ok((Box::new(tls), seen))
}

/// The handshake of a client through a proxy with these settings.
async fn through(settings: &[&str], origin: &Origin, end: End) -> std::io::Result<Seen> {
    let proxy = Proxy::start(&[&[MODE], settings].concat()).await;
    let config = Arc::new(client(&proxy, end));
    open(&proxy, origin.address, &config)
        .await
        .map(|(_, seen)| seen)
}

#[tokio::test]
async fn versions_are_bounded_on_each_side() {
    let origin = Origin::new(ANY).await;
    let check = async |settings: &[&str], near: &str, far: &str| {
        let got = through(settings, &origin, ANY).await.unwrap();
        let versions = (got.version, origin.next().await.version);
        assert_eq!(versions, (near.to_owned(), far.to_owned()), "{settings:?}");
    };
    check(&[], "TLSv1_3", "TLSv1_3").await;
    check(&["tls_version_client_max=TLS1_2"], "TLSv1_2", "TLSv1_3").await;
    check(&["tls_version_server_max=TLS1_2"], "TLSv1_3", "TLSv1_2").await;
    check(&["tls_version_client_min=TLS1_3"], "TLSv1_3", "TLSv1_3").await;
    let refused = through(&["tls_version_client_min=TLS1_3"], &origin, ONLY_12).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_server_that_is_too_old_is_said_to_the_client() {
    let origin = Origin::new(ONLY_12).await;
    let proxy = Proxy::start(&[MODE, "tls_version_server_min=TLS1_3"]).await;
    let config = Arc::new(client(&proxy, ANY));
    let (mut conn, _) = open(&proxy, origin.address, &config).await.unwrap();
    let (head, page) = exchange(&mut conn, GET).await;
    assert!(head.starts_with("HTTP/1.1 502"), "{head}");
    assert!(page.to_lowercase().contains("tls"), "{page}");
    assert_eq!(proxy.seen.count("tls_failed_server"), 1);
}

#[tokio::test]
async fn ciphers_are_chosen_on_each_side_or_refused() {
    let origin = Origin::new(ONLY_12).await;
    let settings = [
        "ciphers_client=ECDHE-ECDSA-CHACHA20-POLY1305",
        "ciphers_server=ECDHE-ECDSA-AES128-GCM-SHA256",
    ];
    let got = through(&settings, &origin, ONLY_12).await.unwrap();
    assert!(got.cipher.contains("CHACHA20"), "{}", got.cipher);
    assert!(origin.next().await.cipher.contains("AES_128_GCM"));
    let proxy = Proxy::start(&[MODE]).await;
    for side in ["client", "server"] {
        for bad in ["RC4-MD5", "NULL-SHA256", "nonsense", ""] {
            let setting = format!("ciphers_{side}={bad}");
            let error = proxy.kernel.options().set(&[&setting]).unwrap_err();
            let error = error.to_string();
            assert!(!error.contains('\n') && error.contains("cipher"), "{error}");
        }
    }
    assert_eq!(proxy.kernel.options().load().ciphers_client, None);
}

#[tokio::test]
async fn certificates_for_the_server_come_from_a_file_or_a_folder() {
    let origin = Origin::new(ANY).await;
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["me".to_owned()]).unwrap();
    let pem = made.signing_key.serialize_pem() + &made.cert.pem();
    let file = dir.path().join("localhost.pem");
    std::fs::write(&file, pem).unwrap();
    let shown = async |path: &Path| {
        let setting = format!("client_certs={}", path.display());
        through(&[&setting], &origin, ANY).await.unwrap();
        origin.next().await.chain
    };
    assert_eq!(shown(&file).await, [made.cert.der().to_vec()]);
    assert_eq!(shown(dir.path()).await, [made.cert.der().to_vec()]);
    let empty = tempfile::tempdir().unwrap();
    assert!(shown(empty.path()).await.is_empty());
    let proxy = Proxy::start(&[MODE]).await;
    let missing = format!("client_certs={}", dir.path().join("none").display());
    let error = proxy.kernel.options().set(&[&missing]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("Client certificate path does not exist: ")
    );
}

#[tokio::test]
async fn certificates_of_the_user_are_shown_to_clients() {
    let origin = Origin::new(ANY).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.pem");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&file, made.signing_key.serialize_pem() + &made.cert.pem()).unwrap();
    let shown = async |spec: String| {
        let proxy = Proxy::start(&[MODE, &format!("certs={spec}")]).await;
        let mut config = client(&proxy, ANY);
        let mut roots = rustls::RootCertStore::empty();
        roots.add(proxy.authority()).unwrap();
        roots
            .add(CertificateDer::from_pem_file(&file).unwrap())
            .unwrap();
        config = ClientConfig::builder_with_provider(Arc::clone(config.crypto_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (_, seen) = open(&proxy, origin.address, &Arc::new(config))
            .await
            .unwrap();
        seen.chain[0] == made.cert.der().to_vec()
    };
    let path = file.display().to_string();
    assert!(shown(path.clone()).await);
    assert!(shown(format!("localhost={path}")).await);
    // It is registered under its own names too.
    assert!(shown(format!("other.test={path}")).await);
    let proxy = Proxy::start(&[MODE]).await;
    let error = proxy.kernel.options().set(&["certs=/no/such"]).unwrap_err();
    let expected = "Certificate file does not exist: /no/such";
    assert!(error.to_string().contains(expected), "{error}");
}

#[tokio::test]
async fn the_names_of_the_servers_certificate_are_taken_over() {
    let origin = Origin::new(ANY).await;
    let names = async |setting: &str| {
        let shown = through(&[setting], &origin, ANY).await.unwrap();
        let der = &shown.chain[0];
        memchr::memmem::find(der, b"also.test").is_some()
    };
    assert!(names("upstream_cert=true").await);
    assert!(!names("upstream_cert=false").await);
}

#[tokio::test]
async fn the_servers_chain_may_be_appended() {
    let origin = Origin::new(ANY).await;
    let with = "add_upstream_certs_to_client_chain=true";
    let shown = through(&[with], &origin, ANY).await.unwrap();
    assert_eq!(shown.chain.last(), Some(&origin.certificate));
    let shown = through(&[], &origin, ANY).await.unwrap();
    assert!(!shown.chain.contains(&origin.certificate));
    let proxy = Proxy::start(&[MODE]).await;
    let options = proxy.kernel.options();
    let error = options.set(&[with, "upstream_cert=false"]).unwrap_err();
    let expected =
        "add_upstream_certs_to_client_chain requires the upstream_cert option to be enabled.";
    assert!(error.to_string().contains(expected), "{error}");
}

/// What hooks saw of both sides.
type Facts = Arc<Mutex<(Option<ClientConn>, Option<ServerConn>)>>;

fn record(proxy: &Proxy) -> Facts {
    let facts = Facts::default();
    let kept = Arc::clone(&facts);
    *proxy.seen.act.lock().unwrap() = Some(Box::new(move |event| match event {
        Event::TlsEstablishedClient(data) | Event::TlsFailedClient(data) => {
            kept.lock().unwrap().0 = Some((*data.client).clone());
        }
        Event::TlsEstablishedServer(data) | Event::TlsFailedServer(data) => {
            kept.lock().unwrap().1 = Some((*data.server).clone());
        }
        _ => {}
    }));
    facts
}

#[tokio::test]
async fn facts_stand_at_the_connections() {
    let origin = Origin::new(HTTP1).await;
    let proxy = Proxy::start(&[MODE, "request_client_cert=true"]).await;
    let facts = record(&proxy);
    let made = rcgen::generate_simple_self_signed(vec!["me".to_owned()]).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(proxy.authority()).unwrap();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![made.cert.der().clone()],
            PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = protocols(&["h2", "http/1.1"]);
    let (mut conn, seen) = open(&proxy, origin.address, &Arc::new(config))
        .await
        .unwrap();
    exchange(&mut conn, GET).await;
    let (near, far) = facts.lock().unwrap().clone();
    let (near, far) = (near.unwrap(), far.unwrap());
    assert_eq!(near.tls_version.as_deref(), Some("TLSv1.3"));
    assert!(near.cipher.clone().unwrap().starts_with("TLS_"));
    assert_eq!(near.sni.as_deref(), Some("localhost"));
    assert_eq!(near.alpn_offers, ["h2", "http/1.1"]);
    assert_eq!(near.alpn.as_deref(), Some(&b"http/1.1"[..]));
    assert!(!near.cipher_list.is_empty() && near.timestamp_tls_setup.is_some());
    let shown = near.mitmcert.clone().unwrap().to_der().unwrap();
    assert_eq!(shown, seen.chain[0]);
    let client = near.certificate_list[0].to_der().unwrap();
    assert_eq!(client, made.cert.der().to_vec());
    assert_eq!(far.tls_version.as_deref(), Some("TLSv1.3"));
    assert_eq!(far.sni.as_deref(), Some("localhost"));
    assert_eq!(far.alpn.as_deref(), Some(&b"http/1.1"[..]));
    assert_eq!(
        far.certificate_list[0].to_der().unwrap(),
        origin.certificate
    );
}

#[tokio::test]
async fn failed_handshakes_are_seen_with_their_reason() {
    let origin = Origin::new(ANY).await;
    let proxy = Proxy::start(&[MODE]).await;
    let facts = record(&proxy);
    let nobody = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    assert!(
        open(&proxy, origin.address, &Arc::new(nobody))
            .await
            .is_err()
    );
    proxy.seen.until("tls_failed_client").await;
    let error = facts
        .lock()
        .unwrap()
        .0
        .clone()
        .unwrap()
        .error
        .clone()
        .unwrap();
    assert!(error.contains("unknown ca"), "{error}");

    let proxy = Proxy::start(&[MODE, "ssl_insecure=false"]).await;
    let facts = record(&proxy);
    let config = Arc::new(client(&proxy, ANY));
    let (mut conn, _) = open(&proxy, origin.address, &config).await.unwrap();
    let (head, _) = exchange(&mut conn, GET).await;
    assert!(head.starts_with("HTTP/1.1 502"), "{head}");
    let error = facts
        .lock()
        .unwrap()
        .1
        .clone()
        .unwrap()
        .error
        .clone()
        .unwrap();
    assert!(
        error.to_lowercase().contains("certificate verify failed"),
        "{error}"
    );
}

#[tokio::test]
async fn what_the_server_agrees_to_is_what_the_client_gets() {
    let check = async |settings: &[&str], server: End, client: End, agreed: Option<&str>| {
        let origin = Origin::new(server).await;
        let got = through(settings, &origin, client).await.unwrap();
        assert_eq!(got.alpn.as_deref(), agreed, "{settings:?}");
        origin.next().await.alpn
    };
    check(&[], HTTP2, HTTP2, Some("h2")).await;
    check(&[], HTTP1, HTTP2, Some("http/1.1")).await;
    check(&[], ANY, HTTP2, None).await;
    check(&[], HTTP2, HTTP1, Some("http/1.1")).await;
    let far = check(&[], HTTP2, ANY, None).await;
    assert_eq!(
        far, None,
        "nothing is offered for a client that offers nothing"
    );
    check(&["http2=false"], HTTP2, HTTP2, Some("http/1.1")).await;
}

#[tokio::test]
async fn without_a_server_the_first_offer_is_agreed_to() {
    let origin = Origin::new(HTTP1).await;
    let lazy = "connection_strategy=lazy";
    let got = through(&[lazy], &origin, HTTP2).await.unwrap();
    assert_eq!(got.alpn.as_deref(), Some("h2"));
    assert!(origin.seen.lock().await.try_recv().is_err());
    let got = through(&[lazy, "http2=false"], &origin, HTTP2).await;
    assert_eq!(got.unwrap().alpn.as_deref(), Some("http/1.1"));
}

#[tokio::test]
async fn sessions_are_resumed_on_both_sides() {
    for end in [
        HTTP1,
        End {
            alpn: &["http/1.1"],
            ..ONLY_12
        },
    ] {
        let origin = Origin::new(end).await;
        let proxy = Proxy::start(&[MODE]).await;
        let mut config = client(&proxy, end);
        config.resumption = Resumption::in_memory_sessions(8);
        let config = Arc::new(config);
        for round in 0..3 {
            let (mut conn, seen) = open(&proxy, origin.address, &config).await.unwrap();
            exchange(&mut conn, GET).await;
            assert_eq!(seen.resumed, round > 0, "client, {round}");
            assert_eq!(origin.next().await.resumed, round > 0, "server, {round}");
        }
    }
}
