//! The interface over real sockets on loopback.

mod api;
mod protection;
mod socket;

use std::net::SocketAddr;
use std::sync::Arc;

use midwire_core::log::LogStream;
use midwire_core::options::{OptionStore, Tool, Value};
use midwire_core::{BoxFuture, Kernel};
use midwire_flow::Flow;
use midwire_views::Registry;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{Host, Server, Web};

const TOKEN: &str = "test-token";

/// A program without proxy.
struct Alone(Arc<Kernel>);

impl Host for Alone {
    fn servers(&self) -> Vec<Server> {
        vec![Server {
            spec: "regular".to_owned(),
            kind: "regular".to_owned(),
            description: "HTTP(S) proxy".to_owned(),
            addresses: vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
            error: None,
        }]
    }

    fn views(&self) -> Registry {
        Registry::new()
    }

    fn load(&self, flow: Flow) -> BoxFuture<'static, ()> {
        self.0.store().add(flow);
        Box::pin(async {})
    }
}

pub(crate) struct Fixture {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) address: SocketAddr,
    _confdir: tempfile::TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&self.body));
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a field, empty without one.
    pub(crate) fn field(&self, name: &str) -> String {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let found = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| value.trim().to_owned())
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl Fixture {
    pub(crate) async fn start(options: &[(&str, Value)]) -> Self {
        let confdir = tempfile::tempdir().unwrap();
        let store = OptionStore::new(Tool::Web);
        let path = confdir.path().to_str().unwrap().to_owned();
        let base = [
            ("confdir", Value::Str(path)),
            ("web_port", Value::Int(0)),
            ("web_password", Value::from(TOKEN)),
            ("web_open_browser", Value::Bool(false)),
        ];
        store.update(base).unwrap();
        store.update(options.to_vec()).unwrap();
        let kernel = Arc::new(Kernel::new(store, LogStream::default()));
        let web = Web::bind(&kernel, Arc::new(Alone(Arc::clone(&kernel))))
            .await
            .unwrap();
        let address = web.address();
        tokio::spawn(web.serve());
        Self {
            kernel,
            address,
            _confdir: confdir,
        }
    }

    /// Sends a request as it is written.
    pub(crate) async fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut all = Vec::new();
        // The other side may cut the connection when it has refused a body.
        let _ = stream.read_to_end(&mut all).await;
        let end = all
            .windows(4)
            .position(|part| part == b"\r\n\r\n")
            .expect("a head");
        let head = String::from_utf8_lossy(&all[..end]).into_owned();
        let mut body = all[end + 4..].to_vec();
        if head
            .to_ascii_lowercase()
            .contains("transfer-encoding: chunked")
        {
            body = dechunk(&body);
        }
        Answer {
            status: head.get(9..12).unwrap().parse().unwrap(),
            head,
            body,
        }
    }

    /// Sends a request with these fields and nothing else.
    pub(crate) async fn send(&self, line: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
        if !fields.iter().any(|(name, _)| *name == "Host") {
            request.extend(["Host: ", &self.address.to_string(), "\r\n"]);
        }
        for (name, value) in fields {
            request.extend([*name, ": ", *value, "\r\n"]);
        }
        if !body.is_empty() || !line.starts_with("GET") {
            request.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
        }
        request += "\r\n";
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        self.raw(&bytes).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let bearer = format!("Bearer {TOKEN}");
        self.send(&format!("GET {path}"), &[("Authorization", &bearer)], b"")
            .await
    }

    /// A request that may change something, with JSON.
    pub(crate) async fn call(&self, line: &str, body: &Json) -> Answer {
        let bearer = format!("Bearer {TOKEN}");
        let fields = [
            ("Authorization", bearer.as_str()),
            ("Cookie", "_mitmproxy_xsrf=abc"),
            ("X-XSRFToken", "abc"),
            ("Content-Type", "application/json"),
        ];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(line, &fields, body.as_bytes()).await
    }
}

fn dechunk(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = body.windows(2).position(|part| part == b"\r\n") {
        let size = std::str::from_utf8(&body[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        out.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 4 + size..];
    }
    out
}
