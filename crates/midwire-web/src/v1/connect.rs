//! `GET /api/v1/connect`: how clients are made to use the proxy, with its real addresses.

use std::net::IpAddr;

use midwire_core::options::expand_home;
use qrcode::QrCode;
use qrcode::render::svg;
use serde_json::{Value as Json, json};

use crate::app::App;
use crate::call::{Call, Problem, Reply, blocking, json};

pub(crate) async fn get(call: Call) -> Reply {
    blocking(move || recipes(&call.app))
        .await?
        .map(|found| json(&found))
}

/// The address under which this machine is reached from outside; no packet is sent to find it.
fn own_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(("192.0.2.1", 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}

fn recipes(app: &App) -> Result<Json, Problem> {
    let options = app.kernel.options().load();
    let servers = app.host.servers();
    let listener = servers
        .iter()
        .filter(|server| matches!(server.kind.as_str(), "regular" | "upstream" | "socks5"))
        .find_map(|server| Some((server, *server.addresses.first()?)));
    let Some((server, address)) = listener else {
        return Ok(json!({ "proxy": null, "recipes": [], "qr": null }));
    };
    let local = if address.ip().is_unspecified() {
        "127.0.0.1".to_owned()
    } else {
        host(address.ip())
    };
    let outside = if address.ip().is_unspecified() {
        own_address().map_or_else(|| local.clone(), host)
    } else {
        local.clone()
    };
    let port = address.port();
    let scheme = if server.kind == "socks5" {
        "socks5"
    } else {
        "http"
    };
    let proxy = format!("{scheme}://{local}:{port}");
    let ca = expand_home(&options.confdir).join("mitmproxy-ca-cert.pem");
    let ca = ca.display().to_string();
    let page = format!("http://{}/", options.onboarding_host);
    let recipe =
        |id: &str, title: &str, text: String| json!({ "id": id, "title": title, "text": text });
    let recipes = vec![
        recipe(
            "environment",
            "Environment variables",
            format!(
                "export http_proxy={proxy} https_proxy={proxy} HTTP_PROXY={proxy} HTTPS_PROXY={proxy}\nexport SSL_CERT_FILE='{ca}' REQUESTS_CA_BUNDLE='{ca}' NODE_EXTRA_CA_CERTS='{ca}' CURL_CA_BUNDLE='{ca}'\n"
            ),
        ),
        recipe(
            "curl",
            "curl",
            format!("curl --proxy {proxy} --cacert '{ca}' https://example.com/\n"),
        ),
        recipe(
            "python",
            "Python",
            format!(
                "import requests\n\nrequests.get(\n    \"https://example.com/\",\n    proxies={{\"http\": \"{proxy}\", \"https\": \"{proxy}\"}},\n    verify={},\n)\n",
                json!(ca)
            ),
        ),
        recipe(
            "node",
            "Node.js",
            format!(
                "NODE_USE_ENV_PROXY=1 HTTP_PROXY={proxy} HTTPS_PROXY={proxy} NODE_EXTRA_CA_CERTS='{ca}' node app.js\n"
            ),
        ),
        recipe(
            "java",
            "Java",
            format!(
                "keytool -importcert -noprompt -alias midwire -file '{ca}' -keystore midwire.p12 -storetype PKCS12 -storepass changeit\njava -Dhttp.proxyHost={local} -Dhttp.proxyPort={port} -Dhttps.proxyHost={local} -Dhttps.proxyPort={port} -Djavax.net.ssl.trustStore=midwire.p12 -Djavax.net.ssl.trustStorePassword=changeit -jar app.jar\n"
            ),
        ),
        recipe(
            "go",
            "Go",
            format!("HTTP_PROXY={proxy} HTTPS_PROXY={proxy} SSL_CERT_FILE='{ca}' go run .\n"),
        ),
        recipe(
            "git",
            "Git",
            format!("git -c http.proxy={proxy} -c http.sslCAInfo='{ca}' fetch\n"),
        ),
        recipe(
            "docker",
            "Docker",
            format!(
                "docker run --network host -e HTTP_PROXY={proxy} -e HTTPS_PROXY={proxy} -e SSL_CERT_FILE=/ca.pem -v '{ca}':/ca.pem:ro IMAGE\n"
            ),
        ),
        recipe(
            "android",
            "Android",
            format!(
                "Set the proxy of the Wi-Fi network to {outside}, port {port}, open {page} and install the certificate.\nEmulator: emulator -avd NAME -http-proxy {proxy}\n"
            ),
        ),
        recipe(
            "ios",
            "iOS",
            format!(
                "Set the proxy of the Wi-Fi network to {outside}, port {port}, open {page} in Safari and install the profile.\nThen trust it: Settings, General, About, Certificate Trust Settings.\n"
            ),
        ),
        recipe(
            "firefox",
            "Firefox",
            format!(
                "Settings, Network Settings: manual proxy {local}, port {port}, also for HTTPS.\nThen open {page} and import the certificate as an authority.\n"
            ),
        ),
        recipe(
            "chromium",
            "Chromium",
            format!(
                "chromium --user-data-dir=\"$(mktemp -d)\" --proxy-server={proxy}\nThen open {page} and import the certificate as an authority.\n"
            ),
        ),
    ];
    Ok(json!({
        "proxy": { "host": local, "port": port, "outside": outside },
        "page": page,
        "recipes": recipes,
        "qr": qr(&page)?,
    }))
}

fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// A text as a QR code, in SVG.
fn qr(text: &str) -> Result<String, Problem> {
    let code = QrCode::new(text).map_err(Problem::internal)?;
    let mut picture = code.render::<svg::Color<'_>>();
    Ok(picture.min_dimensions(200, 200).build())
}
