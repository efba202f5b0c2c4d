//! The page from which clients get our certificate (options `onboarding` and `onboarding_host`, modes.md §16).

mod magisk;

use std::fs;

use bytes::Bytes;
use midwire_core::Kernel;
use midwire_core::hooks::{Addon, ContentNeed, Hook, HookSet, Part};
use midwire_core::options::{Options, expand_home};
use midwire_flow::access::status;
use midwire_flow::{HttpFlow, Request, Response};
use midwire_wire::Fields;

use crate::output::reason;
use crate::rules::is_open;

/// Answers requests for the onboarding host. It serves these files and no others, whatever the path.
pub struct Onboarding;

const PAGE: &str = include_str!("page.html");

/// Methods that a page has.
const ALLOWED: &str = "HEAD, GET, OPTIONS";

/// The page has a style sheet inside and nothing else that a browser would run or load.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a path stands for.
enum Resource {
    Page,
    Certificate {
        file: &'static str,
        media_type: &'static str,
    },
    /// A module for Magisk, made anew each time.
    Magisk,
}

impl Resource {
    fn find(path: &[u8]) -> Option<Self> {
        let path = path.split(|b| matches!(b, b'?' | b'#')).next()?;
        let (file, media_type) = match path {
            b"" | b"/" => return Some(Self::Page),
            b"/cert/pem" => ("mitmproxy-ca-cert.pem", "application/x-x509-ca-cert"),
            b"/cert/cer" => ("mitmproxy-ca-cert.cer", "application/x-x509-ca-cert"),
            b"/cert/p12" => ("mitmproxy-ca-cert.p12", "application/x-pkcs12"),
            b"/cert/magisk" => return Some(Self::Magisk),
            _ => return None,
        };
        Some(Self::Certificate { file, media_type })
    }

    fn serve(&self, options: &Options) -> Response {
        match self {
            Self::Page => html(200, page(&options.onboarding_host)),
            Self::Certificate { file, media_type } => match read(options, file) {
                Some(content) => attachment(file, media_type, content),
                None => missing(),
            },
            Self::Magisk => {
                let module = read(options, "mitmproxy-ca-cert.pem").and_then(|pem| {
                    magisk::module(&pem)
                        .inspect_err(|error| tracing::warn!("cannot make a Magisk module: {error}"))
                        .ok()
                });
                match module {
                    Some(module) => attachment(
                        "mitmproxy-magisk-module.zip",
                        "application/zip",
                        module.into(),
                    ),
                    None => missing(),
                }
            }
        }
    }
}

fn missing() -> Response {
    notice(
        500,
        "The certificate is not there. See the log of the proxy.",
    )
}

fn read(options: &Options, file: &str) -> Option<Bytes> {
    let path = expand_home(&options.confdir).join(file);
    fs::read(&path)
        .inspect_err(|error| {
            tracing::warn!("cannot read {}: {}", path.display(), reason(error));
        })
        .ok()
        .map(Bytes::from)
}

fn attachment(file: &str, media_type: &'static str, content: Bytes) -> Response {
    let mut fields = Fields::from_pairs([("Content-Type", media_type)]);
    fields.append(
        "Content-Disposition",
        format!("attachment; filename={file}"),
    );
    Response::make(200, content, fields)
}

fn page(host: &str) -> String {
    PAGE.replace("{{host}}", &escape(host))
}

fn html(status: u16, content: String) -> Response {
    let fields = Fields::from_pairs([
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", POLICY),
        ("X-Content-Type-Options", "nosniff"),
    ]);
    Response::make(status, content, fields)
}

