//! Shell completions and manual pages, made from the flags of each tool.

mod bash;
mod fish;
mod man;
mod zsh;

pub use bash::bash;
pub use fish::fish;
pub use man::man;
pub use zsh::zsh;

use midwire_core::options::cli::{FlagDef, flags};
use midwire_core::options::{Kind, SPECS, Tool};

/// A name under which the program is called.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The program file.
    pub file: &'static str,
    /// The first word after it, if the tool is called so.
    pub word: Option<&'static str>,
    /// Whose flags it has.
    pub tool: Tool,
}

/// All names: the subcommands of `midwire`, then the drop-in names.
pub fn programs() -> Vec<Program> {
    let drop_in = |file, tool| Program {
        file,
        word: None,
        tool,
    };
    vec![
        Program {
            file: "midwire",
            word: Some("dump"),
            tool: Tool::Dump,
        },
        drop_in("mitmdump", Tool::Dump),
        drop_in("mitmproxy", Tool::Console),
        drop_in("mitmweb", Tool::Web),
    ]
}

impl Program {
    /// The name of the manual page, and of functions in completion scripts.
    pub fn page_name(&self) -> String {
        self.joined("-")
    }

    /// The words that start a command line.
    fn call(&self) -> String {
        self.joined(" ")
    }

    fn joined(&self, between: &str) -> String {
        match self.word {
            Some(word) => format!("{}{between}{word}", self.file),
            None => self.file.to_owned(),
        }
    }

    /// The function that completes it, for shells whose names of functions have no dashes.
    fn function(&self) -> String {
        format!("_midwire_{}", self.word.unwrap_or(self.file))
    }

    fn flags(&self) -> Vec<FlagDef> {
        flags(self.tool)
    }

    /// The names that `--set` takes, with what they are for.
    fn options(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let tool = self.tool;
        SPECS
            .iter()
            .filter(move |spec| spec.meta.tools.contains(tool))
            .map(|spec| (spec.name, spec.help))
    }
}

/// The words of `midwire` that call a tool.
fn words(programs: &[Program]) -> Vec<&'static str> {
    programs.iter().filter_map(|program| program.word).collect()
}

/// What may stand behind a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expects {
    /// Nothing: it is a switch.
    Nothing,
    /// An option and its value.
    Option,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The name of a file.
    File,
    /// The name of a folder.
    Folder,
    /// A text that cannot be guessed.
    Text,
}

fn expects(flag: &FlagDef) -> Expects {
    let Some(metavar) = flag.metavar else {
        return Expects::Nothing;
    };
    match flag.option() {
        Some(spec) if !spec.meta.choices.is_empty() => Expects::Choice(spec.meta.choices),
        Some(_) if matches!(metavar, "PATH" | "SCRIPT") => Expects::File,
        None if metavar.starts_with("option") => Expects::Option,
        None if metavar == "DIR" => Expects::Folder,
        _ => Expects::Text,
    }
}

/// What a flag is for, in one sentence; for the opposite of a switch, whose opposite it is.
fn summary(flag: &FlagDef) -> String {
    if flag.help.is_empty() {
        let option = flag.option().map_or("", |spec| spec.name);
        return format!("Turn {option} off");
    }
    let sentence = flag.help.split(". ").next().unwrap_or_default();
    sentence.trim_end_matches('.').to_owned()
}

/// Whether a flag may be given more than once.
fn repeats(flag: &FlagDef) -> bool {
    expects(flag) == Expects::Option || flag.option().is_some_and(|spec| spec.kind == Kind::Seq)
}

#[cfg(test)]
mod tests;
