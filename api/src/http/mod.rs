//! The server: connections, limits, the router, and what every answer has in common.
//!
//! | module | holds |
//! | --- | --- |
//! | [`serve`] | the accept loop, connections and their limits, the soft end |
//! | `framing` | refuses requests that two servers may read differently, before they are parsed |
//! | `edge` | the layer around every route: request id, problems, security headers, counting |
//! | `call` | a request as handlers see it |
//! | `accept`, `conditions`, `headers`, `query`, `json` | how its parts are read |
//! | `answer` | how answers are written |
//! | `base` | below which path clients see the server |
//! | `coding` | gzip, in both directions |
//! | `visitor` | what pages of others may have a browser do here |
//! | `settings`, `state`, `traffic` | what the interface takes, has at hand, and counts |

mod accept;
pub(crate) mod answer;
mod base;
mod call;
mod coding;
mod conditions;
mod edge;
mod framing;
pub(crate) mod headers;
pub(crate) mod json;
mod query;
mod server;
mod settings;
mod state;
mod traffic;
mod visitor;

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

pub(crate) use accept::Media;
pub use base::{BasePath, InvalidBase};
pub use call::Call;
pub(crate) use call::{Content, single};
pub(crate) use conditions::{Preconditions, Tag};
pub(crate) use query::Query;
pub use server::serve;
pub use settings::{ApiSettings, Limits};
pub use state::{AppState, ReadinessCheck};
pub(crate) use traffic::OpenStream;

use crate::problems::Refusal;

/// How long a browser may go by what it was allowed once: what Chromium keeps at most.
const PREFLIGHT_KEPT: Duration = Duration::from_secs(7200);

/// The whole interface.
pub fn router(state: AppState) -> Router {
    let mut router = Router::new();
    for route in crate::v1::routes() {
        router = router.route(&route.path, route.handler);
    }
    for (path, handler) in crate::openapi::pages() {
        router = router.route(path, handler);
    }
    router = router.fallback(unknown_route).method_not_allowed_fallback(method_not_allowed);
    if let Some(cors) = cors(&state.settings().cors_origins) {
        router = router.layer(cors);
    }
    let base = state.settings().base_path.clone();
    let router =
        router.layer(axum::middleware::from_fn_with_state(state.clone(), edge::edge)).with_state(state);
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
        headers::OPERATION_LOCATION,
        header::RETRY_AFTER,
        header::ETAG,
        header::CONTENT_LOCATION,
        header::LINK,
        headers::PREFERENCE_APPLIED,
        headers::IDEMPOTENCY_REPLAYED,
        headers::X_REQUEST_ID,
    ];
    let taken = [
        header::ACCEPT,
        header::AUTHORIZATION,
        header::CONTENT_ENCODING,
        header::CONTENT_TYPE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        headers::IDEMPOTENCY_KEY,
        headers::PREFER,
        headers::LAST_EVENT_ID,
        headers::X_REQUEST_ID,
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
