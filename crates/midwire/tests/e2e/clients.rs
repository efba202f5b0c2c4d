//! HTTP clients of Python, Node and Java. Each prints what it got, a line for each request.

use std::ffi::OsStr;
use std::process::Command;

use crate::origin::{Authority, Origin, respond};
use crate::program::{Program, is_there, skip};

/// A program with origins of each kind.
struct Stage {
    program: Program,
    plain: Origin,
    secure: Origin,
    http2: Origin,
}

impl Stage {
    fn new() -> Self {
        let authority = Authority::new();
        let answer = |head: &str, out: &mut dyn std::io::Write| {
            let target = head.split(' ').nth(1).unwrap_or_default();
            respond(out, "", format!("h1 {target}").as_bytes())
        };
        let trusted = format!(
            "ssl_verify_upstream_trusted_ca={}",
            authority.file().display()
        );
        Self {
            program: Program::dump(&["--set", &trusted]),
            plain: Origin::plain(answer),
            secure: Origin::tls(&authority, answer),
            http2: Origin::http2(&authority),
        }
    }

    /// Runs a client with the proxy's port, its authority, and the URLs of the origins.
    fn run(&self, command: &mut Command) -> String {
        let output = command
            .arg(self.program.port.to_string())
            .arg(self.program.file("mitmproxy-ca-cert.pem"))
            .arg(self.plain.url(""))
            .arg(format!("https://localhost:{}", self.secure.port))
            .arg(format!("https://localhost:{}", self.http2.port))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}

const PYTHON: &str = r#"
import sys, asyncio, ssl
import requests, httpx
port, ca, plain, secure, http2 = sys.argv[1:]
proxy = "http://127.0.0.1:" + port
session = requests.Session()
session.trust_env = False
session.proxies = {"http": proxy, "https": proxy}
session.verify = ca
print("requests", session.get(plain + "/r1").text)
print("requests", session.get(secure + "/r2").text)
print("requests", session.post(secure + "/r3", data=b"x" * 100000).text)
context = ssl.create_default_context(cafile=ca)
with httpx.Client(proxy=proxy, verify=context, trust_env=False) as client:
    print("httpx", client.get(plain + "/x1").text)
    answer = client.get(secure + "/x2")
    print("httpx", answer.http_version, answer.text)
async def many():
    async with httpx.AsyncClient(proxy=proxy, verify=context, http2=True, trust_env=False) as client:
        answers = await asyncio.gather(*(client.get(http2 + "/y%d" % n) for n in range(3)))
        for answer in answers:
            print("httpx", answer.http_version, answer.text)
asyncio.run(many())
"#;

#[test]
fn python_with_requests_and_httpx() {
    let Some(python) = std::env::var_os("MIDWIRE_CLIENTS_PYTHON") else {
        return skip("MIDWIRE_CLIENTS_PYTHON names no Python with requests and httpx");
    };
    let mut stage = Stage::new();
    let text = stage.run(Command::new(python).args(["-c", PYTHON]));
    let expected = "requests h1 /r1\nrequests h1 /r2\nrequests h1 /r3\nhttpx h1 /x1\n\
        httpx HTTP/1.1 h1 /x2\nhttpx HTTP/2 h2 GET /y0\nhttpx HTTP/2 h2 GET /y1\nhttpx HTTP/2 h2 GET /y2\n";
    // The origin repeats the request target: the proxy must have made it origin-form.
    assert_eq!(text, expected);
    stage.program.wait_for("/r3");
    stage.program.wait_for("/x2");
    stage.program.wait_for("HTTP/2.0");
}

const NODE: &str = r#"
const [folder, port, ca, plain, secure, http2] = process.argv.slice(1);
const { ProxyAgent, fetch } = require(folder + "/node_modules/undici");
const trusted = require("fs").readFileSync(ca);
const proxy = "http://127.0.0.1:" + port;
async function get(dispatcher, url) {
    console.log(await (await fetch(url, { dispatcher })).text());
}
(async () => {
    const one = new ProxyAgent({ uri: proxy, requestTls: { ca: trusted } });
    await get(one, plain + "/n1");
    await get(one, secure + "/n2");
    await Promise.all([get(one, secure + "/n3"), get(one, secure + "/n3")]);
    await one.close();
    const two = new ProxyAgent({ uri: proxy, requestTls: { ca: trusted, allowH2: true }, allowH2: true });
    await get(two, http2 + "/n4");
    await two.close();
})().catch((error) => { console.error(error); process.exit(1); });
"#;

#[test]
fn node_with_fetch() {
    let folder = std::env::var_os("MIDWIRE_NODE_CLIENTS");
    let Some(folder) = folder.filter(|_| is_there("node")) else {
        return skip("MIDWIRE_NODE_CLIENTS names no folder with undici, or node is missing");
    };
    let mut stage = Stage::new();
    let text = stage.run(Command::new("node").args([OsStr::new("-e"), OsStr::new(NODE), &folder]));
    assert_eq!(text, "h1 /n1\nh1 /n2\nh1 /n3\nh1 /n3\nh2 GET /n4\n");
    stage.program.wait_for("/n4");
}

const JAVA: &str = r#"
import java.io.FileInputStream;
import java.net.*;
import java.net.http.*;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.*;

public class Client {
    public static void main(String[] args) throws Exception {
        var store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        var factory = CertificateFactory.getInstance("X.509");
        store.setCertificateEntry("ca", factory.generateCertificate(new FileInputStream(args[1])));
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        var context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        var client = HttpClient.newBuilder()
            .proxy(ProxySelector.of(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0]))))
            .sslContext(context).build();
        for (String url : new String[] {args[2] + "/j1", args[3] + "/j2", args[4] + "/j3", args[4] + "/j4"}) {
            var request = HttpRequest.newBuilder(URI.create(url)).build();
            var answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(answer.version() + " " + answer.body());
        }
    }
}
"#;

#[test]
fn java_with_its_http_client() {
    if !is_there("java") {
        return skip("java is not installed");
    }
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("Client.java");
    std::fs::write(&source, JAVA).unwrap();
    let compiles = Command::new("java").arg("--list-modules").output();
    if !compiles.is_ok_and(|out| String::from_utf8_lossy(&out.stdout).contains("jdk.compiler")) {
        return skip("java without a compiler");
    }
    let mut stage = Stage::new();
    let text = stage.run(Command::new("java").arg(&source));
    let expected = "HTTP_1_1 h1 /j1\nHTTP_1_1 h1 /j2\nHTTP_2 h2 GET /j3\nHTTP_2 h2 GET /j4\n";
    assert_eq!(text, expected);
    stage.program.wait_for("/j4");
}
