//! Serves the document, and the browser for it.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use utoipa_swagger_ui::Config;

use super::{Answer, Operation, Parameter, Route, document};
use crate::http::{AppState, BasePath, Call, Media, answer};
use crate::problems::Refusal;

const TAG: &str = "Documentation";

/// The document, and the explanations of problems.
pub(crate) fn routes() -> Vec<Route> {
    vec![openapi(), problem()]
}

/// The API browser, and the way to it: for people, and so not in the document.
pub(crate) fn pages() -> Vec<(&'static str, MethodRouter<AppState>)> {
    vec![("/", get(front)), ("/docs", get(docs)), ("/docs/", get(docs)), ("/docs/{*file}", get(docs))]
}

/// Written once for each base, at the first request for it: there is one, unless proxies say others.
static WRITTEN: std::sync::LazyLock<(Bytes, String)> =
    std::sync::LazyLock::new(|| written(&BasePath::default()));

fn written(base: &BasePath) -> (Bytes, String) {
    let text = serde_json::to_vec(&document(base)).unwrap_or_default();
    // Weak, so that it may be sent compressed.
    let tag = format!("W/\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(&text));
    (Bytes::from(text), tag)
}

fn openapi() -> Route {
    let shape = |_: &mut super::Schemas| serde_json::json!({ "type": "object" });
    Route::get(
        "/openapi.json",
        |call: Call| async move {
            call.query(&[])?;
            call.accepts_json()?;
            let base = call.base();
            let (text, tag) = if base.as_str().is_empty() { WRITTEN.clone() } else { written(&base) };
            Ok::<_, Refusal>(answer::tagged(call.headers(), &tag, text))
        },
        Operation::new(TAG, "openapi", "This document")
            .takes([Parameter::if_none_match()])
            .answers(Answer::new(200, "OpenAPI 3.1.").carrying(&["ETag"]).shaped("application/json", shape))
            .answers(Answer::new(304, "It is still what the client has.").carrying(&["ETag"]))
            .refuses(&[400, 406]),
    )
}

/// Leads people to the API browser. Programs are told that there is nothing here.
async fn front(call: Call) -> Result<Response, Refusal> {
    if call.accept(&[Media::Json, Media::Html]).ok() != Some(Media::Html) {
        return Err(Refusal::unknown_route());
    }
    let mut response = StatusCode::SEE_OTHER.into_response();
    answer::set(response.headers_mut(), header::LOCATION, call.base().path("/docs/".to_owned()));
    Ok(answer::varies(response, "accept"))
}

/// What the browser's pages may do: their own scripts and files, and the styles and images that it makes itself.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
);

async fn docs(call: Call) -> Result<Response, Refusal> {
    let Some(file) = call.path().strip_prefix("/docs/") else {
        let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
        answer::set(response.headers_mut(), header::LOCATION, call.base().path("/docs/".to_owned()));
        return Ok(response);
    };
    // Seen from the page, so that it holds below any base.
    let config = Config::from("../openapi.json").try_it_out_enabled(true);
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
