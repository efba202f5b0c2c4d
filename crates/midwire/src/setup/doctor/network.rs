//! What needs connections: the proxy, the server, and a round trip through the one to the other.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use midwire_proxy::tls::{ClientSide, Roots, TlsError, UpstreamTls, Verify};
use midwire_setup::certificate::Certificate;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::finding::Findings;
use super::url::Url;

/// How long one step may take.
const STEP: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read; pages of the proxy are far smaller.
const ANSWER: u64 = 64 * 1024;

/// What listens at the address of the proxy.
pub(super) enum Listener {
    /// Nothing.
    Nobody,
    /// midwire or mitmproxy with this authority.
    Ours,
    /// Something else; the finding is made.
    Other,
}

/// Finds out what listens at an address, by asking for the certificate of the authority.
pub(super) async fn listener(
    findings: &mut Findings,
    address: SocketAddr,
    authority: Option<&Certificate>,
) -> Listener {
    let Ok(Ok(stream)) = tokio::time::timeout(STEP, TcpStream::connect(address)).await else {
        return Listener::Nobody;
    };
    let request =
        "GET http://mitm.it/cert/pem HTTP/1.1\r\nHost: mitm.it\r\nConnection: close\r\n\r\n";
    let answer = exchange(stream, request).await.unwrap_or_default();
    let port = address.port().saturating_add(1);
    let served = pem::parse_many(body(&answer)).unwrap_or_default();
    match (served.first(), authority) {
        (None, _) => {
            let text =
                format!("another program listens at {address}, and it is no intercepting proxy");
            let remedy = format!("end it, or choose another port: midwire dump -p {port}");
            findings.bad("proxy", text, remedy);
            Listener::Other
        }
        (Some(served), Some(authority)) if served.contents() == authority.der => {
            findings.good(
                "proxy",
                format!("a proxy with this authority listens at {address}"),
            );
            Listener::Ours
        }
        (Some(_), _) => {
            let text = format!("the proxy at {address} has another authority than this folder");
            let remedy = "give its folder: midwire doctor --confdir FOLDER".to_owned();
            findings.bad("proxy", text, remedy);
            Listener::Other
        }
    }
}

/// Whether the server can be reached and shows a good certificate, without a proxy. False if not.
pub(super) async fn server(findings: &mut Findings, url: &Url, trusted: Option<PathBuf>) -> bool {
    let found =
        tokio::time::timeout(STEP, tokio::net::lookup_host((url.host.as_str(), url.port))).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            return unreachable(findings, &format!("{} has no address: {error}", url.host));
        }
        Err(_) => {
            return unreachable(
                findings,
                &format!("no answer about {} from the resolver", url.host),
            );
        }
    };
    let mut reason = "it has no address".to_owned();
    for address in addresses {
        match tokio::time::timeout(STEP, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return certificate(findings, url, stream, trusted).await,
            Ok(Err(error)) => reason = error.to_string(),
            Err(_) => reason = format!("no answer within {} s", STEP.as_secs()),
        }
    }
    unreachable(
        findings,
        &format!("{} cannot be reached: {reason}", url.authority()),
    )
}

fn unreachable(findings: &mut Findings, text: &str) -> bool {
    if has_network() {
        findings.bad(
            "server",
            text,
            "check name and port, and whether the server runs",
        );
    } else {
        let text = format!("{text}; this machine has no route to other networks");
        findings.bad(
            "network",
            text,
            "connect the machine, or use an address of this machine",
        );
    }
    false
}

/// Whether the system has a default route; true where that cannot be looked up.
fn has_network() -> bool {
    let routes = |path: &str| std::fs::read_to_string(path).ok();
    let (four, six) = (routes("/proc/net/route"), routes("/proc/net/ipv6_route"));
    if four.is_none() && six.is_none() {
        return true;
    }
    let default_four = |line: &str| line.split_whitespace().nth(1) == Some("00000000");
    let default_six = |line: &str| {
        let mut words = line.split_whitespace();
        let all_zero = words
            .next()
            .is_some_and(|word| word.bytes().all(|byte| byte == b'0'));
        all_zero && words.next() == Some("00") && !line.trim_end().ends_with("lo")
    };
    four.unwrap_or_default().lines().any(default_four)
        || six.unwrap_or_default().lines().any(default_six)
}

