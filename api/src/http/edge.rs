//! The one layer around every route: what all answers have in common. It is a single layer so that a request
//! passes little on its way.

use std::panic::AssertUnwindSafe;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tokio::time::Instant;
use tracing::Instrument as _;
use wilco_domain::kernel::Problem;

use super::answer::PROBLEM;
use super::framing::Fault;
use super::state::AppState;
use super::{coding, trace, visitor};
use crate::header_names::X_REQUEST_ID;
use crate::problems::{Refusal, Unwritten};

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const DENY: HeaderValue = HeaderValue::from_static("DENY");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");
const CLOSE: HeaderValue = HeaderValue::from_static("close");
const NOTHING_BUT_DATA: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Headers added to most answers, so that the map grows once.
const ADDED: usize = 7;
/// Longest request id that is taken over.
const LONGEST_ID: usize = 128;

/// Numbers the request, answers panics and refusals with problems, adds the security headers, and counts.
pub(crate) async fn edge(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let place = state.traffic().place(&request);
    let span = trace::span(&request, state.traffic().route(place));
    let id = request_id(&state, request.headers());
    let uri = request.uri().clone();
    let takes_gzip = coding::takes_gzip(request.headers());
    let fault = request.extensions().get::<Fault>().cloned();
    let refusal = match &fault {
        Some(fault) => Some(fault.refusal()),
        None => visitor::refusal(state.settings(), &request),
    };
    let mut response = if let Some(refusal) = refusal {
        refusal.into_response()
    } else {
        let answering = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone());
        answering.await.unwrap_or_else(|_| panicked(&uri))
    };
    if let Some(Unwritten(problem)) = response.extensions_mut().remove::<Unwritten>() {
        let instance = fault.as_ref().map_or(uri.path(), |fault| fault.path());
        write(&mut response, problem, instance);
    }
    if coding::gains(&response) {
        response.headers_mut().append(header::VARY, ACCEPT_ENCODING);
        if takes_gzip {
            response = coding::compressed(response).await;
        }
    }
    let headers = response.headers_mut();
    headers.reserve(ADDED);
    headers.insert(X_REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(header::X_FRAME_OPTIONS, DENY);
    headers.insert(header::REFERRER_POLICY, NO_REFERRER);
    unless_set(headers, header::CONTENT_SECURITY_POLICY, NOTHING_BUT_DATA);
    unless_set(headers, header::CACHE_CONTROL, NO_STORE);
    if fault.is_some() {
        headers.insert(header::CONNECTION, CLOSE);
    }
    trace::answered(&span, &response);
    state.traffic().count(place, &response, started.elapsed());
    response
}

fn unless_set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}

/// The client's own request id if it is a sane one, else a new one.
fn request_id(state: &AppState, headers: &HeaderMap) -> HeaderValue {
    let sane = |b: &u8| b.is_ascii_alphanumeric() || b"._~-+/=:@".contains(b);
    if let Some(given) = headers.get(X_REQUEST_ID)
        && (1..=LONGEST_ID).contains(&given.len())
        && given.as_bytes().iter().all(sane)
    {
        return given.clone();
    }
    let mut buffer = uuid::Uuid::encode_buffer();
    let id = state.engine().new_id();
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut buffer)).unwrap_or(CLOSE)
}

/// Writes the problem that a refusal left with its response.
fn write(response: &mut Response, mut problem: Problem, path: &str) {
    if problem.instance.is_none() {
        problem.instance = Some(path.to_owned());
    }
    *response.body_mut() = Body::from(serde_json::to_vec(&problem).unwrap_or_default());
    response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM);
}

/// The panic itself is told by the panic hook.
fn panicked(uri: &Uri) -> Response {
    tracing::error!(path = uri.path(), "a handler panicked");
    Refusal::internal().into_response()
}
