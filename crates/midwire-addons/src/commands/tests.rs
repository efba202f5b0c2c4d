//! Command lines and what they do.

use std::sync::{Mutex, OnceLock};

use bytes::Bytes;
use midwire_core::Link;
use midwire_core::commands::{Cell, DECLARED};
use midwire_core::engine::EngineRequest;
use midwire_core::log::{Level, LogStream};
use midwire_core::options::{OptionStore, Value};
use midwire_flow::{FlowError, HttpFlow, HttpMessage as _, Response};
use midwire_wire::Fields;

use super::*;
use crate::store_addon::StoreAddon;
use crate::testing::http_flow;

struct Setup {
    kernel: Arc<Kernel>,
    folder: tempfile::TempDir,
}

/// All lines that any test has logged.
fn logged() -> &'static Mutex<Vec<String>> {
    static LINES: OnceLock<Mutex<Vec<String>>> = OnceLock::new();
    LINES.get_or_init(|| {
        let log = LogStream::default();
        log.install();
        log.subscribe(Level::Info, |entry| {
            let line = format!("{}: {}", entry.level.as_str(), entry.message);
            logged().lock().unwrap().push(line);
        });
        Mutex::default()
    })
}

fn has_logged(line: &str) -> bool {
    logged().lock().unwrap().iter().any(|logged| logged == line)
}

impl Setup {
    fn of(tool: Tool) -> Self {
        logged();
        let folder = tempfile::tempdir().unwrap();
        let options = OptionStore::new(tool);
        let confdir = folder.path().to_string_lossy().into_owned();
        options
            .update([("confdir", Value::from(&*confdir))])
            .unwrap();
        let kernel = Arc::new(Kernel::new(options, LogStream::default()));
        let addons = CommandAddons::new(&kernel);
        let mut links = vec![
            Link::Sync(addons.client.clone()),
            Link::Sync(addons.server.clone()),
            Link::Sync(addons.history.clone()),
        ];
        if tool != Tool::Dump {
            links.push(Link::Sync(Arc::new(StoreAddon)));
        }
        kernel.set_addons(links).unwrap();
        register_commands(&kernel, tool, &addons).unwrap();
        Self { kernel, folder }
    }

    /// A web tool with two finished flows.
    fn new() -> Self {
        let setup = Self::of(Tool::Web);
        setup.add(finished("GET http://example.com/a", "one"));
        setup.add(finished("POST http://example.com/b", "two"));
        setup
    }

    fn add(&self, flow: HttpFlow) -> Id {
        let id = flow.info.id.clone();
        self.kernel.store().add(Flow::Http(Box::new(flow)));
        id
    }

    async fn run(&self, line: &str) -> Result<CommandValue, String> {
        let result = self.kernel.commands().execute(line).await;
        result.map_err(|error| error.to_string())
    }

    async fn fails(&self, line: &str, expected: &str) {
        assert_eq!(self.run(line).await.unwrap_err(), expected, "{line}");
    }

    fn flow(&self, at: usize) -> HttpFlow {
        let flow = Arc::clone(&self.kernel.store().all()[at]);
        flow.as_http().unwrap().clone()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }
}

fn finished(line: &str, body: &str) -> HttpFlow {
    let mut flow = http_flow(line);
    flow.info.live = false;
    flow.response = Some(Response::make(200, body.to_owned(), Fields::new()));
    flow
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "compared with results of commands"
)]
fn done() -> Result<CommandValue, String> {
    Ok(CommandValue::Null)
}

#[test]
fn each_tool_has_its_commands() {
    for tool in [Tool::Dump, Tool::Console, Tool::Web] {
        let setup = Setup::of(tool);
        for row in DECLARED {
            // The terminal interface brings its own.
            let elsewhere = row.name.starts_with("console.");
            let expected = row.tools.contains(tool) && !elsewhere;
            let is = setup.kernel.commands().contains(row.name);
            assert_eq!(is, expected, "{tool:?} {}", row.name);
        }
        assert!(
            setup
                .kernel
                .commands()
                .listing()
                .contains("\nflow.kill flows\n")
        );
    }
}

