//! The page and what belongs to it, built into the program.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use rust_embed::RustEmbed;

use crate::call::{Call, Problem, Reply, typed};
use crate::guard;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// The application page. It gives the browser its XSRF token.
pub(crate) fn index(call: &Call) -> Reply {
    let mut response = serve(call, "index.html")?;
    let (_, cookie) = guard::xsrf_cookie(&call.headers);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `GET /`.
pub(crate) async fn root(call: Call) -> Reply {
    index(&call)
}

/// Files of the page: those below `/static`, `/assets`, and its icons.
pub(crate) fn file(call: &Call) -> Reply {
    serve(call, call.part(0))
}

/// A file by its path in the bundle, compressed if it lies there compressed and the client takes it.
fn serve(call: &Call, path: &str) -> Reply {
    let media = media_type(path);
    let accepted = call.header(header::ACCEPT_ENCODING).to_ascii_lowercase();
    for (coding, ending) in [("br", ".br"), ("gzip", ".gz")] {
        let takes = accepted
            .split(',')
            .any(|one| one.trim().split(';').next() == Some(coding));
        if takes && let Some(found) = Assets::get(&format!("{path}{ending}")) {
            let mut response = typed(media, found.data.into_owned());
            let value = HeaderValue::from_static(coding);
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, value);
            return Ok(cached(response, path));
        }
    }
    match Assets::get(path) {
        Some(found) => Ok(cached(typed(media, found.data.into_owned()), path)),
        None => Err(Problem::new(StatusCode::NOT_FOUND, "Not found.")),
    }
}

/// Names with a hash in them never change their content.
fn cached(mut response: Response, path: &str) -> Response {
    let rule = if path == "index.html" {
        "no-store"
    } else if path.starts_with("assets/") || path.starts_with("static/") {
        "private, max-age=31536000, immutable"
    } else {
        "private, max-age=3600"
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(rule));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// The media type of a file of ours by its ending.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=UTF-8",
        "js" | "mjs" => "text/javascript; charset=UTF-8",
        "css" => "text/css; charset=UTF-8",
        "json" | "map" => "application/json; charset=UTF-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=UTF-8",
        _ => "application/octet-stream",
    }
}

/// Names of all files of the page, for the static viewer.
pub(crate) fn all() -> impl Iterator<Item = (String, Vec<u8>)> {
    Assets::iter().filter_map(|name| {
        let file = Assets::get(&name)?;
        Some((name.into_owned(), file.data.into_owned()))
    })
}
