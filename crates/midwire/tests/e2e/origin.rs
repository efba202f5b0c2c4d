//! Origin servers whose every byte a test decides on.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What an origin does with one connection: it gets each request head and writes the answer.
pub(crate) type Answer = dyn Fn(&str, &mut dyn Write) -> bool + Send + Sync;

/// A server on a free port of loopback. Its thread ends with the process.
pub(crate) struct Origin {
    pub(crate) port: u16,
}

impl Origin {
    /// Serves HTTP/1 over plain TCP. The answer says whether the connection goes on.
    pub(crate) fn plain(
        answer: impl Fn(&str, &mut dyn Write) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::start(Arc::new(answer), None)
    }

    /// Serves HTTP/1 over TLS.
    pub(crate) fn tls(
        authority: &Authority,
        answer: impl Fn(&str, &mut dyn Write) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::start(Arc::new(answer), Some(authority.server()))
    }

    /// Serves HTTP/2 over TLS; each answer repeats method and path.
    pub(crate) fn http2(authority: &Authority) -> Self {
        let mut config = (*authority.server()).clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((tcp, _)) = listener.accept().await {
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        let Ok(tls) = acceptor.accept(tcp).await else {
                            return;
                        };
                        let Ok(mut connection) = h2::server::handshake(tls).await else {
                            return;
                        };
                        while let Some(Ok((request, mut reply))) = connection.accept().await {
                            let said = format!("h2 {} {}", request.method(), request.uri().path());
                            if let Ok(mut stream) =
                                reply.send_response(http::Response::new(()), false)
                            {
                                let _ = stream.send_data(bytes::Bytes::from(said), true);
                            }
                        }
                    });
                }
            });
        });
        Self { port }
    }

    fn start(answer: Arc<Answer>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for tcp in listener.incoming().map_while(Result::ok) {
                let (answer, tls) = (Arc::clone(&answer), tls.clone());
                std::thread::spawn(move || {
                    let _ = tcp.set_nodelay(true);
                    match tls {
                        None => serve(tcp, &*answer),
                        Some(config) => {
                            let Ok(session) = ServerConnection::new(config) else {
                                return;
                            };
                            serve(StreamOwned::new(session, tcp), &*answer);
                        }
                    }
                });
            }
        });
        Self { port }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

fn serve(mut stream: impl std::io::Read + Write, answer: &Answer) {
    let mut seen = Vec::new();
    let mut byte = [0];
    while matches!(stream.read(&mut byte), Ok(1)) {
        seen.push(byte[0]);
        if seen.ends_with(b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&seen).into_owned();
            seen.clear();
            if !answer(&head, &mut stream) || stream.flush().is_err() {
                return;
            }
        }
    }
}

/// A throw-away authority that signs a certificate for `localhost`.
pub(crate) struct Authority {
    pub(crate) dir: tempfile::TempDir,
    config: Arc<ServerConfig>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "test authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        leaf.extended_key_usages
            .push(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                key.serialize_der().try_into().unwrap(),
            )
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), issuer.pem()).unwrap();
        let both = key.serialize_pem() + &leaf.pem();
        std::fs::write(dir.path().join("server.pem"), both).unwrap();
        Self {
            dir,
            config: Arc::new(config),
        }
    }

    /// The authority's certificate as a PEM file.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// The key and certificate for `localhost` as a PEM file, for servers in other programs.
    pub(crate) fn key_and_certificate(&self) -> PathBuf {
        self.dir.path().join("server.pem")
    }

    fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// Writes a response with a length.
pub(crate) fn respond(out: &mut dyn Write, fields: &str, content: &[u8]) -> bool {
    let head = format!(
        "HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n",
        content.len()
    );
    out.write_all(&[head.as_bytes(), content].concat()).is_ok()
}

/// A plain connection through the proxy, for what curl cannot do.
pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(crate::program::PATIENCE))
        .unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}
