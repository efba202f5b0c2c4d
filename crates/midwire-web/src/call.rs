//! One request to the interface, as routes see it, and what they answer.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use midwire_flow::{Flow, Id};
use serde_json::{Value as Json, json};

use crate::app::App;

/// What a route answers.
pub(crate) type Reply = Result<Response, Problem>;

/// A route at work.
pub(crate) type Work = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A request that passed the guard.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    /// The parts of the path that its route leaves open, decoded.
    pub(crate) path: Vec<String>,
    /// The query, decoded.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// There if the request asks for a WebSocket.
    pub(crate) upgrade: Option<WebSocketUpgrade>,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// One sentence for the user.
    pub(crate) text: String,
    /// Where in a filter or rule, in characters.
    pub(crate) position: Option<usize>,
    /// Which entry of a list.
    pub(crate) index: Option<usize>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            position: None,
            index: None,
        }
    }

    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub(crate) fn missing(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// Something of ours went wrong.
    pub(crate) fn internal(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }

    /// A filter expression that cannot be read: the sentence, and the place in characters.
    pub(crate) fn filter(expression: &str, error: &midwire_flow::filter::FilterError) -> Self {
        let before = expression.get(..error.position);
        Self {
            position: Some(before.map_or(0, |text| text.chars().count())),
            ..Self::bad(error.reason.clone())
        }
    }

    /// The answer, in JSON for the versioned interface, as text otherwise.
    pub(crate) fn answer(self, is_json: bool) -> Response {
        let mut response = if is_json {
            let mut body = json!({ "error": self.text });
            if let Some(position) = self.position {
                body["position"] = position.into();
            }
            if let Some(index) = self.index {
                body["index"] = index.into();
            }
            json(&body)
        } else {
            text(self.text)
        };
        *response.status_mut() = self.status;
        response
    }
}

impl Call {
    /// An open part of the path.
    pub(crate) fn part(&self, at: usize) -> &str {
        self.path.get(at).map_or("", String::as_str)
    }

    /// A value of the query.
    pub(crate) fn arg(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name)?;
        Some(&found.1)
    }

    /// A number of the query.
    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>, Problem> {
        let Some(text) = self.arg(name).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_| Problem::bad(format!("{name} is no number")))
    }

    /// A switch of the query.
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.arg(name), Some("1" | "true"))
    }

    /// The flow that an open part of the path names.
    pub(crate) fn flow(&self, at: usize) -> Result<Arc<Flow>, Problem> {
        let flow = self.app.kernel.store().get(&self.id(at));
        flow.ok_or_else(|| Problem::missing("Flow not found."))
    }

    /// The identifier that an open part of the path gives.
    pub(crate) fn id(&self, at: usize) -> Id {
        Id::parse(self.part(at))
    }

    /// A field of the request as text.
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// True if the request says that its body is JSON.
    pub(crate) fn says_json(&self) -> bool {
        let media = self.header(header::CONTENT_TYPE);
        let media = media.split(';').next().unwrap_or_default();
        media.trim().eq_ignore_ascii_case("application/json")
    }

    /// The body, which has to be JSON.
    pub(crate) fn json(&self) -> Result<Json, Problem> {
        if !self.says_json() {
            return Err(Problem::bad(
                "Invalid Content-Type, expected application/json.",
            ));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Problem::bad(format!("Malformed JSON: {error}")))
    }

    /// The file that was sent: a part of a form, or the body itself.
    pub(crate) fn file(&self) -> Bytes {
        use midwire_flow::access::multipart;
        let media = self.header(header::CONTENT_TYPE);
        if !media.to_ascii_lowercase().starts_with("multipart/") {
            return self.body.clone();
        }
        let Some(boundary) = multipart::boundary(media) else {
            return self.body.clone();
        };
        let parts = multipart::parts(&self.body, &boundary);
        let named = parts
            .iter()
            .find(|part| part.name().as_deref() == Some("file"));
        named
            .or(parts.first())
            .map_or_else(Bytes::new, |part| Bytes::copy_from_slice(part.content))
    }
}

/// Runs what takes long beside the network threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(Problem::internal)
}

/// An answer with a body of this media type.
pub(crate) fn typed(media: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let value = HeaderValue::from_static(media);
    response.headers_mut().insert(header::CONTENT_TYPE, value);
    response
}

/// An answer in JSON.
pub(crate) fn json(value: &Json) -> Response {
    typed("application/json; charset=UTF-8", value.to_string())
}

/// A text. It is never taken for a page.
pub(crate) fn text(text: impl Into<String>) -> Response {
    typed("text/plain; charset=UTF-8", text.into())
}

/// An answer without a body.
pub(crate) fn done() -> Response {
    Response::new(Body::empty())
}
