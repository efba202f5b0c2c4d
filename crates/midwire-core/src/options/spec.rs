//! What is known about an option besides its value.

use super::{
    Options,
    value::{Kind, Misfit, Value},
};

/// The programs that share the option and command tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tool {
    /// The printing tool, `mitmdump`.
    Dump,
    /// The terminal user interface, `mitmproxy`.
    Console,
    /// The web interface, `mitmweb`.
    Web,
}

impl Tool {
    /// The name of the original program whose command line this tool understands.
    pub fn program(self) -> &'static str {
        match self {
            Self::Dump => "mitmdump",
            Self::Console => "mitmproxy",
            Self::Web => "mitmweb",
        }
    }
}

/// A set of [`Tool`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tools(u8);

impl Tools {
    /// The printing tool alone.
    pub const DUMP: Self = Self(1);
    /// The terminal user interface alone.
    pub const CONSOLE: Self = Self(2);
    /// The web interface alone.
    pub const WEB: Self = Self(4);
    /// The terminal and the web interface.
    pub const INTERACTIVE: Self = Self(6);
    /// The printing tool and the web interface, which both log to the terminal.
    pub const LOGGING: Self = Self(5);
    /// All three.
    pub const ALL: Self = Self(7);

    /// Whether `tool` is in the set.
    pub const fn contains(self, tool: Tool) -> bool {
        let bit = match tool {
            Tool::Dump => 1,
            Tool::Console => 2,
            Tool::Web => 4,
        };
        self.0 & bit != 0
    }
}

/// A dedicated command-line flag; the long form is the option's name with dashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The short form, such as `p` of `-p`. Of a switch it inverts the default.
    pub short: Option<char>,
    /// What help calls the value; empty for switches.
    pub metavar: &'static str,
    /// The tools that have the flag; the option itself may exist in more of them.
    pub tools: Tools,
}

/// One row of the option table.
#[derive(Debug)]
pub struct OptionSpec {
    /// The name, in snake case.
    pub name: &'static str,
    /// The kind of values.
    pub kind: Kind,
    /// Tools, flag and choices.
    pub meta: Meta,
    /// A text for people.
    pub help: &'static str,
    /// Reads the field of the typed struct.
    pub read: fn(&Options) -> Value,
    /// Sets the field of the typed struct.
    pub write: fn(&mut Options, Value) -> Result<(), Misfit>,
}

impl OptionSpec {
    /// The long flag, `--listen-port`, whether or not the option has a dedicated one.
    pub fn long_flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }

    /// The value before anybody set one.
    pub fn default_value(&self) -> Value {
        (self.read)(&Options::default())
    }
}

/// The part of a row that is not a type, default or text.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// The tools that have the option.
    pub tools: Tools,
    /// The dedicated flag, if any.
    pub flag: Option<Flag>,
    /// The values offered, empty if any will do.
    pub choices: &'static [&'static str],
    /// Whether values outside `choices` are accepted, since scripts can add further ones.
    pub open: bool,
    /// Whether the option is midwire's own, unknown to mitmproxy.
    pub own: bool,
}

/// An option of these tools.
pub(super) const fn of(tools: Tools) -> Meta {
    Meta {
        tools,
        flag: None,
        choices: &[],
        open: false,
        own: false,
    }
}

/// An option of all tools.
pub(super) const fn all() -> Meta {
    of(Tools::ALL)
}

/// An option that mitmproxy does not have, in all tools.
pub(super) const fn own() -> Meta {
    all().own()
}

impl Meta {
    pub(super) const fn own(mut self) -> Self {
        self.own = true;
        self
    }

    pub(super) const fn choices(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    pub(super) const fn suggests(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self.open = true;
        self
    }

    /// Gives the option a long flag with a value called `metavar` (empty for switches).
    pub(super) const fn flag(mut self, metavar: &'static str) -> Self {
        self.flag = Some(Flag {
            short: None,
            metavar,
            tools: self.tools,
        });
        self
    }

    /// Gives the option a long and a short flag.
    pub(super) const fn short(mut self, short: char, metavar: &'static str) -> Self {
        self.flag = Some(Flag {
            short: Some(short),
            metavar,
            tools: self.tools,
        });
        self
    }

    /// Gives the option a flag in some of its tools only.
    pub(super) const fn flag_in(mut self, tools: Tools, metavar: &'static str) -> Self {
        self.flag = Some(Flag {
            short: None,
            metavar,
            tools,
        });
        self
    }
}
