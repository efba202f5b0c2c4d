//! What the terminal interface is given of the rest, and where there is no terminal.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use midwire_core::Kernel;
use midwire_core::commands::CommandError;
use midwire_core::log::Level;
use midwire_proxy::Engine;
use midwire_tui::{Console, Listener};
use midwire_views::{Registry, clean_text};

/// How long connections may go on after the user left.
pub(crate) const GRACE: Duration = Duration::from_millis(200);

/// Whether there is something to draw on.
pub(crate) fn has_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Says what to do where there is none.
pub(crate) fn refuse(name: &str) -> ExitCode {
    let text = if name == "mitmproxy" {
        "Error: mitmproxy's console interface requires a tty. \
         Please run mitmproxy in an interactive shell environment."
            .to_owned()
    } else {
        format!("{name}: standard output is no terminal; `midwire dump` prints flows without one")
    };
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::FAILURE
}

/// Makes the interface, with the content views of scripts.
pub(crate) fn prepare(kernel: &Arc<Kernel>) -> Result<Console, CommandError> {
    let built_in = Registry::new();
    let views =
        move |kernel: &Kernel| midwire_addons::with_script_views(kernel, &built_in).into_owned();
    Console::new(kernel, Arc::new(views))
}

/// Tells the interface where the proxy listens.
pub(crate) fn with_listeners(console: Console, engine: &Arc<Engine>) -> Console {
    let engine = Arc::downgrade(engine);
    console.with_listeners(Arc::new(move || {
        let servers = engine.upgrade().map(|engine| engine.servers());
        let servers = servers.iter().flat_map(|servers| servers.iter());
        let listeners = servers.map(|state| Listener {
            spec: state.spec.clone(),
            description: state.description.clone(),
            addresses: state.addresses.clone(),
            error: state.error.clone(),
        });
        listeners.collect()
    }))
}

/// Repeats warnings and errors of a start that failed: there is no interface that would show them.
pub(crate) fn print_log(kernel: &Kernel) {
    for event in kernel.events().entries() {
        if event.entry.level <= Level::Warn {
            let text = clean_text(&event.entry.message).into_owned();
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }
}
