//! A kernel with scripts, and flows to give them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use midwire_core::Kernel;
use midwire_core::hooks::ServerHookData;
use midwire_core::log::{Level, LogStream};
use midwire_core::options::{OptionStore, Tool, Value};
use midwire_flow::{
    Address, ClientConn, Content, Dns, DnsFlow, Flow, FlowInfo, HttpFlow, Number, Request,
    Response, ServerConn,
};
use midwire_python::{ScriptError, ScriptHost};
use midwire_wire::Fields;

/// Longest wait for something that happens by itself.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Setup {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) host: ScriptHost,
    pub(crate) scripts: Vec<PathBuf>,
    lines: Arc<Mutex<Vec<String>>>,
    _folder: tempfile::TempDir,
}

/// Writes the scripts to files and loads them with these options.
pub(crate) async fn try_scripts(
    texts: &[&str],
    options: &[(&str, Value)],
) -> Result<Setup, ScriptError> {
    let folder = tempfile::tempdir().unwrap();
    let scripts: Vec<PathBuf> = (0..texts.len())
        .map(|n| folder.path().join(format!("script{n}.py")))
        .collect();
    for (path, text) in scripts.iter().zip(texts) {
        std::fs::write(path, text).unwrap();
    }
    let log = LogStream::default();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    log.subscribe(Level::Info, move |entry| {
        sink.lock()
            .unwrap()
            .push(format!("{}: {}", entry.level.as_str(), entry.message));
    });
    // What this crate says itself comes by the process-wide stream of the first test.
    let kernel = Arc::new(Kernel::new(OptionStore::new(Tool::Dump), log));
    let host = ScriptHost::new(&kernel, |_, _| Box::pin(std::future::ready(())));
    kernel.set_addons(vec![host.link()]).unwrap();
    let names: Vec<String> = scripts
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    kernel
        .options()
        .update([("scripts", Value::Seq(names))])
        .unwrap();
    kernel
        .options()
        .update_defer(options.iter().cloned())
        .unwrap();
    host.start().await?;
    Ok(Setup {
        kernel,
        host,
        scripts,
        lines,
        _folder: folder,
    })
}

pub(crate) async fn scripts(texts: &[&str]) -> Setup {
    try_scripts(texts, &[]).await.unwrap()
}

impl Setup {
    /// Waits until a line of the log has this text.
    pub(crate) async fn logged(&self, text: &str) -> String {
        let find = || {
            self.lines
                .lock()
                .unwrap()
                .iter()
                .find(|line| line.contains(text))
                .cloned()
        };
        let found = eventually(find).await;
        found.unwrap_or_else(|| panic!("{text:?} is not in {:#?}", self.lines.lock().unwrap()))
    }

    /// Runs the hook `request` of a flow to this path and gives the flow.
    pub(crate) async fn request(&self, path: &str) -> HttpFlow {
        let mut flow = http(path);
        self.kernel.request(&mut flow).await;
        flow
    }
}

/// Looks again and again until there is something, or patience ends.
pub(crate) async fn eventually<T>(look: impl Fn() -> Option<T>) -> Option<T> {
    let end = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < end {
        if let Some(found) = look() {
            return Some(found);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    None
}

pub(crate) fn client() -> Arc<ClientConn> {
    let mut client = ClientConn {
        proxy_mode: "regular".to_owned(),
        ..ClientConn::default()
    };
    client.peername = Some(Address::new("192.0.2.1", 5000));
    client.timestamp_start = Some(1.0);
    Arc::new(client)
}

/// `GET http://example.com` + path, live.
pub(crate) fn http(path: &str) -> HttpFlow {
    HttpFlow {
        info: FlowInfo::new(client(), Arc::new(ServerConn::default())),
        request: Request {
            host: "example.com".to_owned(),
            port: 80,
            method: "GET".into(),
            scheme: "http".into(),
            authority: "".into(),
            path: path.to_owned().into(),
            version: "HTTP/1.1".into(),
            fields: Fields::from_pairs([("Host", "example.com"), ("X-A", "1"), ("X-A", "2")]),
            content: Content::Memory("".into()),
            trailers: None,
            timestamp_start: Number::now(),
            timestamp_end: None,
        },
        response: None,
        websocket: None,
    }
}

pub(crate) fn response(content: impl Into<bytes::Bytes>) -> Response {
    Response {
        version: "HTTP/1.1".into(),
        status: 200,
        reason: "OK".into(),
        fields: Fields::from_pairs([("Content-Type", "text/plain")]),
        content: Content::Memory(content.into()),
        trailers: None,
        timestamp_start: Number::now(),
        timestamp_end: None,
    }
}

pub(crate) fn server_data(host: &str) -> ServerHookData {
    ServerHookData {
        server: ServerConn {
            address: Some(Address::new(host, 80)),
            ..ServerConn::default()
        },
        client: client(),
    }
}

/// A field of the request, all lines joined.
pub(crate) fn field(fields: &Fields, name: &str) -> String {
    fields
        .get_folded(name)
        .map(|value| String::from_utf8_lossy(&value).into_owned())
        .unwrap_or_default()
}

pub(crate) fn http_flow(flow: &HttpFlow) -> Flow {
    Flow::Http(Box::new(flow.clone()))
}

/// A question about the address of a name.
pub(crate) fn question(name: &str) -> DnsFlow {
    DnsFlow {
        info: FlowInfo::new(client(), Arc::default()),
        request: Dns {
            id: 7,
            query: true,
            op_code: 0,
            authoritative_answer: false,
            truncation: false,
            recursion_desired: true,
            recursion_available: false,
            reserved: 0,
            response_code: 0,
            questions: vec![midwire_wire::dns::Question {
                name: name.to_owned(),
                type_: 1,
                class: 1,
            }],
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
        },
        request_timestamp: Number::now(),
        response: None,
        response_timestamp: None,
    }
}
