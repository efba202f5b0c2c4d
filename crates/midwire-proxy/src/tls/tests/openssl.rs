//! Handshakes with OpenSSL, where it is installed, over loopback.

use std::process::Stdio;

use tokio::net::{TcpListener, TcpStream};

use super::*;

fn openssl() -> Option<PathBuf> {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|directory| directory.join("openssl"))
        .find(|path| path.is_file());
    if found.is_none() {
        println!("SKIPPED: openssl is not installed");
    }
    found
}

/// Runs `openssl s_client` against a server of ours; its output and our outcome.
async fn s_client(
    server: &ServerSide,
    parameters: &ServerParameters,
    arguments: &[&str],
) -> Option<(String, Result<TlsFacts, TlsError>)> {
    let program = openssl()?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let child = std::process::Command::new(program)
        .args(["s_client", "-connect", &address])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let outcome = ServerSide::accept(stream, server.config(parameters).unwrap()).await;
    let facts = match outcome {
        Ok((mut stream, facts)) => {
            stream.write_all(b"hello").await.unwrap();
            let _ = stream.shutdown().await;
            Ok(facts)
        }
        Err(error) => Err(error),
    };
    let output = tokio::task::spawn_blocking(|| child.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Some((text, facts))
}

#[tokio::test]
async fn openssl_as_client() {
    let fixture = Fixture::new();
    let server = server_side(DownstreamTls::default());
    let parameters = fixture.server("a.test", &["h2", "http/1.1"]);
    let ca = fixture.path("mitmproxy-ca-cert.pem");
    let trusted = [
        "-CAfile",
        ca.to_str().unwrap(),
        "-verify_hostname",
        "a.test",
        "-verify_return_error",
    ];
    for (more, version, cipher) in [
        (
            &["-alpn", "http/1.1"][..],
            "TLSv1.3",
            "TLS_AES_256_GCM_SHA384",
        ),
        (
            &["-tls1_2", "-alpn", "http/1.1"][..],
            "TLSv1.2",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
        ),
    ] {
        let arguments = [&trusted, more].concat();
        let Some((text, facts)) = s_client(&server, &parameters, &arguments).await else {
            return;
        };
        let facts = facts.unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!((facts.version, facts.cipher), (version, cipher));
        assert_eq!(facts.alpn.as_deref(), Some(b"http/1.1".as_slice()));
        assert!(text.contains(&format!("Cipher is {cipher}")), "{text}");
        assert!(text.contains("Verification: OK"), "{text}");
    }
    let (_, refused) = s_client(
        &server,
        &parameters,
        &["-verify_return_error", "-verify", "1"],
    )
    .await
    .unwrap();
    let error = refused.unwrap_err();
    assert!(
        matches!(error, TlsError::PeerRejectedCertificate(_)),
        "{error:?}"
    );
    let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    let (_, refused) = s_client(&server, &parameters, &old).await.unwrap();
    let error = refused.unwrap_err();
    assert!(matches!(error, TlsError::VersionMismatch(_)), "{error:?}");
}

#[tokio::test]
async fn odd_server_names_end_well() {
    let fixture = Fixture::new();
    let server = server_side(DownstreamTls::default());
    let parameters = fixture.server("a.test", &[]);
    for (name, expected) in [("a_b.test", Some("a_b.test")), ("A.test", Some("a.test"))] {
        let Some((_, facts)) = s_client(&server, &parameters, &["-servername", name]).await else {
            return;
        };
        assert_eq!(facts.unwrap().sni.as_deref(), expected);
    }
    // An address is no server name (RFC 6066 §3) but harmless; rustls refuses the others itself.
    for (hostile, is_refused) in [
        ("127.0.0.1", false),
        ("a b", true),
        ("*.test", true),
        ("<b>", true),
        ("a..b", true),
    ] {
        let arguments = ["-servername", hostile];
        let (_, outcome) = s_client(&server, &parameters, &arguments).await.unwrap();
        match outcome {
            Ok(facts) => assert!(!is_refused && facts.sni.is_none(), "{hostile}: {facts:?}"),
            Err(error) => {
                let is_fault = matches!(error, TlsError::Protocol(_));
                assert!(is_refused && is_fault, "{hostile}: {error:?}");
            }
        }
    }
}

/// Keys and digests that a browser refuses; the server speaks them with security switched off.
#[tokio::test]
async fn weak_certificates_need_ssl_insecure() {
    let Some(program) = openssl() else { return };
    for (key, digest) in [("rsa:1024", "-sha256"), ("rsa:2048", "-sha1")] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        make_certificate(
            &program,
            path,
            &[key, digest, "-addext", "basicConstraints=CA:FALSE"],
        );
        let server = Server::start(&program, path, &["-cipher", "ALL:@SECLEVEL=0"]).await;
        let strict = UpstreamTls {
            verify: Verify::default(),
            ..Default::default()
        };
        let insecure = UpstreamTls {
            verify: Verify::None,
            ..Default::default()
        };
        let outcome = async |options| {
            let client = ClientSide::new(options).unwrap();
            let stream = TcpStream::connect(&server.address).await.unwrap();
            client
                .connect(stream, "a.test", Some("a.test"), &[])
                .await
                .map(|(_, facts)| facts)
        };
        outcome(insecure)
            .await
            .unwrap_or_else(|error| panic!("{key} {digest}: {error}"));
        let error = outcome(strict).await.unwrap_err();
        assert!(
            matches!(error, TlsError::Verification(_)),
            "{key} {digest}: {error:?}"
        );
    }
}