#[tokio::test]
async fn browsers_are_known_by_name() {
    let setup = Setup::of(Tool::Dump);
    assert_eq!(setup.run("browser.start lynx").await, done());
    assert!(has_logged("alert: Invalid browser name."));
}

#[tokio::test]
async fn printing_tool_cannot_name_flows() {
    let setup = Setup::of(Tool::Dump);
    let expected = "Unknown command: view.flows.resolve";
    setup.fails("flow.kill @all", expected).await;
    setup
        .fails("view.clear", "Unknown command: view.clear")
        .await;
}

#[tokio::test]
async fn flows_are_marked_and_commented() {
    let setup = Setup::new();
    assert_eq!(setup.run("flow.mark '~u nothing' x").await, done());
    assert_eq!(setup.flow(0).info.marked, "", "no such flow");
    assert_eq!(setup.run("flow.mark '~m GET' x").await, done());
    assert_eq!(setup.run("flow.mark.toggle @all").await, done());
    assert_eq!(setup.flow(0).info.marked, "");
    assert_eq!(setup.flow(1).info.marked, ":default:");
    assert_eq!(setup.run("flow.comment @marked 'a b'").await, done());
    assert_eq!(setup.flow(1).info.comment, "a b");
    setup.fails("flow.mark @all nope", "Invalid choice.").await;
}

#[tokio::test]
async fn common_parts_are_set() {
    let setup = Setup::new();
    for line in [
        "flow.set @focus method PUT",
        "flow.set @focus host other.example",
        "flow.set @focus status_code 404",
    ] {
        assert_eq!(setup.run(line).await, done(), "{line}");
    }
    let flow = setup.flow(0);
    assert_eq!(flow.request.url(), "http://other.example/a");
    assert_eq!(flow.request.method, "PUT");
    let response = flow.response.unwrap();
    assert_eq!(
        (response.status, &response.reason[..]),
        (404, &b"Not Found"[..])
    );
    setup
        .run("flow.set @all url https://b.example:1/c")
        .await
        .unwrap();
    assert_eq!(setup.flow(1).request.url(), "https://b.example:1/c");
    assert!(has_logged("alert: Set url on  2 flows."));
    let expected = "Status code is not an integer: x";
    setup.fails("flow.set @all status_code x", expected).await;
    let error = setup.run("flow.set @all url nope").await.unwrap_err();
    assert!(error.starts_with("URL 'nope' is invalid: "), "{error}");
    setup
        .fails("flow.set @all colour x", "Invalid choice.")
        .await;
}

#[tokio::test]
async fn codings_come_and_go_and_are_reverted() {
    let setup = Setup::new();
    let coding = || {
        let response = setup.flow(0).response.unwrap();
        let coding = response.fields.get("content-encoding").map(<[u8]>::to_vec);
        assert_eq!(response.text_lossy(99).unwrap(), "one");
        coding.unwrap_or_default()
    };
    setup.run("flow.encode @focus response gzip").await.unwrap();
    setup.run("flow.encode @focus response br").await.unwrap();
    assert_eq!(coding(), b"gzip", "only plain content is encoded");
    setup.run("flow.decode @focus response").await.unwrap();
    assert_eq!(coding(), b"");
    setup.run("flow.encode.toggle @all response").await.unwrap();
    assert_eq!(coding(), b"deflate");
    assert!(has_logged("alert: Toggled encoding on 2 flows."));
    setup.run("flow.encode @all nothing gzip").await.unwrap();
    assert!(has_logged("alert: Encoded 0 flows."));
    setup.run("flow.revert @all").await.unwrap();
    assert_eq!(coding(), b"");
    assert!(has_logged("alert: Reverted 2 flows."));
    let mut broken = finished("GET http://example.com/c", "plain");
    broken
        .response
        .as_mut()
        .unwrap()
        .fields
        .set("content-encoding", "gzip");
    setup.add(broken);
    assert!(setup.run("flow.decode '~u /c' response").await.is_err());
    assert!(setup.flow(2).info.backup.is_none(), "untouched");
}

