//! Which flags a tool has.

use crate::options::{
    spec::{OptionSpec, Tool},
    table::SPECS,
    value::{Kind, Value},
};

/// A flag with all its spellings.
#[derive(Clone, Debug)]
pub struct FlagDef {
    /// The spellings, the long one first.
    pub names: Vec<String>,
    /// What help calls the value; `None` for flags without one.
    pub metavar: Option<&'static str>,
    /// A text for people; empty for the opposite of another flag.
    pub help: String,
    pub(super) effect: Effect,
}

impl FlagDef {
    /// The spellings as error messages show them.
    pub(super) fn label(&self) -> String {
        self.names.join("/")
    }

    /// The option that the flag sets, if it is dedicated to one.
    pub fn option(&self) -> Option<&'static OptionSpec> {
        match self.effect {
            Effect::Switch { spec, .. } | Effect::Value(spec) => Some(spec),
            _ => None,
        }
    }
}

/// What a flag does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Effect {
    Help,
    Version,
    Options,
    Commands,
    Set,
    Confdir,
    Quiet,
    Verbose,
    Switch { spec: &'static OptionSpec, on: bool },
    Value(&'static OptionSpec),
}

/// All flags of `tool`, in the order of the help text.
pub fn flags(tool: Tool) -> Vec<FlagDef> {
    let mut flags = common();
    for spec in SPECS {
        let Some(flag) = spec.meta.flag else { continue };
        if !flag.tools.contains(tool) {
            continue;
        }
        if spec.kind == Kind::Bool {
            flags.extend(pair(spec, flag.short));
        } else {
            let mut help = spec.help.to_owned();
            if spec.kind == Kind::Seq {
                help.push_str(" May be given several times.");
            }
            flags.push(FlagDef {
                names: spellings(spec.long_flag(), flag.short),
                metavar: Some(flag.metavar),
                help,
                effect: Effect::Value(spec),
            });
        }
    }
    flags
}

/// The two directions of a switch; the short form belongs to the one that changes something.
fn pair(spec: &'static OptionSpec, short: Option<char>) -> [FlagDef; 2] {
    let on_by_default = spec.default_value() == Value::Bool(true);
    let direction = |on: bool| {
        let long = spec.long_flag();
        let long = if on {
            long
        } else {
            long.replacen("--", "--no-", 1)
        };
        FlagDef {
            names: spellings(long, short.filter(|_| on != on_by_default)),
            metavar: None,
            help: if on {
                spec.help.to_owned()
            } else {
                String::new()
            },
            effect: Effect::Switch { spec, on },
        }
    };
    [direction(false), direction(true)]
}

fn spellings(long: String, short: Option<char>) -> Vec<String> {
    let short = short.map(|short| format!("-{short}"));
    std::iter::once(long).chain(short).collect()
}

fn common() -> Vec<FlagDef> {
    let flag = |long: &str, short: Option<char>, effect, help: &str| FlagDef {
        names: spellings(long.to_owned(), short),
        metavar: match effect {
            Effect::Set => Some("option[=value]"),
            Effect::Confdir => Some("DIR"),
            _ => None,
        },
        help: help.to_owned(),
        effect,
    };
    let mut help = flag("--help", None, Effect::Help, "Show this text.");
    help.names.insert(0, "-h".to_owned());
    let mut quiet = flag("--quiet", None, Effect::Quiet, "Print errors only.");
    quiet.names.insert(0, "-q".to_owned());
    let mut verbose = flag(
        "--verbose",
        None,
        Effect::Verbose,
        "Print more of everything.",
    );
    verbose.names.insert(0, "-v".to_owned());
    vec![
        help,
        flag("--version", None, Effect::Version, "Show versions."),
        flag(
            "--options",
            None,
            Effect::Options,
            "Show all options and their defaults, in the form of a config file.",
        ),
        flag(
            "--commands",
            None,
            Effect::Commands,
            "Show all commands and their parameters.",
        ),
        flag(
            "--set",
            None,
            Effect::Set,
            "Set an option. Without a value, switches are turned on, lists emptied, and what may be unset is. Switches take true, false or toggle. Give it several times for a list of several elements.",
        ),
        flag(
            "--confdir",
            None,
            Effect::Confdir,
            "The same as --set confdir=DIR.",
        ),
        quiet,
        verbose,
    ]
}
