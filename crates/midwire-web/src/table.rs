//! The table of all routes: the router and the OpenAPI document are made from it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts as _, RawPathParams, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::app::App;
use crate::call::{Call, Problem, Work};
use crate::{assets, guard, login, routes, updates, v1};

/// What a request body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// None.
    Nothing,
    /// JSON, or a form; at most 1 MiB.
    Json,
    /// A file; at most 256 MiB.
    File,
    /// The connection becomes a WebSocket.
    WebSocket,
}

impl Input {
    /// Bytes of a body, at most (security.md §8).
    fn limit(self) -> usize {
        match self {
            Self::File => 256 << 20,
            _ => 1 << 20,
        }
    }
}

/// A row of the table.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// `{name}` stands for a part, `{*name}` for the rest.
    pub(crate) path: &'static str,
    /// One line for the document.
    pub(crate) summary: &'static str,
    /// Names in the query.
    pub(crate) query: &'static [&'static str],
    pub(crate) input: Input,
    pub(crate) run: fn(Call) -> Work,
}

/// Rows `METHOD "path" function, Input, [query], "summary";`.
macro_rules! table_of_routes {
    ($($method:ident $path:literal $run:path, $input:ident, [$($query:literal),*], $summary:literal;)*) => {
        /// All routes.
        pub(crate) const ROUTES: &[Route] = &[
            $(Route {
                method: stringify!($method),
                path: $path,
                summary: $summary,
                query: &[$($query),*],
                input: Input::$input,
                run: |call| Box::pin($run(call)),
            },)*
        ];
    };
}

pub(crate) use table_of_routes;

table_of_routes! {
    GET "/" assets::root, Nothing, [], "The application page.";
    POST "/" login::submit, Json, [], "Log in with the form field `token`.";
    GET "/updates" updates::updates, WebSocket, [], "Changes of flows, events, options and state (as mitmweb).";
    GET "/filter-help" routes::misc::filter_help, Nothing, [], "Operators of filter expressions.";
    GET "/commands" routes::commands::list, Nothing, [], "All commands by name.";
    POST "/commands/{name}" routes::commands::run, Json, [], "Run a command.";
    GET "/events" routes::misc::events, Nothing, [], "Entries of the event log.";
    GET "/flows" routes::flows::list, Nothing, [], "Flows of the view.";
    GET "/flows/dump" routes::dump::get, Nothing, ["filter"], "Flows of the view as a flow file.";
    POST "/flows/dump" routes::dump::post, File, [], "Replace all flows by those of a file.";
    POST "/flows/resume" routes::flows::resume_all, Nothing, [], "Let all held flows go on.";
    POST "/flows/kill" routes::flows::kill_all, Nothing, [], "Cut all running flows off.";
    PUT "/flows/{id}" routes::edit::put, Json, [], "Change a flow.";
    DELETE "/flows/{id}" routes::flows::delete, Nothing, [], "Remove a flow.";
    POST "/flows/{id}/resume" routes::flows::resume, Nothing, [], "Let a held flow go on.";
    POST "/flows/{id}/kill" routes::flows::kill, Nothing, [], "Cut a running flow off.";
    POST "/flows/{id}/revert" routes::flows::revert, Nothing, [], "Undo changes of a flow.";
    POST "/flows/{id}/replay" routes::flows::replay, Nothing, [], "Send the request of a flow again.";
    POST "/flows/{id}/duplicate" routes::flows::duplicate, Nothing, [], "Copy a flow; the answer is the new identifier.";
    GET "/flows/{id}/{message}/content.data" routes::content::get, Nothing, [], "The decoded content of a message.";
    POST "/flows/{id}/{message}/content.data" routes::content::post, File, [], "Replace the content of a message.";
    GET "/flows/{id}/{message}/content/{view}" routes::content::view, Nothing, ["lines"], "The content of a message in a content view.";
    POST "/clear" routes::misc::clear, Nothing, [], "Remove all flows and events.";
    GET "/options" routes::options::get, Nothing, [], "All options.";
    PUT "/options" routes::options::put, Json, [], "Set options, all or none.";
    POST "/options/save" routes::options::save, Json, [], "Save options to the config file.";
    GET "/state" routes::misc::state, Nothing, [], "Version, listeners, content views.";
    GET "/processes" routes::misc::processes, Nothing, [], "Processes that local capture could take.";
    GET "/executable-icon" routes::misc::icon, Nothing, ["path"], "The icon of a program.";
}

/// Routes that also answer with `.json` at the end, as mitmweb's do.
const WITH_SUFFIX: &[&str] = &[
    "/filter-help",
    "/commands",
    "/events",
    "/flows",
    "/options",
    "/state",
];

/// All rows: mitmweb's and the versioned ones.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(v1::table::ROUTES)
}

