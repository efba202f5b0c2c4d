//! Logins against a small directory on loopback.

use std::net::SocketAddr;
use std::sync::Mutex;

use midwire_core::options::{OptionStore, Tool, Value};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use tokio::net::TcpListener;

use super::*;

/// What the directory has been asked, and how it behaves.
#[derive(Default)]
struct Script {
    asked: Mutex<Vec<String>>,
    refuses_service: bool,
    /// Sent instead of an answer to a search.
    garbage: Option<Vec<u8>>,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn reply(id: u8, tag: u8, content: &[u8]) -> Vec<u8> {
    let all = [ber::element(2, &[id]), ber::element(tag, content)].concat();
    ber::element(0x30, &all)
}

fn result(code: u8) -> Vec<u8> {
    [&[0x0a, 1, code][..], &[4, 0, 4, 0]].concat()
}

/// Knows `bob` with the password `secret`, and itself as `cn=service` with `pw`.
fn respond(script: &Script, message: &[u8]) -> Vec<u8> {
    let mut rest = message;
    let mut rest = ber::take(&mut rest, 0x30).unwrap();
    let id = ber::take(&mut rest, 2).unwrap()[0];
    let tag = rest[0];
    let mut content = ber::take(&mut rest, tag).unwrap();
    let mut asked = script.asked.lock().unwrap();
    match tag {
        0x60 => {
            ber::take(&mut content, 2).unwrap();
            let name = text(ber::take(&mut content, 4).unwrap());
            let password = text(ber::take(&mut content, 0x80).unwrap());
            let good = match name.as_str() {
                "cn=service,o=x" => password == "pw" && !script.refuses_service,
                "uid=bob,o=x" => password == "secret",
                _ => false,
            };
            asked.push(format!("bind {name}"));
            reply(id, 0x61, &result(if good { 0 } else { 49 }))
        }
        0x63 => {
            let below = text(ber::take(&mut content, 4).unwrap());
            let scope = ber::take(&mut content, 0x0a).unwrap()[0];
            for tag in [0x0a, 2, 2, 1] {
                ber::take(&mut content, tag).unwrap();
            }
            let mut filter = ber::take(&mut content, 0xa3).unwrap();
            let key = text(ber::take(&mut filter, 4).unwrap());
            let value = text(ber::take(&mut filter, 4).unwrap());
            asked.push(format!("search {below} {scope} {key}={value}"));
            if let Some(garbage) = &script.garbage {
                return garbage.clone();
            }
            let mut answer = reply(id, 0x73, b"");
            if value == "bob" {
                let entry = [ber::element(4, b"uid=bob,o=x"), ber::element(0x30, b"")];
                answer.extend(reply(id, 0x64, &entry.concat()));
            }
            answer.extend(reply(id, 0x65, &result(0)));
            answer
        }
        _ => Vec::new(),
    }
}

async fn serve<T: AsyncRead + AsyncWrite + Unpin>(script: &Script, mut io: T) {
    let mut seen = Vec::new();
    while !matches!(io.read_buf(&mut seen).await, Ok(0) | Err(_)) {
        while let Ok(Some(length)) = ber::length(&seen)
            && seen.len() >= length
        {
            let message: Vec<u8> = seen.drain(..length).collect();
            let answer = respond(script, &message);
            if io.write_all(&answer).await.is_err() || io.flush().await.is_err() {
                return;
            }
        }
    }
}

async fn directory(script: &Arc<Script>, tls: Option<Arc<ServerConfig>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let script = Arc::clone(script);
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let (script, tls) = (Arc::clone(&script), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => serve(&script, tcp).await,
                    Some(config) => {
                        let acceptor = tokio_rustls::TlsAcceptor::from(config);
                        if let Ok(tls) = acceptor.accept(tcp).await {
                            serve(&script, tls).await;
                        }
                    }
                }
            });
        }
    });
    address
}

fn spec(scheme: &str, port: u16, search: &str) -> String {
    format!("{scheme}:localhost:{port}:cn=service,o=x:pw:o=x{search}")
}

async fn accepts(directory: &Directory, user: &str, password: &str) -> bool {
    let given = Credentials {
        user: user.to_owned(),
        password: password.to_owned(),
    };
    directory.accepts(&given).await
}

