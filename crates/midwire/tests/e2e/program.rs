//! Starts and stops the program under test, and runs clients against it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Where the program listens if nothing else is said.
const LOCAL: [&str; 4] = ["--listen-host", "127.0.0.1", "-p", "0"];

/// A running program with a confdir of its own. Dropping it ends it.
pub(crate) struct Program {
    child: Child,
    pub(crate) port: u16,
    pub(crate) dir: tempfile::TempDir,
    lines: Mutex<Receiver<String>>,
    seen: Vec<String>,
}

impl Program {
    /// Starts `midwire dump` on a free port with these arguments and waits until it listens.
    pub(crate) fn dump(args: &[&str]) -> Self {
        Self::start_in(&[], &[&LOCAL, args].concat())
    }

    /// Starts it behind a command that runs what follows, such as `nsenter`; where it listens is said by `args`.
    pub(crate) fn start_in(before: &[String], args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let command = midwire_in(before, dir.path());
        Self::start(command, dir, args)
    }

    /// As [`Program::dump`], with a limit on the size of files that it writes.
    pub(crate) fn dump_with_file_limit(kib: u64, args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let own = midwire(dir.path());
        let mut command = Command::new("prlimit");
        command
            .arg(format!("--fsize={}", kib * 1024))
            .arg(own.get_program())
            .args(own.get_args())
            .stdin(Stdio::null())
            .env("NO_COLOR", "1");
        Self::start(command, dir, &[&LOCAL, args].concat())
    }

    /// Runs a line as a person types it, in this folder. Port and confdir are put in behind the command.
    pub(crate) fn typed(line: &str, folder: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::spawn(typed(line, folder, dir.path()), dir)
    }

    fn start(mut command: Command, dir: tempfile::TempDir, args: &[&str]) -> Self {
        command.args(["--flow-detail", "1"]).args(args);
        Self::spawn(command, dir)
    }

    fn spawn(mut command: Command, dir: tempfile::TempDir) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
        let mut program = Self {
            child,
            port: 0,
            dir,
            lines: Mutex::new(lines),
            seen: Vec::new(),
        };
        let line = program.wait_for("listening at");
        let port = line.trim_end_matches('.').rsplit(':').next().unwrap();
        program.port = port.parse().unwrap();
        program
    }

    /// Waits for a line of output that contains `text`.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.get_mut().unwrap().recv_timeout(left) else {
                panic!(
                    "{text:?} never came; output so far:\n{}",
                    self.seen.join("\n")
                );
            };
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The proxy's address for clients.
    pub(crate) fn proxy(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A file in the program's confdir.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Waits until the program ends by itself: its status and what it wrote to stderr.
    pub(crate) fn ended(mut self) -> (i32, String) {
        let status = wait(&mut self.child);
        let mut text = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut text).unwrap();
        (status, text)
    }

    /// Ends the program with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The highest resident memory since [`Program::reset_peak`], in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Lets the highest resident memory begin anew (proc(5): `clear_refs`).
    pub(crate) fn reset_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(folder).unwrap().count()
    }

    /// Waits until it ends by itself: exit status and all further output.
    pub(crate) fn wait(mut self) -> (i32, String) {
        let status = wait(&mut self.child);
        while let Ok(line) = self
            .lines
            .get_mut()
            .unwrap()
            .recv_timeout(Duration::from_secs(1))
        {
            self.seen.push(line);
        }
        (status, self.seen.join("\n"))
    }

    /// Ends the program with SIGTERM and gives its exit status and all further output.
    pub(crate) fn stop(mut self) -> (i32, String) {
        let kill = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(kill.success());
        let status = wait(&mut self.child);
        self.seen.extend(self.lines.get_mut().unwrap().try_iter());
        while let Ok(line) = self
            .lines
            .get_mut()
            .unwrap()
            .recv_timeout(Duration::from_secs(1))
        {
            self.seen.push(line);
        }
        (status, self.seen.join("\n"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(child: &mut Child) -> i32 {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        std::thread::yield_now();
    }
    panic!("the program did not end");
}

/// The program with this confdir.
pub(crate) fn midwire(confdir: &Path) -> Command {
    midwire_in(&[], confdir)
}

fn midwire_in(before: &[String], confdir: &Path) -> Command {
    let mut command = behind(before, env!("CARGO_BIN_EXE_midwire"));
    command
        .arg("dump")
        .arg("--set")
        .arg(format!("confdir={}", confdir.display()));
    command.stdin(Stdio::null()).env("NO_COLOR", "1");
    command
}

/// A line for the shell, with the program under test, this confdir and a free port.
fn typed(line: &str, folder: &Path, confdir: &Path) -> Command {
    let rest = line.strip_prefix("midwire dump").unwrap();
    let program = env!("CARGO_BIN_EXE_midwire");
    let confdir = confdir.display();
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!(
            "exec '{program}' dump --set 'confdir={confdir}' --listen-host 127.0.0.1 -p 0 {rest}"
        ))
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("NO_COLOR", "1");
    command
}

/// Runs a line as a person types it to its end: status and stdout.
pub(crate) fn run_typed(line: &str, folder: &Path) -> (i32, String) {
    let confdir = tempfile::tempdir().unwrap();
    let output = typed(line, folder, confdir.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap_or(-1), text)
}

/// Runs the program to its end: status, stdout, stderr.
pub(crate) fn run(confdir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = midwire(confdir).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// A program, run by the command before it if there is one.
fn behind(before: &[String], program: &str) -> Command {
    match before.split_first() {
        None => Command::new(program),
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    }
}

/// Whether a program is in the search path.
pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Says, past the test harness, that a test is skipped.
pub(crate) fn skip(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "\n!!!!! SKIPPED: {text}\n");
}

/// Runs curl; its stdout, or why it failed.
pub(crate) fn curl(args: &[&str]) -> Result<String, String> {
    curl_in(&[], args)
}

/// Runs curl behind a command such as `nsenter`.
pub(crate) fn curl_in(before: &[String], args: &[&str]) -> Result<String, String> {
    let output = behind(before, "curl")
        .args(["-sS", "--max-time", "30", "--noproxy", ""])
        .args(args)
        .env_remove("http_proxy")
        .env_remove("https_proxy")
        .output()
        .map_err(|error| format!("curl cannot be run: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
