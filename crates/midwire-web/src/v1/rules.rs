//! Rules: one ordered list over the options that hold them, with those that are switched off.

use std::sync::PoisonError;

use midwire_core::options::{OptionStore, Value};
use midwire_flow::Flow;
use midwire_flow::filter::Filter;
use regex::bytes::Regex;
use serde_json::{Value as Json, json};

use crate::app::App;
use crate::call::{Call, Problem, Reply, blocking, json};

/// Rules that can be given.
const RULES: usize = 1000;

/// Flows whose identifiers a dry run gives.
const SHOWN: usize = 100;

/// The options that hold rules.
const KINDS: [&str; 6] = [
    "map_local",
    "map_remote",
    "modify_headers",
    "modify_body",
    "block_list",
    "intercept",
];

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    kind: &'static str,
    on: bool,
    spec: String,
}

/// The rules that an option holds.
fn specs(options: &OptionStore, kind: &str) -> Vec<String> {
    let value = if kind == "intercept" && !options.load().intercept_active {
        None
    } else {
        options.value(kind)
    };
    match value {
        Some(Value::Seq(specs)) => specs,
        Some(Value::Str(spec)) if !spec.is_empty() => vec![spec],
        _ => Vec::new(),
    }
}

/// The list, brought up to date with the options, which others change too.
fn rules(app: &App) -> Vec<Rule> {
    let options = app.kernel.options();
    let mut known = app.rules.lock().unwrap_or_else(PoisonError::into_inner);
    for kind in KINDS {
        let mut specs = specs(options, kind);
        known.retain_mut(|rule| {
            if rule.kind != kind {
                return true;
            }
            let found = specs.iter().position(|spec| *spec == rule.spec);
            if let Some(at) = found {
                specs.remove(at);
                rule.on = true;
                return true;
            }
            !rule.on
        });
        known.extend(specs.into_iter().map(|spec| Rule {
            kind,
            on: true,
            spec,
        }));
    }
    // An intercept filter that is switched off is a rule that is off.
    let filter = options.load().intercept.clone().unwrap_or_default();
    let listed = known
        .iter()
        .any(|rule| rule.kind == "intercept" && rule.spec == filter);
    if !filter.is_empty() && !listed {
        known.push(Rule {
            kind: "intercept",
            on: false,
            spec: filter,
        });
    }
    known.clone()
}

/// `GET /api/v1/rules`.
pub(crate) async fn get(call: Call) -> Reply {
    let rules = rules(&call.app);
    let list = rules.iter().enumerate().map(|(at, rule)| {
        json!({
            "id": format!("{}-{at}", rule.kind),
            "kind": rule.kind,
            "on": rule.on,
            "spec": rule.spec,
            // The addons do not count.
            "hits": null,
        })
    });
    Ok(json(&json!({ "rules": list.collect::<Vec<_>>() })))
}

/// `PUT /api/v1/rules`: replaces the list, or changes nothing.
pub(crate) async fn put(call: Call) -> Reply {
    let body = call.json()?;
    let list = body["rules"].as_array().or(body.as_array());
    let list = list.filter(|list| list.len() <= RULES);
    let list = list.ok_or_else(|| Problem::bad(format!("expected at most {RULES} rules")))?;
    let mut rules = Vec::new();
    for (index, rule) in list.iter().enumerate() {
        let made = read(rule).map_err(|problem| Problem {
            index: Some(index),
            ..problem
        })?;
        rules.push(made);
    }
    blocking(move || {
        replace(&call.app, rules)?;
        Ok(json(&json!({})))
    })
    .await?
}

fn read(rule: &Json) -> Result<Rule, Problem> {
    Ok(Rule {
        kind: kind(rule["kind"].as_str().unwrap_or_default())?,
        on: rule["on"].as_bool().unwrap_or(true),
        spec: rule["spec"]
            .as_str()
            .ok_or_else(|| Problem::bad("a rule needs a spec"))?
            .to_owned(),
    })
}

fn kind(name: &str) -> Result<&'static str, Problem> {
    let found = KINDS.into_iter().find(|kind| *kind == name);
    found.ok_or_else(|| Problem::bad(format!("there are no rules of kind {name}")))
}

fn value(kind: &str, specs: Vec<String>) -> Value {
    match (kind, specs.into_iter()) {
        ("intercept", mut specs) => specs.next().map_or(Value::Null, Value::Str),
        (_, specs) => Value::Seq(specs.collect()),
    }
}

fn replace(app: &App, rules: Vec<Rule>) -> Result<(), Problem> {
    let options = app.kernel.options();
    let of = |kind: &str| -> Vec<String> {
        let on = rules.iter().filter(|rule| rule.kind == kind && rule.on);
        on.map(|rule| rule.spec.clone()).collect()
    };
    if of("intercept").len() > 1 {
        return Err(Problem::bad(
            "only one intercept rule can be on: join them with |",
        ));
    }
    let changes = KINDS.map(|kind| (kind, value(kind, of(kind))));
    // Only what differs: a new value of intercept would switch it on.
    let changes: Vec<_> = changes
        .into_iter()
        .filter(|(kind, _)| of(kind) != specs(options, kind))
        .collect();
    if let Err(error) = options.update(changes) {
        return Err(blame(options, &rules, &error.to_string()));
    }
    *app.rules.lock().unwrap_or_else(PoisonError::into_inner) = rules;
    Ok(())
}

