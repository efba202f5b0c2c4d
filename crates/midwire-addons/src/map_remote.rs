//! Directs requests elsewhere (option `map_remote`).

use std::sync::Arc;

use arc_swap::ArcSwap;
use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options};
use midwire_flow::pattern::{Flags, Pattern, Template};
use midwire_flow::{HttpFlow, Request};
use midwire_wire::Fields;

use crate::condition::Condition;
use crate::rules::{Parts, RuleError, comes_too_late, is_open, parse_all, repr};

/// Rewrites URLs by rules, one after another.
#[derive(Default)]
pub struct MapRemote {
    rules: ArcSwap<Vec<Rule>>,
}

struct Rule {
    condition: Condition,
    pattern: Pattern,
    template: Template,
}

impl Rule {
    fn parse(spec: &str) -> Result<Self, RuleError> {
        let parts = Parts::split(spec)?;
        let pattern =
            Pattern::new(parts.subject, Flags::default()).map_err(|error| RuleError::Pattern {
                subject: repr(parts.subject),
                error,
            })?;
        let template =
            pattern
                .template(parts.replacement)
                .map_err(|error| RuleError::Replacement {
                    replacement: repr(parts.replacement),
                    error,
                })?;
        check_url(parts.replacement)?;
        Ok(Self {
            condition: parts.condition,
            pattern,
            template,
        })
    }
}

/// Refuses a replacement that is the beginning of a URL, as far as that can be told, which no request can have.
fn check_url(replacement: &str) -> Result<(), RuleError> {
    let refuse = |reason: &str| {
        Err(RuleError::Url {
            url: replacement.to_owned(),
            reason: reason.to_owned(),
        })
    };
    let Some((scheme, rest)) = replacement.split_once("://") else {
        return Ok(());
    };
    if scheme.is_empty() || rest.is_empty() || replacement.contains('\\') {
        return Ok(());
    }
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return refuse("the scheme is neither http nor https");
    }
    match Request::make("GET", replacement, "", Fields::new()) {
        Ok(_) => Ok(()),
        Err(error) => refuse(&error.to_string()),
    }
}

impl Addon for MapRemote {
    fn name(&self) -> &'static str {
        "mapremote"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.map_remote.is_empty() {
            return HookSet::EMPTY;
        }
        HookSet::of(&[Hook::Request]).union(HookSet::CONTENT)
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        if changed.contains("map_remote") {
            let rules = parse_all("map_remote", &options.map_remote, Rule::parse)?;
            self.rules.store(Arc::new(rules));
        }
        Ok(())
    }

    fn content_need(&self, _: &Kernel, flow: &HttpFlow, part: Part) -> ContentNeed {
        if part == Part::Response {
            return ContentNeed::Nothing;
        }
        // Nothing of a request may go to the server that it is led away from.
        let url = flow.request.pretty_url();
        let may_apply = self.rules.load().iter().any(|rule| {
            (rule.condition.reads_content() || rule.condition.admits_http(flow))
                && rule.pattern.is_match(&url)
        });
        if may_apply {
            ContentNeed::Whole
        } else {
            ContentNeed::Nothing
        }
    }

    fn request(&self, _: &Kernel, flow: &mut HttpFlow) {
        if !is_open(flow) {
            return;
        }
        for rule in self.rules.load().iter() {
            if !rule.condition.admits_http(flow) {
                continue;
            }
            let url = flow.request.pretty_url();
            let new = rule.pattern.replace_all_text(&url, &rule.template);
            // Setting the URL sets the Host field as well, so an equal one is left alone.
            if new == url {
                continue;
            }
            if comes_too_late("map_remote", flow) {
                return;
            }
            if let Err(error) = flow.request.set_url(&new) {
                tracing::warn!("map_remote leads to an unusable URL {new}: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{http_flow, kernel_with};

    #[test]
    fn urls_are_rewritten_rule_by_rule() {
        let check = |rules: &[&str], expected: &str, host: Option<&str>| {
            let addon = Arc::new(MapRemote::default());
            let kernel = kernel_with(addon.clone(), "map_remote", rules).unwrap();
            let mut flow = http_flow("GET http://example.com/a");
            flow.request.fields.set("Host", "example.com");
            addon.request(&kernel, &mut flow);
            assert_eq!(flow.request.url(), expected, "{rules:?}");
            let found = flow.request.host_header().map(std::borrow::Cow::into_owned);
            assert_eq!(found.as_deref(), host, "{rules:?}");
        };
        let same = Some("example.com");
        check(&["|zzz|y"], "http://example.com/a", same);
        check(
            &["|example.com|other.test:81"],
            "http://other.test:81/a",
            Some("other.test:81"),
        );
        check(&[r"|/(a)$|/\1/b"], "http://example.com/a/b", same);
        check(&["|a$|b", "|b$|c"], "http://example.com/c", same);
        check(&["|EXAMPLE|y"], "http://example.com/a", same);
        check(&["|~m POST|a$|b"], "http://example.com/a", same);
        check(&["|http:.*|nonsense"], "http://example.com/a", same);
    }

    #[test]
    fn bad_patterns_are_refused() {
        let addon = Arc::new(MapRemote::default());
        let error = kernel_with(addon, "map_remote", &["|(|x"]).err().unwrap();
        let start = "Cannot parse map_remote option |(|x: Invalid regular expression '(' (";
        assert!(error.starts_with(start), "{error}");
    }
}
