//! Which requests are alike.

use std::hash::{BuildHasher, RandomState};

use midwire_core::options::Options;
use midwire_flow::HttpFlow;
use midwire_flow::access::{DECODE_LIMIT, Pairs};

/// Equal for requests that are alike. 128 bits under random keys: nobody can make two requests collide on purpose.
pub(super) type Key = (u64, u64);

/// Makes keys.
#[derive(Default)]
pub(super) struct Keyer(RandomState, RandomState);

impl Keyer {
    /// The key of a flow's request. It reads the content unless that is to be ignored.
    pub(super) fn key(&self, flow: &HttpFlow, options: &Options) -> Key {
        let parts = Parts::of(flow, options);
        (self.0.hash_one(&parts), self.1.hash_one(&parts))
    }
}

#[derive(Hash)]
struct Parts<'a> {
    scheme: &'a [u8],
    method: &'a [u8],
    path: &'a [u8],
    content: Content,
    host: Option<String>,
    port: Option<u16>,
    query: Pairs,
    fields: Vec<(&'a str, Option<Vec<u8>>)>,
}

#[derive(Hash)]
enum Content {
    Ignored,
    Form(Pairs),
    Raw(Option<Vec<u8>>),
}

impl<'a> Parts<'a> {
    fn of(flow: &'a HttpFlow, options: &'a Options) -> Self {
        let request = &flow.request;
        let field = |name: &'a String| {
            let value = request.fields.get_folded(name);
            (name.as_str(), value.map(std::borrow::Cow::into_owned))
        };
        let ignored = &options.server_replay_ignore_params;
        Self {
            scheme: &request.scheme,
            method: &request.method,
            path: path(&request.path),
            content: content(flow, options),
            host: (!options.server_replay_ignore_host).then(|| request.pretty_host().into_owned()),
            port: (!options.server_replay_ignore_port).then_some(request.port),
            query: without(request.query(), ignored),
            fields: options
                .server_replay_use_headers
                .iter()
                .map(field)
                .collect(),
        }
    }
}

fn content(flow: &HttpFlow, options: &Options) -> Content {
    if options.server_replay_ignore_content {
        return Content::Ignored;
    }
    let ignored = &options.server_replay_ignore_payload_params;
    if !ignored.is_empty() {
        for form in [
            flow.request.multipart_form(DECODE_LIMIT),
            flow.request.urlencoded_form(DECODE_LIMIT),
        ] {
            if !form.is_empty() {
                return Content::Form(without(form, ignored));
            }
        }
    }
    Content::Raw(flow.request.content.bytes().map(|bytes| bytes.to_vec()))
}

fn without(mut pairs: Pairs, ignored: &[String]) -> Pairs {
    pairs.retain(|(name, _)| {
        let name = String::from_utf8_lossy(name);
        !ignored.iter().any(|ignored| *ignored == name)
    });
    pairs
}

/// The path without query, fragment and the parameters of its last segment.
pub(super) fn path(target: &[u8]) -> &[u8] {
    let end = target.iter().position(|b| matches!(b, b'?' | b'#'));
    let path = target.get(..end.unwrap_or(target.len())).unwrap_or(target);
    let segment = path.iter().rposition(|b| *b == b'/').unwrap_or_default();
    let parameters = path.iter().skip(segment).position(|b| *b == b';');
    let end = parameters.map_or(path.len(), |at| segment + at);
    path.get(..end).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_end_before_parameters_and_query() {
        let check = |target: &str, expected: &str| {
            assert_eq!(path(target.as_bytes()), expected.as_bytes(), "{target}");
        };
        check("/a/b?c", "/a/b");
        check("/a#f?c", "/a");
        check("/a;x/b;y?c", "/a;x/b");
        check("/a?b/c;d", "/a");
        check("", "");
        check("*", "*");
    }
}
