//! Answers, written once.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Call;
use super::conditions::{Tag, Tags};
use super::query::Query;
use crate::problems::Refusal;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
pub(crate) const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
/// May be kept, but not used without asking.
pub(crate) const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// 200 with `value` as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<Response, Refusal> {
    Ok(raw_json(StatusCode::OK, serde_json::to_vec(value)?))
}

/// A body that is JSON already.
pub(crate) fn raw_json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// 200 with something that has an entity tag, or 304 when the client has it.
pub(crate) fn tagged(request: &HeaderMap, tag: &str, body: impl Into<Body>) -> Response {
    let mut response = if if_none_match(request, tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        raw_json(StatusCode::OK, body)
    };
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, REVALIDATE);
    response
}

/// Whether `If-None-Match` names `tag`; one that cannot be read names nothing.
fn if_none_match(request: &HeaderMap, tag: &str) -> bool {
    let given = Tags::of(request, &header::IF_NONE_MATCH).ok().flatten();
    given.is_some_and(|given| given.have_weakly(Tag::read(tag).as_ref()))
}

/// A page of a list.
#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct Page<T> {
    /// The items of this page.
    pub(crate) items: Vec<T>,
    /// Where the next page begins; null on the last one.
    pub(crate) next_cursor: Option<String>,
}

/// 200 with a page; the next one is also given as a link.
pub(crate) fn page<T: Serialize>(call: &Call, query: &Query, page: &Page<T>) -> Result<Response, Refusal> {
    let mut response = json(page)?;
    if let Some(cursor) = &page.next_cursor {
        let next = call.base().path(format!("{}{}", call.path(), query.with_cursor(cursor)));
        let link = format!("<{next}>; rel=\"next\"");
        set(response.headers_mut(), header::LINK, link);
    }
    Ok(response)
}

/// An answer that other request headers would have had another form of.
pub(crate) fn varies(mut response: Response, by: &'static str) -> Response {
    response.headers_mut().append(header::VARY, HeaderValue::from_static(by));
    response
}

/// A stream of server-sent events.
pub(crate) fn event_stream<S, E>(events: S) -> Response
where
    S: futures::Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<axum::BoxError> + 'static,
{
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, EVENT_STREAM);
    // Proxies that gather answers before they pass them on leave this one alone.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// Sets a header to a text of our own making.
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value)) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly_and_one_of_several_is_enough() {
        let asks = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, text.parse().unwrap());
            if_none_match(&headers, "\"3\"")
        };
        assert!(asks("\"3\"") && asks("W/\"3\"") && asks("\"1\", \"3\"") && asks("*"));
        assert!(!asks("\"33\"") && !asks("3"));
    }
}
