//! Serves the document.

use std::sync::LazyLock;

use axum::body::Bytes;
use serde_json::json;

use super::{Answer, Operation, Parameter, Route, everywhere, servers};
use crate::http::{BasePath, Call, Media, answer};
use crate::problems::{Explanation, Refusal};

const TAG: &str = "Operations";

/// The document, and the explanations of problems.
pub(crate) fn routes() -> Vec<Route> {
    vec![openapi(), problem()]
}

/// The document up to its last member, which is the servers: that one differs with the base. Made once.
static WRITTEN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut text = serde_json::to_vec(&everywhere()).unwrap_or_default();
    text.pop();
    text
});

/// The document as clients below `base` see it, and its tag.
fn written(base: &BasePath) -> (Bytes, String) {
    let text = [&WRITTEN[..], br#","servers":"#, servers(base).to_string().as_bytes(), b"}"].concat();
    // Weak, so that it may be sent compressed.
    let tag = format!("W/\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(&text));
    (Bytes::from(text), tag)
}

fn openapi() -> Route {
    let example = json!({ "openapi": "3.1.0", "info": { "title": "Wilco" } });
    let shape = move |_: &mut super::Schemas| json!({ "type": "object", "additionalProperties": true, "examples": [example] });
    Route::get(
        "/openapi.json",
        |call: Call| async move {
            call.query(&[])?;
            call.accepts_json()?;
            let (text, tag) = written(&call.base());
            Ok::<_, Refusal>(answer::tagged(call.headers(), &tag, text))
        },
        Operation::new(TAG, "getOpenApi", "This document")
            .describe("The same for as long as the server runs.")
            .takes([Parameter::if_none_match()])
            .answers(Answer::new(200, "OpenAPI 3.1.").carrying(&["ETag"]).shaped("application/json", shape))
            .answers(Answer::new(304, "It is still what the client has.").carrying(&["ETag"]))
            .reads(&[]),
    )
}

fn problem() -> Route {
    let schema = json!({ "type": "string", "pattern": "^[a-z-]+$" });
    let slug = Parameter::path("slug", "The last segment of a problem's `type`.", schema, json!("pet-sold"));
    Route::get(
        "/problems/{slug}",
        crate::problems::explain,
        Operation::new(TAG, "explainProblem", "What a problem means, and what to do about it")
            .describe("As a page for people, and as JSON for programs.")
            .takes([slug])
            .answers(
                Answer::new(200, "The explanation.")
                    .text(Media::Html.name(), "<!doctype html>…")
                    .json::<Explanation>(),
            )
            .reads(&["not-found"]),
    )
}
