//! Scripts that fail, hang or die.

use std::time::{Duration, Instant};

use midwire_core::options::Value;

use crate::helper::{http, scripts, try_scripts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exceptions_are_logged_with_their_place_and_the_flow_goes_on() {
    let setup =
        scripts(&["def request(flow):\n    flow.comment = 'x'\n    raise ValueError('oops')\n"])
            .await;
    assert_eq!(setup.request("/").await.info.comment, "x");
    let line = setup.logged("Addon error: oops").await;
    assert!(
        line.starts_with("error: ") && line.contains("script0.py\", line 3"),
        "{line}"
    );
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_go_on_a_wire_is_refused() {
    let setup =
        scripts(&["def request(flow):\n    flow.request.headers['X-B'] = 'a\\r\\nb: c'\n"]).await;
    let flow = setup.request("/").await;
    assert!(!flow.request.fields.contains("x-b") && !flow.request.fields.contains("b"));
    setup.logged("Addon error").await;
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_cannot_be_are_refused_where_they_are_set() {
    for (line, said) in [
        (
            "r.headers['X'] = 'a\\nb'",
            "ValueError: Invalid value of header field 'X'",
        ),
        (
            "r.headers['X\\r\\n'] = 'a'",
            "ValueError: Invalid header field name",
        ),
        (
            "r.headers['X'] = 5",
            "TypeError: Expected str or bytes, but got int.",
        ),
        (
            "r.headers = {'a': 'b'}",
            "TypeError: headers must be Headers, not dict",
        ),
        (
            "r.content = 'text'",
            "TypeError: Message content must be bytes, not str.",
        ),
        (
            "r.port = '80'",
            "ValueError: Port must be an integer, not '80'.",
        ),
        (
            "r.path = '/ HTTP/1.1\\r\\nX: y'",
            "ValueError: Invalid path",
        ),
        ("r.method = 'A\\r\\n'", "ValueError: Invalid method"),
        (
            "flow.request = None",
            "TypeError: request of a flow must be Request, not NoneType.",
        ),
        (
            "flow.response = 'text'",
            "TypeError: response of a flow must be Response or None, not str.",
        ),
        (
            "flow.error = 'text'",
            "TypeError: error of a flow must be Error or None, not str.",
        ),
        (
            "flow.comment = 7",
            "TypeError: comment of a flow must be str, not int.",
        ),
        (
            "flow.response = http.Response.make('200')",
            "TypeError: Expected <class 'int'> for status_code",
        ),
    ] {
        let text = format!(
            "from mitmproxy import http\ndef request(flow):\n    r = flow.request\n    {line}\n"
        );
        let setup = scripts(&[&text]).await;
        let flow = setup.request("/kept").await;
        assert_eq!(flow.request.path, "/kept");
        assert_eq!(flow.request.fields.len(), 3, "{line}");
        let message = setup.logged("Addon error").await;
        assert!(message.contains(said), "{line}: {message}");
        let place = "script0.py\", line 4, in request";
        assert!(message.contains(place), "{line}: {message}");
        assert!(
            !message.contains("midwire_host") && !message.contains("multidict"),
            "{message}"
        );
        setup.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_do_not_load_are_one_message_with_the_place() {
    for (text, said) in [
        ("\ndef request(flow:\n  pass", "script0.py\", line 2"),
        ("import os\nimport nosuchmodule", "script0.py\", line 2"),
        ("import os\n1 / 0", "script0.py\", line 2"),
        ("x = 1\ndef load(): pass", "script0.py\", line 2, in load"),
        (
            "def load(loader):\n  loader.add_option('x', dict, {}, 'y')",
            "script0.py\", line 2, in load",
        ),
        (
            "x = 1\ndef request(flow, more): pass",
            "script0.py\", line 2, in request",
        ),
        (
            "x = 1\nasync def request(): pass",
            "script0.py\", line 2, in request",
        ),
        ("request = 7", "Addon handler request"),
    ] {
        let setup = scripts(&[text, "def requestheaders(flow): flow.comment = 'other'"]).await;
        let mut flow = http("/");
        setup.kernel.requestheaders(&mut flow).await;
        setup.kernel.request(&mut flow).await;
        assert_eq!(flow.info.comment, "other", "{text}");
        let message = setup.logged(said).await;
        assert!(message.starts_with("error: "), "{message}");
        assert!(!message.contains("midwire_host/"), "{message}");
        setup.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_an_option_of_a_script_cannot_have_is_one_message() {
    let text = "from typing import Optional\ndef load(loader):\n    loader.add_option('percent', Optional[int], None, 'x')\n";
    let options = [("percent", Value::from("abc"))];
    let setup = try_scripts(&[text], &options).await.unwrap();
    let message = setup.logged("error in script").await;
    assert!(message.contains("script0.py\", line 3"), "{message}");
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_hook_holds_only_flows_that_wait_for_it() {
    let setup = scripts(&[r#"
import asyncio, time
from mitmproxy.script import concurrent

async def requestheaders(flow):
    if flow.request.path == "/slow":
        await asyncio.sleep(2)

@concurrent
def request(flow):
    if flow.request.path == "/slow":
        time.sleep(2)
    flow.comment = "seen"
"#])
    .await;
    let start = Instant::now();
    let slow = async {
        let mut flow = http("/slow");
        setup.kernel.requestheaders(&mut flow).await;
        setup.kernel.request(&mut flow).await;
        (flow, start.elapsed())
    };
    let fast = async {
        let mut flow = http("/fast");
        setup.kernel.requestheaders(&mut flow).await;
        setup.kernel.request(&mut flow).await;
        (flow, start.elapsed())
    };
    let ((slow, slow_time), (fast, fast_time)) = tokio::join!(slow, fast);
    assert_eq!(
        (slow.info.comment.as_str(), fast.info.comment.as_str()),
        ("seen", "seen")
    );
    assert!(
        slow_time >= Duration::from_secs(4) && fast_time < slow_time,
        "{slow_time:?} {fast_time:?}"
    );
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_dies_is_started_again() {
    let text = "import os\ndef request(flow):\n    if flow.request.path == '/die': os._exit(3)\n    flow.comment = str(os.getpid())\n";
    let setup = scripts(&[text]).await;
    setup.host.running().await;
    let first = setup.request("/").await.info.comment;
    assert_eq!(setup.request("/die").await.info.comment, "", "passed on");
    let second = setup.request("/").await.info.comment;
    assert!(!second.is_empty() && first != second);
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_dies_again_and_again_stays_off() {
    let text = "import os\ndef request(flow): os._exit(3)\n";
    let options = [("script_error", Value::from("fail"))];
    let setup = try_scripts(&[text], &options).await.unwrap();
    for _ in 0..7 {
        let flow = setup.request("/").await;
        assert_eq!(flow.response.unwrap().status, 502);
    }
    let start = Instant::now();
    setup.request("/").await;
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "nobody waits for a host that is off"
    );
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_hangs_is_ended_after_the_timeout() {
    let text = "import time\ndef request(flow):\n    if flow.request.path == '/hang': time.sleep(600)\n    flow.comment = 'seen'\n";
    let options = [("script_timeout", Value::Int(1))];
    let setup = try_scripts(&[text], &options).await.unwrap();
    assert_eq!(setup.request("/hang").await.info.comment, "");
    let start = Instant::now();
    while setup.request("/").await.info.comment != "seen" {
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "it never came back"
        );
    }
    setup.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interpreter_that_is_none_is_one_line() {
    let options = [("script_python", Value::from("/bin/false"))];
    let error = try_scripts(&["x = 1"], &options).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "cannot run scripts with /bin/false: it ended while loading scripts (exit status 1)"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_flows_are_in_flight_together() {
    let setup = scripts(&["import asyncio\nasync def request(flow):\n    await asyncio.sleep(0.2)\n    flow.comment = flow.request.path\n"]).await;
    let start = Instant::now();
    let setup = std::sync::Arc::new(setup);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..200 {
        let setup = std::sync::Arc::clone(&setup);
        tasks.spawn(async move {
            let path = format!("/{n}");
            assert_eq!(setup.request(&path).await.info.comment, path);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    setup.host.stop().await;
}
