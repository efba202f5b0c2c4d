//! Taking a command line apart, with the rules of Python's argparse that scripts and habits rely on.

use std::ffi::OsString;

use super::{
    flags::{Effect, FlagDef, flags},
    help::usage,
    removed,
    start::{Action, Invocation},
};
use crate::options::{
    spec::{OptionSpec, Tool},
    value::{Kind, Value},
};

/// A command line that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CliError {
    /// Flags that the tool does not have, or words where it takes none.
    #[error("unrecognized arguments: {}", .arguments.join(" "))]
    Unrecognized {
        /// What was not understood.
        arguments: Vec<String>,
        /// What to write instead.
        hints: Vec<String>,
    },
    /// A shortened flag with several meanings.
    #[error("ambiguous option: {flag} could match {}", .candidates.join(", "))]
    Ambiguous {
        /// The flag as it was given.
        flag: String,
        /// Its possible meanings.
        candidates: Vec<String>,
        /// What to write instead.
        hints: Vec<String>,
    },
    /// A flag without its value.
    #[error("argument {0}: expected one argument")]
    ValueMissing(String),
    /// A value for a flag that takes none.
    #[error("argument {flag}: ignored explicit argument '{value}'")]
    ValueUnwanted {
        /// The flag.
        flag: String,
        /// The value.
        value: String,
    },
    /// A value that is no number.
    #[error("argument {flag}: invalid int value: '{value}'")]
    NotAnInteger {
        /// The flag.
        flag: String,
        /// The value.
        value: String,
    },
    /// A value that is not among those allowed.
    #[error("argument {flag}: invalid choice: '{value}' (choose from {})", quoted(.choices))]
    Choice {
        /// The flag.
        flag: String,
        /// The value.
        value: String,
        /// What is allowed.
        choices: &'static [&'static str],
    },
    /// Both directions of one switch.
    #[error("argument {flag}: not allowed with argument {other}")]
    Conflict {
        /// The later flag.
        flag: String,
        /// The earlier flag.
        other: String,
    },
    /// Bytes that are no text.
    #[error("argument {0} is not UTF-8")]
    NotUtf8(String),
}

impl CliError {
    /// What the user is shown: usage, the error, and what to write instead.
    pub fn report(&self, tool: Tool) -> String {
        let program = tool.program();
        let mut out = format!("{}\n{program}: error: {self}\n", usage(tool));
        if let Self::Unrecognized { hints, .. } | Self::Ambiguous { hints, .. } = self {
            for hint in hints {
                out.push_str(hint);
                out.push('\n');
            }
        }
        out
    }
}

fn quoted(choices: &[&str]) -> String {
    let choices: Vec<String> = choices.iter().map(|c| format!("'{c}'")).collect();
    choices.join(", ")
}

/// Understands the arguments after the program's name.
pub fn parse(tool: Tool, args: &[OsString]) -> Result<Invocation, CliError> {
    let args = args
        .iter()
        .map(|arg| {
            let text = arg.to_str().map(str::to_owned);
            text.ok_or_else(|| CliError::NotUtf8(arg.to_string_lossy().into_owned()))
        })
        .collect::<Result<Vec<String>, CliError>>()?;
    let flags = flags(tool);
    let mut parser = Parser {
        flags: &flags,
        rest: args.into(),
        seen: Vec::new(),
        unknown: Vec::new(),
        out: Invocation::new(tool),
    };
    parser.run()?;
    let Parser { unknown, out, .. } = parser;
    if unknown.is_empty() || out.action == Action::Help {
        return Ok(out);
    }
    let hints = unknown
        .iter()
        .filter_map(|arg| removed::hint(arg))
        .collect();
    Err(CliError::Unrecognized {
        arguments: unknown,
        hints,
    })
}

struct Parser<'a> {
    flags: &'a [FlagDef],
    rest: std::collections::VecDeque<String>,
    /// Switches given so far, with their labels.
    seen: Vec<(&'static str, bool, String)>,
    unknown: Vec<String>,
    out: Invocation,
}

