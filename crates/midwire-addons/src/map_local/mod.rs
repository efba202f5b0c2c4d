//! Answers requests from local files (option `map_local`).

mod candidates;
mod media_type;
mod serve;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options, expand_home};
use midwire_flow::pattern::{Flags, Pattern};
use midwire_flow::{HttpFlow, Response};
use midwire_wire::Fields;

use self::candidates::Outside;
use self::serve::LocalFile;
use crate::condition::Condition;
use crate::output::reason;
use crate::rules::{Parts, RuleError, comes_too_late, is_open, parse_all, repr};

/// Serves files and folders by rules; the first rule that leads to a file answers.
#[derive(Default)]
pub struct MapLocal {
    rules: ArcSwap<Vec<Rule>>,
}

struct Rule {
    condition: Condition,
    pattern: Pattern,
    /// A file, or the folder in which files are looked for.
    path: PathBuf,
}

impl Rule {
    fn parse(spec: &str) -> Result<Self, RuleError> {
        let parts = Parts::split(spec)?;
        let pattern =
            Pattern::new(parts.subject, Flags::default()).map_err(|error| RuleError::Pattern {
                subject: repr(parts.subject),
                error,
            })?;
        let path =
            fs::canonicalize(expand_home(parts.replacement)).map_err(|error| RuleError::File {
                path: parts.replacement.to_owned(),
                reason: reason(&error),
            })?;
        Ok(Self {
            condition: parts.condition,
            pattern,
            path,
        })
    }

    /// The files that could answer, the best first.
    fn candidates(&self, url: &str) -> Result<Vec<PathBuf>, Outside> {
        if self.path.is_file() {
            return Ok(vec![self.path.clone()]);
        }
        candidates::of(&self.pattern, url, &self.path)
    }
}

impl Addon for MapLocal {
    fn name(&self) -> &'static str {
        "maplocal"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.map_local.is_empty() {
            return HookSet::EMPTY;
        }
        HookSet::of(&[Hook::Request]).union(HookSet::CONTENT)
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        if changed.contains("map_local") {
            let rules = parse_all("map_local", &options.map_local, Rule::parse)?;
            self.rules.store(Arc::new(rules));
        }
        Ok(())
    }

    fn content_need(&self, _: &Kernel, flow: &HttpFlow, part: Part) -> ContentNeed {
        if part == Part::Response {
            return ContentNeed::Nothing;
        }
        // Nothing of a request that is answered here may go to the server.
        let url = flow.request.pretty_url();
        let may_answer = self.rules.load().iter().any(|rule| {
            rule.pattern.is_match(&url)
                && (rule.condition.reads_content() || rule.condition.admits_http(flow))
        });
        if may_answer {
            ContentNeed::Whole
        } else {
            ContentNeed::Nothing
        }
    }

    fn request(&self, _: &Kernel, flow: &mut HttpFlow) {
        if !is_open(flow) {
            return;
        }
        let rules = self.rules.load();
        let url = flow.request.pretty_url();
        let mut missing = Vec::new();
        let mut refused = false;
        for rule in rules.iter() {
            if !rule.condition.admits_http(flow) || !rule.pattern.is_match(&url) {
                continue;
            }
            if comes_too_late("map_local", flow) {
                return;
            }
            let Ok(candidates) = rule.candidates(&url) else {
                refused = true;
                continue;
            };
            let Some(path) = candidates.iter().find(|path| path.is_file()) else {
                missing.extend(candidates);
                continue;
            };
            match LocalFile::open(path) {
                Ok(file) => {
                    flow.response = Some(file.answer(&flow.request));
                    return;
                }
                Err(error) => {
                    tracing::warn!(
                        "Could not read file: {}: {}",
                        path.display(),
                        reason(&error)
                    );
                    missing.extend(candidates);
                }
            }
        }
        if !missing.is_empty() {
            let names: Vec<String> = missing.iter().map(|p| p.display().to_string()).collect();
            tracing::info!(
                "None of the local file candidates exist: {}",
                names.join(", ")
            );
        }
        if refused {
            tracing::warn!("map_local refuses {url}: the path leads out of the folder");
        }
        if refused || !missing.is_empty() {
            flow.response = Some(Response::make(404, "", Fields::new()));
        }
    }
}
