//! A proxy in the test's own process, a recorder of its hooks, and the two ends that talk through it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use midwire_core::hooks::{Addon, Event, Hook, HookSet};
use midwire_core::log::LogStream;
use midwire_core::options::{OptionStore, Options, Tool};
use midwire_core::{AsyncAddon, BoxFuture, Kernel, Link};
use midwire_proxy::Engine;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Longest wait for anything before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Anything to talk over.
pub(crate) trait Talk: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Talk for T {}
pub(crate) type Conn = Box<dyn Talk>;

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) seen: Arc<Recorder>,
    confdir: tempfile::TempDir,
}

/// What a hook does to the server's connection in `server_connect`, the path of a request, and so on.
type Act = Box<dyn Fn(&mut Event<'_>) + Send + Sync>;

/// Remembers the hooks that ran, in their order.
#[derive(Default)]
pub(crate) struct Recorder {
    names: Mutex<Vec<&'static str>>,
    more: Notify,
    pub(crate) act: Mutex<Option<Act>>,
}

impl Recorder {
    /// Waits until these hooks have run, and nothing else; those that only differ in their order are told apart.
    pub(crate) async fn expect(&self, expected: &str) {
        let expected: Vec<&str> = expected.split_whitespace().collect();
        let wait = async {
            loop {
                let more = self.more.notified();
                if self.names.lock().unwrap().len() >= expected.len() {
                    return;
                }
                more.await;
            }
        };
        let complete = tokio::time::timeout(PATIENCE, wait).await.is_ok();
        assert_eq!(*self.names.lock().unwrap(), expected);
        assert!(complete);
    }

    /// Waits until this hook has run.
    pub(crate) async fn until(&self, name: &str) {
        let wait = async {
            loop {
                let more = self.more.notified();
                if self.count(name) > 0 {
                    return;
                }
                more.await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        let names = self.names.lock().unwrap();
        names.iter().filter(|one| **one == name).count()
    }
}

impl Addon for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::of(Hook::ALL)
    }
}

impl AsyncAddon for Recorder {
    fn call<'a>(&'a self, _: &'a Kernel, mut event: Event<'a>) -> BoxFuture<'a, ()> {
        self.names.lock().unwrap().push(event.hook().name());
        self.more.notify_waiters();
        if let Some(act) = &*self.act.lock().unwrap() {
            act(&mut event);
        }
        Box::pin(std::future::ready(()))
    }
}

impl Proxy {
    /// Starts one with these settings; `mode` should name port 0.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let confdir = tempfile::tempdir().unwrap();
        let options = OptionStore::new(Tool::Dump);
        let mut all = vec![format!("confdir={}", confdir.path().display())];
        if !settings.iter().any(|one| one.starts_with("ssl_insecure")) {
            all.push("ssl_insecure=true".to_owned());
        }
        all.extend(settings.iter().map(|one| (*one).to_owned()));
        options.set(&all).unwrap();
        let kernel = Arc::new(Kernel::new(options, LogStream::default()));
        let seen = Arc::new(Recorder::default());
        let link = Link::Async(Arc::clone(&seen) as Arc<dyn AsyncAddon>);
        kernel.set_addons(vec![link]).unwrap();
        let engine = Engine::new(&kernel).unwrap();
        engine.listen().await.unwrap();
        Self {
            kernel,
            engine,
            seen,
            confdir,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.engine.listening()[0]
    }

    pub(crate) async fn connect(&self) -> Conn {
        Box::new(TcpStream::connect(self.address()).await.unwrap())
    }

    /// The certificate of the proxy's authority.
    pub(crate) fn authority(&self) -> CertificateDer<'static> {
        let ca = self.confdir.path().join("mitmproxy-ca-cert.pem");
        CertificateDer::from_pem_file(ca).unwrap()
    }

    /// Starts TLS that trusts the proxy's authority.
    pub(crate) async fn tls(&self, conn: Conn, name: &str) -> Conn {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.authority()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        Box::new(connector.connect(name, conn).await.unwrap())
    }

    /// A tunnel by CONNECT.
    pub(crate) async fn tunnel(&self, to: &str) -> Conn {
        let mut conn = self.connect().await;
        let (head, _) = exchange(
            &mut conn,
            &format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n"),
        )
        .await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        conn
    }

    /// Waits until the listeners satisfy a condition.
    pub(crate) async fn listeners(&self, condition: impl Fn(&[SocketAddr]) -> bool) {
        let wait = async {
            while !condition(&self.engine.listening()) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    }
}

