//! Repeats credentials to hosts that were given some (option `stickyauth`).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options};
use midwire_flow::HttpFlow;

use crate::condition::Condition;
use crate::rules::may_stream;

/// Hosts whose credentials are remembered; beyond, those that came first are forgotten.
const HOSTS: usize = 10_000;

/// Remembers the Authorization of each host, for requests that match the filter.
#[derive(Default)]
pub struct StickyAuth {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    filter: Condition,
    hosts: HashMap<String, Bytes>,
    order: VecDeque<String>,
}

impl State {
    fn remember(&mut self, host: &str, credentials: &[u8]) {
        let credentials = Bytes::copy_from_slice(credentials);
        if self.hosts.insert(host.to_owned(), credentials).is_some() {
            return;
        }
        self.order.push_back(host.to_owned());
        if self.order.len() > HOSTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.hosts.remove(&oldest);
        }
    }
}

impl StickyAuth {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Addon for StickyAuth {
    fn name(&self) -> &'static str {
        "stickyauth"
    }

    fn interest(&self, options: &Options) -> HookSet {
        match options.stickyauth.as_deref() {
            None | Some("") => HookSet::EMPTY,
            Some(_) => HookSet::of(&[Hook::Requestheaders, Hook::Request]).union(HookSet::CONTENT),
        }
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        if changed.contains("stickyauth") {
            self.state().filter = Condition::parse(options.stickyauth.as_deref())?;
        }
        Ok(())
    }

    fn content_need(&self, _: &Kernel, _: &HttpFlow, part: Part) -> ContentNeed {
        self.state().filter.whole_request(part)
    }

    fn requestheaders(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        if may_stream(flow) {
            self.request(kernel, flow);
        }
    }

    fn request(&self, _: &Kernel, flow: &mut HttpFlow) {
        let mut state = self.state();
        if let Some(credentials) = flow.request.fields.get("authorization") {
            state.remember(&flow.request.host, credentials);
        } else if state.filter.admits_http(flow)
            && let Some(credentials) = state.hosts.get(&flow.request.host)
        {
            flow.request
                .fields
                .set("authorization", credentials.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use midwire_core::Link;
    use midwire_core::options::Value;

    use super::*;
    use crate::testing::{http_flow, kernel};

    fn addon(filter: &str) -> (Arc<StickyAuth>, Arc<Kernel>) {
        let addon = Arc::new(StickyAuth::default());
        let kernel = kernel(&[("stickyauth", Value::from(filter))]);
        kernel.set_addons(vec![Link::Sync(addon.clone())]).unwrap();
        (addon, kernel)
    }

    #[test]
    fn credentials_stick_to_their_host() {
        let (addon, kernel) = addon("~u example.com");
        let mut first = http_flow("GET http://example.com/a");
        first.request.fields.set("Authorization", "Basic x");
        addon.request(&kernel, &mut first);
        let check = |line: &str, expected: Option<&[u8]>| {
            let mut flow = http_flow(line);
            addon.request(&kernel, &mut flow);
            assert_eq!(flow.request.fields.get("authorization"), expected, "{line}");
        };
        check("GET http://example.com/b", Some(b"Basic x"));
        check("GET http://www.example.com/b", None);
        check("GET http://example.org/b", None);
    }

    #[test]
    fn the_number_of_hosts_is_bounded() {
        let mut state = State::default();
        for n in 0..=HOSTS {
            state.remember(&n.to_string(), b"x");
        }
        assert_eq!(state.hosts.len(), HOSTS);
        assert!(!state.hosts.contains_key("0"));
        assert!(state.hosts.contains_key("1"));
    }
}
