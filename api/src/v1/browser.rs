//! The API browser, and the way to it: for people, and so not in the document.

use std::collections::HashMap;
use std::io::{Cursor, Read as _};
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

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

/// A file of the browser.
struct File {
    content_type: HeaderValue,
    bytes: Bytes,
    /// Weak, so that it may be sent compressed.
    tag: String,
}

/// The files by their names: those of Swagger UI that its page needs, unpacked when the first of them is asked for, and
/// the page.
static FILES: LazyLock<HashMap<&'static str, File>> = LazyLock::new(|| {
    let own = [
        ("index.html", HTML, include_str!("browser/index.html")),
        ("start.js", JAVASCRIPT, include_str!("browser/start.js")),
    ];
    let own = own.map(|(name, content_type, text)| (name, content_type, text.as_bytes().to_vec()));
    let theirs = [
        ("swagger-ui-bundle.js", JAVASCRIPT),
        ("swagger-ui.css", CSS),
        ("index.css", CSS),
        ("favicon-32x32.png", PNG),
    ];
    let theirs = unpacked(&theirs).unwrap_or_else(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "the API browser cannot be unpacked");
        Vec::new()
    });
    let file = |(name, content_type, bytes): (_, _, Vec<u8>)| {
        let tag = format!("W/\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(&bytes));
        (name, File { content_type: HeaderValue::from_static(content_type), bytes: bytes.into(), tag })
    };
    theirs.into_iter().chain(own).map(file).collect()
});

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const PNG: &str = "image/png";

type Unpacked = Vec<(&'static str, &'static str, Vec<u8>)>;

fn unpacked(wanted: &[(&'static str, &'static str)]) -> Result<Unpacked, zip::result::ZipError> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let folder = archive.name_for_index(0).transpose()?.unwrap_or_default().into_owned();
    let mut unpack = |&(name, content_type): &(&'static str, &'static str)| {
        let mut bytes = Vec::new();
        archive.by_name(&format!("{folder}dist/{name}"))?.read_to_end(&mut bytes)?;
        Ok((name, content_type, bytes))
    };
    wanted.iter().map(&mut unpack).collect()
}

async fn docs(call: Call) -> Result<Response, Refusal> {
    let Some(name) = call.path().strip_prefix("/docs/") else {
        let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
        answer::set(response.headers_mut(), header::LOCATION, call.base().path("/docs/".to_owned()));
        return Ok(response);
    };
    let name = if name.is_empty() { "index.html" } else { name };
    let file = FILES.get(name).ok_or_else(|| Refusal::not_found("the API browser has no such file"))?;
    let mut response = answer::tagged(call.headers(), &file.tag, file.bytes.clone());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, file.content_type.clone());
    headers.insert(header::CONTENT_SECURITY_POLICY, DOCS_POLICY);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    Ok(response)
}