/// Sends a request and reads a response: its head and content.
pub(crate) async fn exchange(conn: &mut Conn, request: &str) -> (String, String) {
    conn.write_all(request.as_bytes()).await.unwrap();
    conn.flush().await.unwrap();
    let head = read_head(conn).await;
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    let mut content = vec![0; length];
    conn.read_exact(&mut content).await.unwrap();
    (head, String::from_utf8(content).unwrap())
}

async fn read_head(conn: &mut Conn) -> String {
    let mut head = Vec::new();
    let read = async {
        while !head.ends_with(b"\r\n\r\n") {
            match conn.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap();
    String::from_utf8(head).unwrap()
}

/// What an origin does with a connection.
#[derive(Clone, Copy)]
pub(crate) enum Serve {
    /// Answers requests with their heads as content.
    Http,
    /// Sends what it gets in upper case.
    Shout,
    /// Grants CONNECT and passes on; answers other requests like [`Serve::Http`].
    Proxy,
    /// Refuses every request with 407.
    Refuse,
}

/// A server on a free port; with TLS under a certificate of its own if wanted.
pub(crate) async fn origin(serve: Serve, tls: Option<&str>) -> SocketAddr {
    let acceptor = tls.map(|name| {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        tokio_rustls::TlsAcceptor::from(Arc::new(config))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut sni = None;
                let conn: Conn = match acceptor {
                    None => Box::new(tcp),
                    Some(acceptor) => match acceptor.accept(tcp).await {
                        Ok(tls) => {
                            sni = tls.get_ref().1.server_name().map(str::to_owned);
                            Box::new(tls)
                        }
                        Err(_) => return,
                    },
                };
                match serve {
                    Serve::Shout => shout(conn).await,
                    _ => answer(conn, serve, sni).await,
                }
            });
        }
    });
    address
}

async fn shout(mut conn: Conn) {
    let mut buf = [0; 1024];
    while let Ok(n @ 1..) = conn.read(&mut buf).await {
        buf[..n].make_ascii_uppercase();
        if conn.write_all(&buf[..n]).await.is_err() || conn.flush().await.is_err() {
            return;
        }
    }
}

async fn answer(mut conn: Conn, serve: Serve, sni: Option<String>) {
    loop {
        let head = read_head(&mut conn).await;
        if head.is_empty() {
            return;
        }
        if matches!(serve, Serve::Proxy) && head.starts_with("CONNECT ") {
            let to = head.split(' ').nth(1).unwrap();
            let Ok(mut server) = TcpStream::connect(to).await else {
                return;
            };
            conn.write_all(b"HTTP/1.1 200 OK\r\nX-Hop: 1\r\n\r\n")
                .await
                .unwrap();
            conn.flush().await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut conn, &mut server).await;
            return;
        }
        let content = match &sni {
            Some(sni) => format!("{head}sni: {sni}\r\n"),
            None => head,
        };
        let status = match serve {
            Serve::Refuse => "407 Go Away",
            _ => "200 OK",
        };
        let response = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{content}",
            content.len()
        );
        if conn.write_all(response.as_bytes()).await.is_err() || conn.flush().await.is_err() {
            return;
        }
    }
}

/// A port on which nobody listens.
pub(crate) async fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// Asks clients for a certificate, and takes any or none.
pub(crate) fn any_client_certificate() -> Arc<dyn ClientCertVerifier> {
    Arc::new(AnyClient(provider()))
}

#[derive(Debug)]
struct AnyClient(Arc<rustls::crypto::CryptoProvider>);

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[rustls::DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let supported = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, supported)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let supported = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, supported)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