#[tokio::test]
async fn openssl_as_server() {
    let Some(program) = openssl() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    make_certificate(&program, path, &["rsa:2048"]);
    let arguments = ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"];
    let server = Server::start(&program, path, &arguments).await;

    let trusting = UpstreamTls {
        verify: trusting(&path.join("c.pem")),
        ..Default::default()
    };
    let client = ClientSide::new(trusting).unwrap();
    let stream = TcpStream::connect(&server.address).await.unwrap();
    let (mut stream, facts) = client
        .connect(stream, "127.0.0.1", Some("a.test"), &[])
        .await
        .unwrap();
    assert_eq!(
        (facts.version, facts.cipher),
        ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")
    );
    assert_eq!(facts.peer_certificates.len(), 1);
    stream.write_all(b"abc\n").await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"cba\n");
    drop(stream);

    let stranger = ClientSide::new(UpstreamTls::default()).unwrap();
    let stream = TcpStream::connect(&server.address).await.unwrap();
    let error = stranger
        .connect(stream, "a.test", Some("a.test"), &[])
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Certificate verify failed: self-signed certificate"
    );
}

/// Makes `k.pem` and `c.pem`, self-signed for `a.test`.
fn make_certificate(program: &Path, directory: &Path, arguments: &[&str]) {
    let made = std::process::Command::new(program)
        .args([
            "req", "-x509", "-nodes", "-keyout", "k.pem", "-out", "c.pem", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=x",
            "-addext",
            "subjectAltName=DNS:a.test",
            "-newkey",
        ])
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}

/// `openssl s_server` that sends each line back reversed. Ends with the test.
struct Server {
    child: std::process::Child,
    address: String,
}

impl Server {
    async fn start(program: &Path, directory: &Path, arguments: &[&str]) -> Self {
        let mut child = std::process::Command::new(program)
            .args([
                "s_server",
                "-accept",
                "127.0.0.1:0",
                "-cert",
                "c.pem",
                "-key",
                "k.pem",
                "-rev",
            ])
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        // It says which port it got: `ACCEPT 127.0.0.1:40001`.
        let address = tokio::task::spawn_blocking(move || {
            let mut lines = io::BufRead::lines(io::BufReader::new(output));
            lines.find_map(|line| Some(line.ok()?.strip_prefix("ACCEPT ")?.to_owned()))
        });
        let address = address.await.unwrap();
        Self {
            child,
            address: address.unwrap(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
