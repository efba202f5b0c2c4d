//! The screens, one module each.

pub(crate) mod commands;
pub(crate) mod compare;
pub(crate) mod connect;
pub(crate) mod eventlog;
pub(crate) mod flowlist;
pub(crate) mod flowview;
pub(crate) mod gather;
pub(crate) mod grid;
pub(crate) mod help;
pub(crate) mod keybindings;
pub(crate) mod list;
pub(crate) mod options;
pub(crate) mod paused;
pub(crate) mod stats;
pub(crate) mod tree;

use crate::env::{Env, Screen};
use crate::keymap::Context;

/// Screens that can be asked for.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    FlowList,
    FlowView,
    EventLog,
    Commands,
    Compare(compare::Pair),
    Connect,
    KeyBindings,
    Options,
    Paused,
    Stats,
    Tree,
    /// Help for the screen with these keys.
    Help(Context),
    Grid(Box<grid::Spec>),
}

/// Makes a screen.
pub(crate) fn make(kind: Kind, env: &Env) -> Box<dyn Screen> {
    match kind {
        Kind::FlowList => Box::new(flowlist::FlowList::default()),
        Kind::FlowView => Box::new(flowview::FlowView::new(env)),
        Kind::EventLog => Box::new(eventlog::EventLog::default()),
        Kind::Commands => Box::new(commands::Commands::new(env)),
        Kind::Compare(pair) => Box::new(compare::Compare::new(pair)),
        Kind::Connect => Box::new(connect::Connect::default()),
        Kind::KeyBindings => Box::new(keybindings::KeyBindings::default()),
        Kind::Options => Box::new(options::OptionScreen::default()),
        Kind::Paused => Box::new(paused::Paused::new(env)),
        Kind::Stats => Box::new(stats::Stats::default()),
        Kind::Tree => Box::new(tree::Tree::default()),
        Kind::Help(context) => Box::new(help::Help::new(context)),
        Kind::Grid(spec) => Box::new(grid::Grid::new(*spec)),
    }
}
