//! The bundled commands (commands.md §2), a file per family.
//!
//! Names, parameters and tools stand in the table of `midwire_core::commands`; a command that a tool does not have is
//! not registered. Results for the user are log entries of level *alert*.

mod clipboard;
mod export;
mod flow;
mod history;
mod inject;
mod ledger;
mod replay;
mod save;
mod view;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use midwire_core::commands::{
    Args, CommandError, CommandValue, declared, register_option_commands,
};
use midwire_core::options::Tool;
use midwire_core::{BoxFuture, Kernel};
use midwire_flow::{Flow, Id};

pub use history::CommandHistory;
pub use replay::ClientPlayback;
pub(crate) use replay::{read_flows, read_whole_records};

use crate::serverplayback::ServerPlayback;

type Outcome = Result<CommandValue, CommandError>;

/// The addons that commands work on.
#[derive(Clone)]
pub struct CommandAddons {
    /// Requests that are sent again.
    pub client: Arc<ClientPlayback>,
    /// Responses that are given again.
    pub server: Arc<ServerPlayback>,
    /// Lines of the command prompt.
    pub history: Arc<CommandHistory>,
    /// Browsers that were started.
    pub browser: Arc<crate::Browser>,
}

impl CommandAddons {
    /// The addons of a program.
    pub fn new(kernel: &Arc<Kernel>) -> Self {
        Self {
            client: Arc::new(ClientPlayback::new(Arc::downgrade(kernel))),
            server: Arc::new(ServerPlayback::new(Arc::downgrade(kernel))),
            history: Arc::default(),
            browser: Arc::default(),
        }
    }

    /// What a program that ends by itself waits for: replays that have still something to do.
    pub fn busy(kernel: &Arc<Kernel>) -> Vec<crate::Busy> {
        let counted = |left: fn(&Kernel) -> usize| -> crate::Busy {
            let kernel = Arc::downgrade(kernel);
            Box::new(move || kernel.upgrade().is_some_and(|kernel| left(&kernel) > 0))
        };
        vec![
            counted(|kernel| kernel.replays().client.load(Ordering::SeqCst)),
            counted(|kernel| kernel.replays().server.load(Ordering::SeqCst)),
        ]
    }
}

/// Registers the bundled commands that the tool has.
///
/// # Errors
/// A command that is missing in the table, which the tests rule out.
pub fn register_commands(
    kernel: &Arc<Kernel>,
    tool: Tool,
    addons: &CommandAddons,
) -> Result<(), CommandError> {
    register_option_commands(kernel.commands(), kernel.options())?;
    let registrar = Registrar { kernel, tool };
    flow::register(&registrar)?;
    view::register(&registrar)?;
    export::register(&registrar)?;
    save::register(&registrar)?;
    history::register(&registrar, &addons.history)?;
    replay::register(&registrar, addons)?;
    inject::register(&registrar)?;
    ledger::register(&registrar)?;
    registrar.slow("browser.start", {
        let browser = addons.browser.clone();
        move |kernel, args| {
            browser.start(&kernel.options().load(), args.str(0).unwrap_or("chrome"));
            nothing()
        }
    })
}

/// Registers commands of one tool.
struct Registrar<'a> {
    kernel: &'a Arc<Kernel>,
    tool: Tool,
}

impl Registrar<'_> {
    fn wanted(&self, name: &str) -> Result<bool, CommandError> {
        let row = declared(name).ok_or_else(|| CommandError::Unknown(name.to_owned()))?;
        Ok(row.tools.contains(self.tool))
    }

    /// A command that is done at once.
    fn quick<F>(&self, name: &str, run: F) -> Result<(), CommandError>
    where
        F: Fn(&Arc<Kernel>, &Args) -> Outcome + Send + Sync + 'static,
    {
        if !self.wanted(name)? {
            return Ok(());
        }
        let kernel = self.weak();
        self.kernel
            .commands()
            .add_sync(name, move |args| run(&alive(&kernel)?, &args))
    }

    /// A command that reads or writes files, or computes for long: it runs beside the network threads.
    fn slow<F>(&self, name: &str, run: F) -> Result<(), CommandError>
    where
        F: Fn(&Arc<Kernel>, &Args) -> Outcome + Send + Sync + 'static,
    {
        if !self.wanted(name)? {
            return Ok(());
        }
        let kernel = self.weak();
        let run = Arc::new(run);
        self.kernel.commands().add_async(name, move |_, args| {
            let (kernel, run) = (kernel.clone(), Arc::clone(&run));
            async move {
                let work = move || run(&alive(&kernel)?, &args);
                let done = tokio::task::spawn_blocking(work).await;
                done.unwrap_or_else(|error| Err(CommandError::failed(error)))
            }
        })
    }

    /// A command that waits for somebody else.
    fn waiting<F>(&self, name: &str, run: F) -> Result<(), CommandError>
    where
        F: Fn(Arc<Kernel>, Args) -> BoxFuture<'static, Outcome> + Send + Sync + 'static,
    {
        if !self.wanted(name)? {
            return Ok(());
        }
        let kernel = self.weak();
        let run = Arc::new(run);
        self.kernel.commands().add_async(name, move |_, args| {
            let (kernel, run) = (kernel.clone(), Arc::clone(&run));
            async move { run(alive(&kernel)?, args).await }
        })
    }

    /// The registry lies in the kernel, so commands must not keep it alive.
    fn weak(&self) -> Weak<Kernel> {
        Arc::downgrade(self.kernel)
    }
}

fn alive(kernel: &Weak<Kernel>) -> Result<Arc<Kernel>, CommandError> {
    let ends = || CommandError::failed("the program is about to end");
    kernel.upgrade().ok_or_else(ends)
}

/// The identifiers of an argument that is a list of flows.
fn ids(args: &Args, at: usize) -> Result<Vec<Id>, CommandError> {
    Ok(args.flows(at)?.iter().map(|id| Id::parse(id)).collect())
}

/// The flows of an argument, as far as they are stored.
fn flows(kernel: &Kernel, args: &Args, at: usize) -> Result<Vec<Arc<Flow>>, CommandError> {
    let ids = ids(args, at)?;
    Ok(ids.iter().filter_map(|id| kernel.store().get(id)).collect())
}

/// The single flow of an argument.
fn one_flow(kernel: &Kernel, args: &Args, at: usize) -> Result<Arc<Flow>, CommandError> {
    let id = Id::parse(args.flow(at)?);
    let gone = || CommandError::failed("the flow is not there any more");
    kernel.store().get(&id).ok_or_else(gone)
}

/// Changes flows and tells observers once.
fn edit(kernel: &Kernel, ids: &[Id], mut change: impl FnMut(&mut Flow)) -> usize {
    let changed: Vec<Arc<Flow>> = ids
        .iter()
        .filter_map(|id| kernel.edit_flow(id, &mut change))
        .collect();
    kernel.updated(&changed);
    changed.len()
}

#[expect(clippy::unnecessary_wraps, reason = "the last expression of commands")]
fn nothing() -> Outcome {
    Ok(CommandValue::Null)
}

#[expect(clippy::unnecessary_wraps, reason = "the last expression of commands")]
fn text_list<'a>(texts: impl IntoIterator<Item = &'a str>) -> Outcome {
    let texts = texts.into_iter().map(str::to_owned).collect();
    Ok(CommandValue::StrList(texts))
}

#[expect(clippy::unnecessary_wraps, reason = "the last expression of commands")]
fn number(count: usize) -> Outcome {
    Ok(CommandValue::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// The system's text without the number that Rust adds.
fn io_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((text, _)) => text.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
