//! The first minute: programs under capture, variables for shells, the authority's certificate.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::origin::{Authority, Origin, respond};

/// An HTTPS origin and a folder for what `midwire run` saves.
struct Scene {
    authority: Authority,
    origin: Origin,
    dir: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let authority = Authority::new();
        let origin = Origin::tls(&authority, |_, out| respond(out, "", b"secret"));
        Self {
            authority,
            origin,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/page", self.origin.port)
    }

    /// `midwire run` of a program with a temporary folder of its own.
    fn command(&self, flags: &[&str], program: &[&str]) -> Command {
        let trusted = format!(
            "ssl_verify_upstream_trusted_ca={}",
            self.authority.file().display()
        );
        let mut command = subcommand(self.dir.path(), "run");
        command
            .args(["--set", &trusted])
            .args(flags)
            .arg("--")
            .args(program)
            .env("TMPDIR", self.temporary());
        command
    }

    fn temporary(&self) -> PathBuf {
        let folder = self.dir.path().join("tmp");
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn run(&self, flags: &[&str], program: &[&str]) -> Output {
        self.command(flags, program).output().unwrap()
    }

    /// Runs a client that fetches the page; both what it got and the flow must be there.
    fn fetches(&self, program: &[&str]) {
        let output = self.run(&["--flow-detail", "1"], program);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{program:?}: {out}\n{err}");
        assert!(out.contains("secret"), "{program:?}: {out}\n{err}");
        let line = format!("GET {}", self.url());
        assert_eq!(err.matches(&line).count(), 1, "{program:?}: {err}");
        assert!(self.nothing_is_left());
    }

    fn nothing_is_left(&self) -> bool {
        std::fs::read_dir(self.temporary())
            .unwrap()
            .next()
            .is_none()
    }
}

/// A subcommand of the program whose home folder is a test's.
fn subcommand(home: &Path, name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midwire"));
    command
        .arg(name)
        .env("HOME", home)
        .env_remove("SSL_CERT_FILE")
        .stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// True if the program is there; else a loud line.
fn have(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        let _ = writeln!(
            std::io::stderr(),
            "!!!!! SKIPPED: {program} is not installed"
        );
    }
    found
}

#[test]
fn curl_is_captured_and_trusts_us() {
    let scene = Scene::new();
    scene.fetches(&["curl", "-sS", &scene.url()]);
}

#[test]
fn python_is_captured_and_trusts_us() {
    let scene = Scene::new();
    if have("python3") {
        let code = format!(
            "import urllib.request; print(urllib.request.urlopen('{}').read())",
            scene.url()
        );
        scene.fetches(&["python3", "-c", &code]);
    }
}

#[test]
fn java_is_captured_and_trusts_us() {
    let scene = Scene::new();
    if !have("java") {
        return;
    }
    let source = scene.dir.path().join("Fetch.java");
    let code = format!(
        "import java.net.URI; import java.net.http.*;\n\
         public class Fetch {{ public static void main(String[] args) throws Exception {{\n\
         var request = HttpRequest.newBuilder(URI.create(\"{}\")).build();\n\
         var body = HttpResponse.BodyHandlers.ofString();\n\
         System.out.println(HttpClient.newHttpClient().send(request, body).body()); }} }}\n",
        scene.url()
    );
    std::fs::write(&source, code).unwrap();
    scene.fetches(&["java", source.to_str().unwrap()]);
}

#[test]
fn git_is_captured_and_trusts_us() {
    let scene = Scene::new();
    if !have("git") {
        return;
    }
    let output = scene.run(&["--flow-detail", "1"], &["git", "ls-remote", &scene.url()]);
    let err = text(&output.stderr);
    assert!(
        err.contains(&format!("GET {}/info/refs", scene.url())),
        "{err}"
    );
}

#[test]
fn the_status_is_the_programs_own() {
    let scene = Scene::new();
    for (program, expected) in [
        (&["sh", "-c", "exit 7"][..], Some(7)),
        (&["sh", "-c", "kill -9 $$"], Some(137)),
        (&["midwire-no-such-program"], Some(127)),
        (&["/"], Some(126)),
    ] {
        let output = scene.run(&["-q"], program);
        assert_eq!(
            output.status.code(),
            expected,
            "{program:?}: {}",
            text(&output.stderr)
        );
    }
    let failed = scene.run(
        &["--set", "no_such_option=1", "--mode", "nonsense"],
        &["true"],
    );
    assert_eq!(failed.status.code(), Some(125), "{}", text(&failed.stderr));
    let socks = scene.run(&["-q", "--mode", "socks5"], &["true"]);
    assert_eq!(socks.status.code(), Some(125));
    assert!(text(&socks.stderr).contains("listener of mode regular or upstream"));
    assert!(scene.nothing_is_left());
}

#[test]
fn flows_are_saved_as_in_dump() {
    let scene = Scene::new();
    let file = scene.dir.path().join("saved.flow");
    let url = scene.url();
    let output = scene.run(
        &["-q", "-w", file.to_str().unwrap()],
        &["curl", "-sS", &url],
    );
    assert_eq!(text(&output.stdout), "secret");
    let saved = std::fs::read(&file).unwrap();
    assert!(text(&saved).contains("/page"), "{} bytes", saved.len());
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_supervisor_leaves_nothing() {
    let scene = Scene::new();
    let mark = scene.dir.path().join("started");
    // The program waits for input that ends with the test.
    let script = format!("touch '{}'; cat", mark.display());
    let mut child = scene
        .command(&["-q"], &["sh", "-c", &script])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let end = std::time::Instant::now() + crate::program::PATIENCE;
    while !mark.exists() {
        assert!(
            std::time::Instant::now() < end,
            "the program was never started"
        );
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    while !scene.nothing_is_left() {
        assert!(std::time::Instant::now() < end, "the folder is still there");
        std::thread::yield_now();
    }
}

#[test]
fn variables_of_env_lead_through_a_running_proxy() {
    let scene = Scene::new();
    let trusted = format!(
        "ssl_verify_upstream_trusted_ca={}",
        scene.authority.file().display()
    );
    let program = crate::program::Program::dump(&["--set", &trusted]);
    let proxy = format!("127.0.0.1:{}", program.port);
    let confdir = program.dir.path().to_str().unwrap();
    let args = ["--shell", "sh", "--proxy", &proxy, "--confdir", confdir];
    let set = subcommand(scene.dir.path(), "env")
        .args(args)
        .output()
        .unwrap();
    let script = format!("{}\ncurl -sS {}", text(&set.stdout), scene.url());
    let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
    assert_eq!(text(&output.stdout), "secret", "{}", text(&output.stderr));
    let unset = subcommand(scene.dir.path(), "env")
        .args(["--unset", "--shell", "sh"])
        .output();
    assert!(text(&unset.unwrap().stdout).contains("unset https_proxy\n"));
}

#[test]
fn a_ready_file_says_where_to_connect() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ready.json");
    let flag = format!("--ready-file={}", file.display());
    let program = crate::program::Program::dump(&[&flag]);
    let end = std::time::Instant::now() + crate::program::PATIENCE;
    while !file.exists() {
        assert!(std::time::Instant::now() < end, "no file");
        std::thread::yield_now();
    }
    let line = std::fs::read_to_string(&file).unwrap();
    let port = format!("\"port\":{}", program.port);
    assert!(line.contains(&port) && line.ends_with("}\n"), "{line}");
    assert!(line.contains("mitmproxy-ca-cert.pem"), "{line}");
}

#[test]
fn the_certificate_is_shown_exported_and_imported() {
    let dir = tempfile::tempdir().unwrap();
    let confdir = dir.path().join("conf");
    let ca = |args: &[&str]| {
        let mut command = subcommand(dir.path(), "ca");
        command.arg("--confdir").arg(&confdir).args(args);
        command.output().unwrap()
    };
    let path = text(&ca(&["path"]).stdout);
    let certificate = std::fs::read_to_string(path.trim()).unwrap();
    let shown = text(&ca(&["show"]).stdout);
    assert!(
        shown.contains("sha256:") && shown.contains("BEGIN CERTIFICATE"),
        "{shown}"
    );
    assert_eq!(text(&ca(&["export", "-"]).stdout), certificate);
    // Another installation's authority is taken over whole, and the old one stays beside it.
    let other = dir.path().join("other");
    std::fs::rename(&confdir, &other).unwrap();
    ca(&["path"]);
    let source = other.join("mitmproxy-ca.pem");
    let source = source.to_str().unwrap();
    let refused = ca(&["import", source]);
    assert!(
        text(&refused.stderr).contains("--replace"),
        "{}",
        text(&refused.stderr)
    );
    let imported = ca(&["import", "--replace", source]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    assert_eq!(text(&ca(&["export", "-"]).stdout), certificate);
    assert!(confdir.join("mitmproxy-ca.pem.bak").is_file());
    let unknown = ca(&["install", "--target", "nope"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("unknown target nope"));
}

/// The store of the system is changed in a mount namespace, so that this machine's own stays as it is.
#[cfg(target_os = "linux")]
#[test]
fn the_store_of_the_system_is_as_before_after_uninstall() {
    let debian = Path::new("/usr/local/share/ca-certificates").is_dir();
    let own = Command::new("unshare").args(["-m", "true"]).output();
    if !debian
        || !own.is_ok_and(|output| output.status.success())
        || !have("update-ca-certificates")
    {
        let _ = writeln!(
            std::io::stderr(),
            "!!!!! SKIPPED: no mount namespace of its own, or no Debian way to trust an authority"
        );
        return;
    }
    let scene = Scene::new();
    let script = format!(
        "set -e; cd '{dir}'; export HOME='{dir}'\n\
         cp -a /etc/ssl ssl; mount --bind ssl /etc/ssl; cp -a /usr/local/share/ca-certificates local; mount --bind local /usr/local/share/ca-certificates\n\
         update-ca-certificates >/dev/null 2>&1; cp -a /etc/ssl before\n\
         '{midwire}' ca install; '{midwire}' ca install; '{midwire}' ca status\n\
         '{midwire}' ca uninstall; '{midwire}' ca status\n\
         diff -r --no-dereference --exclude=java before /etc/ssl && echo as before\n",
        dir = scene.dir.path().display(),
        midwire = env!("CARGO_BIN_EXE_midwire"),
    );
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .output()
        .unwrap();
    let out = text(&output.stdout);
    assert!(output.status.success(), "{out}\n{}", text(&output.stderr));
    assert!(
        out.contains("system: wrote /usr/local/share/ca-certificates/midwire-"),
        "{out}"
    );
    assert!(out.contains("system: nothing to change"), "{out}");
    assert!(out.contains("system: trusted"), "{out}");
    assert!(out.contains("system: not trusted"), "{out}");
    assert!(out.ends_with("as before\n"), "{out}");
}

/// What `midwire doctor` says with these arguments.
fn doctor(scene: &Scene, args: &[&str]) -> String {
    let output = subcommand(scene.dir.path(), "doctor")
        .args(args)
        .env("TMPDIR", scene.temporary())
        .output()
        .unwrap();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn doctor_names_the_cause() {
    let scene = Scene::new();
    let url = scene.url();
    let trusted = format!(
        "ssl_verify_upstream_trusted_ca={}",
        scene.authority.file().display()
    );
    let script = scene.dir.path().join("script.py");
    std::fs::write(&script, "def request(flow):\n    1/0\n").unwrap();
    let broken = scene.dir.path().join("broken.py");
    std::fs::write(&broken, "x = (\n").unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("https://localhost:{}/", closed.local_addr().unwrap().port());
    drop(closed);
    let (script, broken) = (script.to_str().unwrap(), broken.to_str().unwrap());
    let pinned = scene.authority.file();
    let pinned = pinned.to_str().unwrap();
    let port = scene.origin.port.to_string();
    let taken = format!("127.0.0.1:{port}");
    for (args, expected) in [
        (
            vec![&*url, "--set", &trusted],
            "ok  round trip  a request to localhost came back",
        ),
        (
            vec![&*url],
            "FAIL  certificate the certificate of localhost",
        ),
        (vec![&*nobody], "FAIL  server      localhost"),
        (
            vec!["--", "curl", "-s", "--cacert", pinned, &url],
            "FAIL  client      Client TLS handshake failed.",
        ),
        (
            vec!["--", "true"],
            "FAIL  client      the program sent nothing through the proxy",
        ),
        (
            vec!["-s", broken],
            "FAIL  start       a proxy with these options does not start: ",
        ),
        (
            vec!["--proxy", &taken],
            "FAIL  proxy       another program listens at 127.0.0.1:",
        ),
        (vec!["ftp://x"], "`ftp://x`: ftp is not http or https"),
    ] {
        let args: Vec<&str> = args.into_iter().collect();
        let said = doctor(&scene, &args);
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    let said = doctor(&scene, &["-s", script, "--set", &trusted, &url]);
    assert!(
        said.contains("FAIL  script      Addon error: division by zero"),
        "{said}"
    );
    assert!(scene.nothing_is_left());
}

#[test]
fn doctor_looks_at_this_shell() {
    let scene = Scene::new();
    let output = subcommand(scene.dir.path(), "doctor")
        .args(["--json", &scene.url()])
        .env("https_proxy", "http://127.0.0.1:8080/")
        .env("NO_PROXY", "localhost")
        .output()
        .unwrap();
    let json = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        json.contains("https_proxy leads to 127.0.0.1:8080"),
        "{json}"
    );
    assert!(
        json.contains("NO_PROXY=localhost leaves localhost out"),
        "{json}"
    );
}

#[test]
fn doctor_sees_a_loop_through_the_running_proxy() {
    let scene = Scene::new();
    let program = crate::program::Program::dump(&[]);
    let address = format!("127.0.0.1:{}", program.port);
    let confdir = program.dir.path().to_str().unwrap();
    let url = format!("http://{address}/");
    let said = doctor(&scene, &["--proxy", &address, "--confdir", confdir, &url]);
    assert!(
        said.contains("ok  proxy       a proxy with this authority listens"),
        "{said}"
    );
    assert!(said.contains("proxy loop"), "{said}");
}

/// Installs, looks and uninstalls in stores that the test has made; gives what was said.
fn round(home: &Path, target: &str, java_home: &Path) -> String {
    let mut said = String::new();
    for action in ["install", "install", "status", "uninstall", "status"] {
        let mut command = subcommand(home, "ca");
        command
            .args([action, "--target", target])
            .env("JAVA_HOME", java_home);
        let output = command.output().unwrap();
        said.push_str(&text(&output.stdout));
        said.push_str(&text(&output.stderr));
    }
    said
}

#[test]
fn databases_of_browsers_trust_us_until_uninstall() {
    let home = tempfile::tempdir().unwrap();
    let database = home.path().join(".pki/nssdb");
    std::fs::create_dir_all(&database).unwrap();
    let made = Command::new("certutil")
        .args(["-N", "--empty-password", "-d"])
        .arg(format!("sql:{}", database.display()))
        .output();
    if !made.is_ok_and(|output| output.status.success()) {
        let _ = writeln!(
            std::io::stderr(),
            "!!!!! SKIPPED: certutil (libnss3-tools) is not installed"
        );
        return;
    }
    let said = round(home.path(), "nss", home.path());
    let lines: Vec<&str> = said
        .lines()
        .map(|line| line.split(' ').nth(1).unwrap())
        .collect();
    assert_eq!(
        lines,
        ["added", "nothing", "trusted", "removed", "not"],
        "{said}"
    );
}

#[test]
fn java_trusts_us_until_uninstall() {
    let home = tempfile::tempdir().unwrap();
    if !have("keytool") {
        return;
    }
    let security = home.path().join("lib/security");
    std::fs::create_dir_all(&security).unwrap();
    let store = security.join("cacerts");
    let args = [
        "-genkeypair",
        "-alias",
        "x",
        "-dname",
        "CN=x",
        "-keyalg",
        "EC",
        "-storepass",
        "changeit",
    ];
    let made = Command::new("keytool")
        .args(args)
        .arg("-keystore")
        .arg(&store)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made.stdout));
    let said = round(home.path(), "java", home.path());
    let lines: Vec<&str> = said
        .lines()
        .map(|line| line.split(' ').nth(1).unwrap())
        .collect();
    assert_eq!(
        lines,
        ["added", "nothing", "trusted", "removed", "not"],
        "{said}"
    );
}
