//! Playbooks: bytes from a client in memory, a scripted server on loopback, the hooks that were seen, bytes back.

mod content;
mod expect;
mod faults;
mod kills;
mod late;
mod limits;
mod orders;
mod refusals;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use midwire_core::hooks::{
    Addon, ContentNeed, FlowRef, Hook, HookSet, Part, ServerHookData, StreamFilter,
};
use midwire_core::options::Options;
use midwire_core::{BoxFuture, Kernel};
use midwire_flow::{ClientConn, FlowError, HttpFlow, Id};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::io::Patient;
use crate::testing;

/// A wait that ends a test that has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// What servers say once their script is over.
const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";

/// What a scripted server does with a connection. At the end of the script it closes.
#[derive(Clone, Copy)]
enum Step {
    /// Read until the bytes since the last step end with this.
    Hear(&'static str),
    Say(&'static str),
    /// Say this many times a piece.
    Repeat(&'static str, usize),
    /// Close with RST.
    Reset,
    /// Wait until the proxy closes.
    HearEnd,
}

use Step::{Hear, HearEnd, Repeat, Reset, Say};

/// The end of a head.
const HEAD: Step = Hear("\r\n\r\n");

/// A server: each connection plays its script, further ones answer every request well.
struct Origin {
    at: SocketAddr,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    _task: Aborted,
}

struct Aborted(JoinHandle<()>);

impl Drop for Aborted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Origin {
    async fn new(scripts: &[&[Step]]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let scripts: Vec<Vec<Step>> = scripts.iter().map(|script| script.to_vec()).collect();
        let all = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            for turn in 0.. {
                let (tcp, _) = listener.accept().await.unwrap();
                all.lock().unwrap().push(Vec::new());
                let script = scripts.get(turn).cloned();
                tokio::spawn(play(tcp, script, turn, Arc::clone(&all)));
            }
        });
        Self {
            at,
            heard,
            _task: Aborted(task),
        }
    }

    /// What came on one connection.
    fn heard(&self, turn: usize) -> String {
        let heard = self.heard.lock().unwrap();
        heard
            .get(turn)
            .map_or_else(String::new, |bytes| text(bytes))
    }

    fn connections(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    /// A request head up to its Host field, with more lines.
    fn request(&self, method: &str, more: &str) -> String {
        format!(
            "{method} http://{at}/ HTTP/1.1\r\nHost: {at}\r\n{more}",
            at = self.at
        )
    }

    fn get(&self) -> String {
        self.request("GET", "\r\n")
    }
}

async fn play(
    mut tcp: TcpStream,
    script: Option<Vec<Step>>,
    turn: usize,
    all: Arc<Mutex<Vec<Vec<u8>>>>,
) {
    let Some(script) = script else {
        while hear(&mut tcp, "\r\n\r\n", turn, &all).await {
            if tcp.write_all(GOOD.as_bytes()).await.is_err() {
                return;
            }
        }
        return;
    };
    for step in script {
        match step {
            Hear(end) => {
                if !hear(&mut tcp, end, turn, &all).await {
                    return;
                }
            }
            HearEnd => {
                hear(&mut tcp, "\0never", turn, &all).await;
            }
            Say(said) => {
                let _ = tcp.write_all(said.as_bytes()).await;
            }
            Repeat(piece, times) => {
                let _ = tcp.write_all(piece.repeat(times).as_bytes()).await;
            }
            Reset => {
                tcp.set_zero_linger().unwrap();
                return;
            }
        }
    }
}

/// Reads byte by byte, so that nothing of what follows is taken; false at the end.
async fn hear(tcp: &mut TcpStream, end: &str, turn: usize, all: &Mutex<Vec<Vec<u8>>>) -> bool {
    let mut got = Vec::new();
    while !got.ends_with(end.as_bytes()) {
        let Ok(byte) = tcp.read_u8().await else {
            return false;
        };
        got.push(byte);
        all.lock().unwrap()[turn].push(byte);
    }
    true
}

type Edit = Box<dyn Fn(&mut HttpFlow) + Send + Sync>;

/// An addon that writes down hooks, edits flows in one of them, and may want content whole.
struct Spy {
    need: ContentNeed,
    /// For responses, if it differs.
    need_response: Option<ContentNeed>,
    /// Content that streams is put in capitals.
    capitals: bool,
    edit: Option<(Hook, Edit)>,
    hooks: Mutex<Vec<&'static str>>,
    begun: Mutex<Vec<Id>>,
    ended: Mutex<Vec<HttpFlow>>,
    /// Whether the flow lived, at each update.
    updates: Mutex<Vec<bool>>,
}

impl Spy {
    fn new(need: ContentNeed) -> Self {
        Self {
            need,
            need_response: None,
            capitals: false,
            edit: None,
            hooks: Mutex::default(),
            begun: Mutex::default(),
            ended: Mutex::default(),
            updates: Mutex::default(),
        }
    }

    fn editing(hook: Hook, edit: impl Fn(&mut HttpFlow) + Send + Sync + 'static) -> Self {
        Self {
            edit: Some((hook, Box::new(edit))),
            ..Self::new(ContentNeed::Nothing)
        }
    }

    fn note(&self, hook: Hook, flow: &mut HttpFlow) {
        self.hooks.lock().unwrap().push(hook.name());
        if let Some((at, edit)) = &self.edit
            && *at == hook
        {
            edit(flow);
        }
        if matches!(hook, Hook::Response | Hook::Error) {
            self.ended.lock().unwrap().push(flow.clone());
        }
    }

    fn note_server(&self, hook: Hook) {
        self.hooks.lock().unwrap().push(hook.name());
    }

    /// The hooks since the last call, in one line.
    fn hooks(&self) -> String {
        std::mem::take(&mut *self.hooks.lock().unwrap()).join(" ")
    }

    /// The last flow that ended.
    fn flow(&self) -> HttpFlow {
        self.ended.lock().unwrap().last().cloned().unwrap()
    }
}

impl Addon for Spy {
    fn name(&self) -> &'static str {
        "spy"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::of(Hook::ALL)
            .union(HookSet::CONTENT)
            .union(HookSet::UPDATE)
    }

    fn content_need(&self, _: &Kernel, _: &HttpFlow, part: Part) -> ContentNeed {
        match part {
            Part::Response => self.need_response.unwrap_or(self.need),
            Part::Request => self.need,
        }
    }

    fn stream_filter(&self, _: &Kernel, _: &HttpFlow, _: Part) -> Option<Box<dyn StreamFilter>> {
        self.capitals
            .then(|| Box::new(Capitals) as Box<dyn StreamFilter>)
    }

    fn update(&self, _: &Kernel, flows: &[FlowRef<'_>]) {
        let lived = flows.iter().map(|flow| flow.info().live);
        self.updates.lock().unwrap().extend(lived);
    }

    fn requestheaders(&self, _: &Kernel, flow: &mut HttpFlow) {
        self.begun.lock().unwrap().push(flow.info.id.clone());
        self.note(Hook::Requestheaders, flow);
    }

    fn request(&self, _: &Kernel, flow: &mut HttpFlow) {
        self.note(Hook::Request, flow);
    }

    fn responseheaders(&self, _: &Kernel, flow: &mut HttpFlow) {
        self.note(Hook::Responseheaders, flow);
    }

    fn response(&self, _: &Kernel, flow: &mut HttpFlow) {
        self.note(Hook::Response, flow);
    }

    fn error(&self, _: &Kernel, flow: &mut HttpFlow) {
        self.note(Hook::Error, flow);
    }

    fn server_connect(&self, _: &Kernel, _: &mut ServerHookData) {
        self.note_server(Hook::ServerConnect);
    }

    fn server_connected(&self, _: &Kernel, _: &mut ServerHookData) {
        self.note_server(Hook::ServerConnected);
    }

    fn server_connect_error(&self, _: &Kernel, _: &mut ServerHookData) {
        self.note_server(Hook::ServerConnectError);
    }

    fn server_disconnected(&self, _: &Kernel, _: &mut ServerHookData) {
        self.note_server(Hook::ServerDisconnected);
    }
}

/// A filter that takes its time: each piece is given up to the runtime first.
struct Capitals;

impl StreamFilter for Capitals {
    fn chunk(&mut self, chunk: Bytes) -> BoxFuture<'_, Result<Vec<Bytes>, String>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(vec![chunk.to_ascii_uppercase().into()])
        })
    }

    fn end(&mut self) -> BoxFuture<'_, Result<Vec<Bytes>, String>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            Ok(vec!["!".into()])
        })
    }
}

