//! Replaces text in content (option `modify_body`).

use std::borrow::Cow;
use std::sync::Arc;

use arc_swap::ArcSwap;
use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, FlowRef, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options};
use midwire_flow::pattern::{Flags, Pattern, Template};
use midwire_flow::{HttpFlow, HttpMessage};

use crate::condition::Condition;
use crate::heavy::Work;
use crate::rules::{Parts, Replacement, RuleError, is_open, parse_all, repr, runs, unescape};
use crate::stream_rewrite::{self, Rewriter};

/// Changes decoded content by rules, one after another.
#[derive(Default)]
pub struct ModifyBody {
    rules: ArcSwap<Vec<Rule>>,
}

struct Rule {
    condition: Condition,
    pattern: Pattern,
    replacement: Replacement,
}

impl Rule {
    fn parse(spec: &str) -> Result<Self, RuleError> {
        let parts = Parts::split(spec)?;
        let subject = unescape(parts.subject)?;
        let flags = Flags {
            dotall: true,
            ..Flags::default()
        };
        let pattern = Pattern::bytes(&subject, flags).map_err(|error| RuleError::Pattern {
            subject: repr(bytes::Bytes::from(subject)),
            error,
        })?;
        Ok(Self {
            condition: parts.condition,
            pattern,
            replacement: Replacement::parse(parts.replacement)?,
        })
    }

    /// `None` if the replacement cannot be read.
    fn for_stream(&self) -> Option<stream_rewrite::Rule> {
        Some(stream_rewrite::Rule {
            pattern: self.pattern.clone(),
            replacement: Template::literal(self.replacement.read_or_warn()?),
        })
    }

    fn apply(&self, message: &mut impl HttpMessage, limit: usize) {
        let content = match message.decoded(limit) {
            Ok(Some(content)) => content,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!("modify_body leaves content as it is: {error}");
                return;
            }
        };
        if !self.pattern.is_match(&content) {
            return;
        }
        let Some(replacement) = self.replacement.read_or_warn() else {
            return;
        };
        let template = Template::literal(replacement);
        if let Cow::Owned(changed) = self.pattern.replace_all(&content, &template) {
            message.set_content(changed);
        }
    }
}

impl ModifyBody {
    /// What the rules do to this content while it passes; asked when the head is known.
    ///
    /// `None` if no rule applies, if one needs the whole content, or if the content has a coding that we do not know.
    pub fn rewriter(&self, flow: &HttpFlow, part: Part) -> Option<Rewriter> {
        let rules = self.rules.load();
        if rules.iter().any(|rule| rule.condition.reads_content()) {
            return None;
        }
        let applying: Vec<&Rule> = rules
            .iter()
            .filter(|rule| rule.condition.admits_http(flow))
            .collect();
        if applying.is_empty() {
            return None;
        }
        let fields = match (part, &flow.response) {
            (Part::Request, _) => &flow.request.fields,
            (Part::Response, Some(response)) => &response.fields,
            (Part::Response, None) => return None,
        };
        let codings = fields.get_folded("content-encoding").unwrap_or_default();
        let rules = applying.into_iter().filter_map(Rule::for_stream).collect();
        Rewriter::new(rules, &codings).ok()
    }

    fn run(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        let limit = kernel.options().load().content_decode_limit.as_usize();
        for rule in self.rules.load().iter() {
            if !rule.condition.admits_http(flow) {
                continue;
            }
            match &mut flow.response {
                Some(response) => rule.apply(response, limit),
                None => rule.apply(&mut flow.request, limit),
            }
        }
    }
}

impl Addon for ModifyBody {
    fn name(&self) -> &'static str {
        "modifybody"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.modify_body.is_empty() {
            return HookSet::EMPTY;
        }
        HookSet::of(&[Hook::Request, Hook::Response]).union(HookSet::CONTENT)
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        if changed.contains("modify_body") {
            let rules = parse_all("modify_body", &options.modify_body, Rule::parse)?;
            self.rules.store(Arc::new(rules));
        }
        let both = !options.modify_body.is_empty() && options.stream_large_bodies.is_some();
        if both && (changed.contains("modify_body") || changed.contains("stream_large_bodies")) {
            tracing::info!(
                alert = true,
                "Both modify_body and stream_large_bodies are active. Streamed bodies will not be modified."
            );
        }
        Ok(())
    }

    fn content_need(&self, _: &Kernel, flow: &HttpFlow, _: Part) -> ContentNeed {
        // The head is known now. Rules that look at content can only be decided when it is there.
        let may_apply = self
            .rules
            .load()
            .iter()
            .any(|rule| rule.condition.reads_content() || rule.condition.admits_http(flow));
        if may_apply {
            ContentNeed::Whole
        } else {
            ContentNeed::Nothing
        }
    }

    fn request(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        if is_open(flow) {
            Work::on(FlowRef::Http(flow)).run(|| self.run(kernel, flow));
        }
    }

    fn response(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        if runs(flow) {
            Work::on(FlowRef::Http(flow)).run(|| self.run(kernel, flow));
        }
    }
}

