//! HTTPS: interception with our authority, verification of theirs.

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
