//! Serves the document, and the browser for it.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_swagger_ui::Config;

use super::{Answer, Operation, Parameter, Route, document};
use crate::http::{Call, Media, answer};
use crate::problems::Refusal;

const TAG: &str = "Documentation";

/// The document, `/docs`, and the explanations of problems.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        openapi(),
        page("/docs", "docs", "The API browser"),
        page("/docs/", "docsIndex", "The API browser"),
        page("/docs/{*file}", "docsFile", "A file of the API browser"),
        problem(),
    ]
}

/// Written once, at the first request for it.
static WRITTEN: std::sync::LazyLock<(Bytes, String)> = std::sync::LazyLock::new(|| {
    let text = serde_json::to_vec(&document()).unwrap_or_default();
    let tag = format!("\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(&text));
    (Bytes::from(text), tag)
});

fn openapi() -> Route {
    let shape = |_: &mut super::Schemas| serde_json::json!({ "type": "object" });
    Route::get(
        "/openapi.json",
        |call: Call| async move {
            call.query(&[])?;
            call.accepts_json()?;
            let (text, tag) = &*WRITTEN;
            Ok::<_, Refusal>(answer::tagged(call.headers(), tag, text.clone()))
        },
        Operation::new(TAG, "openapi", "This document")
            .takes([Parameter::if_none_match()])
            .answers(Answer::new(200, "OpenAPI 3.1.").carrying(&["ETag"]).shaped("application/json", shape))
            .answers(Answer::new(304, "It is still what the client has.").carrying(&["ETag"]))
            .refuses(&[400, 406]),
    )
}

fn page(path: &'static str, id: &'static str, summary: &'static str) -> Route {
    let mut operation = Operation::new(TAG, id, summary);
    if path.ends_with('}') {
        let schema = serde_json::json!({ "type": "string" });
        operation = operation.takes([Parameter::path("file", "Its name.", schema)]);
    }
    let operation = if path == "/docs" {
        operation.answers(Answer::new(308, "It is at /docs/.").carrying(&["Location"]))
    } else {
        operation.answers(Answer::new(200, "The file.").text("text/html")).refuses(&[404])
    };
    Route { method: axum::http::Method::GET, path: path.to_owned(), handler: get(docs), operation }
}

/// What the browser's pages may do: their own scripts and files, and the styles and images that it makes itself.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
);

async fn docs(call: Call) -> Result<Response, Refusal> {
    let Some(file) = call.path().strip_prefix("/docs/") else {
        let to = HeaderValue::from_static("/docs/");
        return Ok((StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, to)]).into_response());
    };
    let config = Config::from("/openapi.json").try_it_out_enabled(true);
    let found = utoipa_swagger_ui::serve(file, Arc::new(config)).map_err(|error| {
        tracing::error!(error = &*error, "a file of the API browser could not be made");
        Refusal::internal()
    })?;
    let Some(file) = found else { return Err(Refusal::not_found("the API browser has no such file")) };
    let mut response = Body::from(file.bytes.into_owned()).into_response();
    if let Ok(content_type) = HeaderValue::try_from(file.content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, DOCS_POLICY);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    Ok(response)
}

fn problem() -> Route {
    let slug = Parameter::path(
        "slug",
        "The last segment of a problem's `type`.",
        serde_json::json!({ "type": "string" }),
    );
    Route::get(
        "/problems/{slug}",
        crate::problems::explain,
        Operation::new(TAG, "explainProblem", "What a problem means, and what to do about it")
            .takes([slug])
            .answers(
                Answer::new(200, "The explanation.")
                    .text(Media::Html.name())
                    .json::<crate::problems::Explanation>(),
            )
            .refuses(&[400, 404, 406]),
    )
}