/// The proxy under test.
struct Stage {
    spy: Arc<Spy>,
    session: Session,
}

/// A client's connection with it.
struct Client {
    io: Io,
    served: JoinHandle<()>,
}

impl Stage {
    fn new(spy: Spy, settings: &[&str]) -> Self {
        let spy = Arc::new(spy);
        let session = testing::session(Some(Arc::clone(&spy) as Arc<dyn Addon>), settings);
        Self { spy, session }
    }

    fn plain(settings: &[&str]) -> Self {
        Self::new(Spy::new(ContentNeed::Nothing), settings)
    }

    fn client(&self) -> Client {
        let engine = Arc::clone(&self.session.engine);
        let mode = Arc::clone(&self.session.mode);
        let (near, far) = testing::pipe();
        let served = tokio::spawn(async move {
            let session = Session::new(engine, ClientConn::default(), mode);
            let limit = session.options().client_write_timeout;
            let near = Box::new(Patient::new(near, limit, session.reset.clone()));
            let end = Box::pin(serve(&session, near, &Destination::Named)).await;
            drop(end);
            session.close_idle().await;
        });
        Client { io: far, served }
    }

    /// Everything that one request gets until the connection is closed.
    async fn ask(&self, request: &str) -> String {
        let mut client = self.client();
        client.say(request).await;
        client.rest().await
    }

