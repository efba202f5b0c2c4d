//! A browser: a page over HTTPS with a style sheet, a script, a picture and data that the script fetches.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::origin::{Authority, Origin, respond};
use crate::program::{Program, is_there, skip};

const PAGE: &str = r#"<!doctype html><title>page</title>
<link rel="stylesheet" href="/style.css"><body><img id="picture" src="/picture.svg"><p id="said"></p>
<script src="/app.js"></script></body>"#;
const SCRIPT: &str = r#"
addEventListener("load", async () => {
    const data = await (await fetch("/data.json", { method: "POST", body: "x".repeat(70000) })).json();
    const colour = getComputedStyle(document.body).color;
    const width = document.getElementById("picture").naturalWidth;
    document.getElementById("said").textContent = `said ${data.said} ${colour} ${width}`;
});"#;
const PICTURE: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>"#;

/// A home folder with a certificate database that trusts our authority.
fn trust(home: &Path, ca: &Path) {
    let database = home.join(".pki/nssdb");
    std::fs::create_dir_all(&database).unwrap();
    let database = format!("sql:{}", database.display());
    let certutil = |args: &[&str]| {
        let output = Command::new("certutil")
            .args(["-d", &database])
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    certutil(&["-N", "--empty-password"]);
    let ca = ca.to_str().unwrap();
    certutil(&["-A", "-n", "midwire", "-t", "C,,", "-i", ca]);
}

#[test]
fn a_page_with_all_that_belongs_to_it() {
    for program in ["chromium", "certutil"] {
        if !is_there(program) {
            return skip(&format!("a page in a browser: {program} is not installed"));
        }
    }
    let authority = Authority::new();
    let origin = Origin::tls(&authority, |head, out| {
        let (kind, content) = match head.split(' ').nth(1).unwrap_or_default() {
            "/page" => ("text/html", PAGE),
            "/style.css" => ("text/css", "body { color: rgb(1, 2, 3) }"),
            "/app.js" => ("text/javascript", SCRIPT),
            "/picture.svg" => ("image/svg+xml", PICTURE),
            "/data.json" => ("application/json", r#"{"said": "hello"}"#),
            _ => ("text/plain", ""),
        };
        respond(
            out,
            &format!("Content-Type: {kind}\r\n"),
            content.as_bytes(),
        )
    });
    let trusted = format!(
        "ssl_verify_upstream_trusted_ca={}",
        authority.file().display()
    );
    let mut program = Program::dump(&["--set", &trusted]);
    let home = tempfile::tempdir().unwrap();
    trust(home.path(), &program.file("mitmproxy-ca-cert.pem"));
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
        ])
        .args([
            "--no-first-run",
            "--disable-background-networking",
            "--disable-sync",
        ])
        .args(["--disable-component-update", "--disable-dev-shm-usage"])
        .arg(format!("--proxy-server=127.0.0.1:{}", program.port))
        // Without this, a browser asks loopback itself.
        .arg("--proxy-bypass-list=<-loopback>")
        .arg(format!(
            "--user-data-dir={}",
            home.path().join("data").display()
        ))
        .args([
            "--timeout=20000",
            "--virtual-time-budget=15000",
            "--dump-dom",
        ])
        .arg(format!("https://localhost:{}/page", origin.port))
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        dom.contains("said hello rgb(1, 2, 3) 7"),
        "{dom}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    program.wait_for("GET https://localhost:");
    program.wait_for("/data.json");
    let (status, output) = program.stop();
    assert_eq!(status, 0);
    for path in ["/style.css", "/app.js", "/picture.svg"] {
        assert!(output.contains(path), "{output}");
    }
}
