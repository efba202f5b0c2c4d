//! From options to a running program, and to its end.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use midwire_addons::commands::{CommandAddons, register_commands};
use midwire_addons::{Crl, Extra};
use midwire_core::Kernel;
use midwire_core::log::{Level, LogStream};
use midwire_core::options::cli::{Action, Invocation};
use midwire_core::options::{OptionStore, Tool};
use midwire_proxy::Engine;
use midwire_python::ScriptHost;
use midwire_tui::Console;

use crate::launch::{Guard, Launch};
use crate::tui;
use crate::web;

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
    if invocation.tool != Tool::Dump {
        kernel.events().attach(kernel.log(), Level::Info);
    }
    let commands = CommandAddons::new(&kernel);
    register_commands(&kernel, invocation.tool, &commands)?;
    let scripts = ScriptHost::new(&kernel, |kernel, flow| {
        Box::pin(async move { midwire_addons::replay(&kernel, flow).await })
    });
    let console = match invocation.tool {
        Tool::Console => Some(tui::prepare(&kernel)?),
        _ => None,
    };
    let front = Front {
        invocation,
        launch,
        console,
    };
    let outcome = with_scripts(&kernel, front, &commands, &scripts).await;
    // Scripts are told of every end, and what they have printed comes out.
    scripts.stop().await;
    kernel.chain().done(&kernel);
    outcome?;
    match kernel.failure() {
        Some(failure) => Err(anyhow!(failure)),
        None => Ok(()),
    }
}

/// What the user called, and what the user sees.
struct Front<'a> {
    invocation: &'a Invocation,
    launch: &'a Launch,
    console: Option<Console>,
}

async fn with_scripts(
    kernel: &Arc<Kernel>,
    front: Front<'_>,
    commands: &CommandAddons,
    scripts: &ScriptHost,
) -> anyhow::Result<()> {
    let invocation = front.invocation;
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
    let web = match invocation.tool {
        Tool::Web => Some(web::bind(kernel, &engine).await?),
        _ => None,
    };
    listen(&engine).await?;
    scripts.running().await;
    kernel.start();
    let errors = kernel.log().errors();
    if errors > 0 {
        if front.console.is_some() {
            tui::print_log(kernel);
        }
        bail!(
            "Error{} logged during startup, exiting...",
            if errors > 1 { "s" } else { "" }
        );
    }
    let web = web.map(|web| tokio::spawn(web.serve()));
    let guard = front.launch.announce(kernel, &engine).await?;
    let ends = (signals, guard);
    match front.console {
        None => serve(kernel, &engine, ends, GRACE).await,
        Some(console) => {
            // Who leaves the interface does not want to wait for its traffic.
            let serve = serve(kernel, &engine, ends, tui::GRACE);
            let console = tui::with_listeners(console, &engine);
            let (outcome, ()) = tokio::join!(console.run(), serve);
            outcome?;
        }
    }
    if let Some(web) = web {
        let _ = web.await;
    }
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
async fn serve(
    kernel: &Kernel,
    engine: &Engine,
    (mut signals, mut guard): (Signals, Guard),
    grace: Duration,
) {
    tokio::select! {
        () = kernel.shutdown().cancelled() => {}
        () = signals.next() => kernel.shutdown().cancel(),
        () = guard.ended() => kernel.shutdown().cancel(),
    }
    kernel.parked().resume_all();
    tokio::select! {
        () = engine.drained() => {}
        () = tokio::time::sleep(grace) => {}
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
