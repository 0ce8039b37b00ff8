//! The API browser, and the way to it: for people, and so not in the document.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use utoipa_swagger_ui::Config;

use crate::http::{AppState, Call, Media, answer};
use crate::problems::Refusal;

/// Where it is.
pub(crate) fn pages() -> Vec<(&'static str, MethodRouter<AppState>)> {
    vec![("/", get(front)), ("/docs", get(docs)), ("/docs/", get(docs)), ("/docs/{*file}", get(docs))]
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

/// What the library calls its page.
const ITS_TITLE: &str = "<title>Swagger UI</title>";
/// What it is called here.
const OUR_TITLE: &str = "<title>Wilco</title>";

async fn docs(call: Call) -> Result<Response, Refusal> {
    let Some(file) = call.path().strip_prefix("/docs/") else {
        let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
        answer::set(response.headers_mut(), header::LOCATION, call.base().path("/docs/".to_owned()));
        return Ok(response);
    };
    // Seen from the page, so that it holds below any base. The base layout has no field for another document.
    let config = Config::from("../openapi.json").try_it_out_enabled(true).use_base_layout();
    let found = utoipa_swagger_ui::serve(file, Arc::new(config)).map_err(|error| {
        tracing::error!(error = &*error, "a file of the API browser could not be made");
        Refusal::internal()
    })?;
    let Some(file) = found else { return Err(Refusal::not_found("the API browser has no such file")) };
    let bytes = match std::str::from_utf8(&file.bytes) {
        Ok(text) if text.contains(ITS_TITLE) => text.replacen(ITS_TITLE, OUR_TITLE, 1).into_bytes(),
        _ => file.bytes.into_owned(),
    };
    // Weak, so that it may be sent compressed.
    let tag = format!("W/\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(&bytes));
    let mut response = answer::tagged(call.headers(), &tag, Bytes::from(bytes));
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::try_from(file.content_type) {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, DOCS_POLICY);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    Ok(response)
}
