//! The commands that can be called at present.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
};

use super::{
    declared::{Declared, declared},
    kind::ParamKind,
    lexer,
    signature::Signature,
    value::{Args, CommandError, CommandValue},
};
use crate::options::wrap::wrap;

/// A future that runs a command.
pub type CommandFuture = Pin<Box<dyn Future<Output = Result<CommandValue, CommandError>> + Send>>;

/// What a command does.
pub type Handler = Arc<dyn Fn(CommandContext, Args) -> CommandFuture + Send + Sync>;

/// What a running command can reach.
#[derive(Clone)]
pub struct CommandContext {
    /// The commands, to call others.
    pub registry: CommandRegistry,
    /// The name it was called by.
    pub name: String,
}

struct Command {
    signature: Signature,
    handler: Handler,
}

/// A cloneable handle to the commands of the running program.
#[derive(Clone, Default)]
pub struct CommandRegistry {
    commands: Arc<RwLock<BTreeMap<String, Arc<Command>>>>,
}

/// The command that turns a flow specification into flows.
pub const RESOLVE: &str = "view.flows.resolve";

impl CommandRegistry {
    /// A registry without commands.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a command, or replaces the one of that name.
    pub fn add(&self, signature: Signature, handler: Handler) {
        let name = signature.name.clone();
        let command = Arc::new(Command { signature, handler });
        self.commands
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, command);
    }

    /// Adds a command of the table that waits for something.
    pub fn add_async<F, R>(&self, name: &str, handler: F) -> Result<(), CommandError>
    where
        F: Fn(CommandContext, Args) -> R + Send + Sync + 'static,
        R: Future<Output = Result<CommandValue, CommandError>> + Send + 'static,
    {
        let signature = table_signature(name)?;
        let handler: Handler = Arc::new(move |cx, args| Box::pin(handler(cx, args)));
        self.add(signature, handler);
        Ok(())
    }

    /// Adds a command of the table that does not wait.
    pub fn add_sync<F>(&self, name: &str, handler: F) -> Result<(), CommandError>
    where
        F: Fn(Args) -> Result<CommandValue, CommandError> + Send + Sync + 'static,
    {
        let signature = table_signature(name)?;
        let handler: Handler = Arc::new(move |_, args| Box::pin(std::future::ready(handler(args))));
        self.add(signature, handler);
        Ok(())
    }

    /// Takes a command away; `false` if there was none.
    pub fn remove(&self, name: &str) -> bool {
        self.commands
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name)
            .is_some()
    }

    /// Whether there is a command of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    /// The names of all commands, sorted.
    pub fn names(&self) -> Vec<String> {
        self.read(|commands| commands.keys().cloned().collect())
    }

    /// The description of a command.
    pub fn signature(&self, name: &str) -> Option<Signature> {
        let command = self.find(name).ok()?;
        Some(command.signature.clone())
    }

    /// The descriptions of all commands, sorted by name.
    pub fn signatures(&self) -> Vec<Signature> {
        self.read(|commands| {
            commands
                .values()
                .map(|command| command.signature.clone())
                .collect()
        })
    }

    /// The listing of `--commands`.
    pub fn listing(&self) -> String {
        let mut signatures = self.signatures();
        signatures.sort_by_cached_key(Signature::line);
        let mut out = String::new();
        for signature in signatures {
            for line in wrap(&signature.help, 70) {
                let _ = writeln!(out, "# {line}");
            }
            let _ = writeln!(out, "{}\n", signature.line());
        }
        out
    }

    /// Calls a command with native values.
    ///
    /// # Cancellation
    /// What the command does when its future is dropped is up to the command.
    pub async fn call(
        &self,
        name: &str,
        values: Vec<CommandValue>,
    ) -> Result<CommandValue, CommandError> {
        let command = self.find(name)?;
        let args = Args(command.signature.bind(values)?);
        let cx = CommandContext {
            registry: self.clone(),
            name: name.to_owned(),
        };
        let value = (command.handler)(cx, args).await?;
        check_return(&command.signature, &value)?;
        Ok(value)
    }

    /// Calls a command with words, each read by the type of its parameter.
    pub async fn call_strings(
        &self,
        name: &str,
        words: &[String],
    ) -> Result<CommandValue, CommandError> {
        let command = self.find(name)?;
        let signature = &command.signature;
        if !signature.takes(words.len()) {
            return Err(CommandError::Mismatch {
                expected: signature.expected(),
                received: words.to_vec(),
            });
        }
        let mut values = Vec::with_capacity(words.len());
        for (at, word) in words.iter().enumerate() {
            let Some(param) = signature.param_at(at) else {
                break;
            };
            values.push(self.parse(&param.kind, word).await?);
        }
        self.call(name, values).await
    }

    /// Runs a command line.
    pub async fn execute(&self, line: &str) -> Result<CommandValue, CommandError> {
        let words = lexer::words(line);
        let Some((name, words)) = words.split_first() else {
            return Err(CommandError::Empty);
        };
        self.call_strings(name, words).await
    }

    /// Reads a word of the given type.
    pub async fn parse(&self, kind: &ParamKind, word: &str) -> Result<CommandValue, CommandError> {
        if let Some(value) = kind.parse_word(word) {
            return value;
        }
        match kind {
            ParamKind::Cmd => {
                self.find(word)?;
                Ok(CommandValue::Str(word.to_owned()))
            }
            ParamKind::Choice(command) => {
                if self.choices(command).await?.iter().any(|c| c == word) {
                    return Ok(CommandValue::Str(word.to_owned()));
                }
                Err(CommandError::Argument("Invalid choice.".to_owned()))
            }
            _ => self.flows(kind, word).await,
        }
    }

    /// The texts that a command of choices gives.
    pub(super) async fn choices(&self, command: &str) -> Result<Vec<String>, CommandError> {
        // The command may itself parse arguments one day; boxing keeps the future finite.
        match Box::pin(self.call(command, Vec::new())).await? {
            CommandValue::StrList(choices) => Ok(choices),
            _ => Err(CommandError::Returned {
                name: command.to_owned(),
                expected: "str[]".to_owned(),
            }),
        }
    }

    async fn flows(&self, kind: &ParamKind, word: &str) -> Result<CommandValue, CommandError> {
        let spec = vec![CommandValue::Str(word.to_owned())];
        let found = Box::pin(self.call(RESOLVE, spec)).await?;
        let CommandValue::Flows(flows) = &found else {
            return Err(CommandError::Returned {
                name: RESOLVE.to_owned(),
                expected: "flow[]".to_owned(),
            });
        };
        if *kind == ParamKind::Flow && flows.len() != 1 {
            let count = flows.len();
            return Err(CommandError::Argument(format!(
                "Command requires one flow, specification matched {count}."
            )));
        }
        Ok(found)
    }

    fn find(&self, name: &str) -> Result<Arc<Command>, CommandError> {
        self.read(|commands| commands.get(name).cloned())
            .ok_or_else(|| CommandError::Unknown(name.to_owned()))
    }

    fn read<T>(&self, look: impl FnOnce(&BTreeMap<String, Arc<Command>>) -> T) -> T {
        look(&self.commands.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn table_signature(name: &str) -> Result<Signature, CommandError> {
    declared(name)
        .and_then(Declared::signature)
        .ok_or_else(|| CommandError::Unknown(name.to_owned()))
}

fn check_return(signature: &Signature, value: &CommandValue) -> Result<(), CommandError> {
    match &signature.returns {
        // Without a declared type there is nothing to expect, and so nothing to complain about.
        None => Ok(()),
        Some(kind) if kind.accepts(value) => Ok(()),
        Some(kind) => Err(CommandError::Returned {
            name: signature.name.clone(),
            expected: kind.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests;
