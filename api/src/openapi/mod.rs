//! The OpenAPI document, made of the routes: what is documented is what is served.
//!
//! | module | holds |
//! | --- | --- |
//! | `operation`, `parameter`, `answer` | what is said of a route, beside the route |
//! | `schemas`, `examples` | the schemas of the types named there, and instances of them |
//! | `components` | what is said once and referred to |

mod answer;
mod components;
mod examples;
mod operation;
mod parameter;
mod schemas;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use answer::Answer;
pub use operation::{Operation, Route};
pub use parameter::Parameter;
pub(crate) use parameter::{AGGREGATE_ID, HTTP_URL};
pub use schemas::Schemas;

use crate::Name;
use crate::http::BasePath;
use crate::problems::{Catalogue, Slug};
use components::Components;
use operation::Body;

/// What a document is made of.
pub(crate) struct Contents<'a> {
    pub(crate) routes: &'a [Route],
    /// What the routes of the aggregates are listed under, with a sentence on each.
    pub(crate) name: Name,
    pub(crate) tags: Vec<(&'a str, &'a str)>,
    /// The slugs of the problems that a command may fail with by the rules of its aggregate.
    pub(crate) failures: &'a [Slug],
    /// What explains the problems.
    pub(crate) problems: &'a Catalogue,
    /// The schemas that are more than their types say.
    pub(crate) schemas: Schemas,
}

/// The document, but for its [servers].
pub(crate) fn document(contents: Contents<'_>) -> Value {
    let mut components = Components::new(contents.schemas, contents.failures, contents.problems);
    let paths = paths(contents.routes, &mut components);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": contents.name.title(),
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Commands in, events out.",
            "description": DESCRIPTION,
            "contact": { "name": contents.name.title() },
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "security": [],
        "tags": tags(contents.tags),
        "components": components.written(&paths),
        "paths": paths,
    })
}

/// Where a server that clients see below `base` is found: the one member that differs with that.
pub(crate) fn servers(base: &BasePath) -> Value {
    let here = if base.as_str().is_empty() { "/" } else { base.as_str() };
    json!([
        { "url": here, "description": "Where this document is from." },
        { "url": "http://127.0.0.1:8080", "description": "A server on this machine, as it listens by default." },
    ])
}

const DESCRIPTION: &str = "Commands are accepted durably with 202 and settled later. The answer's `Location` is the \
    command's status: poll it after `Retry-After`, wait for it with `Prefer: wait=N`, or stream it with \
    `Accept: text/event-stream`. An `Idempotency-Key` makes it safe to send a request again.\n\n\
    Every refusal is a problem (RFC 9457), also those that are the same everywhere and so not repeated below: 404 \
    `unknown-route`, 405 `method-not-allowed` (with `Allow`), 408 `request-timeout`, 431 \
    `header-fields-too-large`, and 400 `malformed-http` and 505 `http-version-not-supported` for what is not \
    HTTP/1.1.";

/// What the operations are listed under, in this order.
fn tags(own: Vec<(&str, &str)>) -> Value {
    let others = [
        ("Commands", "Commands of any type: making, following, listing, taking back and retrying them."),
        ("Processes", "Work of several steps: how it stands, and what is done when it stands still."),
        ("Hooks", "What third parties tell by themselves."),
        ("Feed", "Every event and every outcome, in order."),
        ("Operations", "Probes, metrics, and the interface's description of itself."),
    ];
    let all = own.into_iter().chain(others);
    all.map(|(name, description)| json!({ "name": name, "description": description })).collect()
}

fn paths(routes: &[Route], components: &mut Components<'_>) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let item = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = operation(&route.operation, components);
    }
    paths.into()
}

fn operation(operation: &Operation, components: &mut Components<'_>) -> Value {
    let mut value = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "responses": {},
    });
    if !operation.parameters.is_empty() {
        let parameters = operation.parameters.iter();
        value["parameters"] = parameters.map(|parameter| components.parameter(parameter)).collect();
    }
    if let Some(body) = &operation.body {
        value["requestBody"] = self::body(body, &mut components.schemas);
    }
    for answer in &operation.answers {
        value["responses"][answer.status.as_str()] = components.answer(answer);
    }
    let mut problems: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for slug in &operation.problems {
        let status = components.problems.find(slug).map_or(500, |entry| entry.status);
        problems.entry(status).or_default().push(&**slug);
    }
    for (status, slugs) in problems {
        let code = axum::http::StatusCode::from_u16(status).unwrap_or_default();
        value["responses"][code.as_str()] = components.refusal(code, &slugs);
    }
    value
}

fn body(body: &Body, schemas: &mut Schemas) -> Value {
    let schema = (body.shape)(schemas);
    let mut content = json!({ "schema": schema });
    if body.examples.is_empty() {
        content["example"] = schemas.example(&schema);
    } else {
        let examples = body.examples.iter();
        content["examples"] =
            examples.map(|(name, value)| (name.clone(), json!({ "value": value }))).collect();
    }
    json!({ "required": body.required, "content": { body.media: content } })
}

/// An instance of a schema without references.
pub(crate) fn example(schema: &Value) -> Value {
    examples::of(schema, &|_| None)
}

/// `pet.create`, `pet-sold` and `pet` are `PetCreate`, `PetSold` and `Pet`.
pub(crate) fn pascal(name: &str) -> String {
    name.split(['.', '_', '-']).fold(String::new(), |mut all, word| {
        let mut chars = word.chars();
        all.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        all.push_str(chars.as_str());
        all
    })
}

/// Names in the document that stand for two things.
#[cfg(test)]
pub(crate) fn clashes(contents: Contents<'_>) -> Vec<String> {
    let mut components = Components::new(contents.schemas, contents.failures, contents.problems);
    paths(contents.routes, &mut components);
    let mut clashes = components.clashes;
    clashes.extend(components.schemas.clashes());
    clashes
}
