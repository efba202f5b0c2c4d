//! From options to a running program, and to its end.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use midwire_addons::commands::{CommandAddons, register_commands};
use midwire_addons::{Crl, Extra};
use midwire_core::Kernel;
use midwire_core::log::LogStream;
use midwire_core::options::OptionStore;
use midwire_core::options::cli::{Action, Invocation};
use midwire_proxy::Engine;
use midwire_python::ScriptHost;

use crate::launch::{Guard, Launch};

/// How long connections may go on after the signal to end (security.md §3).
const GRACE: Duration = Duration::from_secs(5);

/// Runs the program until a signal or a failure ends it.
pub(crate) async fn run(
    options: OptionStore,
    log: LogStream,
    invocation: &Invocation,
    launch: &Launch,
) -> anyhow::Result<()> {
    let kernel = Arc::new(Kernel::new(options, log));
    let commands = CommandAddons::new(&kernel);
    register_commands(&kernel, invocation.tool, &commands)?;
    let scripts = ScriptHost::new(&kernel, |kernel, flow| {
        Box::pin(async move { midwire_addons::replay(&kernel, flow).await })
    });
    let outcome = with_scripts(&kernel, invocation, launch, &commands, &scripts).await;
    // Scripts are told of every end, and what they have printed comes out.
    scripts.stop().await;
    kernel.chain().done(&kernel);
    outcome?;
    match kernel.failure() {
        Some(failure) => Err(anyhow!(failure)),
        None => Ok(()),
    }
}

async fn with_scripts(
    kernel: &Arc<Kernel>,
    invocation: &Invocation,
    launch: &Launch,
    commands: &CommandAddons,
    scripts: &ScriptHost,
) -> anyhow::Result<()> {
    if let Some(listing) = listing(kernel, invocation, scripts).await? {
        return print(&listing);
    }
    let signals = Signals::new().context("cannot listen for signals")?;
    let engine = Engine::new(kernel)?;
    let (path, list) = engine.revocation_list()?;
    let extra = Extra {
        crl: Some(Crl::new(path, list)),
        scripts: Some(scripts.link()),
    };
    let links = midwire_addons::default_links(kernel, invocation.tool, commands, extra);
    kernel.set_addons(links).map_err(|reason| anyhow!(reason))?;
    if let Some(notice) = invocation.filter_notice() {
        tracing::info!("{notice}");
    }
    scripts.start().await?;
    listen(&engine).await?;
    scripts.running().await;
    kernel.start();
    let errors = kernel.log().errors();
    if errors > 0 {
        bail!(
            "Error{} logged during startup, exiting...",
            if errors > 1 { "s" } else { "" }
        );
    }
    let guard = launch.announce(kernel, &engine).await?;
    serve(kernel, &engine, signals, guard).await;
    Ok(())
}

/// What `--commands` and `--options` print, with those of scripts.
async fn listing(
    kernel: &Arc<Kernel>,
    invocation: &Invocation,
    scripts: &ScriptHost,
) -> anyhow::Result<Option<String>> {
    match invocation.action {
        Action::Commands => {
            scripts.start().await?;
            Ok(Some(kernel.commands().listing()))
        }
        Action::Options => {
            scripts.start().await?;
            Ok(Some(kernel.options().annotated_defaults()))
        }
        _ => Ok(None),
    }
}

async fn listen(engine: &Arc<Engine>) -> anyhow::Result<()> {
    engine.listen().await.map_err(|failures| {
        let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
        anyhow!(lines.join("\n"))
    })
}

/// Prints to stdout; a reader that has gone away is not an error.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Waits for the end, then gives connections a moment. A second signal ends at once.
async fn serve(kernel: &Kernel, engine: &Engine, mut signals: Signals, mut guard: Guard) {
    tokio::select! {
        () = kernel.shutdown().cancelled() => {}
        () = signals.next() => kernel.shutdown().cancel(),
        () = guard.ended() => kernel.shutdown().cancel(),
    }
    kernel.parked().resume_all();
    tokio::select! {
        () = engine.drained() => {}
        () = tokio::time::sleep(GRACE) => {}
        () = signals.next() => {}
    }
}

/// SIGXFSZ.
#[cfg(unix)]
const FILE_SIZE_EXCEEDED: std::ffi::c_int =
    if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
        31
    } else {
        25
    };

/// The signals that end the program.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        // A file that may not grow is an error of its write, not the end of the program. The handler stays.
        drop(signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED))?);
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
