//! Writes all flows to a HAR file at the end (option `hardump`, export.md §5).
//!
//! Entries go to an unnamed temporary file as flows end, so that memory does not grow; the end copies that file to
//! the place that the option then names.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options, expand_home};
use midwire_flow::access::human::pretty_size;
use midwire_flow::har::Exporter;
use midwire_flow::{Flow, HttpFlow};

use crate::condition::Condition;
use crate::output::{Output, reason};
use crate::save::probe;

/// Flows that may wait for the disk; then the network waits too.
const QUEUE: usize = 64;

/// Collects HTTP flows that match `save_stream_filter` for the file `hardump`.
pub struct SaveHar {
    output: Output,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    target: Option<Target>,
    filter: Condition,
    collecting: Option<Collecting>,
}

/// Where the end writes to.
#[derive(Clone)]
enum Target {
    Stdout,
    File(PathBuf),
}

impl SaveHar {
    /// Collects nothing until the options say so; `output` is for `hardump=-`.
    pub fn new(output: Output) -> Self {
        Self {
            output,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, kernel: &Kernel, flow: &HttpFlow) {
        let mut state = self.state();
        if state.target.is_none() || !state.filter.admits_http(flow) {
            return;
        }
        if let Err(error) = state.add(flow) {
            state.target = None;
            kernel.fail(format!("cannot save flows for hardump: {}", reason(&error)));
        }
    }

    fn write(&self, kernel: &Kernel, file: File, target: &Target) {
        let path = match target {
            Target::File(path) => path,
            Target::Stdout => {
                let mut file = file;
                self.output.print_with(kernel, |out| {
                    io::copy(&mut file, out)?;
                    out.write_all(b"\n")
                });
                return;
            }
        };
        match copy(file, path) {
            Ok(size) => {
                let size = pretty_size(size);
                tracing::info!(alert = true, "HAR file saved ({size} bytes).");
            }
            Err(error) => {
                kernel.fail(format!(
                    "cannot write {}: {}",
                    path.display(),
                    reason(&error)
                ));
            }
        }
    }
}

impl State {
    fn add(&mut self, flow: &HttpFlow) -> io::Result<()> {
        let collecting = match self.collecting.take() {
            Some(collecting) => collecting,
            None => Collecting::start(self.target.as_ref())?,
        };
        let flow = Box::new(Flow::Http(Box::new(flow.clone())));
        if collecting.jobs.send(flow).is_err() {
            // The thread has ended, and tells why.
            return collecting.finish().map(drop);
        }
        self.collecting = Some(collecting);
        Ok(())
    }

    /// All entries so far as a HAR file.
    fn finish(&mut self) -> io::Result<File> {
        match self.collecting.take() {
            Some(collecting) => collecting.finish(),
            None => Collecting::start(self.target.as_ref())?.finish(),
        }
    }
}

/// The thread that writes entries.
struct Collecting {
    jobs: SyncSender<Box<Flow>>,
    thread: JoinHandle<io::Result<File>>,
}

impl Collecting {
    fn start(target: Option<&Target>) -> io::Result<Self> {
        let file = temporary(target)?;
        let (jobs, queue) = sync_channel(QUEUE);
        let thread = thread::Builder::new()
            .name("savehar".to_owned())
            .spawn(move || collect(file, &queue))?;
        Ok(Self { jobs, thread })
    }

    fn finish(self) -> io::Result<File> {
        drop(self.jobs);
        let joined = self.thread.join();
        joined.unwrap_or_else(|_| Err(io::Error::other("the thread that writes has failed")))
    }
}

fn collect(file: File, queue: &Receiver<Box<Flow>>) -> io::Result<File> {
    let mut exporter = Exporter::new(BufWriter::new(file))?;
    while let Ok(flow) = queue.recv() {
        exporter.add(&flow)?;
    }
    let (out, _) = exporter.finish()?;
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

/// An unnamed file, on the disk of the target if possible: the usual folder may be in memory.
fn temporary(target: Option<&Target>) -> io::Result<File> {
    if let Some(Target::File(path)) = target
        && let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty())
        && let Ok(file) = tempfile::tempfile_in(parent)
    {
        return Ok(file);
    }
    tempfile::tempfile()
}

/// Copies to the target, compressed if its name ends in `.zhar`, and tells its size.
fn copy(mut from: File, path: &Path) -> io::Result<u64> {
    let mut to = File::create(path)?;
    if path.as_os_str().as_encoded_bytes().ends_with(b".zhar") {
        let mut encoder = ZlibEncoder::new(to, Compression::best());
        io::copy(&mut from, &mut encoder)?;
        let size = encoder.total_out();
        to = encoder.finish()?;
        to.flush()?;
        return Ok(to.metadata().map_or(size, |metadata| metadata.len()));
    }
    io::copy(&mut from, &mut to)
}

impl Addon for SaveHar {
    fn name(&self) -> &'static str {
        "savehar"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.hardump.is_empty() {
            return HookSet::EMPTY;
        }
        HookSet::of(&[Hook::Response, Hook::Error, Hook::WebsocketEnd]).union(HookSet::CONTENT)
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        let mut state = self.state();
        if changed.contains("save_stream_filter") {
            state.filter = Condition::parse(options.save_stream_filter.as_deref())?;
        }
        if !changed.contains("hardump") {
            return Ok(());
        }
        state.target = match options.hardump.as_str() {
            "" => None,
            "-" => Some(Target::Stdout),
            path => {
                let path = expand_home(path);
                probe(&path)?;
                Some(Target::File(path))
            }
        };
        if state.target.is_none() {
            state.collecting = None;
        }
        Ok(())
    }

