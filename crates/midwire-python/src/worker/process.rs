//! The process itself: start, sockets, output, and its end.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::Worker;
use crate::frame::{self, Frame, Kind};

/// How long a process may take to end once its socket is closed.
const END_WAIT: Duration = Duration::from_secs(1);

/// Bytes taken from an output or socket at once.
const PIECE: usize = 64 * 1024;

/// What is needed to start a process.
pub(crate) struct Setup {
    pub(crate) index: usize,
    pub(crate) python: PathBuf,
    /// Where the packages are.
    pub(crate) package: PathBuf,
    pub(crate) output: Output,
}

/// Where the output of scripts goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// To our own outputs.
    Through,
    /// To the log, since the terminal is in use.
    Log,
}

/// How a process ended.
pub(crate) enum Ended {
    /// By itself or by a signal.
    Exit(Option<ExitStatus>),
    /// It broke the protocol and was killed.
    Protocol(String),
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::os::unix::process::ExitStatusExt as _;
        match self {
            Self::Exit(Some(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "exit status {code}"),
                (None, Some(signal)) => write!(f, "killed by signal {signal}"),
                (None, None) => f.write_str("unknown status"),
            },
            Self::Exit(None) => f.write_str("unknown status"),
            Self::Protocol(reason) => f.write_str(reason),
        }
    }
}

/// Starts the interpreter. `on_frame` gets the calls and notes of the host in their order, `on_end` the end.
pub(crate) fn start(
    setup: &Setup,
    on_frame: impl Fn(&Arc<Worker>, Frame) + Send + 'static,
    on_end: impl FnOnce(&Arc<Worker>, Ended) + Send + 'static,
) -> io::Result<Arc<Worker>> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut child = Command::new(&setup.python)
        // No option that changes what scripts see: their environment is the user's.
        .arg(setup.package.join("midwire_host").join("__main__.py"))
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A Ctrl-C in the terminal is for us: scripts are told by their `done`.
        .process_group(0)
        .spawn()?;
    let worker = Arc::new(Worker::new(
        setup.index,
        child.id(),
        ours.try_clone()?,
        ours.try_clone()?,
    ));
    let outputs = Arc::new(AtomicUsize::new(2));
    if let Some(stdout) = child.stdout.take() {
        forward(&worker, &outputs, setup.output, Stream::Out, stdout)?;
    }
    if let Some(stderr) = child.stderr.take() {
        forward(&worker, &outputs, setup.output, Stream::Err, stderr)?;
    }
    let writer = Arc::clone(&worker);
    thread::Builder::new()
        .name("script-writer".to_owned())
        .spawn(move || writer.out.drain())?;
    let reader = Arc::clone(&worker);
    thread::Builder::new()
        .name("script-reader".to_owned())
        .spawn(move || {
            let broken = read(&reader, &ours, &on_frame);
            reader.out.close();
            let status = finish(&mut child, broken.is_some() || reader.kill.is_cancelled());
            let ended = match broken {
                Some(reason) => Ended::Protocol(reason),
                None => Ended::Exit(status),
            };
            // First the status and what follows from it, then the callers who may ask for it.
            on_end(&reader, ended);
            reader.gone.cancel();
            reader.fail_all();
        })?;
    Ok(worker)
}

/// Reads frames until the end. Gives the reason if the host breaks the protocol.
fn read(
    worker: &Arc<Worker>,
    mut socket: &UnixStream,
    on_frame: &impl Fn(&Arc<Worker>, Frame),
) -> Option<String> {
    let mut piece = vec![0; PIECE];
    let mut buf = BytesMut::with_capacity(PIECE);
    loop {
        let count = match socket.read(&mut piece) {
            Ok(0) => return None,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        buf.extend_from_slice(piece.get(..count).unwrap_or_default());
        loop {
            match frame::decode(&mut buf) {
                Ok(Some(frame)) => match frame.head.kind {
                    Kind::Answer | Kind::Failure => worker.settle(&frame),
                    Kind::Call | Kind::Note => on_frame(worker, frame),
                },
                Ok(None) => break,
                Err(error) => return Some(format!("broken protocol: {error}")),
            }
        }
    }
}

/// Waits a moment for the end, then forces it.
fn finish(child: &mut Child, force: bool) -> Option<ExitStatus> {
    let deadline = Instant::now() + END_WAIT;
    while !force && Instant::now() < deadline {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) => thread::sleep(Duration::from_millis(5)),
            Err(_) => break,
        }
    }
    // It may have ended meanwhile; then the wait says how.
    let _ = child.kill();
    child.wait().ok()
}

#[derive(Clone, Copy)]
enum Stream {
    Out,
    Err,
}

/// Passes output on piece by piece: a script that prints without end is slowed down, nobody else is.
fn forward(
    worker: &Arc<Worker>,
    outputs: &Arc<AtomicUsize>,
    output: Output,
    stream: Stream,
    mut from: impl Read + Send + 'static,
) -> io::Result<()> {
    let worker = Arc::clone(worker);
    let outputs = Arc::clone(outputs);
    let copy = move || {
        let mut piece = vec![0; PIECE];
        loop {
            let count = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let bytes = piece.get(..count).unwrap_or_default();
            // A reader of our output that has gone away is no reason to stop the script.
            let _ = match (output, stream) {
                (Output::Through, Stream::Out) => write(&mut io::stdout(), bytes),
                (Output::Through, Stream::Err) => write(&mut io::stderr(), bytes),
                (Output::Log, _) => {
                    for line in String::from_utf8_lossy(bytes).lines() {
                        tracing::info!("{line}");
                    }
                    Ok(())
                }
            };
        }
        if outputs.fetch_sub(1, Ordering::AcqRel) == 1 {
            worker.quiet.cancel();
        }
    };
    thread::Builder::new()
        .name("script-output".to_owned())
        .spawn(copy)?;
    Ok(())
}

fn write(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes)?;
    out.flush()
}
