//! Loading, options, commands, reload.

use midwire_core::commands::CommandValue;
use midwire_core::options::Value;
use midwire_python::ScriptError;

use crate::helper::{eventually, http, scripts, try_scripts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_and_commands_of_scripts_are_those_of_the_program() {
    let text = r#"
from typing import Optional, Sequence
from mitmproxy import command, ctx, exceptions

class A:
    def load(self, loader):
        loader.add_option("greet", str, "hello", "A greeting.")
        loader.add_option("limit", Optional[int], None, "A limit.")
        loader.add_option("names", Sequence[str], [], "Names.")

    def configure(self, updated):
        if "greet" in updated and ctx.options.greet == "bad":
            raise exceptions.OptionsError("bad greeting")

    def request(self, flow):
        flow.comment = f"{ctx.options.greet}/{ctx.options.limit}/{list(ctx.options.names)}"
        if flow.request.path == "/switch":
            ctx.options.update(anticache=True, greet="moin")
        if flow.request.path == "/bad":
            ctx.options.greet = "bad"

    @command.command("my.add")
    def add(self, a: int, b: int = 5) -> int:
        "Adds two numbers."
        return a + b

addons = [A()]
"#;
    let options = [("greet", Value::from("ciao"))];
    let setup = try_scripts(&[text], &options).await.unwrap();
    let store = setup.kernel.options();
    assert_eq!(setup.request("/").await.info.comment, "ciao/None/[]");
    store.set(&["limit=7", "names=a", "names=b"]).unwrap();
    assert_eq!(setup.request("/").await.info.comment, "ciao/7/['a', 'b']");
    let refused = store.update([("greet", Value::from("bad"))]).unwrap_err();
    assert_eq!(refused.to_string(), "bad greeting");
    assert_eq!(setup.request("/").await.info.comment, "ciao/7/['a', 'b']");
    setup.request("/switch").await;
    assert!(store.load().anticache);
    assert_eq!(store.value("greet"), Some(Value::from("moin")));
    setup.request("/bad").await;
    setup.logged("Addon error: bad greeting").await;
    assert_eq!(store.value("greet"), Some(Value::from("moin")));
    let commands = setup.kernel.commands();
    let sum = commands.execute("my.add 20 22").await.unwrap();
    assert_eq!(sum, CommandValue::Int(42));
    assert_eq!(
        commands.execute("my.add 20").await.unwrap(),
        CommandValue::Int(25)
    );
    assert_eq!(
        commands.signature("my.add").unwrap().line(),
        "my.add a b -> int"
    );
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_are_not_there_or_twice_are_refused() {
    let setup = scripts(&["def request(flow): pass"]).await;
    let path = setup.scripts[0].display().to_string();
    let set = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        setup
            .kernel
            .options()
            .update([("scripts", Value::Seq(names))])
    };
    assert_eq!(
        set(&[&path, "/no/such.py"]).unwrap_err().to_string(),
        "No such script: /no/such.py"
    );
    assert_eq!(
        set(&[&path, &path]).unwrap_err().to_string(),
        "Duplicate script"
    );
    setup.host.stop().await;
    let missing = [("scripts", Value::Seq(vec!["/no/such.py".to_owned()]))];
    let error = try_scripts(&[], &missing).await.err().unwrap();
    assert!(matches!(error, ScriptError::NoSuchScript(path) if path == "/no/such.py"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_come_and_go_with_the_option() {
    let setup = scripts(&[
        "",
        "def request(flow): flow.comment = 'second'\ndef done(): print('bye')",
    ])
    .await;
    let names: Vec<String> = setup
        .scripts
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    assert_eq!(setup.request("/").await.info.comment, "second");
    let set = |names: &[String]| {
        setup
            .kernel
            .options()
            .update([("scripts", Value::Seq(names.to_vec()))])
            .unwrap()
    };
    set(&names[..1]);
    assert_eq!(setup.request("/").await.info.comment, "");
    setup.logged("Un-loading script: ").await;
    set(&names);
    assert_eq!(setup.request("/").await.info.comment, "second");
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_scripts_are_loaded_again_and_broken_ones_are_not() {
    let setup = scripts(&["def request(flow): flow.comment = 'one'"]).await;
    assert_eq!(setup.request("/").await.info.comment, "one");
    let path = &setup.scripts[0];
    let later = |seconds| std::time::SystemTime::now() + std::time::Duration::from_secs(seconds);
    let write = |text: &str, seconds| {
        std::fs::write(path, text).unwrap();
        // The clock of the file system may be coarse.
        std::fs::File::open(path)
            .unwrap()
            .set_modified(later(seconds))
            .unwrap();
    };
    write("def request(flow: broken", 2);
    setup.logged("The former version of").await;
    assert_eq!(setup.request("/").await.info.comment, "one");
    write(
        "def request(flow): flow.comment = 'two'\ndef response(flow): flow.marked = 'x'",
        4,
    );
    let handle = tokio::runtime::Handle::current();
    let reloaded = || {
        let mut flow = http("/");
        tokio::task::block_in_place(|| handle.block_on(setup.kernel.request(&mut flow)));
        (flow.info.comment == "two").then_some(flow)
    };
    let mut flow = eventually(reloaded).await.expect("the new version");
    setup.kernel.response(&mut flow).await;
    assert_eq!(
        flow.info.marked, "x",
        "a hook that came with the new version"
    );
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_reaches_scripts_once() {
    let setup = scripts(&["import logging\ndef add_log(entry):\n    logging.info('heard %s', entry.msg.count('heard'))\ndef request(flow): logging.warning('look')"]).await;
    setup.request("/").await;
    setup.logged("warn: look").await;
    setup.logged("info: heard 0").await;
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observers_hold_nothing_up_and_change_nothing() {
    let setup = scripts(&["import logging, time, midwire\n@midwire.observe\ndef request(flow):\n    time.sleep(0.2)\n    flow.comment = 'x'\n    logging.warning('saw %s', flow.request.path)"]).await;
    let start = std::time::Instant::now();
    for path in ["/a", "/b", "/c", "/d", "/e"] {
        assert_eq!(setup.request(path).await.info.comment, "");
    }
    assert!(start.elapsed() < std::time::Duration::from_millis(800));
    setup.logged("saw /e").await;
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_share_clients_among_them() {
    let text = "import os\ndef request(flow): flow.comment = str(os.getpid())";
    let options = [("script_workers", Value::Int(3))];
    let setup = try_scripts(&[text], &options).await.unwrap();
    let mut pids = std::collections::HashSet::new();
    for _ in 0..64 {
        pids.insert(setup.request("/").await.info.comment);
    }
    assert_eq!(pids.len(), 3);
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_follow_the_script() {
    let setup = scripts(&[
        "import sys\nargs = sys.argv[1:]\ndef request(flow): flow.comment = ','.join(args)",
    ])
    .await;
    let with = format!("{} a 'b c'", setup.scripts[0].display());
    setup
        .kernel
        .options()
        .update([("scripts", Value::Seq(vec![with]))])
        .unwrap();
    assert_eq!(setup.request("/").await.info.comment, "a,b c");
    setup.host.stop().await;
}
