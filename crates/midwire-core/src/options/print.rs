//! The listing of `--options`: a config file with every default and an explanation.

use super::wrap::wrap;
use super::{scripted::Definition, store::OptionStore, yaml};

impl OptionStore {
    /// All options with their defaults as annotated YAML.
    pub fn annotated_defaults(&self) -> String {
        self.definitions().iter().map(annotated).collect()
    }
}

fn annotated(definition: &Definition) -> String {
    let mut out = String::from("\n");
    for line in wrap(&explanation(definition), 70) {
        out.push_str("# ");
        out.push_str(&line);
        out.push('\n');
    }
    out.push_str(&yaml::entry(&definition.name, &definition.default));
    out
}

/// The help text followed by the values that are possible.
pub(super) fn explanation(definition: &Definition) -> String {
    let values = if definition.choices.is_empty() {
        format!("Type {}.", definition.kind.name())
    } else {
        let choices: Vec<String> = definition
            .choices
            .iter()
            .map(|choice| format!("'{choice}'"))
            .collect();
        format!("Valid values are {}.", choices.join(", "))
    };
    format!("{} {values}", definition.help.trim())
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Tool;

    #[test]
    fn listing_is_a_config_file_of_all_defaults() {
        for tool in [Tool::Dump, Tool::Console, Tool::Web] {
            let store = OptionStore::new(tool);
            let text = store.annotated_defaults();
            assert!(text.starts_with("\n# Send clients the certificates"));
            let entries = yaml::parse(&text).unwrap();
            assert_eq!(entries.len(), store.definitions().len());
            for (entry, definition) in entries.iter().zip(store.definitions()) {
                assert_eq!(entry.key, definition.name);
                assert_eq!(entry.value, yaml::Item::Plain(definition.default));
            }
            assert!(text.lines().all(|line| line.chars().count() <= 72));
        }
    }

    #[test]
    fn comments_end_with_type_or_values() {
        let text = OptionStore::new(Tool::Web).annotated_defaults();
        assert!(text.contains("compression. Type bool.\nanticomp: false\n"));
        assert!(text.contains("'debug'.\ntermlog_verbosity: info\n"));
        assert!(text.contains("\nbody_size_limit:\n"));
        assert!(text.contains("\nhardump: ''\n"));
        assert!(text.contains("\nconfdir: ~/.mitmproxy\n"));
        assert!(text.contains("\nmode:\n- regular\n"));
    }
}
