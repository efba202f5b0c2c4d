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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use midwire_core::Link;
    use midwire_core::log::LogStream;
    use midwire_core::options::{OptionStore, Tool};
    use midwire_flow::{ClientConn, Content, FlowInfo, Number, Request, ServerConn};
    use midwire_wire::Fields;

    use super::*;

    fn kernel(pair: &str) -> Result<Arc<Kernel>, String> {
        let options = OptionStore::new(Tool::Dump);
        options.set(&[format!("upstream_auth={pair}")]).unwrap();
        let kernel = Arc::new(Kernel::new(options, LogStream::default()));
        kernel.set_addons(vec![Link::Sync(Arc::new(UpstreamAuth))])?;
        Ok(kernel)
    }

    fn flow(mode: &str, scheme: &'static str) -> HttpFlow {
        let client = ClientConn {
            proxy_mode: mode.to_owned(),
            ..ClientConn::default()
        };
        HttpFlow {
            info: FlowInfo::new(Arc::new(client), Arc::new(ServerConn::default())),
            request: Request {
                host: "h".to_owned(),
                port: 80,
                method: "GET".into(),
                scheme: scheme.into(),
                authority: "".into(),
                path: "/".into(),
                version: "HTTP/1.1".into(),
                fields: Fields::new(),
                content: Content::Missing,
                trailers: None,
                timestamp_start: Number::now(),
                timestamp_end: None,
            },
            response: None,
            websocket: None,
        }
    }

    #[tokio::test]
    async fn credentials_go_to_whoever_is_behind_us() {
        let kernel = kernel("u:p:w").unwrap();
        let check = async |mode: &str, scheme, expected: Option<&str>| {
            let mut flow = flow(mode, scheme);
            kernel.requestheaders(&mut flow).await;
            let (name, _) = flow.request.fields.iter().next().unzip();
            assert_eq!(name, expected.map(str::as_bytes), "{mode} {scheme}");
        };
        check("upstream:p:1", "http", Some("Proxy-Authorization")).await;
        check("upstream:p:1", "https", None).await;
        check("reverse:h", "http", Some("Authorization")).await;
        check("reverse:h", "https", Some("Authorization")).await;
        check("regular", "http", None).await;
        let mut connect = flow("upstream:p:1", "");
        kernel.http_connect_upstream(&mut connect).await;
        assert_eq!(
            connect.request.fields.get("proxy-authorization"),
            Some(&b"Basic dTpwOnc="[..])
        );
    }

    #[test]
    fn pairs_need_a_user() {
        for bad in ["nocolon", ":password"] {
            let error = kernel(bad).err();
            let expected = format!("Invalid upstream auth specification: {bad}");
            assert_eq!(error.as_deref(), Some(expected.as_str()));
        }
        assert!(kernel("u:").is_ok());
    }
}
