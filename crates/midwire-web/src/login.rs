//! The page for those who have no token yet.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::app::App;
use crate::auth::Verdict;
use crate::call::{Call, Problem, Reply, typed};
use crate::{assets, guard};

/// The login page. It holds nothing but what is said here, and the XSRF token of its form.
pub(crate) fn page(app: &App, headers: &HeaderMap, complaint: Option<&'static str>) -> Response {
    let (xsrf, cookie) = guard::xsrf_cookie(headers);
    // The token of a cookie is what somebody sent, so only what ours look like is repeated.
    let xsrf: String = xsrf.chars().filter(char::is_ascii_hexdigit).collect();
    let hint = if app.kernel.options().load().web_password.is_empty() {
        "The terminal in which midwire runs shows an address with the token in it."
    } else {
        "The token is the password that was set with the option web_password."
    };
    let complaint = complaint.map_or_else(String::new, |text| {
        format!("<p class=\"bad\" role=\"alert\">{text}</p>")
    });
    let html = PAGE
        .replace("{complaint}", &complaint)
        .replace("{hint}", hint)
        .replace("{xsrf}", &xsrf);
    let mut response = typed("text/html; charset=UTF-8", html);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

const PAGE: &str = include_str!("login.html");

/// `POST /`: takes the token of the login form.
pub(crate) async fn submit(call: Call) -> Reply {
    let form = crate::table::pairs(&String::from_utf8_lossy(&call.body));
    let field = |name: &str| {
        let found = form.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone())
    };
    let xsrf = match call.header("x-xsrftoken") {
        "" => field("_xsrf").or_else(|| call.arg("_xsrf").map(str::to_owned)),
        given => Some(given.to_owned()),
    };
    if !xsrf.is_some_and(|xsrf| guard::repeats_cookie(&call.headers, &xsrf)) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "'_xsrf' argument missing from POST",
        ));
    }
    let app = Arc::clone(&call.app);
    let token = field("token").unwrap_or_default();
    match app.try_token(token).await {
        Verdict::Right => {
            let mut response = assets::index(&call)?;
            let cookie =
                HeaderValue::from_str(&app.auth.set_cookie()).map_err(Problem::internal)?;
            response.headers_mut().append(header::SET_COOKIE, cookie);
            Ok(response)
        }
        Verdict::Wrong => {
            let mut response = page(&app, &call.headers, Some("This is not the right token."));
            *response.status_mut() = StatusCode::FORBIDDEN;
            Ok(response)
        }
        Verdict::NotLookedAt => {
            let mut response = page(
                &app,
                &call.headers,
                Some("Too many wrong tokens: wait a second and try again."),
            );
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            Ok(response)
        }
    }
}
