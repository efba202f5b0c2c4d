//! Reverse mode: alternative services that a server announces (RFC 7838) lead to us instead of around us.

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, Hook, HookSet};
use midwire_core::options::Options;
use midwire_flow::HttpFlow;

use crate::modes::is_reverse;

/// Points `Alt-Svc` fields at our own port, unless `keep_alt_svc_header` is on.
#[derive(Default)]
pub struct UpdateAltSvc;

impl Addon for UpdateAltSvc {
    fn name(&self) -> &'static str {
        "updatealtsvc"
    }

    fn interest(&self, options: &Options) -> HookSet {
        let is_needed = !options.keep_alt_svc_header
            && options.mode.iter().any(|mode| {
                mode.get(..7)
                    .is_some_and(|name| name.eq_ignore_ascii_case("reverse"))
            });
        if is_needed {
            HookSet::of(&[Hook::Responseheaders])
        } else {
            HookSet::EMPTY
        }
    }

    fn responseheaders(&self, _kernel: &Kernel, flow: &mut HttpFlow) {
        let client = &flow.info.client_conn;
        let (Some(response), Some(own)) = (&mut flow.response, &client.sockname) else {
            return;
        };
        if !is_reverse(client) || !response.fields.contains("alt-svc") {
            return;
        }
        let values: Vec<Vec<u8>> = response
            .fields
            .get_all("alt-svc")
            .map(|value| with_port(value, own.port))
            .collect();
        response.fields.set_all("Alt-Svc", values);
    }
}

/// The value with `:port` in the place of every quoted `host:port`.
fn with_port(value: &[u8], port: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for (nth, part) in value.split(|byte| *byte == b'"').enumerate() {
        if nth > 0 {
            out.push(b'"');
        }
        // Every second part is inside quotes.
        if nth % 2 == 1 && is_authority(part) {
            out.extend_from_slice(format!(":{port}").as_bytes());
        } else {
            out.extend_from_slice(part);
        }
    }
    out
}

fn is_authority(text: &[u8]) -> bool {
    let Some(colon) = text.iter().rposition(|byte| *byte == b':') else {
        return false;
    };
    let digits = text.get(colon + 1..).unwrap_or_default();
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_authorities_in_quotes_change() {
        let check = |value: &str, expected: &str| {
            let got = with_port(value.as_bytes(), 8080);
            assert_eq!(String::from_utf8(got).unwrap(), expected, "{value}");
        };
        check(r#"h3=":443"; ma=86400"#, r#"h3=":8080"; ma=86400"#);
        check(
            r#"h3="alt.example:443", h2="[::1]:8443"; persist=1"#,
            r#"h3=":8080", h2=":8080"; persist=1"#,
        );
        check("clear", "clear");
        check(r#"x="no port", y="a:b""#, r#"x="no port", y="a:b""#);
        check("", "");
    }
}
