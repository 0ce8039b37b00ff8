//! The server: connections, limits, the router, and what every answer has in common.
//!
//! | module | holds |
//! | --- | --- |
//! | [`serve`] | the accept loop, connections and their limits, the soft end |
//! | `framing` | refuses requests that two servers may read differently, before they are parsed |
//! | `edge` | the layer around every route: request id, problems, security headers, counting |
//! | `call` | a request as handlers see it |
//! | `accept`, `headers`, `query`, `json` | how its parts are read |
//! | `answer` | how answers are written |

mod accept;
pub(crate) mod answer;
mod call;
mod edge;
mod framing;
pub(crate) mod headers;
pub(crate) mod json;
mod query;
mod server;
mod settings;
mod state;
mod traffic;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

pub(crate) use accept::Media;
pub use call::Call;
pub(crate) use call::{Content, single};
pub(crate) use query::Query;
pub use server::serve;
pub use settings::{ApiSettings, Limits};
pub use state::{AppState, ReadinessCheck};
pub(crate) use traffic::OpenStream;

use crate::problems::Refusal;

/// The whole interface.
pub fn router(state: AppState) -> Router {
    let mut router = Router::new();
    for route in crate::v1::routes() {
        router = router.route(&route.path, route.handler);
    }
    router = router.fallback(unknown_route).method_not_allowed_fallback(method_not_allowed);
    if let Some(cors) = cors(&state.settings().cors_origins) {
        router = router.layer(cors);
    }
    router.layer(axum::middleware::from_fn_with_state(state.clone(), edge::edge)).with_state(state)
}

async fn unknown_route() -> Refusal {
    Refusal::new("unknown-route", StatusCode::NOT_FOUND, "there is nothing at this path")
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
        header::LINK,
        headers::PREFERENCE_APPLIED,
        headers::IDEMPOTENCY_REPLAYED,
        headers::X_REQUEST_ID,
    ];
    let taken = [
        header::ACCEPT,
        header::CONTENT_TYPE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        headers::IDEMPOTENCY_KEY,
        headers::PREFER,
        headers::CALLBACK_URL,
        headers::LAST_EVENT_ID,
        headers::X_REQUEST_ID,
        HeaderName::from_static("traceparent"),
    ];
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(taken)
        .expose_headers(exposed);
    Some(cors)
}