async fn certificate(
    findings: &mut Findings,
    url: &Url,
    stream: TcpStream,
    trusted: Option<PathBuf>,
) -> bool {
    if !url.is_https {
        findings.good("server", format!("{} accepts connections", url.authority()));
        return true;
    }
    let roots = match trusted {
        None => Roots::System,
        bundle => Roots::Given {
            bundle,
            directory: None,
        },
    };
    match handshake(stream, &url.host, roots).await {
        Ok(_) => {
            findings.good(
                "server",
                format!("{} shows a certificate that is trusted", url.authority()),
            );
            true
        }
        Err(reason) => {
            let text = format!(
                "the certificate of {} is refused: {reason}",
                url.authority()
            );
            let remedy = "if it is your own server: --set ssl_verify_upstream_trusted_ca=FILE, or --set ssl_insecure=true";
            findings.bad("certificate", text, remedy);
            false
        }
    }
}

async fn handshake(
    stream: TcpStream,
    host: &str,
    roots: Roots,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + use<>, String> {
    let options = UpstreamTls {
        verify: Verify::Full { roots },
        ..UpstreamTls::default()
    };
    let side = ClientSide::new(options).map_err(|error| error.to_string())?;
    let alpn = [Bytes::from_static(b"http/1.1")];
    let connecting = side.connect(stream, host, Some(host), &alpn);
    match tokio::time::timeout(STEP, connecting).await {
        Ok(Ok((stream, _))) => Ok(stream),
        Ok(Err(error)) => Err(reason(&error)),
        Err(_) => Err("no answer".to_owned()),
    }
}

fn reason(error: &TlsError) -> String {
    error.to_string()
}

/// One request through the proxy to the server, as a program that trusts the authority would send it.
pub(super) async fn round_trip(
    findings: &mut Findings,
    proxy: SocketAddr,
    authority: &Certificate,
    url: &Url,
) {
    match through(proxy, authority, url).await {
        Ok(answer) => judge(findings, url, &answer),
        Err(Failed::Proxy(reason)) => findings.bad(
            "round trip",
            format!("the proxy does not answer: {reason}"),
            "look at what the proxy prints",
        ),
        Err(Failed::Tls(reason)) => findings.bad(
            "round trip",
            format!(
                "{} came through with a certificate that is not ours: {reason}",
                url.host
            ),
            "is the host passed untouched? see ignore_hosts and allow_hosts",
        ),
    }
}

enum Failed {
    Proxy(String),
    Tls(String),
}

async fn through(proxy: SocketAddr, authority: &Certificate, url: &Url) -> Result<Vec<u8>, Failed> {
    let failed = |error: std::io::Error| Failed::Proxy(error.to_string());
    let mut stream = TcpStream::connect(proxy).await.map_err(failed)?;
    let name = url.authority();
    let head = format!("Host: {name}\r\nUser-Agent: midwire-doctor\r\nConnection: close\r\n\r\n");
    if !url.is_https {
        let request = format!("GET http://{name}{} HTTP/1.1\r\n{head}", url.path);
        return exchange(stream, &request).await.map_err(Failed::Proxy);
    }
    let connect = format!("CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n");
    stream.write_all(connect.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut byte = [0];
        let read = tokio::time::timeout(STEP, stream.read_exact(&mut byte)).await;
        match read {
            Ok(Ok(_)) => answer.extend_from_slice(&byte),
            Ok(Err(error)) => return Err(failed(error)),
            Err(_) => return Err(Failed::Proxy("no answer to CONNECT".to_owned())),
        }
        if answer.len() > 16 * 1024 {
            return Err(Failed::Proxy("its answer to CONNECT has no end".to_owned()));
        }
    }
    if status(&answer) != Some(200) {
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(STEP, stream.take(ANSWER).read_to_end(&mut rest)).await;
        answer.extend_from_slice(&rest);
        return Ok(answer);
    }
    let roots = Roots::Given {
        bundle: Some(authority.path.clone()),
        directory: None,
    };
    let stream = handshake(stream, &url.host, roots)
        .await
        .map_err(Failed::Tls)?;
    let request = format!("GET {} HTTP/1.1\r\n{head}", url.path);
    exchange(stream, &request).await.map_err(Failed::Proxy)
}

/// Sends a request and reads the answer to its end, up to [`ANSWER`] bytes.
async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
) -> Result<Vec<u8>, String> {
    let mut answer = Vec::new();
    let work = async {
        stream.write_all(request.as_bytes()).await?;
        (&mut stream).take(ANSWER).read_to_end(&mut answer).await
    };
    match tokio::time::timeout(STEP, work).await {
        Ok(Err(error)) if answer.is_empty() => Err(error.to_string()),
        Err(_) if answer.is_empty() => Err(format!("nothing within {} s", STEP.as_secs())),
        _ if answer.is_empty() => Err("the connection was closed".to_owned()),
        _ => Ok(answer),
    }
}

