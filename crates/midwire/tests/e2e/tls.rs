//! HTTPS: interception with our authority, verification of theirs.

use std::io::{Read as _, Write as _};

use crate::origin::{Authority, Origin, respond};
use crate::program::{Program, curl};

#[test]
fn https_is_intercepted_for_a_client_that_trusts_us() {
    let authority = Authority::new();
    let origin = Origin::tls(&authority, |_, out| respond(out, "", b"secret"));
    let trusted = format!(
        "ssl_verify_upstream_trusted_ca={}",
        authority.file().display()
    );
    let mut program = Program::dump(&["--set", &trusted]);
    let ca = program.file("mitmproxy-ca-cert.pem");
    let url = format!("https://localhost:{}/hidden", origin.port);
    let proxy = program.proxy();
    let args = ["-x", &proxy, "--cacert", ca.to_str().unwrap(), &url];
    assert_eq!(curl(&args).unwrap(), "secret");
    program.wait_for("GET https://localhost:");
    program.wait_for("200 OK 6b");
    // A client that does not trust our authority gets nothing, and the program goes on.
    assert!(curl(&["-x", &proxy, &url]).is_err());
    assert_eq!(curl(&args).unwrap(), "secret");
    assert_eq!(program.stop().0, 0);
}

#[test]
fn a_server_that_is_not_trusted_gives_502() {
    let authority = Authority::new();
    let origin = Origin::tls(&authority, |_, out| respond(out, "", b"secret"));
    let program = Program::dump(&[]);
    let ca = program.file("mitmproxy-ca-cert.pem");
    let url = format!("https://localhost:{}/", origin.port);
    let page = curl(&[
        "-i",
        "-x",
        &program.proxy(),
        "--cacert",
        ca.to_str().unwrap(),
        &url,
    ])
    .unwrap();
    assert!(
        page.contains("502 Bad Gateway") && page.to_lowercase().contains("certificate"),
        "{page}"
    );
    let insecure = Program::dump(&["-k"]);
    let ca = insecure.file("mitmproxy-ca-cert.pem");
    let text = curl(&[
        "-x",
        &insecure.proxy(),
        "--cacert",
        ca.to_str().unwrap(),
        &url,
    ])
    .unwrap();
    assert_eq!(text, "secret");
}

#[test]
fn a_body_cut_without_close_notify_does_not_look_whole() {
    let authority = Authority::new();
    let origin = Origin::tls(&authority, |_, out| {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        out.write_all(format!("{head}only the first half").as_bytes())
            .unwrap();
        out.flush().unwrap();
        false
    });
    let trusted = format!(
        "ssl_verify_upstream_trusted_ca={}",
        authority.file().display()
    );
    let program = Program::dump(&["--set", &trusted]);
    let ca = program.file("mitmproxy-ca-cert.pem");
    let url = format!("https://localhost:{}/cut", origin.port);
    let got = curl(&[
        "-x",
        &program.proxy(),
        "--cacert",
        ca.to_str().unwrap(),
        &url,
    ]);
    assert!(
        got.is_err(),
        "curl took a cut body for a whole one: {got:?}"
    );
    assert_eq!(program.stop().0, 0);
}

