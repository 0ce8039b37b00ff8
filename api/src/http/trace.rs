//! The span of a request. It costs next to nothing while nobody collects spans.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use opentelemetry::propagation::Extractor;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use wilco_application::names::SPANS;

/// The span of a request to this route, a child of the client's.
pub(super) fn span(request: &Request, route: &str) -> Span {
    let span = tracing::trace_span!(
        target: SPANS,
        "request",
        otel.name = Empty,
        otel.kind = "server",
        http.request.method = request.method().as_str(),
        http.route = route,
        url.path = request.uri().path(),
        http.response.status_code = Empty,
        otel.status_code = Empty,
    );
    if !span.is_disabled() {
        span.record("otel.name", format!("{} {route}", request.method()));
        let client = opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.extract(&Headers(request.headers()))
        });
        // Refused only by spans that nobody collects.
        let _ = span.set_parent(client);
    }
    span
}

/// Says how the request was answered.
pub(super) fn answered(span: &Span, response: &Response) {
    if !span.is_disabled() {
        span.record("http.response.status_code", response.status().as_u16());
        if response.status().is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}