#[tokio::test]
async fn held_flows_go_on_or_end() {
    let setup = Setup::of(Tool::Web);
    let mut flow = http_flow("GET http://example.com/a");
    flow.info.intercepted = true;
    let held = Flow::Http(Box::new(flow.clone()));
    setup.add(flow);
    let kernel = Arc::clone(&setup.kernel);
    let exchange = tokio::spawn(async move { kernel.parked().hold(held).await });
    tokio::task::yield_now().await;
    setup.run("flow.set @all path /changed").await.unwrap();
    setup.run("flow.kill @all").await.unwrap();
    let back = exchange.await.unwrap().unwrap();
    assert!(back.info().killed());
    assert_eq!(back.as_http().unwrap().request.path, "/changed");
    assert!(has_logged("alert: Killed 1 flows."));
    let stored = setup.flow(0).info;
    assert!(!stored.intercepted && stored.error.unwrap().msg == FlowError::KILLED);
}

#[tokio::test]
async fn list_is_ordered_filtered_and_walked() {
    let setup = Setup::new();
    let text = |value: &str| Ok(CommandValue::Str(value.to_owned()));
    assert_eq!(setup.run("view.order.set url").await, done());
    assert_eq!(setup.run("view.order").await, text("url"));
    setup
        .fails("view.order.set x", "Unknown flow order: x")
        .await;
    setup.run("view.order.reverse true").await.unwrap();
    setup.run("view.focus.go 0").await.unwrap();
    assert_eq!(setup.kernel.store().focus_row(), Some(0));
    setup.run("view.filter.set '~m GET'").await.unwrap();
    assert_eq!(
        setup.run("view.properties.length").await,
        Ok(CommandValue::Int(1))
    );
    let inbounds = |row: i64| format!("view.properties.inbounds {row}");
    assert_eq!(setup.run(&inbounds(0)).await, Ok(CommandValue::Bool(true)));
    assert_eq!(
        setup.run(&inbounds(-1)).await,
        Ok(CommandValue::Bool(false))
    );
    let expected = "Invalid filter expression: '~zz'";
    setup.fails("view.filter.set ~zz", expected).await;
    setup.run("view.filter.set ''").await.unwrap();
    setup.run("view.properties.marked.toggle").await.unwrap();
    assert_eq!(
        setup.run("view.properties.length").await,
        Ok(CommandValue::Int(0))
    );
    setup.run("view.properties.marked.toggle").await.unwrap();
    setup
        .run("view.settings.setval.toggle @all k")
        .await
        .unwrap();
    assert_eq!(
        setup.run("view.settings.getval @focus k x").await,
        text("true")
    );
    assert_eq!(
        setup.run("view.settings.getval @focus other x").await,
        text("x")
    );
}

#[tokio::test]
async fn flows_are_made_copied_saved_and_loaded() {
    let setup = Setup::new();
    setup
        .run("view.flows.create get http://new.example:81/x")
        .await
        .unwrap();
    let made = setup.flow(2);
    assert_eq!(made.request.method, "GET");
    assert_eq!(made.request.fields.get("host"), Some(&b"new.example"[..]));
    setup
        .fails(
            "view.flows.create get nope",
            "Invalid URL: No hostname given",
        )
        .await;
    setup.run("view.flows.duplicate @all").await.unwrap();
    let focused = setup.kernel.store().focus().unwrap();
    assert_eq!(focused.as_http().unwrap().request.path, "/a");
    assert_eq!(*focused, *setup.kernel.store().all()[3], "the first copy");
    assert!(has_logged("alert: Duplicated 3 flows"));
    let path = setup.path("flows");
    setup
        .run(&format!("save.file @all '{path}'"))
        .await
        .unwrap();
    setup
        .run(&format!("save.file @focus '+{path}'"))
        .await
        .unwrap();
    assert!(has_logged("alert: Saved 6 flows."));
    setup.run("view.flows.remove @all").await.unwrap();
    assert!(has_logged("alert: Removed 6 flows"));
    setup
        .run(&format!("view.flows.load '{path}'"))
        .await
        .unwrap();
    assert_eq!(setup.kernel.store().counts().total, 7);
    setup.run("view.flows.load /no/such/file").await.unwrap();
    assert!(has_logged("error: No such file or directory"));
    let har = setup.path("x.har");
    setup.run(&format!("save.har @all '{har}'")).await.unwrap();
    let text = std::fs::read_to_string(har).unwrap();
    assert!(text.contains("http://new.example"));
    assert!(setup.run("save.file @all /no/such/folder/x").await.is_err());
}

