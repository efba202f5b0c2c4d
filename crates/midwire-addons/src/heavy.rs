//! Work on content that may take long, off the threads that move bytes.

use midwire_core::hooks::FlowRef;
use midwire_flow::{Content, HttpFlow};
use midwire_wire::Fields;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Bytes beyond which reading content counts as long work (security.md §2).
const LARGE: u64 = 64 * 1024;

/// How long work on the content of a flow may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// It is done at once.
    Short,
    /// Others must not wait for it.
    Long,
}

impl Work {
    /// What is to be expected of this flow.
    pub(crate) fn on(flow: FlowRef<'_>) -> Self {
        let long = match flow {
            FlowRef::Http(flow) => http_may(flow),
            FlowRef::Tcp(flow) | FlowRef::Udp(flow) => flow
                .messages
                .last()
                .is_some_and(|message| message.content.len() as u64 > LARGE),
            FlowRef::Dns(_) => false,
        };
        if long { Self::Long } else { Self::Short }
    }

    /// Does the work; if it may take long, what else this thread had to do goes on elsewhere.
    pub(crate) fn run<T>(self, work: impl FnOnce() -> T) -> T {
        match Handle::try_current() {
            Ok(runtime)
                if self == Self::Long && runtime.runtime_flavor() == RuntimeFlavor::MultiThread =>
            {
                tokio::task::block_in_place(work)
            }
            _ => work(),
        }
    }
}

fn http_may(flow: &HttpFlow) -> bool {
    let request = (&flow.request.content, &flow.request.fields);
    let response = flow.response.as_ref();
    let response = response.map(|response| (&response.content, &response.fields));
    let messages = flow.websocket.as_ref().and_then(|ws| ws.messages.last());
    std::iter::once(request)
        .chain(response)
        .any(|(content, fields)| part_may(content, fields))
        || messages.is_some_and(|message| message.content.len() as u64 > LARGE)
}

/// What has a coding can be of any size once decoded.
fn part_may(content: &Content, fields: &Fields) -> bool {
    content
        .size()
        .is_some_and(|size| size > LARGE || (size > 0 && fields.contains("content-encoding")))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use midwire_flow::access::HttpMessage as _;

    use super::*;
    use crate::testing::http_flow;

    #[test]
    fn long_work_is_told_from_short() {
        let check = |content: usize, coding: bool, expected| {
            let mut flow = http_flow("GET http://example.com/");
            if coding {
                flow.request.fields.set("content-encoding", "br");
            }
            *flow.request.raw_content_mut() = Content::Memory(Bytes::from(vec![0; content]));
            assert_eq!(
                Work::on(FlowRef::Http(&flow)),
                expected,
                "{content} {coding}"
            );
        };
        check(0, true, Work::Short);
        check(1, true, Work::Long);
        check(1, false, Work::Short);
        check(64 * 1024, false, Work::Short);
        check(64 * 1024 + 1, false, Work::Long);
    }

    #[test]
    fn work_is_done_on_every_kind_of_thread() {
        let work = || Work::Long.run(|| 7);
        assert_eq!(work(), 7);
        let mut builder = tokio::runtime::Builder::new_current_thread();
        assert_eq!(builder.build().unwrap().block_on(async { work() }), 7);
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).build().unwrap();
        assert_eq!(runtime.block_on(async { work() }), 7);
    }
}
