//! Replaces text in content (option `modify_body`).

use std::borrow::Cow;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use midwire_core::hooks::{Addon, ContentNeed, FlowRef, Hook, HookSet, Part, StreamFilter};
use midwire_core::options::{Changed, Options};
use midwire_core::{BoxFuture, Kernel};
use midwire_flow::codec::CodecError;
use midwire_flow::pattern::{Flags, Pattern, Template};
use midwire_flow::{HttpFlow, HttpMessage};
use midwire_wire::Fields;

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
            subject: repr(Bytes::from(subject)),
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

/// What is to be done with the content of a message.
enum Plan {
    /// No rule applies.
    Nothing,
    /// Rules run over it while it passes.
    Live(Box<Rewriter>),
    /// It must be there as a whole, for this reason.
    Whole(String),
}

impl ModifyBody {
    /// What the rules do to this content; asked when the head is known.
    fn plan(&self, flow: &HttpFlow, part: Part) -> Plan {
        let rules = self.rules.load();
        let applying: Vec<&Rule> = rules
            .iter()
            .filter(|rule| rule.condition.reads_content() || rule.condition.admits_http(flow))
            .collect();
        if applying.is_empty() {
            return Plan::Nothing;
        }
        if applying.iter().any(|rule| rule.condition.reads_content()) {
            return Plan::Whole("its filter looks at content".to_owned());
        }
        let Some(fields) = fields(flow, part) else {
            return Plan::Nothing;
        };
        let codings = fields.get_folded("content-encoding").unwrap_or_default();
        let rules = applying.into_iter().filter_map(Rule::for_stream).collect();
        match Rewriter::new(rules, &codings) {
            Ok(rewriter) => Plan::Live(Box::new(rewriter)),
            Err(error) => Plan::Whole(error.to_string()),
        }
    }

    fn run(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        let passed = match flow.response {
            Some(_) => flow.info.passed.response,
            None => flow.info.passed.request,
        };
        // What has gone on was changed on its way, or the log says why not.
        if passed {
            return;
        }
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
                "Both modify_body and stream_large_bodies are active. Streamed bodies are modified only by rules that can run while they pass."
            );
        }
        Ok(())
    }

    fn content_need(&self, _: &Kernel, flow: &HttpFlow, part: Part) -> ContentNeed {
        match self.plan(flow, part) {
            Plan::Nothing => ContentNeed::Nothing,
            // It costs little and keeps its length.
            Plan::Live(_) if is_small(flow, part) => ContentNeed::Whole,
            Plan::Live(_) => ContentNeed::Nothing,
            Plan::Whole(why) => {
                let url = flow.request.url();
                tracing::debug!(
                    "modify_body holds the whole {} of {url} back: {why}",
                    name(part)
                );
                ContentNeed::Whole
            }
        }
    }

    fn stream_filter(
        &self,
        _: &Kernel,
        flow: &HttpFlow,
        part: Part,
    ) -> Option<Box<dyn StreamFilter>> {
        match self.plan(flow, part) {
            Plan::Live(rewriter) => Some(Box::new(Live(Some(rewriter)))),
            Plan::Whole(why) if may_have_content(flow, part) => {
                let url = flow.request.url();
                tracing::warn!(
                    "modify_body leaves the {} of {url} as it is, since it is streamed: {why}",
                    name(part)
                );
                None
            }
            Plan::Nothing | Plan::Whole(_) => None,
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

/// Content that is changed while it passes.
struct Live(Option<Box<Rewriter>>);

impl StreamFilter for Live {
    fn chunk(&mut self, chunk: Bytes) -> BoxFuture<'_, Result<Vec<Bytes>, String>> {
        Box::pin(async move {
            let mut out = Vec::new();
            let Some(rewriter) = &mut self.0 else {
                return Ok(out);
            };
            for (n, piece) in chunk.chunks(AT_ONCE).enumerate() {
                if n > 0 {
                    // A little may decode to much: other connections get their turn in between.
                    tokio::task::yield_now().await;
                }
                let changed = rewriter.push(piece).map_err(|error| failed(&error))?;
                out.push(Bytes::from(changed));
            }
            Ok(out)
        })
    }

    fn end(&mut self) -> BoxFuture<'_, Result<Vec<Bytes>, String>> {
        let rest = match self.0.take() {
            Some(rewriter) => rewriter.finish(),
            None => Ok(Vec::new()),
        };
        let rest = rest.map(|rest| vec![Bytes::from(rest)]);
        Box::pin(std::future::ready(rest.map_err(|error| failed(&error))))
    }
}