#[tokio::test]
async fn values_are_cut_and_exported() {
    let setup = Setup::new();
    let cell = |text: &str| Cell::Str(text.to_owned());
    let rows = vec![
        vec![cell("GET"), Cell::Bytes(b"one".to_vec())],
        vec![cell("POST"), Cell::Bytes(b"two".to_vec())],
    ];
    let table = setup.run("cut @all request.method,response.content").await;
    assert_eq!(table, Ok(CommandValue::Table(rows)));
    setup
        .fails("cut @all _x", "Can't access internal attribute _x")
        .await;
    let path = setup.path("cut");
    for append in ["", "+"] {
        let line = format!("cut.save @focus response.content '{append}{path}'");
        setup.run(&line).await.unwrap();
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"one\none");
    let line = format!("cut.save @all request.method,response.content '{path}'");
    setup.run(&line).await.unwrap();
    assert_eq!(
        std::fs::read(&path).unwrap(),
        b"GET,b'one'\r\nPOST,b'two'\r\n"
    );
    assert!(has_logged("alert: Saved 2 cuts over 2 flows as CSV."));
    let curl = setup.run("export curl @focus").await;
    assert_eq!(
        curl,
        Ok(CommandValue::Str("curl http://example.com/a".to_owned()))
    );
    setup
        .fails("export x @focus", "No such export format: x")
        .await;
    let line = format!("export.file raw_response @focus '{path}'");
    setup.run(&line).await.unwrap();
    assert!(std::fs::read(&path).unwrap().ends_with(b"\r\n\r\none"));
}

#[tokio::test]
async fn history_is_kept_and_walked() {
    let setup = Setup::of(Tool::Dump);
    for line in ["one", "two", "' '", "three", "twelve"] {
        setup
            .run(&format!("commands.history.add {line}"))
            .await
            .unwrap();
    }
    let text = |value: &str| Ok(CommandValue::Str(value.to_owned()));
    setup.run("commands.history.filter tw").await.unwrap();
    for (step, expected) in [
        ("prev", "twelve"),
        ("prev", "two"),
        ("prev", "two"),
        ("next", "twelve"),
        ("next", "tw"),
    ] {
        assert_eq!(
            setup.run(&format!("commands.history.{step}")).await,
            text(expected)
        );
    }
    let file = setup.path("command_history");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "one\ntwo\nthree\ntwelve\n"
    );
    setup.run("commands.history.clear").await.unwrap();
    assert!(!std::path::Path::new(&file).exists());
    assert_eq!(
        setup.run("commands.history.get").await,
        Ok(CommandValue::StrList(vec![]))
    );
    std::fs::write(&file, "x\n".repeat(1200)).unwrap();
    setup
        .kernel
        .options()
        .update([("command_history", Value::Bool(false))])
        .unwrap();
    setup
        .kernel
        .options()
        .update([("command_history", Value::Bool(true))])
        .unwrap();
    setup.kernel.chain().done(&setup.kernel);
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 512);
}

