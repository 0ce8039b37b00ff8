//! Serves the document.

use axum::body::Bytes;
use serde_json::json;

use crate::http::{BasePath, Call, answer};
use crate::openapi::{self, Answer, Operation, Parameter, Route, Schemas};
use crate::problems::Refusal;

/// The document as clients below `base` see it, and its tag.
fn written(document: &[u8], base: &BasePath) -> (Bytes, String) {
    // Before its last character, which ends the object.
    let open = &document[..document.len().saturating_sub(1)];
    let text = [open, br#","servers":"#, openapi::servers(base).to_string().as_bytes(), b"}"].concat();
    // Weak, so that it may be sent compressed.
    let tag = format!("W/\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(&text));
    (Bytes::from(text), tag)
}

pub(super) fn route() -> Route {
    let example = json!({ "openapi": "3.1.0", "info": { "title": "Wilco" } });
    let shape = move |_: &mut Schemas| json!({ "type": "object", "additionalProperties": true, "examples": [example] });
    Route::get(
        "/openapi.json",
        |call: Call| async move {
            call.query(&[])?;
            call.accepts_json()?;
            let (text, tag) = written(call.state.document(), &call.base());
            Ok::<_, Refusal>(answer::tagged(call.headers(), &tag, text))
        },
        Operation::new("Operations", "getOpenApi", "This document")
            .describe("The same for as long as the server runs.")
            .takes([Parameter::if_none_match()])
            .answers(Answer::new(200, "OpenAPI 3.1.").carrying(&["ETag"]).shaped("application/json", shape))
            .answers(Answer::new(304, "It is still what the client has.").carrying(&["ETag"]))
            .reads(&[]),
    )
}
