//! The filter of an option: which flows an addon looks at.

use midwire_core::hooks::{ContentNeed, FlowRef, Part};
use midwire_flow::HttpFlow;
use midwire_flow::filter::{Filter, FilterError};

use crate::heavy::Work;

/// A filter that may be absent; then all flows meet it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Condition(Option<Filter>);

impl Condition {
    /// Reads the value of an option; nothing and empty text are no filter.
    ///
    /// # Errors
    /// What is wrong with the expression, one line.
    pub(crate) fn parse(expression: Option<&str>) -> Result<Self, String> {
        let Some(expression) = expression.filter(|text| !text.is_empty()) else {
            return Ok(Self(None));
        };
        let filter = Filter::parse(expression).map_err(|error| error.to_string())?;
        Ok(Self(Some(filter)))
    }

    /// Reads a filter that must be there.
    pub(crate) fn required(expression: &str) -> Result<Self, FilterError> {
        Filter::parse(expression).map(|filter| Self(Some(filter)))
    }

    /// True if the flow meets the condition.
    pub(crate) fn admits(&self, flow: FlowRef<'_>) -> bool {
        let Some(filter) = &self.0 else {
            return true;
        };
        if self.reads_content() {
            return Work::on(flow).run(|| matches(filter, flow));
        }
        matches(filter, flow)
    }

    /// As [`Condition::admits`], for an HTTP flow.
    pub(crate) fn admits_http(&self, flow: &HttpFlow) -> bool {
        self.admits(FlowRef::Http(flow))
    }

    /// What the condition needs of the content of this side, when a request may be changed by it: the whole, since
    /// a request that was passed on can no longer be changed.
    pub(crate) fn whole_request(&self, part: Part) -> ContentNeed {
        match (part, self.content_need(part)) {
            (Part::Response, _) | (_, ContentNeed::Nothing) => ContentNeed::Nothing,
            (Part::Request, _) => ContentNeed::Whole,
        }
    }

    /// True if content decides.
    pub(crate) fn reads_content(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|filter| filter.looks_at_content().any())
    }

    /// What the condition needs of the content of this side, when it is asked at the end of a message.
    pub(crate) fn content_need(&self, part: Part) -> ContentNeed {
        let sides = self
            .0
            .as_ref()
            .map(Filter::looks_at_content)
            .unwrap_or_default();
        let reads = match part {
            Part::Request => sides.request,
            Part::Response => sides.response,
        };
        if reads {
            ContentNeed::Copy
        } else {
            ContentNeed::Nothing
        }
    }
}

fn matches(filter: &Filter, flow: FlowRef<'_>) -> bool {
    match flow {
        FlowRef::Http(flow) => filter.matches_http(flow),
        FlowRef::Tcp(flow) => filter.matches_tcp(flow),
        FlowRef::Udp(flow) => filter.matches_udp(flow),
        FlowRef::Dns(flow) => filter.matches_dns(flow),
    }
}