/// Finds the rule that is refused, and the place in it.
fn blame(options: &OptionStore, rules: &[Rule], error: &str) -> Problem {
    for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.on) {
        let alone = value(rule.kind, vec![rule.spec.clone()]);
        // Prepared, and never published.
        let Err(error) = options.prepare([(rule.kind, alone)]) else {
            continue;
        };
        return Problem {
            index: Some(index),
            position: place(rule),
            ..Problem::bad(error.to_string())
        };
    }
    Problem::bad(error)
}

/// Where the filter of a rule cannot be read, in characters of the rule.
fn place(rule: &Rule) -> Option<usize> {
    let parts = Parts::of(rule.kind, &rule.spec)?;
    let filter = parts.filter?;
    let error = Filter::parse(filter).err()?;
    let before = rule.spec.find(filter).unwrap_or(0) + error.position;
    Some(rule.spec.get(..before)?.chars().count())
}

/// What a specification is made of, as far as it decides which flows it concerns.
struct Parts<'a> {
    filter: Option<&'a str>,
    /// A pattern that URL or content has to match.
    subject: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(kind: &str, spec: &'a str) -> Option<Self> {
        if kind == "intercept" {
            return Some(Self {
                filter: Some(spec),
                subject: None,
            });
        }
        let separator = spec.chars().next()?;
        let parts: Vec<&str> = spec.strip_prefix(separator)?.splitn(3, separator).collect();
        let (filter, subject) = match (kind, parts.as_slice()) {
            ("block_list", [filter, ..]) => (Some(*filter), None),
            (_, [subject, _]) => (None, Some(*subject)),
            (_, [filter, subject, _]) => (Some(*filter), Some(*subject)),
            _ => return None,
        };
        let subject = subject.filter(|_| kind != "modify_headers");
        Some(Self { filter, subject })
    }
}

/// `POST /api/v1/rules/dry-run`: the captured flows that a rule would have concerned.
pub(crate) async fn dry_run(call: Call) -> Reply {
    let body = call.json()?;
    let kind = kind(body["kind"].as_str().unwrap_or_default())?;
    let spec = body["spec"].as_str().unwrap_or_default().to_owned();
    blocking(move || {
        let options = call.app.kernel.options();
        options
            .prepare([(kind, value(kind, vec![spec.clone()]))])
            .map_err(|error| Problem {
                position: place(&Rule {
                    kind,
                    on: true,
                    spec: spec.clone(),
                }),
                ..Problem::bad(error.to_string())
            })?;
        let parts = Parts::of(kind, &spec).ok_or_else(|| Problem::bad("this is no rule"))?;
        let filter = parts
            .filter
            .map(|text| Filter::parse(text).map_err(|error| Problem::filter(text, &error)))
            .transpose()?;
        let subject = parts
            .subject
            .map(Regex::new)
            .transpose()
            .map_err(|error| Problem::bad(super::one_line(&error.to_string())))?;
        let flows = call.app.kernel.store().all();
        let concerned = flows.iter().filter(|flow| {
            filter.as_ref().is_none_or(|filter| filter.matches(flow))
                && subject
                    .as_ref()
                    .is_none_or(|subject| has(flow, kind, subject))
        });
        let ids: Vec<String> = concerned.map(|flow| flow.info().id.to_string()).collect();
        let first: Vec<&String> = ids.iter().take(SHOWN).collect();
        Ok(json(&json!({ "matches": ids.len(), "ids": first })))
    })
    .await?
}

fn has(flow: &Flow, kind: &str, subject: &Regex) -> bool {
    use midwire_flow::HttpMessage as _;
    const BODY: usize = 8 << 20;
    let Flow::Http(http) = flow else {
        return false;
    };
    if kind != "modify_body" {
        return subject.is_match(http.request.pretty_url().as_bytes());
    }
    let matches = |body: Option<midwire_flow::codec::Prefix>| {
        body.is_some_and(|body| subject.is_match(&body.bytes))
    };
    matches(http.request.decoded_prefix(BODY))
        || http
            .response
            .as_ref()
            .is_some_and(|response| matches(response.decoded_prefix(BODY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_have_parts() {
        let check = |kind: &str, spec: &str, expected: Option<(Option<&str>, Option<&str>)>| {
            let got = Parts::of(kind, spec).map(|parts| (parts.filter, parts.subject));
            assert_eq!(got, expected, "{kind} {spec}");
        };
        check("intercept", "~u a", Some((Some("~u a"), None)));
        check("map_remote", "|a|b", Some((None, Some("a"))));
        check(
            "map_local",
            "|~m GET|a|/b",
            Some((Some("~m GET"), Some("a"))),
        );
        check("modify_headers", "/~q/A/b", Some((Some("~q"), None)));
        check("block_list", "/~d a/404", Some((Some("~d a"), None)));
        check("map_remote", "|a", None);
        check("map_remote", "", None);
        let rule = |spec: &str| Rule {
            kind: "map_remote",
            on: true,
            spec: spec.to_owned(),
        };
        assert_eq!(place(&rule("|~zz|a|b")), Some(1));
    }
}