    /// A new client is served well.
    async fn still_works(&self, origin: &Origin) {
        let mut client = self.client();
        client.say(&origin.get()).await;
        client.hears(GOOD).await;
    }
}

impl Client {
    async fn say(&mut self, bytes: &str) {
        let said = self.io.write_all(bytes.as_bytes());
        tokio::time::timeout(PATIENCE, said).await.unwrap().unwrap();
    }

    /// Exactly this comes next.
    async fn hears(&mut self, expected: &str) {
        let mut got = Vec::new();
        let reading = async {
            while got.len() < expected.len() {
                match self.io.read_u8().await {
                    Ok(byte) => got.push(byte),
                    Err(_) => break,
                }
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, reading).await.is_ok();
        assert_eq!(text(&got), expected, "in time: {in_time}");
    }

    /// All that comes until the end, which comes after all hooks.
    async fn rest(mut self) -> String {
        let mut got = Vec::new();
        let reading = async {
            let _ = self.io.read_to_end(&mut got).await;
            drop(self.io);
            self.served.await.unwrap();
        };
        let in_time = tokio::time::timeout(PATIENCE, reading).await.is_ok();
        assert!(in_time, "still open after {:?}", text(&got));
        text(&got)
    }

    /// Goes away, and waits for all hooks.
    async fn leave(self) {
        drop(self.io);
        let served = tokio::time::timeout(PATIENCE, self.served);
        served.await.unwrap().unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A page of ours with this status that closes the connection and names this reason.
fn assert_page(got: &str, status: &str, reason: &str) {
    let (head, content) = got.split_once("\r\n\r\n").unwrap_or((got, ""));
    assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{got}");
    assert!(head.contains("\r\nConnection: close\r\n"), "{got}");
    assert!(
        head.contains(&format!("\r\nContent-Length: {}\r\n", content.len())),
        "{got}"
    );
    assert!(content.contains(reason), "{reason:?} is not in {got}");
}

fn kill(flow: &mut HttpFlow) {
    flow.info.error = Some(FlowError::new(FlowError::KILLED));
}