/// The router of all routes, guarded.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let mut router: Router<Arc<App>> = Router::new();
    for route in all() {
        router = router.route(route.path, method(route));
        if route.method == "GET" && WITH_SUFFIX.contains(&route.path) {
            router = router.route(&format!("{}.json", route.path), method(route));
        }
    }
    let gzip = tower_http::compression::CompressionLayer::new()
        .gzip(true)
        .quality(tower_http::CompressionLevel::Fastest);
    router
        .fallback(fallback)
        .method_not_allowed_fallback(async || StatusCode::METHOD_NOT_ALLOWED)
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(app),
            guard::guard,
        ))
        .layer(gzip)
        .with_state(Arc::clone(app))
}

fn method(route: &'static Route) -> MethodRouter<Arc<App>> {
    let filter = match route.method {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    };
    on(
        filter,
        move |State(app): State<Arc<App>>, params: RawPathParams, request: Request| async move {
            let path = params.iter().map(|(_, value)| value.to_owned()).collect();
            let is_json = route.path.starts_with("/api/");
            match call(app, path, route.input, request).await {
                Ok(call) => (route.run)(call)
                    .await
                    .unwrap_or_else(|problem| problem.answer(is_json)),
                Err(problem) => problem.answer(is_json),
            }
        },
    )
}

/// What no route has may be a file of the page.
async fn fallback(State(app): State<Arc<App>>, request: Request) -> Response {
    let is_json = request.uri().path().starts_with("/api/");
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Problem::missing("Not found.").answer(is_json);
    }
    let path = request.uri().path().trim_start_matches('/').to_owned();
    match call(app, vec![path], Input::Nothing, request).await {
        Ok(call) if !is_json => assets::file(&call),
        Ok(_) => Err(Problem::missing("there is no such route")),
        Err(problem) => Err(problem),
    }
    .unwrap_or_else(|problem| problem.answer(is_json))
}

async fn call(
    app: Arc<App>,
    path: Vec<String>,
    input: Input,
    request: Request,
) -> Result<Call, Problem> {
    let (mut parts, body) = request.into_parts();
    let upgrade = match input {
        Input::WebSocket => WebSocketUpgrade::from_request_parts(&mut parts, &())
            .await
            .ok(),
        _ => None,
    };
    let length = parts.headers.get(header::CONTENT_LENGTH);
    let announced = length
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|announced| announced > input.limit() as u64) {
        return Err(too_large(input.limit()));
    }
    let body = {
        // Only files take much memory; they wait for each other.
        let _permit = match input {
            Input::File => app.uploads.acquire().await.ok(),
            _ => None,
        };
        read(body, input.limit(), BODY_TIME).await?
    };
    let query = pairs(parts.uri.query().unwrap_or_default());
    Ok(Call {
        app,
        path,
        query,
        headers: parts.headers,
        body,
        upgrade,
    })
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the request body is larger than {limit} bytes"),
    )
}

/// The time over which the speed of a body is measured.
const BODY_TIME: Duration = Duration::from_mins(1);

/// Bytes that a body brings each second at least, on average.
const SLOWEST: u64 = 500;

/// Reads a body with limits for its size and for slowness (security.md §3).
async fn read(
    mut body: axum::body::Body,
    limit: usize,
    window: Duration,
) -> Result<Bytes, Problem> {
    let mut out = BytesMut::new();
    let slow = || {
        Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "the request body came too slowly",
        )
    };
    let mut before = 0;
    let mut deadline = tokio::time::Instant::now() + window;
    loop {
        let frame = match tokio::time::timeout_at(deadline, body.frame()).await {
            Ok(frame) => frame,
            Err(_) if ((out.len() - before) as u64) < SLOWEST * window.as_secs() => {
                return Err(slow());
            }
            Err(_) => {
                before = out.len();
                deadline += window;
                continue;
            }
        };
        let Some(frame) = frame else {
            return Ok(out.freeze());
        };
        let frame = frame.map_err(|error| Problem::bad(format!("broken request: {error}")))?;
        if let Ok(data) = frame.into_data() {
            if out.len() + data.len() > limit {
                return Err(too_large(limit));
            }
            out.extend_from_slice(&data);
        }
    }
}

/// Pairs of a query or form, decoded as text.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = midwire_flow::access::url::decode_form(text.as_bytes());
    midwire_flow::access::text_pairs(&pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bodies_that_drip_are_refused() {
        let pieces = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        let started = tokio::time::Instant::now();
        let body = axum::body::Body::from_stream(pieces);
        let problem = read(body, 1 << 20, BODY_TIME).await.unwrap_err();
        assert_eq!(problem.status, StatusCode::REQUEST_TIMEOUT);
        assert!(started.elapsed() < 2 * BODY_TIME);
        let quick = axum::body::Body::from("x".repeat(100));
        assert_eq!(read(quick, 100, BODY_TIME).await.unwrap().len(), 100);
        let large = axum::body::Body::from("x".repeat(101));
        assert_eq!(
            read(large, 100, BODY_TIME).await.unwrap_err().status,
            StatusCode::PAYLOAD_TOO_LARGE
        );
    }
}
