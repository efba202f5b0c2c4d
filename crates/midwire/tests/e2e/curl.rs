//! curl, with each version of HTTP and each kind of proxy that it knows.

use crate::origin::{Authority, Origin, respond};
use crate::program::{Program, curl, is_there, skip};

/// An origin over TLS whose certificate the program trusts, and the program.
struct Secure {
    origin: Origin,
    program: Program,
    ca: String,
}

impl Secure {
    fn start(origin: impl Fn(&Authority) -> Origin, args: &[&str]) -> Self {
        let authority = Authority::new();
        let origin = origin(&authority);
        let trusted = format!(
            "ssl_verify_upstream_trusted_ca={}",
            authority.file().display()
        );
        let program = Program::dump(&[&["--set", &trusted], args].concat());
        let ca = program.file("mitmproxy-ca-cert.pem");
        Self {
            origin,
            program,
            ca: ca.display().to_string(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.origin.port)
    }
}

fn http1(authority: &Authority) -> Origin {
    Origin::tls(authority, |head, out| {
        let target = head.split(' ').nth(1).unwrap_or_default();
        respond(out, "", format!("h1 {target}").as_bytes())
    })
}

/// Whether curl was built with something.
fn has(feature: &str) -> bool {
    if !is_there("curl") {
        skip("curl is not installed");
        return false;
    }
    let found = curl(&["--version"]).is_ok_and(|text| text.contains(feature));
    if !found {
        skip(&format!("curl without {feature}"));
    }
    found
}

#[test]
fn http1_keeps_its_connections() {
    let mut secure = Secure::start(http1, &[]);
    let plain = Origin::plain(|_, out| respond(out, "", b"plain "));
    let (one, two) = (plain.url("/one"), plain.url("/two"));
    let proxy = secure.program.proxy();
    let args = ["-x", &proxy, "-w", "%{num_connects} ", &one, &two];
    assert_eq!(curl(&args).unwrap(), "plain 1 plain 0 ");
    let (one, two) = (secure.url("/one"), secure.url("/two"));
    let args = ["--http1.1", "-x", &proxy, "--cacert", &secure.ca];
    let version = ["-w", " %{http_version}\n", &one, &two];
    assert_eq!(
        curl(&[&args[..], &version].concat()).unwrap(),
        "h1 /one 1.1\nh1 /two 1.1\n"
    );
    let line = secure.program.wait_for("/two");
    assert!(line.contains("GET http://127.0.0.1:"), "{line}");
    let line = secure.program.wait_for("/two");
    assert!(line.contains("GET https://localhost:"), "{line}");
}

#[test]
fn http2_from_end_to_end() {
    if !has("HTTP2") {
        return;
    }
    let mut secure = Secure::start(Origin::http2, &[]);
    let proxy = secure.program.proxy();
    let urls: Vec<String> = (0..4).map(|n| secure.url(&format!("/{n}"))).collect();
    let mut args = vec![
        "--http2",
        "--parallel",
        "-x",
        &proxy,
        "--cacert",
        &secure.ca,
    ];
    args.extend(["-w", " %{http_version}\n"]);
    args.extend(urls.iter().map(String::as_str));
    let text = curl(&args).unwrap();
    // Answers that come side by side are printed as they come.
    for n in 0..4 {
        assert!(text.contains(&format!("h2 GET /{n}")), "{text}");
    }
    assert_eq!(text.matches(" 2\n").count(), 4, "{text}");
    assert!(secure.program.wait_for("GET https").contains("HTTP/2.0"));
    // A server without HTTP/2 gets a client without it.
    let secure = Secure::start(http1, &[]);
    let (proxy, url) = (secure.program.proxy(), secure.url("/old"));
    let args = ["--http2", "-x", &proxy, "--cacert", &secure.ca];
    let version = ["-w", " %{http_version}", &url];
    assert_eq!(
        curl(&[&args[..], &version].concat()).unwrap(),
        "h1 /old 1.1"
    );
}

#[test]
fn socks_with_and_without_a_login() {
    let mut secure = Secure::start(http1, &["--mode", "socks5"]);
    let plain = Origin::plain(|_, out| respond(out, "", b"plain"));
    let proxy = format!("socks5h://127.0.0.1:{}", secure.program.port);
    assert_eq!(curl(&["-x", &proxy, &plain.url("/a")]).unwrap(), "plain");
    let url = secure.url("/b");
    let args = ["-x", &proxy, "--cacert", &secure.ca, &url];
    assert_eq!(curl(&args).unwrap(), "h1 /b");
    secure.program.wait_for("/a");
    secure.program.wait_for("GET https://localhost:");

    let program = Program::dump(&["--mode", "socks5", "--proxyauth", "bob:secret"]);
    let at = |login: &str| format!("socks5h://{login}127.0.0.1:{}", program.port);
    let url = plain.url("/c");
    assert_eq!(curl(&["-x", &at("bob:secret@"), &url]).unwrap(), "plain");
    for login in ["", "bob:wrong@", "eve:secret@"] {
        assert!(curl(&["-x", &at(login), &url]).is_err(), "{login}");
    }
}

#[test]
fn a_proxy_over_tls() {
    if !has("HTTPS-proxy") {
        return;
    }
    let mut secure = Secure::start(http1, &[]);
    let plain = Origin::plain(|_, out| respond(out, "", b"plain"));
    let proxy = format!("https://localhost:{}", secure.program.port);
    let args = ["-x", &proxy, "--proxy-cacert", &secure.ca];
    let url = plain.url("/a");
    assert_eq!(curl(&[&args[..], &[&url]].concat()).unwrap(), "plain");
    let url = secure.url("/b");
    let inner = ["--cacert", &secure.ca, &url];
    assert_eq!(curl(&[&args[..], &inner].concat()).unwrap(), "h1 /b");
    secure.program.wait_for("/a");
    secure.program.wait_for("GET https://localhost:");
    // The proxy's own certificate is verified like any other.
    assert!(curl(&["-x", &proxy, &plain.url("/a")]).is_err());
}

#[test]
fn a_login_at_the_proxy() {
    let secure = Secure::start(http1, &["--proxyauth", "bob:secret"]);
    let plain = Origin::plain(|head, out| {
        let shown = head.to_lowercase().contains("proxy-authorization");
        respond(out, "", if shown { b"shown" } else { b"plain" })
    });
    let proxy = secure.program.proxy();
    let (a, b) = (plain.url("/a"), secure.url("/b"));
    let code = [
        "-x",
        &proxy,
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{http_connect}",
    ];
    assert_eq!(curl(&[&code[..], &[&a]].concat()).unwrap(), "407 000");
    let refused = curl(&[&code[..], &["--cacert", &secure.ca, &b]].concat());
    assert!(refused.is_err_and(|error| error.contains("407")));
    let login = ["-x", &proxy, "-U", "bob:secret", "--cacert", &secure.ca];
    assert_eq!(curl(&[&login[..], &[&a]].concat()).unwrap(), "plain");
    assert_eq!(curl(&[&login[..], &[&b]].concat()).unwrap(), "h1 /b");
}
