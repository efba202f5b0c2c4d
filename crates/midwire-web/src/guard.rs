//! What every request has to pass, and what every answer carries (security.md §8).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::auth::Verdict;
use crate::call::Problem;
use crate::login;

/// Name of the cookie that a page repeats in the field `X-XSRFToken`.
pub(crate) const XSRF_COOKIE: &str = "_mitmproxy_xsrf";

/// What pages may load and do: nothing that is not ours, nothing inline but styles.
const POLICY: &str = "default-src 'self'; connect-src 'self'; img-src 'self' data: blob:; \
    style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// How a request proved that it may be here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Cookie,
    Token,
}

/// Lets a request pass, or answers it.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<crate::server::Peer>().copied();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = std::time::Instant::now();
    let mut response = pass(&app, request, next).await;
    decorate(response.headers_mut());
    if response.status().is_client_error() || response.status().is_server_error() {
        tracing::info!(
            "{} {method} {} ({}) {:.2}ms",
            response.status().as_u16(),
            midwire_views::clean_line(&path),
            peer.map_or_else(String::new, |peer| peer.0.ip().to_string()),
            started.elapsed().as_secs_f64() * 1000.0,
        );
    }
    response
}

async fn pass(app: &Arc<App>, request: Request, next: Next) -> Response {
    let is_json = request.uri().path().starts_with("/api/");
    let options = app.kernel.options().load();
    if let Err(problem) = check_host(request.headers(), &options.web_allowed_hosts) {
        return problem.answer(is_json);
    }
    // The login form carries its token in the body, which its route reads.
    if request.uri().path() == "/" && request.method() == Method::POST {
        return match check_site(request.headers()) {
            Ok(()) => next.run(request).await,
            Err(problem) => problem.answer(is_json),
        };
    }
    let proof = match shown(app, &request) {
        Shown::Cookie => Proof::Cookie,
        Shown::Nothing => return refusal(app, &request, None),
        Shown::Token(token) => match app.try_token(token).await {
            Verdict::Right => Proof::Token,
            verdict => return refusal(app, &request, Some(verdict)),
        },
    };
    if let Err(problem) = check_change(&request) {
        return problem.answer(is_json);
    }
    let mut response = next.run(request).await;
    if proof == Proof::Token
        && let Ok(cookie) = HeaderValue::from_str(&app.auth.set_cookie())
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Without credentials a browser gets the login page, everybody else nothing.
fn refusal(app: &App, request: &Request, verdict: Option<Verdict>) -> Response {
    let path = request.uri().path();
    let mut response = if path == "/" {
        let complaint = verdict.map(|_| "This is not the right token.");
        login::page(app, request.headers(), complaint)
    } else if path.starts_with("/api/") {
        Problem::new(StatusCode::FORBIDDEN, "log in first").answer(true)
    } else {
        crate::call::done()
    };
    *response.status_mut() = if verdict == Some(Verdict::NotLookedAt) {
        StatusCode::TOO_MANY_REQUESTS
    } else {
        StatusCode::FORBIDDEN
    };
    response
}

/// What a request shows to prove that it may be here.
enum Shown {
    /// A cookie that is good.
    Cookie,
    /// A token, not looked at yet.
    Token(String),
    Nothing,
}

/// Looks for credentials: the cookie, the field, the query.
fn shown(app: &App, request: &Request) -> Shown {
    let headers = request.headers();
    if cookies(headers, app.auth.cookie_name()).any(|value| app.auth.accepts_cookie(value)) {
        return Shown::Cookie;
    }
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let query = || {
        let pairs = crate::table::pairs(request.uri().query().unwrap_or_default());
        let found = pairs.into_iter().find(|(name, _)| name == "token");
        found.map(|(_, value)| value)
    };
    bearer
        .map(str::to_owned)
        .or_else(query)
        .map_or(Shown::Nothing, Shown::Token)
}

/// Values of the cookies of this name.
pub(crate) fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(move |pair| {
            let (found, value) = pair.trim().split_once('=')?;
            (found == name).then_some(value.trim_matches('"'))
        })
}

/// An empty or malformed Host is refused; the option narrows down which are good.
fn check_host(headers: &HeaderMap, allowed: &[String]) -> Result<(), Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts
        .next()
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    if hosts.next().is_some() || !is_host(host) {
        return Err(Problem::bad("bad Host field"));
    }
    let (name, _) = split_port(host);
    let is_allowed = |allowed: &String| {
        host.eq_ignore_ascii_case(allowed)
            || name.eq_ignore_ascii_case(allowed)
            || name.trim_matches(['[', ']']).eq_ignore_ascii_case(allowed)
    };
    if allowed.is_empty() || allowed.iter().any(is_allowed) {
        Ok(())
    } else {
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "this host name is not among web_allowed_hosts",
        ))
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = split_port(host);
    let good = |c: char| c.is_ascii_alphanumeric() || "-._~%[]:".contains(c);
    let bracketed = name.starts_with('[') && name.ends_with(']');
    !name.is_empty()
        && name.chars().all(good)
        && (bracketed || !name.contains([':', '[', ']']))
        && port.is_none_or(|port| port.is_empty() || port.parse::<u16>().is_ok())
}

fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    }
}

/// Methods that change something come from our own pages only.
fn check_change(request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    if headers.contains_key(header::UPGRADE) {
        return check_origin(headers);
    }
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method()) {
        return Ok(());
    }
    check_site(headers)?;
    let given = headers
        .get("x-xsrftoken")
        .or_else(|| headers.get("x-csrftoken"))
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
        .or_else(|| {
            let pairs = crate::table::pairs(request.uri().query().unwrap_or_default());
            pairs
                .into_iter()
                .find(|(name, _)| name == "_xsrf")
                .map(|(_, value)| value)
        });
    let Some(given) = given else {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "'_xsrf' argument missing from POST",
        ));
    };
    if repeats_cookie(headers, &given) {
        Ok(())
    } else {
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "XSRF cookie does not match POST argument",
        ))
    }
}

/// True if a token is that of the cookie.
pub(crate) fn repeats_cookie(headers: &HeaderMap, given: &str) -> bool {
    !given.is_empty() && cookies(headers, XSRF_COOKIE).any(|value| value == given)
}

/// What the browser says about the page that sends the request.
fn check_site(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers
        .get("sec-fetch-site")
        .map(|site| site.to_str().unwrap_or("?"));
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "cross-site requests are refused",
        ));
    }
    check_origin(headers)
}

/// An Origin, if there is one, names the host that is asked.
fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let same = origin.split_once("://").is_some_and(|(scheme, authority)| {
        let default = if scheme == "https" { ":443" } else { ":80" };
        let plain = |text: &str| {
            text.strip_suffix(default)
                .unwrap_or(text)
                .to_ascii_lowercase()
        };
        plain(authority) == plain(host)
    });
    if same {
        Ok(())
    } else {
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "cross-origin requests are refused",
        ))
    }
}

/// Adds what every answer carries; a policy of its own stays.
fn decorate(headers: &mut HeaderMap) {
    let version = concat!("midwire/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [
        (header::SERVER, version),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_XSS_PROTECTION, "1; mode=block"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers
        .entry("cross-origin-resource-policy")
        .or_insert(HeaderValue::from_static("same-origin"));
}

/// The field that gives a browser its XSRF token, unless it has one.
pub(crate) fn xsrf_cookie(headers: &HeaderMap) -> (String, Option<HeaderValue>) {
    if let Some(known) = cookies(headers, XSRF_COOKIE).find(|value| !value.is_empty()) {
        return (known.to_owned(), None);
    }
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        return (String::new(), None);
    }
    let token = crate::auth::hex(&bytes);
    let field = format!("{XSRF_COOKIE}={token}; Path=/; SameSite=Strict");
    let value = HeaderValue::from_str(&field).ok();
    (token, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn hosts_are_checked() {
        let check = |host: &'static str, allowed: &[&str], expected: u16| {
            let allowed: Vec<String> = allowed.iter().map(|&name| name.to_owned()).collect();
            let got = check_host(&fields(&[("host", host)]), &allowed);
            let got = got.map_or_else(|problem| problem.status.as_u16(), |()| 200);
            assert_eq!(got, expected, "{host} {allowed:?}");
        };
        check("127.0.0.1:8081", &[], 200);
        check("evil.example", &[], 200);
        check("[::1]:8081", &[], 200);
        check("", &[], 400);
        check("a b", &[], 400);
        check("host:99999", &[], 400);
        check("a/b", &[], 400);
        check("::1", &[], 400);
        check("evil.example", &["localhost"], 403);
        check("LocalHost:1", &["localhost"], 200);
        check("[::1]:1", &["::1"], 200);
        assert!(check_host(&HeaderMap::new(), &[]).is_err());
        assert!(check_host(&fields(&[("host", "a"), ("host", "a")]), &[]).is_err());
    }

    #[test]
    fn origins_must_be_the_host() {
        let check = |origin: &'static str, host: &'static str, expected: bool| {
            let headers = fields(&[("origin", origin), ("host", host)]);
            assert_eq!(check_origin(&headers).is_ok(), expected, "{origin} {host}");
        };
        check("http://127.0.0.1:8081", "127.0.0.1:8081", true);
        check("http://LOCALHOST", "localhost:80", true);
        check("https://a", "a", true);
        check("https://a:443", "a", true);
        check("http://evil.example", "127.0.0.1:8081", false);
        check("null", "127.0.0.1:8081", false);
        check("http://127.0.0.1:8082", "127.0.0.1:8081", false);
        assert!(check_origin(&fields(&[("host", "a")])).is_ok());
    }

    #[test]
    fn sites_must_be_ours() {
        for (site, good) in [
            ("same-origin", true),
            ("none", true),
            ("cross-site", false),
            ("same-site", false),
            ("x", false),
        ] {
            let headers = fields(&[("sec-fetch-site", site)]);
            assert_eq!(check_site(&headers).is_ok(), good, "{site}");
        }
    }
}
