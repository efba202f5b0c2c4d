//! Credentials for the proxy or server behind us: the option `upstream_auth` (modes.md §10).

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, Hook, HookSet};
use midwire_core::options::{Changed, Options};
use midwire_flow::HttpFlow;

use crate::modes::{is_reverse, is_upstream};
use crate::proxyauth::encode;

/// Logs in at the upstream proxy, or at the target of a reverse proxy.
#[derive(Default)]
pub struct UpstreamAuth;

impl UpstreamAuth {
    fn value(kernel: &Kernel) -> Option<String> {
        let options = kernel.options().load();
        options.upstream_auth.as_deref().map(encode)
    }
}

impl Addon for UpstreamAuth {
    fn name(&self) -> &'static str {
        "upstreamauth"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.upstream_auth.is_none() {
            return HookSet::EMPTY;
        }
        HookSet::of(&[Hook::Requestheaders, Hook::HttpConnectUpstream])
    }

    fn configure(
        &self,
        _kernel: &Kernel,
        options: &Options,
        changed: &Changed,
    ) -> Result<(), String> {
        match &options.upstream_auth {
            Some(pair) if changed.contains("upstream_auth") && !is_pair(pair) => {
                Err(format!("Invalid upstream auth specification: {pair}"))
            }
            _ => Ok(()),
        }
    }

    fn http_connect_upstream(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        if let Some(value) = Self::value(kernel) {
            flow.request.fields.set("Proxy-Authorization", value);
        }
    }

    fn requestheaders(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        let Some(value) = Self::value(kernel) else {
            return;
        };
        let client = &flow.info.client_conn;
        if is_upstream(client) && flow.request.scheme.eq_ignore_ascii_case(b"http") {
            flow.request.fields.set("Proxy-Authorization", value);
        } else if is_reverse(client) {
            flow.request.fields.set("Authorization", value);
        }
    }
}

/// True for `user:password` with a user; the password may be empty.
fn is_pair(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(user, rest)| !user.is_empty() || rest.contains(':'))
}
