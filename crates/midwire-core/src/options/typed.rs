//! Access to options by name, over the typed struct and the run-time part alike.

use super::{
    Options,
    error::OptionError,
    scripted::Definition,
    spec::OptionSpec,
    table::SPECS,
    value::{Misfit, Value},
};

/// The row of a built-in option.
pub fn spec(name: &str) -> Option<&'static OptionSpec> {
    let at = SPECS.binary_search_by(|spec| spec.name.cmp(name)).ok()?;
    SPECS.get(at)
}

impl Options {
    /// The value of an option, built in or declared by a script.
    pub fn value(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.scripted.value(name) {
            return Some(value.clone());
        }
        Some((spec(name)?.read)(self))
    }

    /// Sets an option by name, with its type and choices checked.
    ///
    /// Nobody is told: this is for building a state. Running programs use [`OptionStore`](super::OptionStore).
    pub fn assign(&mut self, name: &str, value: Value) -> Result<(), OptionError> {
        if self.scripted.value(name).is_some() {
            return self.assign_scripted(name, value);
        }
        let Some(spec) = spec(name) else {
            return Err(OptionError::Unknown(vec![name.to_owned()]));
        };
        if let Value::Str(text) = &value
            && !spec.meta.open
            && !spec.meta.choices.is_empty()
            && !spec.meta.choices.contains(&text.as_str())
        {
            let choices = spec.meta.choices.iter().map(|&s| s.to_owned()).collect();
            return Err(bad_choice(name, text, choices));
        }
        let given = value.clone();
        (spec.write)(self, value).map_err(|misfit| match misfit {
            Misfit::Type => OptionError::Type {
                name: name.to_owned(),
                expected: spec.kind.name(),
                got: given.type_name(),
            },
            Misfit::Size => OptionError::Size {
                name: name.to_owned(),
                text: match given {
                    Value::Str(text) => text,
                    Value::Int(number) => number.to_string(),
                    other => other.type_name().to_owned(),
                },
            },
        })
    }

    fn assign_scripted(&mut self, name: &str, value: Value) -> Result<(), OptionError> {
        if let Some(definition) = self.scripted.definition(name) {
            check(definition, &value)?;
        }
        self.scripted.set(name, value);
        Ok(())
    }

    /// What is known about an option, as it is declared at present.
    pub fn definition(&self, name: &str) -> Option<Definition> {
        if let Some(definition) = self.scripted.definition(name) {
            return Some(definition.as_ref().clone());
        }
        spec(name).map(Definition::builtin)
    }
}

/// Checks a value against a definition made at run time.
pub(super) fn check(definition: &Definition, value: &Value) -> Result<(), OptionError> {
    if !definition.kind.accepts(value) {
        return Err(OptionError::Type {
            name: definition.name.clone(),
            expected: definition.kind.name(),
            got: value.type_name(),
        });
    }
    match value {
        Value::Str(text)
            if !definition.choices.is_empty() && !definition.choices.contains(text) =>
        {
            Err(bad_choice(
                &definition.name,
                text,
                definition.choices.clone(),
            ))
        }
        _ => Ok(()),
    }
}

fn bad_choice(name: &str, value: &str, choices: Vec<String>) -> OptionError {
    if name == "view_order" {
        return OptionError::Refused(format!("Unknown flow order: {value}"));
    }
    OptionError::Choice {
        name: name.to_owned(),
        value: value.to_owned(),
        choices,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Kind;

    #[test]
    fn table_is_sorted_and_consistent() {
        for pair in SPECS.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
        let defaults = Options::default();
        for spec in SPECS {
            let value = (spec.read)(&defaults);
            assert!(spec.kind.accepts(&value), "{}", spec.name);
            let mut copy = Options::default();
            copy.assign(spec.name, value.clone()).unwrap();
            if spec.kind == Kind::Size {
                assert_ne!(value, Value::from("0"), "{}", spec.name);
            }
            if let Value::Str(text) = &value
                && !spec.meta.choices.is_empty()
            {
                assert!(spec.meta.choices.contains(&text.as_str()), "{}", spec.name);
            }
            let is_switch = spec.kind == Kind::Bool;
            if let Some(flag) = spec.meta.flag {
                assert_eq!(flag.metavar.is_empty(), is_switch, "{}", spec.name);
            }
        }
    }

    #[test]
    fn assignment_checks_type_choice_and_size() {
        let check = |name: &str, value: Value, expected: &str| {
            let error = Options::default().assign(name, value).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(
            "listen_port",
            Value::from("a"),
            "Expected optional int for listen_port, but got str.",
        );
        check(
            "http2",
            Value::Int(1),
            "Expected bool for http2, but got int.",
        );
        check(
            "body_size_limit",
            Value::from("1x"),
            "Invalid body_size_limit specification: 1x",
        );
        check("nope", Value::Null, "Unknown option(s): nope");
        check(
            "connection_strategy",
            Value::from("x"),
            "Invalid value for connection_strategy: 'x' (choose from 'eager', 'lazy')",
        );
        check("view_order", Value::from("x"), "Unknown flow order: x");
    }
}
