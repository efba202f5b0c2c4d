//! Repeats cookies to servers that set some (option `stickycookie`).

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, Hook, HookSet, Part};
use midwire_core::options::{Changed, Options};
use midwire_flow::access::cookies::{SetCookie, format_cookie};
use midwire_flow::{HttpFlow, Value};

use crate::condition::Condition;
use crate::rules::lossy;
use crate::rules::may_stream;

/// Cookies that are remembered; beyond, those that came first are forgotten.
const COOKIES: usize = 10_000;

/// Remembers the cookies of all responses, for requests that match the filter.
#[derive(Default)]
pub struct StickyCookie {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    filter: Condition,
    jar: VecDeque<Cookie>,
}

struct Cookie {
    origin: Origin,
    name: Vec<u8>,
    value: Option<Vec<u8>>,
}

/// To whom a cookie goes.
#[derive(PartialEq, Eq)]
struct Origin {
    domain: String,
    port: u16,
    path: Vec<u8>,
}

impl Origin {
    fn of(cookie: &SetCookie, flow: &HttpFlow) -> Self {
        let attribute = |name| cookie.attributes.get(name).flatten();
        Self {
            domain: attribute("domain").map_or_else(
                || flow.request.host.clone(),
                |domain| lossy(domain).into_owned(),
            ),
            port: flow.request.port,
            path: attribute("path").unwrap_or(b"/").to_vec(),
        }
    }

    fn matches(&self, flow: &HttpFlow) -> bool {
        domain_matches(&flow.request.host, &self.domain)
            && flow.request.port == self.port
            && flow.request.path.starts_with(&self.path)
    }
}

/// Whether a cookie for `domain` goes to `host` (RFC 2965 §1, where a dot in front stands for all hosts below).
fn domain_matches(host: &str, domain: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let domain = domain.to_ascii_lowercase();
    let bare = domain.trim_matches('.');
    if host == domain || host == bare {
        return true;
    }
    let is_name = host.parse::<IpAddr>().is_err() && !bare.is_empty();
    is_name
        && domain.starts_with('.')
        && host
            .strip_suffix(bare)
            .is_some_and(|rest| rest.ends_with('.'))
}

impl State {
    fn learn(&mut self, cookie: SetCookie, flow: &HttpFlow, now: i64) {
        let origin = Origin::of(&cookie, flow);
        if !domain_matches(&flow.request.host, &origin.domain) {
            return;
        }
        let at = self
            .jar
            .iter()
            .position(|known| known.name == cookie.name && known.origin == origin);
        if cookie.attributes.is_expired(now) {
            at.map(|at| self.jar.remove(at));
            return;
        }
        match at.and_then(|at| self.jar.get_mut(at)) {
            Some(known) => known.value = cookie.value,
            None => self.jar.push_back(Cookie {
                origin,
                name: cookie.name,
                value: cookie.value,
            }),
        }
        if self.jar.len() > COOKIES {
            self.jar.pop_front();
        }
    }
}

impl StickyCookie {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Addon for StickyCookie {
    fn name(&self) -> &'static str {
        "stickycookie"
    }

    fn interest(&self, options: &Options) -> HookSet {
        match options.stickycookie.as_deref() {
            None | Some("") => HookSet::EMPTY,
            Some(_) => HookSet::of(&[Hook::Requestheaders, Hook::Request, Hook::Response])
                .union(HookSet::CONTENT),
        }
    }

    fn configure(&self, _: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> {
        if changed.contains("stickycookie") {
            self.state().filter = Condition::parse(options.stickycookie.as_deref())?;
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
        let state = self.state();
        if !state.filter.admits_http(flow) {
            return;
        }
        let cookies: Vec<(&[u8], &[u8])> = state
            .jar
            .iter()
            .filter(|cookie| cookie.origin.matches(flow))
            .map(|cookie| {
                let value = cookie.value.as_deref().unwrap_or_default();
                (cookie.name.as_slice(), value)
            })
            .collect();
        if cookies.is_empty() {
            return;
        }
        let value = format_cookie(cookies);
        flow.info.set_meta("stickycookie", Value::Bool(true));
        flow.request.fields.set("cookie", value);
    }

    fn response(&self, _: &Kernel, flow: &mut HttpFlow) {
        let Some(response) = &flow.response else {
            return;
        };
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |now| now.as_secs().cast_signed());
        let mut state = self.state();
        for cookie in response.cookies() {
            state.learn(cookie, flow, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use midwire_core::Link;
    use midwire_core::options;
    use midwire_flow::Response;
    use midwire_wire::Fields;

    use super::*;
    use crate::testing::{http_flow, kernel};

    fn sent(set: &[(&str, &str)], then: &str) -> Option<String> {
        let addon = Arc::new(StickyCookie::default());
        let kernel = kernel(&[("stickycookie", options::Value::from("~all"))]);
        kernel.set_addons(vec![Link::Sync(addon.clone())]).unwrap();
        for (url, cookie) in set {
            let mut flow = http_flow(&format!("GET {url}"));
            let fields = Fields::from_pairs([("set-cookie", (*cookie).to_owned())]);
            flow.response = Some(Response::make(200, "", fields));
            addon.response(&kernel, &mut flow);
        }
        let mut flow = http_flow(&format!("GET {then}"));
        addon.request(&kernel, &mut flow);
        let cookie = flow.request.fields.get("cookie");
        assert_eq!(flow.info.meta("stickycookie").is_some(), cookie.is_some());
        cookie.map(|value| lossy(value).into_owned())
    }

    #[test]
    fn cookies_stick_to_their_origin() {
        let check = |set: &[(&str, &str)], then: &str, expected: Option<&str>| {
            assert_eq!(sent(set, then).as_deref(), expected, "{set:?} {then}");
        };
        let home = "http://www.example.com/";
        check(&[(home, "a=1")], home, Some("a=1"));
        check(&[(home, "a=1"), (home, "b=2")], home, Some("a=1; b=2"));
        check(&[(home, "a=1"), (home, "a=2")], home, Some("a=2"));
        check(&[(home, "a=1")], "http://other.test/", None);
        check(&[(home, "a=1")], "http://www.example.com:81/", None);
        check(&[(home, "a=1; path=/x")], home, None);
        let below = "http://www.example.com/x/y";
        check(&[(home, "a=1; path=/x")], below, Some("a=1"));
        let domain = "a=1; Domain=.example.com";
        check(&[(home, domain)], "http://api.example.com/", Some("a=1"));
        check(&[(home, domain)], "http://example.com/", Some("a=1"));
        check(&[(home, domain)], "http://badexample.com/", None);
        check(&[(home, "a=1; Domain=.other.test")], home, None);
        check(&[(home, "a=1"), (home, "a=; Max-Age=0")], home, None);
    }

    #[test]
    fn the_jar_is_bounded() {
        let mut state = State::default();
        let flow = http_flow("GET http://example.com/");
        let cookie = |n: usize| SetCookie {
            name: n.to_string().into_bytes(),
            value: None,
            ..SetCookie::default()
        };
        // Fill without looking for duplicates, which would take long.
        for n in 0..COOKIES {
            state.jar.push_back(Cookie {
                origin: Origin::of(&cookie(n), &flow),
                name: n.to_string().into_bytes(),
                value: None,
            });
        }
        state.learn(cookie(COOKIES), &flow, 0);
        assert_eq!(state.jar.len(), COOKIES);
        assert_eq!(state.jar.front().unwrap().name, b"1");
    }
}
