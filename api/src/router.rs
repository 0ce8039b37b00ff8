//! The routes, and what is around all of them.

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::header_names;
use crate::http::{AppState, edge};
use crate::openapi::Route;
use crate::problems::Refusal;
use crate::v1;

/// How long a browser may go by what it was allowed once: what Chromium keeps at most.
const PREFLIGHT_KEPT: Duration = Duration::from_secs(7200);

/// The whole interface.
pub(crate) fn router(served: &[Route], state: AppState) -> Router {
    let mut router = Router::new();
    for route in served {
        router = router.route(&route.path, route.handler.clone());
    }
    for (path, handler) in v1::pages() {
        router = router.route(path, handler);
    }
    router = router.fallback(unknown_route).method_not_allowed_fallback(method_not_allowed);
    if let Some(cors) = cors(&state.settings().cors_origins) {
        router = router.layer(cors);
    }
    let base = state.settings().base_path.clone();
    let router = router.layer(axum::middleware::from_fn_with_state(state.clone(), edge)).with_state(state);
    match base.as_str() {
        "" => router,
        // A proxy may take the base away, or leave it.
        base => Router::new().nest_service(base, router.clone()).fallback_service(router),
    }
}

async fn unknown_route() -> Refusal {
    Refusal::unknown_route()
}

async fn method_not_allowed() -> Refusal {
    Refusal::new("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "not a method that this path takes")
}

/// Lets pages of the listed origins call the server; without any, no layer at all.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins
        .iter()
        .filter_map(|origin| {
            let parsed = origin.parse().ok();
            if parsed.is_none() {
                tracing::warn!(origin, "not an origin; it is left out of those that may call");
            }
            parsed
        })
        .collect();
    if origins.is_empty() {
        return None;
    }
    let exposed = [
        header::LOCATION,
        header_names::OPERATION_LOCATION,
        header::RETRY_AFTER,
        header::ETAG,
        header::CONTENT_LOCATION,
        header::LINK,
        header_names::PREFERENCE_APPLIED,
        header_names::IDEMPOTENCY_REPLAYED,
        header_names::X_REQUEST_ID,
    ];
    let taken = [
        header::ACCEPT,
        header::AUTHORIZATION,
        header::CONTENT_ENCODING,
        header::CONTENT_TYPE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header_names::IDEMPOTENCY_KEY,
        header_names::PREFER,
        header_names::LAST_EVENT_ID,
        header_names::X_REQUEST_ID,
        HeaderName::from_static("traceparent"),
        HeaderName::from_static("tracestate"),
        HeaderName::from_static("baggage"),
        HeaderName::from_static("sentry-trace"),
    ];
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(taken)
        .expose_headers(exposed)
        .max_age(PREFLIGHT_KEPT);
    Some(cors)
}
