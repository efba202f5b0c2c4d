//! What a command line asks for, and carrying it out in the right order.

use crate::options::{ConfigError, Loaded, OptionError, OptionStore, spec::Tool, value::Value};

/// What the program is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Serve.
    Run,
    /// List the commands and end.
    Commands,
    /// List the options and end.
    Options,
    /// Show versions and end.
    Version,
    /// Show the flags and end; the original ends with status 1 then.
    Help,
}

/// An understood command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The tool that was called.
    pub tool: Tool,
    /// What it is to do.
    pub action: Action,
    /// The `--set` texts, in order.
    pub set: Vec<String>,
    /// Options given by flags of their own, in order.
    pub flags: Vec<(String, Value)>,
    /// The words of the filter expression.
    pub filter: Vec<String>,
    /// Whether `-q` was given.
    pub quiet: bool,
    /// Whether `-v` was given.
    pub verbose: bool,
}

/// Why the program cannot start with this command line or config file.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A value on the command line.
    #[error("{0}")]
    Option(#[from] OptionError),
    /// A config file.
    #[error("{0}")]
    Config(#[from] ConfigError),
}

impl Invocation {
    pub(super) fn new(tool: Tool) -> Self {
        Self {
            tool,
            action: Action::Run,
            set: Vec::new(),
            flags: Vec::new(),
            filter: Vec::new(),
            quiet: false,
            verbose: false,
        }
    }

    /// Of several listings asked for, one is given.
    pub(super) fn want(&mut self, action: Action) {
        self.action = self.action.max(action);
    }

    pub(super) fn assign(&mut self, name: &str, value: Value) {
        self.flags.retain(|(known, _)| known != name);
        self.flags.push((name.to_owned(), value));
    }

    pub(super) fn append(&mut self, name: &str, text: String) {
        for (known, value) in &mut self.flags {
            if let (true, Value::Seq(items)) = (known == name, value) {
                items.push(text);
                return;
            }
        }
        self.flags.push((name.to_owned(), Value::Seq(vec![text])));
    }

    /// Sets all options: first `--set`, then config files, then flags, then the filter.
    ///
    /// So a config file beats `--set`, and a flag beats both. Returns what each config file set.
    pub fn apply(&self, store: &OptionStore) -> Result<Vec<Loaded>, StartError> {
        store.set_defer(&self.set)?;
        let loaded = store.load_config_dir()?;
        let mut flags = self.flags.clone();
        flags.extend(self.loudness());
        flags.retain(|(name, _)| store.knows(name));
        store.update(flags)?;
        if let Some(filter) = self.filter_expression() {
            let filter = Value::Str(filter);
            store.update(
                ["save_stream_filter", "readfile_filter", "dumper_filter"]
                    .map(|name| (name, filter.clone())),
            )?;
        }
        Ok(loaded)
    }

    /// What `-q` and `-v` set; `-v` wins, and both win over flags, as in the original.
    fn loudness(&self) -> Vec<(String, Value)> {
        let listing = matches!(self.action, Action::Options | Action::Commands);
        let (level, detail) = match (self.verbose, self.quiet || listing) {
            (true, _) => ("debug", 2),
            (false, true) => ("error", 0),
            (false, false) => return Vec::new(),
        };
        vec![
            ("termlog_verbosity".to_owned(), Value::from(level)),
            ("flow_detail".to_owned(), Value::Int(detail)),
        ]
    }

    /// The words of the filter as one expression.
    pub fn filter_expression(&self) -> Option<String> {
        (!self.filter.is_empty()).then(|| self.filter.join(" "))
    }

    /// What to log about the filter before it is used.
    pub fn filter_notice(&self) -> Option<String> {
        (!self.filter.is_empty()).then(|| {
            let words = self.filter.join(" & ");
            format!("Only processing flows that match \"{words}\"")
        })
    }
}
