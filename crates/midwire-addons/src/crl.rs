//! Answers requests for the revocation list of our certificates (modes.md §14).

use bytes::Bytes;
use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, Hook, HookSet, Part};
use midwire_core::options::Options;
use midwire_flow::{HttpFlow, Response};
use midwire_wire::Fields;

use crate::rules::is_open;

/// Gives the empty list of our authority to whoever asks for it, at any host.
pub struct Crl {
    path: String,
    list: Bytes,
}

impl Crl {
    /// Answers requests whose path ends with `path` by `list`, which is in DER (RFC 5280 §5).
    pub fn new(path: String, list: Bytes) -> Self {
        Self { path, list }
    }

    fn is_asked_for(&self, flow: &HttpFlow) -> bool {
        !self.path.is_empty() && flow.request.path.ends_with(self.path.as_bytes())
    }
}

impl Addon for Crl {
    fn name(&self) -> &'static str {
        "crl"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::of(&[Hook::Request]).union(HookSet::CONTENT)
    }

    fn content_need(&self, _: &Kernel, flow: &HttpFlow, part: Part) -> ContentNeed {
        if part == Part::Request && self.is_asked_for(flow) {
            ContentNeed::Whole
        } else {
            ContentNeed::Nothing
        }
    }

    fn request(&self, _: &Kernel, flow: &mut HttpFlow) {
        if is_open(flow) && self.is_asked_for(flow) {
            let fields = Fields::from_pairs([("Content-Type", "application/pkix-crl")]);
            flow.response = Some(Response::make(200, self.list.clone(), fields));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{http_flow, kernel};

    #[test]
    fn the_list_is_given_at_any_host() {
        let addon = Crl::new("/mitmproxy-1.crl".to_owned(), Bytes::from_static(b"list"));
        let kernel = kernel(&[]);
        let mut flow = http_flow("GET http://any.test/x/mitmproxy-1.crl");
        let need = addon.content_need(&kernel, &flow, Part::Request);
        assert_eq!(need, ContentNeed::Whole);
        addon.request(&kernel, &mut flow);
        let response = flow.response.unwrap();
        assert_eq!(response.content.bytes().unwrap(), "list");
        assert_eq!(
            response.fields.get("content-type"),
            Some(&b"application/pkix-crl"[..])
        );
        let mut flow = http_flow("GET http://any.test/mitmproxy-2.crl");
        addon.request(&kernel, &mut flow);
        assert_eq!(flow.response, None);
    }
}
