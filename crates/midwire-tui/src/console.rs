//! The interface as the program sees it: registered before options are listed, run once the proxy listens.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::sync::Arc;

use midwire_core::Kernel;
use midwire_core::commands::{
    Args, CommandContext, CommandError, CommandRegistry, CommandValue, DECLARED,
};
use tokio::sync::{mpsc, oneshot};

use crate::env::Outcome;
use crate::event::Event;
use crate::keymap::Context;
use crate::{TuiError, Views, runner};

/// Events that wait for the interface, at most. Senders wait, except for notices, which are merged.
const EVENTS: usize = 1024;

/// A listener of the proxy, opened or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listener {
    /// Specification, as the option `mode` has it.
    pub spec: String,
    /// What it is, for people.
    pub description: String,
    /// Addresses that are listened on; none if it could not be opened.
    pub addresses: Vec<SocketAddr>,
    /// Why it could not be opened, one line.
    pub error: Option<String>,
}

impl Listener {
    /// The name of the mode.
    pub(crate) fn kind(&self) -> &str {
        self.spec.split([':', '@']).next().unwrap_or_default()
    }
}

/// Gives the listeners as they are now.
pub type Listeners = Arc<dyn Fn() -> Vec<Listener> + Send + Sync>;

/// The terminal interface before it runs.
pub struct Console {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) views: Views,
    pub(crate) listeners: Listeners,
    pub(crate) sender: mpsc::Sender<Event>,
    pub(crate) events: mpsc::Receiver<Event>,
}

impl Console {
    /// Registers the commands of the interface.
    ///
    /// # Errors
    /// A command that is missing in the table, which the tests rule out.
    pub fn new(kernel: &Arc<Kernel>, views: Views) -> Result<Self, CommandError> {
        let (sender, events) = mpsc::channel(EVENTS);
        register(kernel, &views, &sender)?;
        Ok(Self {
            kernel: Arc::clone(kernel),
            views,
            listeners: Arc::new(Vec::new),
            sender,
            events,
        })
    }

    /// Says where the listeners of the proxy are found, once there is a proxy.
    #[must_use]
    pub fn with_listeners(mut self, listeners: Listeners) -> Self {
        self.listeners = listeners;
        self
    }

    /// Says whether there is a terminal to draw on.
    ///
    /// # Errors
    /// [`TuiError::NoTerminal`].
    pub fn check_terminal() -> Result<(), TuiError> {
        if std::io::stdout().is_terminal() {
            return Ok(());
        }
        Err(TuiError::NoTerminal)
    }

    /// Runs the interface until the user leaves or the program ends; then the program is told to end.
    ///
    /// # Cancellation
    /// Dropping the future leaves the thread of the interface running; end it by the kernel's shutdown token.
    ///
    /// # Errors
    /// No terminal, or one that cannot be used.
    pub async fn run(self) -> Result<(), TuiError> {
        Self::check_terminal()?;
        let shutdown = self.kernel.shutdown().clone();
        let runtime = tokio::runtime::Handle::current();
        let (done, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("tui".to_owned());
        thread.spawn(move || {
            let _ = done.send(runner::run(self, &runtime));
        })?;
        let outcome = ended.await.unwrap_or(Err(TuiError::Died));
        shutdown.cancel();
        outcome
    }
}

/// Registers every `console.*` command of the table.
fn register(
    kernel: &Arc<Kernel>,
    views: &Views,
    sender: &mpsc::Sender<Event>,
) -> Result<(), CommandError> {
    let registry = kernel.commands();
    for row in DECLARED
        .iter()
        .filter(|row| row.name.starts_with("console."))
    {
        let (kernel, views, sender) = (Arc::downgrade(kernel), Arc::clone(views), sender.clone());
        registry.add_async(row.name, move |cx, args| {
            let (kernel, views, sender) = (kernel.clone(), Arc::clone(&views), sender.clone());
            async move {
                match cx.name.as_str() {
                    "console.bodyview.options" => texts(&["request", "response"]),
                    "console.layout.options" => texts(&["single", "vertical", "horizontal"]),
                    "console.key.contexts" => texts(&Context::ALL.map(|(name, _)| name)),
                    "console.flowview.mode.options" => {
                        let ends = || CommandError::failed("the program is about to end");
                        let kernel = kernel.upgrade().ok_or_else(ends)?;
                        Ok(CommandValue::StrList(views(&kernel).names()))
                    }
                    "console.choose.cmd" => choose(cx, args, &sender).await,
                    _ => ask(cx.name, args, &sender).await,
                }
            }
        })?;
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the last expression of commands")]
fn texts(list: &[&str]) -> Outcome {
    Ok(CommandValue::StrList(
        list.iter().map(|&text| text.to_owned()).collect(),
    ))
}

/// Gets the choices by a command, then lets the user choose.
async fn choose(cx: CommandContext, args: Args, sender: &mpsc::Sender<Event>) -> Outcome {
    let registry: CommandRegistry = cx.registry;
    let choices = registry.call(args.str(1)?, Vec::new()).await?;
    let args = Args(vec![
        CommandValue::Str(args.str(0)?.to_owned()),
        choices,
        CommandValue::Str(args.str(2)?.to_owned()),
        CommandValue::StrList(args.list(3)?.to_vec()),
    ]);
    ask("console.choose".to_owned(), args, sender).await
}

/// Hands a call over to the interface and waits for what it gives.
async fn ask(name: String, args: Args, sender: &mpsc::Sender<Event>) -> Outcome {
    let gone = || CommandError::failed("the terminal interface is not running");
    let (reply, outcome) = oneshot::channel();
    let call = Event::Call { name, args, reply };
    sender.try_send(call).map_err(|_| gone())?;
    outcome.await.unwrap_or_else(|_| Err(gone()))
}