#[tokio::test]
async fn requests_are_replayed_one_after_another() {
    let setup = Setup::new();
    setup.kernel.start();
    let expected = "cannot replay: the proxy is not running";
    setup.fails("replay.client @all", expected).await;
    let mut requests = setup.kernel.engine().serve().unwrap();
    let mut live = http_flow("GET http://example.com/live");
    live.info.live = true;
    setup.add(live);
    setup.run("replay.client @all").await.unwrap();
    assert!(has_logged("warn: Can't replay live flow."));
    let count = || async { setup.run("replay.client.count").await };
    assert_eq!(count().await, Ok(CommandValue::Int(2)));
    let replayed = setup.flow(0);
    assert!(replayed.response.is_none() && replayed.info.is_replay.is_some());
    let Some(EngineRequest::Replay { flow, reply }) = requests.recv().await else {
        panic!("no replay");
    };
    assert_eq!(flow.request.path, "/a");
    assert!(requests.try_recv().is_err(), "one at a time");
    reply.send(Ok(())).unwrap();
    let Some(EngineRequest::Replay { flow, reply }) = requests.recv().await else {
        panic!("no second replay");
    };
    assert_eq!(flow.request.path, "/b");
    setup.run("replay.client '~u /a'").await.unwrap();
    setup.run("replay.client.stop").await.unwrap();
    assert_eq!(
        setup.flow(0).response.unwrap().text_lossy(9).as_deref(),
        Some("one")
    );
    assert_eq!(count().await, Ok(CommandValue::Int(1)));
    drop(reply);
    while setup.kernel.replays().client.load(Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
    assert!(has_logged("alert: Client replay queue cleared."));
}

#[tokio::test]
async fn responses_are_replayed() {
    let setup = Setup::new();
    setup.run("replay.server @all").await.unwrap();
    setup.run("replay.server.add @focus").await.unwrap();
    let count = setup.run("replay.server.count").await;
    assert_eq!(count, Ok(CommandValue::Int(3)));
    let mut request = http_flow("GET http://example.com/a");
    setup.kernel.request(&mut request).await;
    assert_eq!(
        request.response.unwrap().text_lossy(9).as_deref(),
        Some("one")
    );
    setup.run("replay.server.stop").await.unwrap();
    let count = setup.run("replay.server.count").await;
    assert_eq!(count, Ok(CommandValue::Int(0)));
}

#[tokio::test]
async fn messages_are_injected_into_running_flows_only() {
    let setup = Setup::new();
    setup.run("inject.tcp @focus true x").await.unwrap();
    assert!(has_logged(
        "warn: Cannot inject TCP messages into non-TCP flows."
    ));
    let mut live = http_flow("GET http://example.com/ws");
    live.websocket = Some(midwire_flow::WebSocketData::default());
    live.info.live = false;
    let id = setup.add(live);
    let line = format!("inject.websocket @{id} false 'a\\n' false");
    setup.run(&line).await.unwrap();
    assert!(has_logged("warn: Flow is not from a live connection."));
    setup
        .kernel
        .edit_flow(&id, |flow| flow.info_mut().live = true);
    let mut requests = setup.kernel.engine().serve().unwrap();
    let serve = async {
        let Some(EngineRequest::Inject { message, reply, .. }) = requests.recv().await else {
            panic!("no message");
        };
        reply.send(Ok(())).unwrap();
        message.content
    };
    let (outcome, content) = tokio::join!(setup.run(&line), serve);
    assert_eq!((outcome, content), (done(), Bytes::from_static(b"a\n")));
}

#[tokio::test]
async fn small_answers() {
    let setup = Setup::of(Tool::Web);
    let connections = setup.kernel.count_connection();
    assert_eq!(
        setup.run("proxyserver.active_connections").await,
        Ok(CommandValue::Int(1))
    );
    drop(connections);
    assert_eq!(
        setup.run("readfile.reading").await,
        Ok(CommandValue::Bool(false))
    );
    assert_eq!(setup.run("eventstore.clear").await, done());
    assert!(setup.run("script.run @all x.py").await.is_err());
}

#[tokio::test]
async fn the_ledger_is_shown_and_reset() {
    let setup = Setup::new();
    setup
        .kernel
        .ledger()
        .note("a.test", midwire_core::Missed::Quic);
    let Ok(CommandValue::Table(rows)) = setup.run("ledger.show").await else {
        panic!("no table");
    };
    let first: Vec<_> = rows[0].iter().take(3).cloned().collect();
    let text = |text: &str| Cell::Str(text.to_owned());
    let reason = midwire_core::Missed::Quic.text();
    assert_eq!(first, [text("a.test"), text(reason), text("1")]);
    setup.run("ledger.reset").await.unwrap();
    assert!(setup.kernel.ledger().rows().is_empty());
}
