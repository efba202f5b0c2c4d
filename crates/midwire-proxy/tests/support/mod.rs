//! A proxy in the test's own process, and the two ends that talk through it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "tests fail by panic, and not every test uses all of its support"
)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use midwire_core::hooks::{Addon, Hook, HookSet};
use midwire_core::log::LogStream;
use midwire_core::options::{OptionStore, Options, Tool};
use midwire_core::{Kernel, Link};
use midwire_flow::{FlowError, HttpFlow};
use midwire_proxy::Engine;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) type ClientTls = tokio_rustls::client::TlsStream<TcpStream>;
pub(crate) type ServerTls = tokio_rustls::server::TlsStream<TcpStream>;

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) flows: Arc<Recorder>,
    confdir: tempfile::TempDir,
    _engine: Arc<Engine>,
}

/// Remembers how flows ended.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) ended: Mutex<Vec<HttpFlow>>,
    /// WebSocket conversations that are over.
    pub(crate) talked: Mutex<Vec<HttpFlow>>,
    pub(crate) kill: Mutex<Option<&'static str>>,
}

impl Addon for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::of(&[
            Hook::Requestheaders,
            Hook::Response,
            Hook::Error,
            Hook::WebsocketEnd,
        ])
    }

    fn requestheaders(&self, _: &Kernel, flow: &mut HttpFlow) {
        let path = *self.kill.lock().unwrap();
        if path.is_some_and(|path| flow.request.path == path) {
            flow.info.error = Some(FlowError::new(FlowError::KILLED));
        }
    }

    fn response(&self, _: &Kernel, flow: &mut HttpFlow) {
        self.ended.lock().unwrap().push(flow.clone());
    }

    fn websocket_end(&self, _: &Kernel, flow: &mut HttpFlow) {
        self.talked.lock().unwrap().push(flow.clone());
    }

    fn error(&self, _: &Kernel, flow: &mut HttpFlow) {
        self.ended.lock().unwrap().push(flow.clone());
    }
}

impl Proxy {
    /// Starts one on a free port.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let confdir = tempfile::tempdir().unwrap();
        let options = OptionStore::new(Tool::Dump);
        let mut all = vec![
            format!("confdir={}", confdir.path().display()),
            "mode=regular@127.0.0.1:0".to_owned(),
            "ssl_insecure=true".to_owned(),
        ];
        all.extend(settings.iter().map(|one| (*one).to_owned()));
        options.set(&all).unwrap();
        let kernel = Arc::new(Kernel::new(options, LogStream::default()));
        let flows = Arc::new(Recorder::default());
        kernel
            .set_addons(vec![Link::Sync(Arc::clone(&flows) as Arc<dyn Addon>)])
            .unwrap();
        let engine = Engine::new(&kernel).unwrap();
        engine.listen().await.unwrap();
        Self {
            address: engine.listening()[0],
            flows,
            confdir,
            _engine: engine,
        }
    }

    /// A TLS connection through the proxy.
    pub(crate) async fn tunnel(&self, to: SocketAddr, alpn: &[&str]) -> ClientTls {
        let mut tcp = TcpStream::connect(self.address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let host = format!("localhost:{}", to.port());
        let ask = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        tcp.write_all(ask.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tcp.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 200"), "{}", head.escape_ascii());
        let mut roots = rustls::RootCertStore::empty();
        let ca = self.confdir.path().join("mitmproxy-ca-cert.pem");
        roots
            .add(CertificateDer::from_pem_file(ca).unwrap())
            .unwrap();
        let mut config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols(alpn);
        let name = ServerName::try_from("localhost").unwrap();
        tokio_rustls::TlsConnector::from(Arc::new(config))
            .connect(name, tcp)
            .await
            .unwrap()
    }

    /// An HTTP/2 connection through the proxy.
    pub(crate) async fn h2(&self, to: SocketAddr) -> h2::client::SendRequest<Bytes> {
        let tls = self.tunnel(to, &["h2", "http/1.1"]).await;
        assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, connection) = h2::client::Builder::new()
            .initial_connection_window_size(1 << 20)
            .handshake(tls)
            .await
            .unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
        });
        sender
    }
}

/// An HTTP/2 connection to a server, without a proxy, whose certificate is taken as it is.
pub(crate) async fn direct_h2(to: SocketAddr) -> h2::client::SendRequest<Bytes> {
    let tcp = TcpStream::connect(to).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider())))
        .with_no_client_auth();
    config.alpn_protocols = protocols(&["h2"]);
    let name = ServerName::try_from("localhost").unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let tls = connector.connect(name, tcp).await.unwrap();
    let (sender, connection) = h2::client::handshake(tls).await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    sender
}

#[derive(Debug)]
struct Anybody(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn protocols(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

/// An origin with a certificate of its own; `serve` runs for every connection.
pub(crate) async fn origin<F, S>(alpn: &[&str], serve: S) -> SocketAddr
where
    S: Fn(ServerTls) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols(alpn);
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            tcp.set_nodelay(true).unwrap();
            if let Ok(tls) = acceptor.accept(tcp).await {
                tokio::spawn(serve(tls));
            }
        }
    });
    address
}

/// Sends content as the windows allow.
pub(crate) async fn send_all(
    stream: &mut h2::SendStream<Bytes>,
    mut data: Bytes,
) -> Result<(), h2::Error> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
        let Some(room) = room else { return Ok(()) };
        let piece = data.split_to(room?.min(data.len()));
        stream.send_data(piece, false)?;
    }
    Ok(())
}

/// Receives one piece of content.
pub(crate) async fn receive(content: &mut h2::RecvStream) -> Option<Result<Bytes, h2::Error>> {
    let piece = content.data().await?;
    if let Ok(piece) = &piece {
        content
            .flow_control()
            .release_capacity(piece.len())
            .unwrap();
    }
    Some(piece)
}

/// Receives all content; an error is what ended it early.
pub(crate) async fn receive_all(content: &mut h2::RecvStream) -> (Vec<u8>, Option<h2::Error>) {
    let mut all = Vec::new();
    while let Some(piece) = receive(content).await {
        match piece {
            Ok(piece) => all.extend_from_slice(&piece),
            Err(error) => return (all, Some(error)),
        }
    }
    (all, None)
}