/// Bytes as they came that are changed before others get their turn.
const AT_ONCE: usize = 16 * 1024;

/// Content of a known length up to this is held back in any case, so that its new length can be told.
const SMALL: u64 = 64 * 1024;

fn failed(error: &CodecError) -> String {
    format!("modify_body: {error}")
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Request => "request",
        Part::Response => "response",
    }
}

/// The header section of the message, if there is one.
fn fields(flow: &HttpFlow, part: Part) -> Option<&Fields> {
    match part {
        Part::Request => Some(&flow.request.fields),
        Part::Response => flow.response.as_ref().map(|response| &response.fields),
    }
}

fn length(fields: &Fields) -> Option<u64> {
    let value = fields.get("content-length")?;
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

fn is_small(flow: &HttpFlow, part: Part) -> bool {
    fields(flow, part)
        .and_then(length)
        .is_some_and(|length| length <= SMALL)
}

/// False if the head says that no content follows (RFC 9112 §6.3).
fn may_have_content(flow: &HttpFlow, part: Part) -> bool {
    let Some(fields) = fields(flow, part) else {
        return false;
    };
    match (part, &flow.response) {
        _ if length(fields) == Some(0) => false,
        (Part::Request, _) => {
            length(fields).is_some()
                || fields.contains("transfer-encoding")
                || flow.request.method != "GET"
        }
        (Part::Response, Some(response)) => {
            !matches!(response.status, 100..=199 | 204 | 304)
                && !flow.request.method.eq_ignore_ascii_case(b"HEAD")
        }
        (Part::Response, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use midwire_flow::Response;

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
    fn content_is_held_back_only_where_a_rule_cannot_run_otherwise() {
        let check = |rule: &str, length: &str, expected| {
            let addon = Arc::new(ModifyBody::default());
            let kernel = kernel_with(addon.clone(), "modify_body", &[rule]).unwrap();
            let mut flow = http_flow("POST http://example.com/a");
            flow.request.fields.set("content-length", length.to_owned());
            assert_eq!(addon.content_need(&kernel, &flow, Part::Request), expected);
            let filter = addon.stream_filter(&kernel, &flow, Part::Request);
            let live = matches!(addon.plan(&flow, Part::Request), Plan::Live(_));
            assert_eq!(filter.is_some(), live, "{rule}");
        };
        let (small, large) = ("65536", "65537");
        check("/a/b", large, ContentNeed::Nothing);
        check("/a/b", small, ContentNeed::Whole);
        check("/a.*/b", large, ContentNeed::Whole);
        check("/~s/a/b", small, ContentNeed::Nothing);
        check("/~u example/a/b", large, ContentNeed::Nothing);
        check("/~u other/a/b", small, ContentNeed::Nothing);
        check("/~bs x/a/b", large, ContentNeed::Whole);
    }

    #[test]
    fn content_that_has_passed_is_not_changed_again() {
        let addon = Arc::new(ModifyBody::default());
        let kernel = kernel_with(addon.clone(), "modify_body", &["/a/aa"]).unwrap();
        let mut flow = http_flow("POST http://example.com/");
        flow.request.set_content("a");
        flow.info.passed.request = true;
        addon.request(&kernel, &mut flow);
        assert_eq!(flow.request.content.bytes().unwrap(), "a");
        flow.response = Some(Response::make(200, "a", Fields::new()));
        addon.response(&kernel, &mut flow);
        let response = flow.response.as_ref().unwrap();
        assert_eq!(response.content.bytes().unwrap(), "aa");
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
            let plan = addon.plan(&flow, Part::Response);
            let rewriter = match plan {
                Plan::Live(rewriter) => Some(rewriter),
                Plan::Nothing | Plan::Whole(_) => None,
            };
            let found = rewriter.map(|mut rewriter| {
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
