//! Keeps clients of reverse proxies with us: `Alt-Svc` of servers would lead them around (RFC 7838).

use std::sync::LazyLock;

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, Hook, HookSet};
use midwire_core::options::Options;
use midwire_flow::HttpFlow;
use midwire_flow::pattern::{Flags, Pattern, Template};

/// Points `Alt-Svc` fields at our own port, in reverse mode.
pub struct UpdateAltSvc;

/// An alternative authority, with or without host.
static AUTHORITY: LazyLock<Option<Pattern>> =
    LazyLock::new(|| Pattern::bytes("[a-zA-Z0-9.-]*:[0-9]{1,5}", Flags::default()).ok());

impl Addon for UpdateAltSvc {
    fn name(&self) -> &'static str {
        "updatealtsvc"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.keep_alt_svc_header {
            HookSet::EMPTY
        } else {
            HookSet::of(&[Hook::Responseheaders])
        }
    }

    fn responseheaders(&self, _: &Kernel, flow: &mut HttpFlow) {
        let client = &flow.info.client_conn;
        if !client.proxy_mode.starts_with("reverse:") {
            return;
        }
        let (Some(response), Some(own)) = (&mut flow.response, &client.sockname) else {
            return;
        };
        let Some(value) = response.fields.get_folded("alt-svc") else {
            return;
        };
        let Some(authority) = AUTHORITY.as_ref() else {
            return;
        };
        let own = Template::literal(format!(":{}", own.port));
        let updated = authority.replace_all(&value, &own).into_owned();
        response.fields.set("alt-svc", updated);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use midwire_flow::{Address, ClientConn, Response};
    use midwire_wire::Fields;

    use super::*;
    use crate::testing::{http_flow, kernel};

    #[test]
    fn authorities_become_our_own_port_in_reverse_mode() {
        let check = |mode: &str, value: &str, expected: &str| {
            let mut flow = http_flow("GET http://example.com/");
            let mut client = ClientConn {
                proxy_mode: mode.to_owned(),
                ..ClientConn::default()
            };
            client.sockname = Some(Address::new("127.0.0.1", 8443));
            flow.info.client_conn = Arc::new(client);
            let fields = Fields::from_pairs([("Alt-Svc", value.to_owned())]);
            flow.response = Some(Response::make(200, "", fields));
            UpdateAltSvc.responseheaders(&kernel(&[]), &mut flow);
            let found = flow
                .response
                .unwrap()
                .fields
                .get("alt-svc")
                .unwrap()
                .to_vec();
            assert_eq!(String::from_utf8(found).unwrap(), expected);
        };
        let reverse = "reverse:https://example.com";
        check(reverse, r#"h3=":443"; ma=3600"#, r#"h3=":8443"; ma=3600"#);
        check(
            reverse,
            r#"h3="alt.example:443", h2="other:80""#,
            r#"h3=":8443", h2=":8443""#,
        );
        check(reverse, "clear", "clear");
        check("regular", r#"h3=":443""#, r#"h3=":443""#);
    }
}