    fn done(&self, kernel: &Kernel) {
        let mut state = self.state();
        let Some(target) = state.target.clone() else {
            return;
        };
        let finished = state.finish();
        drop(state);
        match finished {
            Ok(file) => self.write(kernel, file, &target),
            Err(error) => {
                kernel.fail(format!("cannot save flows for hardump: {}", reason(&error)));
            }
        }
    }

    fn content_need(&self, _: &Kernel, _: &HttpFlow, _: Part) -> ContentNeed {
        ContentNeed::Copy
    }

    fn response(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        // A WebSocket flow ends later.
        if flow.websocket.is_none() {
            self.add(kernel, flow);
        }
    }

    fn error(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        self.response(kernel, flow);
    }

    fn websocket_end(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        self.add(kernel, flow);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Arc;

    use midwire_core::Link;
    use midwire_core::log::{Level, LogStream};
    use midwire_core::options::{OptionStore, Tool, Value};
    use midwire_flow::har::Importer;
    use midwire_flow::{Response, WebSocketData};
    use midwire_wire::Fields;

    use super::*;
    use crate::output::Colour;
    use crate::output::tests::Shared;
    use crate::testing::http_flow;

    struct Setup {
        kernel: Arc<Kernel>,
        addon: Arc<SaveHar>,
        out: Shared,
    }

    fn set_up(options: &[(&str, Value)]) -> Result<Setup, String> {
        let store = OptionStore::new(Tool::Dump);
        store.update(options.iter().cloned()).unwrap();
        let kernel = Arc::new(Kernel::new(store, LogStream::default()));
        let out = Shared::default();
        let output = Output::new(Box::new(out.clone()), Colour::Never);
        let addon = Arc::new(SaveHar::new(output));
        kernel.set_addons(vec![Link::Sync(addon.clone())])?;
        Ok(Setup { kernel, addon, out })
    }

    impl Setup {
        fn hears(&self, url: &str) {
            let mut flow = http_flow(&format!("GET {url}"));
            flow.response = Some(Response::make(200, "x", Fields::new()));
            self.addon.response(&self.kernel, &mut flow);
        }

        fn set(&self, value: &str) {
            let set = [("hardump", Value::from(value))];
            self.kernel.options().update(set).unwrap();
        }
    }

    fn urls(har: &[u8]) -> Vec<String> {
        let flows = Importer::read(har).unwrap();
        flows
            .map(|flow| flow.unwrap().as_http().unwrap().request.url())
            .collect()
    }

    #[test]
    fn flows_are_written_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.har");
        let setup = set_up(&[
            ("hardump", Value::Str(path.display().to_string())),
            ("save_stream_filter", Value::from("~d a.test")),
        ])
        .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&lines);
        let log = LogStream::default();
        log.subscribe(Level::Alert, move |entry| {
            seen.lock().unwrap().push(entry.message.clone());
        });
        setup.hears("http://a.test/1");
        setup.hears("http://b.test/2");
        let mut websocket = http_flow("GET http://a.test/3");
        websocket.websocket = Some(WebSocketData::default());
        setup.addon.response(&setup.kernel, &mut websocket);
        setup.addon.websocket_end(&setup.kernel, &mut websocket);
        assert!(!path.exists());
        log.scoped(|| setup.addon.done(&setup.kernel));
        let har = std::fs::read(&path).unwrap();
        assert_eq!(urls(&har), ["http://a.test/1", "http://a.test/3"]);
        let size = pretty_size(har.len() as u64);
        assert_eq!(
            *lines.lock().unwrap(),
            [format!("HAR file saved ({size} bytes).")]
        );
    }

    #[test]
    fn turning_it_off_forgets_and_a_new_name_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let setup = set_up(&[("hardump", Value::from(path("one.har")))]).unwrap();
        setup.hears("http://a.test/1");
        setup.set("");
        setup.hears("http://a.test/2");
        setup.set(&path("two.har"));
        setup.hears("http://a.test/3");
        setup.set(&path("three.zhar"));
        setup.hears("http://a.test/4");
        setup.addon.done(&setup.kernel);
        assert!(!Path::new(&path("one.har")).exists());
        assert!(!Path::new(&path("two.har")).exists());
        let packed = std::fs::read(path("three.zhar")).unwrap();
        let mut har = Vec::new();
        let mut decoder = flate2::read::ZlibDecoder::new(&packed[..]);
        decoder.read_to_end(&mut har).unwrap();
        assert_eq!(urls(&har), ["http://a.test/3", "http://a.test/4"]);
    }

    #[test]
    fn standard_output_is_a_target() {
        let setup = set_up(&[("hardump", Value::from("-"))]).unwrap();
        setup.addon.done(&setup.kernel);
        let text = setup.out.take();
        assert!(text.ends_with("}\n"), "{text}");
        assert_eq!(urls(text.as_bytes()), [""; 0]);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        let error = set_up(&[("hardump", Value::from(path.clone()))]).err();
        assert_eq!(error, Some(format!("cannot write {path}: Is a directory")));
    }
}