#[test]
fn specifications() {
    let good = |spec: &str, host: &str, port: u16, key: &str| {
        let directory = Directory::new(spec, &Options::default()).unwrap();
        let got = (&*directory.host, directory.port, &*directory.key);
        assert_eq!(got, (host, port, key), "{spec}");
        assert_eq!(directory.bind_dn, "cn=a,o=x");
        assert_eq!((&*directory.password, &*directory.subtree), ("pw", "o=x"));
        assert_eq!(directory.trust.is_some(), spec.starts_with("ldaps"));
        assert!(!format!("{directory:?}").contains("pw"));
    };
    good("ldap:h:cn=a,o=x:pw:o=x", "h", 389, "cn");
    good("ldaps:h:cn=a,o=x:pw:o=x", "h", 636, "cn");
    good("ldap:h:1389:cn=a,o=x:pw:o=x", "h", 1389, "cn");
    let with_key = "ldaps:h:1636:cn=a,o=x:pw:o=x?search_filter_key=uid";
    good(with_key, "h", 1636, "uid");
    for bad in [
        "ldap:",
        "ldap:h",
        "ldap:h:dn:pw",
        "ldap:h:1:dn:pw:o=x:more",
        "ldap:h:port:dn:pw:o=x",
        "ldap:h:0:dn:pw:o=x",
        "ldap:h:70000:dn:pw:o=x",
        "ldap::dn:pw:o=x",
        "ldapi:h:dn:pw:o=x",
        "ldap:h:dn:pw:o=x?key=uid",
        "ldap:h:dn:pw:o=x?search_filter_key=",
        "ldap:h:dn:pw:o=x?search_filter_key=cn)(x",
    ] {
        let error = Directory::new(bad, &Options::default()).unwrap_err();
        let expected = format!("Invalid LDAP specification: {bad}");
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_directory_decides() {
    let script = Arc::new(Script::default());
    let port = directory(&script, None).await.port();
    let options = Options::default();
    let one = Directory::new(&spec("ldap", port, ""), &options).unwrap();
    assert!(accepts(&one, "bob", "secret").await);
    assert!(!accepts(&one, "bob", "wrong").await);
    assert!(!accepts(&one, "eve", "secret").await);
    let expected = [
        "bind cn=service,o=x",
        "search o=x 2 cn=bob",
        "bind uid=bob,o=x",
    ];
    assert_eq!(script.asked.lock().unwrap()[..3], expected);
    script.asked.lock().unwrap().clear();
    // A bind without a password would succeed in many directories: it is never tried.
    assert!(!accepts(&one, "bob", "").await);
    assert!(!accepts(&one, "", "secret").await);
    assert!(script.asked.lock().unwrap().is_empty());
    let by_uid = spec("ldap", port, "?search_filter_key=uid");
    let one = Directory::new(&by_uid, &options).unwrap();
    assert!(accepts(&one, "bob", "secret").await);
    assert!(
        script
            .asked
            .lock()
            .unwrap()
            .contains(&"search o=x 2 uid=bob".to_owned())
    );
}

#[tokio::test]
async fn nothing_in_a_name_has_a_meaning_for_the_search() {
    let script = Arc::new(Script::default());
    let port = directory(&script, None).await.port();
    let one = Directory::new(&spec("ldap", port, ""), &Options::default()).unwrap();
    for name in ["*", "b*b", "bob)(cn=*", "bob\\2a", "bob\0"] {
        script.asked.lock().unwrap().clear();
        assert!(!accepts(&one, name, "secret").await);
        let asked = script.asked.lock().unwrap().clone();
        let search = format!("search o=x 2 cn={name}");
        assert_eq!(asked, ["bind cn=service,o=x", search.as_str()]);
    }
}

#[tokio::test]
async fn directories_that_fail_accept_nobody() {
    let refusing = Script {
        refuses_service: true,
        ..Script::default()
    };
    let entry = reply(2, 0x64, &[ber::element(4, b"uid=bob,o=x")].concat());
    let mut scripts = vec![refusing];
    for garbage in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        b"\x30\x84\xff\xff\xff\xff".to_vec(),
        [0x30, 0x80].repeat(4000),
        // Entries without an end.
        entry.repeat(ANSWERS_MAX + 1),
        // The answer to another request, and one that is no answer to a search.
        reply(9, 0x65, &result(0)),
        reply(2, 0x61, &result(0)),
        reply(2, 0x65, &result(52)),
    ] {
        scripts.push(Script {
            garbage: Some(garbage),
            ..Script::default()
        });
    }
    for script in scripts {
        let port = directory(&Arc::new(script), None).await.port();
        let one = Directory::new(&spec("ldap", port, ""), &Options::default()).unwrap();
        assert!(!accepts(&one, "bob", "secret").await);
    }
    // Nobody listens.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let one = Directory::new(&spec("ldap", port, ""), &Options::default()).unwrap();
    assert!(!accepts(&one, "bob", "secret").await);
}

#[tokio::test(start_paused = true)]
async fn a_silent_directory_is_not_waited_for_without_end() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let one = Directory::new(&spec("ldap", port, ""), &Options::default()).unwrap();
    let began = tokio::time::Instant::now();
    assert!(!accepts(&one, "bob", "secret").await);
    assert!(began.elapsed() >= PATIENCE && began.elapsed() < PATIENCE * 2);
}

#[tokio::test]
async fn tls_is_verified_as_the_options_say() {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, certificate.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            key.serialize_der().try_into().unwrap(),
        )
        .unwrap();
    let script = Arc::new(Script::default());
    let port = directory(&script, Some(Arc::new(config))).await.port();
    let with = |settings: &[(&str, Value)]| {
        let options = OptionStore::new(Tool::Dump);
        options.update(settings.iter().cloned()).unwrap();
        Directory::new(&spec("ldaps", port, ""), &options.load()).unwrap()
    };
    let trusted = Value::Str(ca.display().to_string());
    let trusting = with(&[("ssl_verify_upstream_trusted_ca", trusted)]);
    assert!(accepts(&trusting, "bob", "secret").await);
    assert!(!accepts(&trusting, "bob", "wrong").await);
    assert!(!accepts(&with(&[]), "bob", "secret").await);
    let insecure = with(&[("ssl_insecure", Value::Bool(true))]);
    assert!(accepts(&insecure, "bob", "secret").await);
}
