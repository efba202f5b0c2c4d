//! The `name=value` notation of `--set` and of the command `set`.

use super::{
    error::OptionError,
    value::{Kind, Value},
};

/// Texts given for one option, in order; none for a bare name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

/// Groups `name=value` texts by name, in the order of first appearance.
pub(super) fn group<S: AsRef<str>>(specs: &[S]) -> Vec<Assignment> {
    let mut groups: Vec<Assignment> = Vec::new();
    for spec in specs {
        let (name, value) = match spec.as_ref().split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (spec.as_ref(), None),
        };
        let values = value.map(str::to_owned);
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.values.extend(values),
            None => groups.push(Assignment {
                name: name.to_owned(),
                values: values.into_iter().collect(),
            }),
        }
    }
    groups
}

/// Turns texts into a native value of `kind`; `current` is what `toggle` inverts.
pub(super) fn convert(
    assignment: &Assignment,
    kind: Kind,
    current: &Value,
) -> Result<Value, OptionError> {
    let Assignment { name, values } = assignment;
    if kind == Kind::Seq {
        return Ok(Value::Seq(values.clone()));
    }
    let text = match values.as_slice() {
        [] => None,
        [text] => Some(text.as_str()),
        _ => {
            return Err(OptionError::Multiple {
                name: name.clone(),
                values: values.clone(),
            });
        }
    };
    match kind {
        Kind::Bool => switch(name, text, current),
        Kind::Int | Kind::OptInt => number(name, text, kind),
        _ => match text {
            Some(text) => Ok(Value::Str(text.to_owned())),
            None if kind.is_optional() => Ok(Value::Null),
            None => Err(OptionError::Required(name.clone())),
        },
    }
}

fn switch(name: &str, text: Option<&str>, current: &Value) -> Result<Value, OptionError> {
    match text {
        None | Some("" | "true") => Ok(Value::Bool(true)),
        Some("false") => Ok(Value::Bool(false)),
        Some("toggle") => Ok(Value::Bool(*current != Value::Bool(true))),
        Some(text) => Err(OptionError::NotABool {
            name: name.to_owned(),
            text: text.to_owned(),
        }),
    }
}

fn number(name: &str, text: Option<&str>, kind: Kind) -> Result<Value, OptionError> {
    match text {
        None | Some("") if kind.is_optional() => Ok(Value::Null),
        None | Some("") => Err(OptionError::Required(name.to_owned())),
        Some(text) => text
            .trim()
            .parse()
            .map(Value::Int)
            .map_err(|_| OptionError::NotAnInteger {
                name: name.to_owned(),
                text: text.to_owned(),
            }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn converted(kind: Kind, specs: &[&str]) -> Result<Value, String> {
        let groups = group(specs);
        assert_eq!(groups.len(), 1);
        convert(&groups[0], kind, &Value::Bool(true)).map_err(|error| error.to_string())
    }

    #[test]
    fn forms_of_each_kind() {
        let check = |kind, specs: &[&str], expected: Value| {
            assert_eq!(converted(kind, specs), Ok(expected), "{kind:?} {specs:?}");
        };
        check(Kind::Bool, &["x"], Value::Bool(true));
        check(Kind::Bool, &["x="], Value::Bool(true));
        check(Kind::Bool, &["x=false"], Value::Bool(false));
        check(Kind::Bool, &["x=toggle"], Value::Bool(false));
        check(Kind::Int, &["x=12"], Value::Int(12));
        check(Kind::Int, &["x= +5 "], Value::Int(5));
        check(Kind::OptInt, &["x"], Value::Null);
        check(Kind::OptInt, &["x="], Value::Null);
        check(Kind::OptStr, &["x"], Value::Null);
        check(Kind::OptStr, &["x="], Value::from(""));
        check(Kind::Str, &["x="], Value::from(""));
        check(Kind::Str, &["x=a=b"], Value::from("a=b"));
        check(Kind::Seq, &["x"], Value::Seq(vec![]));
        check(Kind::Seq, &["x="], Value::Seq(vec![String::new()]));
        let both = Value::Seq(vec!["a".into(), "b".into()]);
        check(Kind::Seq, &["x=a", "x=b"], both);
    }

    #[test]
    fn refusals_of_each_kind() {
        let check = |kind, specs: &[&str], expected: &str| {
            assert_eq!(converted(kind, specs), Err(expected.to_owned()));
        };
        check(Kind::Int, &["x"], "Option is required: x");
        check(Kind::Int, &["x="], "Option is required: x");
        check(Kind::Str, &["x"], "Option is required: x");
        check(
            Kind::Int,
            &["x=abc"],
            "Failed to parse option x: not an integer: abc",
        );
        check(
            Kind::Int,
            &["x=1", "x=2"],
            "Received multiple values for x: ['1', '2']",
        );
        assert!(converted(Kind::Bool, &["x=maybe"]).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(specs in proptest::collection::vec(".*", 0..4)) {
            for assignment in group(&specs) {
                for kind in [Kind::Bool, Kind::Int, Kind::OptInt, Kind::Str, Kind::OptStr, Kind::Seq] {
                    if let Ok(value) = convert(&assignment, kind, &Value::Null) {
                        prop_assert!(kind.accepts(&value));
                    }
                }
            }
        }

        #[test]
        fn lists_keep_their_elements(values in proptest::collection::vec(".*", 1..5)) {
            let specs: Vec<String> = values.iter().map(|value| format!("mode={value}")).collect();
            let groups = group(&specs);
            prop_assert_eq!(&groups[0].values, &values);
        }
    }
}