#[test]
fn secrets_are_written_to_the_key_log_of_the_environment() {
    let authority = Authority::new();
    let origin = Origin::tls(&authority, |_, out| respond(out, "", b"secret"));
    let dir = tempfile::tempdir().unwrap();
    let (ours, other) = (
        dir.path().join("made/ours.log"),
        dir.path().join("other.log"),
    );
    let before = [
        "env".to_owned(),
        format!("MITMPROXY_SSLKEYLOGFILE={}", ours.display()),
        format!("SSLKEYLOGFILE={}", other.display()),
    ];
    let args = ["--listen-host", "127.0.0.1", "-p", "0", "-k"];
    let program = Program::start_in(&before, &args);
    let ca = program.file("mitmproxy-ca-cert.pem");
    let url = format!("https://localhost:{}/", origin.port);
    let proxy = program.proxy();
    curl(&["-x", &proxy, "--cacert", ca.to_str().unwrap(), &url]).unwrap();
    let text = std::fs::read_to_string(&ours).unwrap();
    let randoms: std::collections::BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    assert_eq!(randoms.len(), 2, "one for each side: {text}");
    assert!(!other.exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&ours).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_client_that_refuses_our_certificate_passes_untouched_when_that_is_learned() {
    let authority = Authority::new();
    let origin = Origin::tls(&authority, |_, out| respond(out, "", b"secret"));
    let theirs = authority.file();
    let theirs = theirs.to_str().unwrap();
    let url = format!("https://localhost:{}/", origin.port);
    for (setting, passes) in [("block", false), ("learn", true), ("pass", true)] {
        let setting = format!("tls_failure={setting}");
        let program = Program::dump(&["-k", "--set", &setting]);
        let (proxy, ours) = (program.proxy(), program.file("mitmproxy-ca-cert.pem"));
        let refusing = ["-x", &proxy, "--cacert", theirs, &url];
        let trusting = ["-x", &proxy, "--cacert", ours.to_str().unwrap(), &url];
        assert_eq!(curl(&trusting).unwrap(), "secret");
        assert!(curl(&refusing).is_err(), "{setting}");
        assert_eq!(curl(&refusing).is_ok(), passes, "{setting}");
        let (_, text) = program.stop();
        assert_eq!(text.matches("GET https://localhost").count(), 1, "{text}");
        assert!(
            text.contains("localhost: the client does not trust our certificate"),
            "{text}"
        );
        let marked = text.contains("localhost is passed untouched (tls_failure)");
        assert_eq!(marked, passes, "{text}");
        let counted = text.contains("localhost: passed untouched by tls_failure (1x)");
        assert_eq!(counted, passes, "{text}");
    }
}

#[test]
fn closing_during_the_handshake_teaches_nothing() {
    let authority = Authority::new();
    let origin = Origin::tls(&authority, |_, out| respond(out, "", b"secret"));
    let mut program = Program::dump(&["-k", "--set", "tls_failure=learn"]);
    let mut client = crate::origin::connect(program.port);
    let connect = format!(
        "CONNECT localhost:{0} HTTP/1.1\r\nHost: localhost:{0}\r\n\r\n",
        origin.port
    );
    client.write_all(connect.as_bytes()).unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    // The hello of a client that goes away when it has the server's answer.
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let mut tls = rustls::ClientConnection::new(std::sync::Arc::new(config), name).unwrap();
    tls.write_tls(&mut client).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    program.wait_for("disconnected during the handshake");
    let (proxy, ours) = (program.proxy(), program.file("mitmproxy-ca-cert.pem"));
    let url = format!("https://localhost:{}/", origin.port);
    let trusting = ["-x", &proxy, "--cacert", ours.to_str().unwrap(), &url];
    assert_eq!(curl(&trusting).unwrap(), "secret");
    let (_, text) = program.stop();
    assert!(text.contains("GET https://localhost"), "{text}");
    assert!(!text.contains("Not captured"), "{text}");
}

#[test]
fn hosts_that_are_left_alone_are_counted_and_marked() {
    let authority = Authority::new();
    let origin = Origin::tls(&authority, |_, out| respond(out, "", b"secret"));
    let program = Program::dump(&["--ignore-hosts", "localhost"]);
    let (proxy, theirs) = (program.proxy(), authority.file());
    let url = format!("https://localhost:{}/", origin.port);
    let args = ["-x", &proxy, "--cacert", theirs.to_str().unwrap(), &url];
    assert_eq!(curl(&args).unwrap(), "secret");
    assert_eq!(curl(&args).unwrap(), "secret");
    let (_, text) = program.stop();
    let line = "localhost: passed untouched by ignore_hosts or allow_hosts (2x)";
    assert!(text.contains(line), "{text}");
}

#[test]
fn servers_that_offer_quic_are_counted() {
    let origin = Origin::plain(|_, out| respond(out, "Alt-Svc: h3=\":443\"; ma=86400\r\n", b"x"));
    let program = Program::dump(&[]);
    curl(&["-x", &program.proxy(), &origin.url("/")]).unwrap();
    let (_, text) = program.stop();
    assert!(text.contains("127.0.0.1: the server offers QUIC"), "{text}");
}