/// What one argument is.
enum Argument<'a> {
    /// A flag, and the value attached to it.
    Flag(&'a FlagDef, Option<String>),
    /// One or more flags of one letter each.
    Cluster(&'a FlagDef, String),
    /// Looks like a flag, but is none.
    Unknown,
    Word,
}

impl<'a> Parser<'a> {
    fn run(&mut self) -> Result<(), CliError> {
        while let Some(arg) = self.rest.pop_front() {
            match self.classify(&arg)? {
                Argument::Flag(flag, value) => self.flag(flag, value)?,
                Argument::Cluster(flag, rest) => self.cluster(flag, rest)?,
                Argument::Unknown => self.unknown.push(arg),
                Argument::Word if self.out.tool == Tool::Dump => {
                    self.filter(arg);
                    return Ok(());
                }
                Argument::Word => self.unknown.push(arg),
            }
            if self.out.action == Action::Help {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Everything from the first word on is the filter, even what looks like flags.
    fn filter(&mut self, first: String) {
        let first = (first != "--").then_some(first);
        self.out.filter.extend(first);
        self.out.filter.extend(self.rest.drain(..));
    }

    fn classify(&self, arg: &str) -> Result<Argument<'a>, CliError> {
        if !arg.starts_with('-') || arg == "-" || arg == "--" {
            return Ok(Argument::Word);
        }
        if let Some(flag) = self.exact(arg) {
            return Ok(Argument::Flag(flag, None));
        }
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (arg, None),
        };
        if value.is_some()
            && let Some(flag) = self.exact(name)
        {
            return Ok(Argument::Flag(flag, value));
        }
        if arg.starts_with("--") {
            return self.abbreviated(arg, name, value);
        }
        let mut chars = arg.chars();
        let short: String = chars.by_ref().take(2).collect();
        if let Some(flag) = self.exact(&short) {
            return Ok(Argument::Cluster(flag, chars.collect()));
        }
        // Negative numbers and texts with blanks are values, not flags.
        if arg.contains(' ') || is_number(arg) {
            return Ok(Argument::Word);
        }
        Ok(Argument::Unknown)
    }

    fn abbreviated(
        &self,
        arg: &str,
        name: &str,
        value: Option<String>,
    ) -> Result<Argument<'a>, CliError> {
        let matches: Vec<(&'a FlagDef, &'a String)> = self
            .flags
            .iter()
            .flat_map(|flag| flag.names.iter().map(move |long| (flag, long)))
            .filter(|(_, long)| long.starts_with("--") && long.starts_with(name))
            .collect();
        match matches.as_slice() {
            [(flag, _)] => Ok(Argument::Flag(flag, value)),
            [] if arg.contains(' ') => Ok(Argument::Word),
            [] => Ok(Argument::Unknown),
            several => Err(CliError::Ambiguous {
                flag: arg.to_owned(),
                candidates: several.iter().map(|(_, long)| (*long).clone()).collect(),
                hints: removed::hint(arg).into_iter().collect(),
            }),
        }
    }

    fn exact(&self, name: &str) -> Option<&'a FlagDef> {
        self.flags
            .iter()
            .find(|flag| flag.names.iter().any(|known| known == name))
    }

    /// Handles `-nq` and `-p8080`.
    fn cluster(&mut self, first: &'a FlagDef, rest: String) -> Result<(), CliError> {
        let mut flag = first;
        let mut rest = rest;
        loop {
            if flag.metavar.is_some() {
                let value = rest.strip_prefix('=').unwrap_or(&rest).to_owned();
                return self.flag(flag, Some(value));
            }
            let mut chars = rest.chars();
            let Some(letter) = chars.next() else {
                return self.flag(flag, None);
            };
            let Some(next) = self.exact(&format!("-{letter}")) else {
                return Err(CliError::ValueUnwanted {
                    flag: flag.label(),
                    value: rest,
                });
            };
            self.flag(flag, None)?;
            flag = next;
            rest = chars.collect();
        }
    }

    fn flag(&mut self, flag: &'a FlagDef, value: Option<String>) -> Result<(), CliError> {
        let value = match (flag.metavar, value) {
            (Some(_), Some(value)) => value,
            (Some(_), None) => self.next_value(flag)?,
            (None, None) => String::new(),
            (None, Some(value)) => {
                return Err(CliError::ValueUnwanted {
                    flag: flag.label(),
                    value,
                });
            }
        };
        match flag.effect {
            Effect::Help => self.out.action = Action::Help,
            Effect::Version => self.out.want(Action::Version),
            Effect::Options => self.out.want(Action::Options),
            Effect::Commands => self.out.want(Action::Commands),
            Effect::Set => self.out.set.push(value),
            Effect::Confdir => self.out.set.push(format!("confdir={value}")),
            Effect::Quiet => self.out.quiet = true,
            Effect::Verbose => self.out.verbose = true,
            Effect::Switch { spec, on } => self.switch(flag, spec, on)?,
            Effect::Value(spec) => self.value(flag, spec, value)?,
        }
        Ok(())
    }

    fn next_value(&mut self, flag: &FlagDef) -> Result<String, CliError> {
        let missing = || CliError::ValueMissing(flag.label());
        let next = self.rest.front().ok_or_else(missing)?;
        if next == "--" || !matches!(self.classify(next)?, Argument::Word) {
            return Err(missing());
        }
        self.rest.pop_front().ok_or_else(missing)
    }

    fn switch(
        &mut self,
        flag: &FlagDef,
        spec: &'static OptionSpec,
        on: bool,
    ) -> Result<(), CliError> {
        let before = self.seen.iter().find(|(name, _, _)| *name == spec.name);
        match before {
            Some((_, direction, other)) if *direction != on => {
                return Err(CliError::Conflict {
                    flag: flag.label(),
                    other: other.clone(),
                });
            }
            Some(_) => {}
            None => self.seen.push((spec.name, on, flag.label())),
        }
        self.out.assign(spec.name, Value::Bool(on));
        Ok(())
    }

    fn value(
        &mut self,
        flag: &FlagDef,
        spec: &'static OptionSpec,
        value: String,
    ) -> Result<(), CliError> {
        if !spec.meta.choices.is_empty() && !spec.meta.choices.contains(&value.as_str()) {
            return Err(CliError::Choice {
                flag: flag.label(),
                value,
                choices: spec.meta.choices,
            });
        }
        match spec.kind {
            Kind::Int | Kind::OptInt => {
                let Ok(number) = value.trim().parse() else {
                    return Err(CliError::NotAnInteger {
                        flag: flag.label(),
                        value,
                    });
                };
                self.out.assign(spec.name, Value::Int(number));
            }
            Kind::Seq => self.out.append(spec.name, value),
            _ => self.out.assign(spec.name, Value::Str(value)),
        }
        Ok(())
    }
}

fn is_number(arg: &str) -> bool {
    let digits = arg.trim_start_matches('-');
    arg.len() == digits.len() + 1
        && !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
