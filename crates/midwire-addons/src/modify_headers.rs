//! Sets and removes fields (option `modify_headers`).

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options};
use midwire_flow::HttpFlow;

use crate::condition::Condition;
use crate::rules::{
    Parts, Replacement, RuleError, check_field_value, field_name, is_open, parse_all, runs,
};

/// Changes header sections by rules.
#[derive(Default)]
pub struct ModifyHeaders {
    rules: ArcSwap<Vec<Rule>>,
}

struct Rule {
    condition: Condition,
    name: Bytes,
    value: Replacement,
}

impl Rule {
    fn parse(spec: &str) -> Result<Self, RuleError> {
        let parts = Parts::split(spec)?;
        let value = Replacement::parse(parts.replacement)?;
        if let Replacement::Text(text) = &value {
            check_field_value(&without_line_end(text))?;
        }
        Ok(Self {
            condition: parts.condition,
            name: field_name(parts.subject)?,
            value,
        })
    }
}

/// A value without the line end that files have, which is not meant.
fn without_line_end(value: &Bytes) -> Bytes {
    let end = value.iter().rposition(|b| !matches!(b, b'\r' | b'\n'));
    value.slice(..end.map_or(0, |at| at + 1))
}

impl ModifyHeaders {
    fn run(&self, flow: &mut HttpFlow, part: Part) {
        let rules = self.rules.load();
        // All filters look at the flow as it came.
        let applying: Vec<&Rule> = rules
            .iter()
            .filter(|rule| rule.condition.admits_http(flow))
            .collect();
        let fields = match (part, &mut flow.response) {
            (Part::Request, _) => &mut flow.request.fields,
            (Part::Response, Some(response)) => &mut response.fields,
            (Part::Response, None) => return,
        };
        for rule in &applying {
            fields.remove(&rule.name);
        }
        for rule in &applying {
            let Some(value) = rule.value.read_or_warn() else {
                continue;
            };
            let value = without_line_end(&value);
            if value.is_empty() {
                continue;
            }
            match check_field_value(&value) {
                Ok(()) => fields.append(rule.name.clone(), value),
                Err(error) => tracing::warn!("modify_headers: {error}"),
            }
        }
    }
}

impl Addon for ModifyHeaders {
    fn name(&self) -> &'static str {
        "modifyheaders"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.modify_headers.is_empty() {
            return HookSet::EMPTY;
        }
        HookSet::of(&[Hook::Requestheaders, Hook::Responseheaders]).union(HookSet::CONTENT)
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        if changed.contains("modify_headers") {
            let rules = parse_all("modify_headers", &options.modify_headers, Rule::parse)?;
            self.rules.store(Arc::new(rules));
        }
        Ok(())
    }

    fn content_need(&self, _: &Kernel, _: &HttpFlow, part: Part) -> ContentNeed {
        // Rules for responses may look at the request, which must then have been kept.
        self.rules
            .load()
            .iter()
            .map(|rule| match part {
                Part::Request => rule.condition.content_need(part),
                Part::Response => ContentNeed::Nothing,
            })
            .max()
            .unwrap_or_default()
    }

    fn requestheaders(&self, _: &Kernel, flow: &mut HttpFlow) {
        if is_open(flow) {
            self.run(flow, Part::Request);
        }
    }

    fn responseheaders(&self, _: &Kernel, flow: &mut HttpFlow) {
        if runs(flow) {
            self.run(flow, Part::Response);
        }
    }
}

#[cfg(test)]
mod tests {
    use midwire_flow::Response;
    use midwire_wire::Fields;

    use super::*;
    use crate::testing::{http_flow, kernel_with};

    fn shown(fields: &Fields) -> String {
        let lines: Vec<String> = fields
            .iter()
            .map(|(n, v)| format!("{}={}", n.escape_ascii(), v.escape_ascii()))
            .collect();
        lines.join(" ")
    }

    #[test]
    fn request_fields_follow_the_rules() {
        let check = |rules: &[&str], expected: &str| {
            let addon = Arc::new(ModifyHeaders::default());
            let kernel = kernel_with(addon.clone(), "modify_headers", rules).unwrap();
            let mut flow = http_flow("GET http://example.com/a");
            flow.request.fields = Fields::from_pairs([("A", "1"), ("b", "2"), ("a", "3")]);
            addon.requestheaders(&kernel, &mut flow);
            assert_eq!(shown(&flow.request.fields), expected, "{rules:?}");
        };
        check(&["/a/x"], "b=2 a=x");
        check(&["/a/"], "b=2");
        check(&["/a/x", "/a/y"], "b=2 a=x a=y");
        check(&["/~m POST/a/x"], "A=1 b=2 a=3");
        check(&["/~hq b/a/x", "/b/"], "a=x");
        check(&["/c/\\x41\\n"], "A=1 b=2 a=3 c=A");
    }

    #[test]
    fn response_fields_follow_rules_for_responses() {
        let addon = Arc::new(ModifyHeaders::default());
        let kernel = kernel_with(addon.clone(), "modify_headers", &["/~s/a/x"]).unwrap();
        let mut flow = http_flow("GET http://example.com/a");
        addon.requestheaders(&kernel, &mut flow);
        assert!(!flow.request.fields.contains("a"));
        flow.response = Some(Response::make(200, "", Fields::new()));
        addon.responseheaders(&kernel, &mut flow);
        assert_eq!(flow.response.unwrap().fields.get("a"), Some(&b"x"[..]));
    }
}
