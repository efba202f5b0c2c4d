//! The terminal interface in a pseudo terminal, with real traffic through the proxy.
//!
//! The terminal comes from `script` of util-linux. What the program draws is searched for single words: only cells that
//! change are drawn, so blanks are often left out.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::origin::{Origin, respond};
use crate::program::{PATIENCE, curl};

/// The interface in a terminal of 100 columns and 30 rows.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    drawn: Arc<Mutex<String>>,
    /// What was drawn before the last key.
    seen: usize,
    port: u16,
    dir: tempfile::TempDir,
}

impl Terminal {
    fn start(args: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ready = dir.path().join("ready");
        let editor = dir.path().join("editor");
        std::fs::write(&editor, "printf 'edited by hand' > \"$1\"\n").unwrap();
        let mut line = String::from("stty cols 100 rows 30; exec ");
        write!(
            line,
            "{} tui --listen-host 127.0.0.1 -p 0 --set confdir={} --ready-file {} {args}",
            env!("CARGO_BIN_EXE_midwire"),
            dir.path().display(),
            ready.display()
        )
        .unwrap();
        let mut child = Command::new("script")
            .args(["-qfec", &line, "/dev/null"])
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .env("NO_COLOR", "1")
            .env("EDITOR", format!("sh {}", editor.display()))
            .env_remove("MITMPROXY_EDITOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        let drawn = Arc::new(Mutex::new(String::new()));
        let shared = Arc::clone(&drawn);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut piece) {
                shared
                    .lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&piece[..count]));
            }
        });
        let mut terminal = Self {
            keys: child.stdin.take().unwrap(),
            child,
            drawn,
            seen: 0,
            port: 0,
            dir,
        };
        terminal.shows("No flow yet");
        let end = Instant::now() + PATIENCE;
        while terminal.port == 0 && Instant::now() < end {
            let text = std::fs::read_to_string(&ready).unwrap_or_default();
            let port = text.split("\"port\":").nth(1).unwrap_or_default();
            let port: String = port.chars().take_while(char::is_ascii_digit).collect();
            terminal.port = port.parse().unwrap_or_default();
            std::thread::yield_now();
        }
        terminal
    }

    fn keys(&mut self, keys: &str) -> &mut Self {
        self.seen = self.drawn.lock().unwrap().len();
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        self
    }

    /// Waits until a text was drawn since the last key.
    #[track_caller]
    fn shows(&mut self, text: &str) -> &mut Self {
        let end = Instant::now() + PATIENCE;
        loop {
            let drawn = self.drawn.lock().unwrap();
            let new = drawn.get(self.seen..).unwrap_or_default();
            if new.contains(text) {
                drop(drawn);
                return self;
            }
            assert!(Instant::now() < end, "{text:?} is not in {new:?}");
            drop(drawn);
            std::thread::yield_now();
        }
    }

    fn fetch(&self, url: &str) -> Result<String, String> {
        curl(&["-x", &format!("http://127.0.0.1:{}", self.port), url])
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_session_from_start_to_end() {
    let hits = Arc::new(Mutex::new(Vec::<String>::new()));
    let seen = Arc::clone(&hits);
    let origin = Origin::plain(move |head, out| {
        let line = head.lines().next().unwrap_or_default().to_owned();
        seen.lock().unwrap().push(line);
        respond(out, "Content-Type: text/plain\r\n", b"good morning")
    });
    let mut tui = Terminal::start("");
    assert_eq!(tui.fetch(&origin.url("/hello")).unwrap(), "good morning");
    tui.shows("/hello");
    // Open it and look at the response.
    tui.keys("\r").shows("[Request]");
    tui.keys("\t").shows("morning");
    // Edit the response's content in the external program; `b` is its place in the menu.
    tui.keys("e").shows("response-body");
    tui.keys("b").shows("hand");
    tui.keys("q").shows("proto");
    // Send the request again.
    tui.keys("r");
    let end = Instant::now() + PATIENCE;
    while hits.lock().unwrap().len() < 2 && Instant::now() < end {
        std::thread::yield_now();
    }
    assert_eq!(hits.lock().unwrap().len(), 2, "replayed");
    // Hold a request and let it go on.
    tui.keys("i").shows("intercept");
    tui.keys("wait\r").shows("[i:wait]");
    let (url, proxy) = (
        origin.url("/wait"),
        format!("http://127.0.0.1:{}", tui.port),
    );
    let (send, fetched) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(curl(&["-x", &proxy, &url])));
    tui.shows("held");
    // The row is drawn a moment before the flow can be resumed, so an early key is repeated.
    let end = Instant::now() + PATIENCE;
    let content = loop {
        tui.keys("A");
        match fetched.recv_timeout(std::time::Duration::from_secs(1)) {
            Ok(content) => break content,
            Err(_) => assert!(Instant::now() < end, "resumed"),
        }
    };
    assert_eq!(content.unwrap(), "good morning");
    // Filter while typing, keep it with Enter.
    tui.keys("f").shows("view_filter");
    tui.keys("hello").shows("of");
    tui.keys("\r").shows("[f:hello]");
    // Leaving asks, since nothing was saved; the terminal is given back.
    tui.keys("q").shows("Quit");
    tui.keys("y").shows("\x1b[?1049l");
    assert!(tui.child.wait().unwrap().success());
    assert!(tui.dir.path().join("mitmproxy-ca.pem").exists());
}

#[test]
fn without_a_terminal_the_program_says_what_to_use() {
    let output = Command::new(env!("CARGO_BIN_EXE_midwire"))
        .args(["tui", "-n"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("`midwire dump`"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}