fn judge(findings: &mut Findings, url: &Url, answer: &[u8]) {
    let Some(status) = status(answer) else {
        findings.bad(
            "round trip",
            "the answer is not HTTP",
            "look at what the proxy prints",
        );
        return;
    };
    if !is_from_proxy(answer) {
        let text = format!(
            "a request to {} came back through the proxy with {status}",
            url.host
        );
        findings.good("round trip", text);
        return;
    }
    let page = String::from_utf8_lossy(body(answer));
    let reason = page
        .split_once("<p>")
        .and_then(|(_, rest)| rest.split_once("</p>"));
    let reason = reason.map_or("no reason given", |(reason, _)| reason);
    let remedy = match reason {
        reason if reason.contains("proxy loop") => {
            "the URL leads to the proxy itself; ask for the server's own address"
        }
        reason if reason.to_lowercase().contains("certificate") => {
            "--set ssl_verify_upstream_trusted_ca=FILE, or --set ssl_insecure=true"
        }
        _ => "look at what the proxy prints",
    };
    findings.bad(
        "round trip",
        format!("the proxy answered {status}: {reason}"),
        remedy,
    );
}

/// Pages of the proxy name it in Server, and only those close with that name.
fn is_from_proxy(answer: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head(answer)).to_lowercase();
    head.lines().any(|line| {
        let value = line.strip_prefix("server:").map(str::trim);
        value.is_some_and(|value| value.starts_with("midwire") || value.starts_with("mitmproxy"))
    })
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
}

fn head(answer: &[u8]) -> &[u8] {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    answer
        .get(..end.unwrap_or(answer.len()))
        .unwrap_or_default()
}

fn body(answer: &[u8]) -> &[u8] {
    let start = head(answer).len().saturating_add(4);
    answer.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(answer: &str) -> String {
        let mut findings = Findings::default();
        judge(
            &mut findings,
            &Url::parse("https://x/").unwrap(),
            answer.as_bytes(),
        );
        findings.text()
    }

    #[test]
    fn answers_of_proxy_and_server_are_told_apart() {
        let good = verdict("HTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\n\r\n");
        assert!(
            good.contains("came back through the proxy with 502"),
            "{good}"
        );
        let page = "HTTP/1.1 502 Bad Gateway\r\nServer: midwire 1\r\n\r\n<p>proxy loop: x is this program</p>";
        assert!(verdict(page).contains("the URL leads to the proxy itself"));
        assert!(verdict("nonsense").contains("the answer is not HTTP"));
    }
}