#[cfg(test)]
mod tests {
    use midwire_flow::Response;
    use midwire_wire::Fields;

    use super::*;
    use crate::testing::{http_flow, kernel_with};

    #[test]
    fn content_follows_the_rules() {
        let check = |rules: &[&str], expected: &str| {
            let addon = Arc::new(ModifyBody::default());
            let kernel = kernel_with(addon.clone(), "modify_body", rules).unwrap();
            let mut flow = http_flow("POST http://example.com/a");
            flow.request.set_content("one\ntwo two");
            addon.request(&kernel, &mut flow);
            let content = flow.request.content.bytes().unwrap();
            assert_eq!(content, expected, "{rules:?}");
            let length = flow.request.fields.get("content-length").unwrap();
            assert_eq!(length, expected.len().to_string().as_bytes());
        };
        check(&["/two/2"], "one\n2 2");
        check(&["/one.two/x"], "x two");
        check(&[r"/two/\1\\1"], "one\n\u{1}\\1 \u{1}\\1");
        check(&["/~s/two/2"], "one\ntwo two");
        check(&["/~b one/two/2", "/2 2/3"], "one\n3");
        check(&["/~u nowhere/two/2"], "one\ntwo two");
    }

    #[test]
    fn coded_content_is_changed_inside() {
        let addon = Arc::new(ModifyBody::default());
        let kernel = kernel_with(addon.clone(), "modify_body", &["/two/three"]).unwrap();
        let mut flow = http_flow("GET http://example.com/a");
        let fields = Fields::from_pairs([("content-encoding", "gzip")]);
        let mut response = Response::make(200, "", fields);
        response.set_content("one two");
        flow.response = Some(response);
        addon.response(&kernel, &mut flow);
        let response = flow.response.unwrap();
        assert_eq!(response.decoded(1000).unwrap().unwrap(), "one three");
        assert_eq!(response.fields.get("content-encoding"), Some(&b"gzip"[..]));
    }

    #[test]
    fn content_is_held_back_only_where_a_rule_may_apply() {
        let check = |rule: &str, expected| {
            let addon = Arc::new(ModifyBody::default());
            let kernel = kernel_with(addon.clone(), "modify_body", &[rule]).unwrap();
            let flow = http_flow("GET http://example.com/a");
            assert_eq!(addon.content_need(&kernel, &flow, Part::Request), expected);
        };
        check("/a/b", ContentNeed::Whole);
        check("/~s/a/b", ContentNeed::Nothing);
        check("/~u example/a/b", ContentNeed::Whole);
        check("/~u other/a/b", ContentNeed::Nothing);
        check("/~bs x/a/b", ContentNeed::Whole);
    }

    #[test]
    fn content_is_changed_while_it_passes_where_that_can_be() {
        let check = |rules: &[&str], coding: &str, expected: Option<&str>| {
            let addon = Arc::new(ModifyBody::default());
            kernel_with(addon.clone(), "modify_body", rules).unwrap();
            let mut flow = http_flow("GET http://example.com/a");
            let mut response = Response::make(200, "", Fields::new());
            response.fields.set("content-encoding", coding.to_owned());
            flow.response = Some(response);
            let found = addon.rewriter(&flow, Part::Response).map(|mut rewriter| {
                let mut out = rewriter.push(b"one t").unwrap();
                out.extend(rewriter.push(b"wo two").unwrap());
                out.extend(rewriter.finish().unwrap());
                String::from_utf8(out).unwrap()
            });
            assert_eq!(found.as_deref(), expected, "{rules:?}");
        };
        check(&["/two/2", "/2 2/x"], "", Some("one x"));
        check(&["/~u example/two/2"], "identity", Some("one 2 2"));
        check(&["/~u other/two/2"], "", None);
        check(&["/~b one/two/2"], "", None);
        check(&["/two/2", "/t.*/x"], "", None);
        check(&["/two/2"], "unknown", None);
    }

    #[test]
    fn bad_rules_are_refused() {
        let addon = Arc::new(ModifyBody::default());
        let error = kernel_with(addon, "modify_body", &["/(/x"]).err().unwrap();
        let start = "Cannot parse modify_body option /(/x: Invalid regular expression b'(' (";
        assert!(error.starts_with(start), "{error}");
    }
}
