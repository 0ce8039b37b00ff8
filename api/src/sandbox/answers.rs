use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Serialize;
use serde_json::json;

/// What a connection does instead of answering; travels with the answer that is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Instead {
    /// Nothing, until the caller gives up.
    #[error("never answered")]
    Hang,
    /// Ends as if the machine had crashed.
    #[error("reset")]
    Reset,
    /// Begins an answer, a byte at a time with such a pause.
    #[error("answered a byte at a time")]
    Dribble(Duration),
}

/// An answer in JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => of_type(status, "application/json", body),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A list.
pub fn items<'a, T: Serialize + 'a>(items: impl Iterator<Item = &'a T>) -> Response {
    #[derive(Serialize)]
    struct List<'a, T> {
        items: Vec<&'a T>,
    }
    json(StatusCode::OK, &List { items: items.collect() })
}

/// A refusal as RFC 9457 has it.
pub fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Refused");
    let body = json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail});
    of_type(status, "application/problem+json", body.to_string())
}

/// A refusal that asks for a pause, in whole seconds.
pub fn later(status: StatusCode, detail: &str, pause: Duration) -> Response {
    let mut response = problem(status, detail);
    let seconds = pause.as_millis().div_ceil(1000) as u64;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// An answer of somebody else: a proxy's page, say.
pub fn garbage() -> Response {
    of_type(StatusCode::OK, "text/html", "<html><body>Please log in</body></html>")
}

/// An answer that does not end.
pub fn endless() -> Response {
    /// So that a caller who reads it all is kept busy, and not the whole machine.
    const PAUSE: Duration = Duration::from_millis(5);
    let spaces = stream::unfold((), async |()| {
        tokio::time::sleep(PAUSE).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(&[b' '; 16 << 10])), ()))
    });
    of_type(StatusCode::OK, "application/json", Body::from_stream(spaces))
}

/// No answer.
pub fn instead(instead: Instead) -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(instead);
    response
}

/// 404.
pub async fn no_route() -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing at this path of the sandbox")
}

/// 405.
pub async fn no_method() -> Response {
    problem(StatusCode::METHOD_NOT_ALLOWED, "this path of the sandbox has other methods")
}

fn of_type(status: StatusCode, media_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
