//! What screens see of the program, and what they ask for.

use std::sync::Arc;

use midwire_core::Kernel;
use midwire_core::commands::{Args, CommandError, CommandValue};
use midwire_core::log::Level;
use midwire_core::options::Options;
use midwire_flow::Id;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::doc::Doc;
use crate::edit::EditJob;
use crate::glyphs::Glyphs;
use crate::keymap::{Context, Keymap};
use crate::screens::Kind;
use crate::screens::flowview::Job;
use crate::theme::Theme;

/// What all screens share. They read it; only the application changes it.
pub(crate) struct Env {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) options: Arc<Options>,
    pub(crate) theme: Theme,
    pub(crate) glyphs: Glyphs,
    pub(crate) keymap: Keymap,
    /// Gives the content views as they are now, with those of scripts.
    pub(crate) views: crate::Views,
    /// Gives the listeners of the proxy as they are now.
    pub(crate) listeners: crate::Listeners,
    /// Seconds since the epoch, for running times.
    pub(crate) now: f64,
}

/// What a command gives.
pub(crate) type Outcome = Result<CommandValue, CommandError>;

/// What screens ask for.
pub(crate) enum Effect {
    /// Run a command line.
    Run(String),
    /// Run a command with these words.
    Call(String, Vec<String>),
    /// Find out what the words of an unfinished command line mean.
    Analyse(String),
    /// Get a line of the history; the first step says what it must begin with.
    History { back: bool, prefix: Option<String> },
    /// Keep a line in the history.
    Remember(String),
    /// Show what this filter leaves, without changing the option.
    Preview(Option<String>),
    /// Show another screen.
    Push(Kind),
    /// Say something in the status bar.
    Say(Level, String),
    /// Let the user choose; the command line has `{choice}` in it.
    Choose {
        title: String,
        choices: Vec<String>,
        then: Then,
    },
    /// Ask yes or no, then run this command line.
    Confirm { question: String, line: String },
    /// Ask for a line of text.
    Ask {
        prompt: String,
        text: String,
        then: Then,
    },
    /// Open the command prompt.
    Command { text: String, cursor: Option<usize> },
    /// Show rows of text.
    Table {
        title: String,
        rows: Vec<Vec<String>>,
    },
    /// Build a document off this thread.
    Render(Box<Job>),
    /// Let the user edit something in an external program.
    Edit(Box<EditJob>),
    /// Change the key bindings.
    Keys(KeyChange),
    /// Copy by the terminal (OSC 52).
    Copy(String),
    /// End the program.
    Quit,
    /// Change a part of a flow, and tell observers.
    Change(Id, crate::edit::Part, Vec<u8>),
    /// Stop the process as the shell's job control does.
    Suspend,
}

/// What happens with a text that the user gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Run a command; `{choice}` in its words stands for the text.
    Run { command: String, args: Vec<String> },
    /// Search the present screen.
    Search,
    /// Change a part of a flow.
    Set { flow: Id, part: String },
    /// Change the option.
    Option(String),
}

/// A change of key bindings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyChange {
    Bind {
        key: String,
        command: String,
        contexts: Vec<Context>,
    },
    Unbind {
        key: String,
        contexts: Vec<Context>,
    },
}

/// Effects in their order.
pub(crate) type Effects = Vec<Effect>;

/// A movement (`console.nav.*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nav {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Start,
    End,
    Next,
    Select,
}

impl Nav {
    /// The movement of `console.nav.NAME`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "up" => Self::Up,
            "down" => Self::Down,
            "left" => Self::Left,
            "right" => Self::Right,
            "pageup" => Self::PageUp,
            "pagedown" => Self::PageDown,
            "start" => Self::Start,
            "end" => Self::End,
            "next" => Self::Next,
            "select" => Self::Select,
            _ => return None,
        })
    }

    /// The movement that a key means by itself when nothing is bound to it.
    pub(crate) fn of_key(key: &str) -> Option<Self> {
        Some(match key {
            "up" => Self::Up,
            "down" => Self::Down,
            "left" => Self::Left,
            "right" => Self::Right,
            "page up" => Self::PageUp,
            "page down" => Self::PageDown,
            "home" => Self::Start,
            "end" => Self::End,
            "tab" => Self::Next,
            "enter" => Self::Select,
            _ => return None,
        })
    }

    /// Rows by which a list of this height moves; `None` for what is no vertical step.
    pub(crate) fn step(self, page: usize) -> Option<isize> {
        let page = page.saturating_sub(1).max(1) as isize;
        match self {
            Self::Up => Some(-1),
            Self::Down => Some(1),
            Self::PageUp => Some(-page),
            Self::PageDown => Some(page),
            _ => None,
        }
    }
}

/// What a screen did with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handled {
    Yes,
    No,
}

/// A screen of the stack, one module each.
pub(crate) trait Screen: Send {
    /// Which keys hold.
    fn context(&self) -> Context;

    /// The title of the pane: left and right part.
    fn title(&self, env: &Env) -> (String, String);

    /// Gets the window of what will be drawn. The only place where a screen looks at the store for its rows.
    fn prepare(&mut self, env: &Env, area: Rect, out: &mut Effects) {
        let _ = (env, area, out);
    }

    /// True while the screen shows something that changes with time alone.
    fn ticks(&self) -> bool {
        false
    }

    /// Draws what was prepared.
    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer);

    /// Where the terminal's cursor is, if the screen edits text.
    fn cursor(&self) -> Option<Position> {
        None
    }

    /// True while keys are text.
    fn takes_text(&self) -> bool {
        false
    }

    /// Keys that the screen handles before the key bindings; all keys while it takes text.
    fn key(&mut self, env: &Env, key: &str, out: &mut Effects) -> Handled {
        let _ = (env, key, out);
        Handled::No
    }

    /// Pasted text, while keys are text.
    fn paste(&mut self, text: &str) {
        let _ = text;
    }

    /// Moves.
    fn nav(&mut self, env: &Env, nav: Nav, out: &mut Effects);

    /// A click on a cell of the screen's area.
    fn click(&mut self, env: &Env, at: Position, out: &mut Effects) {
        let _ = (env, at, out);
    }

    /// Commands that mean this screen; `None` if the command is not for it.
    fn call(&mut self, env: &Env, name: &str, args: &Args, out: &mut Effects) -> Option<Outcome> {
        let _ = (env, name, args, out);
        None
    }

    /// A document that was asked for is there.
    fn rendered(&mut self, job: &Job, doc: &Arc<Doc>) {
        let _ = (job, doc);
    }

    /// The user gave the text to search for.
    fn search(&mut self, env: &Env, wanted: &str, out: &mut Effects) {
        let _ = (env, wanted, out);
    }

    /// An external editor came back with a new text for the present cell.
    fn edited(&mut self, env: &Env, text: Vec<u8>, out: &mut Effects) {
        let _ = (env, text, out);
    }

    /// The screen is left; it may save what was changed.
    fn leave(&mut self, env: &Env, out: &mut Effects) {
        let _ = (env, out);
    }
}