/// A short page about a failure. The text is our own.
fn notice(status: u16, text: &str) -> Response {
    let title = format!("{status} {}", status::reason(status));
    html(
        status,
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<title>{title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n</html>\n"
        ),
    )
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn is_for_us(options: &Options, request: &Request) -> bool {
    let host = &options.onboarding_host;
    !host.is_empty() && request.pretty_host().eq_ignore_ascii_case(host)
}

fn answer(options: &Options, request: &Request) -> Response {
    let Some(resource) = Resource::find(&request.path) else {
        return notice(404, "There is no such page here.");
    };
    match &request.method[..] {
        // What goes out for HEAD is the head only.
        b"GET" | b"HEAD" => resource.serve(options),
        b"OPTIONS" => {
            let mut response = html(200, String::new());
            response.fields.set("Allow", ALLOWED);
            response
        }
        _ => {
            let mut response = notice(405, "This page can only be read.");
            response.fields.set("Allow", ALLOWED);
            response
        }
    }
}

impl Addon for Onboarding {
    fn name(&self) -> &'static str {
        "onboarding"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.onboarding && !options.onboarding_host.is_empty() {
            HookSet::of(&[Hook::Request]).union(HookSet::CONTENT)
        } else {
            HookSet::EMPTY
        }
    }

    fn content_need(&self, kernel: &Kernel, flow: &HttpFlow, part: Part) -> ContentNeed {
        // There is no server that the content could be passed on to.
        if part == Part::Request && is_for_us(&kernel.options().load(), &flow.request) {
            ContentNeed::Whole
        } else {
            ContentNeed::Nothing
        }
    }

    fn request(&self, kernel: &Kernel, flow: &mut HttpFlow) {
        let options = kernel.options().load();
        if is_open(flow) && is_for_us(&options, &flow.request) {
            flow.response = Some(answer(&options, &flow.request));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use midwire_core::options::Value;

    use super::*;
    use crate::testing::{http_flow, kernel};

    fn set_up(host: &str) -> (tempfile::TempDir, Arc<Kernel>) {
        let folder = tempfile::tempdir().unwrap();
        for (file, content) in [
            ("mitmproxy-ca-cert.pem", "pem"),
            ("mitmproxy-ca-cert.cer", "cer"),
            ("mitmproxy-ca-cert.p12", "p12"),
            ("mitmproxy-ca.pem", "secret"),
        ] {
            fs::write(folder.path().join(file), content).unwrap();
        }
        let kernel = kernel(&[
            ("confdir", Value::Str(folder.path().display().to_string())),
            ("onboarding_host", Value::from(host)),
        ]);
        (folder, kernel)
    }

    fn ask(kernel: &Kernel, line: &str) -> Option<Response> {
        let mut flow = http_flow(line);
        Onboarding.request(kernel, &mut flow);
        flow.response
    }

    #[test]
    fn certificates_are_given_and_nothing_else() {
        let (_folder, kernel) = set_up("mitm.it");
        let check = |line: &str, status: u16, media_type: &str, content: Option<&str>| {
            let response = ask(&kernel, line).unwrap();
            assert_eq!(response.status, status, "{line}");
            let found = response.fields.get("content-type").unwrap();
            assert_eq!(found, media_type.as_bytes(), "{line}");
            if let Some(content) = content {
                assert_eq!(response.content.bytes().unwrap(), content, "{line}");
            }
            response
        };
        let (der, html) = ("application/x-x509-ca-cert", "text/html; charset=utf-8");
        let pem = check("GET http://mitm.it/cert/pem", 200, der, Some("pem"));
        assert_eq!(
            pem.fields.get("content-disposition"),
            Some(&b"attachment; filename=mitmproxy-ca-cert.pem"[..])
        );
        check("GET http://MITM.it:81/cert/cer?x", 200, der, Some("cer"));
        check(
            "GET https://mitm.it/cert/p12",
            200,
            "application/x-pkcs12",
            Some("p12"),
        );
        check("GET http://mitm.it/", 200, html, None);
        check("GET http://mitm.it/cert/magisk", 500, html, None);
        check("HEAD http://mitm.it/", 200, html, None);
        check("GET http://mitm.it/cert/pem/", 404, html, None);
        check(
            "GET http://mitm.it/cert/../mitmproxy-ca.pem",
            404,
            html,
            None,
        );
        check("GET http://mitm.it/mitmproxy-ca.pem", 404, html, None);
        check("POST http://mitm.it/nowhere", 404, html, None);
        let refused = check("POST http://mitm.it/cert/pem", 405, html, None);
        assert_eq!(refused.fields.get("allow"), Some(ALLOWED.as_bytes()));
        check("OPTIONS http://mitm.it/", 200, html, Some(""));
        assert_eq!(ask(&kernel, "GET http://example.com/cert/pem"), None);
    }

    #[test]
    fn a_magisk_module_is_made_of_the_certificate() {
        let (folder, kernel) = set_up("mitm.it");
        let pem = include_str!("testing.pem");
        fs::write(folder.path().join("mitmproxy-ca-cert.pem"), pem).unwrap();
        let response = ask(&kernel, "GET http://mitm.it/cert/magisk").unwrap();
        assert_eq!(response.status, 200);
        let field = |name: &str| response.fields.get(name).unwrap().to_vec();
        assert_eq!(field("content-type"), b"application/zip");
        assert_eq!(
            field("content-disposition"),
            b"attachment; filename=mitmproxy-magisk-module.zip"
        );
        assert!(response.content.bytes().unwrap().starts_with(b"PK"));
    }

    #[test]
    fn a_missing_file_is_said() {
        let (folder, kernel) = set_up("mitm.it");
        fs::remove_file(folder.path().join("mitmproxy-ca-cert.p12")).unwrap();
        let response = ask(&kernel, "GET http://mitm.it/cert/p12").unwrap();
        assert_eq!(response.status, 500);
    }

    #[test]
    fn the_page_names_its_host_and_loads_nothing() {
        let text = page("a<b>&\"'.test");
        assert!(text.contains("http://a&lt;b&gt;&amp;&quot;&#39;.test/cert/pem"));
        assert!(!text.contains("{{") && !text.contains("<script"));
        for attribute in ["src=", "href=\"http", "url(", "@import", "onclick"] {
            assert!(!text.contains(attribute), "{attribute}");
        }
        for section in ["Windows", "Linux", "macOS", "iOS", "Android", "Firefox"] {
            assert!(text.contains(&format!(">{section}")), "{section}");
        }
    }

    #[test]
    fn the_host_is_an_option_and_may_be_off() {
        let (_folder, kernel) = set_up("setup.test");
        assert!(ask(&kernel, "GET http://setup.test/").is_some());
        assert!(ask(&kernel, "GET http://mitm.it/").is_none());
        let flow = http_flow("POST http://setup.test/");
        let need = Onboarding.content_need(&kernel, &flow, Part::Request);
        assert_eq!(need, ContentNeed::Whole);
        let options = kernel.options();
        assert!(Onboarding.interest(&options.load()).contains(Hook::Request));
        options
            .update([("onboarding", Value::Bool(false))])
            .unwrap();
        assert_eq!(Onboarding.interest(&options.load()), HookSet::EMPTY);
    }
}
