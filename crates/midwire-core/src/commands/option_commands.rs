//! The commands that change options.

use std::path::Path;

use super::{
    registry::CommandRegistry,
    value::{Args, CommandError, CommandValue},
};
use crate::options::OptionStore;

/// Registers `set`, `options.load`, `options.save`, `options.reset` and `options.reset.one`.
pub fn register_option_commands(
    registry: &CommandRegistry,
    options: &OptionStore,
) -> Result<(), CommandError> {
    let store = options.clone();
    registry.add_sync("set", move |args| set(&store, &args))?;
    let store = options.clone();
    registry.add_sync("options.load", move |args| {
        store
            .load_config(Path::new(args.str(0)?))
            .map(|_| CommandValue::Null)
            .map_err(CommandError::failed)
    })?;
    let store = options.clone();
    registry.add_sync("options.save", move |args| {
        store
            .save_config(Path::new(args.str(0)?))
            .map(|()| CommandValue::Null)
            .map_err(CommandError::failed)
    })?;
    let store = options.clone();
    registry.add_sync("options.reset", move |_| {
        done(store.reset().map_err(CommandError::failed))
    })?;
    let store = options.clone();
    registry.add_sync("options.reset.one", move |args| {
        done(store.reset_one(args.str(0)?).map_err(CommandError::failed))
    })
}

fn set(store: &OptionStore, args: &Args) -> Result<CommandValue, CommandError> {
    let option = args.str(0)?;
    let values = args.list(1)?;
    let specs: Vec<String> = if values.is_empty() {
        vec![option.to_owned()]
    } else {
        values
            .iter()
            .map(|value| format!("{option}={value}"))
            .collect()
    };
    done(store.set(&specs).map_err(CommandError::failed))
}

fn done<T>(result: Result<T, CommandError>) -> Result<CommandValue, CommandError> {
    result.map(|_| CommandValue::Null)
}
