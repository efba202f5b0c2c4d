//! Which key does what where.

mod context;
mod table;
mod yaml;

use std::path::Path;

pub(crate) use context::Context;
pub(crate) use yaml::KeysError;

/// Bindings that there may be. A file with more is a mistake.
const LIMIT: usize = 10_000;

/// One key in some contexts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) key: String,
    pub(crate) command: String,
    pub(crate) contexts: Vec<Context>,
    pub(crate) help: String,
}

/// All key bindings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keymap {
    bindings: Vec<Binding>,
}

impl Keymap {
    /// The default keys.
    pub(crate) fn defaults() -> Self {
        let mut keymap = Self::default();
        for row in table::KEYS {
            keymap.add(row.key, row.command, row.contexts, row.help);
        }
        keymap
    }

    /// All bindings in the order in which they were made.
    pub(crate) fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// Bindings of a context, without those of the global one.
    pub(crate) fn of(&self, context: Context) -> impl Iterator<Item = &Binding> {
        let holds = move |binding: &&Binding| binding.contexts.contains(&context);
        self.bindings.iter().filter(holds)
    }

    /// What a key does in this very context.
    pub(crate) fn find(&self, context: Context, key: &str) -> Option<&Binding> {
        self.of(context).find(|binding| binding.key == key)
    }

    /// What a key does in a context, or everywhere.
    pub(crate) fn lookup(&self, context: Context, key: &str) -> Option<&Binding> {
        self.find(context, key)
            .or_else(|| self.find(Context::Global, key))
    }

    /// The first key of a command in a context, or everywhere.
    pub(crate) fn key_of(&self, context: Context, command: &str) -> Option<&str> {
        let fits = |binding: &&Binding| binding.command.trim() == command.trim();
        let own = self.of(context).find(fits);
        let binding = own.or_else(|| self.of(Context::Global).find(fits))?;
        Some(&binding.key)
    }

    /// Binds a key; what it did in these contexts is forgotten. The same key and command in further contexts is one
    /// binding.
    pub(crate) fn add(&mut self, key: &str, command: &str, contexts: &[Context], help: &str) {
        self.remove(key, contexts);
        let same = |binding: &&mut Binding| binding.key == key && binding.command == command;
        if let Some(binding) = self.bindings.iter_mut().find(same) {
            for context in contexts {
                if !binding.contexts.contains(context) {
                    binding.contexts.push(*context);
                }
            }
            binding.contexts.sort_unstable();
            return;
        }
        if self.bindings.len() < LIMIT {
            self.bindings.push(Binding {
                key: key.to_owned(),
                command: command.to_owned(),
                contexts: contexts.to_vec(),
                help: help.to_owned(),
            });
        }
    }

    /// Forgets what a key does in these contexts.
    pub(crate) fn remove(&mut self, key: &str, contexts: &[Context]) {
        for binding in &mut self.bindings {
            if binding.key == key {
                binding
                    .contexts
                    .retain(|context| !contexts.contains(context));
            }
        }
        self.bindings.retain(|binding| !binding.contexts.is_empty());
    }

    /// Adds the bindings of a file; of one with a mistake, none.
    pub(crate) fn load(&mut self, path: &Path) -> Result<(), KeysError> {
        let bytes = std::fs::read(path).map_err(|error| KeysError::Read(error.to_string()))?;
        let text =
            String::from_utf8(bytes).map_err(|error| KeysError::Encoding(error.to_string()))?;
        self.load_text(&text)
    }

    fn load_text(&mut self, text: &str) -> Result<(), KeysError> {
        for entry in yaml::parse(text)? {
            self.add(&entry.key, &entry.command, &entry.contexts, &entry.help);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_keys_go_before_global_ones() {
        let keymap = Keymap::defaults();
        let command = |context, key| keymap.lookup(context, key).map(|b| b.command.as_str());
        assert_eq!(command(Context::Help, "?"), Some("console.view.pop"));
        assert_eq!(command(Context::FlowList, "?"), Some("console.view.help"));
        assert_eq!(command(Context::FlowView, "space"), Some("view.focus.next"));
        assert_eq!(
            command(Context::FlowList, "space"),
            Some("console.nav.pagedown")
        );
        assert_eq!(command(Context::FlowList, "f1"), None);
        assert_eq!(
            keymap.key_of(Context::FlowList, "flow.mark.toggle @focus"),
            Some("m")
        );
    }

    #[test]
    fn no_key_has_two_meanings_in_one_context() {
        let keymap = Keymap::defaults();
        let rows: usize = table::KEYS.iter().map(|row| row.contexts.len()).sum();
        let bound: usize = keymap.bindings().iter().map(|b| b.contexts.len()).sum();
        assert_eq!(rows, bound);
        for row in table::KEYS {
            let name = midwire_core::commands::words(row.command).remove(0);
            assert!(midwire_core::commands::declared(&name).is_some(), "{name}");
        }
    }

    #[test]
    fn files_replace_and_merge() {
        let mut keymap = Keymap::defaults();
        let text = "- key: m\n  ctx: [flowlist]\n  cmd: flow.comment @focus x\n  help: >\n    two\n    lines\n\
                    - key: ctrl x\n  cmd: view.clear\n";
        keymap.load_text(text).unwrap();
        let m = keymap.find(Context::FlowList, "m").unwrap();
        assert_eq!(m.command, "flow.comment @focus x");
        assert!(keymap.find(Context::FlowView, "m").is_some(), "others stay");
        keymap.add("ctrl x", "view.clear", &[Context::FlowList], "");
        let merged: Vec<_> = keymap
            .bindings()
            .iter()
            .filter(|b| b.key == "ctrl x")
            .collect();
        assert_eq!(merged[0].contexts, [Context::FlowList, Context::Global]);
        assert!(keymap.load_text("").is_ok() && keymap.load_text("# nothing").is_ok());
    }

    #[test]
    fn mistakes_are_named() {
        let check = |text: &str, expected: &str| {
            let error = Keymap::default().load_text(text).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(
            "key: m",
            "Invalid keybinding config - expected a list of keys",
        );
        check("- 1", "Invalid keybinding config - expected a list of keys");
        check(
            "- key: a\n  foo: b\n  cmd: c",
            "Unknown key attributes: {'foo'}",
        );
        check(
            "- ctx: [global]",
            "Missing required key attributes: {'cmd', 'key'}",
        );
        check("- key: 1\n  cmd: a", "Invalid type for key");
        check("- key: a\n  cmd: b\n  ctx: c", "Invalid type for ctx");
        check("- key: a\n  cmd: b\n  ctx: [no]", "Unsupported context: no");
        check(
            "- key: a\n  cmd: b\n  ctx: []",
            "Must specify at least one context.",
        );
        let error = Keymap::default()
            .load_text("- key: a\n  cmd: [")
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("Key binding config error at line"),
            "{error}"
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"- key: \xff").unwrap();
        let error = Keymap::default().load(file.path()).unwrap_err();
        assert!(error.to_string().starts_with("Encoding error"), "{error}");
        assert!(matches!(
            Keymap::default().load(Path::new("/nonexistent/x")),
            Err(KeysError::Read(_))
        ));
    }
}
